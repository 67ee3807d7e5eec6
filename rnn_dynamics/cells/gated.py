"""The minimal gated unit and the bistable cells, as sequence modules."""

import torch
from torch import nn

from ..systems import BRCLayer, MGULayer, NBRCLayer
from .base import RecurrentModule, xavier_by_gate


class _XavierModule(RecurrentModule):
    """Xavier weights by gate, zero biases: the paper's initialisation of MGU and nBRC."""

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        for name, weight in self.named_parameters():
            if name.startswith("bias"):
                nn.init.zeros_(weight)
            else:
                xavier_by_gate(weight, self.hidden_size, generator)


class MGU(_XavierModule):
    """A stack of minimal gated units, h' = (1 - f) h + f tanh(W_hn (f h) + W_in x + b_n).

    f = sigmoid(W_hf h + W_if x + b_f). Parameters of layer k: ``weight_ih_lk`` [2 n, m], ``weight_hh_lk`` [2 n, n],
    ``bias_ih_lk`` [2 n], rows ordered f, n. First weights: Xavier by gate, bias zero (arXiv 2106.01001).

    Source: Zhou et al. 2016, arXiv 1603.09420.
    """

    layer_type = MGULayer

    def weight_shapes(self, units: int, inputs: int) -> dict[str, tuple[int, ...]]:
        return {"weight_ih": (2 * units, inputs), "weight_hh": (2 * units, units), "bias_ih": (2 * units,)}


class NBRC(_XavierModule):
    """A stack of recurrently neuromodulated bistable cells, h' = c h + (1 - c) tanh(U_n x + b_n + a h).

    c = sigmoid(U_c x + b_c + W_c h), a = 1 + tanh(U_a x + b_a + W_a h). Parameters of layer k: ``weight_ih_lk``
    [3 n, m] and ``bias_ih_lk`` [3 n], rows ordered c, a, n; ``weight_hh_lk`` [2 n, n], rows ordered c, a. First
    weights: Xavier by gate, bias zero (arXiv 2106.01001).

    Source: Vecoven, Ernst and Drion 2021, doi:10.1371/journal.pone.0252676, arXiv 2006.05252.
    """

    layer_type = NBRCLayer

    def weight_shapes(self, units: int, inputs: int) -> dict[str, tuple[int, ...]]:
        return {"weight_ih": (3 * units, inputs), "weight_hh": (2 * units, units), "bias_ih": (3 * units,)}


class BRC(RecurrentModule):
    """A stack of bistable recurrent cells: ``NBRC`` in which each gate sees its own unit only.

    c = sigmoid(U_c x + b_c + w_c h), a = 1 + tanh(U_a x + b_a + w_a h), unit by unit. Parameters as in ``NBRC``, but
    ``weight_hh_lk`` [2, n] holds w_c and w_a. First weights: Xavier by gate, bias zero, w_c = w_a = 1
    (arXiv 2106.01001).

    Source: Vecoven, Ernst and Drion 2021, doi:10.1371/journal.pone.0252676, arXiv 2006.05252.
    """

    layer_type = BRCLayer

    def weight_shapes(self, units: int, inputs: int) -> dict[str, tuple[int, ...]]:
        return {"weight_ih": (3 * units, inputs), "weight_hh": (2, units), "bias_ih": (3 * units,)}

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        for name, weight in self.named_parameters():
            if name.startswith("weight_ih"):
                xavier_by_gate(weight, self.hidden_size, generator)
            else:
                nn.init.constant_(weight, 0.0 if name.startswith("bias") else 1.0)
