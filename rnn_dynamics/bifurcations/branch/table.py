"""The rows of a branch while it is being walked, and the table that they become."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...continuation import Point, count_outside, leading_eigenvalues
from ...families import Span
from ...stability import n_unstable
from ...systems import Linearization
from .results import Branch
from .special_point import KEPT, SpecialPoint


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a branch."""

    point: Point
    eigenvalues: Tensor
    action: Tensor
    """DF v, [n], of one fixed v: it jumps where DF does."""

    special: SpecialPoint | None = None


def row_at(span: Span, point: Point) -> Row:
    """An ordinary row."""
    linearization, action = action_at(span, point.state, point.s)
    return Row(point, leading_eigenvalues(linearization), action)


def action_at(span: Span, state: Tensor, s: float) -> tuple[Linearization, Tensor]:
    """DF at a state [n], and its product with one fixed vector, [n]."""
    _, linearization = span.system(s).linearize(state.unsqueeze(0))
    probe = torch.cos(torch.arange(len(state), dtype=state.dtype, device=state.device) ** 2 + 0.5)
    return linearization, linearization.apply(probe[None, :, None])[0, :, 0]


def n_outside(row: Row) -> int:
    """How many eigenvalues are outside the unit circle; those on it at a special row do not count."""
    if row.special is None:
        return count_outside(row.eigenvalues)
    return int(n_unstable(row.eigenvalues))


def index_at(row: Row) -> int:
    """Sign det(I - DF): the bordered determinant's sign times that of the pace; 0 at a fold or branch point."""
    if row.special is not None and (row.special.turns or row.special.kind == "branch point"):
        return 0
    real = row.eigenvalues[row.eigenvalues.imag == 0].real
    return 1 - 2 * int((real > 1).sum() % 2)


def turned(special: SpecialPoint | None) -> SpecialPoint | None:
    """A special point of a branch whose rows are listed the other way."""
    return special if special is None else replace(special, before=special.after, after=special.before)


def reversed_rows(rows: list[Row]) -> list[Row]:
    """The same rows as if the branch had been walked the other way."""
    return [replace(row, point=row.point.reversed(), special=turned(row.special)) for row in reversed(rows)]


def leading(values: list[Tensor], width: int) -> Tensor:
    """The first ``width`` eigenvalues of each row [k, width], NaN where there are fewer."""
    result = torch.full((len(values), width), torch.nan, dtype=torch.complex128)
    for row, value in enumerate(values):
        kept = value[:width].cpu().to(torch.complex128)
        result[row, : len(kept)] = kept
    return result


def assembled(span: Span, rows: list[Row], ends: tuple[str, str], period: int, refused: int) -> Branch:
    """The table of a whole branch."""
    like = rows[0].point.state
    states = torch.stack([row.point.state for row in rows])
    residuals = torch.empty_like(states[:, 0])
    orbits = states.new_empty(len(states), period, states.shape[-1])
    single, notes = span.iterated(1), ()
    for index, row in enumerate(rows):  # of each at its own parameter, so one by one
        system, phase = single.system(row.point.s), states[index, None]
        for turn in range(period):
            orbits[index, turn] = span.out_of_units(phase[0])
            phase = system(phase)
        residuals[index] = span.out_of_units(phase[0] - states[index]).norm()
        notes = system.notes
    return Branch(
        parameters=torch.tensor([span.parameter(row.point.s) for row in rows], dtype=torch.float64),
        states=span.out_of_units(states).cpu(),
        orbits=orbits.cpu(),
        residuals=residuals.cpu(),
        tangents=torch.stack([_outer_tangent(span, row.point) for row in rows]).cpu(),
        eigenvalues=leading([row.eigenvalues for row in rows], min(KEPT, like.shape[-1])),
        n_unstable=torch.tensor([n_outside(row) for row in rows]),
        indices=torch.tensor([index_at(row) for row in rows]),
        special_points=tuple(
            replace(row.special, row=index) for index, row in enumerate(rows) if row.special is not None
        ),
        ends=ends,
        span=(span.start, span.end),
        units=(torch.ones_like(like) if span.units is None else span.units).cpu(),
        period=period,
        refused=refused,
        notes=notes,
    )


def _outer_tangent(span: Span, point: Point) -> Tensor:
    """The tangent with dp in units of the span's length, whichever way the span runs."""
    tangent = point.tangent.clone()
    tangent[:-1] = span.out_of_units(tangent[:-1])
    tangent[-1] *= 1.0 if span.end > span.start else -1.0
    return tangent
