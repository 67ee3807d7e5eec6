"""Pieces of a curve of fixed points, each proved to be one curve in a tube round a chord."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...linear_algebra import inverted, solve
from ..intervals import Evaluation, Intervals, contraction, joined, product, residual_of

_ROUNDS = 6
"""How often a radius that does not do is made larger."""

_STEPS = 6
"""Of Newton's method, from the middle of a chord."""

_MARGIN = 1.25
"""By which a radius is larger than what it is to hold."""

_GRAIN = 1e-13
"""Relative: below it rounding is all that moves."""


_TOO_WIDE = 4.0
"""Lengths of a chord: a tube that is to be wider is given up."""

_LEAST = 1e-200
"""Of a radius: slopes are divided by it."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """Points of R^(n + 1) on the curve: one in each plane t . (z - center) = 0 within ``radii`` of the center."""

    centers: Tensor
    """[k, n + 1]."""

    tangents: Tensor
    """t, [k, n + 1]."""

    radii: Tensor
    """[k, n + 1]; infinite where nothing is proved."""

    def __getitem__(self, rows: Tensor) -> "Nodes":
        return Nodes(self.centers[rows], self.tangents[rows], self.radii[rows])

    @property
    def box(self) -> Intervals:
        """[k, n + 1]."""
        return Intervals.exactly(self.centers) + Intervals(-self.radii, self.radii)

    @property
    def proved(self) -> Tensor:
        """[k]."""
        return self.radii.isfinite().all(dim=-1)


@dataclass(frozen=True, eq=False)
class Tubes:
    """What is proved of pieces between two nodes."""

    proved: Tensor
    """Whether the fixed points near the chord are one smooth curve from node to node, [k]."""

    radii: Tensor
    """How far the curve is from the chord in each coordinate, [k, n + 1]."""

    held: Tensor
    """What the operator makes of these radii, a narrower tube that holds the curve too, [k, n + 1]."""

    regular: Tensor
    """Whether DF - I is invertible all along: no fold and no branch point, [k]."""


def tangents_at(law: Evaluation, centers: Tensor) -> Tensor:
    """Unit vectors in the kernel of [DF - I, dF/dp], [k, n + 1], of whatever sign."""
    _, slope = law.linearize(Intervals.exactly(centers))
    return torch.linalg.svd(slope.middle)[2][:, -1]


def nodes_at(law: Evaluation, centers: Tensor, tangents: Tensor) -> Nodes:
    """Points of the curve near centers [k, n + 1], by Krawczyk's operator for G(z) = 0, t . (z - center) = 0."""
    point = Intervals.exactly(centers)
    across = Intervals.exactly(tangents)
    defect = torch.full_like(centers, torch.inf)
    radii = torch.zeros_like(centers)
    proved = torch.zeros(len(centers), dtype=torch.bool)
    still = Intervals.exactly(torch.zeros_like(centers))
    for _ in range(_ROUNDS):
        image = _image(law, point, still, across, radii)
        inside = (image < radii).all(dim=-1)
        defect = torch.where((inside & ~proved).unsqueeze(-1), radii, defect)
        proved = proved | inside
        if bool(proved.all()):
            break
        radii = _larger(image, centers)
    return Nodes(centers, tangents, defect)


def tubes_between(law: Evaluation, first: Nodes, last: Nodes, room: Tensor | None = None) -> Tubes:
    """The curve between nodes a and b [k]; W holds ``room`` [k, n + 1] too, if that is given.

    For each s in [0, 1], Krawczyk's operator for w in the unknown z = (1 - s) a + s b + w,

        G(z) = 0,    t(s) . w = 0,

    with t(s) between t_a and t_b, is one and the same interval operator: where it maps a box W into its interior, there
    is exactly one w(s) in W for each s, and the matrix of the system is regular all over, so that z(s) is a smooth
    curve (implicit function theorem). At s = 0 and 1 it goes through the points of both nodes, whose boxes are in W.
    """
    a, b = Intervals.exactly(first.centers), Intervals.exactly(last.centers)
    turned = torch.where((first.tangents * last.tangents).sum(dim=-1, keepdim=True) < 0, -1.0, 1.0)
    across = Intervals.exactly(first.tangents).hull(Intervals.exactly(turned * last.tangents))
    chord = b - a
    middle = a + Intervals(chord.lower / 2, chord.upper / 2)
    half = Intervals(chord.lower / 2, chord.upper / 2)
    least = torch.maximum(first.radii, last.radii)
    least = least if room is None else torch.maximum(least, room)
    ends = first.proved & last.proved
    radii = _larger(torch.where(ends.unsqueeze(-1), least, 0.0), first.centers)
    proved = torch.zeros_like(ends)
    kept, held = radii, radii
    for _ in range(_ROUNDS):
        image = _image(law, middle, half, across, radii)
        inside = (image < radii).all(dim=-1) & (least < radii).all(dim=-1) & ends
        fresh = (inside & ~proved).unsqueeze(-1)
        kept, held = torch.where(fresh, radii, kept), torch.where(fresh, image, held)
        proved = proved | inside
        hopeless = ~ends | (image > _TOO_WIDE * chord.magnitude.amax(dim=-1, keepdim=True) + radii).any(dim=-1)
        if bool((proved | hopeless).all()):
            break
        radii = torch.where(proved.unsqueeze(-1), kept, _larger(torch.maximum(image, least), first.centers))
        radii = radii.nan_to_num(nan=1.0, posinf=1.0).clamp(max=1e3)
    return Tubes(proved, kept, held, _regular(law, middle, half, kept) & proved)


