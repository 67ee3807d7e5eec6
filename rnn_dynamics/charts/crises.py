"""``find_crisis``: where a chaotic attractor meets a saddle on its boundary, and vanishes or widens at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..attractors import find_cycles, lyapunov_spectrum
from ..checks import ArgumentError, ArrayLike, Count, checked
from ..families import Family, Span
from ..progress import count, expect, shown
from ..stopping import go_on, stoppable
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap
from .coverage import Coverage
from .crisis_results import Crisis

_BLOCK = 64
"""Steps between two looks at where orbits are."""

_SPREAD = 1e-3
"""How far orbits are scattered at first, as a share of max(1, |h|): chaos does the rest."""

_GAINED = 3
"""Orbits have left once they were in so many boxes that are not beside the attractor's; or beyond all boxes."""

_SEEN = 8192
"""States of the attractor that distances are measured from."""

_OWN = 20.0
"""A cycle that is at first no farther from the attractor than so many of its samples' spacings is one within it."""

_NEARER = 0.25
"""To what share of the first distance the attractor has come near to a saddle that it meets."""

_ASKED_ANEW = 4
"""A place beyond is asked anew once the other bound has come nearer so often."""

_NEAR = 1e-4
"""Of the span: within such bounds a border that grows as the parameter does moves by less than a box."""

_CYCLES_FROM = 64
"""States that saddle cycles are searched from."""

_BACK, _AWAY = 0.9, 0.1
"""Shares of those that left and came back from which on a crisis is interior, or is a boundary crisis."""


@checked
@torch.no_grad()
@shown("crisis", unit="round")
def find_crisis(
    family: Family,
    start: ArrayLike,
    span: Sequence[float],
    *,
    orbits: Count = 2048,
    steps: Count = 4000,
    transient: Count = 1000,
    max_rounds: Count = 80,
    max_period: Count = 4,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,  # noqa: ARG001
) -> Crisis:
    """Bisect a parameter for where orbits leave the region of a chaotic attractor, however near to where they do not.

    Orbits that fill the attractor at the last parameter before go on at a new one. If they come to boxes of the state
    space that it had nothing in, the crisis is passed. A border that grows smoothly does not show once the two
    parameters are near; a crisis does. Then it is asked which unstable cycle, far from the attractor at the beginning
    of the span, it touches now: it lies on the boundary of the basin, or of the part that the attractor had.

    Args:
        family: t -> map.
        start: a state [n] whose orbit goes to the attractor at the beginning of the span.
        span: where the attractor still is as it was, and where it is not: two values, rising or falling.
        orbits: side by side.
        steps: of each at each parameter. Just past a crisis orbits leave rarely, so that orbits times steps decide how
            near to it ``beyond`` comes: for logistic maps as the inverse square.
        transient: steps before, which bring the orbits to the attractor.
        max_rounds: halvings of the span, and places asked anew.
        max_period: of the saddle cycles that are searched for.
        memory_budget: bytes for Jacobians at a time.
        seed: of how orbits are scattered.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        Of which kind it is, within which bounds, the saddle; or why it is none. ``before`` is what was not seen to
        leave, not what cannot. Ctrl-C keeps the bounds by then.

    Raises:
        ValueError: for a start that does not fit or runs away at the beginning of the span, or a span that is no span.

    Source: Grebogi, Ott and Yorke 1983, doi:10.1016/0167-2789(83)90126-4.
    """
    ends = [float(value) for value in span]
    if len(ends) != 2 or ends[0] == ends[1] or not all(map(math.isfinite, ends)):
        raise ArgumentError("span", f"must be two different finite numbers, got {list(span)[:12]}")
    way = Span(family, ends[0], ends[1])
    system = way.system(0.0)
    state = system.as_states(start, "start")
    if len(state) != 1:
        raise ArgumentError("start", f"must be one state, got {len(state)}")
    scattered = torch.randn(orbits, system.state_size, generator=torch.Generator().manual_seed(seed)).to(state)
    state = system.iterate(state, transient)
    begin = system.iterate(state + _SPREAD * state.abs().clamp(min=1.0) * scattered, transient)
    begin = begin[begin.isfinite().all(dim=1)]
    if not bool(state.isfinite().all()) or not len(begin):
        raise ArgumentError("start", f"runs away at {ends[0]:g}, where the span begins")
    orbits = len(begin)
    first = _Probe.of(system, begin, steps)
    expect(max_rounds)
    search = _Search(way, steps, first)
    with stoppable() as stop:
        search.run(max_rounds)
    before, beyond, inside, outside = search.before, search.beyond[-1], search.inside, search.outside
    system = way.system(before)
    kind, reason, left, back = _judged(way.system(beyond), inside, outside, steps)
    if not search.near and kind != "none":
        reason = f"the bounds are still wide after {max_rounds} rounds: a border that grows may be all there is"
        kind = "none" if not stop else kind
    value, error = _exponent(system, inside.last, seed)
    if not value > 3 * error:  # within a periodic window, whose ends are no end of the attractor
        value, error = _exponent(way.system(0.0), first.last, seed)
    if kind != "none" and not value > 3 * error:
        kind, reason = "none", f"the attractor is not chaotic (exponent {value:.3g}): it bifurcates"
    saddle = None if kind == "none" or stop else _saddle(way, before, first, inside, outside, max_period, memory_budget)
    if kind != "none" and saddle is None and not stop:
        reason = (
            f"orbits go elsewhere from {way.parameter(beyond):.9g} on, but no saddle cycle of up to {max_period} states"
            " meets the attractor there: it may have grown, or left a periodic window"
        )
        kind = "none"
    return Crisis(
        kind=kind,
        reason=reason,
        before=way.parameter(before),
        beyond=way.parameter(beyond),
        left=left,
        returned=back,
        orbits=orbits,
        steps=steps,
        exponent=value,
        exponent_error=error,
        saddle=None if saddle is None else saddle.orbit.cpu(),
        multipliers=None if saddle is None else saddle.multipliers.cpu(),
        distance_first=math.nan if saddle is None else saddle.first,
        distance=math.nan if saddle is None else saddle.last,
        notes=system.notes,
        interrupted=bool(stop),
    )


