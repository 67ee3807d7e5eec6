"""What a special point is: its kind in words, its normal form, its residual."""

import math

from torch import Tensor

from ..continuation.families import Span
from . import normal_forms
from .normal_forms import NormalForm
from .passing import Passed
from .results import SpecialPoint, strong_resonance


def described(span: Span, passed: Passed, rising: bool, row: int = -1) -> SpecialPoint:
    """A special point with its normal form; ``rising`` says whether the parameter rose before it."""
    point = passed.point
    system = span.system(point.s)
    state = point.state.unsqueeze(0)
    value, linearization = system.linearize(state)
    form = _normal_form(span, passed, linearization.dense()[0])
    detail = form.detail
    if passed.kind == "fold":
        detail = "two meet as the parameter rises" if rising else "two are born as the parameter rises"
    elif passed.kind == "Neimark-Sacker":
        detail = strong_resonance(math.atan2(passed.eigenvalue.imag, passed.eigenvalue.real))
        detail = f"strong resonance {detail}" if detail else ""
    return SpecialPoint(
        kind=passed.kind,
        parameter=span.parameter(point.s),
        state=point.state.cpu(),
        eigenvalue=passed.eigenvalue,
        residual=float((value - state).norm()),
        row=row,
        detail=detail,
        coefficient=form.coefficient,
        criticality=form.criticality,
        multiplicity=passed.multiplicity,
    )


def _normal_form(span: Span, passed: Passed, matrix: Tensor) -> NormalForm:
    unknown = NormalForm(math.nan)
    if passed.multiplicity > 1:
        return unknown  # the formulas are those of a simple eigenvalue
    system, state = span.system(passed.point.s), passed.point.state
    try:
        pair = normal_forms.eigenpair(matrix, passed.eigenvalue)
        if passed.kind == "fold":
            return NormalForm(abs(normal_forms.fold(system, state, pair)))  # its sign is that of an eigenvector
        if passed.kind == "branch point":
            return normal_forms.branch_point(system, state, matrix, pair)
        if passed.kind == "flip":
            return normal_forms.flip(system, state, matrix, pair)
        form = normal_forms.neimark_sacker(system, state, matrix, pair)
        resonance = strong_resonance(math.atan2(pair.value.imag, pair.value.real))
        if resonance:  # up to 1:3 the coefficient is not defined, at 1:4 it does not decide
            return NormalForm(form.coefficient if resonance == "1:4" else math.nan)
        return form
    except (RuntimeError, NotImplementedError):
        return unknown  # a user's function that torch cannot differentiate forwards, or a defective eigenvalue
