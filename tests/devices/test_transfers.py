"""How often an analysis waits for the device: not once more for more steps, more starts or longer sequences.

What waits by design does so once a pause, an iteration of Newton's method, or an update, which is asserted as a rate.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from elsewhere.calls import SETTLE, model, module, network, plane, sequences, starts, turning
from elsewhere.pretended import NAME, PretendedDevice
from problems.maps import normal
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.attractors.settling.starts import Limits, Rows
from rnn_dynamics.tasks import FlipFlop

SOLVERS = (rd.Newton(), rd.NewtonKrylov(), rd.SpeedMinimizer())


def waits(call: Callable[[int], Any], size: int) -> int:
    with PretendedDevice() as device:
        call(size)
    return device.transfers


def growth(call: Callable[[int], Any], few: int, many: int) -> int:
    return waits(call, many) - waits(call, few)


def no_more(call: Callable[[int], Any], few: int, many: int) -> None:
    """A failure names the lines that wait more often."""
    counted = []
    for size in (few, many):
        with PretendedDevice() as device:
            call(size)
        counted.append(device.places)
    assert dict(counted[1] - counted[0]) == {}


def far(k: int) -> torch.Tensor:
    return starts(NAME).repeat(k, 1)


def test_steps_of_a_map() -> None:
    no_more(lambda steps: network(NAME).hold().iterate(starts(NAME), steps), 5, 50)
    no_more(lambda steps: network(NAME).run(normal(4, steps, 1).to(NAME)), 5, 50)


def test_sampled_states_and_the_lengths_of_their_sequences() -> None:
    no_more(lambda n: rd.sample_states(network(NAME), sequences(NAME), n, noise=0.1), 20, 400)
    no_more(lambda time: rd.sample_states(network(NAME), normal(8, time, 1).to(NAME), 50), 6, 60)


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: type(solver).__name__)
def test_starts_of_a_search(solver: Any) -> None:
    no_more(lambda k: rd.find_fixed_points(network(NAME).hold(), far(k), solver=solver, extra_starts=0), 1, 20)


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: type(solver).__name__)
def test_iterations_of_a_search(solver: Any) -> None:
    """A look at what is left each iteration, and each halving of a step; GMRES looks after every fourth direction."""
    more = growth(lambda most: solver.solve(network(NAME).hold(), far(1), max_steps=most), 2, 6)
    assert 0 < more <= 5 * 4


def test_starts_that_settle() -> None:
    """On the fixed points of four of them, and on a circle: but for the choice of a few that are far apart."""
    chosen = 8
    assert growth(lambda k: rd.find_attractors(network(NAME).hold(), far(k), settle=SETTLE), 1, 20) <= chosen
    assert growth(lambda k: rd.find_attractors(turning(NAME), plane(NAME).repeat(k, 1), settle=SETTLE), 1, 8) <= chosen


def test_steps_of_settling_between_two_pauses() -> None:
    def moved(steps: int) -> None:
        system, units = network(NAME).hold(), torch.ones(3, device=NAME).double()
        Rows(starts(NAME), Limits(rd.Settle(), 2**29, 0, units, system.box)).advance(system, steps)

    no_more(moved, 32, 512)


def test_steps_and_orbits_of_exponents() -> None:
    def followed(steps: int, k: int = 2) -> None:
        rd.lyapunov_spectrum(network(NAME).hold(), starts(NAME, k), steps=steps, transient=steps)

    no_more(followed, 20, 200)
    no_more(lambda k: followed(20, k), 2, 40)
    no_more(lambda time: rd.finite_time_exponents(network(NAME), normal(4, time, 1).to(NAME)), 10, 80)


def test_steps_of_the_published_measure() -> None:
    """One look every 32 steps whether anything still moves."""

    def measured(horizon: int) -> None:
        rd.reachability(network(NAME), sequences(NAME), [0.0], n=8, horizons=(0, horizon), settle=SETTLE)

    assert growth(measured, 32, 32 * 5) <= 4


def _warmed(updates: int = 2, batch: int = 4, time: int = 6, ahead: int = 5) -> None:
    horizon = rd.Horizon(start=ahead, growth=0, longest=ahead, random=False)
    rd.warm_up(module(NAME, nn.GRU), normal(8, time, 1).to(NAME), updates, batch_size=batch, horizon=horizon)


def test_warmup() -> None:
    no_more(lambda ahead: _warmed(ahead=ahead), 5, 50)
    no_more(lambda time: _warmed(time=time), 6, 50)
    no_more(lambda batch: _warmed(batch=batch), 2, 8)
    assert growth(lambda updates: _warmed(updates), 2, 10) == 8  # all numbers of an update together


def _trained(n: int = 8, time: int = 6, members: int = 1) -> None:
    settings = rd.TrainSettings(epochs=1, batch_size=4, clip_norm=1.0)
    task, validation = FlipFlop(n, time, bits=1, seed=0), FlipFlop(4, time, bits=1, seed=1)
    models = [model(NAME, seed) for seed in range(members)]
    if members > 1:
        rd.train_ensemble(models, task, settings=settings, validation=validation)
    else:
        rd.train(models[0], task, settings=settings, validation=validation)


def test_training() -> None:
    no_more(lambda time: _trained(time=time), 6, 40)
    assert growth(lambda n: _trained(n), 8, 40) == 8  # the losses and norms of an update together
    assert growth(lambda n: _trained(n, members=3), 8, 40) == 8
    assert growth(lambda members: _trained(members=members), 2, 6) == 4  # a member's score, once an epoch


def test_a_wait_in_a_loop_is_seen() -> None:
    def looking(steps: int) -> None:
        states = starts(NAME)
        for _ in range(steps):
            states = states.tanh() if bool(states.isfinite().all()) else states

    assert growth(looking, 5, 50) == 45
