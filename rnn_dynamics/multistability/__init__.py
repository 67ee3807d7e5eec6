"""How many attractors inputs can reach, by the published measure and in truth."""

from .curve import vaa_curve
from .diversity import Diversity, diversity
from .echo import EchoIndex, echo_index
from .published import soft_vaa, unchecked_soft_vaa, vaa
from .reachability import HORIZONS, Reachability, horizons_up_to, reachability

__all__ = [
    "HORIZONS",
    "Diversity",
    "EchoIndex",
    "Reachability",
    "diversity",
    "echo_index",
    "horizons_up_to",
    "reachability",
    "soft_vaa",
    "unchecked_soft_vaa",
    "vaa",
    "vaa_curve",
]
