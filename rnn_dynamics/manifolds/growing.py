"""One branch of a one-dimensional manifold: a fundamental domain carried on and on, with points put in where needed."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..stability import attracts
from ..stopping import go_on
from ..systems import AutonomousMap
from .inverse import preimages
from .local import LocalCurve

_ROUNDS = 60
"""Of putting points in within one domain: each halves, and parameters part no further than their digits."""

_CLOSE = 1e-13
"""Neighbours whose parameters are this near, as a share, cannot be parted by any digit."""

_SHRUNK = 1e-3
"""Of the finest chord: a branch with no more to go than this has come to rest."""

_GENERATIONS = 20_000

_NEWTON, _EVERY = 8, 32
"""Steps to a point that attracts a branch which slows down, and generations between two attempts."""

_LAST = 25.0
"""Of the spacing: the last chord, to such a point, may be so long where it is as straight as shorter ones need be."""

_LOCAL = 65
"""Points between the saddle and the fundamental domain, nodes and those midway."""

_LATEST = 1e300
"""t beyond which its logarithm alone could be held."""

_PREDICTED = 0.5
"""A preimage farther from its prediction than this share of the step before it is not believed to be of this curve."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """When points are put in, and when growing ends."""

    spacing: float
    bend: float
    finest: float
    length: float
    max_points: int
    far: float


@dataclass(frozen=True, eq=False)
class Grown:
    """A branch: its points in order, from the saddle on."""

    states: Tensor
    """[m, n]."""

    parameters: Tensor
    """t of each: the map takes P(t) to P(lambda t), [m]."""

    error: float
    """The largest distance from a chord of the point of the manifold midway between its ends."""

    end: str


class Carrier(ABC):
    """Takes points from one generation of the domain to the next."""

    def __init__(self, curve: LocalCurve, side: int) -> None:
        self.curve, self.side = curve, side

    @property
    @abstractmethod
    def factor(self) -> float:
        """By what a generation multiplies parameters, above 1."""

    trouble: ClassVar[str]
    """Why a branch ends where no state follows."""

    @abstractmethod
    def first(self, t: Tensor) -> None:
        """Begin with points of the local curve at t [m]."""

    @abstractmethod
    def carry(self) -> Tensor:
        """One generation on: the states [m, n]."""

    def rest_near(self, state: Tensor) -> Tensor | None:  # noqa: ARG002
        """The point [n] that attracts what is carried on from a state, where there is one and it can be told."""
        return None

    @abstractmethod
    def insert(self, t: Tensor, left: Tensor) -> Tensor:
        """Put points in at rising t [k], each between the points ``left`` [k] and the next: all states [m + k, n]."""


class Forwards(Carrier):
    """An unstable manifold: states are images."""

    def __init__(self, curve: LocalCurve, side: int, returns: AutonomousMap) -> None:
        super().__init__(curve, side)
        self._returns = returns

    @property
    def factor(self) -> float:
        return self.curve.rate

    trouble: ClassVar = "away"

    def rest_near(self, state: Tensor) -> Tensor | None:
        for _ in range(_NEWTON):
            values, linearization = self._returns.linearize(state[None])
            step = linearization.solve(state[None] - values)[0]
            state = state + step
            if not bool(step.isfinite().all()):
                return None
        values, linearization = self._returns.linearize(state[None])
        rests = float((values[0] - state).norm()) <= 1e-9 * max(1.0, float(state.norm()))
        return state if rests and bool(attracts(linearization.eigenvalues()[0])) else None

    def first(self, t: Tensor) -> None:
        self._age, self._states = 0, self.curve(self.side * t)

    def carry(self) -> Tensor:
        self._age, self._states = self._age + 1, self._returns(self._states)
        return self._states

    def insert(self, t: Tensor, left: Tensor) -> Tensor:
        states = self.curve(self.side * t)
        for _ in range(self._age):
            states = self._returns(states)
        self._states = merged(self._states, states, left)
        return self._states


class Backwards(Carrier):
    """A stable manifold: states are preimages, each continued from those beside it.

    ``behind`` has the phases of the saddle, against the time; for each of them one preimage is taken in a generation.
    """

    def __init__(self, curve: LocalCurve, side: int, system: AutonomousMap, behind: list[Tensor], size: float) -> None:
        super().__init__(curve, side)
        self._system, self._behind, self._size = system, behind, size
        self._period = len(behind)

    @property
    def factor(self) -> float:
        return 1 / self.curve.rate

    trouble: ClassVar = "no preimage"

    def first(self, t: Tensor) -> None:
        self._ages = [self.curve(self.side * t)]

    def carry(self) -> Tensor:
        for _ in range(self._period):
            self._ages.append(self._continued(self._ages[-1]))
        return self._ages[-1]

    def _continued(self, targets: Tensor) -> Tensor:
        """Preimages one after the other along the curve, from the last that is known."""
        age = len(self._ages)
        # The domain's first point is what the return map makes of its last.
        guess = self._ages[-self._period][-1] if age >= self._period else self._behind[age]
        result = torch.full_like(targets, torch.nan)
        reach = self._size
        for row, target in enumerate(targets):
            found = preimages(self._system, target[None], guess[None], self._size)[0]
            if not bool(found.isfinite().all()):
                break
            if row and float((found - guess).norm()) > _PREDICTED * max(reach, 1e-6 * self._size) + 1e-9 * self._size:
                # Farther than the curve moved from point to point so far: perhaps of another sheet of the inverse.
                found = self._stepped(targets[row - 1], target, result[row - 1])
                if not bool(found.isfinite().all()):
                    break
            result[row] = found
            if row + 1 < len(targets):
                _, linearization = self._system.linearize(found[None])
                move = linearization.solve((targets[row + 1] - target)[None], shift=found.new_zeros(1))[0]
                guess = found + move if bool(move.isfinite().all()) else found
                reach = float((guess - found).norm())
        return result

    def _stepped(self, before: Tensor, target: Tensor, state: Tensor, parts: int = 64) -> Tensor:
        """The preimage of a target from that of the one before, in small steps between the two."""
        for share in torch.linspace(0, 1, parts + 1).tolist()[1:]:
            between = before + share * (target - before)
            state = preimages(self._system, between[None], state[None], self._size)[0]
            if not bool(state.isfinite().all()):
                break
        return state

    def insert(self, t: Tensor, left: Tensor) -> Tensor:
        added = [self.curve(self.side * t)]
        for before in self._ages[1:]:
            added.append(preimages(self._system, added[-1], (before[left] + before[left + 1]) / 2, self._size))
        self._ages = [merged(before, new, left) for before, new in zip(self._ages, added, strict=True)]
        return self._ages[-1]


def merged(rows: Tensor, added: Tensor, left: Tensor) -> Tensor:
    """Rows with each of ``added`` [k, ...] put behind row ``left`` [k], which rises."""
    places = torch.cat([torch.arange(len(rows), device=rows.device).double(), left.to(rows.device) + 0.5])
    return torch.cat([rows, added])[places.argsort()]


def grown(carrier: Carrier, bounds: Bounds) -> Grown:
    """A branch by generations of its fundamental domain, t from reach / lambda to reach, until a bound is met.

    Every other point that is carried is a point of the branch; those midway between tell how far chords are from the
    curve, and are there already where a chord turns out to be too long.
    """
    t = carrier.curve.reach * carrier.factor ** torch.linspace(-1, 0, 5, dtype=torch.float64)
    carrier.first(t)
    local = torch.cat([torch.linspace(0, float(t[0]), _LOCAL, dtype=torch.float64), t[1:]])
    states = carrier.curve(carrier.side * local)
    pieces, clocks = [states[::2]], [local[::2]]
    length, points, error, added = carrier.curve.reach, len(local) // 2, _error(states), torch.inf
    end = "steps"
    for age in range(1, _GENERATIONS):
        states = carrier.carry()
        go_on()
        before = pieces[-1][-2:-1]
        for _ in range(_ROUNDS):
            left = _wide(before, states[::2], t[::2], bounds)
            if not len(left) or points + len(states) // 2 + len(left) > bounds.max_points:
                break
            halves = torch.stack([2 * left, 2 * left + 1], dim=1).flatten()
            quarters = (t[halves] * t[halves + 1]).sqrt()
            states = carrier.insert(quarters, halves)
            t = merged(t, quarters, halves)
            go_on()
        inside = _inside(states, bounds.far)
        whole = bool(inside.all())
        if not whole:
            states = states[: int((~inside).nonzero()[0])]
        nodes = states[::2]
        error = max(error, _error(states))
        pieces.append(nodes[1:])
        clocks.append(t[: len(states)][::2][1:] * carrier.factor**age)
        points += max(len(nodes) - 1, 0)
        previous, added = added, float((nodes[1:] - nodes[:-1]).norm(dim=-1).sum())
        length += added
        if not whole:
            end = carrier.trouble
        elif points >= bounds.max_points or len(_wide(before, nodes, t[::2], bounds)):
            end = "points"
        elif length >= bounds.length:
            end = "length"
        elif _to_go(previous, added) <= _SHRUNK * bounds.finest:
            end = "rest"
        elif age + 1 > math.log(_LATEST) / math.log(carrier.factor):
            end = "steps"
        elif age % _EVERY == 0 and added < min(previous, bounds.finest):
            rest = _straight_to_rest(carrier, nodes, bounds)
            if rest is None:
                continue
            pieces.append(rest[None])
            clocks.append(clocks[-1][-1:])
            end = "rest"
        else:
            continue
        break
    states, clock = torch.cat(pieces), torch.cat(clocks)
    kept = _thinned(states, bounds)
    return Grown(states[kept], clock.to(states.device)[kept].cpu(), error, end)


def _straight_to_rest(carrier: Carrier, nodes: Tensor, bounds: Bounds) -> Tensor | None:
    """The point where a branch comes to rest, if the chord to it errs no more than the longest at the widest bend."""
    rest = carrier.rest_near(nodes[-1])
    if rest is None:
        return None
    way = float((rest - nodes[-1]).norm())
    turn = float(turns(torch.cat([nodes[-2:], rest[None]]))[0])
    straight = turn <= bounds.bend and way * turn <= bounds.spacing * bounds.bend
    return rest if straight and way <= _LAST * bounds.spacing else None


def _to_go(previous: float, added: float) -> float:
    """What is left of a branch whose generations shrink as the last two did, a geometric sum."""
    if not added < previous < torch.inf:
        return torch.inf if added else 0.0
    return added**2 / (previous - added)


def _inside(states: Tensor, far: float) -> Tensor:
    return states.isfinite().all(dim=-1) & (states.norm(dim=-1) <= far)


def _wide(before: Tensor, states: Tensor, t: Tensor, bounds: Bounds) -> Tensor:
    """The chords [k], each by its left end, that are longer than the spacing or at a bend and not yet the finest."""
    inside = _inside(states, bounds.far)
    chords = states[1:] - states[:-1]
    sizes = chords.norm(dim=-1).nan_to_num(nan=torch.inf)
    sharp = turns(torch.cat([before, states])) > bounds.bend
    beside = sharp.clone()  # of the chord on either side of a vertex
    beside[:-1] |= sharp[1:]
    wide = (sizes > bounds.spacing) | (beside & (sizes > bounds.finest))
    apart = (t[1:] / t[:-1] - 1 > _CLOSE).to(wide.device)
    return (wide & apart & (inside[1:] | inside[:-1])).nonzero().flatten().cpu()


def turns(states: Tensor) -> Tensor:
    """By how much a line through states [m, n] turns at each inner one, in radians, [m - 2]."""
    chords = states[1:] - states[:-1]
    sizes = chords.norm(dim=-1)
    cosines = (chords[1:] * chords[:-1]).sum(dim=-1) / (sizes[1:] * sizes[:-1]).clamp(min=1e-300)
    return torch.where((sizes[1:] > 0) & (sizes[:-1] > 0), cosines.clamp(-1, 1).arccos(), 0.0)


def _error(states: Tensor) -> float:
    """The largest distance from the chord between two nodes of the point midway: nodes are every other state."""
    nodes, middles = states[::2], states[1::2]
    count = min(len(nodes) - 1, len(middles))
    if count < 1:
        return 0.0
    begin, chords, middles = nodes[:count], nodes[1 : count + 1] - nodes[:count], middles[:count]
    share = ((middles - begin) * chords).sum(dim=-1) / chords.square().sum(dim=-1).clamp(min=1e-300)
    return float((middles - begin - share.clamp(0, 1).unsqueeze(-1) * chords).norm(dim=-1).max())


def _thinned(states: Tensor, bounds: Bounds) -> Tensor:
    """The points that are kept: up to the wanted length, one in each piece of the finest length, and the last."""
    steps = (states[1:] - states[:-1]).norm(dim=-1)
    along = torch.cat([steps.new_zeros(1), steps.cumsum(dim=0)])
    last = int((along < bounds.length).sum())  # the first beyond
    along = along[: last + 1]
    pieces = (along / bounds.finest).floor()
    kept = torch.ones(len(along), dtype=torch.bool, device=states.device)
    kept[1:] = pieces[1:] != pieces[:-1]
    kept[-1] = True
    return kept.nonzero().flatten()
