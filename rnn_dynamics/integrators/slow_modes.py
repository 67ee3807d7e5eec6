"""The mode of DF that lies along a curve, with the vector that selects it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..stability import spectrum

_ACROSS = 1e-9
"""A tangent with a smaller share of the slow mode does not tell which way the mode is to point."""


_SLOW, _LEAST = 5.0, 0.01
"""Modes at most so many times as far from 1 as the nearest, or within 5 x .01 of it, may be the one along a line."""


@dataclass(frozen=True, eq=False)
class SlowModes:
    """Of k Jacobians the mode nearest to 1, or that along a curve among the nearest."""

    eigenvalues: Tensor
    """[k], complex; of a pair the one above the real axis."""

    directions: Tensor
    """[k, n], real, of norm 1, along the tangents."""

    selection_vectors: Tensor
    """[k, n], real: w with w^T d = 1 for the direction d, and w^T v = 0 for every other mode v."""

    transverse: Tensor
    """Max |lambda| of all other modes, [k]; 0 where there is none."""


def slow_modes(jacobians: Tensor, tangents: Tensor, *, of_curve: bool) -> SlowModes:
    """The modes nearest to 1 of ``jacobians`` [k, n, n], turned along ``tangents`` [k, n].

    With ``of_curve`` the tangents are those of a curve, and the mode along it is taken among those nearest to 1: the
    one with the largest share |v_i^H t| |w_i^H t| of the tangent t. Beside a saddle on a line a mode across may be
    nearer to 1.

    With the spectral projector P of that eigenvalue (or of the pair that it belongs to), which is v w^H for a real
    one: d is the projection of the tangent onto the range of P, and the selection vector is P^T d, so that
    w^T d = d^T P d = 1.
    """
    modes = spectrum(jacobians, jacobians.shape[-1])
    values, rows = modes.eigenvalues, torch.arange(len(jacobians))
    gaps = (values - 1).abs()
    nearest = gaps.argmin(dim=-1)
    if of_curve:
        left, right = (
            (vectors.conj() * tangents.unsqueeze(-1)).sum(dim=-2).abs()
            for vectors in (modes.left_eigenvectors, modes.right_eigenvectors)
        )
        slow = gaps <= _SLOW * gaps.amin(dim=-1, keepdim=True).clamp(min=_LEAST)
        nearest = torch.where(slow, left * right, -1.0).argmax(dim=-1)
    value = values[rows, nearest]
    right, left = modes.right_eigenvectors[rows, :, nearest], modes.left_eigenvectors[rows, :, nearest]
    paired = (value.imag != 0).double().unsqueeze(-1)
    # The real plane of a pair: its unit vectors u with the tangent's shares in it.
    first = _unit(torch.where(right.real.norm(dim=-1, keepdim=True) > 0.5, right.real, right.imag))
    rest = torch.where(right.real.norm(dim=-1, keepdim=True) > 0.5, right.imag, right.real)
    second = paired * _unit(rest - _dot(first, rest) * first)
    seen = _dot(first, tangents) * first + _dot(second, tangents) * second
    directions = _unit(torch.where(seen.norm(dim=-1, keepdim=True) > _ACROSS, seen, first))
    # P^T d with P = v w^H, and its conjugate for a pair.
    selection = (1 + paired) * (left.conj() * (right * directions).sum(dim=-1, keepdim=True)).real
    others = torch.arange(values.shape[-1]) != nearest.unsqueeze(-1)
    others &= ~((values == value.conj().unsqueeze(-1)) & (paired > 0))
    transverse = (values.abs() * others).amax(dim=-1)
    return SlowModes(torch.complex(value.real, value.imag.abs()), directions, selection, transverse)


def _dot(first: Tensor, second: Tensor) -> Tensor:
    return (first * second).sum(dim=-1, keepdim=True)


def _unit(vectors: Tensor) -> Tensor:
    """Vectors [k, n] of norm 1; 0 stays 0."""
    return torch.nn.functional.normalize(vectors, dim=-1, eps=1e-300)
