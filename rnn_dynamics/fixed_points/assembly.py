"""From a pool of distinct roots to the result: spectra, continua, slow points, labels."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..roots import RootResult, Status
from ..roots.solver import residual_norms
from ..stability import kinds
from ..systems import AutonomousMap
from .completeness import Completeness, Round, index_sum, unseen_estimate
from .continua import describe, find_continua
from .pool import Pool
from .results import FixedPoints
from .slow import slow_points
from .spectra import eigenvalues_of, input_jacobians_of, modes_of

_NUDGE = 10
"""Square roots of the rounding unit to each side at which DF is compared: a smooth DF changes by 1e-6 there."""


@dataclass
class Analysis:
    """The continua among the pool, which of its points are isolated or on a kink, and the index sum."""

    lines: list[Tensor]
    isolated: Tensor
    on_kink: Tensor
    index_sum: int | None
    reason: str


def analyse(system: AutonomousMap, pool: Pool, tolerance: float, memory_budget: int) -> Analysis:
    eigenvalues = eigenvalues_of(system, pool.states, memory_budget)
    neutral = ((eigenvalues - 1).abs() <= max(tolerance, 1e-5)).any(dim=-1).nonzero().squeeze(-1)
    lines = [neutral[group.cpu()] for group in find_continua(system, pool.states[neutral], pool.residuals[neutral])]
    isolated = torch.ones(len(pool.states), dtype=torch.bool)
    kinked = on_kink(system, pool.states, memory_budget)
    total: int | None = None
    if lines:
        # Beside the samples themselves, what lies between them: a long continuum is thinned before it is examined.
        on_line = nearest_line(pool.states[neutral], [pool.states[line] for line in lines]) >= 0
        isolated[neutral[on_line]] = False
        reason = "fixed points form a continuum, so indices are undefined"
    elif kinked.any():
        reason = "F has a kink at a fixed point, so its index is undefined"
    else:
        total, reason = index_sum(system, pool.states, eigenvalues, tolerance)
    return Analysis(lines, isolated, kinked, total, reason)


def assemble(
    system: AutonomousMap,
    pool: Pool,
    first: RootResult,
    rounds: tuple[Round, ...],
    tolerance: float,
    memory_budget: int,
    interrupted: bool,
) -> FixedPoints:
    analysis = analyse(system, pool, tolerance, memory_budget)
    rows = analysis.isolated.nonzero().squeeze(-1)
    states = pool.states[rows]
    modes = modes_of(system, states, memory_budget)
    unstable = (modes.eigenvalues.abs() > 1).sum(dim=-1)
    # Stable first; within a class by coordinates, so that the order does not depend on the starts.
    order = sorted(range(len(rows)), key=lambda row: (int(unstable[row]), [round(x, 6) for x in states[row].tolist()]))
    position = torch.tensor(order, dtype=torch.long)
    rows, states = rows[position], states[position.to(states.device)]

    labels = _nearest(first, states, pool.tolerance)
    hits = torch.bincount(labels[labels >= 0], minlength=len(rows))
    slow, slow_lines = slow_points(system, first, memory_budget, on_kink, tolerance)
    elsewhere = first.states[(first.statuses == Status.FOUND) & (labels < 0).to(first.states.device)]
    on_line = nearest_line(elsewhere, [pool.states[line] for line in analysis.lines])
    continua = [
        describe(pool.states[line], pool.residuals[line], int((on_line == index).sum()))
        for index, line in enumerate(analysis.lines)
    ]
    return FixedPoints(
        states=states,
        residuals=residual_norms(system, states),
        eigenvalues=modes.eigenvalues[position],
        right_eigenvectors=modes.right_eigenvectors[position],
        left_eigenvectors=modes.left_eigenvectors[position],
        input_jacobians=input_jacobians_of(system, states, memory_budget),
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


def on_kink(system: AutonomousMap, states: Tensor, memory_budget: int) -> Tensor:
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
