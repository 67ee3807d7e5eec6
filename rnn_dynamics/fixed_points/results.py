"""The fixed points that a search found, as a table of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from ..checks import ArgumentError
from ..results import Noted
from ..roots import Reason, advice_of
from ..stability import fixed_point_index
from ..store import storable
from ..tables import Table
from .completeness import Completeness, Round
from .continua import Continuum
from .linearised import DIMENSIONS, FORMATS, Linearised
from .slow_table import SlowPoints

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class FixedPoints(  # pyright: ignore[reportIncompatibleVariableOverride]
    Linearised,
    Table,
    Noted,
    whole=("marginal_tolerance", "reasons", "slow", "continua", "completeness", "notes", "dt"),
    pointers=("labels",),
):
    """The distinct fixed points of a map, one row each, stable ones first; ``len`` counts them.

    Modes, with DF = dF/dh at the point, F acting on column vectors, h' = DF h near it:

        DF v_i = lambda_i v_i,    w_i^H DF = lambda_i w_i^H,    |v_i|_2 = 1,    w_i^H v_j = 1 if i = j, else 0

    ``eigenvalues[p, i]`` is lambda_i, by falling modulus, ``right_eigenvectors[p, :, i]`` is v_i, the direction that
    the mode moves along, and ``left_eigenvectors[p, :, i]`` is w_i: of a deviation d from the point, w_i^H d is the
    share of mode i (``torch.vdot(w_i, d)``, which conjugates), and of an input pulse x it is w_i^H (dF/dx) x.
    Vectors of complex pairs are conjugate; the phase of each v_i is LAPACK's. Where an eigenvalue is defective w_i is
    infinite or huge. All n eigenvalues are there, but vectors of the m = ``n_modes`` leading ones only; ``repr`` says
    so where m < n, and ``find_fixed_points(..., modes=n)`` keeps all.

    ``points[0]``, ``points[points.stable]`` and the like are choices of rows (see ``tables.Table``): labels of starts
    that went to other points are then -1, slow points and continua are left out, and no index sum is given.
    """

    _formats = FORMATS

    _dimensions: ClassVar = DIMENSIONS | {"labels": ("start",), "reasons": ("start",)}

    states: Tensor
    """[p, n]."""

    residuals: Tensor
    """|F(h) - h|_2 of these very states, [p]."""

    eigenvalues: Tensor
    """Of DF, [p, n], complex, by falling modulus."""

    right_eigenvectors: Tensor
    """[p, n, m]: columns v with DF v = lambda v for the m leading eigenvalues, |v|_2 = 1."""

    left_eigenvectors: Tensor
    """[p, n, m]: columns w with w^H DF = lambda w^H, scaled so that w^H v = 1."""

    input_jacobians: Tensor | None
    """dF/dx, [p, n, m], of a held network; None for a map without input."""

    marginal_tolerance: float
    """How near to the unit circle an eigenvalue leaves stability undecided."""

    kinds: tuple[str, ...]
    """"stable node", "saddle focus", ...; see ``stability.kinds``."""

    hits: Tensor
    """How many of the user's starts ended at each, [p]; 0 where only the search's own starts did."""

    origins: tuple[str, ...]
    """Which starts found each point first: "starts", "midpoints", "combinations", "noise", "box", "afar"; "regions" if
    it was none."""

    labels: Tensor
    """For each of the user's starts the row of its point, or -1, [k]."""

    reasons: Tensor
    """For each of the user's starts its ``Reason`` code, [k]."""

    slow: SlowPoints
    """Slow points met on the way."""

    continua: tuple[Continuum, ...]
    """Lines, rings and sheets of fixed or slow points, which are not among the rows."""

    completeness: Completeness
    """Whether points are missing."""

    dt: float | None = None
    """The time that a step takes, in the user's unit (``as_map(dt=...)``): time constants are in it, rates per it."""

    def _of_a_choice(self, _: list[int], /) -> dict[str, Any]:
        return {"slow": self.slow[:0], "continua": (), "completeness": self.completeness.of_a_choice()}

    def unstable_directions(self, row: int) -> list[tuple[int, Tensor]]:
        """Unit vectors [n] that span where a point repels, each with the mode that it belongs to.

        Of a complex pair, given by its first mode, the real and the imaginary part span the plane that both turn in.

        Raises:
            ValueError: if fewer eigenvectors are kept than there are unstable directions.
        """
        vectors, unstable = self.right_eigenvectors[row].T, int(self.n_unstable[row])
        if unstable > len(vectors):
            raise ArgumentError(
                "points",
                f"must hold the eigenvectors of all unstable directions: point {row} has {unstable}, but"
                f" eigenvectors of {len(vectors)}; find_fixed_points(..., modes={unstable}) keeps them",
            )
        spanning: list[tuple[int, Tensor]] = []
        for mode in range(unstable):  # eigenvalues fall
            turns = float(self.eigenvalues[row, mode].imag)
            if turns >= 0:  # one of each complex pair
                parts = [vectors[mode].real] + ([vectors[mode].imag] if turns > 0 else [])
                spanning += [(mode, part / part.norm()) for part in parts]
        return spanning

    @property
    def n_modes(self) -> int:
        """How many leading eigenvalues have their eigenvectors kept, m."""
        return self.right_eigenvectors.shape[-1]

    @property
    def index_sum(self) -> int | None:
        """The sum of sign det(I - DF); anything but 1 or None proves that points are missing."""
        return self.completeness.index_sum

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the search early: points that it had not come to are missing."""
        return self.completeness.interrupted

    @property
    def fractions(self) -> Tensor:
        """The share of the user's starts that ended at each, [p]."""
        return self.hits.double() / max(1, len(self.labels))

    @property
    def outcomes(self) -> tuple[str, ...]:
        """For each of the user's starts "found", "slow" or "failed"."""
        return tuple(Reason(code).status.name.lower() for code in self.reasons.tolist())

    def to_pandas(self) -> "pd.DataFrame":
        """One row per fixed point."""
        import pandas as pd

        return pd.DataFrame(
            {
                "kind": self.kinds,
                "spectral_radius": self.spectral_radii.numpy(),
                "n_unstable": self.n_unstable.numpy(),
                "time_constant": self.time_constants[:, 0].numpy() if len(self) else [],
                **({"rate": self.rates[:, 0].numpy()} if self.dt is not None and len(self) else {}),
                "index": fixed_point_index(self.eigenvalues, self.marginal_tolerance).numpy(),
                "residual": self.residuals.cpu().numpy(),
                "hits": self.hits.numpy(),
                "share": self.fractions.numpy(),
                "origin": self.origins,
            }
        )

    def summary(self) -> str:
        """One line: how many of which kind."""
        by_unstable = torch.bincount(self.n_unstable, minlength=1).tolist() if len(self) else []
        parts = [f"{count} with {k} unstable" for k, count in enumerate(by_unstable) if k and count]
        n_stable = int(self.stable.sum())
        n_marginal = sum(kind.startswith("marginal") for kind in self.kinds)
        text = f"{self._counted('fixed point')}: {n_stable} stable"
        if parts:
            text += ", " + ", ".join(parts) + " direction" + "s" * (by_unstable[-1] * (len(by_unstable) - 1) != 1)
        if n_marginal:
            text += f" ({n_marginal} marginal)"
        if self.continua:
            text += "; " + "; ".join(map(repr, self.continua))
        if len(self.slow):
            text += f"; {len(self.slow)} slow point{'s' * (len(self.slow) != 1)}"
        return text

    @property
    def advice(self) -> tuple[str, ...]:
        """For each way in which starts did not end at a fixed point, how many did and what to do.

        Nothing for a choice of rows.
        """
        return advice_of(self.reasons) if self.chosen_from is None else ()

    def _left_out(self) -> list[str]:
        m, n = self.n_modes, self.eigenvalues.shape[-1]
        return [f"eigenvectors of the {m} leading modes of {n}; modes={n} keeps all"] if len(self) and m < n else []

    def _notes(self) -> Sequence[str]:
        return [self.completeness.verdict, *self._left_out(), *self.advice]


storable(Completeness)
storable(Round)
storable(Continuum)
