"""All solutions of y = A relu(B y + c) + d in few dimensions: the kinks are hyperplanes, and there are few regions.

In r dimensions n hyperplanes make some n^r / r! regions instead of 2^n. Every region has an edge, a piece of a line in
which r - 1 hyperplanes meet between two others: walking along all lines meets all regions, and from one edge to the
next one unit alone changes its side, so that the equations of all edges of a line are a running sum.
"""

from itertools import combinations, product
from math import comb

import torch
from torch import Tensor

from ..linear_algebra import solve
from ..systems import Rectifiers

_PARALLEL = 1e-12
"""A line whose slope towards a hyperplane is below this share never meets it."""

_SINGULAR = 1e-10
"""A determinant below this share of what it is made of is taken for zero."""

_SLACK = 1e-9
"""Relative to what a drive adds up: how far beyond its kink a unit may be found. What is no root is told later."""

_WITNESSES = 16
"""Units whose sides are looked at first: solutions that lie in another region than their own show it there."""

_NUMBERS = 2**22
"""Of one array, at most."""


def edges(units: int, dimension: int) -> int:
    """How many edges, with each side of their lines, there are to look at."""
    return comb(units, dimension - 1) * (units + 2 - dimension) * 2 ** (dimension - 1)


def solved_regions(equation: Rectifiers) -> Tensor | None:
    """The solutions y [p, r]; one on a kink comes once for each side.

    Returns:
        None if hyperplanes coincide along a line, or the equations of a region are singular: what is there is not told
        by these means.
    """
    n, r = equation.units, equation.dimension
    if n < r or torch.linalg.matrix_rank(equation.incoming) < r:
        return None  # no region has an edge
    found = [equation.offset.new_zeros(0, r)]
    lines = torch.tensor(list(combinations(range(n), r - 1)), dtype=torch.long, device=equation.offset.device)
    for some in lines.split(max(1, _NUMBERS // ((n + 1) * 2 ** (r - 1) * r * (r + 1)))):
        solved = _along(equation, some)
        if solved is None:
            return None
        found.append(solved)
    return torch.cat(found)


def _along(equation: Rectifiers, lines: Tensor) -> Tensor | None:
    """The solutions in all regions round lines, each given by the r - 1 units on whose kinks it is."""
    incoming, threshold, r = equation.incoming, equation.threshold, equation.dimension
    normals = incoming[lines]  # [l, r - 1, r]
    _, lengths, axes = torch.linalg.svd(normals, full_matrices=True)
    meeting = (lengths > _PARALLEL * normals.norm(dim=(1, 2)).unsqueeze(1)).all(dim=1)
    lines, normals, direction = lines[meeting], normals[meeting], axes[meeting, -1]
    point = -(torch.linalg.pinv(normals) @ threshold[lines].unsqueeze(2)).squeeze(2)

    slope, height = direction @ incoming.T, point @ incoming.T + threshold  # [l, n]
    size = incoming.norm(dim=1)
    own = torch.zeros_like(slope, dtype=torch.bool).scatter_(1, lines, True)
    crossing = (slope.abs() > _PARALLEL * size) & ~own
    rounding = _PARALLEL * (size * (1.0 + point.norm(dim=1, keepdim=True)) + threshold.abs())
    if bool((~crossing & ~own & (size > 0) & (height.abs() <= rounding)).any()):
        return None
    active = torch.where(crossing, slope < 0, height > 0) & ~own  # at the far end, where the walk begins
    order = torch.where(crossing, -height / slope, torch.inf).argsort(dim=1)
    jumps = _jumps(equation)
    flips = (slope.sign() * crossing).gather(1, order)[..., None, None] * jumps[order]
    begin = torch.einsum("ln,nij->lij", active.to(jumps), jumps).unsqueeze(1)
    sums = torch.cat([begin, begin + flips.cumsum(dim=1)], dim=1).unsqueeze(2)  # [l, n + 1, 1, r, r + 1]
    sides = torch.tensor(list(product((0.0, 1.0), repeat=r - 1))).to(jumps)
    sums = sums + torch.einsum("sk,lkij->lsij", sides, jumps[lines]).unsqueeze(1)
    solutions = _solutions(torch.eye(r).to(sums) - sums[..., :r], sums[..., r] + equation.offset)
    if solutions is None:
        return None

    wanted = 2.0 * sides - 1.0
    drives = torch.einsum("lesr,lkr->lesk", solutions, normals) + threshold[lines][:, None, None]
    slack = _SLACK * (1.0 + drives.abs() + solutions.norm(dim=-1, keepdim=True))
    line, edge, side = (drives * wanted >= -slack).all(dim=-1).nonzero(as_tuple=True)
    rows = solutions[line, edge, side]
    place = order.argsort(dim=1)
    seen = torch.linspace(0, equation.units - 1, min(_WITNESSES, equation.units)).long().unique().to(line.device)
    passed = crossing[:, seen][line] & (place[:, seen][line] < edge.unsqueeze(1))
    expected = 2.0 * (active[:, seen][line] ^ passed).to(rows) - 1.0
    drives = rows @ incoming[seen].T + threshold[seen]
    slack = _SLACK * (1.0 + drives.abs() + rows.norm(dim=-1, keepdim=True))
    return rows[((drives * expected >= -slack) | own[:, seen][line]).all(dim=1)]


def _solutions(matrices: Tensor, rhs: Tensor) -> Tensor | None:
    """Of A x = b for A [..., r, r] and b [..., r]; None if one is singular."""
    r = rhs.shape[-1]
    scale = (1.0 + matrices.abs().amax(dim=(-2, -1))) ** r
    if r != 2:
        volume = torch.linalg.qr(matrices, mode="r").R.diagonal(dim1=-2, dim2=-1).prod(dim=-1)
        singular = bool((volume.abs() <= _SINGULAR * scale).any())
        return None if singular else solve(matrices, rhs.unsqueeze(-1)).squeeze(-1)
    # In the plane Cramer's rule takes a tenth of the time of a factorisation of each.
    (a, b), (c, d), (x, y) = *(row.unbind(dim=-1) for row in matrices.unbind(dim=-2)), rhs.unbind(dim=-1)
    determinant = a * d - b * c
    if bool((determinant.abs() <= _SINGULAR * scale).any()):
        return None
    return torch.stack([d * x - b * y, a * y - c * x], dim=-1) / determinant.unsqueeze(-1)


def _jumps(equation: Rectifiers) -> Tensor:
    """What each unit adds to the matrix and the constant of the equation where it is active: [n, r, r + 1]."""
    seen = torch.cat([equation.incoming, equation.threshold.unsqueeze(1)], dim=1)
    return equation.outgoing.T.unsqueeze(2) * seen.unsqueeze(1)
