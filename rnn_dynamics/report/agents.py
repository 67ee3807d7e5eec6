"""What a training of agents made, seed by seed, as one table on the screen and one on disk."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..files import replacing
from ..tracking import TrackingHistory

if TYPE_CHECKING:
    from ..rl import AgentEvaluation, AgentTraining  # which needs Gymnasium


@dataclass(frozen=True, eq=False)
class TrainedAgent:
    """One seed of a run: its history, how its best weights do in mazes of several lengths, and its attractors."""

    training: "AgentTraining"
    evaluation: "AgentEvaluation"
    tracking: TrackingHistory | None

    def to_row(self) -> dict[str, Any]:
        """The numbers of the table on disk."""
        run, tested, history = self.training, self.evaluation, self.tracking
        solved = (run.optimal_fractions == 1).nonzero()
        row: dict[str, Any] = {
            "seed": run.seed,
            "status": run.status,
            "episodes": len(run.returns),
            "updates": len(run.losses),
            "evaluated_return": float(run.evaluated_returns[run.best]) if run.best >= 0 else math.nan,
            "optimal_return": run.optimal_return,
            "solved": run.solved,
            "first_solved": int(run.episodes[int(solved[0])]) if len(solved) else -1,
        }
        for length, reached, best in zip(
            tested.lengths.tolist(), tested.discounted_returns.tolist(), tested.optimum.tolist(), strict=True
        ):
            row |= {f"return_{length}": reached, f"optimum_{length}": best}
        assert tested.optimal is not None  # the mazes draw nothing
        row["optimal_at"] = " ".join(map(str, tested.lengths[tested.optimal].tolist()))
        if history is not None and len(history):
            first, last = history.observations[0], history.observations[-1]
            row |= {
                "n": first.n,
                "horizon": first.horizon,
                "vaa_first": first.vaa,
                "vaa_last": last.vaa,
                "reached_first": first.count,
                "reached_last": last.count,
                "unsettled_last": last.n - last.outcomes[0],
                "observations": len(history),
                "left_out": history.skipped,
                "tracking_share": history.overhead,
            }
        return row


def print_agents(agents: Sequence[TrainedAgent], console: Console) -> None:
    """A row for each seed, and what to do about those that did not finish."""
    rows = [agent.to_row() for agent in agents]
    tracked = [row for row in rows if "vaa_first" in row]
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ["seed", "status", "episodes", "return", "solved", "optimal at"] + ["VAA", "reached"] * bool(
        tracked
    ):
        left = heading in ("status", "optimal at")
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)
    legend = f"return: discounted, of the weights of the best evaluation, at most {rows[0]['optimal_return']:.3f}; "
    legend += "solved: episodes until an evaluation was optimal for both goals; optimal at: lengths at which the same "
    legend += "weights are"
    if tracked:
        looks, cost = sum(row["observations"] for row in tracked), sum(row["tracking_share"] for row in tracked)
        legend += (
            f"; VAA: as published, of n = {tracked[0]['n']} states after {tracked[0]['horizon']:,} steps; reached: "
            f"attractors that the same states settle on; both at the first look → at the last; {looks} looks cost "
            f"{cost:.0%} of the time in training"
        )
    console.print(legend, style="dim", markup=False)
    if unsettled := sum(row["unsettled_last"] for row in tracked):
        states = sum(row["n"] for row in tracked)
        console.print(
            f"At the last look {unsettled} of {states} states had settled on no attractor: they are slow, or diverge.",
            soft_wrap=True,
            markup=False,
        )
    said: dict[str, list[str]] = {}
    for agent in agents:
        warmup = agent.training.warmup
        for line in (*agent.training.advice, *(f"Warmup: {one}" for one in (warmup.advice if warmup else ()))):
            said.setdefault(line, []).append(str(agent.training.seed))
    for advice, which in said.items():
        name = f"Seed{'s' * (len(which) > 1)} {', '.join(which)}"
        console.print(f"{name}: {advice}", style="bold red", markup=False, soft_wrap=True)


def _cells(row: dict[str, Any]) -> list[str]:
    cells = [str(row["seed"]), row["status"], str(row["episodes"])]
    cells.append("-" if math.isnan(row["evaluated_return"]) else f"{row['evaluated_return']:.3f}")
    cells.append(str(row["first_solved"]) if row["first_solved"] >= 0 else "-")
    cells.append(row["optimal_at"] or "none")
    if "vaa_first" in row:
        cells += [f"{row['vaa_first']:.2g} → {row['vaa_last']:.2g}", f"{row['reached_first']} → {row['reached_last']}"]
    return cells


def agents_sentence(agents: Sequence[TrainedAgent]) -> str:
    """What came of it."""
    rows = [agent.to_row() for agent in agents]
    solved = sum(row["solved"] for row in rows)
    parts = []
    for status, words in (("interrupted", "interrupted"), ("not finite", "ended early by a loss that was not finite")):
        if number := sum(row["status"] == status for row in rows):
            parts.append(f"{number} of {len(rows)} agents {words}" if len(rows) > 1 else words.capitalize())
    if not parts:
        parts.append("Trained" if len(rows) == 1 else f"{len(rows)} agents trained")
    told = (
        f"{solved} of {len(rows)} solve the maze" if len(rows) > 1 else f"the maze is {'' if solved else 'not '}solved"
    )
    return f"{', '.join(parts)}: {told}"


def write_agents(agents: Sequence[TrainedAgent], folder: Path) -> Path:
    """Write ``summary.csv``, a row for each seed."""
    import pandas as pd

    path = folder / "summary.csv"
    with replacing(path) as temporary:
        pd.DataFrame([agent.to_row() for agent in agents]).to_csv(temporary, index=False)
    return path
