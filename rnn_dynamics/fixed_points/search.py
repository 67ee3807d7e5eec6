"""The search: many starts, then what the index sum asks for."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, Size, checked, require_positive, whole_number
from ..linear_algebra import without_tf32
from ..progress import count, shown
from ..roots import LinearRegions, Newton, RootSolver, are_roots, every_root
from ..stability import MARGINAL_TOLERANCE
from ..stopping import stoppable
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, require_system, units_of
from .assembly import analyse, assemble
from .completeness import Round, fresh_starts, unseen_estimate
from .implied import add_implied
from .pool import Pool
from .reduced import lifted
from .results import FixedPoints
from .step_length import step_notes


@checked
@torch.no_grad()
@shown("fixed points", unit="start")
def find_fixed_points(
    system: AutonomousMap,
    starts: ArrayLike,
    solver: RootSolver | None = None,
    *,
    extra_starts: Size | None = None,
    merge_tolerance: float = 1e-9,
    marginal_tolerance: float = MARGINAL_TOLERANCE,
    modes: int | None = None,
    max_steps: Size = 100,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,  # noqa: ARG001
) -> FixedPoints:
    """Find the fixed points F(h) = h that starts lead to, then those that must be there as well.

    After the starts, the search goes on from midpoints and combinations of what it found, noise and the system's box,
    round by round, until a round brings nothing new, the index sum is 1 (or does not apply) and the hit counts expect
    no further point, or the budget ends. In a small network of ReLUs every linear region is solved instead
    (``LinearRegions``), so that no point is missed. A low-rank layer is searched in as many dimensions as its weight
    has (``AutonomousMap.reduced``), which finds the same points at less cost; what is returned is of the whole map.

    Args:
        system: the map, for example ``network.hold(input)``.
        starts: [k, n]; states along trajectories with noise (``sample_states``) are best.
        solver: ``Newton()`` by default.
        extra_starts: the budget of further starts: 16 times the starts, and at least 16,384, by default; 0 for none.
        merge_tolerance: rows nearer than this, each coordinate measured by its size max(u_i, |h_i|) with u_i = 1 for
            starts of that order, are one point; it is the resolution of the search. Converged rows agree to 1e-12, and
            where they do not, at degenerate points, by their estimated errors.
        marginal_tolerance: an eigenvalue this near the unit circle leaves stability undecided.
        modes: of how many leading eigenvalues the eigenvectors are kept for each point. By default of all n if those of
            all points take 32 MB at most (100 points of 100 units), else of 32; the result says which.
        max_steps: solver steps per start.
        memory_budget: bytes for Jacobians at a time.
        seed: of the search's own starts.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

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
    modes = None if modes is None else whole_number(modes, "modes", 1)
    if extra_starts is not None and extra_starts < 0:
        raise ArgumentError("extra_starts", f"must be 0 or more, got {extra_starts}")
    solver = solver or Newton()
    if not isinstance(solver, RootSolver):
        raise ArgumentError("solver", f"must be a RootSolver such as Newton(), got {type(solver).__name__}")
    budget = max(16 * len(states), 16_384) if extra_starts is None else extra_starts
    limits = Limits(merge_tolerance, marginal_tolerance, modes, max_steps, memory_budget, seed)
    reduction = system.reduced()
    with without_tf32(system.device, system.dtype):
        if reduction is None:
            found = _searched(system, states, solver, budget, limits)
        else:
            small = _searched(reduction.system, reduction.lower(states), solver, budget, limits, everywhere=True)
            found = lifted(small, reduction, system, units_of(system, states), memory_budget, modes)
    notes = (*system.notes, *step_notes(system, found, states))
    return replace(found, slow=replace(found.slow, dt=system.dt), dt=system.dt, notes=notes)


@dataclass(frozen=True)
class Limits:
    """Tolerances and budgets of a search, as ``find_fixed_points`` takes them."""

    merge_tolerance: float
    marginal_tolerance: float
    modes: int | None
    max_steps: int
    memory_budget: int
    seed: int


def _searched(
    system: AutonomousMap,
    states: Tensor,
    solver: RootSolver,
    budget: int,
    limits: Limits,
    everywhere: bool = False,
) -> FixedPoints:
    """The search; ``everywhere`` looks in the whole box, not only near to what is known, as few dimensions allow."""
    memory_budget, marginal_tolerance = limits.memory_budget, limits.marginal_tolerance
    generator = torch.Generator().manual_seed(limits.seed)

    # Slow points are looked for from the user's starts only.
    further = solver.without_slow_points()
    units = units_of(system, states)
    options: dict[str, Any] = {"max_steps": limits.max_steps, "memory_budget": memory_budget, "units": units}

    first = solver.solve(system, states, **options)
    count(len(states))
    equation = system.ungated()
    pool = Pool(limits.merge_tolerance, units, lambda points: are_roots(equation, points, states, units, memory_budget))
    rounds = [Round("starts", len(states), pool.add(first, "starts"))]
    analysis = analyse(system, pool, marginal_tolerance, memory_budget, states)
    if implied := add_implied(system, pool, analysis.isolated, further, options):
        rounds.append(implied)
        analysis = analyse(system, pool, marginal_tolerance, memory_budget, states, analysis.lines)
    roots = every_root(system, solver.regions) if budget > 0 or isinstance(solver, LinearRegions) else None
    solved = roots is not None and not first.interrupted
    if roots is not None and len(roots):
        result = further.solve(system, roots, **options)
        rounds.append(Round("regions", len(roots), pool.add(result, "regions")))
        analysis = analyse(system, pool, marginal_tolerance, memory_budget, states, analysis.lines)
        solved &= not result.interrupted and pool.holds(roots)
    size = max(256, len(states) // 4)
    done = first.interrupted or solved
    with stoppable() as stop:
        while budget > 0 and not done:
            size = min(budget, max(size, 2 * sum(analysis.objects)))
            recipes = fresh_starts(system, pool.states, size, generator, units, everywhere)[:size]
            if not recipes:
                break  # nothing was found and no box is known: there is nowhere to start from
            isolated = pool.states[analysis.isolated.to(pool.states.device)]
            result = further.solve(system, torch.cat([batch for _, batch in recipes]), known=isolated, **options)
            budget -= len(result.states)
            count(len(result.states))
            fresh = 0
            for (origin, _), part in zip(recipes, result.split([len(batch) for _, batch in recipes]), strict=True):
                rounds.append(Round(origin, len(part.states), pool.add(part, origin)))
                fresh += rounds[-1].new
            before = analysis.objects
            if fresh or len(pool.states) != len(analysis.isolated):
                analysis = analyse(system, pool, marginal_tolerance, memory_budget, states, analysis.lines)
                if implied := add_implied(system, pool, analysis.isolated, further, options):
                    rounds.append(implied)
                    analysis = analyse(system, pool, marginal_tolerance, memory_budget, states, analysis.lines)
            # Of a continuum every round finds other points; new is what is not on it.
            fresh = analysis.objects != before
            unseen = unseen_estimate(pool.times[analysis.isolated.to(pool.times.device)])
            settled = not fresh and analysis.index_sum in (1, None) and unseen < 0.5
            done = settled or bool(stop)
            size *= 2
    interrupted = first.interrupted or bool(stop)  # what the pool holds is returned
    rest: dict[str, Any] = {
        "starts": states,
        "memory_budget": memory_budget,
        "interrupted": interrupted,
        "modes": limits.modes,
    }
    found = assemble(system, pool, analysis, first, tuple(rounds), marginal_tolerance, **rest)
    return replace(found, completeness=replace(found.completeness, exhaustive=True, unseen=0.0)) if solved else found
