"""A map seen in units of its coordinates, in which what is small is small by the same measure in all of them."""

from dataclasses import replace

from torch import Tensor

from .autonomous import AutonomousMap, WrappedMap
from .boxes import Box, NoBox
from .linearization import Linearization


class MapInUnits(WrappedMap):
    """Z -> F(u z) / u for units u [n]: F in coordinates z = h / u."""

    def __init__(self, system: AutonomousMap, units: Tensor) -> None:
        super().__init__(system)
        self.units = units

    def __repr__(self) -> str:
        return f"{self.system!r}, in units"

    def __call__(self, states: Tensor) -> Tensor:
        return self.system(states * self.units) / self.units

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        value, linearization = self.system.linearize(states * self.units)
        return value / self.units, linearization.in_units(self.units)

    @property
    def box(self) -> Box | NoBox:
        box = super().box
        if isinstance(box, NoBox):
            return box
        return replace(box, lower=box.lower / self.units, upper=box.upper / self.units)
