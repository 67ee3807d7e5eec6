"""A recurrent module trained on the flip-flop task: the demo's network and the tests' test bed."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..tasks import FlipFlop
from .members import in_mode
from .model import SequenceModel
from .trainer import train

_BATCH, _EPOCH = 64, 100
"""Sequences in an update, and updates in an epoch."""

_PULSES, _HELD_OUT = 0.1, 256


@dataclass(frozen=True)
class TrainedFlipFlop:
    """A trained module, its readout, and how well they do on sequences never seen."""

    module: nn.RNNBase
    readout: nn.Linear
    test_inputs: Tensor  # [n, time, bits]
    accuracy: float  # share of outputs of the right sign after each sequence's first step
    mean_squared_error: float


def train_flip_flop(
    module: nn.RNNBase, *, seed: int = 0, steps: int = 1500, length: int = 60, progress: bool | None = None
) -> TrainedFlipFlop:
    """Train ``module``, in place and by ``train``, to hold as many bits as it has inputs.

    Adam at 1e-2, gradient norm clipped at 1, batches of 64, the weights of the best of all epochs. The module's own
    initial weights are the caller's; the readout and the data follow ``seed``.

    Args:
        module: an RNN, GRU or LSTM whose ``input_size`` is the number of bits.
        steps: updates, in epochs of 100: hundreds are whole.
        length: of the sequences.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.
    """
    generator, updates = torch.Generator().manual_seed(seed), min(steps, _EPOCH)
    data, validation, test = (
        FlipFlop(n, length, module.input_size, _PULSES, seed=generator)
        for n in (updates * _BATCH, _HELD_OUT, _HELD_OUT)
    )
    model = SequenceModel(module, module.input_size, seed=generator)
    train(
        model,
        data,
        validation=validation,
        epochs=round(steps / updates),
        batch_size=_BATCH,
        lr=1e-2,
        clip_norm=1.0,
        seed=seed,
        progress=progress,
    )
    weight = model.readout.weight
    with torch.no_grad(), in_mode(model, training=False):
        guesses = model(test.inputs.to(weight)).cpu()
    right = (guesses.sign() == test.targets)[:, 1:].double().mean()
    error = (guesses - test.targets).square().mean()
    return TrainedFlipFlop(module, model.readout, test.inputs.to(weight), right.item(), error.item())
