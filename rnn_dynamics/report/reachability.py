"""What inputs reach, as one screen, tables, figures and the saved result."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from torch import Tensor

from ..attractors import Attractors
from ..certificates import ProvedReach
from ..files import replacing
from ..multistability import Reachability
from ..store import save
from .certificates import proof_words
from .figures import written

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 20
_WIDE = 110
"""Columns of a terminal that hold the whole table."""


def print_reachability(reach: Reachability, console: Console, proof: ProvedReach | None = None) -> None:
    """What the published measure claims, what is there, with what is proved of it, and how either is known."""
    for row, (held, found) in enumerate(zip(reach.inputs.tolist(), reach.attractors, strict=False)):
        shown = ", ".join(f"{x:.4g}" for x in held[:6]) + (", ..." if len(held) > 6 else "")
        console.print(f"\nHeld input [{shown}]", style="bold", markup=False)
        _print_claim(reach, row, console)
        console.print(f"Is there   {found.summary()}", style="bold", soft_wrap=True, markup=False)
        if len(found):
            console.print(_attractor_table(found, _words(proof, row, found), wide=console.width >= _WIDE))
        numbers = reach.diversities[row]
        lines = [f"  of all basins {numbers.coverage:.1%} seen, {numbers.unseen:.1f} further attractors expected; "]
        lines[0] += f"as diverse as {numbers.effective_number:.2f} equally large basins"
        lines += [f"  {line}" for line in (found.verdict, *found.advice)]
        console.print("\n".join(lines), soft_wrap=True, markup=False)
    console.print(
        "\nexponent: largest Lyapunov exponent per step, 0 on a circle, positive in chaos; D: Kaplan-Yorke dimension; "
        "share: of the starts, with Wilson's 95 % interval; margin: by what factor tolerances could move",
        style="dim",
    )


def _print_claim(reach: Reachability, row: int, console: Console) -> None:
    values = reach.vaas[row].tolist()
    claimed = reach.n * values[-1]
    text = f"VAA {values[-1]:.3g} after {int(reach.horizons[-1]):,} steps, n = {reach.n}"
    layers = reach.layer_vaas[row, :, -1].tolist()
    text += f" (layers {', '.join(f'{value:.3g}' for value in layers)})" if len(layers) > 1 else ""
    console.print(f"Published  {text}: stands for {claimed:.3g} attractors", style="bold", soft_wrap=True, markup=False)
    table = Table(box=SIMPLE_HEAD, header_style="dim", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("steps")
    for horizon in reach.horizons.tolist():
        table.add_column(f"{horizon:,}", justify="right")
    table.add_row("n VAA", *(f"{reach.n * value:.3g}" for value in values))
    console.print(table)


def _words(proof: ProvedReach | None, row: int, found: Attractors) -> list[str] | None:
    """What is proved of each attractor under a held input; None where no proof was asked for."""
    if proof is None:
        return None
    if row >= len(proof.certificates):
        return ["no: interrupted"] * len(found)
    part = proof.certificates[row]
    words = proof_words(part)
    return [
        "yes, reached" if word == "yes" and bool((part.reached == i).any()) else word for i, word in enumerate(words)
    ]


def _attractor_table(found: Attractors, words: list[str] | None, wide: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("#", justify="right")
    table.add_column("kind", no_wrap=True)
    for heading in ("period", "share", "95 %", "exponent", "D", "residual", "margin"):
        table.add_column(heading, justify="right", no_wrap=True)
    if words is not None:
        table.add_column("proved", no_wrap=True)
    if wide:
        table.add_column("starts matched because each", no_wrap=True)
    rows = found.to_pandas()
    for number, cells in rows.head(_MOST_ROWS).to_dict(orient="index").items():
        table.add_row(
            str(number),
            cells["kind"],
            str(cells["period"] or "-"),
            f"{cells['share']:.1%}",
            f"{100 * cells['share_low']:.1f} - {100 * cells['share_high']:.1f}",
            f"{cells['exponent']:.2g}",
            "-" if math.isnan(cells["dimension"]) else f"{cells['dimension']:.2f}",
            "-" if math.isnan(cells["residual"]) else f"{cells['residual']:.0e}",
            f"{cells['margin']:.0e}",
            *([] if words is None else [words[number]]),
            *([cells["matched"]] if wide else []),
        )
    if len(rows) > _MOST_ROWS:
        table.caption = f"... and {len(rows) - _MOST_ROWS} more, in the saved result"
    return table


def write_reachability(
    reach: Reachability, trajectories: Tensor, folder: Path, proof: ProvedReach | None = None
) -> list[Path]:
    """Write the saved result, tables (CSV) and figures (PDF and PNG) into ``folder``; returns the files.

    With a proof, the table of attractors says what is proved, and figures mark it.
    """
    from ..plotting import plot_attractors, plot_reachability

    files = [save(reach, folder / "reach.safetensors")]
    for name, table in (
        ("held_inputs", reach.to_pandas()),
        ("attractors", _attractors(reach, proof)),
    ):
        files.append(folder / f"{name}.csv")
        with replacing(files[-1]) as temporary:
            table.to_csv(temporary, index_label="row")
    files += written(plot_reachability(reach)[0], folder / "reach")
    for row, found in enumerate(reach.attractors):
        if reach.starts.shape[1] > 1:
            name = "attractors" if len(reach.inputs) == 1 else f"attractors_input{row}"
            part = proof.certificates[row] if proof is not None and row < len(proof.certificates) else None
            drawn = plot_attractors(found, trajectories, starts=reach.starts, certificates=part)
            files += written(drawn, folder / name)
    return files


def _attractors(reach: Reachability, proof: ProvedReach | None) -> "pd.DataFrame":
    """Those under all held inputs."""
    import pandas as pd

    parts = []
    for row, found in enumerate(reach.attractors):
        part, words = found.to_pandas().assign(input=row), _words(proof, row, found)
        parts.append(part if words is None else part.assign(proved=words))
    return pd.concat(parts)
