"""What a one-parameter family of maps is, its derivative by the parameter, and its iterates."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from ..checks import whole_number
from ..systems import AutonomousMap, IteratedMap, MapInUnits

_RELATIVE_STEP = 6e-6
"""The cube root of float64's precision: where rounding and truncation of a central difference balance, near 1e-11."""

_NEARER = 1e-4
"""Of that step where F has a kink within it: rounding is 1e-7 then, which Newton's method does not mind."""

_UNLIKE = 0.01


class Family(Protocol):
    """A map h -> F(h, t) for every t: a function, or an object called like one."""

    def __call__(self, t: float, /) -> AutonomousMap:
        """The map at parameter t."""
        ...


@runtime_checkable
class DifferentiableFamily(Family, Protocol):
    """A family that knows its derivative by t, which is then not taken by differences."""

    def derivative(self, states: Tensor, t: float, /) -> Tensor:
        """dF/dt at states [k, n]: [k, n]."""
        ...


def parameter_derivative(
    family: Family, states: Tensor, t: float, within: tuple[float, float] = (-torch.inf, torch.inf)
) -> Tensor:
    """dF/dt at states [k, n]: the family's own, else (F(h, t + d) - F(h, t - d)) / 2d.

    Args:
        family: the maps.
        states: [k, n].
        t: the parameter.
        within: where the family may be evaluated; nearer than d to an end the one-sided difference of second order
            (-3 F(t) + 4 F(t + d) - F(t + 2d)) / 2d is taken.
    """
    if isinstance(family, IteratedFamily):
        return family.derivative(states, t, within)
    if isinstance(family, DifferentiableFamily):
        return family.derivative(states, t)
    low, high = within
    step = _RELATIVE_STEP * max(1.0, abs(t))
    step = min(step, (high - low) / 4)
    if t - step < low or t + step > high:
        step = step if t - step < low else -step
        ahead, farther = family(t + step)(states), family(t + 2 * step)(states)
        return (4 * ahead - farther - 3 * family(t)(states)) / (2 * step)
    here, ahead, behind = family(t)(states), family(t + step)(states), family(t - step)(states)
    central = (ahead - behind) / (2 * step)
    kinked = _kinked(here, ahead, behind)
    if kinked.any():  # a kink within the step, as of a ReLU: much nearer, one side of it remains
        step *= _NEARER
        ahead, behind = family(t + step)(states), family(t - step)(states)
        central = torch.where(kinked.unsqueeze(-1), (ahead - behind) / (2 * step), central)
    return central


def _kinked(here: Tensor, ahead: Tensor, behind: Tensor) -> Tensor:
    """The rows [k] whose differences to both sides are too unlike for a smooth F: those agree to the step."""
    forwards, backwards = ahead - here, here - behind
    unlike = (forwards - backwards).abs()
    rounding = 64 * torch.finfo(here.dtype).eps * here.abs()
    return (unlike > _UNLIKE * (forwards.abs() + backwards.abs()) + rounding).any(dim=-1)


class IteratedFamily:
    """F^k for every t; see ``iterated``."""

    def __init__(self, family: Family, period: int) -> None:
        self.family = family
        self.period = period

    def __repr__(self) -> str:
        return f"{self.family!r}, {self.period} steps at once"

    def __call__(self, t: float, /) -> AutonomousMap:
        return IteratedMap(self.family(t), self.period)

    def derivative(self, states: Tensor, t: float, within: tuple[float, float] = (-torch.inf, torch.inf), /) -> Tensor:
        """The derivative of F^k by t, by the chain rule: v <- DF v + dF/dt along the orbit.

        ``within`` is where F may be evaluated, as in ``parameter_derivative``.
        """
        system = self.family(t)
        total: Tensor | None = None
        for path in IteratedMap(system, self.period).phases(states):
            pushforward = system.pushforward(path.flatten(0, 1), 1)
            sources = parameter_derivative(self.family, path.flatten(0, 1), t, within).view_as(path)
            for phase, source in enumerate(sources):
                rows = slice(phase * len(states), (phase + 1) * len(states))
                total = source if total is None else source + pushforward.rows(rows).apply(total[..., None])[..., 0]
        assert total is not None  # a period is 1 at least
        return total


def iterated(family: Family, period: int) -> IteratedFamily:
    """The family of k-th iterates F^k, whose fixed points are the cycles of period k: to follow cycles.

    Args:
        family: the maps F.
        period: k. Each of the k phases of a cycle is a fixed point of F^k of its own; following one is enough.

    Raises:
        ValueError: for a period that is no whole number of at least 1.
    """
    return IteratedFamily(family, whole_number(period, "period", 1))


class Span:
    """A family between two parameters, seen from inside: s runs from 0 at ``start`` to 1 at ``end``.

    ``units`` u [n], if there are any, are those of its states z = h / u, whose maps are z -> F(u z) / u.
    """

    def __init__(self, family: Family, start: float, end: float, units: Tensor | None = None) -> None:
        self.family = family
        self.start, self.end = start, end
        self.units = units
        self.state_size: int | None = None
        """Of the first map that was asked for; all others must have it too."""

    def iterated(self, period: int) -> "Span":
        """The same span of F^period; of a span of F^k it is that of F^period too."""
        family = self.family.family if isinstance(self.family, IteratedFamily) else self.family
        return Span(family if period == 1 else IteratedFamily(family, period), self.start, self.end, self.units)

    def in_units(self, units: Tensor) -> "Span":
        """The same span with states in units [n]; units that are all 1 are none."""
        return Span(self.family, self.start, self.end, None if bool((units == 1).all()) else units)

    def into_units(self, states: Tensor) -> Tensor:
        """The family's states h [..., n] as this span has them."""
        return states if self.units is None else states / self.units

    def out_of_units(self, states: Tensor) -> Tensor:
        """States of this span, or differences of them, as the family has them."""
        return states if self.units is None else states * self.units

    def inner(self, t: float) -> float:
        """The s at which ``parameter`` is t."""
        return (t - self.start) / (self.end - self.start)

    def parameter(self, s: float) -> float:
        """The family's own parameter at s: exactly the ends at 0 and 1, and never beyond them."""
        if s == 1:
            return self.end
        low, high = min(self.start, self.end), max(self.start, self.end)
        return min(max(self.start + s * (self.end - self.start), low), high)

    def system(self, s: float) -> AutonomousMap:
        """The map at s; ValueError where the family gives something else."""
        system = self.family(self.parameter(s))
        if not isinstance(system, AutonomousMap):
            raise ValueError(
                f"family(t) must be an autonomous map, as network.hold() gives it; got {type(system).__name__}"
                f" at t = {self.parameter(s):g}"
            )
        if self.state_size is None:
            self.state_size = system.state_size
        if system.state_size != self.state_size:
            raise ValueError(
                f"family(t) must have the same number of state units at every t, but it has {self.state_size} at"
                f" first and {system.state_size} at t = {self.parameter(s):g}"
            )
        return system if self.units is None else MapInUnits(system, self.units)

    def derivative(self, states: Tensor, s: float) -> Tensor:
        """dF/ds at states [k, n]."""
        within = (min(self.start, self.end), max(self.start, self.end))
        states = self.out_of_units(states)
        derivative = parameter_derivative(self.family, states, self.parameter(s), within)
        return (self.end - self.start) * self.into_units(derivative)
