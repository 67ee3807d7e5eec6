"""How starts settle: plain steps, and at each pause detectors that look for evidence that some are done."""

from .assembly import assemble
from .detector import Detector, Entry, Pause
from .loop import settled
from .periodic import propose_points
from .starts import Limits

__all__ = [
    "Detector",
    "Entry",
    "Limits",
    "Pause",
    "assemble",
    "propose_points",
    "settled",
]
