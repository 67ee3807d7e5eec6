"""Segments cut into pieces until each is proved."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...progress import count
from ...stopping import go_on
from ..intervals import Evaluation, Intervals
from .tubes import Nodes, in_planes, nodes_at, tangents_at, tubes_between

_DEEPEST = 10
"""A segment is halved this often at most."""

_MOST = 256
"""Pieces of a segment: beyond, it is given up."""


_SLACK = 1e-6
"""Of a segment's span: what rounding in other places may move its ends by."""

_GRAIN = 1e-14
"""Relative: more than a distance of two points can lose by rounding."""


@dataclass(frozen=True, eq=False)
class Segments:
    """What is proved of segments [q]."""

    curve: Tensor
    """Whether each is one curve, [q]."""

    regular: Tensor
    """Whether it has no fold and no branch point but those in ``zones``, [q]."""

    radii: Tensor
    """How far at most each is from its chord in any coordinate, [q]."""

    pieces: Tensor
    """[q]."""

    box: Intervals
    """What holds the tubes of each, [q, n + 1]."""


@dataclass(frozen=True, eq=False)
class Limits:
    """What was said of segments [q], and is to be proved of them."""

    radii: Tensor
    """[q]; infinite where nothing was."""

    parameters: Tensor
    """(low, high), [q, 2]."""

    def __getitem__(self, rows: Tensor) -> "Limits":
        return Limits(self.radii[rows], self.parameters[rows])

    def keep(self, radii: Tensor, parameters: Tensor) -> Tensor:
        """Whether tubes of so much radius, between parameters [q, 2], are within them, [q]."""
        low, high = self.parameters.unbind(-1)
        slack = _SLACK * (high - low)
        return (radii <= self.radii) & (parameters[:, 0] >= low - slack) & (parameters[:, 1] <= high + slack)


def proved_segments(
    law: Evaluation, nodes: Nodes, pairs: Tensor, zones: Intervals, limits: Limits | None = None
) -> Segments:
    """Segments between nodes with the numbers ``pairs`` [q, 2]: those that no tube holds whole are halved.

    So are pieces along which DF - I may be singular, but for those within one of the ``zones`` [f, n + 1], each of
    which has exactly one fold; and pieces that reach beyond ``limits``.
    """
    q = len(pairs)
    first, last, of = nodes[pairs[:, 0]], nodes[pairs[:, 1]], torch.arange(q)
    chords = Chords(first.centers, last.centers)
    curve, regular = first.proved & last.proved, torch.ones(q, dtype=torch.bool)
    radii, pieces = torch.zeros(q, dtype=torch.float64), torch.zeros(q, dtype=torch.long)
    ends = Intervals(torch.minimum(first.centers, last.centers), torch.maximum(first.centers, last.centers))
    box = Intervals(ends.lower.clone(), ends.upper.clone())
    for depth in range(_DEEPEST + 1):
        go_on()
        open_still = curve[of]
        first, last, of = first[open_still], last[open_still], of[open_still]
        if not len(of):
            break
        tubes = tubes_between(law, first, last)
        # What is said in a file may be held to what its tubes hold; what is said first leaves room to prove it again.
        width = tubes.radii if limits is None else tubes.held
        hulls = first.box.hull(last.box) + Intervals(-width, width)
        away = width.amax(dim=-1) + chords.apart(of, first, last)
        settled = tubes.proved & (tubes.regular | _within(hulls, zones))
        settled &= (
            torch.ones_like(settled)
            if limits is None
            else limits[of].keep(away, torch.stack([hulls.lower[:, -1], hulls.upper[:, -1]], dim=-1))
        )
        last_chance = (depth == _DEEPEST) | (pieces.index_add(0, of, torch.ones_like(of))[of] > _MOST)
        done = settled | (tubes.proved & last_chance)
        regular[of[done & ~(tubes.regular | _within(hulls, zones))]] = False
        curve[of[~done & last_chance]] = False
        pieces.index_add_(0, of[done], torch.ones_like(of[done]))
        radii.scatter_reduce_(0, of[done], away[done], "amax")
        index = of[done].unsqueeze(-1).expand(-1, box.lower.shape[-1])
        box.lower.scatter_reduce_(0, index, hulls.lower[done], "amin")
        box.upper.scatter_reduce_(0, index, hulls.upper[done], "amax")
        count(int(done.sum()))
        left = ~done & curve[of]
        first, last, of = first[left], last[left], of[left]
        if not len(of):
            break
        middle, found = _middles(law, first, last)
        curve[of[~found]] = False
        first, last, of = _together(first, middle), _together(middle, last), torch.cat([of, of])
    return Segments(curve, regular & curve, radii, pieces, box)


@dataclass(frozen=True, eq=False)
class Chords:
    """Those between the rows of a branch, from which what is proved of pieces is told."""

    first: Tensor
    """[q, n + 1]."""

    last: Tensor

    def apart(self, of: Tensor, first: Nodes, last: Nodes) -> Tensor:
        """How far at most the chord between two nodes is from the chord of a segment, [k]; 0 of the same.

        Nodes that are no ends of it lie on the curve, within their radii.
        """
        return torch.maximum(self._away(of, first.centers), self._away(of, last.centers))

    def _away(self, of: Tensor, points: Tensor) -> Tensor:
        begin, chord = self.first[of], self.last[of] - self.first[of]
        along = ((points - begin) * chord).sum(-1, keepdim=True) / chord.square().sum(-1, keepdim=True).clamp(
            min=1e-300
        )
        beside = (points - begin - along.clamp(0.0, 1.0) * chord).abs().amax(dim=-1)
        rounding = _GRAIN * (1.0 + points.abs().amax(dim=-1))
        at_end = (points == self.first[of]).all(-1) | (points == self.last[of]).all(-1)
        return torch.where(at_end, 0.0, beside + rounding)


def _within(boxes: Intervals, zones: Intervals) -> Tensor:
    """Whether each box [k, m] lies in one of the zones [f, m], [k]."""
    inside = (boxes.lower[:, None] > zones.lower) & (boxes.upper[:, None] < zones.upper)
    return inside.all(dim=-1).any(dim=-1)


def _middles(law: Evaluation, first: Nodes, last: Nodes) -> tuple[Nodes, Tensor]:
    """Points of the curve in the planes half way between nodes [k], and whether each is proved, [k]."""
    chord = last.centers - first.centers
    across = chord / chord.norm(dim=-1, keepdim=True).clamp(min=1e-300)
    begin = (first.centers + last.centers) / 2
    point = in_planes(law, begin, across)
    nodes = nodes_at(law, point, tangents_at(law, point))
    near = (point - begin).norm(dim=-1) <= chord.norm(dim=-1)
    return nodes, nodes.proved & near


def _together(one: Nodes, other: Nodes) -> Nodes:
    return Nodes(
        torch.cat([one.centers, other.centers]),
        torch.cat([one.tangents, other.tangents]),
        torch.cat([one.radii, other.radii]),
    )
