"""The search: many starts, then what the index sum asks for."""

from dataclasses import replace

import torch

from ..checks import ArrayLike, require_positive
from ..roots import Newton, RootSolver
from ..stability import MARGINAL_TOLERANCE
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, require_system
from ..systems.scales import units_of
from .assembly import analyse, assemble
from .completeness import Round, fresh_starts, unseen_estimate
from .pool import Pool
from .results import FixedPoints


@torch.no_grad()
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
    require_system(system)
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
    pool = Pool(merge_tolerance)
    rounds = [Round("starts", len(states), pool.add(first, "starts"))]
    units = units_of(system, states)
    analysis = analyse(system, pool, marginal_tolerance, units, memory_budget, states)
    size = max(256, len(states) // 4)
    interrupted = first.interrupted
    done = interrupted or bool(analysis.lines)
    try:
        while budget > 0 and not done:
            size = min(budget, max(size, 2 * len(pool.states)))
            recipes = fresh_starts(system, pool.states, size, generator)[:size]
            if not recipes:
                break  # nothing was found and no box is known: there is nowhere to start from
            result = further.solve(system, torch.cat([batch for _, batch in recipes]), **options)
            budget -= len(result.states)
            fresh = 0
            for (origin, _), part in zip(recipes, result.split([len(batch) for _, batch in recipes]), strict=True):
                rounds.append(Round(origin, len(part.states), pool.add(part, origin)))
                fresh += rounds[-1].new
            if fresh:
                analysis = analyse(system, pool, marginal_tolerance, units, memory_budget, states, analysis.lines)
            settled = not fresh and analysis.index_sum in (1, None) and unseen_estimate(pool.times) < 0.5
            interrupted = result.interrupted
            done = settled or interrupted or bool(analysis.lines)
            size *= 2
    except KeyboardInterrupt:
        interrupted = True  # what the pool holds is returned
    return assemble(
        system, pool, analysis, first, tuple(rounds), marginal_tolerance, units, states, memory_budget, interrupted
    )
