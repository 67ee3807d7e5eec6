"""Where fixed points go as the parameter of a family of maps moves from one value to another."""

import math
from dataclasses import replace
from numbers import Real

import torch
from torch import Tensor, nn

from ..checks import ArrayLike, require_positive, whole_number
from ..families import Family, Span
from ..progress import shown
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, walk_units
from .courses import Course, Follower, distinct
from .marching import newton
from .results import Followed

_NOT_FIXED = 1e-6


@torch.no_grad()
@shown("following fixed points", unit="point")
def follow(
    family: Family,
    states: ArrayLike,
    start: float = 0.0,
    end: float = 1.0,
    *,
    tolerance: float = 1e-11,
    max_steps: int = 2000,
    looks: int = 1,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    progress: bool | None = None,  # noqa: ARG001
) -> Followed:
    """Follow fixed points of a family of maps from one parameter to another, and tell how each got there or vanished.

    The branches solve F(h, t) = h. All rows march over t at once (``March``: tangent predictor, batched Newton, and
    evidence that no row jumps to another branch). Those that cannot be moved so meet a fold or a branch point; they
    go on one by one by pseudo-arclength (``walk``), which passes both: until they arrive at ``end``, come back to
    ``start`` as the partner with which they met and vanished, or run off to infinity.

    Args:
        family: t -> map, for example ``between(before, after)``; ``iterated(family, k)`` follows cycles. It is called
            between ``start`` and ``end`` only. A method ``derivative(states, t)`` spares differences.
        states: fixed points of family(start), [p, n], for example ``find_fixed_points(family(0.0), ...).states``.
        start, end: parameters, in either order.
        tolerance: a fixed point is found when |F(h) - h|_2 <= tolerance * max(1, |h|_2), each coordinate in its own
            unit (``systems.walk_units``), 1 for networks whose units fire between -1 and 1.
        max_steps: attempts of each row's pseudo-arclength walk; a fold takes about 50.
        looks: at how many parameters on the way, evenly spaced, all eigenvalues are looked at. With 1, only at the end:
            crossings that undo each other on the way are then seen only where the branch needed short steps. More
            looks cost as many steps.
        memory_budget: bytes for Jacobians at a time.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        A row per point. Folds and branch points are located to 1e-8 of the span or better, flips and Neimark-Sacker
        points to 1e-7; of those, what happened and was undone between two looks at the eigenvalues is not seen (see
        ``Path``).

    Raises:
        ValueError: for states of the wrong shape or with NaN, for states that are no fixed points of family(start) to
            1e-6, for start equal to end, and for a family that does not give maps.

    Source: Keller (1977) in Applications of Bifurcation Theory; Govaerts (2000), Numerical Methods for Bifurcations of
    Dynamical Equilibria; kinds of crossings: Kuznetsov (2004), Elements of Applied Bifurcation Theory, chapter 4.
    """
    require_positive(tolerance=tolerance, max_steps=max_steps, memory_budget=memory_budget)
    looks = whole_number(looks, "looks", 1)
    numbers = all(isinstance(value, Real) for value in (start, end))
    if not numbers or not math.isfinite(start) or not math.isfinite(end) or start == end:
        raise ValueError(f"start and end must be two different finite numbers, got {start!r} and {end!r}")
    span = Span(family, float(start), float(end))
    span, given = _checked_start(span, states)
    polished = _polished(span, given, tolerance, memory_budget)
    first, of_row = distinct(polished)
    courses = Follower(span, tolerance, max_steps, looks, memory_budget).courses(polished[first])
    return _assembled(span, [courses[index] for index in of_row], given)


def _checked_start(span: Span, states: ArrayLike) -> tuple[Span, Tensor]:
    """The span in units, and the states in them."""
    if not callable(span.family) or isinstance(span.family, AutonomousMap | nn.Module):
        got = type(span.family).__name__
        raise ValueError(f"family must be a function t -> map, as between(before, after) gives it; got {got}")
    system = span.system(0.0)
    points = system.as_states(states, "states")
    if len(points):
        span = span.in_units(walk_units(system, points))
    system, points = span.system(0.0), span.into_units(points)
    residuals = (system(points) - points).norm(dim=-1).nan_to_num(nan=torch.inf)
    excess = residuals / points.norm(dim=-1).clamp(min=1.0)
    if bool((excess > _NOT_FIXED).any()):
        worst = int(excess.argmax())
        residual = span.out_of_units(system(points[worst]) - points[worst]).norm()
        raise ValueError(
            f"states must be fixed points of family({span.start:g}), but row {worst} has a residual |F(h) - h| of"
            f" {float(residual):.3g}"
        )
    return span, points


def _polished(span: Span, states: Tensor, tolerance: float, memory_budget: int) -> Tensor:
    """The states brought to the tolerance where that is a small matter; others as they are."""
    better, converged = newton(span.system(0.0), states, tolerance, memory_budget)
    near = (better - states).norm(dim=-1) <= 1e-3 * states.norm(dim=-1).clamp(min=1.0)
    return torch.where((converged & near).unsqueeze(-1), better, states)


def _assembled(span: Span, courses: list[Course], states: Tensor) -> Followed:
    unknown = torch.full_like(states[0], torch.nan)
    ends = torch.stack([unknown if course.end is None else course.end for course in courses])
    residuals = torch.full_like(states[:, 0], torch.nan)
    arrived = torch.tensor([course.outcome == "arrived" for course in courses], device=states.device)
    partners = torch.tensor(
        [course.outcome == "fold" and course.end is not None for course in courses], device=states.device
    )
    for rows, s in ((arrived, 1.0), (partners, 0.0)):
        if bool(rows.any()):
            residuals[rows] = span.out_of_units(span.system(s)(ends[rows]) - ends[rows]).norm(dim=-1)
    return Followed(
        start=span.start,
        end=span.end,
        units=torch.ones_like(unknown) if span.units is None else span.units,
        outcomes=tuple(course.outcome for course in courses),
        ends=span.out_of_units(ends),
        residuals=residuals,
        parameters=states.new_tensor([span.parameter(course.s) for course in courses]),
        fold_states=span.out_of_units(
            torch.stack([unknown if course.fold is None else course.fold[0] for course in courses])
        ),
        crossings=tuple(
            tuple(replace(special, state=span.out_of_units(special.state), point=None) for special in course.crossings)
            for course in courses
        ),
        reasons=tuple(course.reason for course in courses),
    )
