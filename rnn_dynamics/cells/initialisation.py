"""How the paper initialises each cell."""

from typing import Annotated

import torch
from torch import nn

from ..checks import ArgumentError, CheckedInside, Told, checked, generator_of
from .base import RecurrentModule, draw_uniform, on_host, xavier_by_gate
from .parallel import Parallel


@checked
@torch.no_grad()
def initialise(module: Annotated[nn.Module, CheckedInside()], seed: int | torch.Generator = 0) -> nn.Module:
    """Draw a module's weights anew, in place, as the paper does for its kind of cell.

    GRU: Xavier input weights, orthogonal recurrent weights, each gate's matrix by itself, zero biases. MGU, BRC, nBRC:
    Xavier by gate, zero biases, w_c = w_a = 1 in a BRC. Leaky, low-rank, minimal and linear units: as their classes say. LSTM and plain RNN: torch's default, uniform within
    1/sqrt(hidden_size). ``Parallel``: each of its cells so. A chrono-initialised LSTM is made by
    ``chrono_initialise`` after this.

    Args:
        module: ``nn.RNN``, ``nn.GRU``, ``nn.LSTM``, ``Parallel`` or another of this folder.
        seed: of the draw; the global random state is not touched.

    Returns:
        The same module.

    Raises:
        ValueError: for any other module.

    Source: Lambrechts et al., arXiv 2106.01001; Glorot and Bengio 2010 (Xavier).
    """
    generator = generator_of(seed)
    if isinstance(module, Parallel):
        for row in module.parallel:
            for cell in row:  # pyright: ignore[reportGeneralTypeIssues]
                initialise(cell, generator)
    elif isinstance(module, RecurrentModule):
        module.reset_parameters(generator)
    elif isinstance(module, nn.GRU):
        for name, weight in module.named_parameters():
            if name.startswith("bias"):
                weight.zero_()
            elif name.startswith("weight_ih"):
                xavier_by_gate(weight, module.hidden_size, generator)
            else:
                for gate in weight.chunk(3):
                    gate.copy_(nn.init.orthogonal_(on_host(gate), generator=generator))
    elif isinstance(module, nn.LSTM | nn.RNN):
        for weight in module.parameters():
            draw_uniform(weight, module.hidden_size**-0.5, generator)
    else:
        raise ValueError(f"initialise takes a sequence module of torch or rnn_dynamics, got {type(module).__name__}")
    return module


_LONGEST = 1e30
"""Steps: beyond, spans drawn in float32 overflow."""


@checked
@torch.no_grad()
def chrono_initialise(
    module: Annotated[nn.LSTM, CheckedInside()],
    t_max: Annotated[float, Told("above 2 and finite")],
    seed: int | torch.Generator = 0,
) -> nn.LSTM:
    """Set an LSTM's biases, in place, so that its memories last between 1 and ``t_max`` steps.

    b_f = ln U, b_i = -b_f with U ~ U[1, t_max - 1] for each unit, and 0 for the other two gates. Torch adds two biases,
    ``bias_ih + bias_hh``: the sum is what counts, so the second is 0. A unit whose gates see nothing else forgets as
    sigmoid(ln U)^t, with time constant about U. (Drawing ln U into both, as the reference implementation of arXiv
    2106.01001 does, makes that the product of two such draws.)

    Args:
        module: an ``nn.LSTM`` with biases; its weights are left as they are.
        t_max: longest time to bridge, in steps, above 2; the paper uses 600 for supervised learning.
        seed: of the draw; the global random state is not touched.

    Returns:
        The same module.

    Raises:
        ValueError: for another module, one without biases, or a ``t_max`` of 2 or less.

    Source: Tallec and Ollivier 2018, arXiv 1804.11188.
    """
    if not isinstance(module, nn.LSTM) or not module.bias:
        got = "one without biases" if isinstance(module, nn.LSTM) else type(module).__name__
        raise ValueError(f"chrono_initialise takes an nn.LSTM with biases as module, got {got}")
    if not 2 < t_max < _LONGEST:
        raise ArgumentError("t_max", f"must be above 2 and finite, at most {_LONGEST:g}, got {t_max}")
    generator = generator_of(seed)
    for name, bias in module.named_parameters():
        if name.startswith("bias"):
            bias.zero_()
        if name.startswith("bias_ih"):
            write, forget, _, _ = bias.chunk(4)
            spans = on_host(forget).uniform_(1.0, t_max - 1.0, generator=generator)
            forget.copy_(spans.log())
            write.copy_(-spans.log())
    return module
