"""All solutions of z = V relu(z) + q, by which units are active: a tree of all 2^n patterns, cut where it can be."""

import torch
from torch import Tensor

_TOGETHER = 2**13
"""Partial patterns that are worked on at once: some 10 MB for 20 units."""

_SINGULAR = 1e-10
"""A pivot below this share of what it is made of is taken for zero."""

_SLACK = 1e-9
"""Relative to what a drive adds up: how far beyond its kink a unit may be found. What is no root is told later."""


def solved_patterns(weight: Tensor, drive: Tensor, most: int) -> Tensor | None:
    """The solutions z [p, n] of z = V relu(z) + q for V [n, n] and q [n]; one on a kink comes once for each side.

    Unit after unit is taken to be active, so that z = relu(z) is eliminated from all equations, or not, so that
    relu(z) = 0 drops out. What is left of an equation, z_i = q_i + sum of V_ij relu(z_j), cannot have the sign it
    needs where q_i and all V_ij have the other: such branches are cut. A node costs n^2 operations at most, where
    solving each pattern by itself takes n^3.

    Returns:
        None if the equations of a pattern are singular: it may hold a continuum, and elimination ends there. None too
        if more than ``most`` nodes are left, as for q = 0, where nothing is cut.
    """
    n = len(drive)
    nodes = 0
    whole = torch.cat([drive.unsqueeze(1), weight], dim=1).unsqueeze(0)  # [1, n, 1 + n]
    waiting = [(whole, whole.new_zeros(1, 0))]
    found = [whole.new_zeros(0, n)]
    while waiting:
        tables, signs = waiting.pop()
        if len(tables) > _TOGETHER:
            waiting += zip(tables.chunk(2), signs.chunk(2), strict=True)
        elif signs.shape[1] == n:
            found.append(tables[..., 0])
        else:
            branched = _branched(tables, signs)
            if branched is None:
                return None
            nodes += len(branched[0])
            if nodes > most:
                return None
            waiting.append(branched)
    return torch.cat(found)


def _branched(tables: Tensor, signs: Tensor) -> tuple[Tensor, Tensor] | None:
    """Both branches of each node: ``tables`` [p, n, 1 + rest] hold constants and weights of units not yet decided."""
    unit = signs.shape[1]
    own = tables[:, :, 1:2]
    silent = torch.cat([tables[:, :, :1], tables[:, :, 2:]], dim=2)
    pivot = 1.0 - own[:, unit : unit + 1]
    if bool((pivot.abs() <= _SINGULAR * (1.0 + own[:, unit : unit + 1].abs())).any()):
        return None
    row = silent[:, unit : unit + 1] / pivot
    active = silent + own * row
    active[:, unit] = row[:, 0]
    both = torch.cat([silent, active])
    side = both.new_tensor([-1.0, 1.0]).repeat_interleave(len(tables)).unsqueeze(1)
    chosen = torch.cat([torch.cat([signs, signs]), side], dim=1)
    decided = both[:, : unit + 1] * chosen.unsqueeze(-1)  # each must be able to be positive
    slack = _SLACK * both.abs().amax(dim=(1, 2)).clamp(min=1.0)
    possible = ((decided[..., 0] >= -slack.unsqueeze(1)) | (decided[..., 1:] > 0).any(dim=-1)).all(dim=1)
    return both[possible], chosen[possible]
