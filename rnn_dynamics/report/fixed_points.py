"""The fixed points of a network as a table, figures and the saved result."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from torch import Tensor

from ..certificates import Certificates
from ..files import replacing
from ..fixed_points import FixedPoints, SlowPoints
from ..store import save
from .certificates import proof_words

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MOST_ROWS, _MOST_SLOW = 60, 12


def print_report(points: FixedPoints, console: Console, proof: Certificates | None = None) -> None:
    """The table of fixed points, with what is proved of each, the completeness check, and what became of the others."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("#", justify="right")
    table.add_column("kind", no_wrap=True)
    for heading in ("radius", "unstable", "tau/steps", "residual", "share"):
        table.add_column(heading, justify="right")
    table.add_column("found from", no_wrap=True)
    if proof is not None:
        table.add_column("proved", no_wrap=True)
    rows = _rows(points, proof)
    for number, cells in rows.head(_MOST_ROWS).to_dict(orient="index").items():
        table.add_row(
            str(number),
            cells["kind"],
            f"{cells['spectral_radius']:.4f}",
            str(cells["n_unstable"]),
            f"{cells['time_constant']:.1f}",
            f"{cells['residual']:.0e}",
            f"{cells['share']:.1%}",
            cells["origin"],
            *([] if proof is None else [cells["proved"]]),
        )
    console.print(points.summary(), style="bold", soft_wrap=True)
    console.print(table)
    if len(rows) > _MOST_ROWS:
        console.print(f"... and {len(rows) - _MOST_ROWS} more, in the saved result")
    if len(points.slow):
        console.print(_slow_table(points.slow))
    check = points.completeness
    searched = sum(round_.starts for round_ in check.rounds)
    console.print(
        "radius: largest |eigenvalue|; unstable: directions; tau: steps to shrink (or, negative, to grow) by e; "
        "share: of the given starts",
        style="dim",
    )
    lines = [f"Completeness: {check.verdict}"]
    if check.index_sum is not None:
        lines.append(f"  it applies because {check.reason}")
    lines.append(f"  {searched:,} starts in all, {len(points.labels):,} of them given")
    console.print("\n".join([*lines, *(f"  {line}" for line in points.advice)]), markup=False, soft_wrap=True)


def _rows(points: FixedPoints, proof: Certificates | None) -> "pd.DataFrame":
    rows = points.to_pandas()
    return rows if proof is None else rows.assign(proved=proof_words(proof))


def _slow_table(slow: SlowPoints) -> Table:
    table = Table(
        title=f"{slow.summary()} (kinds are of the linearisation there)",
        box=SIMPLE_HEAD,
        header_style="bold",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("#", justify="right")
    table.add_column("kind", no_wrap=True)
    for heading in ("speed", "unstable", "tau/steps", "starts"):
        table.add_column(heading, justify="right")
    for number, cells in slow.to_pandas().head(_MOST_SLOW).to_dict(orient="index").items():
        table.add_row(
            str(number),
            cells["linearisation"],
            f"{cells['speed']:.1e}",
            str(cells["n_unstable"]),
            f"{cells['time_constant']:.1f}",
            str(cells["hits"]),
        )
    return table


def write_report(
    points: FixedPoints,
    trajectories: Tensor,
    folder: Path,
    name: str = "fixed_points",
    proof: Certificates | None = None,
) -> list[Path]:
    """Write the saved result, the table (CSV) and the figures (PDF and PNG) into ``folder``; returns the files.

    With a proof, the table says what is proved, and figures mark it.
    """
    files = [save(points, folder / f"{name}.safetensors")]
    files.append(folder / f"{name}.csv")
    with replacing(files[-1]) as temporary:
        _rows(points, proof).to_csv(temporary, index_label="row")
    if not len(points) and not points.continua and not len(points.slow):
        return files
    import matplotlib.pyplot as plt

    from ..plotting import figure, plot_fixed_points, plot_spectrum, save_figure

    def draw(stem: str, plot: "Callable[[Axes], Axes]", projection: str | None = None) -> None:
        drawing, ax = figure(projection=projection)
        plot(ax)
        files.extend(save_figure(drawing, folder / f"{name}_{stem}"))
        plt.close(drawing)

    if points.states.shape[-1] > 1:
        draw("2d", lambda ax: plot_fixed_points(points, trajectories, ax, certificates=proof))
    if points.states.shape[-1] > 2:
        draw("3d", lambda ax: plot_fixed_points(points, trajectories, ax, dimensions=3, certificates=proof), "3d")
    if len(points):
        draw("spectrum", lambda ax: plot_spectrum(points, ax))
    return files
