"""What a training made, seed by seed, as one table on the screen and one on disk."""

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..files import replacing
from ..tracking import TrackingHistory
from ..training import Training


@dataclass(frozen=True, eq=False)
class TrainedSeed:
    """One seed of a run: its history, how it did on the test set, and what was seen of its attractors."""

    training: Training
    test_score: float
    tracking: TrackingHistory | None

    def to_row(self) -> dict[str, object]:
        """The numbers of the table on disk."""
        run, history = self.training, self.tracking
        best = run.best_epoch
        row: dict[str, object] = {
            "seed": run.seed,
            "status": run.status,
            "epochs": len(run),
            "best_epoch": best,
            "validation_score": float(run.validation_scores[best]) if best >= 0 else math.nan,
            "test_score": self.test_score,
            "baseline": run.baseline,
            "score": run.score_name,
        }
        if history is not None and len(history):
            first, last = history.observations[0], history.observations[-1]
            kinds = [event.kind for event in history.identities.events]
            row |= {
                "vaa_first": first.vaa, "vaa_last": last.vaa, "reached_first": first.count, "reached_last": last.count,
                "births": kinds.count("birth"), "deaths": kinds.count("death"),
                "observations": len(history), "left_out": history.skipped, "tracking_share": history.overhead,
            }  # fmt: skip
        return row


def print_training(seeds: list[TrainedSeed], console: Console) -> None:
    """A row for each seed, and mean and spread over seeds."""
    tracked = any(seed.tracking is not None and len(seed.tracking) for seed in seeds)
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    headings = ["seed", "status", "epochs", "validated", "test"]
    headings += ["n VAA", "reached", "born", "died", "cost"] if tracked else []
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "status" else "right")
    for seed in seeds:
        row = seed.to_row()
        cells = [str(row["seed"]), str(row["status"]), str(row["epochs"])]
        cells += [f"{row['validation_score']:.3g}", f"{row['test_score']:.3g}"]
        history = seed.tracking
        if history is not None and len(history):
            first, last = history.observations[0], history.observations[-1]
            share = f"{history.overhead:.0%}" if math.isfinite(history.overhead) else "-"
            cells += [f"{first.claimed:.3g} → {last.claimed:.3g}", f"{first.count} → {last.count}"]
            cells += [str(row["births"]), str(row["deaths"]), share]
        table.add_row(*cells)
    console.print(table)
    run = seeds[0].training
    scores = pd.Series([seed.test_score for seed in seeds])
    spread = f" ± {scores.std():.2g} over {len(seeds)} seeds" if len(seeds) > 1 else ""
    console.print(f"{run.score_name} on the test set: {scores.mean():.3g}{spread}; best constant {run.baseline:.3g}")
    if tracked:
        o = next(s.tracking.observations[0] for s in seeds if s.tracking is not None and len(s.tracking))
        console.print(
            f"n VAA: attractors that the published measure stands for (n = {o.n}, {o.horizon:,} steps); reached: those "
            "that the same states settle on; cost: of tracking, as a share of the training time",
            style="dim",
            markup=False,
        )
    for seed in seeds:
        if seed.training.advice:
            console.print(f"Seed {seed.training.seed}: {seed.training.advice}", style="bold red", markup=False)


def write_training(seeds: list[TrainedSeed], folder: Path) -> Path:
    """Write ``summary.csv``, a row for each seed."""
    path = folder / "summary.csv"
    with replacing(path) as temporary:
        pd.DataFrame([seed.to_row() for seed in seeds]).to_csv(temporary, index=False)
    return path
