"""A recurrent module trained on the flip-flop task: the demo's network and the tests' test bed."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..progress import Progress
from ..tasks import flip_flop


@dataclass(frozen=True)
class TrainedFlipFlop:
    """A trained module, its readout, and how well they do on sequences never seen."""

    module: nn.RNNBase
    readout: nn.Linear
    test_inputs: Tensor  # [n, time, bits]
    accuracy: float  # share of outputs of the right sign after each sequence's first step
    mean_squared_error: float


def train_flip_flop(
    module: nn.RNNBase,
    *,
    seed: int = 0,
    steps: int = 1500,
    length: int = 60,
    batch: int = 64,
    pulse_rate: float = 0.1,
    progress: bool | None = None,
) -> TrainedFlipFlop:
    """Train ``module``, in place, to hold as many bits as it has inputs.

    Adam at 1e-2 falling to 1e-4 on a cosine, gradient norm clipped at 1; fresh sequences at every step. The module's
    own initial weights are the caller's; the readout and the data follow ``seed``.

    Args:
        module: an RNN, GRU or LSTM whose ``input_size`` is the number of bits.
        steps, length, batch: optimiser steps, and the shape of each step's sequences.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.
    """
    generator = torch.Generator().manual_seed(seed)
    bits, device, dtype = module.input_size, next(module.parameters()).device, next(module.parameters()).dtype
    width = module.proj_size or module.hidden_size
    readout = nn.Linear(width, bits, device="meta", dtype=dtype).to_empty(device=device)  # draws nothing
    with torch.no_grad():
        readout.weight.copy_(torch.randn(bits, width, generator=generator) / width**0.5)
        readout.bias.zero_()
    parameters = [*module.parameters(), *readout.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, eta_min=1e-4)

    def outputs(n_sequences: int) -> tuple[Tensor, Tensor, Tensor]:
        inputs, targets = flip_flop(n_sequences, length, bits, pulse_rate, generator=generator)
        inputs, targets = inputs.to(device, dtype), targets.to(device, dtype)
        first = inputs if module.batch_first else inputs.transpose(0, 1)
        hidden = module(first)[0]
        return inputs, targets, readout(hidden if module.batch_first else hidden.transpose(0, 1))

    title = f"training {type(module).__name__}-{module.hidden_size}"
    with Progress(title, progress, total=steps, unit="step") as bar:
        for _ in bar.counting(range(steps)):
            _, targets, guesses = outputs(batch)
            loss = (guesses - targets).square().mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            schedule.step()
            bar.note(loss=f"{loss.item():.1e}")
    was_training = module.training
    module.eval()
    with torch.no_grad():
        inputs, targets, guesses = outputs(256)
    module.train(was_training)
    right = (guesses.sign() == targets)[:, 1:].double().mean()
    return TrainedFlipFlop(module, readout, inputs, right.item(), (guesses - targets).square().mean().item())
