"""From which states a landscape is measured, and what is refused of them."""

import torch
from torch import Tensor

from ..attractors import Attractors
from ..checks import ArgumentError, ArrayLike
from ..systems import AutonomousMap, Box


def require_attractors(system: AutonomousMap, found: Attractors, purpose: str) -> None:
    """Refuse attractors of another map, and none."""
    if not len(found):
        raise ArgumentError("found", f"holds no attractor: there is nothing to {purpose}")
    if found.states.shape[-1] != system.state_size:
        raise ArgumentError("found", f"has states of size {found.states.shape[-1]}, the system of {system.state_size}")


def starts_of(system: AutonomousMap, found: Attractors, starts: ArrayLike | None, n: int, seed: int) -> Tensor:
    """The starts [k, n] that were given, or n uniform in the map's box; attractors of another map are refused."""
    require_attractors(system, found, "measure")
    if starts is not None:
        return system.as_states(starts, "starts")
    box = system.box
    if not isinstance(box, Box):
        raise ArgumentError("starts", f"are needed, since no box is known to draw them from: {box.reason}")
    return box.sample(n, torch.Generator().manual_seed(seed)).to(dtype=system.dtype, device=system.device)


def span_of(states: Tensor) -> float:
    """The root mean square of the ranges of states [k, n] in all coordinates."""
    return float((states.amax(dim=0) - states.amin(dim=0)).square().mean().sqrt())
