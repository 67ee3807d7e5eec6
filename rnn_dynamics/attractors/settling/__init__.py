"""How starts settle: plain steps, and at each pause detectors that look for evidence that some are done."""

from .assembly import assemble
from .loop import settle
from .periodic import Periodic, as_periodic, propose_points
from .recurrent import MovingOrbit
from .starts import Limits

__all__ = [
    "Limits",
    "MovingOrbit",
    "Periodic",
    "as_periodic",
    "assemble",
    "propose_points",
    "settle",
]
