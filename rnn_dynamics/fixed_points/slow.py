"""Slow points: the minima of the speed that are no fixed points, with their linearisation."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..roots import RootResult, Status
from ..stability import MARGINAL_TOLERANCE, kinds
from ..systems import AutonomousMap
from .continua import Continuum, describe, find_continua
from .merging import merge
from .results import NOT_ANALYSED, SlowPoints
from .spectra import eigenvalues_of, input_jacobians_of, modes_of

_NEUTRAL = 0.05
"""A slow point may belong to a slow manifold if an eigenvalue is this near 1: time constants of 20 steps and more."""

_MERGE = 1e-3
"""Minima of the speed are flat: descents agree to about the square root of their gradient tolerance."""

_ANALYSED = 512
"""The slowest so many distinct slow points are linearised."""

KinkTest = Callable[[AutonomousMap, Tensor, int], Tensor]
"""Which of the states [k, n] lie where DF jumps, [k], within a memory budget."""


def slow_points(
    system: AutonomousMap,
    result: RootResult,
    memory_budget: int,
    on_kink: KinkTest,
    tolerance: float = MARGINAL_TOLERANCE,
) -> tuple[SlowPoints, list[Continuum]]:
    """The slow rows of the user's starts, merged; those that line up along a manifold apart."""
    rows = (result.statuses == Status.SLOW).nonzero().squeeze(-1)
    states, speeds = result.states[rows], result.residuals[rows]
    representative = merge(states, speeds, torch.zeros_like(speeds), _MERGE)
    kept, group = representative.unique(return_inverse=True)
    order = speeds[kept].argsort(stable=True)
    hits = torch.bincount(group, minlength=len(kept))[order].cpu()
    states, speeds = states[kept][order], speeds[kept][order]
    gaps = (eigenvalues_of(system, states[:_ANALYSED], memory_budget) - 1).abs().amin(dim=-1)
    neutral = (gaps <= _NEUTRAL).nonzero().squeeze(-1)
    lines = [neutral[line.cpu()] for line in find_continua(system, states[neutral], speeds[neutral])]
    continua = [describe(states[line], speeds[line], int(hits[line].sum())) for line in lines]
    alone = torch.ones(len(states), dtype=torch.bool)
    for line in lines:
        alone[line] = False
    rest = alone[_ANALYSED:].sum()  # the fastest, so the last ones
    states, speeds, hits = states[alone], speeds[alone], hits[alone]
    near = states[: len(states) - int(rest)]
    modes = modes_of(system, near, memory_budget)
    names = kinds(modes.eigenvalues, tolerance, on_kink(system, near, memory_budget))
    columns = (modes.eigenvalues, modes.right_eigenvectors, modes.left_eigenvectors)
    inputs = input_jacobians_of(system, near, memory_budget)
    return SlowPoints(
        states,
        speeds,
        hits,
        *(_padded(column, len(states)) for column in columns),
        kinds=names + (NOT_ANALYSED,) * int(rest),
        input_jacobians=None if inputs is None else _padded(inputs, len(states)),
        marginal_tolerance=tolerance,
    ), continua


def _padded(column: Tensor, rows: int) -> Tensor:
    return torch.cat([column, column.new_full((rows - len(column), *column.shape[1:]), torch.nan)])
