"""Networks whose recurrent weight is of low rank, as sequence modules."""

from typing import Annotated

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, CheckedInside, Positive, Share, Size, checked
from ..systems import LowRankLayer
from .leaky import LeakingModule, draw_normal, shares


@checked
class LowRankRNN(LeakingModule):
    """A stack of leaky layers of low rank, h' = (1 - alpha) h + alpha (M N^T f(h) / n + U x + b), M and N [n, r].

    Under a held input its fixed points are those of a map on R^r: ``find_fixed_points`` searches there, and returns
    states, eigenvalues and all else of the whole network. Parameters of layer k: ``weight_ih_lk`` (U) [n, m],
    ``weight_m_lk`` and ``weight_n_lk`` [n, r], ``bias_ih_lk`` [n]; buffer ``alpha_lk``. First weights: M, N and U from
    N(0, 1), b zero.

    Source: Mastrogiuseppe and Ostojic 2018, doi:10.1016/j.neuron.2018.07.003; Dubreuil et al. 2022,
    doi:10.1038/s41593-022-01088-4 (the first weights).
    """

    layer_type = LowRankLayer
    cell = "low-rank"
    repr_defaults = LeakingModule.repr_defaults | {"leak": "current", "rank": 1}

    def __init__(
        self,
        input_size: Size,
        hidden_size: Size,
        num_layers: Size = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: Share = 0.0,
        *,
        rank: Size = 1,
        alpha: Annotated[ArrayLike | float | None, CheckedInside()] = None,
        dt: Annotated[float, Positive()] | None = None,
        tau: Annotated[ArrayLike | float | None, CheckedInside()] = None,
        nonlinearity: str = "tanh",
        leak: str = "current",
        noise: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the layers.

        Args:
            input_size, hidden_size, num_layers, bias, batch_first, dropout, device, dtype: as in ``MGU``.
            rank: r, from 1 to n.
            alpha, dt, tau, nonlinearity, noise: as in ``LeakyRNN``.
            leak: "current" as above; "outside" or "inside" as in ``LeakyRNN``.

        Raises:
            ValueError: as ``LeakyRNN``; for a rank below 1 or above ``hidden_size``.
        """
        if not 1 <= rank <= max(1, hidden_size):
            raise ArgumentError("rank", f"must be 1 or more and at most hidden_size={hidden_size}, got {rank}")
        self.rank = rank
        super().__init__(
            *(input_size, hidden_size, num_layers, bias, batch_first, dropout, device, dtype),
            constants={"alpha": shares(alpha, dt, tau, hidden_size)},
            dt=dt,
            nonlinearity=nonlinearity,
            leak=leak,
            noise=noise,
        )

    def weight_shapes(self, units: int, inputs: int) -> dict[str, tuple[int, ...]]:
        factor = (units, self.rank)
        return {"weight_ih": (units, inputs), "weight_m": factor, "weight_n": factor, "bias_ih": (units,)}

    def draw(self, name: str, weight: Tensor, generator: torch.Generator | None) -> None:  # noqa: ARG002
        draw_normal(weight, 1.0, generator)
