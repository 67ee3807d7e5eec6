"""What one checkpoint's map has: fixed points, cycles and other attractors, one row each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..attractors import AttractorKind, Attractors, cycle_states
from ..fixed_points import FixedPoints
from ..roots import residual_norms
from ..stability import attracts, n_unstable
from ..store import storable
from ..systems import AutonomousMap, IteratedMap, relative
from ..tables import Table

if TYPE_CHECKING:
    import pandas as pd

_SAMPLES = 64
"""States kept of a circle, torus, chaotic set or continuum: enough to tell one from another."""

_LEADING = 8
"""Multipliers kept of each: those that a bifurcation can take through the unit circle first."""

_SAME = 1e-6
"""Two states within this, times max(1, |h|), are one, as in both searches; converged ones agree to 1e-10."""


@storable
@dataclass(frozen=True, eq=False)
class InvariantSets(Table):
    """Fixed points, stable or not, cycles and other attractors; ``len`` counts them."""

    _dimensions: ClassVar = {"orbits": ("row", "", "unit"), "multipliers": ("row", "mode")}

    kinds: tuple[str, ...]
    """"fixed point", "cycle", "circle", "torus", "chaotic" or "continuum"."""

    periods: Tensor
    """1 for fixed points, k for cycles, 0 otherwise, [s]."""

    orbits: tuple[Tensor, ...]
    """[k, n] each: the point, all states of a cycle, or samples of another attractor."""

    residuals: Tensor
    """|F^k(h) - h|_2 of each first state, [s]; NaN for what is neither fixed point nor cycle."""

    multipliers: Tensor
    """The leading eigenvalues of DF^k, complex, by falling modulus, [s, q]; NaN where there are none."""

    spectral_radii: Tensor
    """Growth of small deviations per step, [s]: |leading multiplier|^(1/k), or exp of the largest Lyapunov exponent."""

    n_unstable: Tensor
    """How many multipliers lie outside the unit circle, [s]."""

    stable: Tensor
    """Whether each is an attractor, [s]."""

    hits: Tensor
    """How many of the sampled states settled on each, [s]."""

    @property
    def reached(self) -> Tensor:
        """Whether sampled states settled on each, [s]."""
        return self.hits > 0

    @property
    def states(self) -> Tensor:
        """The first state of each, [s, n]."""
        return torch.stack([orbit[0] for orbit in self.orbits]) if self.orbits else torch.empty(0, 0)

    @property
    def counts(self) -> dict[AttractorKind, int]:
        """How many attractors of each kind were reached."""
        reached = [kind for kind, hit in zip(self.kinds, self.reached.tolist(), strict=True) if hit]
        return {kind: reached.count(kind) for kind in AttractorKind if kind in reached}

    @property
    def count(self) -> int:
        """How many attractors were reached: the true count beside the published measure."""
        return int(self.reached.sum())

    def to_pandas(self) -> "pd.DataFrame":
        """One row per set."""
        import pandas as pd

        return pd.DataFrame(
            {
                "kind": self.kinds,
                "period": self.periods.numpy(),
                "stable": self.stable.numpy(),
                "spectral_radius": self.spectral_radii.numpy(),
                "n_unstable": self.n_unstable.numpy(),
                "hits": self.hits.numpy(),
                "residual": self.residuals.numpy(),
            }
        )

    def summary(self) -> str:
        """One line: how many of which kind."""
        kinds = (kind for kind in AttractorKind if kind in self.kinds)
        listed = ", ".join(f"{number} {kind.named(number)}" for kind in kinds if (number := self.kinds.count(kind)))
        return self._counted("set") + (f": {listed}; {int(self.stable.sum())} stable" if listed else "")


@dataclass(frozen=True, eq=False)
class InvariantSet:
    """One set on its way into the table."""

    kind: str
    period: int
    orbit: Tensor
    residual: float
    multipliers: Tensor  # [q], complex, by falling modulus
    growth: float
    n_unstable: int
    stable: bool
    hits: int = 0


def sets_of(points: FixedPoints | None, found: Attractors, n: int) -> list[InvariantSet]:
    """The sets that both searches found, each once; hits are those of the first ``n`` starts."""
    hits = torch.bincount(found.labels[:n][found.labels[:n] >= 0], minlength=len(found))
    attractors = [_attractor(found, row, int(hits[row])) for row in range(len(found))]
    if points is None:
        return attractors
    rows = sets_of_points(points)
    for attractor in attractors:
        twin = set_on(rows, attractor.orbit[0], 1) if attractor.period == 1 else None
        if twin is None:
            rows.append(attractor)
        else:
            rows[twin] = attractor
    return rows


def set_on(rows: Sequence[InvariantSet] | InvariantSets, state: Tensor, period: int) -> int | None:
    """The fixed point or cycle of this period that ``state`` [n] is on."""
    if isinstance(rows, InvariantSets):
        known = list(zip(rows.periods.tolist(), rows.orbits, strict=True))
    else:
        known = [(row.period, row.orbit) for row in rows]
    mine = [(row, orbit.to(state)) for row, (own, orbit) in enumerate(known) if own == period]
    if not mine:
        return None
    orbits = torch.stack([orbit for _, orbit in mine])
    on = (relative(orbits - state, state, torch.ones_like(state)).amin(dim=-1) <= _SAME).tolist()
    return next((row for (row, _), same in zip(mine, on, strict=True) if same), None)


def table(rows: list[InvariantSet]) -> InvariantSets:
    """The rows as tensors, on the host."""
    multipliers = torch.full((len(rows), _LEADING), complex(torch.nan, torch.nan), dtype=torch.complex128)
    for index, row in enumerate(rows):
        leading = row.multipliers[:_LEADING]
        multipliers[index, : len(leading)] = leading
    return InvariantSets(
        kinds=tuple(row.kind for row in rows),
        periods=torch.tensor([row.period for row in rows], dtype=torch.int64),
        orbits=tuple(row.orbit.cpu() for row in rows),
        residuals=torch.tensor([row.residual for row in rows], dtype=torch.float64),
        multipliers=multipliers,
        spectral_radii=torch.tensor([row.growth for row in rows], dtype=torch.float64),
        n_unstable=torch.tensor([row.n_unstable for row in rows], dtype=torch.int64),
        stable=torch.tensor([row.stable for row in rows], dtype=torch.bool),
        hits=torch.tensor([row.hits for row in rows], dtype=torch.int64),
    )


def sets_of_points(points: FixedPoints) -> list[InvariantSet]:
    """A row for each fixed point."""
    return [
        InvariantSet(
            kind="fixed point",
            period=1,
            orbit=points.states[row : row + 1],
            residual=float(points.residuals[row]),
            multipliers=points.eigenvalues[row],
            growth=float(points.spectral_radii[row]),
            n_unstable=int(points.n_unstable[row]),
            stable=bool(points.stable[row]),
        )
        for row in range(len(points))
    ]


def _attractor(found: Attractors, row: int, hits: int) -> InvariantSet:
    period, evidence, orbit = int(found.periods[row]), found.evidence[row], found.orbits[row]
    if not period and len(orbit) > _SAMPLES:
        orbit = orbit[torch.linspace(0, len(orbit) - 1, _SAMPLES).long().to(orbit.device)]
    growth = float(found.largest_exponents[row].exp())
    return InvariantSet(found.kinds[row], period, orbit, evidence.residual, evidence.multipliers, growth, 0, True, hits)


def with_sets(
    system: AutonomousMap, rows: Sequence[InvariantSet], states: Sequence[tuple[int, Tensor]]
) -> list[InvariantSet]:
    """The rows, and one for each fixed point or cycle, given as a period and a state, that is not among them yet."""
    fresh: dict[int, list[Tensor]] = {}
    for period, state in states:
        if set_on(rows, state, period) is None:
            fresh.setdefault(period, []).append(state)
    rows = list(rows)
    for period, found in fresh.items():
        for row in _sets_at(system, torch.stack(found), period):
            if set_on(rows, row.orbit[0], period) is None:
                rows.append(row)
    return rows


def _sets_at(system: AutonomousMap, states: Tensor, period: int) -> list[InvariantSet]:
    """The fixed points or cycles through ``states`` [k, n], as rows."""
    turn = IteratedMap(system, period) if period > 1 else system
    spectra = turn.linearize(states)[1].eigenvalues().cpu().to(torch.complex128)
    residuals = residual_norms(turn, states).tolist()
    return [
        InvariantSet(
            kind="fixed point" if period == 1 else "cycle",
            period=period,
            orbit=cycle_states(system, state, period),
            residual=residual,
            multipliers=values,
            growth=float(values[0].abs()) ** (1 / period),
            n_unstable=int(n_unstable(values)),
            stable=bool(attracts(values)),
        )
        for state, values, residual in zip(states, spectra, residuals, strict=True)
    ]
