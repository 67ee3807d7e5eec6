"""What a chart shows at each pair of parameters."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from ..attractors import Attractors
from ..checks import ArgumentError, ArrayLike, CheckedInside, checked
from ..systems import AutonomousMap
from .orbits import Conduct, Orbits, Turning
from .sameness import labels_of
from .watch import Watch

Search = Callable[[int, Tensor], Attractors]
"""The attractors that states [k, n] settle on in a cell, where watching them has not told which are the same."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What a measure reads off the orbits of some cells."""

    values: Tensor
    """[c]; NaN where it is not known."""

    classes: Tensor
    """[c]: cells beside each other that have not the same are refined."""

    unsettled: Tensor
    """Starts of each cell that ran away or of which it is not told where they go, [c]."""


class Measure(ABC):
    """One kind of chart.

    For developers: implement ``read``; ``starts_of`` says which orbits it needs in each cell.
    """

    label: ClassVar[str]
    """Of the colour bar."""

    one_start: ClassVar[bool] = True
    """Whether it follows one orbit in each cell."""

    def starts_of(self, starts: Tensor, system: AutonomousMap) -> Tensor:  # noqa: ARG002
        """The states [k, n] that are followed in each cell, of the user's [s, n]."""
        if self.one_start and len(starts) != 1:
            name = type(self).__name__
            raise ArgumentError("starts", f"must be one state for {name}, which follows one orbit, got {len(starts)}")
        return starts

    def turning(self, system: AutonomousMap) -> Callable[[Tensor], Turning] | None:  # noqa: ARG002
        """What counts the turns of orbits, if it needs them."""
        return None

    @abstractmethod
    def read(self, orbits: Orbits, each: int, watch: Watch, units: Tensor, search: Search) -> Reading:
        """The values of c cells whose ``each`` orbits stand one after the other, [c each]."""


def _open(orbits: Orbits) -> Tensor:
    return ((orbits.conducts == Conduct.UNDECIDED) | (orbits.conducts == Conduct.DIVERGED)).long()


_RANGES = (-1.0, -0.5, -0.2, -0.1, 0.1, 0.2, 0.5)
"""Exponents between which cells are refined."""


@checked
@dataclass(frozen=True)
class Exponent(Measure):
    """The largest Lyapunov exponent of one orbit, per step: a Lyapunov chart.

    Refined where the conduct changes, or the exponent from one of the ranges -1, -0.5, -0.2, ... 0.2, 0.5 to another.
    """

    label: ClassVar = "largest exponent"

    def read(self, orbits: Orbits, each: int, watch: Watch, units: Tensor, search: Search) -> Reading:  # noqa: ARG002
        """Exponents; NaN where orbits ran away."""
        ranges = torch.bucketize(orbits.exponents.nan_to_num(), torch.tensor(_RANGES, dtype=torch.float64))
        return Reading(orbits.exponents, ranges * len(Conduct) + orbits.conducts, _open(orbits))


@checked
@dataclass(frozen=True)
class Period(Measure):
    """The period that one orbit settles on, 0 where it is aperiodic: an isoperiodic chart."""

    label: ClassVar = "period"

    def read(self, orbits: Orbits, each: int, watch: Watch, units: Tensor, search: Search) -> Reading:  # noqa: ARG002
        """Periods; NaN where orbits ran away or nothing is sure."""
        unsettled = _open(orbits)
        values = torch.where(unsettled.bool(), torch.nan, orbits.periods.double())
        classes = torch.where(orbits.periods > 0, orbits.periods, -orbits.conducts)
        return Reading(values, classes, unsettled)


