"""What a special point is: its kind in words, its normal form, its residual."""

import math

import torch
from torch import Tensor

from ...continuation import Special
from ...families import Span
from ...systems import MapInUnits, balancing_units
from .. import normal_forms
from ..normal_forms import NormalForm
from .events import BorderCollision
from .kinks import Kink
from .special_point import KEPT, SpecialPoint, strong_resonance


def described(span: Span, special: Special, rising: bool, row: int = -1) -> SpecialPoint:
    """A special point with its normal form; ``rising`` says whether the parameter rose before it."""
    system = span.system(special.s)
    state = special.state.unsqueeze(0)
    value, linearization = system.linearize(state)
    residual = float(span.out_of_units(value - state).norm())
    if isinstance(special, BorderCollision) and special.kink is not None:
        return _border_collision(span, special, special.kink, rising, residual)
    form = _normal_form(span, special, linearization.dense()[0])
    detail = form.detail
    if special.kind == "fold":
        detail = "two meet as the parameter rises" if rising else "two are born as the parameter rises"
    elif special.kind == "Neimark-Sacker":
        detail = strong_resonance(math.atan2(special.eigenvalue.imag, special.eigenvalue.real))
        detail = f"strong resonance {detail}" if detail else ""
    return SpecialPoint(
        kind=special.kind,
        parameter=span.parameter(special.s),
        state=span.out_of_units(special.state).cpu(),
        eigenvalue=special.eigenvalue,
        residual=residual,
        interval=_outer(span, special.interval),
        status=special.status,
        row=row,
        detail=detail,
        coefficient=form.coefficient,
        criticality=form.criticality,
        multiplicity=special.multiplicity,
    )


def _outer(span: Span, interval: tuple[float, float]) -> tuple[float, float]:
    low, high = sorted(map(span.parameter, interval))
    return low, high


def _border_collision(span: Span, special: Special, kink: Kink, rising: bool, residual: float) -> SpecialPoint:
    """Whether the fixed points on both sides of the kink meet there or are one, by the way the branch goes on.

    With A and B = DF on both sides it turns back if det(I - A) det(I - B) < 0, and a cycle of twice the period begins
    if the numbers of eigenvalues below -1 of A and B differ by an odd number (Feigin 1970; di Bernardo et al. 2008).
    """
    before, after = (row.eigenvalues.cpu().to(torch.complex128) for row in (kink.before, kink.after))
    detail = "persistence"
    if kink.turns:
        detail = f"nonsmooth fold, two {'meet' if rising else 'are born'} as the parameter rises"
    below = [int(((side.imag == 0) & (side.real < -1)).sum()) for side in (before, after)]
    if (below[0] - below[1]) % 2:
        detail += ", a cycle of twice the period begins"
    return SpecialPoint(
        kind=special.kind,
        parameter=span.parameter(special.s),
        state=span.out_of_units(special.state).cpu(),
        eigenvalue=special.eigenvalue,
        residual=residual,
        interval=_outer(span, special.interval),
        status=special.status,
        row=-1,
        detail=detail,
        before=before[:KEPT],
        after=after[:KEPT],
    )


def _normal_form(span: Span, special: Special, matrix: Tensor) -> NormalForm:
    unknown = NormalForm(math.nan)
    if special.multiplicity > 1:
        return unknown  # the formulas are those of a simple eigenvalue
    # A fixed point 0 has told the walk no units.
    units = balancing_units(matrix)
    system, state = MapInUnits(span.system(special.s), units), special.state / units
    matrix = matrix * units / units[:, None]
    try:
        pair = normal_forms.eigenpair(matrix, special.eigenvalue)
        unit = float(span.out_of_units(units * pair.right).norm())
        if special.kind == "fold":
            # Its sign is that of an eigenvector.
            return NormalForm(abs(normal_forms.fold(system, state, pair))).in_unit(unit, 1)
        if special.kind == "branch point":
            form = normal_forms.branch_point(system, state, matrix, pair)
            return form.in_unit(unit, 1 if form.detail == "transcritical" else 2)
        if special.kind == "flip":
            return normal_forms.flip(system, state, matrix, pair).in_unit(unit)
        form = normal_forms.neimark_sacker(system, state, matrix, pair).in_unit(unit)
        resonance = strong_resonance(math.atan2(pair.value.imag, pair.value.real))
        if resonance:  # up to 1:3 the coefficient is not defined, at 1:4 it does not decide
            return NormalForm(form.coefficient if resonance == "1:4" else math.nan)
        return form
    except (RuntimeError, NotImplementedError):
        return unknown  # a user's function that torch cannot differentiate forwards, or a defective eigenvalue
