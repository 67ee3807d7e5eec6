"""Long orbits enclosed, in the norm in which their attractor contracts.

Enclosed coordinate by coordinate an orbit gets wider by a bit or two a step, be the attractor ever so near. With points
x_t near to it and |.|_W the norm of a ``Frame``,

    |F^t(x_0) - x_t|_W <= e_t,    e_{t+1} = L_t e_t + d_t,

for d_t >= |F(x_t) - x_{t+1}|_W and L_t >= |DF|_W over a box that holds all h with |h - x_t|_W <= e_t, by the mean value
theorem. Where L_t < 1, as along the slow way to an attractor, nothing is lost. The bounds L_t come first, over boxes
round an orbit in floats, many at once; they tell how many bits the points x_t need.
"""

import math

import torch
from flint import arb, arb_mat
from torch import Tensor

from ..enclosures import Enclosure, exact, midpoints, precision
from .frames import Frame
from .ground import Step
from .intervals import BATCHES, Evaluation, Intervals, product

_HALF = 2.0**-30
"""Half-width of the boxes, relative: so many times wider than what rounding makes of an orbit, and so narrow that DF is
nearly the same all over them."""

_SPARE = 64
"""Bits beyond those that the bounds say will be lost."""

_ENTRIES = 2**19
"""Of the derivatives that are bounded at a time: some ten arrays of 4 MB."""


def shadowed(
    map: Enclosure, run: Step, evaluation: Evaluation, frame: Frame, start: Tensor, steps: int, most_bits: int
) -> arb_mat | None:
    """A box [n, 1] that holds F^steps(start); None where that takes more than ``most_bits``, or bounds do not hold."""
    orbit = [start]
    for _ in range(steps):
        orbit.append(run(orbit[-1].unsqueeze(0))[0])
    centers = torch.stack(orbit)
    half = _HALF * centers.abs().clamp(min=1e-3)
    stretches = _stretches(evaluation, frame, centers[:-1], half[:-1])
    if not bool(stretches.isfinite().all()):
        return None
    bits = 53 + _SPARE + _lost(stretches) - math.floor(math.log2(_HALF))
    return _enclosed(map, frame, centers, half, stretches, bits) if bits <= most_bits else None


def _lost(stretches: Tensor) -> int:
    """How many bits an error may grow by on the way from any step to any later one."""
    most = grown = 0.0
    for one in stretches.log2().tolist():
        grown = max(0.0, grown + one)
        most = max(most, grown)
    return math.ceil(most)


def _stretches(evaluation: Evaluation, frame: Frame, centers: Tensor, half: Tensor) -> Tensor:
    """L over boxes [k, n], [k]."""
    n = centers.shape[1]
    size = max((size for size in BATCHES if size * n**2 <= _ENTRIES), default=BATCHES[0])
    found = []
    for middles, radii in zip(centers.split(size), half.split(size), strict=True):
        _, slopes = evaluation.linearize(Intervals(middles - radii, middles + radii))
        moved = product("kij,jl->kil", slopes, Intervals.exactly(midpoints(frame.back)), n)
        found.append(frame.norms(moved))
    return torch.cat(found)


def _enclosed(
    map: Enclosure, frame: Frame, centers: Tensor, half: Tensor, stretches: Tensor, bits: int
) -> arb_mat | None:
    """The box after the last step; None if the orbit leaves those that ``stretches`` are of."""
    reach = frame.reach  # of all h with |h - x|_W <= 1, coordinate by coordinate
    room = (half[1:] * (1 - 2.0**-20)).tolist()  # the ends of boxes are rounded
    with precision(53):  # for errors; points have ``bits``
        point, error = exact(centers[0]), arb(0)
        for center, widths, stretch in zip(centers[1:].tolist(), room, stretches.tolist(), strict=True):
            image = map.value(point, bits).entries()
            point = arb_mat(len(image), 1, [one.mid() for one in image])
            rounded = frame.size(arb_mat([[arb(0, one.rad())] for one in image]))
            error = (error * stretch + rounded).abs_upper()
            for own, middle, width, far in zip(point.entries(), center, widths, reach, strict=True):
                if not (own - middle).abs_upper() + error * far < width:
                    return None
        return point + arb_mat([[arb(0, (error * far).abs_upper())] for far in reach])
