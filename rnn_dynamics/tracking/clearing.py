"""Whether a multiplier may have touched the unit circle among the known weights of a leg on which nothing happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..stopping import go_on
from ..systems import IteratedMap, relative
from .invariant_sets import InvariantSet, set_on
from .legs import Leg
from .weight_path import WeightPath

_NEWTON = 8
"""Most steps of Newton's method from one corner to the next that is looked at."""

_GAPS = 4
"""Into which a leg is divided at first; those that are too long are halved."""

_SAME = 1e-6
"""Times max(1, |h|): how short the last step of Newton's method must be."""

_NEAREST = 8
"""Multipliers of each set that are compared: the nearest to the circle."""

_FASTER = 2.0
"""By how much a multiplier may be faster between two corners than it is seen to be from one to the other."""


def in_doubt(path: WeightPath, leg: Leg, pace: float) -> int | None:
    """The corner within a quiet leg where a multiplier may touch the unit circle; None if there is none.

    A multiplier that goes no faster than ``pace`` per length of the path cannot touch the circle between two corners if
    its way there and on is longer than the path between them. Sets for which this does not hold of the whole leg are
    moved on from corner to corner by Newton's method, and looked at in more and more of them until it holds from each
    to the next, for what goes at most twice as fast as that multiplier is seen to go. In doubt is where a set has
    another number of multipliers beyond the circle than at the ends, where Newton's method does not lead to the set
    that it should be at the last corner, and where a multiplier goes faster than ``pace``, as if it were another set's.
    """
    first, last = leg.first.at, leg.last.at
    corners = sorted({first + part * (last - first) // _GAPS for part in range(1, _GAPS + 1)} - {first})
    for group in _near_circle(path, leg, pace):
        fresh, doubt = corners, None
        while fresh:
            for corner in fresh:
                go_on()
                changed = group.visit(corner)
                if changed is not None:
                    return min(changed, last - 1)
            fresh, doubt = group.gaps(pace)
        if doubt is not None:
            return min(doubt, last - 1)
    return None


@dataclass(frozen=True, eq=False)
class _There:
    """The sets at one corner."""

    states: Tensor  # [k, n]
    multipliers: Tensor  # [k, n], complex
    outside: Tensor  # how many multipliers are outside the circle, [k]; -1 where Newton's method led nowhere


class _Group:
    """The sets of one period that have multipliers which may come to the circle."""

    def __init__(
        self, path: WeightPath, first: int, last: int, period: int, states: Tensor, ends: list[InvariantSet]
    ) -> None:
        """Begin with ``states`` [k, n] at the first corner; ``ends`` are what they are at the last."""
        self._path, self._period, self._last, self._ends = path, period, last, ends
        self._there = {first: self._at(first, states)}

    def visit(self, corner: int) -> int | None:
        """Move the sets there from the nearest corner before, by way of others if need be; where they change, if so.

        They do if not as many multipliers are beyond the circle as before, or if at the last corner they are not those
        that they should be.
        """
        near = max(known for known in self._there if known < corner)
        self._there[corner] = there = self._at(corner, self._there[near].states)
        if bool(((there.outside == self._there[near].outside) & (there.outside >= 0)).all()):
            return None
        if corner - near == 1:
            return corner
        del self._there[corner]
        changed = self.visit((near + corner) // 2)
        return self.visit(corner) if changed is None else changed

    def gaps(self, pace: float) -> tuple[list[int], int | None]:
        """The middles of the gaps that are too long, and the first corner to which a multiplier came too fast."""
        corners = sorted(self._there)
        spectra = torch.stack([self._there[corner].multipliers for corner in corners])
        lengths = spectra.real.new_tensor([self._path.length(*ends) for ends in pairwise(corners)])[:, None, None]
        straight = spectra.real.new_tensor([self._path.straight(*ends) for ends in pairwise(corners)])[:, None, None]
        room, moved = _ways(spectra[:-1], spectra[1:])
        fastest = (_FASTER * (moved / straight).nan_to_num(nan=0.0).amax(dim=0)).clamp(max=pace)
        leaps = (moved > pace * lengths + _SAME).flatten(1).any(dim=1)
        long = (leaps | (room <= fastest * lengths).flatten(1).any(dim=1)).tolist()
        halves = [(one + other) // 2 for (one, other), far in zip(pairwise(corners), long, strict=True) if far]
        leapt = next((corner for corner, far in zip(corners[1:], leaps.tolist(), strict=True) if far), None)
        return [corner for corner in halves if corner not in self._there], leapt

    def _at(self, corner: int, states: Tensor) -> _There:
        system = self._path.system(corner)
        turn = IteratedMap(system, self._period) if self._period > 1 else system
        for _ in range(_NEWTON):
            images, linearization = turn.linearize(states)
            step = linearization.solve(states - images)
            states = states + step
            if bool((relative(step, states, torch.ones_like(states)) <= _SAME).all()):
                if corner == self._last and not self._arrived(states):
                    break
                multipliers = linearization.eigenvalues()
                return _There(states, multipliers, (multipliers.abs() > 1).sum(dim=1))
        nothing = torch.full(states.shape, complex(torch.nan, torch.nan), dtype=torch.complex128, device=states.device)
        return _There(states, nothing, torch.full((len(states),), -1, device=states.device))

    def _arrived(self, states: Tensor) -> bool:
        return all(set_on(self._ends, state, self._period) == row for row, state in enumerate(states))


def _ways(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Of the multipliers [..., n] nearest to the circle, both ways: their room and how far the nearest at the other is.

    The room is ||mu| - 1| + ||nu| - 1|, as of a leg.
    """
    rooms, moved = [], []
    for here, there in ((one, other), (other, one)):
        order = (here.abs() - 1).abs().argsort(dim=-1, stable=True)[..., :_NEAREST]
        near = here.gather(-1, order)
        apart, which = (near.unsqueeze(-1) - there.unsqueeze(-2)).abs().min(dim=-1)
        rooms.append((near.abs() - 1).abs() + (there.gather(-1, which).abs() - 1).abs())
        moved.append(apart)
    return torch.cat(rooms, dim=-1), torch.cat(moved, dim=-1)


def _near_circle(path: WeightPath, leg: Leg, pace: float) -> Iterator[_Group]:
    """The sets with a multiplier that a way as long as the leg can take by the circle, by their periods."""
    assert leg.passage is not None
    first, last = leg.first.at, leg.last.at
    reach = pace * path.length(first, last)
    sets, successors = leg.first.sets, leg.passage.successors.tolist()
    near = [
        row
        for row, period in enumerate(sets.periods.tolist())
        if period and successors[row] >= 0 and _within(leg.first.multipliers(row), reach, sets.states.shape[1])
    ]
    for period in sorted({int(sets.periods[row]) for row in near}):
        rows = [row for row in near if int(sets.periods[row]) == period]
        states = torch.stack([sets.orbits[row][0] for row in rows]).to(path.input)
        yield _Group(path, first, last, period, states, [leg.last.rows[successors[row]] for row in rows])


def _within(multipliers: Tensor, reach: float, n: int) -> bool:
    """Whether one of n multipliers, of which the leading ones are known, may be so near to the circle."""
    moduli = multipliers.abs()
    unknown = len(moduli) < n and bool(moduli.min() >= 1 - reach)
    return unknown or bool(((moduli - 1).abs() <= reach).any())
