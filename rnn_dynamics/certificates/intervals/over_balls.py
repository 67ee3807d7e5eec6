"""F and DF over boxes one by one, in balls: every operation that ``enclosures`` has a rule for."""

from collections.abc import Callable

import torch
from flint import arb, arb_mat
from torch import Tensor

from ...enclosures import Enclosure, ball, midpoints, trace
from ...enclosures import radii as radii_of
from .evaluation import Evaluation, unscaled
from .intervals import Intervals, down, up, whole


class OverBalls(Evaluation):
    """What an enclosure says, as intervals of float64."""

    def __init__(self, enclosure: Enclosure, precision: int = 53) -> None:
        self._enclosure, self._precision = enclosure, precision
        self.size = enclosure.state_size

    @classmethod
    def of(cls, function: Callable[[Tensor], Tensor], size: int, precision: int = 53) -> "OverBalls":
        """That of a function of one state [m] -> [n].

        Raises:
            Unenclosed: for an operation that balls do not cover.
        """
        return cls(Enclosure(trace(function, (torch.full((size,), 0.5, dtype=torch.float64),)), size), precision)

    def value(self, boxes: Intervals) -> Intervals:
        images = [self._enclosure.value(_as_ball(*ends), self._precision) for ends in _each(boxes)]
        return _as_intervals([(midpoints(image), radii_of(image)) for image in images], (self._enclosure.image_size,))

    def linearize(self, boxes: Intervals) -> tuple[Intervals, Intervals]:
        n = self._enclosure.image_size
        images = [self._enclosure.linearize(_as_ball(*ends), self._precision)[:2] for ends in _each(boxes)]
        value = _as_intervals([(midpoints(image), radii_of(image)) for image, _ in images], (n,))
        return value, _as_intervals([(midpoints(slope), radii_of(slope)) for _, slope in images], (n, self.size))

    def along(self, middle: Intervals, half: Intervals, radii: Tensor) -> tuple[Intervals, Intervals]:
        n, m = self._enclosure.image_size, self.size
        unit = arb_mat([[arb(0, 1)]] * (1 + m))
        images = []
        for center, chord, reach in zip(_each(middle), _each(half), radii, strict=True):
            own = ball(torch.diag(reach), torch.zeros(m, m)).tolist()
            across = arb_mat([[*step, *row] for step, row in zip(_as_ball(*chord).tolist(), own, strict=True)])
            slopes, _ = self._enclosure.slopes_along(_as_ball(*center), across, unit, self._precision)
            images.append((midpoints(slopes), radii_of(slopes)))
        return self.value(middle), unscaled(_as_intervals(images, (n, 1 + m)), radii)


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
