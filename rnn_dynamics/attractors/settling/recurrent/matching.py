"""Which rows move on attractors that are known already, and which come to them."""

import torch
from torch import Tensor

from ....systems import AutonomousMap
from ...outcomes import Fate
from ..starts import ACTIVE, Limits, Rows
from .orbit import MovingOrbit, rows_watched, watch

_NEARER = 0.5
"""A row comes to a known attractor if it is half as far from its samples as at the look before."""

_FALLS, _FELL = 3, 0.9
"""A row that runs near a circle, and in three looks on end is nearer to the curve by a tenth, comes to it."""


class Matcher:
    """Compares rows with the samples of attractors, at every look."""

    def __init__(self, system: AutonomousMap, rows: Rows, limits: Limits, orbits: list[MovingOrbit]) -> None:
        self.system, self.rows, self.limits = system, rows, limits
        self.orbits = orbits
        self._nearest = rows.states.new_full((len(rows),), torch.inf)  # to samples of attractors, at the last look
        self._off = torch.full_like(self._nearest, torch.inf)  # the nearest circle, at the last look
        self._compared = 0  # when that was
        self._falls = torch.zeros_like(self._nearest)  # looks at which it was less than before
        self._coming = torch.zeros_like(rows.rested)

    def forget(self) -> None:
        """An attractor is new: how near rows were before says nothing."""
        self._nearest.fill_(torch.inf)

    def match(self, again: bool = False) -> Tensor:
        """Give active rows to circles, tori and chaotic sets among whose samples they move.

        Args:
            again: a further time at the same look, so that how far a row has come since the last is known already.

        Returns:
            Which rows are near one but not on it, or come to it, or may since it was not known before, [k].
        """
        approaching = torch.zeros_like(self._coming)
        rows = self.rows.active
        for part in rows.split(rows_watched(self.system, self.limits.memory_budget)):
            if not self.orbits:
                break
            path, states = watch(self.system, self.rows.states[part])
            self.rows.move(part, states, len(path))
            nearest = torch.full_like(self._nearest[part], torch.inf)
            off, closest = nearest.clone(), torch.full_like(part, -1)
            for index, orbit in enumerate(self.orbits):
                mine = part[orbit.owns(path) & (self.rows.fates[part] == ACTIVE)]
                self.rows.fates[mine] = Fate.SETTLED
                self.rows.orbit[mine] = index
                left = self.rows.fates[part] == ACTIVE
                near, away, across = orbit.nearness(path[:, left])
                approaching[part[left]] |= near
                nearest[left] = torch.minimum(nearest[left], away)
                better = near & (across < off[left])
                off[left] = torch.where(better, across, off[left])
                closest[left] = torch.where(better, index, closest[left])
            comes = nearest <= _NEARER * self._nearest[part]
            if again:
                comes |= self._coming[part] | self._nearest[part].isinf()
            else:
                self._nearest[part] = nearest
                if self._compared < self.rows.done:
                    self._catch_nearing(part, off, closest)
            self._coming[part] = comes
            approaching[part] |= comes
        if not again:
            self._compared = self.rows.done
        self.rows.coming = approaching
        return approaching

    def _catch_nearing(self, rows: Tensor, off: Tensor, closest: Tensor) -> None:
        """Give ``rows`` to the circle that each runs along and, ``off`` the curve as it is, has come ever nearer to."""
        fell = (off <= _FELL * self._off[rows]) & self._off[rows].isfinite()
        self._falls[rows] = torch.where(fell, self._falls[rows] + 1, 0.0)
        self._off[rows] = off
        caught = (self._falls[rows] >= _FALLS) & (closest >= 0) & (self.rows.fates[rows] == ACTIVE)
        self.rows.fates[rows[caught]] = Fate.SETTLED
        self.rows.orbit[rows[caught]] = closest[caught]
