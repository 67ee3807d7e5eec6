"""What part of the state space orbits have visited, in boxes: whether others go elsewhere is then asked in no time."""

from copy import copy

import torch
from torch import Tensor

_DIRECTIONS = 3
"""Boxes lie in the leading principal components, if the state has more coordinates."""

_SIDE = 64
"""Boxes along the extent of what was visited, and half as many again to either side."""


class Coverage:
    """Boxes that states were seen in; everything beyond the grid is outside."""

    def __init__(self, states: Tensor) -> None:
        """Lay the grid round states [k, n]."""
        self.center = states.mean(dim=0)
        offsets = states - self.center
        if states.shape[1] > _DIRECTIONS:
            self.directions = torch.linalg.svd(offsets, full_matrices=False)[2][:_DIRECTIONS].T
        else:
            self.directions = torch.eye(states.shape[1]).to(states)
        where = offsets @ self.directions
        low, high = where.amin(dim=0), where.amax(dim=0)
        extent = (high - low).clamp(min=1e-9 * float(where.abs().max().clamp(min=1.0)))
        self.size = extent / _SIDE
        self.low = low - extent / 2
        self.shape = [2 * _SIDE] * self.directions.shape[1]
        self.boxes = torch.zeros(self.shape, dtype=torch.bool, device=states.device).flatten()

    def copy(self) -> "Coverage":
        """The same boxes, to mark more of them."""
        other = copy(self)
        other.boxes = self.boxes.clone()
        return other

    def places(self, states: Tensor) -> Tensor:
        """The number of each state's box, [...]; -1 beyond the grid, and for states that ran away."""
        place = ((states - self.center) @ self.directions - self.low) / self.size
        side = 2 * _SIDE
        inside = ((place >= 0) & (place < side)).all(dim=-1)
        number = place.nan_to_num(posinf=0.0, neginf=0.0).clamp(0, side - 1).long()
        flat = number[..., 0]
        for axis in range(1, number.shape[-1]):
            flat = flat * side + number[..., axis]
        return torch.where(inside, flat, -1)

    def add(self, states: Tensor) -> None:
        """Mark the boxes of states [..., n]."""
        places = self.places(states).flatten()
        self.boxes[places[places >= 0]] = True

    def around(self) -> Tensor:
        """The boxes visited and those beside them, [boxes]."""
        wide = self.boxes.view(self.shape)
        for axis in range(wide.ndim):
            wide = wide | wide.roll(1, axis) | wide.roll(-1, axis)
        return wide.flatten()
