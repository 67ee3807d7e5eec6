"""What a training made, seed by seed, as one table on the screen and one on disk."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..files import replacing
from ..tracking import TrackingHistory
from ..training import Training


@dataclass(frozen=True, eq=False)
class TrainedSeed:
    """One seed of a run: its history, how its best weights did on the test set, and what was seen of its attractors."""

    training: Training
    test_loss: float
    test_score: float
    tracking: TrackingHistory | None

    def to_row(self) -> dict[str, Any]:
        """The numbers of the table on disk."""
        run, history = self.training, self.tracking
        best = run.best_epoch
        row: dict[str, Any] = {
            "seed": run.seed,
            "status": run.status,
            "epochs": len(run),
            "updates": len(run.losses),
            "best_epoch": best,
            "validation_loss": float(run.validation_losses[best]) if best >= 0 else math.nan,
            "validation_score": float(run.validation_scores[best]) if best >= 0 else math.nan,
            "test_loss": self.test_loss,
            "test_score": self.test_score,
            "baseline": run.baseline,
            "score": run.score_name,
        }
        if history is not None and len(history):
            first, last = history.observations[0], history.observations[-1]
            kinds = [event.kind for event in history.identities.events]
            row |= {
                "n": first.n,
                "horizon": first.horizon,
                "vaa_first": first.vaa,
                "vaa_last": last.vaa,
                "reached_first": first.count,
                "reached_last": last.count,
                "unsettled_last": last.n - last.outcomes[0],
                "births": kinds.count("birth"),
                "deaths": kinds.count("death"),
                "observations": len(history),
                "left_out": history.skipped,
                "tracking_share": history.overhead,
            }
        return row


def print_training(seeds: Sequence[TrainedSeed], console: Console) -> None:
    """A row for each seed, mean and spread over seeds, and what to do about those that did not finish."""
    rows = [seed.to_row() for seed in seeds]
    tracked = [row for row in rows if "vaa_first" in row]
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    headings = ["seed", "status", "epochs", "validated", "test", "baseline"]
    for heading in headings + (["VAA", "reached", "born", "died", "cost"] if tracked else []):
        table.add_column(heading, justify="left" if heading == "status" else "right", no_wrap=True)
    for row in rows:
        status = row["status"].replace("stopped early", "early stop")
        table.add_row(str(row["seed"]), status, *_cells(row, bool(tracked)), end_section=row is rows[-1])
    if len(rows) > 1:
        for name, averaged in zip(("mean", "sd"), _mean_and_sd(rows), strict=True):
            table.add_row(name, "", *_cells(averaged, bool(tracked)))
    console.print(table)
    legend = f"validated, test: {rows[0]['score']} of the weights with the lowest validation loss; baseline: of the "
    legend += "best constant"
    if tracked:
        legend += (
            f"; VAA: as published, of n = {tracked[0]['n']} states after {tracked[0]['horizon']:,} steps; reached: "
            "attractors that the same states settle on; both at the first look → at the last; cost: of looking, as a "
            "share of the time in training"
        )
    console.print(legend, style="dim", markup=False)
    if unsettled := sum(row["unsettled_last"] for row in tracked):
        states = sum(row["n"] for row in tracked)
        text = (
            f"At the last look {unsettled} of {states} states had settled on no attractor: they are slow, or diverge."
        )
        console.print(text, soft_wrap=True, markup=False)
    if left_out := sum(row["left_out"] for row in tracked):
        looks, cost = sum(row["observations"] for row in tracked), sum(row["tracking_share"] for row in tracked)
        text = f"{looks} looks cost {cost:.0%} of the time in training; {left_out} left out to keep within --budget."
        console.print(text, soft_wrap=True, markup=False)
    said: dict[str, list[str]] = {}
    for seed in seeds:
        for line in seed.training.advice:
            said.setdefault(line, []).append(str(seed.training.seed))
    for advice, which in said.items():
        name = f"Seed{'s' * (len(which) > 1)} {', '.join(which)}"
        console.print(f"{name}: {advice}", style="bold red", markup=False, soft_wrap=True)


def training_sentence(seeds: Sequence[TrainedSeed]) -> str:
    """What came of it."""
    rows = [seed.to_row() for seed in seeds]
    parts = []
    for status, words in (("interrupted", "interrupted"), ("not finite", "ended early by a loss that was not finite")):
        if number := sum(row["status"] == status for row in rows):
            parts.append(f"{number} of {len(rows)} networks {words}" if len(rows) > 1 else words.capitalize())
    if not parts:
        parts.append("Trained" if len(rows) == 1 else f"{len(rows)} networks trained")
    mean, sd = _mean_and_sd(rows)
    text = f"{', '.join(parts)}: {rows[0]['score']} {_number(mean['test_score'])}"
    text += f" ± {sd['test_score']:.2g}" if math.isfinite(sd["test_score"]) else ""
    text += f" on the test set (best constant {_number(mean['baseline'])})"
    if any("vaa_first" in row for row in rows):
        first, last = (
            _span([row[f"reached_{when}"] for row in rows if "vaa_first" in row]) for when in ("first", "last")
        )
        text += f", attractors reached {first} at first, {last} at the end"
    return text


def _mean_and_sd(rows: list[dict[str, Any]]) -> tuple[dict[str, float], dict[str, float]]:
    """Over the finite numbers of each column; NaN where there are too few."""
    mean: dict[str, float] = {}
    sd: dict[str, float] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row[name] for row in rows if name in row and not isinstance(row[name], str)]
        values = [value for value in values if math.isfinite(value)]
        mean[name] = statistics.fmean(values) if values else math.nan
        sd[name] = statistics.stdev(values) if len(values) > 1 else math.nan
    return mean, sd


def _cells(row: dict[str, Any], tracked: bool) -> list[str]:
    def number(name: str, form: str = ".3g") -> str:
        return _number(row.get(name, math.nan), form)

    cells = [number("epochs", ".1f"), *(number(name) for name in ("validation_score", "test_score", "baseline"))]
    if tracked:
        for name, form in (("vaa", ".2g"), ("reached", ".1f")):
            cells.append(f"{number(f'{name}_first', form)} → {number(f'{name}_last', form)}")
        cells += [number("births", ".1f"), number("deaths", ".1f"), number("tracking_share", ".0%")]
    return cells


def _number(value: float, form: str = ".3g") -> str:
    if not math.isfinite(value):
        return "-"
    if isinstance(value, int):
        return str(value)
    return format(value, ".0f" if form == ".1f" and value >= 100 else form)


def _span(counts: list[int]) -> str:
    return str(min(counts)) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def write_training(seeds: Sequence[TrainedSeed], folder: Path) -> Path:
    """Write ``summary.csv``, a row for each seed."""
    import pandas as pd

    path = folder / "summary.csv"
    with replacing(path) as temporary:
        pd.DataFrame([seed.to_row() for seed in seeds]).to_csv(temporary, index=False)
    return path
