"""The leaky layer whose recurrent weight is of low rank."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import linear

from .leaky import LeakingLayer


@dataclass(frozen=True, eq=False, kw_only=True)
class LowRankLayer(LeakingLayer):
    """A leaky layer with W = M N^T / n of rank r.

    Its fixed points are those of a map on R^r, whatever n is; see ``systems.low_rank``. (Mastrogiuseppe and Ostojic
    2018, doi:10.1016/j.neuron.2018.07.003; Dubreuil et al. 2022, doi:10.1038/s41593-022-01088-4.)
    """

    weight_m: Tensor  # M [n, r]
    weight_n: Tensor  # N [n, r]

    @property
    def name(self) -> str:
        return f"rank-{self.rank} RNN ({self.nonlinearity})"

    @property
    def rank(self) -> int:
        return self.weight_m.shape[1]

    def recurrent_weight(self) -> Tensor:
        return self.weight_m @ self.weight_n.mT / self.state_size

    def recur(self, vectors: Tensor) -> Tensor:
        return linear(vectors @ self.weight_n / self.state_size, self.weight_m)
