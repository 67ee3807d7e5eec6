"""All cycles of a given period, unstable ones too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, AtMost, Size, Told, checked
from ..fixed_points import Completeness, Continuum, FixedPoints, find_fixed_points
from ..results import Noted
from ..roots import Newton, RootSolver
from ..stability import n_unstable
from ..store import storable
from ..systems import (
    DEFAULT_MEMORY_BUDGET,
    AutonomousMap,
    Box,
    IteratedMap,
    Linearization,
    ranks,
    relative,
    require_system,
    units_of,
)
from ..tables import Table
from .phases import cycle_states, leading_phase, minimal_period
from .results import FORMATS
from .shooting import PhaseMap, Shooting

if TYPE_CHECKING:
    import pandas as pd

_BOX_STARTS = 1024

_STEP = 0.5
"""The longest step of Newton's method for each state of a cycle: F^k folds the state space k times as much as F."""


@storable
@dataclass(frozen=True, eq=False)
class Cycles(Table, Noted, whole=("period", "n_roots", "continua", "completeness", "notes")):
    """The cycles of one minimal period, one row each, stable ones first; ``len`` counts cycles.

    ``cycles[0]``, ``cycles[cycles.stable]`` and the like are choices of rows (see ``tables.Table``).
    """

    _formats = FORMATS

    _dimensions: ClassVar = {"orbits": ("row", "phase", "unit"), "multipliers": ("row", "mode")}

    period: int

    orbits: Tensor
    """[c, k, n]: the states of each in order, the one with the smallest first coordinate leading."""

    residuals: Tensor
    """The largest |F(h_i) - h_(i+1)|_2 round each cycle, [c]."""

    multipliers: Tensor
    """Eigenvalues of DF^k, [c, n], complex, by falling modulus."""

    kinds: tuple[str, ...]
    """"stable node", "saddle flip", ...: of the leading state as a fixed point of F^k."""

    n_roots: int
    """How many fixed points F^k has in all, those of shorter cycles included."""

    continua: tuple[Continuum, ...]
    """Lines, rings and sheets of fixed points of F^k, which are not among the rows."""

    completeness: Completeness
    """Of the search for the fixed points of F^k: whether any are missing."""

    def _of_a_choice(self, _: list[int], /) -> dict[str, Any]:
        return {"continua": (), "completeness": self.completeness.of_a_choice()}

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the search early: cycles that it had not come to are missing."""
        return self.completeness.interrupted

    @property
    def n_unstable(self) -> Tensor:
        """The number of multipliers outside the unit circle, [c]."""
        return n_unstable(self.multipliers)

    @property
    def stable(self) -> Tensor:
        """Whether each is stable, [c]."""
        return torch.tensor([kind.startswith("stable") for kind in self.kinds], dtype=torch.bool)

    def to_pandas(self) -> "pd.DataFrame":
        """One row per cycle."""
        import pandas as pd

        return pd.DataFrame(
            {
                "kind": self.kinds,
                "period": [self.period] * len(self),
                "largest_multiplier": self.multipliers[:, 0].abs().numpy(),
                "n_unstable": self.n_unstable.numpy(),
                "residual": self.residuals.cpu().numpy(),
            }
        )

    def summary(self) -> str:
        """One line."""
        stable = int(self.stable.sum())
        text = f"{self._counted('cycle')} of period {self.period} ({stable} stable)"
        if self.chosen_from is not None:
            return text
        return f"{text}; F^{self.period} has {self.n_roots} isolated fixed point{'s' * (self.n_roots != 1)}" + "".join(
            f" and a {continuum!r}" for continuum in self.continua
        )

    def _notes(self) -> Sequence[str]:
        return [self.completeness.verdict]


@checked
def find_cycles(
    system: AutonomousMap,
    period: Annotated[int, AtMost(), Told("an integer of 1 or more")],
    starts: ArrayLike | None = None,
    solver: RootSolver | None = None,
    *,
    extra_starts: Size | None = None,
    merge_tolerance: float = 1e-6,
    max_steps: Size = 100,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> Cycles:
    """Find the cycles of minimal period ``period``: roots of F^k(h) - h that no smaller k has.

    The search is that of ``find_fixed_points`` on F^k, whose indices must sum to 1 as well where F takes a box into
    itself; a root is a cycle of period k if no proper divisor of k brings it back. Each start is solved for all k
    states of a cycle at once. The cycles of all proper divisors of k, searched for first, and all phases of the cycles
    found are roots too, and are entered before the sum is taken.

    Args:
        system: the map.
        period: k >= 1. Work per step grows as k; multipliers grow as their k-th power, and those above 1e12 or so are
            beyond float64: cycles are then found, but not what kind they are.
        starts: [k, n]; 1,024 uniform states of the system's box by default, where it has one.
        solver: of the equation for the k states; by default ``Newton()`` with steps of 0.5 at most for each of them,
            since F^k folds the state space k times as much.
        extra_starts, max_steps, memory_budget: of ``find_fixed_points``.
        merge_tolerance: roots nearer than this, times max(1, |h|), are one; a state that comes back to within it
            after a divisor of k belongs to a shorter cycle.
        seed: of the starts.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Raises:
        ValueError: for a period below 1, starts that do not fit, or no starts where no box is known.
    """
    require_system(system)
    if not isinstance(period, int) or period < 1:
        raise ArgumentError("period", f"must be an integer of 1 or more, got {period!r}")
    if starts is None:
        box = system.box
        if not isinstance(box, Box):
            raise ArgumentError("starts", f"are needed, since no box is known to draw them from: {box.reason}")
        starts = box.sample(_BOX_STARTS, torch.Generator().manual_seed(seed))
    search = partial(
        find_fixed_points,
        extra_starts=extra_starts,
        merge_tolerance=merge_tolerance,
        max_steps=max_steps,
        memory_budget=memory_budget,
        seed=seed,
        progress=progress,
    )
    known = system.as_states(starts, "starts")[:0]
    for length in (divisor for divisor in range(1, period) if period % divisor == 0):
        known = torch.cat([known, _roots(search, system, length, known, starts, solver).states])
    points = _roots(search, system, period, known, starts, solver)
    units = units_of(system, system.as_states(starts, "starts"))
    return replace(_grouped(system, points, period, merge_tolerance, units), notes=system.notes)


class _KnownRoots(IteratedMap):
    """F^k, some of whose fixed points are known: those of shorter cycles."""

    def __init__(self, system: AutonomousMap, period: int, known: Tensor) -> None:
        super().__init__(system, period)
        self.known = known

    @property
    def known_roots(self) -> Tensor:
        return self.known


def _roots(
    search: Callable[..., FixedPoints],
    system: AutonomousMap,
    period: int,
    known: Tensor,
    starts: ArrayLike,
    solver: RootSolver | None,
) -> FixedPoints:
    """The fixed points of F^period, ``known`` [p, n] ones of shorter cycles among them."""
    solver = solver or Newton(step_bound=_STEP * period**0.5, slow_points=0)
    if period == 1:
        return search(system, starts, solver)
    return search(_KnownRoots(system, period, known), starts, Shooting(solver))


@torch.no_grad()
def _grouped(system: AutonomousMap, points: FixedPoints, period: int, merge_tolerance: float, units: Tensor) -> Cycles:
    """The roots of F^k grouped into cycles, each with all its states solved for."""
    orbits: list[Tensor] = []
    kinds: list[str] = []
    n_roots = 0
    seen = points.states[:0]
    for row, state in enumerate(points.states):
        if len(seen) and bool(relative(seen - state, state, units).min() <= 10 * merge_tolerance):
            continue
        length = minimal_period(system, state, period, merge_tolerance, units)
        orbit = cycle_states(system, state, length)
        seen = torch.cat([seen, orbit])
        n_roots += length
        if length == period:
            orbits.append(leading_phase(orbit, units))
            kinds.append(points.kinds[row])
    first = ranks(torch.stack([orbit[0] for orbit in orbits]), units) if orbits else []
    order = sorted(range(len(orbits)), key=lambda row: (kinds[row].split()[0] != "stable", first[row]))
    n = system.state_size
    stacked = torch.stack([orbits[row] for row in order]) if orbits else points.states.new_empty(0, period, n)
    # Iterated from one phase, the others would carry its rounding times the multipliers.
    whole = PhaseMap(system, period)
    parts = []
    for part in whole.chunks(len(stacked), DEFAULT_MEMORY_BUDGET):
        stacked[part], turns = whole.polished(stacked[part])
        parts.append(Linearization([turns], []).eigenvalues())
    multipliers = torch.cat(parts).cpu().to(torch.complex128) if parts else torch.empty(0, n, dtype=torch.complex128)
    gaps = system(stacked.flatten(0, 1)).view_as(stacked) - stacked.roll(-1, dims=1)
    return Cycles(
        period,
        stacked,
        gaps.norm(dim=-1).amax(dim=-1),
        multipliers,
        tuple(kinds[row] for row in order),
        n_roots,
        points.continua,
        points.completeness,
    )
