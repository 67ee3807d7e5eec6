"""Second and third derivatives of a map along directions, by nested forward-mode differentiation."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jvp

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
        return _expanded(lambda a, b: self._derivative(a, b), u, v)

    def third(self, u: Tensor, v: Tensor, w: Tensor) -> Tensor:
        """C(u, v, w), [n]."""
        return _expanded(lambda a, b, c: self._derivative(a, b, c), u, v, w)

    def _derivative(self, *directions: Tensor) -> Tensor:
        def image(state: Tensor) -> Tensor:
            return self._system(state.unsqueeze(0))[0]

        function: Callable[[Tensor], Tensor] = image
        for direction in directions:
            function = _along(function, direction)
        with warnings.catch_warnings():
            # Torch's own, where it first differentiates forwards.
            warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
            return function(self._state)


def _along(function: Callable[[Tensor], Tensor], direction: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda state: jvp(function, (state,), (direction,))[1]


def _expanded(form: Callable[..., Tensor], *vectors: Tensor) -> Tensor:
    """A real multilinear form at complex vectors."""
    for index, vector in enumerate(vectors):
        if vector.is_complex():
            parts = []
            for part in (vector.real, vector.imag):
                # A vector of zeros contributes nothing, and need not be differentiated along.
                args = (*vectors[:index], part, *vectors[index + 1 :])
                parts.append(_expanded(form, *args) if bool(part.any()) else torch.zeros_like(part))
            return parts[0] + 1j * parts[1]
    return form(*vectors)
