"""On which side of a boundary states lie: which attractor they lead to, or away."""

import torch
from torch import Tensor

from ..attractors import Attractors, Settle, find_attractors
from ..stopping import go_on
from ..systems import AutonomousMap

UNDECIDED, AWAY = -1, -2
"""Beside rows of attractors: what does not settle, and what grows beyond every bound."""


class Sides:
    """Labels of states; attractors that are met on the way are known from then on."""

    def __init__(
        self, system: AutonomousMap, found: Attractors, settle: Settle | None, memory_budget: int, seed: int
    ) -> None:
        self.system, self.attractors = system, found
        self._options = {"settle": settle, "memory_budget": memory_budget, "seed": seed}

    def __call__(self, states: Tensor) -> Tensor:
        """For states [k, n] the row of the attractor, or one of the words above, [k]."""
        if not len(states):
            return torch.empty(0, dtype=torch.long)
        whole = states.isfinite().all(dim=-1)
        sides = torch.full((len(states),), AWAY)
        if bool(whole.any()):
            self.attractors = find_attractors(self.system, states[whole], known=self.attractors, **self._options)
            go_on()  # starts that were cut off lie on no side
            away = torch.tensor([outcome == "diverged" for outcome in self.attractors.outcomes])
            sides[whole.cpu()] = torch.where(away, AWAY, self.attractors.labels.cpu())
        return sides


def left(sides: Tensor, own: Tensor | int) -> Tensor:
    """Whether each has certainly left the attractor ``own``: what is undecided has not."""
    return (sides != own) & (sides != UNDECIDED)


def references(found: Attractors, row: int, most: int = 16) -> Tensor:
    """States of an attractor, at most so many, evenly chosen from its orbit, [r, n]."""
    orbit = found.orbits[row]
    if len(orbit) <= most:
        return orbit
    return orbit[torch.linspace(0, len(orbit) - 1, most).round().long().to(orbit.device)]
