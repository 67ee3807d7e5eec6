"""What the eigenvalues of DF say of a point, be it fixed or slow."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..checks import ArrayLike, checked
from ..stability import n_unstable, time_constants
from .alignment import alignment_table, directions_of

if TYPE_CHECKING:
    import pandas as pd

FORMATS = {
    "spectral_radius": "{:.4f}".format,
    "time_constant": "{:.1f}".format,
    "rate": "{:.4g}".format,
    "residual": "{:.0e}".format,
    "speed": "{:.1e}".format,
    "share": "{:.1%}".format,
}

DIMENSIONS = {
    "states": ("row", "unit"),
    "eigenvalues": ("row", "mode"),
    **dict.fromkeys(("right_eigenvectors", "left_eigenvectors"), ("row", "unit", "kept_mode")),
    "input_jacobians": ("row", "unit", "input"),
}


class Linearised:
    """What the eigenvalues of DF at each row say."""

    states: Tensor
    eigenvalues: Tensor
    right_eigenvectors: Tensor
    left_eigenvectors: Tensor
    input_jacobians: Tensor | None
    kinds: tuple[str, ...]
    marginal_tolerance: float
    dt: float | None

    @property
    def spectral_radii(self) -> Tensor:
        """Max |lambda|, [p]."""
        return self.eigenvalues[:, 0].abs()

    @property
    def n_unstable(self) -> Tensor:
        """The number of eigenvalues outside the unit circle, [p]."""
        return n_unstable(self.eigenvalues, self.marginal_tolerance)

    @property
    def stable(self) -> Tensor:
        """Whether each is stable, [p]; a marginal point is not."""
        return torch.tensor([kind.startswith("stable") for kind in self.kinds], dtype=torch.bool)

    @property
    def time_constants(self) -> Tensor:
        """-1 / ln |lambda|, [p, n]: positive for decay, negative for growth; in steps, or in the unit of ``dt``."""
        return time_constants(self.eigenvalues) * (self.dt or 1.0)

    @property
    def rates(self) -> Tensor:
        """ln(lambda) / dt, [p, n], complex: e^(rate t) is how a mode goes; per step where ``dt`` was not told."""
        return self.eigenvalues.log() / (self.dt or 1.0)

    @checked
    def alignment(self, inputs: ArrayLike | None = None, readout: ArrayLike | None = None) -> "pd.DataFrame":
        """|cosines| of right and left eigenvectors with input and readout directions, one row per point and mode.

        "left_input_0" is |w^H b| / (|w| |b|) with b = (dF/dx) x: how much of an input its mode selects;
        "right_readout_0" is |r^T v| / (|r| |v|): how much of a mode is read. Moduli, as the phase of an eigenvector is
        arbitrary; NaN for a direction 0. Only modes whose eigenvectors are kept have rows.

        Args:
            inputs: pulses [q, m]; by default each input alone.
            readout: [o, n], the readout's weight: a row for each output.

        Raises:
            ValueError: for inputs of a map without input, for no direction at all, and for wrong shapes.
        """
        named = directions_of(self.states.shape[-1], self.input_jacobians, inputs, readout)
        return alignment_table(self.eigenvalues, self.right_eigenvectors, self.left_eigenvectors, named)
