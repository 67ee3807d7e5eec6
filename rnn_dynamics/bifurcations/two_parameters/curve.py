"""``continue_bifurcation``: a curve of folds, flips or Neimark-Sacker points in the plane of two parameters."""

import math
from dataclasses import replace
from typing import Annotated

import torch
from torch import Tensor

from ...checks import ArgumentError, CheckedInside, Size, checked, whole_number
from ...continuation import BifurcationKind, first_point
from ...families import PlaneFamily, Span, checked_rectangle
from ...systems import walk_units
from ..branch import SpecialPoint, Walk, walked_out
from .defining import DefiningFamily, Plane, borders_at, cosine_of
from .results import BifurcationCurve
from .walk import CurveWalk, assembled_curve

_NEAR = 1e-4
"""How far from the given point, as a share of the spans and of the state, the curve may be found."""


@checked
@torch.no_grad()
def continue_bifurcation(
    family: PlaneFamily,
    point: Annotated[SpecialPoint, CheckedInside()],
    spans: tuple[tuple[float, float], tuple[float, float]],
    *,
    at: float,
    period: Size = 1,
    walk: Walk | None = None,
    progress: bool | None = None,
) -> BifurcationCurve:
    """Follow a fold, flip or Neimark-Sacker point over two parameters, and find the points of codimension two.

    The curve is F(h; p, q) = h with G(h; p, q) = 0, where [M, B; C^T, 0] [V; G] = [0; I] and M = A - I (fold), A + I
    (flip) or A^2 - 2 cos(theta) A + I (Neimark-Sacker), A = DF. That is a curve of fixed points of an extended map
    (``defining``), which is walked both ways by pseudo-arclength, round its turning points in p and q, until it leaves
    the rectangle, closes, or an angle reaches 0 or pi. Where a second condition holds the point is located, to 1e-8
    of the spans where the test function is smooth: cusps (the fold's coefficient is 0), 1:1 to 1:4 resonances,
    generalised flips and Chenciner points (the coefficient is 0), and other eigenvalues on the unit circle.

    Args:
        family: (p, q) -> map.
        point: of a branch over p that was followed at q = ``at``. A flip at which a branch of doubled cycles ends
            belongs to the cycle of half that branch's period.
        spans: ((p0, p1), (q0, q1)), the rectangle to stay in.
        at: q of the point.
        period: of the cycles; 1 for fixed points.
        walk: tolerance (of g too), budget and lengths of steps, each span being 1 and the first state's own size 1;
            ``Walk()`` by default.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        The curve; Ctrl-C ends it early and keeps what was walked.

    Raises:
        ValueError: for a point of another kind, or one that is no such bifurcation of the family at q = ``at``; for
            spans that do not hold it; for a family that does not give maps.

    Source: Govaerts (2000), Numerical Methods for Bifurcations of Dynamical Equilibria, chapters 3 to 5; Kuznetsov and
    Meijer (2019), Numerical Bifurcation Analysis of Maps, doi:10.1017/9781108585804.
    """
    walk = walk or Walk()
    period = whole_number(period, "period", 1)
    if not isinstance(point, SpecialPoint) or not BifurcationKind(point.kind).continuable:
        got = point.kind if isinstance(point, SpecialPoint) else type(point).__name__
        kinds = ", ".join(kind for kind in BifurcationKind if kind.continuable)
        raise ArgumentError("point", f"must be a special point of kind {kinds}, got {got}")
    plane, state = _plane(family, point, spans, at, period)
    cosine = cosine_of(point.kind, point.eigenvalue)
    jacobian = plane.inner(point.parameter, at).linearize((state / plane.units).unsqueeze(0))[1].dense()[0]
    borders = borders_at(point.kind, jacobian, cosine)
    span = Span(DefiningFamily(plane, borders), *plane.spans[0])
    guess = plane.packed(state, at, cosine)
    inner = span.inner(point.parameter)
    first = first_point(span, guess, inner, walk.tolerance)
    distance = math.inf if first is None else max(float((first.state - guess).norm()), abs(first.s - inner))
    if first is None or distance > _NEAR * max(1.0, float(guess.norm())):
        raise ValueError(
            f"no regular {point.kind} curve was found through ({point.parameter:g}, {at:g}): is the point one of"
            f" family(., {at:g}) with period {period}? At a point of codimension two begin beside it"
        )
    method = replace(walk, max_norm=walk.max_norm / max(1.0, float((state / plane.units).norm())))
    forward = CurveWalk(plane, borders, first, method)
    ahead = walked_out(forward, "curve", progress)
    if forward.end in ("closed", "interrupted"):
        ends = (forward.end, forward.end)
        return assembled_curve(plane, [forward.first, *ahead], ends, forward.refused)
    backward = CurveWalk(plane, borders, first.reversed(), method)
    behind = walked_out(backward, "curve, the other way", progress)
    rows = [*reversed(behind), forward.first, *ahead]
    return assembled_curve(plane, rows, (backward.end or "", forward.end or ""), forward.refused + backward.refused)


def _plane(
    family: PlaneFamily,
    point: SpecialPoint,
    spans: tuple[tuple[float, float], tuple[float, float]],
    at: float,
    period: int,
) -> tuple[Plane, Tensor]:
    """The family over the rectangle and the point's state, checked."""
    (p0, p1), (q0, q1) = checked_rectangle(family, spans)
    for name, value, (start, end) in (("the point's parameter", point.parameter, (p0, p1)), ("at", at, (q0, q1))):
        if not min(start, end) <= value <= max(start, end):
            raise ArgumentError(name, f"must lie within its span [{start:g}, {end:g}], got {value:g}")
    plane = Plane(family, point.kind, period, ((p0, p1), (q0, q1)), torch.empty(0))
    system = plane.system(point.parameter, at)
    state = system.as_states(point.state, "the point's state")[0]
    units = walk_units(system, state.unsqueeze(0))
    units = units * (state / units).norm().clamp(min=1.0)
    return replace(plane, units=units), state