class _Search:
    """The bisection: the last place that nothing was seen to leave, and places beyond, the nearest last.

    What left the boxes of a distant place need not leave those of a near one, where a border only grows. So a place
    beyond is asked anew when the other has come nearer, and is no longer beyond if nothing leaves then.
    """

    def __init__(self, way: Span, steps: int, first: "_Probe") -> None:
        self.way, self.steps = way, steps
        self.before, self.beyond = 0.0, [1.0]
        self.inside = self.outside = first
        self.near = False
        self.nearer = 0
        """How often ``before`` moved on since the nearest place beyond was last asked."""

    def run(self, max_rounds: int) -> None:
        """Halve the span until its ends are neighbours among numbers."""
        self.outside = self._ask(1.0)
        for _ in range(max_rounds):
            if not self.outside.gone:
                if not self._passed():
                    return
            else:
                middle = (self.before + self.beyond[-1]) / 2
                ends = [self.way.parameter(place) for place in (self.before, self.beyond[-1])]
                if self.way.parameter(middle) in ends or self.nearer >= _ASKED_ANEW:
                    done = self.nearer == 0
                    self.outside, self.nearer = self._ask(self.beyond[-1]), 0
                    if done:
                        break
                else:
                    self._halve(middle)
            count()
        self.near = self.beyond[-1] - self.before <= _NEAR

    def _halve(self, middle: float) -> None:
        probe = self._ask(middle)
        if probe.gone:
            self.beyond.append(middle)
            self.outside, self.nearer = probe, 0
        else:
            self.before, self.inside = middle, probe
            self.nearer += 1

    def _passed(self) -> bool:
        """Go on from the nearest place beyond, which was none; False if it was the last."""
        if len(self.beyond) == 1:
            return False
        self.before, self.inside = self.beyond.pop(), self.outside
        self.outside, self.nearer = self._ask(self.beyond[-1]), 0
        return True

    def _ask(self, place: float) -> "_Probe":
        probe = _Probe.of(self.way.system(place), self.inside.last, self.steps, self.inside)
        go_on()  # orbits that were cut off did not stay
        return probe


