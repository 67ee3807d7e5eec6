"""The search: many starts, then what the index sum asks for."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..checks import ArrayLike, require_positive
from ..roots import Newton, RootResult, RootSolver, Status
from ..roots.solver import residual_norms
from ..stability import MARGINAL_TOLERANCE, Spectrum, kinds, spectrum
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap
from .completeness import Completeness, Round, fresh_starts, index_sum, unseen_estimate
from .continua import Continuum, describe, find_continua
from .merging import merge
from .results import FixedPoints, SlowPoints

_NEUTRAL_SLOW = 0.05
"""A slow point may belong to a slow manifold if an eigenvalue is this near 1: time constants of 20 steps and more."""

_SLOW_MERGE = 1e-3
"""Minima of the speed are flat: descents agree to about the square root of their gradient tolerance."""

_SLOW_ANALYSED = 512
"""The slowest so many distinct slow points are examined for a slow manifold."""

_MODES = 32
"""Eigenvectors kept per point; all of them up to 32 units."""


def find_fixed_points(
    system: AutonomousMap,
    starts: ArrayLike,
    solver: RootSolver | None = None,
    *,
    extra_starts: int | None = None,
    merge_tolerance: float = 1e-6,
    marginal_tolerance: float = MARGINAL_TOLERANCE,
    max_steps: int = 100,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool = False,
) -> FixedPoints:
    """Find the fixed points F(h) = h that starts lead to, then those that must be there as well.

    After the starts, the search goes on from midpoints and combinations of what it found, noise and the system's box,
    round by round, until a round brings nothing new, the index sum is 1 (or does not apply) and the hit counts expect
    no further point, or the budget ends.

    Args:
        system: the map, for example ``network.hold(input)``.
        starts: [k, n]; states along trajectories with noise (``sample_states``) are best.
        solver: ``Newton()`` by default.
        extra_starts: the budget of further starts: 16 times the starts, and at least 16,384, by default; 0 for none.
        merge_tolerance: rows within this distance, times max(1, |h|), are one point. Converged rows agree to 1e-12.
        marginal_tolerance: an eigenvalue this near the unit circle leaves stability undecided.
        max_steps: solver steps per start.
        memory_budget: bytes for Jacobians at a time.
        seed: of the search's own starts.
        progress: show progress bars.

    Returns:
        The distinct points with their spectra, slow points, continua, and what is known about missing ones.
        Ctrl-C ends the search early and returns what was found by then.

    Raises:
        ValueError: for starts of the wrong shape, empty, or with NaN or infinite entries.
    """
    states = system.as_states(starts, "starts")
    require_positive(merge_tolerance=merge_tolerance, marginal_tolerance=marginal_tolerance, max_steps=max_steps)
    require_positive(memory_budget=memory_budget)
    if extra_starts is not None and extra_starts < 0:
        raise ValueError(f"extra_starts must be 0 or more, got {extra_starts}")
    solver = solver or Newton()
    if not isinstance(solver, RootSolver):
        raise ValueError(f"solver must be a RootSolver such as Newton(), got {type(solver).__name__}")
    budget = max(16 * len(states), 16_384) if extra_starts is None else extra_starts
    generator = torch.Generator().manual_seed(seed)

    # Slow points are looked for from the user's starts only.
    further = replace(solver, slow_points=0) if isinstance(solver, Newton) else solver
    options = {"max_steps": max_steps, "memory_budget": memory_budget, "progress": progress}

    first = solver.solve(system, states, **options)
    pool = _Pool(merge_tolerance)
    rounds = [Round("starts", len(states), pool.add(first, "starts"))]
    analysis = _analyse(system, pool, marginal_tolerance, memory_budget)
    size = max(256, len(states) // 4)
    done = first.interrupted or bool(analysis.lines)
    while budget > 0 and not done:
        size = min(budget, max(size, 2 * len(pool.states)))
        recipes = fresh_starts(system, pool.states, size, generator)
        if not recipes:
            break  # nothing was found and no box is known: there is nowhere to start from
        try:
            result = further.solve(system, torch.cat([batch for _, batch in recipes]), **options)
        except KeyboardInterrupt:
            break
        fresh = 0
        for (origin, _), part in zip(recipes, result.split([len(batch) for _, batch in recipes]), strict=True):
            rounds.append(Round(origin, len(part.states), pool.add(part, origin)))
            fresh += rounds[-1].new
        if fresh:
            analysis = _analyse(system, pool, marginal_tolerance, memory_budget)
        settled = not fresh and analysis.index_sum in (1, None) and unseen_estimate(pool.times) < 0.5
        done = settled or result.interrupted or bool(analysis.lines)
        budget -= len(result.states)
        size *= 2
    return _assemble(system, pool, first, tuple(rounds), marginal_tolerance, memory_budget)


@dataclass
class _Pool:
    """Every row found so far, and the distinct ones among them."""

    tolerance: float
    rows: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    states: Tensor = field(default_factory=lambda: torch.empty(0, 0))
    residuals: Tensor = field(default_factory=lambda: torch.empty(0))
    errors: Tensor = field(default_factory=lambda: torch.empty(0))
    times: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))

    def add(self, result: RootResult, origin: str) -> int:
        """Merge a round's found rows in; returns how many points are new."""
        found = result.statuses == Status.FOUND
        if not len(self.states):
            self.states = result.states[:0]
            self.residuals, self.errors = result.residuals[:0], result.errors[:0]
        before = len(self.states)
        states = torch.cat([self.states, result.states[found]])
        residuals = torch.cat([self.residuals, result.residuals[found]])
        errors = torch.cat([self.errors, result.errors[found]])
        weights = torch.cat(
            [self.times.to(states.device), torch.ones(int(found.sum()), dtype=torch.long, device=states.device)]
        )
        representative = merge(states, residuals, errors, self.tolerance)
        kept, group = representative.unique(return_inverse=True)
        self.times = torch.zeros(len(kept), dtype=torch.long, device=states.device).index_add_(0, group, weights)
        # A group's origin is that of its earliest member: one already known, if any.
        earliest = torch.full((len(kept),), len(states), device=states.device)
        earliest.scatter_reduce_(0, group, torch.arange(len(states), device=states.device), "amin")
        self.origins = [self.origins[row] if row < before else origin for row in earliest.tolist()]
        self.states, self.residuals, self.errors = states[kept], residuals[kept], errors[kept]
        return int((earliest >= before).sum())


