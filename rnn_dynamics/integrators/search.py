"""From fixed and slow points, or what starts settled on, to lines and rings with what happens along them."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from ..attractors import AttractorKind, Attractors
from ..checks import ArgumentError, ArrayLike, AtLeast, checked, require_positive
from ..fixed_points import Continuum, FixedPoints, SlowPoints, along, describe, find_continua
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, require_system
from .relaxing import relaxed
from .results import LineAttractor
from .slow_modes import SlowModes, slow_modes

_FEWEST = 3
"""So many points in a row, each with a slow mode, are a line: trained networks keep few fixed points on theirs."""


_SPACING = 0.01
"""Samples of a row are at least this share of its length apart."""


class _Curve(NamedTuple):
    states: Tensor
    closed: bool


@checked
@torch.no_grad()
def line_attractors(
    system: AutonomousMap,
    found: FixedPoints | Attractors | ArrayLike,
    starts: ArrayLike | None = None,
    *,
    neutral: float = 0.1,
    between: Annotated[int, AtLeast(0, 1000)] = 0,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
) -> tuple[LineAttractor, ...]:
    """The lines and rings among fixed and slow points, with direction, selection vector, inputs and drift along each.

    Lines are continua of fixed points, and rows of what else was found: slow points, slow manifolds and fixed points
    (often stable ones and saddles in turn, as in trained networks) that have an eigenvalue near 1. Those are linked
    along their minimum spanning tree where the map is slow between them too, and three in a row are a line. Sheets
    have no one direction along them and are left out.

    Args:
        system: the map that they were found of.
        found: fixed points, or attractors; or states [m, n] along one line, in any order, as they are.
        starts: states [k, n], as the network visits them. Searches for slow points end at the few minima of the speed;
            these are moved on to the slow curve across its direction only, so that they sample it where the network
            goes. None by default; each takes some eigenvalue problems of size n.
        neutral: how near to 1 an eigenvalue of a point in a row must be, and what share of the row's extent it may move
            by in a step: 0.1 admits time constants of ten steps, and ten steps from end to end.
        between: states put at even distances on the straight way between neighbours, as rows of their own: between
            fixed points they say how fast a memory drifts. What they are off a curve is for w across it, and left out.
        memory_budget: bytes for Jacobians at a time.

    Returns:
        One ``LineAttractor`` each, the longest first; none if nothing lines up.

    Raises:
        ValueError: for states that are not of the map's size, of which two are equal, or fewer than two.

    Source: Mante, Sussillo, Shenoy & Newsome 2013, Nature 503, 78, supplement 7.
    """
    require_system(system)
    require_positive(neutral=neutral)
    visited = [] if starts is None else [relaxed(system, system.as_states(starts, "starts"), memory_budget)]
    if isinstance(found, Attractors):
        curves = _of_attractors(system, found, visited, neutral, memory_budget)
    elif isinstance(found, FixedPoints):
        curves = _of_points(system, found, visited, neutral, memory_budget)
    elif visited:
        raise ArgumentError("starts", "must be left out beside states, which are taken as they are")
    else:
        curves = [_of_states(system, system.as_states(found, "found"))]
    lines = [_described(system, _refined(curve, between), memory_budget) for curve in curves]
    return tuple(sorted(lines, key=lambda line: -line.length))


def _of_points(
    system: AutonomousMap, points: FixedPoints, visited: list[Tensor], neutral: float, memory_budget: int
) -> list[_Curve]:
    exact = [continuum for continuum in points.continua if not continuum.slow]
    slow = [continuum.states for continuum in points.continua if continuum.slow]
    parts = [points.states, *_slow(system, points.slow), *slow, *visited]
    return _curves(exact) + _rows(system, parts, neutral, memory_budget)


def _of_attractors(
    system: AutonomousMap, found: Attractors, visited: list[Tensor], neutral: float, memory_budget: int
) -> list[_Curve]:
    orbits = list(zip(found.kinds, found.orbits, strict=True))
    samples = [_matching(system, orbit) for kind, orbit in orbits if kind == AttractorKind.CONTINUUM]
    exact = [describe(_ordered(states), _speeds(system, states), 0) for states in samples if len(states) > 1]
    points = [_matching(system, orbit) for kind, orbit in orbits if kind == AttractorKind.FIXED_POINT]
    slow = [continuum.states for continuum in found.slow_manifolds]
    parts = [*points, *_slow(system, found.slow), *slow, *visited]
    return _curves(exact) + _rows(system, parts, neutral, memory_budget)


def _slow(system: AutonomousMap, slow: SlowPoints) -> list[Tensor]:
    return [slow.states] if slow.states.shape[-1] == system.state_size else []  # what has none may not know the size


def _of_states(system: AutonomousMap, states: Tensor) -> _Curve:
    if len(states) < 2 or len(states.unique(dim=0)) < len(states):
        raise ArgumentError("found", f"must be two states or more, no two alike, got {len(states)} of them")
    ordered = _ordered(states)
    return _Curve(ordered, describe(ordered, _speeds(system, ordered), 0).closed)


def _curves(continua: list[Continuum]) -> list[_Curve]:
    return [_Curve(line.states, line.closed) for line in continua if line.dimension == 1]


def _rows(system: AutonomousMap, parts: list[Tensor], neutral: float, memory_budget: int) -> list[_Curve]:
    """Curves of states [k, n] each that have an eigenvalue near 1, as far as they line up."""
    states = torch.cat([_matching(system, part) for part in parts]).unique(dim=0) if parts else torch.empty(0)
    near = [
        ((system.linearize(states[part])[1].eigenvalues() - 1).abs() <= neutral).any(dim=-1)
        for part in system.chunks(len(states), memory_budget)
    ]
    if not near:
        return []
    states = states[torch.cat(near)]
    extent = float((states.amax(dim=0) - states.amin(dim=0)).max()) if len(states) else 0.0
    states = states[_speeds(system, states) <= neutral * extent]  # beyond the ends of a line it is fast
    groups = find_continua(system, states, _speeds(system, states), _FEWEST, 1 / neutral)
    spaced = [_spaced(states[group]) for group in groups]
    return _curves([describe(rows, _speeds(system, rows), 0, slow=True) for rows in spaced if len(rows) >= _FEWEST])


def _spaced(states: Tensor) -> Tensor:
    """Of ordered states the first of those that lie within a hundredth of the length: nearer ones tell no tangent."""
    positions = torch.nn.functional.pad(states.diff(dim=0).norm(dim=-1).cumsum(dim=0), (1, 0))
    kept = [0]
    for row, position in enumerate(positions.tolist()):
        if position - float(positions[kept[-1]]) >= _SPACING * float(positions[-1]):
            kept.append(row)
    return states[kept]


def _refined(curve: _Curve, between: int) -> _Curve:
    """With ``between`` states more on each edge."""
    states = torch.cat([curve.states, curve.states[:1]]) if curve.closed else curve.states
    shares = torch.arange(between + 1, dtype=states.dtype, device=states.device).view(1, -1, 1) / (between + 1)
    edges = states[:-1].unsqueeze(1) + shares * states.diff(dim=0).unsqueeze(1)
    rows = edges.flatten(0, 1)
    return _Curve(rows if curve.closed else torch.cat([rows, states[-1:]]), curve.closed)


def _matching(system: AutonomousMap, states: Tensor) -> Tensor:
    return states.to(dtype=system.dtype, device=system.device)


def _ordered(states: Tensor) -> Tensor:
    return states[along(states)]


def _speeds(system: AutonomousMap, states: Tensor) -> Tensor:
    return (system(states) - states).norm(dim=-1)


def _described(system: AutonomousMap, curve: _Curve, memory_budget: int) -> LineAttractor:
    """What happens at each state of a curve."""
    tangents = _tangents(curve)
    modes: list[SlowModes] = []
    velocities: list[Tensor] = []
    inputs: list[Tensor] = []
    for part in system.chunks(len(curve.states), memory_budget):
        states = curve.states[part]
        image, linearization = system.linearize(states)
        modes.append(slow_modes(linearization.dense(), tangents[part], of_curve=True))
        velocities.append((image - states).double().cpu())
        jacobian = system.input_jacobian(states)
        inputs += [] if jacobian is None else [jacobian.double().cpu()]
    velocity = torch.cat(velocities)
    selection = torch.cat([part.selection_vectors for part in modes])
    states = curve.states.double().cpu()
    lengths = states.diff(dim=0).norm(dim=-1)
    return LineAttractor(
        states=states,
        positions=torch.cat([lengths.new_zeros(1), lengths.cumsum(dim=0)]),
        speeds=velocity.norm(dim=-1),
        tangents=tangents,
        eigenvalues=torch.cat([part.eigenvalues for part in modes]),
        directions=torch.cat([part.directions for part in modes]),
        selection_vectors=selection,
        transverse=torch.cat([part.transverse for part in modes]),
        drifts=(selection * velocity).sum(dim=-1),
        input_jacobians=torch.cat(inputs) if inputs else None,
        closed=curve.closed,
        dt=system.dt,
        notes=system.notes,
    )


def _tangents(curve: _Curve) -> Tensor:
    """Unit vectors [m, n] from the neighbour before each state to the one after; at an end from itself."""
    states = curve.states.double().cpu()
    first, last = (states[-1:], states[:1]) if curve.closed else (states[:1], states[-1:])
    chords = torch.cat([states[1:], last]) - torch.cat([first, states[:-1]])
    return torch.nn.functional.normalize(chords, dim=-1, eps=1e-300)