@dataclass(frozen=True, eq=False)
class _Probe:
    """Orbits at one parameter: where they were, and whether they left where others had been."""

    coverage: Coverage
    last: Tensor
    seen: Tensor
    """Some of their states, [s, n]."""

    gone: bool
    strays: Tensor
    """The states of those that had left when that was noticed, [l, n]."""

    @classmethod
    def of(cls, system: AutonomousMap, states: Tensor, steps: int, before: "_Probe | None" = None) -> "_Probe":
        """Follow orbits until they leave, or the steps are used up."""
        coverage = Coverage(states) if before is None else before.coverage.copy()
        known = None if before is None else before.coverage.around()
        gained = None if before is None else torch.zeros_like(coverage.boxes)
        every = max(1, steps * len(states) // _SEEN)
        seen, strays, left, gone = [], states[:0], torch.zeros(len(states), dtype=torch.bool), False
        taken = 0
        for begin in range(0, steps, _BLOCK):
            path = []
            for _ in range(min(_BLOCK, steps - begin)):
                states = system(states)
                path.append(states)
            block = torch.stack(path)
            coverage.add(block)
            flat = block.flatten(0, 1)
            seen.append(flat[(-taken) % every :: every])
            taken += len(flat)
            if before is not None and known is not None and gained is not None:
                places = before.coverage.places(block)
                new = (places < 0) | ~known[places.clamp(min=0)]
                gained[places[new & (places >= 0)]] = True
                if bool((places < 0).any()) or int(gained.sum()) >= _GAINED:
                    gone = True
                    left = new.any(dim=0)
                    strays = states[left]
                    break
        all_seen = torch.cat(seen)
        return cls(coverage, states, all_seen[all_seen.isfinite().all(dim=1)], gone, strays)


def _judged(system: AutonomousMap, inside: _Probe, outside: _Probe, steps: int) -> tuple[str, str, int, int]:
    """The kind, what is not sure, and how many orbits left and came back."""
    if not outside.gone:
        return "none", "no orbit was seen to leave at the end of the span either", 0, 0
    strays, known = outside.strays, inside.coverage.around()
    back = torch.zeros(len(strays), dtype=torch.bool, device=strays.device)
    for _ in range(steps):
        strays = system(strays)
        places = inside.coverage.places(strays)
        back |= (places >= 0) & known[places.clamp(min=0)]
    share = float(back.double().mean())
    left, returned = len(back), int(back.sum())
    if share >= _BACK:
        return "interior crisis", "", left, returned
    reason = "" if share <= _AWAY else f"{returned} of {left} orbits that left came back: its kind is not clear"
    return "boundary crisis", reason, left, returned


def _exponent(system: AutonomousMap, states: Tensor, seed: int) -> tuple[float, float]:
    spectrum = lyapunov_spectrum(system, states[:8], 1, 2000, transient=100, seed=seed, progress=False)
    kept = spectrum.exponents[:, 0].isfinite()  # just past the crisis some leave while they are measured
    values = spectrum.exponents[kept, 0]
    return float(values.mean()), float(spectrum.errors[kept, 0].mean() / max(1, len(values)) ** 0.5)


@dataclass(frozen=True, eq=False)
class _Saddle:
    orbit: Tensor
    multipliers: Tensor
    first: float
    last: float


def _saddle(
    way: Span,
    before: float,
    first: _Probe,
    inside: _Probe,
    outside: _Probe,
    max_period: int,
    memory_budget: int,
) -> _Saddle | None:
    """The unstable cycle, outside of the attractor at the beginning, to which the way has become shortest since."""
    begin, end = way.system(0.0), way.system(before)
    extent = float((first.seen.amax(dim=0) - first.seen.amin(dim=0)).max())
    own = _OWN * _spacing(first.seen)
    some = outside.strays[:_CYCLES_FROM]
    starts = torch.cat([some[some.isfinite().all(dim=1)], inside.seen[:: max(1, len(inside.seen) // _CYCLES_FROM)]])
    best: _Saddle | None = None
    for period in range(1, max_period + 1):
        options = {"memory_budget": memory_budget, "extra_starts": 0, "progress": False}
        now = find_cycles(end, period, starts, **options)
        then = find_cycles(begin, period, torch.cat([starts, now.orbits.flatten(0, 1).to(starts)]), **options)
        go_on()
        for row in range(len(now)):
            if bool(now.stable[row]) or not len(then):
                continue
            orbit = now.orbits[row].to(starts)
            gaps = _apart(orbit[None], then.orbits.to(starts)).amin(dim=(1, 2))
            same = then.orbits[int(gaps.argmin())].to(starts)
            there = float(_apart(same, first.seen).min()) / extent
            here = float(_apart(orbit, inside.seen).min()) / extent
            nearest = _NEARER if best is None else best.last / best.first
            if there * extent > own and here < nearest * there:
                best = _Saddle(orbit, now.multipliers[row], there, here)
    return best


def _apart(one: Tensor, other: Tensor) -> Tensor:
    """Distances, of states that nearly touch too: products would leave half of the digits."""
    return torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist")


def _spacing(seen: Tensor) -> float:
    """How far samples of an attractor are from the next, in the middle of them."""
    gaps = _apart(seen[: len(seen) // 2 : 8], seen[len(seen) // 2 :])
    return float(gaps.amin(dim=1).median())
