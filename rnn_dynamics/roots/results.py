"""How each start ended."""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..results import Interruptible
from ..store import storable
from ..tables import Table

if TYPE_CHECKING:
    import pandas as pd


class Status(IntEnum):
    """The three ways to end."""

    FOUND = 0
    SLOW = 1
    FAILED = 2


class Reason(IntEnum):
    """Why a start ended as it did; ``advice`` is a sentence to act on."""

    CONVERGED = 0
    SPEED_MINIMUM = 1
    SLOW_ENOUGH = 2
    STALLED = 3
    BUDGET = 4
    NOT_FINITE = 5
    OUTSIDE_BOX = 6
    INTERRUPTED = 7
    FAST_MINIMUM = 8
    FADING = 9

    @property
    def status(self) -> Status:
        if self is Reason.CONVERGED:
            return Status.FOUND
        return Status.SLOW if self in (Reason.SPEED_MINIMUM, Reason.SLOW_ENOUGH) else Status.FAILED

    @property
    def advice(self) -> str:
        return _ADVICE[self]


_ADVICE = {
    Reason.CONVERGED: "a fixed point: the residual meets the tolerance",
    Reason.SPEED_MINIMUM: "a minimum of the speed |F(h) - h| that is no fixed point: a ghost or slow passage",
    Reason.SLOW_ENOUGH: "the speed fell below slow_enough before a fixed point was reached",
    Reason.STALLED: "the residual stopped falling: start elsewhere, or follow it to a slow point with SpeedMinimizer",
    Reason.BUDGET: "the budget of steps ran out while the residual still fell: raise max_steps",
    Reason.NOT_FINITE: "the map returned NaN or infinity here: start nearer to states that the network visits",
    Reason.OUTSIDE_BOX: "ended outside, or at the wall of, the box that holds every fixed point: start inside it",
    Reason.FAST_MINIMUM: "a minimum of the speed, but a fast one, over a tenth of the state's size: start elsewhere",
    Reason.FADING: "F(h) - h fades below the tolerance here without a fixed point: start where it does not",
    Reason.INTERRUPTED: "interrupted before it finished: run it again",
}


@storable
@dataclass(frozen=True, eq=False)
class RootResult(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Table, whole=("interrupted",)
):
    """One row per start, in the order of the starts; ``len`` counts them."""

    _dimensions: ClassVar = {"states": ("row", "unit")}

    states: Tensor
    """Where each start ended, [k, n]."""

    residuals: Tensor
    """|F(h) - h|_2 of that very state, [k]."""

    errors: Tensor
    """An estimate of the distance d to the exact root, |d / s|_2 with s_i = max(u_i, |h_i|), [k]; NaN where none."""

    reasons: Tensor
    """``Reason`` codes, [k], int64."""

    steps: Tensor
    """Steps taken, [k]."""

    @property
    def statuses(self) -> Tensor:
        """``Status`` codes, [k]."""
        return _STATUS_OF_REASON.to(self.reasons.device)[self.reasons]

    @property
    def advice(self) -> tuple[str, ...]:
        """For each way in which starts did not end at a fixed point, how many did and what to do."""
        return advice_of(self.reasons)

    def to_pandas(self) -> "pd.DataFrame":
        """One row per start."""
        import pandas as pd

        reasons = [Reason(code) for code in self.reasons.tolist()]
        return pd.DataFrame(
            {
                "status": [reason.status.name.lower() for reason in reasons],
                "reason": [reason.name.lower() for reason in reasons],
                "residual": self.residuals.cpu().numpy(),
                "error": self.errors.cpu().numpy(),
                "steps": self.steps.cpu().numpy(),
            }
        )

    def summary(self) -> str:
        """One line: how many starts ended in each of the three ways."""
        counts = torch.bincount(self.statuses, minlength=len(Status)).tolist()
        return f"{self._counted('start')}: " + ", ".join(
            f"{count} {status.name.lower()}" for status, count in zip(Status, counts, strict=True)
        )

    def split(self, sizes: list[int]) -> list["RootResult"]:
        """The rows in consecutive parts."""
        columns = [value.split(sizes) for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)]
        return [RootResult(*part, interrupted=self.interrupted) for part in zip(*columns, strict=True)]


def advice_of(reasons: Tensor) -> tuple[str, ...]:
    """For each ``Reason`` [k] but that of a fixed point, how many starts ended so and what to do."""
    codes, counts = reasons.unique(return_counts=True)
    return tuple(
        f"{count} of {len(reasons)} starts: {Reason(code).advice}"
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
        if Reason(code).status is not Status.FOUND
    )


_STATUS_OF_REASON = torch.tensor([reason.status for reason in Reason])
