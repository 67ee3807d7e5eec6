"""What was planted, block by block, and what of it inputs reach."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..certificates import ProvedReach
from ..multistability import Reachability
from ..store import storable
from ..tables import Table

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class Planting(Table, whole=("input_scale", "reach", "proof", "tried")):
    """The blocks of a planted network, a row each, bottom layer first; ``len`` counts them.

    Block b is x' = k x + (1 - k) tanh(g phi(x) + u), with phi(x) = x, or tanh(x) in an LSTM, whose x is a cell state.
    """

    _dimensions: ClassVar = {"readouts": ("row", "unit")}

    layers: Tensor
    """Which layer a block is in, from 0, [B]."""

    cells: tuple[str, ...]
    """Its kind of cell: "GRU"."""

    units: Tensor
    """How many units it has, [B]."""

    gains: Tensor
    """g, [B]."""

    time_scales: Tensor
    """1 / (1 - k), in steps, [B]."""

    biases: Tensor
    """u without input, [B]; input x adds W_b x."""

    folds: Tensor
    """The |u| from which on the block has one state only, [B]."""

    margins: Tensor
    """The held |x|_2 that the block survives, whatever its direction, [B]; negative if it has one state at x = 0.

    In a layer above the first: infinite if no state of the layer below can undo the block, 0 if some might.
    """

    rests: Tensor
    """x > 0 of the upper state without input, [B]; NaN where there is one state only."""

    multipliers: Tensor
    """By what factor a small deviation from that state shrinks in a step, [B]."""

    pulses: Tensor
    """The smallest u of a single step that flips it, [B]; infinite if no single step can."""

    flip_steps: Tensor
    """The fewest steps in which drives of any size flip it, [B]."""

    readouts: Tensor
    """What reads a block's state off the network's: x_b = readouts_b h, [B, state]."""

    input_scale: float
    """The share of its fold that a unit of input, along the block's direction, drives a block with."""

    reach: Reachability | None = None
    """What sampled states settle on under held inputs, if sequences were given."""

    proof: ProvedReach | None = None
    """Of these attractors those that are proved to be reached, if ``certify`` was asked for."""

    tried: tuple[tuple[int, float, float], ...] = ()
    """Of the search for settings: blocks, input scale, and attractors reached, averaged over held inputs."""

    @property
    def margin(self) -> float:
        """The held |x|_2 up to which every block keeps both its states."""
        return float(self.margins.min()) if len(self) else math.inf

    @property
    def log2_attractors(self) -> float:
        """The logarithm to base 2 of how many attractors there are without input: the blocks with two states."""
        return float((self.margins > 0).sum())

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the search for settings, or the count, early; what is told here is planted."""
        return any(part is not None and part.interrupted for part in (self.reach, self.proof))

    @property
    def advice(self) -> tuple[str, ...]:
        """What would undo blocks."""
        lost = int((self.margins <= 0).sum())
        if not lost:
            return ()
        return (
            f"{lost} of {len(self)} blocks may have one state only: lower input_scale, now {self.input_scale:g}, or "
            "narrow thresholds.",
        )

    def to_pandas(self) -> "pd.DataFrame":
        """One row per block."""
        import pandas as pd

        return pd.DataFrame(
            {
                "layer": self.layers.numpy(),
                "cell": list(self.cells),
                "units": self.units.numpy(),
                "gain": self.gains.numpy(),
                "time_scale": self.time_scales.numpy(),
                "bias": self.biases.numpy(),
                "fold": self.folds.numpy(),
                "margin": self.margins.numpy(),
                "rest": self.rests.numpy(),
                "multiplier": self.multipliers.numpy(),
                "pulse": self.pulses.numpy(),
                "flip_steps": self.flip_steps.numpy(),
            }
        )

    def summary(self) -> str:
        """One line."""
        below = torch.isfinite(self.margins)
        text = f"planted {self._counted('block')}, 2^{self.log2_attractors:g} attractors without input"
        if bool(below.any()):
            text += f"; all survive held inputs up to |x| = {max(0.0, self.margin):.3g}"
        if self.reach is None:
            return text
        many = f", mean of {len(self.reach.inputs)} held inputs" if len(self.reach.inputs) > 1 else ""
        text += f"; {self.reach.n} states reach {self.reach.count:.3g} attractors{many}"
        return text if self.proof is None else f"{text}, at least {self.proof.count:.3g}: proved"
