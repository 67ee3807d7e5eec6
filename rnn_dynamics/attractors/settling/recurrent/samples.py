"""The samples of an attractor: how dense they are, and which other states lie among them."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

_SLACK = 2.0
"""A state is within reach if it is no farther from samples than twice the widest gap between them."""

_NEIGHBOURS = 64

_BENT = 0.15
"""A state lies in a gap of a torus if it is off a chord across the gap by no more than 15 % of its length."""

_CURVED = (4.0, 64.0)
"""A state lies on a curve if it is off the chord between the samples to either side, of length L, by no more than
c L^2 / extent. A curve that bends at most with a radius of a thirtieth of its extent has c = 4; where its own samples
are farther off, as in sharp pulses, c is twice what 95 % of them need, up to 64."""

_JUDGED = 512
"""Samples of a curve that are compared with the others."""

_QUERIED = 2**23
"""Numbers held at a time: 64 MB in float64."""


@dataclass(frozen=True)
class Comparison:
    """The later half of an orbit's samples compared with the earlier one."""

    reach: float = 0.0  # twice the widest gap
    typical: float = 0.0  # the median distance to the nearest
    extent: float = 0.0
    transient: bool = False  # early ones are nowhere near later ones: not yet on the attractor
    recurrent: bool = False  # has been round the attractor
    curved: float = _CURVED[0]  # c, of a curve


def compare_halves(samples: Tensor) -> Comparison:
    early, late = samples.chunk(2)
    distance = torch.cdist(late, early)
    (back, nearest), forth = distance.min(dim=1), distance.amin(dim=0)
    reach = _SLACK * float(back.max())
    # One that has not come round yet is nearest to where it was last, or at first.
    inside = (nearest > 0.05 * len(early)) & (nearest < 0.95 * len(early))
    return Comparison(
        reach,
        float(back.median()),
        float(distance.max()),
        transient=bool((forth <= reach).double().mean() < 0.95),
        recurrent=bool(inside.double().mean() >= 0.5),
    )


def share_within(paths: Tensor, samples: Tensor, halves: Comparison, bridged: bool) -> tuple[Tensor, Tensor]:
    """The share of each path's states [t, r, n] that is within reach of samples, and the smallest distance, [r].

    On a torus whose frequencies are all but rational samples leave gaps, in which other orbits may run for long; so, if
    ``bridged``, a state between two samples is within reach too.
    """
    near, nearest = [], []
    for states in _parts(paths):
        distance, index = _neighbours(states, samples, _NEIGHBOURS if bridged else 1)
        within = distance[:, 0] <= halves.reach
        if bridged and not within.all():
            left = ~within
            along, across, length = _chords(states[left], samples, index[left])
            within[left] = ((along >= 0) & (along <= length) & (across <= _BENT * length)).any(dim=-1)
        near.append(within)
        nearest.append(distance[:, 0])
    shape = paths.shape[:2]
    return torch.cat(near).view(shape).double().mean(dim=0), torch.cat(nearest).view(shape).amin(dim=0)


def compare_turn(curve: Tensor) -> Comparison:
    """The samples [s, n] of one turn in order, the last next to the first."""
    gaps = (curve - curve.roll(1, dims=0)).norm(dim=-1)
    extent = float(torch.cdist(curve, curve[:: max(1, len(curve) // _JUDGED)]).max())
    return Comparison(_SLACK * float(gaps.max()), float(gaps.median()), extent, recurrent=True)


def as_curve(samples: Tensor, halves: Comparison) -> Comparison:
    """The same with how much the curve through the samples bends, as they show themselves."""
    own = samples[:: max(1, len(samples) // _JUDGED)]
    ratios = [_bend(states, samples, halves, first=1) for states in _parts(own.unsqueeze(1))]
    low, high = _CURVED
    return replace(halves, curved=min(max(low, 2 * float(torch.cat(ratios).quantile(0.95))), high))


def on_curve(paths: Tensor, samples: Tensor, halves: Comparison) -> Tensor:
    """The share of each path's states [t, r, n] that lies on the closed curve that the samples lie on, [r]."""
    on = [_bend(states, samples, halves, first=0) <= halves.curved for states in _parts(paths)]
    return torch.cat(on).view(paths.shape[:2]).double().mean(dim=0)


def off_curve(paths: Tensor, samples: Tensor, halves: Comparison) -> Tensor:
    """How far off the curve through the samples the states of each path [t, r, n] are, in the median, [r]."""
    off = [_chord_below(states, samples, halves, first=0)[0] for states in _parts(paths)]
    return torch.cat(off).view(paths.shape[:2]).median(dim=0).values


def _bend(states: Tensor, samples: Tensor, halves: Comparison, first: int) -> Tensor:
    """For states [k, n] by how many L^2 / extent each is off the chord below it; infinite if there is none."""
    off, shortest = _chord_below(states, samples, halves, first)
    return torch.where(shortest < torch.inf, off * halves.extent / shortest.square(), torch.inf)


def _chord_below(states: Tensor, samples: Tensor, halves: Comparison, first: int) -> tuple[Tensor, Tensor]:
    """For states [k, n] how far off each is the shortest chord that it has samples on both sides of, be it across a
    gap, and that chord's length, both infinite if there is none. The ``first`` nearest samples, the state itself, are
    left out.
    """
    _, index = _neighbours(states, samples, _NEIGHBOURS + first)
    along, across, length = _chords(states, samples, index[:, first:])
    # Chords shorter than samples are apart say nothing of the curve's direction.
    spans = (along >= 0) & (along <= length) & (length >= halves.typical) & (length <= 0.5 * halves.extent)
    shortest, chosen = torch.where(spans, length, torch.inf).min(dim=-1)
    off = across.gather(1, chosen.unsqueeze(1)).squeeze(1)
    return torch.where(shortest < torch.inf, off, torch.inf), shortest


def _parts(paths: Tensor) -> tuple[Tensor, ...]:
    return paths.flatten(0, 1).split(max(1, _QUERIED // (_NEIGHBOURS * paths.shape[-1])))


def _neighbours(states: Tensor, samples: Tensor, count: int) -> tuple[Tensor, Tensor]:
    return torch.cdist(states, samples).topk(min(count, len(samples)), largest=False)


def _chords(states: Tensor, samples: Tensor, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Chords from each state's nearest sample to the next ones: where along and how far off it is, their length."""
    base = samples[index[:, :1]]
    chord, offset = samples[index[:, 1:]] - base, states.unsqueeze(1) - base
    length = chord.norm(dim=-1).clamp(min=torch.finfo(chord.dtype).tiny)
    along = (chord * offset).sum(dim=-1) / length
    return along, (offset - (along / length).unsqueeze(-1) * chord).norm(dim=-1), length
