"""How hard each attractor is to leave, and how fast it is come back to: a row an attractor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..attractors import Attractors
from ..results import Interruptible, Noted
from ..store import storable
from ..tables import Table

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = (
    "entropy",
    "boundary_entropy",
    "boundary_share",
    "entropy_radius",
    "pulse_steps",
    "largest_pulse",
    "attractors",
    "interrupted",
    "notes",
)


@storable
@dataclass(frozen=True, eq=False)
class Resilience(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Noted, Table, whole=_WHOLE
):
    """What attractors withstand. What could not be measured is NaN, and ``reasons`` say why."""

    _dimensions: ClassVar = {
        **dict.fromkeys(("states", "shock_states", "shocks"), ("row", "unit")),
        **dict.fromkeys(("pulses", "pulse_targets"), ("row", "input", "sign")),
    }
    _formats: ClassVar = {"share": "{:.1%}".format}

    kinds: tuple[str, ...]
    periods: Tensor
    """1 for fixed points, k for cycles, 0 otherwise, [a]."""

    states: Tensor
    """One state on each, [a, n]."""

    shares: Tensor
    """Of the starts, that settle on each, [a]."""

    shock_states: Tensor
    """Of each attractor the state that its shortest shock begins at, [a, n]."""

    shocks: Tensor
    """The shortest change of that state that was found to lead elsewhere, [a, n]: ``shock_states + shocks`` was
    settled, and did, so that its length is an upper bound of the minimal fatal shock. NaN where none was found."""

    shock_targets: Tensor
    """Where it leads, [a]: a row of ``attractors``; -2 beyond every bound; -1 where there is no shock."""

    alignments: Tensor
    """Cosine between the shock and the normal of the boundary there, [a]: 1 where no neighbour is shorter."""

    mean_times: Tensor
    """Steps that its starts take on average until they are within a thousandth of max(1, |h|) of it, [a]."""

    median_times: Tensor
    """[a]."""

    return_times: Tensor
    """-1 / ln rho, steps in which small deviations fall to 1/e in the long run, [a]: rho the growth per step of a fixed
    point or cycle; NaN for others, along which deviations do not fall."""

    reactivities: Tensor
    """The largest singular value of DF less 1, [a]: what the worst small deviation gains in a step; over all states."""

    amplifications: Tensor
    """max_t |DF^t|_2, t >= 0, [a]: how much the worst small deviation grows before it falls; 1 where none grows."""

    amplification_times: Tensor
    """The t of the maximum, [a]; -1 where it is not known."""

    pulses: Tensor
    """The smallest pulse of each input that leaves each, up and down, [a, m, 2], as sizes: what was tried, and led
    elsewhere. NaN where none up to ``largest_pulse`` did. m is 0 for a map without inputs."""

    pulse_targets: Tensor
    """Where each leads, as in ``shock_targets``, [a, m, 2]."""

    reasons: tuple[str, ...]
    """For each attractor why something is missing; "" where nothing is."""

    entropy: float
    """Basin entropy, in nats: of the side of a random state in a box."""

    boundary_entropy: float
    """The same over boxes that hold a boundary; 0 where none does."""

    boundary_share: float
    """Of the boxes that do."""

    entropy_radius: float
    """Half the width of the boxes, as a share of what the starts span in each coordinate."""

    pulse_steps: int
    """Steps that a pulse lasts."""

    largest_pulse: float
    """The largest that was tried."""

    attractors: Attractors
    """Which the targets refer to: the first are those that were asked for, further ones were met on the way; labels
    and shares in it are of the last states that were settled."""

    @property
    def shock_sizes(self) -> Tensor:
        """|shocks|_2, [a]."""
        return self.shocks.norm(dim=-1)

    @property
    def shock_directions(self) -> Tensor:
        """Unit vectors, [a, n]."""
        return self.shocks / self.shock_sizes.unsqueeze(-1)

    def to_pandas(self) -> "pd.DataFrame":
        """One row per attractor, with two columns for each input: "pulse 0 up", "pulse 0 down"."""
        import pandas as pd

        table = pd.DataFrame(
            {
                "kind": self.kinds,
                "period": self.periods.numpy(),
                "share": self.shares.numpy(),
                "shock": self.shock_sizes.numpy(),
                "leads_to": self.shock_targets.numpy(),
                "alignment": self.alignments.numpy(),
                "mean_time": self.mean_times.numpy(),
                "median_time": self.median_times.numpy(),
                "return_time": self.return_times.numpy(),
                "reactivity": self.reactivities.numpy(),
                "amplification": self.amplifications.numpy(),
                "after_steps": self.amplification_times.numpy(),
            }
        )
        for number in range(self.pulses.shape[1]):
            for sign, word in enumerate(("up", "down")):
                table[f"pulse {number} {word}"] = self.pulses[:, number, sign].numpy()
        return table.assign(reason=self.reasons)

    def summary(self) -> str:
        """One line: the attractor that is easiest to leave."""
        text = f"resilience of {self._counted('attractor')}"
        sizes = self.shock_sizes
        if bool(sizes.isfinite().any()):
            weakest = int(sizes.nan_to_num(nan=torch.inf).argmin())
            text += f": a shock of {float(sizes[weakest]):.4g} leaves attractor {weakest}, the weakest"
        return text + ("; interrupted" if self.interrupted else "")

    def _notes(self) -> Sequence[str]:
        return [
            f"shocks and pulses were tried and led elsewhere: upper bounds; pulses last {self.pulse_steps} step"
            f"{'s' * (self.pulse_steps != 1)}",
            f"basin entropy {self.entropy:.3g}, on boundaries {self.boundary_entropy:.3g} nats, over boxes of"
            f" {2 * self.entropy_radius:.3g} of the starts' span, {self.boundary_share:.1%} of which hold a boundary",
            *self.advice,
        ]
