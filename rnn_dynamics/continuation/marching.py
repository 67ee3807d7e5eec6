"""Many fixed points at once over the parameter: tangent predictor, batched Newton, and evidence against jumps."""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ..families import Span
from ..linear_algebra import determinant_signs
from ..systems import AutonomousMap

_DEEPEST = 7
"""Intervals are halved down to 1/128 of the span; a row that still fails there meets what no step in s passes."""

_MOST_ITERATIONS = 5

_LEAST_CONTRACTION = 0.25

_MOST_CORRECTION = 0.3
"""Share of the predicted step that Newton's method may move a row by."""

_MOST_MISMATCH = 0.1
"""Share of its step by which a row may miss the trapezoid of the tangents at both ends."""

_OWN_GROUND = 0.25
"""Share of the distance to the nearest other row that Newton's method may move a row by."""

_FLOOR = 1e-9
"""Relative to max(1, |h|): corrections below it say nothing."""


@dataclass(frozen=True, eq=False)
class Located:
    """Rows on their branches at one s: what the next prediction needs and what tells branches apart."""

    states: Tensor
    """[k, n]."""

    tangents: Tensor
    """dh/ds, [k, n]."""

    signs: Tensor
    """Of det(I - DF), [k]; 0 where it is singular."""

    def rows(self, which: Tensor) -> Self:
        return type(self)(self.states[which], self.tangents[which], self.signs[which])

    def merged(self, others: Self, which: Tensor) -> Self:
        """These rows with those at ``which`` replaced."""
        parts = ((self.states, others.states), (self.tangents, others.tangents), (self.signs, others.signs))
        return type(self)(*(mine.index_copy(0, which, their) for mine, their in parts))


def located(span: Span, s: float, states: Tensor, memory_budget: int) -> Located:
    """Tangents (I - DF)^-1 dF/ds and signs of det(I - DF) at fixed points [k, n]."""
    system = span.system(s)
    tangents, signs = torch.empty_like(states), states.new_empty(len(states))
    for part in system.chunks(len(states), memory_budget):
        _, linearization = system.linearize(states[part])
        tangents[part] = linearization.solve(-span.derivative(states[part], s))
        sign = torch.ones_like(signs[part])
        for block in linearization.own:
            shifted = -block[:, : block.shape[-1]]
            shifted.diagonal(dim1=-2, dim2=-1).add_(1.0)
            sign = sign * determinant_signs(shifted)
        signs[part] = sign
    return Located(states, tangents, signs)


def newton(system: AutonomousMap, guesses: Tensor, tolerance: float, memory_budget: int) -> tuple[Tensor, Tensor]:
    """Undamped Newton from guesses [k, n]: states, and which rows fell to a quarter each time until they met it."""
    states = guesses.clone()
    todo = torch.arange(len(states), device=states.device)
    converged = torch.zeros(len(states), dtype=torch.bool, device=states.device)
    before = states.new_full((len(states),), torch.inf)
    for iteration in range(_MOST_ITERATIONS + 1):
        residual = system(states[todo]) - states[todo]
        norms = residual.norm(dim=-1)
        done = norms <= tolerance * states[todo].norm(dim=-1).clamp(min=1.0)
        going = ~done & (norms <= _LEAST_CONTRACTION * before[todo]) & norms.isfinite()
        converged[todo[done]] = True
        before[todo] = norms
        todo, residual = todo[going], residual[going]
        if not len(todo) or iteration == _MOST_ITERATIONS:
            break
        for part in system.chunks(len(todo), memory_budget):
            _, linearization = system.linearize(states[todo[part]])
            states[todo[part]] += linearization.solve(-residual[part])
    return states, converged


