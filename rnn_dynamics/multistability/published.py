"""VAA and its differentiable stand-in VAA*, exactly as published."""

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..checks import ArgumentError, ArrayLike, as_tensor, checked

_BLOCK = 2**22
"""Distances held at a time: 32 MB in float64."""

_SOFTENING = 1e-6
"""Added to the distance that VAA* divides by; the published constant."""


@checked
@torch.no_grad()
def vaa(states: ArrayLike, epsilon: float = 1e-4) -> float:
    """The published variability amongst attractors of final states.

    VAA = (1/n) sum_i 1 / #{j : |z_i - z_j|_2 < epsilon}, j = i included. k tight clusters give k/n, so it depends on
    n: always report n. It asks whether states differ, not whether they have settled: see ``reachability``.

    Args:
        states: [n, d], all layers side by side; an LSTM layer gives [h, c].
        epsilon: states closer than this count as one.

    Returns:
        A number in [1/n, 1].

    Raises:
        ValueError: for another shape, no states, or NaN and infinite entries.

    Source: Lambrechts et al., arXiv 2106.01001.
    """
    rows = _rows(states, epsilon)
    near = [(distances(part, rows) < epsilon).sum(dim=1) for part in _parts(rows)]
    return float(torch.cat(near).to(torch.float64).reciprocal().mean())


@checked
def soft_vaa(states: Tensor, epsilon: float = 1e-4) -> Tensor:
    """VAA*, the differentiable stand-in for VAA that warmup maximises.

    With s = tanh(states), d_ij = |s_i - s_j|_2 and C_ij = 1 - relu(d_ij - epsilon) / (d_ij + 1e-6):
    VAA* = (1/n) sum_i 1 / sum_j C_ij. Pairs closer than epsilon give no gradient; that of farther ones falls as 1/d^2.

    Args:
        states: [n, d], of one layer.
        epsilon: as in ``vaa``.

    Returns:
        A scalar tensor, differentiable. Beyond about 2,000 states, distances are computed again on the way back, so
        that memory stays bounded.

    Raises:
        ValueError: for another shape, no states, or NaN and infinite entries.

    Source: Lambrechts et al., arXiv 2106.01001.
    """
    return unchecked_soft_vaa(_rows(states, epsilon), epsilon)


def unchecked_soft_vaa(states: Tensor, epsilon: float) -> Tensor:
    """``soft_vaa`` of finite states [n, d]: for loops, in which a GPU would be waited for by a look at them."""
    squashed = states.tanh()
    parts = _parts(squashed)
    if len(parts) == 1:
        return _closeness(squashed, squashed, epsilon).reciprocal().mean()
    sums = [checkpoint(_closeness, part, squashed, epsilon, use_reentrant=False) for part in parts]
    return torch.cat(sums).reciprocal().mean()


def _closeness(part: Tensor, rows: Tensor, epsilon: float) -> Tensor:
    distance = distances(part, rows)
    return (1 - (distance - epsilon).relu() / (distance + _SOFTENING)).sum(dim=1)


def distances(part: Tensor, rows: Tensor) -> Tensor:
    """Of rows [n, d] from rows [m, d], [n, m]: not by a matrix product, which in float32 cannot resolve 1e-4."""
    return torch.cdist(part, rows, compute_mode="donot_use_mm_for_euclid_dist")


def _parts(rows: Tensor) -> tuple[Tensor, ...]:
    return rows.split(max(1, _BLOCK // len(rows)))


def _rows(states: ArrayLike, epsilon: float) -> Tensor:
    if not (epsilon > 0 and epsilon < float("inf")):
        raise ArgumentError("epsilon", f"must be positive and finite, got {epsilon}")
    if isinstance(states, Tensor) and states.is_floating_point():
        # as_tensor would cut the gradient; distances in half precision cannot resolve epsilon.
        rows = states.float() if states.element_size() < 4 else states
        as_tensor(rows, "states", dtype=rows.dtype, device=rows.device)
    else:
        rows = as_tensor(states, "states", dtype=torch.float64, device=torch.device("cpu"))
    if rows.ndim != 2 or 0 in rows.shape:
        raise ArgumentError("states", f"must have shape [n, d] with n, d >= 1, got {list(rows.shape)}")
    return rows
