"""A line or ring of fixed or slow points, as an integrator of its inputs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..checks import ArrayLike, checked
from ..fixed_points import cosines, directions_of
from ..results import Noted, evenly
from ..stability import time_constants
from ..store import storable
from ..tables import Table

if TYPE_CHECKING:
    import pandas as pd

_ALONG = 0.9
"""A slow direction whose cosine with the curve is smaller does not lie along it."""

_REST, _NEUTRAL = 1e-9, 1e-6
"""All points rest if none drifts faster a step; they are isolated if an eigenvalue is no nearer to 1."""

_FORMATS = {
    "position": "{:.4g}".format,
    "speed": "{:.1e}".format,
    "eigenvalue": "{:.5f}".format,
    "time_constant": "{:.1f}".format,
    "drift": "{:.1e}".format,
    "tangent": "{:.3f}".format,
    "transverse": "{:.4f}".format,
}


@storable
@dataclass(frozen=True, eq=False)
class LineAttractor(Table, Noted, whole=("closed", "dt", "notes")):
    """Points h along a curve, one row each, with the slow mode of DF along it there (Mante et al. 2013).

    With the right eigenvector v of that mode, its left eigenvector w, scaled so that w^T v = 1, and F(h + d, x + u) =
    h + (F(h, x) - h) + DF d + (dF/dx) u + ...: a step moves the state along v by

        drift = w^T (F(h) - h)    without a change of input, and by    w^T (dF/dx) u    for a pulse u.

    v points towards growing ``positions``. What a pulse does across the line is forgotten as ``transverse`` says,
    so w selects which inputs are integrated. Each point has its own v and w: a curve turns, and so do they.
    """

    _formats = _FORMATS

    states: Tensor
    """[m, n], in order along the curve."""

    positions: Tensor
    """Length of the polygon from the first point to each, [m]."""

    speeds: Tensor
    """|F(h) - h|_2, [m]."""

    tangents: Tensor
    """Unit vectors from the neighbour before to the one after, [m, n]."""

    eigenvalues: Tensor
    """Of DF that along the curve among those nearest to 1, [m], complex; of a pair the one above the real axis."""

    directions: Tensor
    """v, [m, n], |v|_2 = 1; of a complex pair the vector of its plane that is nearest to the tangent."""

    selection_vectors: Tensor
    """w, [m, n], w^T v = 1; orthogonal to all other modes. Infinite or huge where the eigenvalue is defective."""

    transverse: Tensor
    """Max |lambda| of all other modes, [m]: below 1 the line attracts."""

    drifts: Tensor
    """w^T (F(h) - h), [m]: per step, positive towards growing positions."""

    input_jacobians: Tensor | None
    """dF/dx, [m, n, q], of a held network; None for a map without input."""

    closed: bool
    """Whether it is a ring: the first point is the neighbour of the last."""

    dt: float | None = None
    """The time that a step takes (``as_map(dt=...)``): time constants are in its unit."""

    @property
    def input_projections(self) -> Tensor | None:
        """w^T dF/dx, [m, q]: how far a pulse of size 1 of each input moves the state along the line."""
        if self.input_jacobians is None:
            return None
        return (self.selection_vectors.unsqueeze(-2) @ self.input_jacobians).squeeze(-2)

    @property
    def time_constants(self) -> Tensor:
        """-1 / ln |lambda| along the line, [m]: in steps, or in the unit of ``dt``; negative for growth."""
        constants = time_constants(self.eigenvalues) * (self.dt or 1.0)
        return constants.where(constants.isfinite(), torch.inf)  # an eigenvalue 1 neither decays nor grows

    @property
    def along(self) -> Tensor:
        """The cosine of v and tangent, [m]: 1 where the slow direction is that of the curve."""
        return cosines(self.directions, self.tangents)

    @property
    def length(self) -> float:
        """Of the polygon through its points; of a ring without the edge that closes it."""
        return float(self.positions.max() - self.positions.min()) if len(self) else 0.0

    @checked
    def alignment(self, inputs: ArrayLike | None = None, readout: ArrayLike | None = None) -> "pd.DataFrame":
        """Cosines of v ("right") and w ("left") with input and readout directions, one row per point.

        left_input: how much of an input is selected; right_readout: how much of the line is read. With a sign, since
        v points along the line; NaN for a direction 0.

        Args:
            inputs: pulses [k, q], whose directions are (dF/dx) x; by default each input alone.
            readout: [o, n], the readout's weight: a row for each output.

        Raises:
            ValueError: for inputs of a map without input, for no direction at all, and for wrong shapes.
        """
        import pandas as pd

        named = directions_of(self.states.shape[-1], self.input_jacobians, inputs, readout)
        sides = (("right", self.directions), ("left", self.selection_vectors))
        columns = {
            f"{side}_{name}": cosines(vectors, direction).numpy()
            for side, vectors in sides
            for name, direction in named.items()
        }
        return pd.DataFrame({"position": self.positions.numpy(), **columns})

    def to_pandas(self) -> "pd.DataFrame":
        """One row per point, in order: "tangent" is the cosine of slow direction and curve, "input_0" a projection."""
        import pandas as pd

        pulses = self.input_projections
        values = self.eigenvalues if self.eigenvalues.imag.any() else self.eigenvalues.real
        return pd.DataFrame(
            {
                "position": self.positions.numpy(),
                "speed": self.speeds.numpy(),
                "eigenvalue": values.numpy(),
                "time_constant": self.time_constants.numpy(),
                "drift": self.drifts.numpy(),
                "tangent": self.along.numpy(),
                "transverse": self.transverse.numpy(),
                **({} if pulses is None else {f"input_{k}": pulses[:, k].numpy() for k in range(pulses.shape[1])}),
            }
        )

    def summary(self) -> str:
        """One line: how many points, how long, how fast it drifts."""
        text = f"{'ring' if self.closed else 'line'} of {self._counted('point')}"
        if not len(self):
            return text
        text += f", length {self.length:.4g}, drift along it at most {self.drifts.abs().max():.1e} a step"
        return text + f", |lambda - 1| at most {(self.eigenvalues - 1).abs().max():.1e}"

    @property
    def advice(self) -> tuple[str, ...]:
        """Where it does not attract, and where the slow direction is not that of the curve."""
        lines: list[str] = []
        repelling, aside = int((self.transverse >= 1).sum()), int((self.along.abs() < _ALONG).sum())
        if repelling:
            lines.append(f"it does not attract from all sides at {repelling} of {len(self)} points (transverse)")
        if aside:
            lines.append(
                f"the slow direction leaves the curve at {aside} of {len(self)} points (tangent below {_ALONG}): points"
                " are few, or more than one direction is slow"
            )
        if len(self) and self.drifts.abs().max() < _REST and (self.eigenvalues - 1).abs().max() > _NEUTRAL:
            lines.append(
                "its points are fixed and it drifts between them: line_attractors(..., between=3) says how fast"
            )
        return tuple(lines)

    def _shown(self) -> "pd.DataFrame":
        return evenly(self.to_pandas())
