"""One block of units that excite each other, in closed form: where it folds, where it rests, what flips it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

_HALVINGS = 80
"""Of an interval: more than the bits of a double."""


@dataclass(frozen=True, eq=False)
class Excitation:
    """Blocks x' = k x + (1 - k) tanh(g phi(x) + u), a row each, with phi(x) = x, or tanh(x) through an LSTM's cell.

    A state x rests where u = atanh(x) - g phi(x). For g > 1 there are two stable ones, above and below a ridge, while
    |u| < fold: that of x = sqrt(1 - 1/g) if phi(x) = x.
    """

    gains: Tensor
    """g, above 1, [B]."""

    keeps: Tensor
    """k in [0, 1), [B]."""

    through_cell: bool = False
    """Whether phi = tanh."""

    def _seen(self, states: Tensor) -> Tensor:
        return states.tanh() if self.through_cell else states

    def drives(self, states: Tensor) -> Tensor:
        """The u under which states x [B] rest, [B]."""
        return states.atanh() - self.gains * self._seen(states)

    @property
    def fold_states(self) -> Tensor:
        """The x > 0 at which the lower stable state of a positive drive, mirrored, meets the ridge, [B]."""
        if not self.through_cell:
            return (1 - 1 / self.gains).sqrt()
        # du/dx = 0, that is g (1 - tanh(x)^2) (1 - x^2) = 1, whose left side falls from g to 0.
        zero = torch.zeros_like(self.gains)
        return _root(lambda x: 1 - self.gains * (1 - x.tanh().square()) * (1 - x.square()), zero, zero + 1)

    @property
    def folds(self) -> Tensor:
        """The |u| up to which a block has two stable states, [B]."""
        return -self.drives(self.fold_states)

    def rests(self, drives: Tensor) -> Tensor:
        """The upper stable state under drives u > -fold, [B]."""
        return _root(lambda x: self.drives(x) - drives, self.fold_states, torch.ones_like(drives))

    def ridges(self, drives: Tensor) -> Tensor:
        """The state between the stable ones, from which a block leaves to either, under |u| < fold, [B]."""
        return _root(lambda x: drives - self.drives(x), -self.fold_states, self.fold_states)

    def multipliers(self, states: Tensor) -> Tensor:
        """The factor by which a small deviation from a resting state x shrinks in a step, [B]."""
        slope = self.gains * (1 - states.square())
        if self.through_cell:
            slope = slope * (1 - states.tanh().square())
        return self.keeps + (1 - self.keeps) * slope

    def pulses(self, drives: Tensor) -> Tensor:
        """The drive of one step that flips a block, from the state that takes less; infinite if no single step can.

        From the upper state x over the ridge r under u: p = g phi(x) + u - atanh((r - k x) / (1 - k)).
        """
        return torch.minimum(self._downward(drives), self._downward(-drives))

    def flip_steps(self, drives: Tensor) -> Tensor:
        """The fewest steps in which drives of any size flip a block, from the state that takes less, [B].

        As far down as can be, x' = k x - (1 - k): over the ridge r once k^t (x + 1) < r + 1.
        """
        ways = torch.stack([drives, -drives])
        shrunk = torch.stack([(self.ridges(way) + 1) / (self.rests(way) + 1) for way in ways])
        steps = shrunk.log() / self.keeps.log()  # 0 where nothing is kept
        return (steps.floor() + 1).min(dim=0).values

    def _downward(self, drives: Tensor) -> Tensor:
        rest, ridge = self.rests(drives), self.ridges(drives)
        aim = (ridge - self.keeps * rest) / (1 - self.keeps)
        pulse = self.gains * self._seen(rest) + drives - aim.clamp(-1, 1).atanh()
        return torch.where(aim > -1, pulse, torch.inf)


def _root(rising: Callable[[Tensor], Tensor], low: Tensor, high: Tensor) -> Tensor:
    """Where a function rises through 0, between ``low`` and ``high``."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = rising(middle) > 0
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return (low + high) / 2
