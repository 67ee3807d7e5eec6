"""``continue_fixed_point``: one branch, both ways from a point on it."""

import math
from dataclasses import replace
from numbers import Real
from typing import Annotated

import torch
from torch import Tensor, nn

from ...checks import ArrayLike, CheckedInside, NotRegular, Size, checked, whole_number
from ...continuation import Point, covector, first_point
from ...families import Family, Span
from ...roots import Newton, Reason
from ...systems import AutonomousMap, relative, walk_units
from .method import Walk
from .results import OPEN_ENDS, Branch, joined, reversed_branch
from .table import assembled, reversed_rows
from .walk import BranchWalk, walked_out


@checked
@torch.no_grad()
def continue_fixed_point(
    family: Annotated[Family, CheckedInside()],
    start: ArrayLike | Branch,
    span: Annotated[tuple[float, float], CheckedInside()],
    *,
    at: Annotated[float, CheckedInside()] | None = None,
    period: Size = 1,
    walk: Walk | None = None,
    progress: bool | None = None,
) -> Branch:
    """Follow a fixed point, or a cycle, over a parameter by pseudo-arclength, and find what it passes.

    The curve F(h, p) = h is walked both ways from the start, round its folds and straight through its branch points,
    until it leaves the span, closes upon itself or runs away. Each step predicts along the tangent, corrects by
    Newton's method on the bordered system, and is accepted only if it cannot have jumped to another curve:
    ``continuation.walk`` states the rule. Between steps every eigenvalue that crosses the unit circle is located:
    folds, branch points, flips and Neimark-Sacker points, to 1e-8 of the span or better, with their normal forms.
    Two crossings that undo each other within one step are not seen.

    Args:
        family: p -> map: ``network.input_family(direction)``, ``between(before, after)``, ``scaled(module, name)``, or
            a function of your own. With a method ``derivative(states, p)`` no differences are needed.
        start: a state [n] near a fixed point (or a phase of a cycle), from which Newton's method finds it; or a branch
            that ended early, which is then continued at its open ends.
        span: the parameters to stay between.
        at: the start's parameter; ``span[0]`` by default.
        period: 1 for fixed points, k for cycles of period k, followed as fixed points of F^k.
        walk: tolerance, budget and lengths of steps; ``Walk()`` by default.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        The branch with its special points; Ctrl-C ends it early and keeps what was walked.

    Raises:
        ValueError: for a start of the wrong shape, or from which no fixed point or cycle of that period is found; for
            ``at`` outside the span; for a family that does not give maps.

    Source: Keller (1977) in Applications of Bifurcation Theory, 359-384; Kuznetsov (2004), Elements of Applied
    Bifurcation Theory, chapters 5, 9 and 10.
    """
    walk = walk or Walk()
    inner = checked_span(family, span)
    if isinstance(start, Branch):
        return _continued(inner, start, walk, progress)
    at = inner.start if at is None else at
    low, high = sorted(span)
    if not isinstance(at, Real) or not low <= at <= high:
        raise ValueError(f"at must be a number within the span [{low:g}, {high:g}], got {at!r}")
    at = float(at)
    period = whole_number(period, "period", 1)
    state, units = found_start(inner, start, at, period)
    inner = inner.iterated(period).in_units(units)
    point = point_on(inner, inner.into_units(state), inner.inner(at), walk.tolerance)
    return traced(inner, point, period, walk, progress)


def checked_span(family: Family, span: tuple[float, float]) -> Span:
    """The family over two different finite parameters, or ValueError."""
    if not callable(family) or isinstance(family, AutonomousMap | nn.Module):
        raise ValueError(
            "family must be a function p -> map, as network.input_family(direction) gives it;"
            f" got {type(family).__name__}"
        )
    try:
        start, end = span
    except (TypeError, ValueError) as error:
        raise ValueError(f"span must be two numbers (from, to), got {span!r}") from error
    numbers = all(isinstance(value, Real) and math.isfinite(value) for value in (start, end))
    if not numbers or start == end:
        raise ValueError(f"span must be two different finite numbers, got {span!r}")
    inner = Span(family, float(start), float(end))
    inner.system(0.0)  # the family gives maps, or says now that it does not
    return inner


