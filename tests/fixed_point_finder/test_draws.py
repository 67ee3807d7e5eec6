"""Starts drawn from trajectories."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rnn_dynamics.fixed_point_finder import FixedPointFinder

BATCH, TIME, UNITS = 5, 7, 3
STATES = np.arange(BATCH * TIME * UNITS, dtype=float).reshape(BATCH, TIME, UNITS)
INPUTS = STATES[:, :, :2] + 0.5


def _finder(seed: int = 0) -> FixedPointFinder:
    with torch.random.fork_rng():
        return FixedPointFinder(nn.GRU(2, UNITS), random_seed=seed)


def _rows(states: np.ndarray) -> list[int]:
    """Which states of the trajectories these are."""
    return [int(np.flatnonzero((STATES.reshape(-1, UNITS) == state).all(axis=1))[0]) for state in states]


def test_states_are_those_of_the_trajectories_drawn_with_replacement() -> None:
    drawn = _finder().sample_states(STATES, 500)
    assert drawn.shape == (500, UNITS)
    assert set(_rows(drawn)) == set(range(BATCH * TIME))


def test_the_same_seed_draws_what_it_drew_there() -> None:
    """NumPy's legacy generator: indices first, then noise."""
    generator = np.random.RandomState(3)
    rows = generator.randint(BATCH * TIME, size=20)
    expected = STATES.reshape(-1, UNITS)[rows] + 0.5 * generator.randn(20, UNITS)
    np.testing.assert_array_equal(_finder(3).sample_states(STATES, 20, noise_scale=0.5), expected)


def test_draws_go_on_from_one_another() -> None:
    finder = _finder()
    assert not np.array_equal(finder.sample_states(STATES, 20), finder.sample_states(STATES, 20))


def test_inputs_come_with_their_states_and_without_noise() -> None:
    inputs, states = _finder().sample_inputs_and_states(INPUTS, STATES, 50)
    np.testing.assert_array_equal(inputs, states[:, :2] + 0.5)
    noisy_inputs, noisy = _finder().sample_inputs_and_states(INPUTS, STATES, 50, noise_scale=0.1)
    np.testing.assert_array_equal(noisy_inputs, inputs)
    assert 0.05 < (noisy - states).std() < 0.2


def test_only_what_is_valid_is_drawn() -> None:
    valid = np.zeros((BATCH, TIME), dtype=int)
    valid[2, 3] = valid[4, 6] = 1
    assert set(_rows(_finder().sample_states(STATES, 50, valid_bxt=valid))) == {2 * TIME + 3, 4 * TIME + 6}
    inputs, states = _finder().sample_inputs_and_states(INPUTS, STATES, 50, valid_bxt=valid.astype(bool))
    assert set(_rows(states)) == {2 * TIME + 3, 4 * TIME + 6}
    np.testing.assert_array_equal(inputs, states[:, :2] + 0.5)


@pytest.mark.parametrize("states", [(STATES, -STATES), SimpleNamespace(c=-STATES, h=STATES)], ids=["pair", "named"])
def test_states_of_an_lstm_lie_side_by_side(states: Any) -> None:
    drawn = _finder().sample_states(states, 10)
    np.testing.assert_array_equal(drawn[:, :UNITS], -drawn[:, UNITS:])
    assert (drawn[:, :UNITS] >= 0).all()


def test_tensors_are_taken() -> None:
    np.testing.assert_array_equal(
        _finder().sample_states(torch.from_numpy(STATES), 5), _finder().sample_states(STATES, 5)
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"state_traj": STATES[0]}, r"state_traj must have shape \[batch, time, n\], got \[7, 3\]"),
        ({"state_traj": np.full_like(STATES, np.nan)}, "state_traj must be finite"),
        ({"n_inits": 0}, "n_inits must be"),
        ({"noise_scale": -0.1}, "noise_scale must be 0 or positive"),
        ({"noise_scale": float("nan")}, "noise_scale must be a finite number"),
        ({"valid_bxt": np.ones((TIME, BATCH))}, r"valid_bxt must have shape \[5, 7\], got \[7, 5\]"),
        ({"valid_bxt": np.zeros((BATCH, TIME))}, "valid_bxt must leave at least one"),
    ],
)
def test_what_cannot_be_drawn_from_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        _finder().sample_states(**{"state_traj": STATES, "n_inits": 5} | options)


def test_inputs_of_other_trajectories_are_refused() -> None:
    with pytest.raises(ValueError, match=r"inputs must have the batch and time of state_traj, \[5, 7\], got \[5, 6\]"):
        _finder().sample_inputs_and_states(INPUTS[:, :6], STATES, 5)


def test_a_mask_of_the_wrong_shape_is_the_assertion_that_it_was_too() -> None:
    with pytest.raises(AssertionError):
        _finder().sample_states(STATES, 5, valid_bxt=np.ones((1, 1)))