def _image(law: Evaluation, middle: Intervals, half: Intervals, across: Intervals, radii: Tensor) -> Tensor:
    """A bound of |K(W)|, W = [-r, r]^(n + 1), for z = middle + s half + w and every s in [-1, 1], [k, n + 1].

    K(W) = -C [G(z(s)); 0] + (I - C [DG; t]) W, and G(z(s)) lies in G(middle) + (DG half) [-1, 1].
    """
    m = radii.shape[-1]
    n = m - 1
    radii = radii.clamp(min=_LEAST)
    value, slopes = law.along(middle, half, radii)
    by_chord, slope = slopes[:, :, 0], slopes[:, :, 1:]
    matrix = joined([slope, across[:, None]], 1)
    inverse = inverted(matrix.middle)
    usable = inverse.isfinite().flatten(1).all(dim=-1) & slope.magnitude.isfinite().flatten(1).all(-1)
    inverse = torch.where(usable[:, None, None], inverse, torch.eye(m, dtype=torch.float64))
    moved = by_chord.magnitude
    defect = product("bij,bj->bi", Intervals.exactly(inverse[:, :, :n]), value + Intervals(-moved, moved), n)
    rest = product("bij,bj->bi", residual_of(matrix, inverse), Intervals(-radii, radii), m)
    return torch.where(usable.unsqueeze(-1), (rest - defect).magnitude, torch.inf)


def _larger(image: Tensor, centers: Tensor) -> Tensor:
    return _MARGIN * image + _GRAIN * (1.0 + centers.abs())


def _regular(law: Evaluation, middle: Intervals, half: Intervals, radii: Tensor) -> Tensor:
    """Whether DF - I is invertible all over tubes, [k]."""
    square = law.along(middle, half, radii.clamp(min=_LEAST))[1][:, :, 1:-1]
    return contraction(square, torch.ones_like(radii[:, :-1])) < 1.0


_REACHES = 2.0 ** -torch.arange(4, 31, 2).to(torch.float64)
"""How far along a curve of size 1 it is followed through a point, the longest that can be proved."""


def local_curve(law: Evaluation, box: Intervals) -> tuple[Intervals, Intervals] | None:
    """The parameter at both ends of a curve of fixed points that goes through all those in a box [1, n + 1].

    In every plane t . (z - m) = c, |c| <= d, there is exactly one fixed point in m + c t / |t|^2 + W. A point of the
    box is in one of these planes, and less than its distance from m and |c t| away from the middle of W: so each of the
    fixed points in the box is on this one curve. None where no d does.
    """
    middle = box.middle
    tangent = tangents_at(law, middle)
    scale = 1.0 + float(middle.abs().max())
    apart = box - Intervals.exactly(middle)
    spread = float(product("bi,bi->b", Intervals.exactly(tangent), apart, middle.shape[-1]).magnitude)
    away = _MARGIN * (apart.magnitude + spread * tangent.abs()) + _GRAIN * scale
    for reach in (_REACHES * scale).tolist():
        if not spread < reach / 2:
            return None
        first, last = (Nodes(middle + sign * reach * tangent, tangent, torch.zeros_like(middle)) for sign in (-1, 1))
        tubes = tubes_between(law, first, last, away)
        if bool(tubes.proved.all()):
            halves = [in_planes(law, middle + sign * reach / 2 * tangent, tangent) for sign in (-1, 1)]
            points = [nodes_at(law, half, tangent).box for half in halves]
            if all(_held(point, middle, tangent, tubes.radii, reach) for point in points):
                return points[0][0, -1], points[1][0, -1]
    return None


def _held(box: Intervals, middle: Tensor, tangent: Tensor, radii: Tensor, reach: float) -> bool:
    """Whether a box [1, n + 1] lies in the tube through ``middle``, between its planes, roundings included."""
    apart = box - Intervals.exactly(middle)
    along = product("bi,bi->b", Intervals.exactly(tangent), apart, middle.shape[-1])[:, None]
    beside = apart - along * Intervals.exactly(tangent)
    rounding = _GRAIN * (1.0 + middle.abs())
    return bool((beside.magnitude + rounding < radii).all()) and bool((along.magnitude < 0.9 * reach).all())


def in_planes(law: Evaluation, begin: Tensor, across: Tensor) -> Tensor:
    """Newton's method for G(z) = 0 in the planes through ``begin`` across unit vectors, [k, n + 1]."""
    point = begin
    for _ in range(_STEPS):
        value, slope = law.linearize(Intervals.exactly(point))
        matrix = torch.cat([slope.middle, across.unsqueeze(1)], dim=1)
        defect = torch.cat([value.middle, (across * (point - begin)).sum(dim=-1, keepdim=True)], dim=-1)
        step = solve(matrix, defect.unsqueeze(-1)).squeeze(-1)
        usable = step.isfinite().all(dim=-1)
        point = torch.where(usable.unsqueeze(-1), point - step, point)
    return point
