"""``find_attractors``: settle starts, and assemble what they settled on."""

from typing import Annotated, TypedDict

import torch

from ..checks import ArrayLike, OrInfinite, Size, checked, require_positive
from ..progress import Progress
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, require_system, units_of
from .results import Attractors
from .settling import Limits, assemble, settle


class SettlingOptions(TypedDict, total=False):
    """What ``find_attractors`` takes, for the functions that settle starts by it."""

    max_steps: Size
    horizon: Annotated[float, OrInfinite()]
    tolerance: float
    merge_tolerance: float
    exponent_tolerance: float
    memory_budget: int


@checked
@torch.no_grad()
def find_attractors(
    system: AutonomousMap,
    starts: ArrayLike,
    *,
    known: Attractors | None = None,
    max_steps: Size = 10_000,
    horizon: Annotated[float, OrInfinite()] = 1e6,
    tolerance: float = 1e-11,
    merge_tolerance: float = 1e-6,
    exponent_tolerance: float = 1e-4,
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
        known: attractors of the same map found before, which keep their rows; new ones come after them.
        max_steps: plain steps for each start at most; the published measure uses 10,000.
        horizon: steps of F for which a slow drift is followed; a drift that lasts longer is *slow*, not an attractor.
        tolerance: an orbit rests when |F(h) - h| <= tolerance in every coordinate i, in units of max(u_i, |h_i|). The
            unit u_i is what is typical of the starts (of the box, or of F where they are zero), so that a large
            coordinate hides no small one.
        merge_tolerance: fixed points and cycles nearer than this, in the same units, are one.
        exponent_tolerance: a Lyapunov exponent within this of 0 counts as 0. Orbits are followed until theirs are ten
            times larger or smaller, if ``max_steps`` allow.
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
    require_positive(max_steps=max_steps, horizon=horizon, tolerance=tolerance, merge_tolerance=merge_tolerance)
    require_positive(exponent_tolerance=exponent_tolerance, memory_budget=memory_budget)
    units = units_of(system, states)
    limits = Limits(max_steps, horizon, tolerance, merge_tolerance, exponent_tolerance, memory_budget, seed, units)
    if known is not None:
        _require_of(system, known)
    with Progress("settling", progress, total=len(states), unit="start") as bar:
        return assemble(settle(system, states, limits, known, bar))


def _require_of(system: AutonomousMap, known: Attractors) -> None:
    if not isinstance(known, Attractors):
        raise ValueError(f"known must be the Attractors of find_attractors, got {type(known).__name__}")
    if len(known) and known.states.shape[-1] != system.state_size:
        raise ValueError(f"known has states of size {known.states.shape[-1]}, the system of {system.state_size}")
