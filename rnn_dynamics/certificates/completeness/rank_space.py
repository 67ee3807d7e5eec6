"""A low-rank network in the space of its rank, with its weights as they are."""

from dataclasses import dataclass

from torch import Tensor

from ...systems import AutonomousMap, HeldMap, LayeredMap, LowRankLayer, as_map


@dataclass(frozen=True, eq=False)
class RankSpace:
    """With W = M N^T / n and the drive c every fixed point is h = c + M y, or h = f(c + M y), of one fixed point y of

        y' = N^T f(c + M y) / n,

    and y is N^T f(h) / n, or N^T h / n, for a leak of currents or of rates. No factor of M is taken, as the reduction
    of ``systems.low_rank`` does in floats: fixed points of this map and of the network's correspond exactly.
    """

    layer: LowRankLayer
    input: Tensor

    @classmethod
    def of(cls, system: AutonomousMap) -> "RankSpace | None":
        """That of a map which has one."""
        if not isinstance(system, HeldMap) or not isinstance(system.network, LayeredMap) or system.reduced() is None:
            return None
        (layer,) = system.network.layers
        assert isinstance(layer, LowRankLayer)  # nothing else is reduced
        return cls(layer, system.input)

    @property
    def system(self) -> AutonomousMap:
        """The map of y."""
        return as_map(lambda y, _: self._read(self._rates(y)), self.layer.rank, 0).hold()

    def lower(self, states: Tensor) -> Tensor:
        """The y [k, r] of states [k, n]."""
        return self._read(self.layer.f.function(states) if self.layer.leak == "current" else states)

    def lift(self, states: Tensor) -> Tensor:
        """The states [k, n] that y [k, r] stand for."""
        return self._currents(states) if self.layer.leak == "current" else self._rates(states)

    def _currents(self, y: Tensor) -> Tensor:
        return self.layer.project(self.input) + y @ self.layer.weight_m.mT

    def _rates(self, y: Tensor) -> Tensor:
        return self.layer.f.function(self._currents(y))

    def _read(self, rates: Tensor) -> Tensor:
        return rates @ self.layer.weight_n / self.layer.state_size
