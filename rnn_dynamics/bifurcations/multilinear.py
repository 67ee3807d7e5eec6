"""Second and third derivatives of a map along directions, by nested forward-mode differentiation."""

import math
from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from ..forward_mode import jvp
from ..systems import AutonomousMap


class Multilinear:
    """B(u, v) = D^2 F [u, v] and C(u, v, w) = D^3 F [u, v, w] of a map at one state [n], for real or complex vectors.

    Nested forward-mode derivatives are exact and cost a few evaluations of F each, whatever n is. Complex directions
    are expanded by linearity.
    """

    def __init__(self, system: AutonomousMap, state: Tensor) -> None:
        self._system, self._state = system, state

    def second(self, u: Tensor, v: Tensor) -> Tensor:
        """B(u, v), [n]."""
        return self._expanded(u, v)

    def third(self, u: Tensor, v: Tensor, w: Tensor) -> Tensor:
        """C(u, v, w), [n]."""
        return self._expanded(u, v, w)

    def _expanded(self, *vectors: Tensor) -> Tensor:
        """By linearity a sum over real and imaginary parts, all of them rows of one batch."""
        parts = [[(1 + 0j, v.real), (1j, v.imag)] if v.is_complex() else [(1 + 0j, v)] for v in vectors]
        terms = list(product(*parts))
        directions = [torch.stack([term[slot][1] for term in terms]) for slot in range(len(vectors))]
        values = self._derivative(*directions)
        if not any(v.is_complex() for v in vectors):
            return values[0]
        factors = [math.prod((factor for factor, _ in term), start=1 + 0j) for term in terms]
        return torch.tensor(factors, dtype=torch.complex128, device=values.device) @ values.to(torch.complex128)

    def _derivative(self, *directions: Tensor) -> Tensor:
        """Along one direction [q, n] after another, for q of each at once: [q, n]."""
        function: Callable[[Tensor], Tensor] = self._system
        for direction in directions:
            function = _along(function, direction)
        return function(self._state.repeat(len(directions[0]), 1))


def _along(function: Callable[[Tensor], Tensor], direction: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda state: jvp(function, (state,), (direction,))[1]
