"""Networks as the field writes them: each is recognised, is what it is, and has the fixed points it should."""

import numpy as np
import pytest
import scipy.optimize
import torch
from problems.field import FIELD, M, Written

import rnn_dynamics as rd

HELD = [0.3, -0.2]


def _made(make) -> Written:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return make()


@pytest.fixture(params=FIELD, ids=lambda make: make.__name__, scope="module")
def written(request) -> Written:
    return _made(request.param)


@pytest.fixture(scope="module")
def network(written):
    return rd.as_map(written.module, **written.options)


def test_it_is_the_step_that_is_written(written, network) -> None:
    assert (network.state_size, network.input_size) == (written.state_size, M)
    generator = torch.Generator().manual_seed(2)
    states = torch.randn(20, written.state_size, generator=generator, dtype=torch.float64)
    system = network.hold(HELD)
    expected = written.step(states.numpy(), np.asarray(HELD))
    assert np.allclose(system(states).numpy(), expected, atol=1e-12, rtol=1e-12)


def test_its_fixed_points_are_those_of_numpy(written, network) -> None:
    system = network.hold(HELD)
    generator = torch.Generator().manual_seed(3)
    starts = 2 * torch.randn(100, written.state_size, generator=generator, dtype=torch.float64)
    points = rd.find_fixed_points(system, starts)

    def speed(h):
        return written.step(h, np.asarray(HELD)) - h

    roots = [scipy.optimize.root(speed, start, tol=1e-12) for start in starts.numpy()]
    # Far out, where gates are shut but for rounding, everything looks like a root.
    found = [root.x for root in roots if np.abs(speed(root.x)).max() < 1e-9 and np.abs(root.x).max() < 10]
    for root in found:
        assert np.abs(points.states.numpy() - root).max(axis=1).min() < 1e-6
    assert len(points)
    for state in points.states.numpy():
        assert np.abs(speed(state)).max() < 1e-7
    # Where plain steps end is among the stable ones.
    states = starts.numpy()
    for _ in range(3000):
        states = written.step(states, np.asarray(HELD))
    resting = states[np.abs(written.step(states, np.asarray(HELD)) - states).max(axis=1) < 1e-12]
    stable = points.states.numpy()[points.stable.numpy()]
    for state in resting:
        assert np.abs(stable - state).max(axis=1).min() < 1e-5