@checked
@dataclass(frozen=True)
class Rotation(Measure):
    """The rotation number of one orbit, in turns per step: its tongues are where it is locked.

    Of a coordinate that is a lift, the mean of h'_i - h_i over the length after which it is the same again; else the
    mean angle, 0 to 1 turn a step, about the orbit's mean in a plane of two coordinates. Means are weighted Birkhoff
    averages; where the orbit is a cycle the number is a fraction of its period, exactly.

    Args:
        lift: the coordinate that is a lift, which ``watch.wraps`` must name with its length.
        plane: two coordinates, if there is no lift.

    Raises:
        ValueError: for both, or none.
    """

    label: ClassVar = "rotation number"

    lift: int | None = None
    plane: Annotated[tuple[int, int] | None, CheckedInside()] = None

    def __post_init__(self) -> None:
        if (self.lift is None) == (self.plane is None):
            raise ArgumentError("lift", "or plane must be given, and not both: whose rotation is counted")
        if self.plane is not None:
            try:
                first, second = (int(place) for place in self.plane)
            except (TypeError, ValueError) as error:
                raise ArgumentError("plane", f"must be two coordinates, got {self.plane!r}"[:200]) from error
            if first == second:
                raise ArgumentError("plane", f"must be two different coordinates, got {self.plane}")
            object.__setattr__(self, "plane", (first, second))

    def turning(self, system: AutonomousMap) -> Callable[[Tensor], Turning]:
        """Of the lift, or about the mean of the path before."""
        places = [self.lift] if self.plane is None else [*self.plane]
        for place in places:
            if place is None or not 0 <= place < system.state_size:
                name = "plane" if self.plane else "lift"
                raise ArgumentError(f"measure.{name}", f"must name coordinates below {system.state_size}, got {place}")
        if self.plane is None:
            lift = places[0]
            return lambda _: lambda path: path[1:, :, lift] - path[:-1, :, lift]
        first, second = self.plane

        def about_mean(before: Tensor) -> Turning:
            center = before.mean(dim=0)

            def turned(path: Tensor) -> Tensor:
                x, y = ((path - center)[..., place] for place in (first, second))
                angle = torch.atan2(y, x) / (2 * torch.pi)
                return (angle[1:] - angle[:-1]) % 1.0

            return turned

        return about_mean

    def read(self, orbits: Orbits, each: int, watch: Watch, units: Tensor, search: Search) -> Reading:  # noqa: ARG002
        """Rotation numbers; locked ones by their fraction."""
        length = next((length for place, length in watch.wraps if place == self.lift), None)
        if self.plane is None and length is None:
            raise ArgumentError("watch.wraps", f"must tell the length of coordinate {self.lift}, which is a lift")
        turns = orbits.turns / (length or 1.0)
        locked = orbits.periods > 0
        whole = (turns * orbits.periods).round()
        values = torch.where(locked, whole / orbits.periods.clamp(min=1), turns)
        unsettled = _open(orbits)
        values = torch.where(unsettled.bool(), torch.nan, values)
        classes = torch.where(locked, (whole.nan_to_num() * (watch.max_period + 1)).long() + orbits.periods, _UNLOCKED)
        return Reading(values, torch.where(unsettled.bool(), _UNLOCKED - orbits.conducts - 1, classes), unsettled)


_UNLOCKED = -(10**12)
"""The class of what is not locked, whatever its rotation number is."""


@checked
@dataclass(frozen=True)
class Count(Measure):
    """How many attractors the starts reach: no more than there are."""

    label: ClassVar = "attractors"
    one_start: ClassVar = False

    def read(self, orbits: Orbits, each: int, watch: Watch, units: Tensor, search: Search) -> Reading:
        """Counts."""
        labels = labels_of(orbits, each, watch, units, search)
        counts = torch.tensor([len(set(row) - {-1}) for row in labels.tolist()])
        return Reading(counts.double(), counts, (labels < 0).sum(dim=1))


@checked
@dataclass(frozen=True, eq=False)
class Reached(Measure):
    """Which attractor one start reaches: the number of the first of ``references`` that reaches the same.

    References are settled in every cell too, so that no distance decides; where they all end on one attractor the
    number is that of the first, 0, and where the start goes elsewhere than all of them it is how many they are.

    Args:
        references: [m, n], such as the attractors found at one pair of parameters.
    """

    label: ClassVar = "attractor reached"

    references: ArrayLike

    def starts_of(self, starts: Tensor, system: AutonomousMap) -> Tensor:
        """The start, and the references behind it."""
        return torch.cat([super().starts_of(starts, system), system.as_states(self.references, "measure.references")])

    def read(self, orbits: Orbits, each: int, watch: Watch, units: Tensor, search: Search) -> Reading:
        """Numbers of references; NaN where it is not told where the start goes."""
        labels = labels_of(orbits, each, watch, units, search)
        own, others = labels[:, :1], labels[:, 1:]
        same = others == own
        values = torch.where(same.any(dim=1), same.long().argmax(dim=1), others.shape[1])
        values = torch.where(own[:, 0] < 0, -1, values)
        return Reading(torch.where(values < 0, torch.nan, values.double()), values, (own[:, 0] < 0).long())

    def __repr__(self) -> str:
        return f"Reached({torch.as_tensor(self.references).tolist()})"
