"""How networks are looked at while a command trains them, and what is written of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..checks import InputSequences
from ..report import write_tracking
from ..tracking import AttractorTracker, Budget, Effort, TrackingHistory


@dataclass(frozen=True)
class Watch:
    """How the networks are looked at while they train."""

    every: int
    """Updates, or episodes; 0 for not at all."""

    unit: str
    """What is counted: "updates"."""

    budget: float
    hold: Tensor | None
    effort: Effort
    folder: Path
    resume: bool

    def trackers(self, sequences: InputSequences, seeds: Sequence[int]) -> list[AttractorTracker | None]:
        """One for each seed; they share a budget."""
        account = Budget(self.budget or None)
        return [
            AttractorTracker(
                sequences,
                hold=self.hold,
                every=self.every,
                effort=self.effort,
                budget=account,
                seed=seed,
                folder=self.folder / f"seed-{seed}" / "tracking",
                resume=self.resume,
            )
            if self.every
            else None
            for seed in seeds
        ]

    def words(self) -> str:
        if not self.every:
            return "Tracking: none"
        what = "attractors and fixed points" if self.effort.fixed_points else "attractors alone"
        limit = f"at most {self.budget:.3g} of the training time" if self.budget else "whatever it takes"
        hold = "one input from N(0, I)" if self.hold is None else f"the input {self.hold.tolist()}"
        return f"Tracking: {what} under {hold}, every {self.every} {self.unit}, {limit}"


def histories(trackers: Sequence[AttractorTracker | None]) -> list[TrackingHistory | None]:
    return [None if tracker is None else tracker.history for tracker in trackers]


def write_histories(kept: Sequence[TrackingHistory | None], seeds: Sequence[int], folder: Path) -> None:
    for history, seed in zip(kept, seeds, strict=True):
        if history is not None and len(history):
            write_tracking(history, folder / f"seed-{seed}")


def contents(folder: Path, seed: int) -> str:
    """What lies where, of the first seed."""
    own = folder / f"seed-{seed}"
    found = {path.name for path in own.iterdir()} if own.is_dir() else set()
    names = [name for name in ("best.safetensors", "last.safetensors", "history.csv") if name in found]
    names += ["tracking.{safetensors,csv,pdf,png}, events.csv"] if "tracking.csv" in found else []
    names += [f"checkpoints/ for `rnn-dynamics track {folder}`"] if "checkpoints" in found else []
    text = ", ".join(name for name in ("summary.csv", "run.json", "state.pt") if (folder / name).exists())
    return f"Wrote {folder}/: {text}" + (f"; in each seed-S/ {', '.join(names)}" if names else "")
