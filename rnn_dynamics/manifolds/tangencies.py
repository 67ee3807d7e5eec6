"""Connecting orbits followed over one parameter to where manifolds touch, and such tangencies over two."""

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor, nn

from ..bifurcations import BifurcationCurve, SpecialPoint, Walk, continue_bifurcation
from ..checks import ArgumentError, CheckedInside, checked
from ..continuation import Point, first_point, walk
from ..families import Family, Span
from ..progress import each
from ..stopping import go_on, stoppable
from ..systems import AutonomousMap
from .connecting_results import ConnectingOrbits
from .connection_map import ConnectionFamily, ConnectionMap
from .ends import Ends
from .saddles import saddles_of
from .solving import angles
from .tangency_results import ConnectionBranch, Tangency, TangencyCurve

_STRAY = 1e-3
"""Times the orbit's size: how far from the given orbit the branch may begin."""


@checked
@torch.no_grad()
def continue_connection(
    family: Annotated[Family, CheckedInside()],
    orbit: ConnectingOrbits,
    span: tuple[float, float],
    *,
    at: float | None = None,
    walk: Walk | None = None,
    progress: bool | None = None,
) -> ConnectionBranch:
    """Follow a homoclinic or heteroclinic orbit over a parameter, round its tangencies.

    At a tangency of the manifolds two orbits meet and vanish: the branch of solutions of the boundary-value problem
    (``ConnectionMap``) folds there, and is walked round the fold by pseudo-arclength. The saddles and their eigenspaces
    move along. The number of states stays, so that the ends may come nearer to the saddles or part from them.

    Args:
        family: p -> map.
        orbit: one row of ``connecting_orbits`` at p = ``at``.
        span: the first parameter and the last; both ways are walked within it.
        at: p of the orbit; the beginning of the span by default.
        walk: tolerance, budget and lengths of steps; ``Walk()`` by default.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        A row for each step, and the tangencies. Ctrl-C ends it early and keeps what was walked.

    Raises:
        ValueError: for several orbits, one that is none of ``family(at)``, or a span that does not hold ``at``.

    Source: Khoshsiar Ghaziani, Govaerts, Kuznetsov and Meijer 2009, doi:10.1080/10236190902766831.
    """
    start, end = span
    value = start if at is None else at
    method = walk or Walk()
    if not callable(family) or isinstance(family, AutonomousMap | nn.Module):
        raise ArgumentError("family", f"must be a function p -> map, got {type(family).__name__}")
    if start == end:
        raise ArgumentError("span", f"must have two different ends, got {span}")
    if not min(span) <= value <= max(span):
        raise ArgumentError("at", f"must lie within the span {span}, got {value:g}")
    ends, states = _given(family(value), orbit)
    maps = ConnectionFamily(family, ends, len(states) - 1, (value,), (abs(end - start),))
    inner = Span(maps, start, end)
    first = first_point(inner, states.flatten(), inner.inner(value), method.tolerance)
    size = max(1.0, float(states.norm()))
    if first is None or float((first.state - states.flatten()).norm()) > _STRAY * size:
        raise ArgumentError("orbit", f"must be an orbit of family({value:g}), but Newton's method leaves it or fails")
    rows, folds, reasons = [first], list[tuple[int, Point]](), list[str]()
    with stoppable() as stop:
        for way, begin in (("back", first.reversed()), ("on", first)):
            walked, passed, reason = _walked(inner, begin, method, progress, f"connecting orbit, {way}")
            reasons.append(reason)
            if way == "back":
                rows = [*reversed(walked), first]
                folds = [(len(walked) - row, point) for row, point in passed]
            else:
                folds += [(len(rows) - 1 + row, point) for row, point in passed]
                rows += walked
    reasons += ["interrupted"] * (2 - len(reasons))
    return _branch(inner, rows, folds, (reasons[0], reasons[1]), bool(stop))


def _walked(
    span: Span, begin: Point, method: Walk, progress: bool | None, what: str
) -> tuple[list[Point], list[tuple[int, Point]], str]:
    """The points behind the first, the folds with the number of the step that passed each, and why it ended."""
    options = {"tolerance": method.tolerance, "max_steps": method.max_steps, "max_norm": method.max_norm}
    points, folds, reason = list[Point](), list[tuple[int, Point]](), "interrupted"
    steps = walk(span, begin, longest_step=method.longest_step, **options)

    def taken():
        nonlocal reason
        reason = yield from steps

    with stoppable():
        for step in each(taken(), what, progress, unit="step"):
            go_on()
            points.append(step.point)
            folds += [(len(points), one.point) for one in step.passed if one.kind == "fold" and one.point is not None]
    return points, folds, reason


