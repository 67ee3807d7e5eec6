"""Floor 6: how many attractors inputs can reach, by the published measure and in truth."""

from .diversity import Diversity, diversity
from .echo import EchoIndex, echo_index
from .published import soft_vaa, vaa
from .reachability import HORIZONS, Reachability, reachability

__all__ = [
    "HORIZONS",
    "Diversity",
    "EchoIndex",
    "Reachability",
    "diversity",
    "echo_index",
    "reachability",
    "soft_vaa",
    "vaa",
]
