"""Networks of ReLUs: their fixed points solve a piecewise linear equation."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Rectifiers:
    """The equation y = A relu(B y + c) + d of n units, linear wherever each unit stays on its side of its kink."""

    outgoing: Tensor  # A [s, n]
    incoming: Tensor  # B [n, s]
    threshold: Tensor  # c [n]
    offset: Tensor  # d [s]

    @property
    def units(self) -> int:
        return len(self.threshold)

    @property
    def dimension(self) -> int:
        """s: of y."""
        return len(self.offset)

    def images(self, states: Tensor) -> Tensor:
        """A relu(B y + c) + d of states y [k, s]."""
        return (states @ self.incoming.T + self.threshold).relu() @ self.outgoing.T + self.offset

    def below(self, layer: "Rectifiers", weight: Tensor) -> "Rectifiers | None":
        """These and another layer, which sees them through ``weight`` [n', n]; None where states are currents."""
        for own in (self, layer):
            if own.offset.any() or not torch.equal(own.outgoing, torch.eye(own.units).to(own.outgoing)):
                return None
        nothing = weight.new_zeros(self.units, layer.units)
        rows = [torch.cat([self.incoming, nothing], dim=1), torch.cat([weight, layer.incoming], dim=1)]
        threshold = torch.cat([self.threshold, layer.threshold])
        return Rectifiers(torch.eye(len(threshold)).to(weight), torch.cat(rows), threshold, torch.zeros_like(threshold))