@dataclass
class _Analysis:
    """Eigenvalues of the pool, the continua among it, and the index sum of the rest."""

    eigenvalues: Tensor
    lines: list[Tensor]
    isolated: Tensor
    index_sum: int | None
    reason: str


def _eigenvalues(system: AutonomousMap, states: Tensor, memory_budget: int) -> Tensor:
    parts = [system.linearize(states[part])[1].eigenvalues() for part in system.chunks(len(states), memory_budget)]
    if not parts:
        return torch.empty(0, system.state_size, dtype=torch.complex128)
    return torch.cat(parts).cpu().to(torch.complex128)


def _analyse(system: AutonomousMap, pool: _Pool, tolerance: float, memory_budget: int) -> _Analysis:
    eigenvalues = _eigenvalues(system, pool.states, memory_budget)
    neutral = ((eigenvalues - 1).abs() <= max(tolerance, 1e-5)).any(dim=-1).nonzero().squeeze(-1)
    lines = [neutral[group.cpu()] for group in find_continua(system, pool.states[neutral], pool.residuals[neutral])]
    isolated = torch.ones(len(pool.states), dtype=torch.bool)
    if lines:
        isolated[neutral] = False
        return _Analysis(eigenvalues, lines, isolated, None, "fixed points form a continuum, so indices are undefined")
    total, reason = index_sum(system, pool.states, eigenvalues, tolerance)
    return _Analysis(eigenvalues, lines, isolated, total, reason)


def _assemble(
    system: AutonomousMap,
    pool: _Pool,
    first: RootResult,
    rounds: tuple[Round, ...],
    tolerance: float,
    memory_budget: int,
) -> FixedPoints:
    analysis = _analyse(system, pool, tolerance, memory_budget)
    rows = analysis.isolated.nonzero().squeeze(-1)
    states = pool.states[rows]
    modes = _spectrum(system, states, memory_budget)
    unstable = (modes.eigenvalues.abs() > 1).sum(dim=-1)
    # Stable first; within a class by the first coordinate, so that the order does not depend on the starts.
    order = sorted(range(len(rows)), key=lambda row: (int(unstable[row]), [round(x, 6) for x in states[row].tolist()]))
    position = torch.tensor(order, dtype=torch.long)
    rows, states = rows[position], states[position.to(states.device)]

    labels = _nearest(first, states, pool.tolerance)
    hits = torch.bincount(labels[labels >= 0], minlength=len(rows))
    slow, slow_lines = _slow_points(system, first, memory_budget)
    found_on_lines = int(((first.statuses == Status.FOUND).cpu() & (labels < 0)).sum())
    share = found_on_lines // max(1, len(analysis.lines))
    continua = [describe(pool.states[line], pool.residuals[line], share) for line in analysis.lines]
    total, reason = analysis.index_sum, analysis.reason
    inputs = [system.input_jacobian(states[part]) for part in system.chunks(len(states), memory_budget)]
    known = [jacobian for jacobian in inputs if jacobian is not None]
    return FixedPoints(
        states=states,
        residuals=residual_norms(system, states),
        eigenvalues=modes.eigenvalues[position],
        right_eigenvectors=modes.right_eigenvectors[position],
        left_eigenvectors=modes.left_eigenvectors[position],
        input_jacobians=torch.cat(known) if known else None,
        kinds=kinds(modes.eigenvalues[position], tolerance),
        hits=hits,
        origins=tuple(pool.origins[row] for row in rows.tolist()),
        labels=labels,
        reasons=first.reasons.cpu(),
        slow=slow,
        continua=tuple(continua + slow_lines),
        completeness=Completeness(total, reason, unseen_estimate(pool.times[rows]), rounds),
    )


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


def _slow_points(system: AutonomousMap, result: RootResult, memory_budget: int) -> tuple[SlowPoints, list[Continuum]]:
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
    continua = [describe(states[line], speeds[line], int(hits[line].sum())) for line in lines]
    alone = torch.ones(len(states), dtype=torch.bool)
    for line in lines:
        alone[line] = False
    return SlowPoints(states[alone], speeds[alone], hits[alone]), continua
