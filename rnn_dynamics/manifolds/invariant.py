"""``invariant_manifold``: the curves along which orbits leave a saddle, or come to it."""

import math
from typing import Annotated

import torch
from torch import Tensor

from ..attractors import Cycles
from ..checks import ArgumentError, ArrayLike, AtLeast, Count, Positive, checked
from ..fixed_points import FixedPoints
from ..progress import count, expect, shown
from ..stopping import stoppable
from ..systems import AutonomousMap, require_system
from .curves import InvariantManifold
from .growing import Backwards, Bounds, Carrier, Forwards, Grown, grown, turns
from .local import local_curve
from .saddles import Saddle, saddles_of

_FINEST = 0.01
"""Of the spacing: at a bend points lie no closer, and off the curve by no more."""

_FAR = 1e6
"""Times max(1, |h|)."""


@checked
@torch.no_grad()
@shown("invariant manifold", unit="branch")
def invariant_manifold(
    system: AutonomousMap,
    saddle: ArrayLike | FixedPoints | Cycles,
    *,
    stable: bool = False,
    period: Count = 1,
    length: Annotated[float, Positive()] = 10.0,
    spacing: Annotated[float, Positive()] = 0.02,
    bend: Annotated[float, Positive()] = 0.2,
    tolerance: Annotated[float, Positive()] = 1e-10,
    max_points: Annotated[int, AtLeast(8)] = 100_000,
    progress: bool | None = None,  # noqa: ARG001
) -> InvariantManifold:
    """Grow the one-dimensional unstable manifold of a saddle, or its stable one, on both sides.

    Next to the saddle it is P(t) = h + v t + a t^2, as far as |G(P(t)) - P(lambda t)| keeps the tolerance, G = F^k.
    All else are images: P(t) = G^m(P(t / lambda^m)). So every point is on the manifold as well as the first piece is,
    and errors across it shrink. A point is put in, from the first piece on, where two neighbours are farther apart than
    the spacing, or the curve turns by more than the bend and they are farther apart than a hundredth of the spacing.
    With a negative eigenvalue the sides are taken into one another, and G^2 is used.

    The stable manifold is grown of preimages, by Newton's method on F(x) = y continued along the curve. It needs no
    inverse of F: where a state has no preimage near by, the branch ends. Where F folds the state space there may be
    other pieces of the stable set, which this branch does not reach.

    Args:
        system: the map.
        saddle: a fixed point [n], near which one must be, or one row of ``find_fixed_points`` or ``find_cycles``.
        stable: whether the stable manifold is wanted, which must have one dimension: n = 2 as a rule.
        period: k, of a state of a cycle; ``Cycles`` know theirs.
        length: arclength of each branch, in the state's own unit; a branch that comes to rest ends there.
        spacing: of neighbours at most, in the state's own unit.
        bend: radians; 0.2 leaves an eighth of 0.2 of a chord between it and the curve.
        tolerance: of the first piece, times max(1, |h|).
        max_points: of each branch.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        A row for each side, of each phase of a cycle. Ctrl-C ends it early and keeps the branches that are whole.

    Raises:
        ValueError: for a state at which nothing rests, a marginal one, or another number of directions than one:
            ``invariant_surface`` takes two.

    Source: Hobson 1993, doi:10.1006/jcph.1993.1002; Krauskopf and Osinga 1998, doi:10.1006/jcph.1998.6059; Cabre,
    Fontich and de la Llave 2005, doi:10.1016/j.jde.2004.12.003.
    """
    require_system(system)
    if bend >= math.pi:
        raise ArgumentError("bend", f"must be below pi, got {bend}")
    phases = saddles_of(system, saddle, period)
    modes = phases[0].modes(stable)
    if len(modes) != 1:
        kind = "stable" if stable else "unstable"
        more = ": use invariant_surface" if len(modes) == 2 and not stable else ""
        raise ArgumentError("saddle", f"must have one {kind} direction, got {len(modes)}{more}")
    if stable and not abs(phases[0].eigenvalues[modes[0]]) > 0:
        raise ArgumentError("saddle", "has the eigenvalue 0 in its stable direction: states there have no preimages")
    bounds = Bounds(spacing, bend, _FINEST * spacing, length, max_points, _FAR * phases[0].size)
    expect(2 * len(phases))
    rows: list[tuple[int, int, Grown, float]] = []
    with stoppable() as stop:
        for number in range(len(phases)):
            behind = phases[number::-1] + phases[:number:-1]
            for side in (1, -1):
                carrier = _carrier(behind, modes[0], side, stable, tolerance)
                rows.append((number, side, grown(carrier, bounds), carrier.curve.residual))
                count()
    return _table(rows, phases, stable, spacing, bool(stop))


def _carrier(behind: list[Saddle], mode: int, side: int, stable: bool, tolerance: float) -> Carrier:
    saddle = behind[0]
    if float(saddle.eigenvalues[mode].real) < 0:  # a flip: both sides come back after twice as many steps
        saddle, behind = Saddle(saddle.system, saddle.state, 2 * saddle.period), 2 * behind
    curve = local_curve(saddle, mode, tolerance)
    if stable:
        return Backwards(curve, side, saddle.system, [phase.state for phase in behind], saddle.size)
    return Forwards(curve, side, saddle.returns)


def _table(
    rows: list[tuple[int, int, Grown, float]], phases: list[Saddle], stable: bool, spacing: float, interrupted: bool
) -> InvariantManifold:
    branches = [branch for _, _, branch, _ in rows]

    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)

    return InvariantManifold(
        phases=torch.tensor([phase for phase, _, _, _ in rows], dtype=torch.long),
        sides=torch.tensor([side for _, side, _, _ in rows], dtype=torch.long),
        states=tuple(branch.states for branch in branches),
        parameters=tuple(branch.parameters for branch in branches),
        lengths=column([float((b.states[1:] - b.states[:-1]).norm(dim=-1).sum()) for b in branches]),
        bends=column([float(turns(b.states).max()) if len(b.states) > 2 else 0.0 for b in branches]),
        errors=column([branch.error for branch in branches]),
        residuals=column([residual for _, _, _, residual in rows]),
        ends=tuple(branch.end for branch in branches),
        saddle=torch.stack([phase.state for phase in phases]),
        eigenvalues=phases[0].eigenvalues,
        stable=stable,
        spacing=spacing,
        interrupted=interrupted,
        notes=phases[0].system.notes,
    )
