"""What a training made, seed by seed, as one table on the screen and one on disk."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..files import replacing
from ..tracking import TrackingHistory
from ..training import Training

_OPTIONS = {
    r"clip_norm=": "--clip-norm ",
    r"\ba clip_norm\b": "a --clip-norm",
    r"\ban lr below\b": "an --lr below",
    r"with a folder, resume=True goes on": "--resume goes on",
    r"\bpass resume=True\b": "pass --resume",
    r"\bresume=True\b": "--resume",
    r"\banother folder\b": "another --out",
}


def as_options(text: str) -> str:
    """Advice or an error of the library with the command's options in place of arguments."""
    for argument, option in _OPTIONS.items():
        text = re.sub(argument, option, text)
    return text


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
                "n": first.n, "horizon": first.horizon, "vaa_first": first.vaa, "vaa_last": last.vaa,
                "reached_first": first.count, "reached_last": last.count,
                "births": kinds.count("birth"), "deaths": kinds.count("death"),
                "observations": len(history), "left_out": history.skipped, "tracking_share": history.overhead,
            }  # fmt: skip
        return row


def print_training(seeds: Sequence[TrainedSeed], console: Console) -> None:
    """A row for each seed, mean and spread over seeds, and what to do about those that did not finish."""
    frame = _frame(seeds)
    tracked = "vaa_first" in frame
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    headings = ["seed", "status", "epochs", "validated", "test", "baseline"]
    for heading in headings + (["VAA", "reached", "born", "died", "cost"] if tracked else []):
        table.add_column(heading, justify="left" if heading == "status" else "right", no_wrap=True)
    rows = frame.to_dict(orient="records")
    for row in rows:
        table.add_row(str(row["seed"]), row["status"], *_cells(row, tracked), end_section=row is rows[-1])
    if len(rows) > 1:
        numbers = frame.drop(columns=["seed", "status", "score"])
        for name, averaged in (("mean", numbers.mean()), ("sd", numbers.std())):
            table.add_row(name, "", *_cells(averaged.to_dict(), tracked))
    console.print(table)
    lines = [f"validated, test: {frame['score'][0]} of the weights with the lowest validation loss"]
    lines[0] += "; baseline: that of the best constant"
    if tracked:
        known = frame.dropna(subset="vaa_first").iloc[0]
        lines[0] += f"; VAA: as published, of n = {known['n']:.0f} states after {known['horizon']:,.0f} steps"
        lines[0] += "; reached: attractors that the same states settle on; both at the first look → at the last; "
        lines[0] += "cost: of tracking, as a share of the time in training"
        if left_out := int(frame["left_out"].sum()):
            share = frame["tracking_share"].sum()
            lines.append(f"{left_out} looks were left out for --budget; those made cost {share:.0%} in all")
    for line in lines:
        console.print(line, style="dim", markup=False)
    said: dict[str, list[str]] = {}
    for seed in seeds:
        if seed.training.advice:
            said.setdefault(as_options(seed.training.advice), []).append(str(seed.training.seed))
    for advice, numbers_of in said.items():
        which = f"Seed{'s' * (len(numbers_of) > 1)} {', '.join(numbers_of)}"
        console.print(f"{which}: {advice}", style="bold red", markup=False, soft_wrap=True)


def training_sentence(seeds: Sequence[TrainedSeed]) -> str:
    """What came of it."""
    frame = _frame(seeds)
    parts = []
    for status, words in (("interrupted", "interrupted"), ("not finite", "ended early, as their loss was not finite")):
        if number := int((frame["status"] == status).sum()):
            parts.append(f"{number} of {len(seeds)} {words if number > 1 else words.replace('their', 'its')}")
    if not parts:
        parts.append("Trained" if len(seeds) == 1 else f"{len(seeds)} networks trained")
    score, spread = frame["test_score"].mean(), frame["test_score"].std()
    text = f"{', '.join(parts)}: {frame['score'][0]} {_number(score)}"
    text += f" ± {spread:.2g}" if math.isfinite(spread) else ""
    text += f" on the test set (best constant {_number(frame['baseline'].mean())})"
    if "vaa_first" in frame:
        ends = [_span(frame[f"reached_{when}"].dropna()) for when in ("first", "last")]
        text += f", attractors reached {ends[0]} at first, {ends[1]} at the end"
    return text


def _frame(seeds: Sequence[TrainedSeed]) -> pd.DataFrame:
    return pd.DataFrame([seed.to_row() for seed in seeds])


def _cells(row: dict[str, Any], tracked: bool) -> list[str]:
    cells = [f"{row['epochs']:.4g}", *(_number(row[name]) for name in ("validation_score", "test_score", "baseline"))]
    if tracked:
        cells += [f"{_number(row[f'{name}_first'])} → {_number(row[f'{name}_last'])}" for name in ("vaa", "reached")]
        cells += [f"{row[name]:.4g}" if row[name] == row[name] else "-" for name in ("births", "deaths")]
        share = row["tracking_share"]
        cells.append(f"{share:.0%}" if math.isfinite(share) else "-")
    return cells


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "-"


def _span(counts: "pd.Series[float]") -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"


def write_training(seeds: Sequence[TrainedSeed], folder: Path) -> Path:
    """Write ``summary.csv``, a row for each seed."""
    path = folder / "summary.csv"
    with replacing(path) as temporary:
        _frame(seeds).to_csv(temporary, index=False)
    return path
