"""Bifurcation points as regular zeros of extended systems."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...linear_algebra import inverted, solve
from ..intervals import Evaluation, Intervals, contraction, krawczyk_of, product, residual_of, up
from .law import Law, Maps
from .tubes import Nodes, local_curve

_CIRCLE = {"fold": 1.0, "flip": -1.0}
"""The eigenvalue of each kind that has a real one."""

_STEPS = 6
"""Newton's method begins at a point that a walk has located to 1e-8 or better."""


@dataclass(frozen=True, eq=False)
class SpecialProof:
    """A point at which an eigenvalue crosses the unit circle, proved: the only one in a box."""

    box: Intervals
    """Of (h, p), [n + 1]: it lies there."""

    on_curve: bool
    """Whether it is proved to lie on the same curve of fixed points as the row."""

    zone: Intervals | None
    """A box of (h, p), [1, n + 1], in which a fold is the only one; None of other kinds, or if none is proved."""

    sides: tuple[int, int]
    """Of a fold on its curve: how many fixed points that meet in it there are just below and just above; else -1."""

    system: "System"
    """The equations that it solves, near it."""


@dataclass(frozen=True, eq=False)
class System:
    """The equations of a special point: a law of rows [m] of its kind, and ``rows`` x = ``ends``."""

    point: Tensor
    """Near the zero, [m]."""

    rows: Tensor
    """[q, m]."""

    ends: Tensor
    """[q]."""


Arithmetic = Callable[[Law, int], Evaluation]
"""What evaluates a function of one row [m] over intervals."""


class Equations:
    """Those of each kind of special point of a family, traced when they are first asked for."""

    def __init__(self, maps: Maps, arithmetic: Arithmetic) -> None:
        self.maps, self.n = maps, maps.size
        self._arithmetic = arithmetic
        self._of_kind: dict[str, Evaluation] = {}

    def law(self, kind: str) -> tuple[Law, int]:
        """Of one row, and its size."""
        if kind == "Neimark-Sacker":
            return self.maps.rotation_law, 3 * self.n + 3
        return self.maps.eigenvector_law(_CIRCLE[kind]), 2 * self.n + 1

    def of(self, kind: str) -> Evaluation:
        """Over intervals."""
        if kind not in self._of_kind:
            self._of_kind[kind] = self._arithmetic(*self.law(kind))
        return self._of_kind[kind]


def special_proof(
    equations: Equations, law: Evaluation, kind: str, node: Nodes, given: Tensor, eigenvalue: complex
) -> SpecialProof | None:
    """The proof of a fold, flip or Neimark-Sacker point near (h, p), ``given`` [n + 1]; None where it fails.

    ``node`` [1] is the row's point of the curve, which it is to lie on.

    A fold is a zero of F(h, p) - h, (DF - I) v, l . v - 1, a flip one of the same with DF + I; a Neimark-Sacker point
    of the same for a complex v and an eigenvalue c + is of modulus 1. A zero at which the derivative of this system is
    regular is simple: the eigenvalue crosses the circle at a rate that is not 0, and at a fold the curve turns with a
    curvature that is not 0 (Moore and Spence 1980, doi:10.1137/0717048; Seydel 2010, Practical Bifurcation and
    Stability Analysis, 5.4). Krawczyk's operator proves both, zero and regular.

    Raises:
        Unenclosed: for an operation without a rule.
    """
    n = equations.n
    state, parameter = given[:n], float(given[n])
    matrix = equations.maps.jacobian(state, parameter, gates=kind != "fold")
    evaluation = equations.of(kind)
    if kind == "Neimark-Sacker":
        begin, rows, ends = _rotating(matrix, state, parameter, eigenvalue)
    else:
        begin, rows, ends = _pointing(matrix, state, parameter, _CIRCLE[kind])
    point = _newton(evaluation, rows, ends, begin)
    if point is None:
        return None
    box = krawczyk_of(evaluation, point[None], rows, ends)
    if box is None or (kind == "Neimark-Sacker" and not bool((box.lower[:, -1] > 0) | (box.upper[:, -1] < 0))):
        return None  # an angle that may be 0 or pi is that of another kind
    here = box[:, : n + 1]
    sides = local_curve(law, here.hull(node.box)) if bool(node.proved.all()) else None
    return SpecialProof(
        box=here[0],
        on_curve=sides is not None,
        zone=_zone(law, evaluation, rows, box, n) if kind == "fold" else None,
        sides=_counted(sides, here) if kind == "fold" and sides is not None else (-1, -1),
        system=System(point, rows, ends),
    )


def _pointing(matrix: Tensor, state: Tensor, parameter: float, value: float) -> tuple[Tensor, Tensor, Tensor]:
    """(h, p, v) with v the eigenvector of a matrix [n, n], and the row l . v = 1."""
    n = len(state)
    vector = torch.linalg.svd(matrix - value * torch.eye(n, dtype=torch.float64))[2][-1]
    row = torch.zeros(1, 2 * n + 1, dtype=torch.float64)
    row[0, n + 1 :] = vector
    return torch.cat([state, state.new_tensor([parameter]), vector]), row, torch.ones(1, dtype=torch.float64)


