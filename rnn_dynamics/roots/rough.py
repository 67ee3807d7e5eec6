"""Newton steps of rows far from a root, to a tenth: by a few products with weights that all rows share, in float32.

There a step is cut short or halved in any case. The direction is that of GCR (Eisenstat, Elman and Schultz 1983,
doi:10.1137/0720023), whose rows need n^2 operations a product where a factorisation takes n^3.
"""

import torch
from torch import Tensor

from ..systems import AutonomousMap, LayeredPushforward, scaled_norm

FORCING = 0.1
"""|r + (DG - I) d| <= 0.1 |r|. With 0.3 steps cost half of it, but rows go down to what attracts: a first pass of 1,024
starts found 23 or 24 points where it finds 26 or 27 with exact steps or a tenth, on three tanh-64 and one GRU-64."""

_FAR = 0.1
"""Of the scaled residual: below it steps contract, and an exact one saves several."""

_PRODUCTS = 12
"""What is not solved by then, a tenth of the rows at 64 units, is as cheap to factorise."""

_UNITS, _ROWS = 48, 32
"""For fewer units in a layer, or rows, factorisations take less time."""


def rough_steps(
    equation: AutonomousMap, states: Tensor, residuals: Tensor, units: Tensor, memory_budget: int
) -> tuple[Tensor, Tensor]:
    """Steps [k, n] from ``states`` with G(h) - h = ``residuals``, and for which rows they are good, [k]."""
    steps, solved = torch.zeros_like(states), torch.zeros(len(states), dtype=torch.bool, device=states.device)
    if states.device.type != "cpu" or states.dtype != torch.float64:
        return steps, solved  # on a GPU factorisations of a batch take no longer than the calls of the products
    far = (scaled_norm(residuals, states, units) > _FAR).nonzero().squeeze(-1)
    if len(far) < _ROWS:
        return steps, solved
    for part in equation.chunks(len(far), memory_budget):
        rows = far[part]
        derivative = equation.shared_products(states[rows])
        if derivative is None or max(layer.state_size for layer in derivative.layers) < _UNITS:
            break
        found, good = _residuals_reduced(derivative.to(torch.float32), -residuals[rows].float())
        steps[rows], solved[rows] = found.to(steps.dtype), good
    return steps, solved


def _residuals_reduced(derivative: LayeredPushforward, rhs: Tensor) -> tuple[Tensor, Tensor]:
    """Solutions d [k, n] of (DG - I) d = rhs by generalised conjugate residuals, and which are good to ``FORCING``."""
    (k, n), tiny = rhs.shape, torch.finfo(rhs.dtype).tiny
    solutions, solved = torch.zeros_like(rhs), torch.zeros(k, dtype=torch.bool)
    rows = torch.arange(k)
    solution, left, enough = solutions.clone(), rhs, FORCING * rhs.norm(dim=-1)
    directions, images = rhs.new_empty(k, _PRODUCTS, n), rhs.new_empty(k, _PRODUCTS, n)
    for count in range(_PRODUCTS):
        direction = left
        image = derivative.apply(direction.unsqueeze(-1)).squeeze(-1) - direction
        if count:
            overlap = images[:, :count] @ image.unsqueeze(-1)
            image = image - (overlap.mT @ images[:, :count]).squeeze(1)
            direction = direction - (overlap.mT @ directions[:, :count]).squeeze(1)
        scale = image.norm(dim=-1, keepdim=True).clamp(min=tiny)
        images[:, count], directions[:, count] = image / scale, direction / scale
        amount = (left * images[:, count]).sum(dim=-1, keepdim=True)
        solution = solution + amount * directions[:, count]
        left = left - amount * images[:, count]
        good = left.norm(dim=-1) <= enough
        ready = int(good.sum())
        if 2 * ready >= len(rows):  # fewer are not worth that the rest is copied
            solutions[rows[good]], solved[rows[good]] = solution[good], True
            rest = (~good).nonzero().squeeze(-1)
            if not len(rest):
                break
            rows, solution, left, enough = rows[rest], solution[rest], left[rest], enough[rest]
            directions, images, derivative = directions[rest], images[rest], derivative.rows(rest)
    else:
        good = left.norm(dim=-1) <= enough
        solutions[rows[good]], solved[rows[good]] = solution[good], True
    return solutions, solved
