"""Blocks that excite themselves: closed forms against the map written out."""

import pytest
import torch
from torch import Tensor

from rnn_dynamics.planting.excitation import Excitation

DOUBLE = torch.float64
GAINS = torch.tensor([1.05, 1.3, 2.0, 2.6, 6.0], dtype=DOUBLE)
KEEPS = torch.tensor([0.0, 0.3, 0.5, 0.9, 0.99], dtype=DOUBLE)


def stepped(block: Excitation, states: Tensor, drives: Tensor, steps: int) -> Tensor:
    for _ in range(steps):
        seen = states.tanh() if block.through_cell else states
        states = block.keeps * states + (1 - block.keeps) * torch.tanh(block.gains * seen + drives)
    return states


def test_the_fold_of_a_known_unit() -> None:
    """x' = tanh(2 x + u) folds at x = sqrt(1/2), u = 0.532839975."""
    block = Excitation(torch.tensor([2.0], dtype=DOUBLE), torch.zeros(1, dtype=DOUBLE))
    assert block.fold_states.tolist() == pytest.approx([0.707106781], abs=1e-9)
    assert block.folds.tolist() == pytest.approx([0.532839975], abs=1e-9)


@pytest.mark.parametrize("through_cell", [False, True])
def test_a_block_keeps_its_state_up_to_the_fold_and_not_beyond(through_cell: bool) -> None:
    block = Excitation(GAINS, KEEPS, through_cell)
    upper = torch.ones_like(GAINS)
    below, above = (stepped(block, upper, -share * block.folds, 60_000) for share in (0.99, 1.01))
    assert (below > 0).all()
    assert torch.allclose(below, block.rests(-0.99 * block.folds), atol=1e-9)
    assert (above < 0).all()


@pytest.mark.parametrize("through_cell", [False, True])
def test_ridges_part_the_starts(through_cell: bool) -> None:
    block = Excitation(GAINS, KEEPS, through_cell)
    drives = torch.tensor([0.2, -0.5, 0.5, -0.9, 0.0], dtype=DOUBLE) * block.folds
    ridges = block.ridges(drives)
    assert (stepped(block, ridges + 1e-3, drives, 60_000) > ridges + 2e-3).all()
    assert (stepped(block, ridges - 1e-3, drives, 60_000) < ridges - 2e-3).all()


@pytest.mark.parametrize("through_cell", [False, True])
def test_a_pulse_flips_a_block_and_a_smaller_one_does_not(through_cell: bool) -> None:
    block = Excitation(GAINS, KEEPS, through_cell)
    drives = torch.tensor([0.2, -0.5, 0.5, -0.9, 0.0], dtype=DOUBLE) * block.folds
    pulses = block.pulses(drives)
    assert pulses.isfinite().tolist() == [True, True, True, False, False]  # slow blocks keep most of their state
    # The easier flip is from the state that the drive is against: upwards where it is positive.
    way = torch.where(drives > 0, 1.0, -1.0)
    rest = -way * block.rests(-way * drives)
    for share, flipped in ((0.999, False), (1.001, True)):
        after = stepped(block, rest, drives + share * way * pulses, 1)
        ends = stepped(block, after, drives, 60_000)
        assert ((way * (ends - block.ridges(drives)) > 0) == flipped)[:3].all()
    assert torch.isinf(pulses[3:]).all()


def test_no_drive_flips_a_block_in_fewer_steps() -> None:
    block = Excitation(GAINS, KEEPS)
    drives = torch.tensor([0.2, -0.5, 0.5, -0.9, 0.0], dtype=DOUBLE) * block.folds
    way = torch.where(drives > 0, 1.0, -1.0)
    rest = -way * block.rests(-way * drives)
    steps = block.flip_steps(drives)
    for index, count in enumerate(steps.tolist()):
        for pushed, flipped in ((count, True), (count - 1, False)):
            state = stepped(block, rest, 1e6 * way, int(pushed))
            assert bool((way * (state - block.ridges(drives)) > 0)[index]) == flipped
    assert steps[0] == 1
    assert steps[4] > 10


@pytest.mark.parametrize("through_cell", [False, True])
def test_multipliers_are_slopes(through_cell: bool) -> None:
    block = Excitation(GAINS, KEEPS, through_cell)
    drives = 0.3 * block.folds
    rests = block.rests(drives)
    slopes = (stepped(block, rests + 1e-6, drives, 1) - stepped(block, rests - 1e-6, drives, 1)) / 2e-6
    assert torch.allclose(block.multipliers(rests), slopes, atol=1e-8)
    assert (block.multipliers(rests) < 1).all()