def _rotating(matrix: Tensor, state: Tensor, parameter: float, eigenvalue: complex) -> tuple[Tensor, Tensor, Tensor]:
    """(h, p, a, b, c, s) with a + ib the eigenvector, and the rows a_0 . a + b_0 . b = 1, b_0 . a - a_0 . b = 0."""
    n = len(state)
    values, vectors = torch.linalg.eig(matrix)
    nearest = int((values - eigenvalue).abs().argmin())
    a, b = vectors[:, nearest].real, vectors[:, nearest].imag
    value = complex(values[nearest])
    rows = torch.zeros(2, 3 * n + 3, dtype=torch.float64)
    rows[0, n + 1 : 2 * n + 1], rows[0, 2 * n + 1 : 3 * n + 1] = a, b
    rows[1, n + 1 : 2 * n + 1], rows[1, 2 * n + 1 : 3 * n + 1] = b, -a
    begin = torch.cat([state, state.new_tensor([parameter]), a, b, state.new_tensor([value.real, value.imag])])
    return begin, rows, torch.tensor([1.0, 0.0], dtype=torch.float64)


def _newton(evaluation: Evaluation, rows: Tensor, ends: Tensor, point: Tensor) -> Tensor | None:
    for _ in range(_STEPS):
        value, slope = evaluation.linearize(Intervals.exactly(point[None]))
        matrix = torch.cat([slope.middle[0], rows])
        residual = torch.cat([value.middle[0], rows @ point - ends])
        step = solve(matrix, residual)
        if not bool(step.isfinite().all()):
            return None
        point = point - step
    return point


def _counted(sides: tuple[Intervals, Intervals], box: Intervals) -> tuple[int, int]:
    """Two below where the curve's parameter is lower on both sides of the fold, two above where it is higher."""
    at_fold = box[0, -1]
    below = all(float(side.upper) < float(at_fold.lower) for side in sides)
    above = all(float(side.lower) > float(at_fold.upper) for side in sides)
    return (2, 0) if below else (0, 2) if above else (-1, -1)


_REACHES = [2.0**-halvings for halvings in range(3, 25, 2)]
"""Half-widths of zones that are tried, of states of size 1."""


def _zone(law: Evaluation, evaluation: Evaluation, rows: Tensor, box: Intervals, n: int) -> Intervals | None:
    """The widest box of (h, p) in which no second zero of a fold's equations is.

    Of a fold in it (v, 0) solves [DF - I, dF/dp; l, 0] (v, m) = (0, 1), which bounds v all over the box; and the
    equations have one zero at most where |I - C D| r < r, D their derivative over all (h, p, v), r > 0.
    """
    middle = box.middle[:, : n + 1]
    for reach in _REACHES:
        half = reach * (1.0 + middle.abs())
        zone = box[:, : n + 1].hull(Intervals(middle - half, middle + half))
        vectors = _null_vectors(law, rows[:, n + 1 :], zone, n)
        if vectors is None:
            continue
        whole = Intervals(torch.cat([zone.lower, vectors.lower], -1), torch.cat([zone.upper, vectors.upper], -1))
        _, slope = evaluation.linearize(whole.hull(box))
        across = rows.unsqueeze(0)
        matrix = Intervals(torch.cat([slope.lower, across], 1), torch.cat([slope.upper, across], 1))
        if bool(contraction(matrix, whole.hull(box).width).lt(1.0).all()):
            return zone
    return None


def _null_vectors(law: Evaluation, row: Tensor, zone: Intervals, n: int) -> Intervals | None:
    """What holds every v with (DF - I) v = 0 and l . v = 1 of points of a zone, [1, n]."""
    _, slope = law.linearize(zone)
    border = torch.cat([row, row.new_zeros(1, 1)], dim=-1).unsqueeze(0)
    matrix = Intervals(torch.cat([slope.lower, border], 1), torch.cat([slope.upper, border], 1))
    inverse = inverted(matrix.middle)
    if not bool(inverse.isfinite().all()):
        return None
    # x = C e + (I - C B) x, so |x| <= |C e| / (1 - |I - C B|), and x is as near to C e as that makes it.
    departure = residual_of(matrix, inverse)
    norm = float(up(departure.magnitude.sum(dim=-1) * (1 + 2.0**-50 * n)).amax())
    if not norm < 1.0:
        return None
    begin = inverse[:, :, -1]
    size = float(begin.abs().max()) / (1.0 - norm) * (1 + 1e-12)
    away = product(
        "bij,bj->bi", departure, Intervals(-torch.full_like(begin, size), torch.full_like(begin, size)), n + 1
    )
    return (Intervals.exactly(begin) + away)[:, :n]
