"""Charts of two parameters, orbit diagrams of one, and crises: where attractors vanish or widen at once."""

from .charting import chart
from .measures import Count, Exponent, Measure, Period, Reached, Rotation
from .orbits import Conduct
from .results import Chart
from .watch import Watch

__all__ = [
    "Chart",
    "Conduct",
    "Count",
    "Exponent",
    "Measure",
    "Period",
    "Reached",
    "Rotation",
    "Watch",
    "chart",
]
