"""From a pool of distinct roots to the result: spectra, continua, slow points, labels."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..roots import RootResult, Status
from ..roots.solver import residual_norms
from ..stability import Spectrum, kinds, spectrum
from ..systems import AutonomousMap
from .completeness import Completeness, Round, index_sum, unseen_estimate
from .continua import Continuum, describe, fades_out, find_continua
from .growing import DEGENERATE, grow_continua
from .merging import merge
from .pool import Pool
from .results import FixedPoints, SlowPoints

_NEUTRAL_SLOW = 0.05
"""A slow point may belong to a slow manifold if an eigenvalue is this near 1: time constants of 20 steps and more."""

_SLOW_MERGE = 1e-3
"""Minima of the speed are flat: descents agree to about the square root of their gradient tolerance."""

_SLOW_ANALYSED = 512
"""The slowest so many distinct slow points are examined for a slow manifold."""

_NUDGE = 10
"""Square roots of the rounding unit to each side at which DF is compared: a smooth DF changes by 1e-6 there."""

_MODES = 32
"""Eigenvectors kept per point; all of them up to 32 units."""


@dataclass
class Analysis:
    """The continua among the pool, which of its points are isolated or on a kink, and the index sum."""

    lines: tuple[Continuum, ...]
    isolated: Tensor
    on_kink: Tensor
    index_sum: int | None
    reason: str


def _eigenvalues(system: AutonomousMap, states: Tensor, memory_budget: int) -> Tensor:
    parts = [system.linearize(states[part])[1].eigenvalues() for part in system.chunks(len(states), memory_budget)]
    if not parts:
        return torch.empty(0, system.state_size, dtype=torch.complex128)
    return torch.cat(parts).cpu().to(torch.complex128)


def analyse(
    system: AutonomousMap,
    pool: Pool,
    tolerance: float,
    units: Tensor,
    memory_budget: int,
    starts: Tensor,
    known: tuple[Continuum, ...] = (),
) -> Analysis:
    """What the pool holds, found from ``starts``; ``known`` continua are not walked again."""
    eigenvalues = _eigenvalues(system, pool.states, memory_budget)
    neutral = ((eigenvalues - 1).abs() <= max(tolerance, 1e-5)).any(dim=-1)
    grown = grow_continua(system, pool.states, neutral, units, memory_budget, starts, known)
    isolated = (grown.owner < 0) & ~grown.fading
    lines = grown.continua
    # Where DF - I has more neutral directions than the continuum has dimensions, none was walked: samples must do.
    rows = (isolated & neutral).nonzero().squeeze(-1)
    for group in find_continua(system, pool.states[rows], pool.residuals[rows]):
        members = rows[group.cpu()]
        isolated[members] = False
        if fades_out(pool.states[members], pool.residuals[members]):
            across = (pool.states[members] / units).cpu()
            if bool((across.amax(dim=0) - across.amin(dim=0) <= DEGENERATE).all()):  # a root of high order
                isolated[members[pool.residuals[members].argmin().cpu()]] = True
        else:
            lines = (*lines, describe(pool.states[members], pool.residuals[members], 0, system))
    on_kink = _on_kink(system, pool.states, memory_budget)
    total: int | None = None
    if lines:
        # Beside the samples themselves, what lies between them: a long continuum is thinned before it is examined.
        isolated[rows[nearest_line(pool.states[rows], [line.states for line in lines]) >= 0]] = False
        reason = "fixed points form a continuum, so indices are undefined"
    elif on_kink.any():
        reason = "F has a kink at a fixed point, so its index is undefined"
    else:
        total, reason = index_sum(system, pool.states, eigenvalues, tolerance)
    return Analysis(lines, isolated, on_kink, total, reason)


def assemble(
    system: AutonomousMap,
    pool: Pool,
    analysis: Analysis,
    first: RootResult,
    rounds: tuple[Round, ...],
    tolerance: float,
    units: Tensor,
    starts: Tensor,
    memory_budget: int,
    interrupted: bool,
) -> FixedPoints:
    if len(analysis.isolated) != len(pool.states):  # Ctrl-C came between the two
        analysis = analyse(system, pool, tolerance, units, memory_budget, starts)
    rows = analysis.isolated.nonzero().squeeze(-1)
    states = pool.states[rows]
    modes = _spectrum(system, states, memory_budget)
    unstable = (modes.eigenvalues.abs() > 1).sum(dim=-1)
    # Stable first; within a class by coordinates, so that the order does not depend on the starts.
    order = sorted(range(len(rows)), key=lambda row: (int(unstable[row]), [round(x, 6) for x in states[row].tolist()]))
    position = torch.tensor(order, dtype=torch.long)
    rows, states = rows[position], states[position.to(states.device)]

    labels = _nearest(first, states, pool.tolerance)
    hits = torch.bincount(labels[labels >= 0], minlength=len(rows))
    slow, slow_lines = slow_points(system, first, memory_budget)
    elsewhere = first.states[(first.statuses == Status.FOUND) & (labels < 0).to(first.states.device)]
    on_line = nearest_line(elsewhere, [line.states for line in analysis.lines])
    continua = [replace(line, hits=int((on_line == index).sum())) for index, line in enumerate(analysis.lines)]
    inputs = [system.input_jacobian(states[part]) for part in system.chunks(len(states), memory_budget)]
    known = [jacobian for jacobian in inputs if jacobian is not None]
    return FixedPoints(
        states=states,
        residuals=residual_norms(system, states),
        eigenvalues=modes.eigenvalues[position],
        right_eigenvectors=modes.right_eigenvectors[position],
        left_eigenvectors=modes.left_eigenvectors[position],
        input_jacobians=torch.cat(known) if known else None,
        kinds=kinds(modes.eigenvalues[position], tolerance, analysis.on_kink[rows]),
        marginal_tolerance=tolerance,
        hits=hits,
        origins=tuple(pool.origins[row] for row in rows.tolist()),
        labels=labels,
        reasons=first.reasons.cpu(),
        slow=slow,
        continua=tuple(continua + slow_lines),
        completeness=Completeness(
            analysis.index_sum, analysis.reason, unseen_estimate(pool.times[rows]), rounds, interrupted
        ),
    )


def _on_kink(system: AutonomousMap, states: Tensor, memory_budget: int) -> Tensor:
    """Whether DF jumps at a state, as at the corner of a ReLU: eigenvalues then describe one side of it only."""
    generator = torch.Generator().manual_seed(0)
    kinks = [torch.zeros(0, dtype=torch.bool)]
    for part in system.chunks(len(states), memory_budget // 2):
        here = states[part]
        nudge = torch.randn(here.shape, generator=generator, dtype=torch.float64).to(here)
        nudge *= _NUDGE * (torch.finfo(here.dtype).eps ** 0.5) * here.norm(dim=-1, keepdim=True).clamp(min=1.0)
        before, after = (system.linearize(here + sign * nudge)[1].dense() for sign in (-1, 1))
        jump = (after - before).flatten(1).norm(dim=-1)
        kinks.append((jump > 0.01 * before.flatten(1).norm(dim=-1).clamp(min=1.0)).cpu())
    return torch.cat(kinks)


def nearest_line(states: Tensor, lines: list[Tensor]) -> Tensor:
    """For each state the continuum that it lies on, no further from a sample than samples are apart; else -1."""
    owner = torch.full((len(states),), -1)
    best = torch.full((len(states),), torch.inf, dtype=states.dtype, device=states.device)
    for index, samples in enumerate(lines):
        spacing = samples.diff(dim=0).norm(dim=-1).max()
        parts = [torch.cdist(part, samples).min(dim=-1).values for part in states.split(4096)]
        distance = torch.cat(parts) if parts else best
        nearer = (distance <= spacing) & (distance < best)
        best = torch.where(nearer, distance, best)
        owner[nearer.cpu()] = index
    return owner


def _spectrum(system: AutonomousMap, states: Tensor, memory_budget: int) -> Spectrum:
    n, m = system.state_size, min(system.state_size, _MODES)
    parts = [Spectrum.empty(n, m)]
    for part in system.chunks(len(states), memory_budget):
        parts.append(spectrum(system.linearize(states[part])[1].dense(), m))
    return Spectrum.cat(parts)


def _nearest(result: RootResult, states: Tensor, tolerance: float) -> Tensor:
    """For each start the row of ``states`` that it ended at, or -1."""
    labels = torch.full((len(result.states),), -1)
    found = (result.statuses == Status.FOUND).nonzero().squeeze(-1)
    if not len(states):
        return labels
    for rows in found.split(4096):
        ends = result.states[rows]
        distance, nearest = torch.cdist(ends, states, compute_mode="donot_use_mm_for_euclid_dist").min(dim=-1)
        same = distance <= 1e3 * tolerance * ends.norm(dim=-1).clamp(min=1.0)
        labels[rows.cpu()] = torch.where(same, nearest, -1).cpu()
    return labels


def slow_points(system: AutonomousMap, result: RootResult, memory_budget: int) -> tuple[SlowPoints, list[Continuum]]:
    """The slow rows of the user's starts, merged; those that line up along a manifold apart."""
    rows = (result.statuses == Status.SLOW).nonzero().squeeze(-1)
    states, speeds = result.states[rows], result.residuals[rows]
    representative = merge(states, speeds, torch.zeros_like(speeds), _SLOW_MERGE)
    kept, group = representative.unique(return_inverse=True)
    order = speeds[kept].argsort(stable=True)
    hits = torch.bincount(group, minlength=len(kept))[order].cpu()
    states, speeds = states[kept][order], speeds[kept][order]
    few = slice(0, _SLOW_ANALYSED)
    gaps = (_eigenvalues(system, states[few], memory_budget) - 1).abs().amin(dim=-1)
    neutral = (gaps <= _NEUTRAL_SLOW).nonzero().squeeze(-1)
    lines = [neutral[line.cpu()] for line in find_continua(system, states[neutral], speeds[neutral])]
    continua = [describe(states[line], speeds[line], int(hits[line].sum()), system) for line in lines]
    alone = torch.ones(len(states), dtype=torch.bool)
    for line in lines:
        alone[line] = False
    return SlowPoints(states[alone], speeds[alone], hits[alone]), continua
