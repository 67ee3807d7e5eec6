"""Charts of two parameters, orbit diagrams of one, and crises: where attractors vanish or widen at once."""

from .charting import chart
from .crises import find_crisis
from .crisis_results import Crisis
from .measures import Count, Exponent, Measure, Period, Reached, Rotation
from .orbit_diagram import orbit_diagram
from .orbit_results import OrbitDiagram
from .orbits import Conduct
from .results import Chart
from .watch import Watch

__all__ = [
    "Chart",
    "Conduct",
    "Count",
    "Crisis",
    "Exponent",
    "Measure",
    "OrbitDiagram",
    "Period",
    "Reached",
    "Rotation",
    "Watch",
    "chart",
    "find_crisis",
    "orbit_diagram",
]
