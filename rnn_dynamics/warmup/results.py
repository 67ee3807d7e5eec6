"""What warmup did, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from ..checks import Words
from ..planting import Planting
from ..results import evenly
from ..store import storable
from ..tables import Table

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class Warmup(Table, whole=("n", "target", "status", "advice", "planting", "looks"), in_order=True):
    """The history of a warmup, one entry for each update; ``len`` counts them.

    If it did not finish, the last entry's update was undone: the weights are those that the entry belongs to.
    """

    _dimensions: ClassVar = {"soft_vaas": ("row", "layer")}

    soft_vaas: Tensor
    """VAA* of each layer before the update, [steps, layers]."""

    losses: Tensor
    """Mean over layers of (VAA* - target)^2, [steps]."""

    gradient_norms: Tensor
    """Norm of the whole gradient, before any clipping, [steps]."""

    horizons: Tensor
    """Held steps M, [steps]."""

    n: int
    """States in a batch: VAA* lies between 1/n and 1."""

    target: float
    """What VAA* was drawn to."""

    status: str
    """"finished", "interrupted" (Ctrl-C) or "not finite": see ``advice``."""

    advice: tuple[str, ...] = ()  # pyright: ignore[reportIncompatibleMethodOverride]
    """What to change, if it did not finish or moved nothing."""

    planting: Planting | None = field(default=None, kw_only=True)
    """What was planted before the first update, of a warmup for attractors."""

    looks: tuple[tuple[int, float], ...] = field(default=(), kw_only=True)
    """Of such a warmup updates, and the attractors that 64 states reached before them; entries end at the most."""

    @property
    def finished(self) -> bool:
        """Whether all updates were made."""
        return self.status == "finished"

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it: the weights are those of the last entry."""
        return self.status == "interrupted"

    def to_pandas(self) -> "pd.DataFrame":
        """One row per update."""
        import pandas as pd

        layers = {f"soft_vaa_layer{index + 1}": column.numpy() for index, column in enumerate(self.soft_vaas.T)}
        return pd.DataFrame(
            {
                "soft_vaa": self.soft_vaas.mean(dim=1).numpy(),
                **(layers if len(layers) > 1 else {}),
                "loss": self.losses.numpy(),
                "gradient_norm": self.gradient_norms.numpy(),
                "horizon": self.horizons.numpy(),
            }
        )

    def told(self, lr: float, clip_norm: float | None, longest: int, words: Words) -> "Warmup":
        """The same, its advice with arguments in other words; ``longest`` is that of the ``Horizon``."""
        advice = warmup_advice(self.status, self.gradient_norms.tolist(), lr, clip_norm, longest, words)
        return replace(self, advice=(advice,) if advice else ())

    def summary(self) -> str:
        """One line."""
        if self.looks:
            first, most = self.looks[0][1], max(count for _, count in self.looks)
            made = f"warmup for attractors, {self._counted('update')} kept ({self.status})"
            return f"{made}: 64 states reach {first:.4g} as planted, {most:.4g} in the end"
        if not len(self):
            return f"warmup: {self.status} before the first update"
        ends = [f"{float(self.soft_vaas[row].mean()):.3g} (M = {int(self.horizons[row])})" for row in (0, -1)]
        return f"warmup, {self._counted('update')} ({self.status}): VAA* from {ends[0]} to {ends[1]}, n = {self.n}"

    def _shown(self) -> "pd.DataFrame":
        return evenly(self.to_pandas())


def warmup_advice(
    status: str,
    norms: Sequence[float],
    lr: float,
    clip_norm: float | None,
    longest: int,
    words: Words | None = None,
) -> str:
    """What to change about a warmup that ended so after updates of such gradients, with its arguments in ``words``."""
    words = words or Words()
    if status == "finished" and not any(norms):
        return (
            "The gradient was 0 at every update, so no weight moved: states were closer than epsilon after the held "
            "steps, where VAA* is flat. Let the Horizon start shorter."
        )
    if status == "finished":
        zeros = sum(not norm for norm in norms)
        return (
            ""
            if 10 * zeros <= len(norms)
            else (
                f"The gradient was 0 at {zeros} of {len(norms)} updates: there, all states were closer than epsilon "
                "after the held steps. Compare reachability before and after."
            )
        )
    if status == "interrupted" and not norms:
        return "Ctrl-C before the first update: nothing was changed."
    if status == "interrupted":
        return "Ctrl-C: the weights are those of the last entry of the history."
    if not norms:
        return (
            "The loss or its gradient was not finite at the first step: nothing was changed. States overflow on these "
            "inputs, or the gradient does within the trajectories: scale the inputs, or try "
            f"{words.setting('through_trajectories', False)}."
        )
    return (
        f"The loss or its gradient was not finite after update {len(norms)}, which was undone: try "
        f"{words.lower('clip_norm', clip_norm, 1.0)}, {words.lower('lr', lr)}, or "
        f"{words.lower('horizon.longest', longest)}."
    )
