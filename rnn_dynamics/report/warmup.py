"""What warmup made, as one page, tables, figures and saved results."""

import math
from pathlib import Path
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from torch import Tensor

from ..attractors import Attractors
from ..files import replacing
from ..multistability import Reachability
from ..planting import Planting
from ..store import save
from ..warmup import Warmup
from .figures import written

_TELLING = 2
"""Claim and truth differ, and are said to, from this factor on."""


class Measure(NamedTuple):
    """A network before or after warmup: what it reaches, and VAA* of the same states."""

    reach: Reachability
    soft_vaas: Tensor
    """Of each layer's part of the states, moved ``soft_horizon`` steps with the whole network, [layers]."""
    soft_horizon: int

    @property
    def found(self) -> Attractors:
        """What the states settle on."""
        return self.reach.attractors[0]

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early."""
        return self.found.interrupted


def print_warmup(before: Measure | None, after: Measure | None, console: Console) -> None:
    """Claims and truth before and after, and how far they are from each other; None for what could not be measured."""
    known = after or before
    if known is None:
        return
    reach, layers = known.reach, len(known.soft_vaas)
    held = reach.inputs[0].tolist()
    shown = ", ".join(f"{x:.4g}" for x in held[:6]) + (", ..." if len(held) > 6 else "")
    console.print(f"{reach.n} states, held input [{shown}], before and after", soft_wrap=True, markup=False)
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for heading in ("before", "after"):
        table.add_column(heading, justify="right")
    mean = f"mean over {layers} layers, " if layers > 1 else ""
    rows = {
        f"VAA* ({mean}M = {known.soft_horizon})": lambda m: _number(float(m.soft_vaas.mean())),
        f"published VAA after {int(reach.horizons[-1]):,} steps": lambda m: _number(m.reach.vaa),
        "n VAA: attractors it stands for": lambda m: _number(m.reach.claimed),
        "attractors really reached": lambda m: _by_kind(m.found) or "none",
        "starts settled / slow / diverged": lambda m: _fates(m.found),
        "leading exponent per step": _exponent,
    }
    for name, cell in rows.items():
        table.add_row(name, *("-" if measure is None else cell(measure) for measure in (before, after)))
    console.print(table)
    if after is not None:
        if not after.interrupted and (sentence := _contradiction(after)):
            console.print(sentence, style="bold", soft_wrap=True, markup=False)
        lines = [f"After: {after.found.verdict}", *after.found.advice]
        console.print("\n".join(lines), soft_wrap=True, markup=False)
    console.print(
        f"VAA*: of each layer's states, which the whole network moved {known.soft_horizon} steps under the held input "
        "(warmup moves each layer alone); exponent: Lyapunov's, 0 on a circle, positive in chaos",
        style="dim",
        markup=False,
    )


def _contradiction(measure: Measure) -> str:
    """What the published number stands for and what is there, if they are a factor apart."""
    claimed, count = measure.reach.claimed, len(measure.found)
    if not math.isfinite(claimed):
        return "VAA has no value: states left every bound."
    if count and 1 / _TELLING < claimed / count < _TELLING:
        return ""
    number = f"{claimed:.3g}"
    text = f"VAA stands for {number} attractor{'s' * (number != '1')}; "
    if not count:
        return text + f"no start settled on any ({_fates(measure.found, words=True)})."
    unsettled = int((~measure.found.settled).sum())
    others = f", and {unsettled} of {measure.reach.n} starts did not settle" if unsettled else ""
    return text + f"there {'is' if count == 1 else 'are'} {_by_kind(measure.found)}{others}."


def _by_kind(found: Attractors) -> str:
    return ", ".join(f"{number} {kind.named(number)}" for kind, number in found.counts.items())


def _fates(found: Attractors, words: bool = False) -> str:
    """How many starts settled, are slow, diverged; and unfinished, if any are."""
    numbers = {name: found.outcomes.count(name) for name in ("settled", "slow", "diverged", "unfinished")}
    if words:
        return ", ".join(f"{number} {name}" for name, number in numbers.items() if number)
    text = " / ".join(str(numbers[name]) for name in ("settled", "slow", "diverged"))
    return text + (f" ({numbers['unfinished']} unfinished)" if numbers["unfinished"] else "")


def _exponent(measure: Measure) -> str:
    values = measure.found.largest_exponents
    return f"{float(values.max()):.2g}" if len(values) else "-"


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "not finite"


def write_history(warmup: Warmup, folder: Path) -> list[Path]:
    """Write the saved history, its table (CSV) and its figure (PDF and PNG) into ``folder``; returns the files."""
    from ..plotting import plot_warmup

    files = [save(warmup, folder / "warmup.safetensors"), folder / "warmup.csv"]
    with replacing(files[-1]) as temporary:
        warmup.to_pandas().to_csv(temporary, index_label="update")
    return files + written(plot_warmup(warmup), folder / "warmup")


def write_planting(planting: Planting, folder: Path) -> list[Path]:
    """Write what was planted and its table (CSV), a row for each block, into ``folder``; returns the files."""
    files = [save(planting, folder / "planting.safetensors"), folder / "planting.csv"]
    with replacing(files[-1]) as temporary:
        planting.to_pandas().to_csv(temporary, index_label="block")
    return files


def write_outcome(before: Reachability, after: Reachability, folder: Path) -> list[Path]:
    """Write the figure of what warmup made (PDF and PNG) into ``folder``; returns the files."""
    from ..plotting import plot_warmup_outcome

    return written(plot_warmup_outcome(before, after), folder / "outcome")
