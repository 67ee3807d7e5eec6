"""The derivative of a step by autograd, and its comparison with differences of the step itself."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

Step: TypeAlias = Callable[[Tensor, Tensor], Tensor]

_DIRECTIONS = 3
"""A unit is found wrong where all of these disagree: by chance rounding makes one of some hundred do so."""

_RADII = (1.0, 0.7, 0.5)
"""Differences of three lengths tell by their spread how far they can be trusted."""

_LENGTHS = {torch.float64: (1e-6, 1e-5, 1e-4, 1e-3, 1e-2), torch.float32: (1e-5, 1e-4, 1e-3, 1e-2)}
"""Of differences, relative to the state, by the precision that the step computes in."""

_ROUNDING = 64
"""Times the precision of what a unit adds up: how far rounding within the step is thought to move it."""

_ROWS_OF_JACOBIAN = 2**20
"""Entries of Jacobians that are made at a time."""


def derivative(step: Step, states: Tensor, inputs: Tensor, by: int) -> Tensor:
    """The derivative of a step by its states (``by`` = 0) or inputs (1), [k, n, n] or [k, n, m].

    The step must treat rows independently. Each is given n times, once for each unit, so that one backward pass of a
    sum has all derivatives in it: torch's own ways to several gradients import its compiler, which takes seconds.
    """
    k, n = states.shape
    with torch.inference_mode(False), torch.enable_grad():
        arguments = [tensor.detach().repeat(n, 1) for tensor in (states, inputs)]
        arguments[by].requires_grad_()
        values = step(*arguments)
        if not values.requires_grad:
            return values.new_zeros(k, n, arguments[by].shape[1])
        total = values.unflatten(0, (n, k)).diagonal(dim1=0, dim2=2).sum()
        rows = torch.autograd.grad(total, arguments[by], allow_unused=True, materialize_grads=True)[0]
    return rows.detach().unflatten(0, (n, k)).transpose(0, 1)


@torch.no_grad()
def disagreement(
    step: Step, states: Tensor, inputs: Tensor, by: int, precision: torch.dtype
) -> tuple[int, float, float] | None:
    """Where autograd's derivative of a batched step is not that of the step, at states [k, n] and inputs [k, m].

    Differences along random directions, central and to either side (at a kink autograd gives one of the two slopes),
    are believed as far as those of three lengths agree with one another.

    Args:
        step, states, inputs, by: as in ``derivative``.
        precision: the coarsest dtype that the step computes in; in half precision nothing can be told.

    Returns:
        None, or the unit that is wrong most, how fast it changes, and how fast autograd says.
    """
    if precision not in _LENGTHS:
        return None
    generator = torch.Generator().manual_seed(0)
    moved = (states, inputs)[by]
    drawn = torch.randn(_DIRECTIONS, *moved.shape, generator=generator, dtype=torch.float64).to(moved)
    directions = drawn * moved.abs()
    said = torch.empty(_DIRECTIONS, *states.shape, dtype=states.dtype, device=states.device)
    usual = torch.empty_like(said)
    chunk = max(1, _ROWS_OF_JACOBIAN // (states.shape[1] * moved.shape[1]))
    for begin in range(0, len(states), chunk):
        part = slice(begin, begin + chunk)
        jacobian = derivative(step, states[part], inputs[part], by)
        said[:, part] = torch.einsum("kij,dkj->dki", jacobian, directions[:, part])
        usual[:, part] = torch.einsum("kij,dkj->dki", jacobian.abs(), directions[:, part].abs())
    eps = torch.finfo(precision).eps
    usually = usual.nan_to_num(posinf=0.0).flatten(0, 1).amax(dim=0)  # of each unit: how large what it adds up may be
    centre = step(states, inputs)
    slopes: list[Tensor] = []
    tolerances: list[Tensor] = []  # of each length, and of each side: [3, d, k, n]
    for length in _LENGTHS[precision]:
        of_radii: list[Tensor] = []
        for radius in _RADII:
            h = length * radius
            up, down = (_moved(step, states, inputs, by, sign * h * directions) for sign in (1, -1))
            of_radii.append(torch.stack([(up - down) / (2 * h), (up - centre) / h, (centre - down) / h]))
        spread = torch.stack(of_radii).amax(dim=0) - torch.stack(of_radii).amin(dim=0)
        rounding = _ROUNDING * eps * (centre.abs() + usually) / (length * min(_RADII))
        slopes.append(of_radii[-1])
        tolerances.append((10 * spread + rounding + 1e3 * eps * usual).nan_to_num(nan=torch.inf))
    slope, tolerance = torch.stack(slopes), torch.stack(tolerances)
    best = tolerance.amin(dim=0)
    # By chance the differences of one length agree with one another, so that those nearly as good are heard too.
    heard = tolerance <= 10 * best
    if precision is torch.float32:  # which leaves little room between rounding and long differences
        heard |= tolerance <= said.abs() / 2
    wrong = (((said - slope).abs() > tolerance) | ~heard).all(dim=0) & best.isfinite()
    wrong = (wrong.all(dim=0) & said.isfinite()).all(dim=0)  # on every side, in every direction
    if not wrong.any():
        return None
    believed = slope[:, 0].gather(0, tolerance[:, 0].argmin(dim=0, keepdim=True))[0]
    error = said - believed
    # The one that is wrong most, by its own rate.
    share = torch.where(wrong, (error / (said.abs() + believed.abs())).abs().amax(dim=0), -1.0)
    row, unit = divmod(int(share.argmax()), states.shape[1])
    direction = int(error[:, row, unit].abs().argmax())
    size = float(directions[direction, row].norm())
    return unit, float(believed[direction, row, unit]) / size, float(said[direction, row, unit]) / size


def _moved(step: Step, states: Tensor, inputs: Tensor, by: int, shifts: Tensor) -> Tensor:
    """The step at states and inputs of which one is shifted by [d, k, ...]: [d, k, n]."""
    arguments = [tensor.expand(len(shifts), *tensor.shape) for tensor in (states, inputs)]
    arguments[by] = arguments[by] + shifts
    return step(*(argument.flatten(0, 1) for argument in arguments)).unflatten(0, shifts.shape[:2])
