"""Cases measured one by one, each kept as soon as it is done, and the command line of the figures."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from rnn_dynamics.plotting import save_figure

from ..runs import Row, measured

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Scale:
    """How much of a figure is measured; the paper's own sizes are those of "paper"."""

    hidden: tuple[int, ...]
    layers: tuple[int, ...]
    seeds: int
    n: int = 32
    horizon: int = 10_000
    steps: int = 100
    length: int = 50


@dataclass(frozen=True)
class Case:
    """One network, before or after warmup."""

    cell: str
    hidden: int
    layers: int
    seed: int
    n: int
    horizon: int
    steps: int
    length: int


@dataclass(frozen=True)
class Plan:
    """A figure: which cases, how one is measured, and what is made of the rows."""

    name: str
    scales: dict[str, Scale]
    cells: tuple[str, ...]
    measure: Callable[[Case], list[Row]]
    draw: Callable[[list[Row]], Figure]
    caption: Callable[[list[Row], Scale], str]

    def cases(self, scale: Scale) -> list[Case]:
        """Every combination, the cheap ones first."""
        sizes = (scale.n, scale.horizon, scale.steps, scale.length)
        return [
            Case(cell, hidden, layers, seed, *sizes)
            for hidden in scale.hidden
            for layers in scale.layers
            for seed in range(scale.seeds)
            for cell in self.cells
        ]


def run(plan: Plan, arguments: list[str] | None = None) -> None:
    """The command line of one figure."""
    parser = argparse.ArgumentParser(prog=f"python -m figures.warmup.{plan.name}", description=plan.__doc__)
    parser.add_argument("--scale", choices=list(plan.scales), default="small")
    parser.add_argument("--workers", type=int, default=2, help="processes, of one thread each")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of results and figures")
    parser.add_argument(
        "--draw-only", action="store_true", help="draw what has been measured; the caption names the rest"
    )
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    scale = plan.scales[options.scale]
    path = options.out / f"{plan.name}_{options.scale}.jsonl"
    workers = 0 if options.draw_only else options.workers
    rows, missing = measured(plan.name, plan.cases(scale), plan.measure, path, workers)
    save_figure(plan.draw(rows), options.out / plan.name)
    seeds = f"{scale.seeds} seed{'s' * (scale.seeds > 1)}"
    facts = (
        f"Scale `{options.scale}`: {seeds}, n = {scale.n} states, copy task of length {scale.length}, "
        f"one held input x ~ N(0, 1) for each network, horizon {scale.horizon:,} steps."
    )
    if missing:
        facts += " Not measured: " + ", ".join(f"{c.cell}-{c.hidden}x{c.layers} (seed {c.seed})" for c in missing) + "."
    (options.out / f"{plan.name}.md").write_text(f"{plan.caption(rows, scale).strip()}\n\n{facts}\n")
