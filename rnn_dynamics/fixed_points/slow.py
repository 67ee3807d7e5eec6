"""Slow points: the minima of the speed that are no fixed points, with their linearisation."""

import torch
from torch import Tensor

from ..roots import RootResult, Status
from ..stability import MARGINAL_TOLERANCE, Spectrum, kinds
from ..systems import AutonomousMap
from .continua import Continuum, describe, find_continua
from .kinks import on_kink
from .merging import merge
from .slow_table import NOT_ANALYSED, SlowPoints
from .spectra import eigenvalues_of, input_jacobians_of, modes_of

_NEUTRAL = 0.05
"""A slow point may belong to a slow manifold if an eigenvalue is this near 1: time constants of 20 steps and more."""

_MERGE = 1e-3
"""Minima of the speed are flat: descents agree to about the square root of their gradient tolerance."""

_ANALYSED = 512
"""The slowest so many distinct slow points are linearised."""

_LEAST = 1e-3
"""The speed is least where |v^T (DF - I)| is below this share of |v|: descents stop at a tenth of it."""


def slow_points(
    system: AutonomousMap,
    result: RootResult,
    units: Tensor,
    memory_budget: int,
    tolerance: float = MARGINAL_TOLERANCE,
) -> tuple[SlowPoints, list[Continuum]]:
    """The slow rows of the user's starts, merged; those that line up along a manifold apart."""
    rows = (result.statuses == Status.SLOW).nonzero().squeeze(-1)
    states, speeds = result.states[rows], result.residuals[rows]
    representative = merge(states, speeds, torch.zeros_like(speeds), _MERGE, units)
    kept, group = representative.unique(return_inverse=True)
    order = speeds[kept].argsort(stable=True)
    hits = torch.bincount(group, minlength=len(kept))[order].cpu()
    states, speeds = states[kept][order], speeds[kept][order]
    gaps = (eigenvalues_of(system, states[:_ANALYSED], memory_budget) - 1).abs().amin(dim=-1)
    neutral = (gaps <= _NEUTRAL).nonzero().squeeze(-1)
    lines = [neutral[line.cpu()] for line in find_continua(system, states[neutral], speeds[neutral])]
    continua = [describe(states[line], speeds[line], int(hits[line].sum()), system, slow=True) for line in lines]
    alone = torch.ones(len(states), dtype=torch.bool)
    for line in lines:
        alone[line] = False
    rest = alone[_ANALYSED:].sum()  # the fastest, so the last ones
    states, speeds, hits = states[alone], speeds[alone], hits[alone]
    near = states[: len(states) - int(rest)]
    modes = modes_of(system, near, memory_budget)
    drifts = _drift_modes(system, near, modes.eigenvalues, memory_budget)
    kinked = on_kink(system, near, units, memory_budget)
    return described(system, states, speeds, hits, modes, drifts, kinked, memory_budget, tolerance), continua


def described(
    system: AutonomousMap,
    states: Tensor,
    speeds: Tensor,
    hits: Tensor,
    modes: Spectrum,
    drifts: Tensor,
    kinked: Tensor,
    memory_budget: int,
    tolerance: float,
) -> SlowPoints:
    """The table of slow points, of which ``modes``, the ``drifts`` among them and ``kinked`` tell the first rows."""
    near = states[: len(drifts)]
    names = _kinds_across(modes.eigenvalues, drifts, tolerance, kinked)
    inputs = input_jacobians_of(system, near, memory_budget)
    fill = len(states) - len(near)
    return SlowPoints(
        states=states,
        speeds=speeds,
        hits=hits,
        eigenvalues=_padded(modes.eigenvalues, fill, torch.nan),
        right_eigenvectors=_padded(modes.right_eigenvectors, fill, torch.nan),
        left_eigenvectors=_padded(modes.left_eigenvectors, fill, torch.nan),
        drift_modes=_padded(drifts, fill, -1),
        kinds=names + (NOT_ANALYSED,) * fill,
        input_jacobians=None if inputs is None else _padded(inputs, fill, torch.nan),
        marginal_tolerance=tolerance,
    )


def _drift_modes(system: AutonomousMap, states: Tensor, eigenvalues: Tensor, memory_budget: int) -> Tensor:
    """The eigenvalue nearest 1 of each state [k, n] at which v^T (DF - I) = 0, v the velocity, [k]; -1 at others."""
    modes = (eigenvalues - 1).abs().argmin(dim=-1)
    for part in system.chunks(len(states), memory_budget):
        image, linearization = system.linearize(states[part])
        velocity = (image - states[part]).unsqueeze(-1)
        slope = (linearization.dense().mT @ velocity - velocity).norm(dim=(-2, -1))
        least = slope <= _LEAST * velocity.norm(dim=(-2, -1))
        modes[part] = torch.where(least.cpu(), modes[part], -1)
    return modes


def _kinds_across(eigenvalues: Tensor, drifts: Tensor, tolerance: float, kinked: Tensor) -> tuple[str, ...]:
    names = []
    for values, drift, kink in zip(eigenvalues, drifts.tolist(), kinked, strict=True):
        others = values[torch.arange(len(values)) != drift]
        names.append(kinds(others[None], tolerance, kink[None])[0] if len(others) else "marginal node")
    return tuple(names)


def _padded(column: Tensor, rows: int, value: float) -> Tensor:
    return torch.cat([column, column.new_full((rows, *column.shape[1:]), value)])
