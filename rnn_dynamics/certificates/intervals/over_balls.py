"""F and DF over boxes one by one, in balls: every operation that ``enclosures`` has a rule for."""

import torch
from torch import Tensor

from ...enclosures import Enclosure, ball, midpoints, radii
from .evaluation import Evaluation
from .intervals import Intervals, down, up, whole


class OverBalls(Evaluation):
    """What an enclosure says, as intervals of float64."""

    def __init__(self, enclosure: Enclosure, precision: int = 53) -> None:
        self._enclosure, self._precision = enclosure, precision
        self.size = enclosure.state_size

    def value(self, boxes: Intervals) -> Intervals:
        images = [self._enclosure.value(_as_ball(*ends), self._precision) for ends in _each(boxes)]
        return _as_intervals([(midpoints(image), radii(image)) for image in images], (self.size,))

    def linearize(self, boxes: Intervals) -> tuple[Intervals, Intervals]:
        n = self.size
        images = [self._enclosure.linearize(_as_ball(*ends), self._precision)[:2] for ends in _each(boxes)]
        value = _as_intervals([(midpoints(image), radii(image)) for image, _ in images], (n,))
        return value, _as_intervals([(midpoints(slope), radii(slope)) for _, slope in images], (n, n))


def _each(boxes: Intervals) -> "zip[tuple[Tensor, Tensor]]":
    return zip(boxes.lower, boxes.upper, strict=True)


def _as_ball(lower: Tensor, upper: Tensor):
    bounded = lower.isfinite() & upper.isfinite()
    middle = torch.where(bounded, Intervals(lower, upper).middle, 0.0)
    radius = torch.where(bounded, up(torch.maximum(upper - middle, middle - lower)), torch.inf)
    return ball(middle, torch.where(lower == upper, 0.0, radius))


def _as_intervals(parts: list[tuple[Tensor, Tensor]], shape: tuple[int, ...]) -> Intervals:
    """Of midpoints and radii of matrices; what is not finite is everything."""
    none = torch.zeros(0, *shape, dtype=torch.float64)
    middles = torch.cat([none, *(middle.reshape(1, *shape) for middle, _ in parts)])
    widths = torch.cat([none, *(width.reshape(1, *shape) for _, width in parts)])
    return whole(Intervals(down(middles - widths), up(middles + widths)))
