"""The minimal GRU and LSTM, as sequence modules."""

from typing import Any

import torch

from ..checks import Share, Size, checked
from ..systems import MinGRULayer, MinLSTMLayer
from .base import NamedCell, draw_uniform


class MinimalModule(NamedCell):
    """What both share: gates that see the input alone, and first weights as ``nn.Linear`` draws them."""

    gates: int
    repr_defaults = {"positive": False}  # noqa: RUF012

    def __init__(
        self,
        input_size: Size,
        hidden_size: Size,
        num_layers: Size = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: Share = 0.0,
        *,
        positive: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the layers.

        Args:
            input_size, hidden_size, num_layers, bias, batch_first, dropout, device, dtype: as in ``MGU``.
            positive: whether candidates are g(n), g(x) = x + 1/2 for x >= 0 and sigmoid(x) below, as in the published
                log-space form, which keeps states positive; else n, as in the vanilla form.

        Raises:
            ValueError: for sizes that ``MGU`` refuses.
        """
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, device=device, dtype=dtype)
        self.positive = positive

    def told(self) -> dict[str, str | float]:
        return {**super().told(), "positive": self.positive}

    @property
    def layer_options(self) -> dict[str, Any]:
        return {"positive": self.positive}

    def weight_shapes(self, units: int, inputs: int) -> dict[str, tuple[int, ...]]:
        return {"weight_ih": (self.gates * units, inputs), "bias_ih": (self.gates * units,)}

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        for index in range(self.num_layers):
            weight = getattr(self, f"weight_ih_l{index}")
            bound = max(1, weight.shape[1]) ** -0.5
            draw_uniform(weight, bound, generator)
            if self.bias:
                draw_uniform(getattr(self, f"bias_ih_l{index}"), bound, generator)


@checked
class MinGRU(MinimalModule):
    """A stack of minimal GRUs, h' = (1 - z) h + z n, z = sigmoid(W_z x + b_z), n = W_n x + b_n.

    Parameters of layer k: ``weight_ih_lk`` [2 n, m], ``bias_ih_lk`` [2 n], rows ordered z, n. First weights: uniform
    within 1 / sqrt(m), as the paper's code has them.

    Source: Feng et al. 2024, arXiv 2410.01201.
    """

    layer_type, cell, gates = MinGRULayer, "minGRU", 2


@checked
class MinLSTM(MinimalModule):
    """A stack of minimal LSTMs, h' = (f h + i n) / (f + i), f = sigmoid(W_f x + b_f), i = sigmoid(W_i x + b_i).

    n = W_n x + b_n. Parameters of layer k: ``weight_ih_lk`` [3 n, m], ``bias_ih_lk`` [3 n], rows ordered f, i, n. First
    weights: uniform within 1 / sqrt(m), as the paper's code has them.

    Source: Feng et al. 2024, arXiv 2410.01201.
    """

    layer_type, cell, gates = MinLSTMLayer, "minLSTM", 3
