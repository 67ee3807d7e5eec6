"""``bifurcation_diagram``: all branches over a span, and the evidence that there are no more."""

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor

from ...attractors import Settle
from ...checks import ArrayLike, CheckedInside, Size, checked, require_positive, whole_number
from ...families import Family, Span
from ...fixed_points import Continuum, find_fixed_points
from ...progress import Progress, doing
from ...roots import Newton
from ...stopping import go_on, stoppable
from ...systems import DEFAULT_MEMORY_BUDGET, units_of, walk_units
from ..branch import Walk, checked_span
from .atlas import Atlas
from .continuum_branch import ContinuumBranch
from .continuum_following import ContinuumFollower
from .counting import count_branches, expected_index
from .results import BifurcationDiagram, Section
from .slices import section

_MORE_ROUNDS = 3
"""How often the search is repeated within intervals whose index sum shows that a branch is missing."""

_SHARE, _FEW = 4, 64
"""Every fourth search is thorough; those between take every fourth start, or all if these are few."""

_SECTION_STARTS = 64


@checked
@torch.no_grad()
def bifurcation_diagram(
    family: Annotated[Family, CheckedInside()],
    starts: ArrayLike,
    span: Annotated[tuple[float, float], CheckedInside()],
    *,
    searches: Size = 33,
    max_period: Size = 4,
    sections: Size = 9,
    walk: Walk | None = None,
    settle: Settle | None = None,
    max_branches: Size = 1000,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> BifurcationDiagram:
    """Find every branch of fixed points over a span, disjoint ones and isolas too, and say whether any are missing.

    Fixed points are searched for at parameters all over the span. Each that is on no branch yet begins one, which is
    walked to both its ends; at its branch points the crossing branch is walked too, at its flips that of the doubled
    cycle. Then the branches are counted between bifurcations, and the sum of their indices checked: where maps take a
    box into itself it is 1, elsewhere it must at least stay the same. Intervals with another sum are searched again.

    Lines, rings and sheets of fixed points are no branches: each is followed over the parameter as one object, from
    where it is born to where it ends, with its stability across it. Where there is one, indices do not sum to 1.

    Args:
        family: p -> map; see ``continue_fixed_point``.
        starts: [k, n], where searches begin; states along trajectories with noise (``sample_states``) are best. They
            say what is small in each coordinate: branches are walked in such units (``systems.walk_units``).
        span: the parameters from and to.
        searches: at how many parameters fixed points are searched for, evenly over the span: at every fourth from all
            starts and by further rounds, between from a quarter of the starts, since it is pairs of points that exist
            for a while that are to be caught there. A pair that exists between two of these only is not seen.
        max_period: cycles that period doubling leads to are followed up to this period; 1 for none.
        sections: at how many parameters attractors of other kinds (circles, chaos, cycles on no branch) are looked for,
            from 64 of the starts and what was found before; 0 for none. It may cost as much as all the rest.
        walk: how each branch is walked, as in ``continue_fixed_point``.
        settle: how the starts of a section settle, as in ``find_attractors``.
        max_branches: the search ends at so many branches and says so; trained networks have up to some dozens.
        memory_budget: bytes for Jacobians at a time.
        seed: of searches.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        Branches, joins, counts with index sums, sections. Ctrl-C ends it early and keeps what is finished.

    Raises:
        ValueError: for a span that is none, a family that does not give maps, or starts of the wrong shape.
    """
    require_positive(memory_budget=memory_budget)
    inner = checked_span(family, span)
    states = inner.system(0.0).as_states(starts, "starts")
    searches = whole_number(searches, "searches", 1)
    sections = whole_number(sections, "sections", 0)
    max_period = whole_number(max_period, "max_period", 1)
    middle = inner.system(0.5)
    units = walk_units(middle, states, sampled=True)
    most = whole_number(max_branches, "max_branches", 1)
    atlas = Atlas(inner, units, walk or Walk(), max_period, memory_budget, most)
    follower = ContinuumFollower(inner, units_of(middle, states), memory_budget)
    search = _Search(atlas, states, memory_budget, seed)
    looked: list[tuple[float, list[Section]]] = []
    continua: tuple[ContinuumBranch, ...] = ()
    total = searches + sections
    with stoppable() as stop, Progress("diagram", progress, total=total, unit="stage") as bar:
        atlas.on_branch = lambda count: bar.note(branches=count)
        for number, t in enumerate(_evenly(inner, searches)):
            follower.found(t, search.at(t, thorough=number % _SHARE == 0 or number == searches - 1))
            bar.update()
        continua = follower.branches()
        _fill_gaps(search, inner, continua)
        looked = _looked(atlas, states, inner, sections, settle, memory_budget, seed, bar.update)
    atlas.stitched()
    branches = sorted(atlas.branches, key=lambda branch: branch.period)
    atlas.branches = branches
    counts = count_branches(branches, span, continua, atlas.box_at)
    expected, reason = expected_index(inner)
    return BifurcationDiagram(
        span=(float(span[0]), float(span[1])),
        branches=tuple(branches),
        joins=tuple(atlas.joins()),
        searched=torch.tensor(search.parameters, dtype=torch.float64),
        n_searched=torch.tensor([len(atlas.known(t)) for t in search.parameters]),
        missed=tuple(atlas.missed),
        intervals=counts.intervals,
        counts=counts.counts,
        stable_counts=counts.stable_counts,
        index_sums=counts.index_sums,
        expected_index=expected,
        sections=tuple(each for _, found in looked for each in found),
        sectioned=torch.tensor([t for t, _ in looked], dtype=torch.float64),
        interrupted=bool(stop),
        continua=continua,
        index_reason=reason,
        index_valid=counts.valid,
        limited=atlas.limited,
    )


class _Search:
    """Searches for fixed points, and a branch for each that has none."""

    def __init__(self, atlas: Atlas, starts: Tensor, memory_budget: int, seed: int) -> None:
        self._atlas, self._starts, self._budget, self._seed = atlas, starts, memory_budget, seed
        self.parameters: list[float] = []

    @doing("searches")
    def at(self, t: float, thorough: bool = True) -> tuple[Continuum, ...]:
        """Search at one parameter, from the starts and from what branches have there; the continua that are there."""
        system = self._atlas.span.system(self._atlas.span.inner(t))
        known = self._atlas.known(t)
        starts = self._starts
        if not thorough:
            starts = starts[len(self.parameters) % _SHARE :: _SHARE] if len(starts) > _FEW else starts
        found = find_fixed_points(
            system,
            torch.cat([known, starts]),
            Newton(slow_points=0),
            extra_starts=None if thorough else 0,
            memory_budget=self._budget,
            seed=self._seed + len(self.parameters),
        )
        go_on()
        self.parameters.append(t)
        for state in found.states:
            self._atlas.add(state.to(self._starts), t)
        return found.continua


def _evenly(span: Span, count: int) -> list[float]:
    """From the start to the end; the middle alone for one. Never exactly at 0 or the like, where symmetry may rule."""
    if count == 1:
        return [span.parameter(0.5)]
    return [span.parameter(index / (count - 1)) for index in range(count)]


@doing("searches where the index sum is wrong")
def _fill_gaps(search: _Search, span: Span, continua: tuple[ContinuumBranch, ...]) -> None:
    """Search where the index sum shows that something is missing, until it does not or that is no help."""
    atlas = search._atlas
    wanted, _ = expected_index(span)
    for _ in range(_MORE_ROUNDS):
        counts = count_branches(atlas.branches, (span.start, span.end), continua, atlas.box_at)
        wrong = counts.wrong(wanted)
        before = len(atlas.branches)
        for row in wrong:
            search.at(float(counts.intervals[row].mean()))
        if not wrong or len(atlas.branches) == before:
            return


@doing("sections")
def _looked(
    atlas: Atlas,
    starts: Tensor,
    span: Span,
    count: int,
    settle: Settle | None,
    memory_budget: int,
    seed: int,
    advance: Callable[[], object],
) -> list[tuple[float, list[Section]]]:
    """Sections from the span's start to its end, each going on from what the one before found."""
    looked: list[tuple[float, list[Section]]] = []
    found: list[Section] = []
    for t in _evenly(span, count) if count else []:
        found = section(atlas, t, starts[:_SECTION_STARTS], found, settle, memory_budget, seed)
        looked.append((t, found))
        advance()
    return looked