def found_start(span: Span, start: ArrayLike, at: float, period: int) -> tuple[Tensor, Tensor]:
    """The fixed point of F^period [n] that Newton's method finds from ``start``, of that very period, and its units."""
    s = span.inner(at)
    single, system = span.system(s), span.iterated(period).system(s)
    rows = system.as_states(start, "start")
    if len(rows) > 1:
        raise ValueError(f"start must be one state [{system.state_size}], got {len(rows)}: take bifurcation_diagram")
    result = Newton(slow_points=0).solve(system, rows)
    reason = Reason(int(result.reasons[0]))
    if reason is not Reason.CONVERGED:
        what = "fixed point" if period == 1 else f"cycle of period {period}"
        raise ValueError(f"no {what} was found from start at parameter {at:g}: {reason.advice}")
    state = result.states[0]
    units = walk_units(single, state.unsqueeze(0))
    for divisor in range(1, period):
        if period % divisor == 0:
            image = single.iterate(state[None], divisor)[0]
            if float(relative(image - state, state, units)) < 1e-6:
                raise ValueError(f"start leads to a cycle of period {divisor}, not {period}, at parameter {at:g}")
    return state, units


def point_on(span: Span, state: Tensor, s: float, tolerance: float) -> Point:
    """The point of a branch at a fixed point [n], or NotRegular where there is none."""
    point = first_point(span, state, s, tolerance)
    if point is None:
        raise NotRegular(
            f"Newton's method fails at parameter {span.parameter(s):g}: the start is no regular point of a branch"
            " (at a branch point, begin beside it)"
        )
    return point


def traced(span: Span, point: Point, period: int, method: Walk, progress: bool | None = None) -> Branch:
    """The whole branch through a point of it, ``span`` being that of F^period."""
    forward = BranchWalk(span, point, period, method)
    ahead = walked_out(forward, "branch", progress)
    if forward.end == "closed":
        return assembled(span, [forward.first, *ahead], ("closed", "closed"), period, forward.refused)
    if forward.end == "interrupted":
        return assembled(span, [forward.first, *ahead], ("interrupted", "interrupted"), period, forward.refused)
    backward = BranchWalk(span, point.reversed(), period, method)
    behind = walked_out(backward, "branch, the other way", progress)
    if backward.end == "closed":  # forwards it took too many steps for that
        return assembled(span, [backward.first, *behind], ("closed", "closed"), period, backward.refused)
    rows = [*reversed_rows(behind), forward.first, *ahead]
    ends = (backward.end or "", forward.end or "")
    return assembled(span, rows, ends, period, forward.refused + backward.refused)


def _continued(span: Span, branch: Branch, method: Walk, progress: bool | None) -> Branch:
    """A branch that ended early, walked on at its open ends."""
    if branch.span != (span.start, span.end):
        raise ValueError(
            f"the branch was followed over {branch.span}: it goes on over that span only, got {(span.start, span.end)}"
        )
    span = span.iterated(branch.period).in_units(branch.units.to(span.system(0.0).device))
    for backwards in (False, True):
        if branch.ends[0 if backwards else 1] not in OPEN_ENDS:
            continue
        turned = reversed_branch(branch) if backwards else branch
        home = None if len(branch) < 2 else _point_at(span, turned, 0, method)
        walk = BranchWalk(span, _point_at(span, turned, -1, method), branch.period, method, home)
        rows = walked_out(walk, "branch", progress)
        if rows:
            more = assembled(span, rows, ("", walk.end or ""), branch.period, walk.refused)
            turned = joined(turned, more)
        else:  # it stands at an end of the span already
            turned = replace(turned, ends=(turned.ends[0], walk.end or ""))
        if walk.end == "closed":
            turned = replace(turned, ends=("closed", "closed"))
        branch = reversed_branch(turned) if backwards else turned
        if branch.closed:
            break
    return branch


def _point_at(span: Span, branch: Branch, row: int, method: Walk) -> Point:
    """A row of a branch as a point to walk on from, in the branch's direction."""
    system = span.system(0.0)
    state = span.into_units(branch.states[row].to(system.device, system.dtype))
    s = span.inner(float(branch.parameters[row]))
    away = float((span.system(s)(state.unsqueeze(0))[0] - state).norm())
    own = away <= 1e-6 * max(1.0, float(state.norm()))
    point = first_point(span, state, s, method.tolerance) if own else None
    if point is None:
        raise ValueError("the branch does not belong to this family: its last row is no fixed point of it")
    along = branch.tangents[row].to(point.tangent).clone()
    along[:-1] = span.into_units(along[:-1])
    along[-1] *= 1.0 if span.end > span.start else -1.0
    return point if float(covector(point.tangent, point.scale) @ along) > 0 else point.reversed()
