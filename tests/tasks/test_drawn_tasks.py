"""The drawn tasks: every definition against a plain reading of the sequences."""

import numpy as np
import pytest
import torch
from scipy import stats

from rnn_dynamics.tasks import (
    CopyFirstInput,
    Denoising,
    FlipFlop,
    flip_flop,
)

# Copy first input.


@pytest.mark.parametrize("length", [1, 50, (3, 50)])
def test_copy_asks_for_the_first_input(length) -> None:
    task = CopyFirstInput(200, length, seed=0)
    assert all(target[-1] == input[0] for input, target in task)
    assert all(not target[:-1].any() for _, target in task)
    assert task.asked == 1


def test_copy_inputs_are_normal() -> None:
    inputs = CopyFirstInput(2_000, 5, seed=0).inputs
    assert stats.kstest(inputs.flatten().numpy(), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(inputs[:, :, 0].T) - np.eye(5)).max() < 0.1


# Denoising.


@pytest.mark.parametrize("marks", [1, 3, 5])
@pytest.mark.parametrize("length", [20, (20, 33)])
@pytest.mark.parametrize("pad", range(11))
def test_denoising_decodes(pad: int, length, marks: int) -> None:
    """Read the sequence as a solver would: note values under a mark, speak from the cue on."""
    task = Denoising(100, length, pad, marks=marks, seed=pad)
    assert task.asked == marks
    for input, target in task:
        noted, spoken = [], []
        cued_at = None
        for time, (value, mark) in enumerate(input.tolist()):
            assert mark in (0, 1, -1)
            if mark == 1:
                assert cued_at is None
                assert time < len(input) - pad
                noted.append(value)
            if mark == -1:
                assert cued_at is None
                cued_at = time
            if cued_at is not None:
                assert value == 0
                spoken.append(noted[time - cued_at])
        assert cued_at == len(input) - marks
        assert len(noted) == marks
        assert target[cued_at:, 0].tolist() == spoken
        assert input[:cued_at, 0].all()  # there is noise everywhere before the cue


@pytest.mark.parametrize(("pad", "places"), [(0, 15), (4, 15), (5, 15), (6, 14), (10, 10), (15, 5)])
def test_denoising_marks_every_place_alike(pad: int, places: int) -> None:
    marks = Denoising(20_000, 20, pad, seed=0).inputs[..., 1] == 1
    share = marks.double().mean(dim=0)
    assert (share[:places] > 0).all()
    assert not share[places:].any()
    counts = marks.sum(dim=0)[:places]
    # Places within a sequence exclude each other, so counts vary less than independent draws by (K - k) / (K - 1).
    if places > 5:
        chi = ((counts - counts.double().mean()).square() / counts.double().mean()).sum() * (places - 1) / (places - 5)
        assert stats.chi2.sf(chi.item(), places - 1) > 1e-3


def test_denoising_marks_every_pair_alike() -> None:
    marks = Denoising(20_000, 7, 0, marks=2, seed=1).inputs[..., 1] == 1
    counts = (marks[:, :5].long() @ (2 ** torch.arange(5))).bincount()
    counts = counts[counts > 0]
    assert len(counts) == 10
    assert stats.chisquare(counts).pvalue > 1e-3


def test_denoising_takes_the_shortest_that_fits() -> None:
    task = Denoising(3, 10, 5, seed=0)
    assert (task.inputs[:, :5, 1] == 1).all()
    assert torch.equal(task.targets[:, 5:, 0], task.inputs[:, :5, 0])


# Flip-flop.


@pytest.mark.parametrize("length", [40, (5, 40)])
def test_flip_flop_remembers_the_last_pulse(length) -> None:
    task = FlipFlop(50, length, bits=2, seed=0)
    for input, target in task:
        memory = [0.0, 0.0]
        for pulses, answer in zip(input.tolist(), target.tolist(), strict=True):
            memory = [pulse or held for pulse, held in zip(pulses, memory, strict=True)]
            assert answer == memory


def test_flip_flop_is_the_function() -> None:
    inputs, targets = flip_flop(9, 20, 2, 0.3, generator=torch.Generator().manual_seed(3))
    task = FlipFlop(9, 20, 2, 0.3, seed=3)
    assert torch.equal(task.inputs, inputs)
    assert torch.equal(task.targets, targets)
    assert inputs.abs().sum() == 128  # the stream that trained networks rely on
