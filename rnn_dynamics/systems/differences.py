"""Steps without gradients (NumPy, JAX, numba): called with arrays, and differentiated by central differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .gradients import Step
from .probing import watched

_LENGTH = torch.finfo(torch.float64).eps ** (1 / 3)
"""Of a difference, relative to max(1, |h_i|): its rounding and its cut-off are then alike."""

_WIDE = 2e-3
"""Of differences along one direction, of order 4: normal forms take them thrice, whose rounding is eps / length^3."""


class ArrayStep:
    """step(state, input) -> state on arrays, as a step on tensors."""

    def __init__(self, step: Callable[..., Any]) -> None:
        self._step = step
        self.__name__ = getattr(step, "__name__", type(step).__name__)

    def __call__(self, state: Tensor, input: Tensor) -> Tensor:
        after = self._step(_array(state), _array(input))
        tensor = torch.from_dlpack(after) if _elsewhere(after) else torch.from_numpy(np.array(after, copy=True))
        return tensor.to(state.device)


def is_array_step(step: Callable[..., Any], n: int, m: int) -> bool:
    """Whether a step, which makes no tensor of tensors, makes an array [n] of two arrays."""
    try:
        with watched():
            after = step(np.zeros(n), np.zeros(m))
    except Exception:  # of any kind, in a caller's function; the probing says what it was
        return False
    return not isinstance(after, Tensor | tuple | list) and np.shape(after) == (n,)


class _Differences(torch.autograd.Function):
    """A step whose derivatives are central differences, in reverse and forward mode."""

    @staticmethod
    def forward(state: Tensor, input: Tensor, step: Step) -> Tensor:
        return step(state, input)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004
        state, input, ctx.step = inputs
        ctx.save_for_backward(state, input)
        ctx.save_for_forward(state, input)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        state, input = ctx.saved_tensors
        by_state, by_input = (jacobian(ctx.step, state, input, by) for by in (0, 1))
        row = gradients[0].unsqueeze(-2)
        return (row @ by_state).squeeze(-2), (row @ by_input).squeeze(-2), None

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Tensor:
        along, along_input, _ = grad_inputs
        state, input = ctx.saved_tensors
        moves = [torch.zeros_like(x) if d is None else d for x, d in ((state, along), (input, along_input))]
        largest = torch.cat(moves, dim=-1).abs().amax(dim=-1, keepdim=True).clamp(min=1e-300)
        size = torch.cat([state, input], dim=-1).abs().amax(dim=-1, keepdim=True).clamp(min=1.0)
        h = _LENGTH * size / largest
        up, down = (differenced(ctx.step, state + sign * h * moves[0], input + sign * h * moves[1]) for sign in (1, -1))
        return (up - down) / (2 * h)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> tuple[Tensor, int]:
        state, input, step = args
        rows = [
            x.movedim(axis, 0) if axis is not None else x.expand(info.batch_size, *x.shape)
            for x, axis in zip((state, input), in_dims, strict=False)
        ]
        flat = [x.flatten(0, -2) for x in rows]
        return differenced(step, *flat).reshape(*rows[0].shape[:-1], -1), 0


def differenced(step: Step, state: Tensor, input: Tensor) -> Tensor:
    """The step, with derivatives by central differences."""
    after = _Differences.apply(state, input, step)
    assert isinstance(after, Tensor)
    return after


@torch.no_grad()
def jacobian(step: Step, states: Tensor, inputs: Tensor, by: int, length: float = _LENGTH) -> Tensor:
    """The derivative by states (``by`` = 0) or inputs (1) of a step that takes batches, [..., n, n] or [..., n, m].

    (F(h + d e_i) - F(h - d e_i)) / 2 d, with d = ``length`` max(1, |h_i|).
    """
    moved = (states, inputs)[by]
    width = moved.shape[-1]
    h = length * moved.abs().clamp(min=1.0)  # [..., width]
    shifts = torch.diag_embed(h)  # [..., width, width]
    sides: list[Tensor] = []
    for sign in (1, -1):
        arguments = [x.unsqueeze(-2).expand(*x.shape[:-1], width, x.shape[-1]) for x in (states, inputs)]
        arguments[by] = arguments[by] + sign * shifts
        flat = [x.flatten(0, -2) for x in arguments]
        sides.append(step(*flat).reshape(*states.shape[:-1], width, states.shape[-1]))
    return ((sides[0] - sides[1]) / (2 * h).unsqueeze(-1)).transpose(-1, -2)


@torch.no_grad()
def disagreement_of_lengths(step: Step, states: Tensor, inputs: Tensor) -> float:
    """How far differences of two lengths are apart, relative to the largest slope: what is known of their error."""
    one, two = (jacobian(step, states, inputs, 0, length) for length in (_LENGTH, 2 * _LENGTH))
    return float((one - two).abs().max() / one.abs().max().clamp(min=1e-300))


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().copy()


def _elsewhere(after: object) -> bool:
    """Whether an array lies where NumPy does not reach."""
    return not isinstance(after, np.ndarray) and hasattr(after, "__dlpack__") and not hasattr(after, "__array__")
