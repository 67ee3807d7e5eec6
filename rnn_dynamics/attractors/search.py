"""``find_attractors``: settle starts, and assemble what they settled on."""

from dataclasses import replace

import torch

from ..checks import ArgumentError, ArrayLike, checked, require_positive
from ..linear_algebra import without_tf32
from ..progress import Progress
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, require_system, units_of
from .method import Settle
from .results import Attractors
from .settling import Limits, assemble, settled


@checked
@torch.no_grad()
def find_attractors(
    system: AutonomousMap,
    starts: ArrayLike,
    *,
    settle: Settle | None = None,
    known: Attractors | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> Attractors:
    """Settle every start under F and say on which attractor, of which kind, or why on none.

    All starts are iterated together and leave the batch as soon as there is evidence:

    - *fixed point, cycle*: Newton's method on F or F^k proposes it, its multipliers show that it is stable, and the
      orbit follows the linearisation there, within a ball that was probed to contract;
    - *slow drift* is followed along its slow manifold by implicit steps, as far as ``horizon``;
    - *circle, torus, chaos*: Lyapunov exponents decide by weighted Birkhoff averages; an orbit belongs to such an
      attractor if it moves on the curve or among the samples of it, and the attractor must last.

    Args:
        system: the map, for example ``network.hold(input)``.
        starts: [k, n], for example ``sample_states``.
        settle: budgets and tolerances; ``Settle()`` by default.
        known: attractors of the same map found before, which keep their rows; new ones come after them.
        memory_budget: bytes for Jacobians at a time.
        seed: of tangent vectors.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        The attractors with their evidence, and the fate of every start. Ctrl-C ends it early and keeps what settled.

    Raises:
        ValueError: for starts of the wrong shape, empty, or with NaN or infinite entries.
    """
    require_system(system)
    states = system.as_states(starts, "starts").clone()
    require_positive(memory_budget=memory_budget)
    limits = Limits(settle or Settle(), memory_budget, seed, units_of(system, states), system.box)
    if known is not None:
        _require_of(system, known)
    bar = Progress("settling", progress, total=len(states), unit="start")
    with without_tf32(system.device, system.dtype), bar:
        found = assemble(settled(system, states, limits, known, bar))
    return replace(found, notes=system.notes)


def _require_of(system: AutonomousMap, known: Attractors) -> None:
    if len(known) and known.states.shape[-1] != system.state_size:
        raise ArgumentError("known", f"has states of size {known.states.shape[-1]}, the system of {system.state_size}")
