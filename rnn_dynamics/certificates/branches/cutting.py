"""Segments cut into pieces until each is proved."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...progress import count
from ...stopping import go_on
from ..intervals import Batches, Intervals
from .tubes import Nodes, in_planes, nodes_at, tangents_at, tubes_between

_DEEPEST = 10
"""A segment is halved this often at most."""

_MOST = 256
"""Pieces of a segment: beyond, it is given up."""


@dataclass(frozen=True, eq=False)
class Segments:
    """What is proved of segments [q]."""

    curve: Tensor
    """Whether each is one curve, [q]."""

    regular: Tensor
    """Whether it has no fold and no branch point but those in ``zones``, [q]."""

    radii: Tensor
    """Of the widest tube of each, [q]."""

    pieces: Tensor
    """[q]."""

    box: Intervals
    """What holds the tubes of each, [q, n + 1]."""


def proved_segments(law: Batches, nodes: Nodes, pairs: Tensor, zones: Intervals) -> Segments:
    """Segments between nodes with the numbers ``pairs`` [q, 2]: those that no tube holds whole are halved.

    So are pieces along which DF - I may be singular, but for those within one of the ``zones`` [f, n + 1], each of
    which has exactly one fold.
    """
    q = len(pairs)
    first, last, of = nodes[pairs[:, 0]], nodes[pairs[:, 1]], torch.arange(q)
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
        hulls = first.box.hull(last.box) + Intervals(-tubes.radii, tubes.radii)
        settled = tubes.proved & (tubes.regular | _within(hulls, zones))
        last_chance = (depth == _DEEPEST) | (pieces.index_add(0, of, torch.ones_like(of))[of] > _MOST)
        done = settled | (tubes.proved & last_chance)
        regular[of[done & ~settled]] = False
        curve[of[~done & last_chance]] = False
        pieces.index_add_(0, of[done], torch.ones_like(of[done]))
        radii.scatter_reduce_(0, of[done], tubes.radii[done].amax(dim=-1), "amax")
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


def _within(boxes: Intervals, zones: Intervals) -> Tensor:
    """Whether each box [k, m] lies in one of the zones [f, m], [k]."""
    inside = (boxes.lower[:, None] > zones.lower) & (boxes.upper[:, None] < zones.upper)
    return inside.all(dim=-1).any(dim=-1)


def _middles(law: Batches, first: Nodes, last: Nodes) -> tuple[Nodes, Tensor]:
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
