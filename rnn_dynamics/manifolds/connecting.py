"""``connecting_orbits``: homoclinic and heteroclinic orbits as boundary-value problems."""

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor

from ..attractors import Cycles
from ..checks import ArgumentError, ArrayLike, CheckedInside, Count, Positive, as_rows, checked
from ..fixed_points import FixedPoints
from ..progress import count, expect, shown
from ..stopping import go_on, stoppable
from ..systems import AutonomousMap, require_system
from .connecting_results import ConnectingOrbits
from .ends import Ends
from .invariant import invariant_manifold
from .meeting import crossings, distinct, orbit_through
from .saddles import Saddle, saddles_of
from .solving import angles, solved

_SAME = 1e-6
"""Times max(1, |h|): orbits with a state so near to another's farthest one are the same."""


@checked
@torch.no_grad()
@shown("connecting orbits", unit="guess")
def connecting_orbits(
    system: AutonomousMap,
    source: ArrayLike | FixedPoints | Cycles,
    target: ArrayLike | FixedPoints | Cycles | None = None,
    guesses: Annotated[Sequence[ArrayLike] | None, CheckedInside()] = None,
    *,
    period: Count = 1,
    length: Annotated[float, Positive()] = 10.0,
    spacing: Annotated[float, Positive()] = 0.02,
    most: Count = 8,
    progress: bool | None = None,  # noqa: ARG001
) -> ConnectingOrbits:
    """Find orbits that leave one saddle and reach another, or come back to the same.

    The unknowns are all states x_0, ..., x_N of an orbit of G = F^k; the equations are G(x_i) = x_(i+1), and that the
    first lies on the linear unstable manifold of the source and the last on the linear stable manifold of the target
    (``ConnectionMap``). Newton's method solves them at once, which is well posed where the manifolds cross at an angle,
    however unstable the orbit. Its ends are then continued until they are within 1e-5 max(1, |h|) of the saddles, so
    that the linear manifolds err by 1e-10.

    Guesses come from where the manifolds cross in the plane (n = 2); for larger n they are to be given.

    Args:
        system: the map.
        source: the saddle that the orbits leave: a state near it, or one row of fixed points or cycles.
        target: the one that they reach; the source by default: homoclinic orbits.
        guesses: orbits [N + 1, n] from near the source to near the target, steps of G apart.
        period: k, of states of cycles; ``Cycles`` know theirs.
        length: arclength of the manifolds whose crossings are taken, n = 2.
        spacing: of their points.
        most: orbits that are looked for, those with the shortest way along the manifolds first.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        A row for each orbit, shifted copies counted once. A crossing without an orbit is told by ``tried``. Ctrl-C ends
        it early and keeps those found.

    Raises:
        ValueError: for saddles with other numbers of unstable directions than one another, which orbits of this kind
            do not connect alone, or for n > 2 without guesses.

    Source: Beyn and Kleinkauf 1997, doi:10.1137/S0036142995281693.
    """
    require_system(system)
    first = saddles_of(system, source, period, "source")[0]
    second = first if target is None else saddles_of(system, target, period, "target")[0]
    if first.period != second.period:
        raise ArgumentError("target", f"must have the source's period {first.period}, got {second.period}")
    counts = [len(saddle.modes(stable=False)) for saddle in (first, second)]
    if counts[0] != counts[1] or not 0 < counts[0] < system.state_size:
        raise ArgumentError(
            "target",
            "must have as many unstable directions as the source, one at least and fewer than n;"
            f" got {counts[1]} and {counts[0]} of {system.state_size}",
        )
    ends = Ends.of(first, second)
    orbits: list[tuple[Tensor, float]] = []
    tried = 0
    with stoppable() as stop:
        for guess in _guesses(system, ends, guesses, length, spacing, most):
            tried += 1
            found = solved(ends, guess)
            if found is not None and not any(_same(found[0], known, first) for known, _ in orbits):
                orbits.append(found)
            count()
            go_on()
            if len(orbits) == most:
                break
    return table(ends, orbits, tried, bool(stop))


def _guesses(
    system: AutonomousMap,
    ends: Ends,
    guesses: Sequence[ArrayLike] | None,
    length: float,
    spacing: float,
    most: int,
) -> list[Tensor]:
    n = system.state_size
    if guesses is not None:
        if not isinstance(guesses, Sequence) or not len(guesses):
            raise ArgumentError("guesses", "must be orbits [N + 1, n], one at least")
        given = [
            as_rows(guess, f"guesses[{row}]", n, dtype=system.dtype, device=system.device)
            for row, guess in enumerate(guesses)
        ]
        if any(len(guess) < 2 for guess in given):
            raise ArgumentError("guesses", "must have two states at least")
        expect(len(given))
        return given
    if n != 2:
        raise ArgumentError("guesses", f"are needed for states of size {n}: manifolds cross in lines in the plane only")
    options = {"period": ends.source.period, "length": length, "spacing": spacing}
    unstable = invariant_manifold(system, ends.source.state, **options)[:2]
    stable = invariant_manifold(system, ends.target.state, stable=True, **options)[:2]
    chosen = distinct(crossings(unstable, stable), unstable, stable)[: 4 * most]
    expect(len(chosen))
    return [orbit_through(ends.source.returns, unstable, stable, crossing) for crossing in chosen]


def _same(orbit: Tensor, known: Tensor, source: Saddle) -> bool:
    farthest = orbit[(orbit - source.state).norm(dim=-1).argmax()]
    return float((known - farthest).norm(dim=-1).min()) <= _SAME * source.size


def table(ends: Ends, orbits: list[tuple[Tensor, float]], tried: int, interrupted: bool) -> ConnectingOrbits:
    """The table of orbits, each with its residual."""
    source, target = ends.source.state, ends.target.state

    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)

    return ConnectingOrbits(
        orbits=tuple(orbit for orbit, _ in orbits),
        residuals=column([residual for _, residual in orbits]),
        departures=column([float((orbit[0] - source).norm()) for orbit, _ in orbits]),
        arrivals=column([float((orbit[-1] - target).norm()) for orbit, _ in orbits]),
        angles=tuple(angles(ends, orbit) for orbit, _ in orbits),
        source=source,
        target=target,
        period=ends.source.period,
        tried=tried,
        interrupted=interrupted,
        notes=ends.source.system.notes,
    )
