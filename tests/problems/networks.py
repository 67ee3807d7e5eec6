"""Networks with given weights."""

import torch
from torch import Tensor, nn


def tanh_network(weights: list[list[float]], bias: list[float]) -> nn.RNN:
    """H' = tanh(W h + b + x)."""
    with torch.random.fork_rng():
        module = nn.RNN(1, len(bias), dtype=torch.float64)
    with torch.no_grad():
        module.weight_hh_l0.copy_(torch.tensor(weights))
        module.bias_hh_l0.copy_(torch.tensor(bias))
        module.bias_ih_l0.zero_()
        module.weight_ih_l0.fill_(1.0)
    return module


def weights_of(module: nn.Module) -> list[Tensor]:
    """Copies of its weights, to compare with later."""
    return [weight.detach().clone() for weight in module.parameters()]


def has_weights(module: nn.Module, weights: list[Tensor]) -> bool:
    """Whether its weights are these, to the last bit."""
    return all(torch.equal(a, b) for a, b in zip(module.parameters(), weights, strict=True))