def _given(system: AutonomousMap, orbit: ConnectingOrbits) -> tuple[Ends, Tensor]:
    """The ends of one orbit in a map, and its states."""
    if len(orbit) != 1:
        raise ArgumentError("orbit", f"must be one row of connecting_orbits, got {len(orbit)}")
    states = orbit.orbits[0].to(dtype=system.dtype, device=system.device)
    source = saddles_of(system, orbit.source, orbit.period, "orbit")[0]
    target = source if orbit.homoclinic else saddles_of(system, orbit.target, orbit.period, "orbit")[0]
    return Ends.of(source, target), states


def _branch(
    span: Span, rows: list[Point], folds: list[tuple[int, Point]], ends: tuple[str, str], interrupted: bool
) -> ConnectionBranch:
    def of(point: Point) -> ConnectionMap:
        system = span.system(point.s)
        assert isinstance(system, ConnectionMap)
        return system

    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)

    orbits = [of(point).orbits(point.state) for point in rows]
    tangencies = []
    for row, point in folds:
        system = of(point)
        states = system.orbits(point.state)
        tangencies.append(
            Tangency(
                parameter=span.parameter(point.s),
                orbit=states.cpu(),
                angle=float(angles(system.ends, states).min()),
                residual=point.residual,
                row=row,
                source=system.ends.source.state.cpu(),
                target=system.ends.target.state.cpu(),
                period=system.ends.source.period,
            )
        )
    return ConnectionBranch(
        parameters=column([span.parameter(point.s) for point in rows]),
        orbits=torch.stack(orbits),
        residuals=column([point.residual for point in rows]),
        angles=column(
            [float(angles(of(point).ends, states).min()) for point, states in zip(rows, orbits, strict=True)]
        ),
        tangencies=tuple(tangencies),
        ends=ends,
        interrupted=interrupted,
    )


@checked
@torch.no_grad()
def continue_tangency(
    family: Annotated[Callable[[float, float], AutonomousMap], CheckedInside()],
    tangency: Tangency,
    spans: tuple[tuple[float, float], tuple[float, float]],
    *,
    at: float,
    walk: Walk | None = None,
    progress: bool | None = None,
) -> TangencyCurve:
    """Follow a homoclinic or heteroclinic tangency over two parameters.

    A tangency is a fold of the boundary-value problem for the orbit, and is followed as ``continue_bifurcation``
    follows folds of fixed points: by the bordered system for the singular matrix, walked by pseudo-arclength. On a cusp
    of the curve the manifolds touch in third order.

    Args:
        family: (p, q) -> map.
        tangency: of ``continue_connection`` over p at q = ``at``.
        spans: ((p0, p1), (q0, q1)), the rectangle to stay in.
        at: q of the tangency.
        walk: tolerance, budget and lengths of steps; ``Walk()`` by default.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        The curve. Ctrl-C ends it early and keeps what was walked.

    Raises:
        ValueError: for a tangency that is none of the family, or spans that do not hold it.
    """
    if not callable(family) or isinstance(family, AutonomousMap | nn.Module):
        raise ArgumentError("family", f"must be a function (p, q) -> map, got {type(family).__name__}")
    system = family(tangency.parameter, at)
    if not isinstance(system, AutonomousMap):
        raise ArgumentError("family", f"must give autonomous maps, got {type(system).__name__}")
    source = saddles_of(system, tangency.source, tangency.period, "tangency")[0]
    target = saddles_of(system, tangency.target, tangency.period, "tangency")[0]
    (p0, p1), (q0, q1) = spans
    scale = (abs(p1 - p0) or 1.0, abs(q1 - q0) or 1.0)
    steps = len(tangency.orbit) - 1
    maps = ConnectionFamily(family, Ends.of(source, target), steps, (tangency.parameter, at), scale)
    point = SpecialPoint(
        kind="fold",
        parameter=tangency.parameter,
        state=tangency.orbit.flatten().to(dtype=system.dtype, device=system.device),
        eigenvalue=1.0 + 0.0j,
        residual=tangency.residual,
        row=0,
    )
    return _curve(continue_bifurcation(maps, point, spans, at=at, walk=walk, progress=progress), maps)


def _curve(followed: BifurcationCurve, maps: ConnectionFamily) -> TangencyCurve:
    least = []
    orbits = []
    for (p, q), states in zip(followed.parameters.tolist(), followed.states, strict=True):
        system = maps(p, q)
        orbits.append(system.orbits(states.to(device=system.device)))
        least.append(float(angles(system.ends, orbits[-1]).min()))
    return TangencyCurve(
        parameters=followed.parameters,
        orbits=torch.stack(orbits).cpu(),
        residuals=followed.residuals,
        angles=torch.tensor(least, dtype=torch.float64),
        spans=followed.spans,
        ends=followed.ends,
        cusps=tuple(point.row for point in followed.codimension_two if point.kind == "cusp"),
    )
