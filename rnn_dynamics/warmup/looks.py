"""When a warmup for attractors ends: attractors are counted now and then, and the weights with most are kept."""

import torch
from torch import Tensor

from ..checks import InputSequences
from ..multistability import reachability
from ..systems import DrivenMap

_EVERY = 25
"""Updates between two counts, each of which takes as long as some ten updates."""

_PATIENCE = 2
"""Counts in a row without more attractors that end the warmup."""

_STATES, _HELD = 64, 1
"""States whose ends are counted, and held inputs: 32 states would all be told apart too soon."""


class Looks:
    """Counts of the attractors that sequences really reach, and copies of the weights that reach most."""

    def __init__(self, network: DrivenMap, sequences: InputSequences, weights: list[Tensor], seed: int) -> None:
        self._network, self._sequences, self._weights, self._seed = network, sequences, weights, seed
        self._kept: list[Tensor] = [weight.detach().clone() for weight in weights]
        self.best = 0
        """The update before which most were reached."""
        self.counts: list[tuple[int, float]] = []
        """Updates and counts."""

    def due(self, step: int) -> bool:
        """Whether it is time to look before this update."""
        return step % _EVERY == 0

    def look(self, step: int) -> bool:
        """Count; whether it is worth going on."""
        with torch.no_grad():
            reach = reachability(
                self._network,
                self._sequences,
                n=_STATES,
                draws=_HELD,
                horizons=(0,),
                seed=self._seed,
                progress=False,
            )
        if not self.counts or reach.count > max(count for _, count in self.counts):
            self.best, self._kept = step, [weight.detach().clone() for weight in self._weights]
        self.counts.append((step, reach.count))
        most = max(count for _, count in self.counts)
        return any(count == most for _, count in self.counts[-_PATIENCE:])

    @torch.no_grad()
    def restore(self) -> None:
        """Give the network the weights that reach most."""
        for weight, value in zip(self._weights, self._kept, strict=True):
            weight.copy_(value)
