"""Which eigenvalues crossed the unit circle along a branch, and where."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..families import Span
from ..stability import n_unstable
from .points import corrected, covector, length
from .special import Special
from .spectra import leading_eigenvalues

Knot = tuple[Tensor, float]
"""A fixed point [n] and its s."""

OUTSIDE = 1e-9
"""An eigenvalue counts as outside the unit circle beyond 1 + this where crossings are located: far less than where a
point is called stable, so that a zero of the arithmetic alone does not count."""

_WIDTH = 1e-9
"""A bracket of this arclength is one point."""

_MOST_ROUNDS = 60


@dataclass(frozen=True, eq=False)
class _Checked:
    """A point of the branch with the eigenvalues of DF."""

    state: Tensor
    s: float
    eigenvalues: Tensor

    @property
    def outside(self) -> int:
        return count_outside(self.eigenvalues)

    @property
    def below(self) -> int:
        """How many are real and below -1: an eigenvalue gets there through -1, or two at once by a collision."""
        return int(((self.eigenvalues.imag == 0) & (self.eigenvalues.real < -1 - OUTSIDE)).sum())

    @property
    def coordinates(self) -> Tensor:
        return torch.cat([self.state, self.state.new_tensor([self.s])])


def count_outside(eigenvalues: Tensor) -> int:
    """How many of the eigenvalues [n] lie outside the unit circle."""
    return int(n_unstable(eigenvalues, OUTSIDE))


def eigenvalues_at(span: Span, state: Tensor, s: float) -> Tensor:
    """Of DF at one state [n], by falling modulus: see ``leading_eigenvalues``."""
    return leading_eigenvalues(span.system(s).linearize(state.unsqueeze(0))[1])


def known_special(span: Span, special: Special, place: tuple[int, float]) -> Special:
    """What a walk came upon, a fold or branch point, with its eigenvalue and its place on a path."""
    eigenvalues = eigenvalues_at(span, special.state, special.s)
    nearest = complex(eigenvalues[(eigenvalues - 1).abs().argmin()])
    return replace(special, t=span.parameter(special.s), eigenvalue=nearest, place=place)


class Path:
    """A branch given by knots; it is searched for flips, Neimark-Sacker points and branch points that come in pairs.

    The number of eigenvalues outside the unit circle, and whether that of real ones below -1 is even, are compared
    between the ends of each stretch without a known crossing (``everywhere``: between each knot and the next), and a
    stretch where they differ is bisected, first between knots, then along the branch. So two crossings that undo each
    other between the ends of a stretch are not seen.
    """

    def __init__(
        self, span: Span, knots: list[Knot], known: list[Special], tolerance: float, everywhere: bool = False
    ) -> None:
        self._span = span
        self._knots = knots
        self._known = known
        self._tolerance = tolerance
        self._everywhere = everywhere
        self._checked: dict[int, _Checked] = {}

    def given(self, index: int, eigenvalues: Tensor) -> None:
        """Make known what the eigenvalues at a knot are."""
        state, s = self._knots[index]
        self._checked[index] = _Checked(state, s, eigenvalues)

    def crossings(self) -> tuple[Special, ...]:
        """All crossings, those known and those found, in the order passed."""
        found: list[Special] = []
        special = sorted({each.place[0] for each in self._known})
        begin = 0
        for segment in special:
            found += self._search(begin, segment)
            found += self._around_known(segment)
            begin = segment + 1
        found += self._search(begin, len(self._knots) - 1)
        return tuple(sorted(found, key=lambda each: each.place))

    def _at(self, index: int) -> _Checked:
        if index not in self._checked:
            state, s = self._knots[index]
            self.given(index, eigenvalues_at(self._span, state, s))
        return self._checked[index]

    def _search(self, begin: int, end: int) -> Iterator[Special]:
        if begin >= end or (not self._everywhere and not _differ(self._at(begin), self._at(end))):
            return
        if end - begin > 1:
            middle = (begin + end) // 2
            yield from self._search(begin, middle)
            yield from self._search(middle, end)
            return
        yield from self._bisect(begin, self._at(begin), self._at(end))

    def _around_known(self, segment: int) -> list[Special]:
        """A segment with known crossings of +1, each of which explains a change by one, may hold others.

        Where more eigenvalues pass +1 than are known, a branch point is one of several at once, whose determinant
        vanishes too flatly to tell where: bisection, which locates and counts them, then replaces it.
        """
        known = [each for each in self._known if each.place[0] == segment]
        change = abs(self._at(segment).outside - self._at(segment + 1).outside)
        if change <= len(known) and (change - len(known)) % 2 == 0:
            return known
        found = list(self._bisect(segment, self._at(segment), self._at(segment + 1)))
        others = [each for each in found if each.kind != "branch point"]
        folds = [each for each in known if each.kind == "fold"]
        branch_points = [each for each in found if each.kind == "branch point"]
        if len(branch_points) <= len(known):
            return known + others
        # Those next to a fold are the fold itself.
        branch_points.sort(key=lambda each: min((abs(each.place[1] - fold.place[1]) for fold in folds), default=0.0))
        return folds + branch_points[len(folds) :] + others

    def _bisect(self, segment: int, begin: _Checked, end: _Checked, rounds: int = 0) -> Iterator[Special]:
        change = abs(end.outside - begin.outside)
        if not _differ(begin, end):
            return
        middle = self._between(begin, end, rounds) if rounds < _MOST_ROUNDS else None
        if middle is None:
            yield from self._classified(segment, begin, change)
            return
        if change and int(((middle.eigenvalues.abs() - 1).abs() < OUTSIDE).sum()) == change:
            yield from self._classified(segment, middle, change)
            return
        yield from self._bisect(segment, begin, middle, rounds + 1)
        yield from self._bisect(segment, middle, end, rounds + 1)

    def _between(self, begin: _Checked, end: _Checked, rounds: int) -> _Checked | None:
        """A point of the branch between two, as near to the crossing as can be told; None where none is found."""
        scale = max(1.0, float(begin.state.norm()))
        chord = end.coordinates - begin.coordinates
        size = length(chord, scale)
        if size <= _WIDTH:
            return None
        # Bisection now and then, as interpolation may approach the crossing from one side only.
        shares = (0.5, 0.4, 0.6) if rounds % 3 == 2 else (_interpolated(begin, end), 0.5, 0.4, 0.6)
        for share in shares:
            guess = begin.coordinates + share * chord
            point = corrected(self._span, guess, covector(chord, scale) / size, self._tolerance)
            if point is not None:
                return _Checked(point.state, point.s, eigenvalues_at(self._span, point.state, point.s))
        return None

    def _classified(self, segment: int, at: _Checked, change: int) -> Iterator[Special]:
        """One crossing for each of the ``change`` eigenvalues nearest to the circle; a complex pair is one."""
        distance = (at.eigenvalues.abs() - 1).abs()
        place = (segment, float((at.state - self._knots[segment][0]).norm()) + abs(at.s - self._knots[segment][1]))
        for value in at.eigenvalues[distance.argsort(stable=True)[:change]]:
            if value.imag < 0:
                continue
            kind = "Neimark-Sacker" if value.imag > 0 else "flip" if value.real < 0 else "branch point"
            yield Special(kind, at.state, at.s, t=self._span.parameter(at.s), eigenvalue=complex(value), place=place)


def _differ(begin: _Checked, end: _Checked) -> bool:
    """Whether an eigenvalue must have crossed the unit circle between two points."""
    return begin.outside != end.outside or (begin.below - end.below) % 2 == 1


def _interpolated(begin: _Checked, end: _Checked) -> float:
    """Where, by linear interpolation of ln |lambda|, the eigenvalue next to cross meets the circle."""
    if begin.outside == end.outside:
        return 0.5
    inner, outer = (begin, end) if begin.outside < end.outside else (end, begin)
    below = float(inner.eigenvalues.abs()[inner.outside].clamp(min=1e-3).log())
    above = float(outer.eigenvalues.abs()[outer.outside - 1].log())
    share = below / (below - above) if below < above else 0.5
    share = share if inner is begin else 1 - share
    return min(max(share, 1e-3), 1 - 1e-3)
