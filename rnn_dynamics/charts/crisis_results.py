"""A crisis: where an attractor vanishes or widens at once, and the saddle that it meets there."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from ..results import Interruptible, Noted
from ..store import storable

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class Crisis(Interruptible, Noted):  # pyright: ignore[reportIncompatibleVariableOverride]
    """Where orbits of a chaotic attractor first leave what it was, along a parameter."""

    _dimensions: ClassVar = {"saddle": ("phase", "unit"), "multipliers": ("mode",)}

    kind: str
    """"boundary crisis" (what leaves does not come back: the attractor is no more), "interior crisis" (it does: the
    attractor is wider), or "none"."""

    reason: str
    """Why it is none, or why it is not sure; empty else."""

    before: float
    """The last parameter at which no orbit was seen to leave, in ``steps`` steps of ``orbits`` orbits."""

    beyond: float
    """The first at which one was: the crisis lies no farther."""

    left: int
    """How many orbits left there."""

    returned: int
    """How many of them came back."""

    orbits: int

    steps: int

    exponent: float
    """The largest Lyapunov exponent of the attractor before, per step."""

    exponent_error: float

    saddle: Tensor | None
    """The unstable cycle that the attractor comes to meet, [k, n]; None if none was found."""

    multipliers: Tensor | None
    """Of it, [n], by falling modulus."""

    distance_first: float
    """From the attractor to it at the beginning of the span, as a share of the attractor's extent; NaN without one."""

    distance: float
    """The same just before the crisis."""

    @property
    def parameter(self) -> float:
        """The middle of ``before`` and ``beyond``."""
        return (self.before + self.beyond) / 2

    def to_pandas(self) -> "pd.DataFrame":
        """One row."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "kind": self.kind,
                    "before": self.before,
                    "beyond": self.beyond,
                    "left": self.left,
                    "returned": self.returned,
                    "exponent": self.exponent,
                    "saddle_period": 0 if self.saddle is None else len(self.saddle),
                    "distance_first": self.distance_first,
                    "distance": self.distance,
                }
            ]
        )

    def summary(self) -> str:
        """One line: of which kind, where, and which saddle the attractor meets."""
        if self.kind == "none":
            text = f"no crisis: {self.reason}"
        else:
            text = f"{self.kind} between {self.before:.12g} and {self.beyond:.12g}"
            if self.saddle is not None:
                noun = "saddle" if len(self.saddle) == 1 else f"saddle cycle of period {len(self.saddle)}"
                text += f", where the attractor meets a {noun}"
        return text + ("; interrupted" if self.interrupted else "")

    @property
    def advice(self) -> tuple[str, ...]:
        """What is not sure."""
        return (self.reason,) if self.reason and self.kind != "none" else ()
