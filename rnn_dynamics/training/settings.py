"""How a training is to go."""

import math
from dataclasses import dataclass
from typing import Any

from ..checks import ArgumentError, require_positive, whole_number


@dataclass(frozen=True)
class Settings:
    """The options of ``train`` that are numbers, checked."""

    epochs: int
    batch_size: int
    lr: float
    clip_norm: float | None
    patience: int | None
    snapshot_every: int | None
    memory_budget: int

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            ValueError: naming the option.
        """
        whole_number(self.epochs, "epochs", 1)
        whole_number(self.batch_size, "batch_size", 1)
        for name in ("patience", "snapshot_every"):
            if getattr(self, name) is not None:
                whole_number(getattr(self, name), name, 1)
        if isinstance(self.lr, bool) or not isinstance(self.lr, int | float) or not 0 < self.lr < math.inf:
            raise ArgumentError("lr", f"must be positive and finite, got {self.lr!r}")
        clip = self.clip_norm
        if clip is not None and (isinstance(clip, bool) or not isinstance(clip, int | float) or not clip > 0):
            raise ArgumentError("clip_norm", f"must be positive, or None, got {clip!r}")
        require_positive(memory_budget=self.memory_budget)

    def deciding(self) -> dict[str, Any]:
        """Those that a resumed training must share with its beginning."""
        return {
            "batch_size": int(self.batch_size),
            "lr": float(self.lr),
            "clip_norm": None if self.clip_norm is None else float(self.clip_norm),
            "patience": None if self.patience is None else int(self.patience),
        }