class March:
    """All rows from s = 0 to 1; an interval that is too long for some rows is halved for those alone.

    A row is moved over an interval if Newton's method, from the tangent's prediction, contracts by four each time and

        |correction| <= 0.3 |predicted step|,      |correction| <= 0.25 (distance to the nearest other row),
        |h_1 - h_0 - ds (v_0 + v_1) / 2| <= 0.1 |h_1 - h_0|,      sign det(I - DF) is the same at both ends,

    v being the tangents. Together they say that the step is short against the curvature of the branch and against the
    distance to other branches. Rows that fail on the shortest interval are set aside.
    """

    def __init__(self, span: Span, states: Tensor, tolerance: float, memory_budget: int, looks: int = 1) -> None:
        self._span = span
        self._tolerance = tolerance
        self._budget = memory_budget
        self.knots: list[list[tuple[Tensor, float]]] = [[(state, 0.0)] for state in states]
        """For each row the states it was found at, with their s; a row that arrived has one at s = 1."""
        rows = torch.arange(len(states), device=states.device)
        here = located(span, 0.0, states, memory_budget)
        for look in range(looks):
            interval = look / looks, (look + 1) / looks
            # Intervals are as short at the deepest as those of a march that is halved from the whole span on.
            survivors, there = self._advance(rows, here, interval, (states[:0], states[:0]), int(math.log2(looks)))
            rows, here = rows[survivors], there.rows(survivors)
            if not len(rows):
                break

    def _advance(
        self, rows: Tensor, begin: Located, interval: tuple[float, float], others: tuple[Tensor, Tensor], depth: int
    ) -> tuple[Tensor, Located]:
        """Move ``rows`` over an interval; which of them got there (as positions in ``rows``), and all of them there.

        ``others`` are the states at both ends of rows that are over this interval already.
        """
        end, moved = self._attempt(begin, interval, others)
        self._note(rows[moved], end.states[moved], interval[1])
        failed = (~moved).nonzero().squeeze(-1)
        if not len(failed) or depth == _DEEPEST:
            return moved.nonzero().squeeze(-1), end
        first, last = (torch.cat([known, side.states[moved]]) for known, side in zip(others, (begin, end), strict=True))
        middle, centre = 0.5 * (first + last), 0.5 * (interval[0] + interval[1])
        survivors, half = self._advance(
            rows[failed], begin.rows(failed), (interval[0], centre), (first, middle), depth + 1
        )
        failed = failed[survivors]
        if len(failed):
            survivors, half = self._advance(
                rows[failed], half.rows(survivors), (centre, interval[1]), (middle, last), depth + 1
            )
            failed = failed[survivors]
            end = end.merged(half.rows(survivors), failed)
        return torch.cat([moved.nonzero().squeeze(-1), failed]).sort().values, end

    def _attempt(
        self, begin: Located, interval: tuple[float, float], others: tuple[Tensor, Tensor]
    ) -> tuple[Located, Tensor]:
        ds = interval[1] - interval[0]
        predicted = ds * begin.tangents
        usable = predicted.isfinite().all(dim=-1) & (begin.signs != 0)
        guesses = begin.states + torch.where(usable.unsqueeze(-1), predicted, 0.0)
        states, converged = newton(self._span.system(interval[1]), guesses, self._tolerance, self._budget)

        floor = _FLOOR * states.norm(dim=-1).clamp(min=1.0)
        correction = (states - guesses).norm(dim=-1)
        ground = torch.minimum(
            _nearest(begin.states, others[0], self._budget), _nearest(states, others[1], self._budget)
        )
        good = converged & usable & (ground > 10 * floor)
        good &= correction <= torch.maximum(_MOST_CORRECTION * predicted.norm(dim=-1), floor)
        good &= correction <= _OWN_GROUND * ground

        kept = good.nonzero().squeeze(-1)
        there = located(self._span, interval[1], states[kept], self._budget)
        chord = there.states - begin.states[kept]
        mismatch = (chord - 0.5 * ds * (begin.tangents[kept] + there.tangents)).norm(dim=-1)
        smooth = mismatch <= torch.maximum(_MOST_MISMATCH * chord.norm(dim=-1), floor[kept])
        good[kept] = smooth & (there.signs == begin.signs[kept])
        blank = Located(states, torch.zeros_like(states), torch.zeros_like(begin.signs))
        return blank.merged(there, kept), good

    def _note(self, rows: Tensor, states: Tensor, s: float) -> None:
        for row, state in zip(rows.tolist(), states, strict=True):
            self.knots[row].append((state, s))


def _nearest(states: Tensor, others: Tensor, memory_budget: int) -> Tensor:
    """How far each row is from the nearest other row, [k]; infinite for a single one."""
    everyone = torch.cat([states, others])
    nearest = states.new_full((len(states),), torch.inf)
    size = max(1, memory_budget // (8 * len(everyone)))
    for begin in range(0, len(states), size):
        rows = torch.arange(begin, min(begin + size, len(states)), device=states.device)
        distances = torch.cdist(states[rows], everyone, compute_mode="donot_use_mm_for_euclid_dist")
        distances[torch.arange(len(rows), device=states.device), rows] = torch.inf
        nearest[rows] = distances.nan_to_num(nan=torch.inf).amin(dim=-1)
    return nearest
