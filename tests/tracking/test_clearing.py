"""Stretches between two looks on which nothing happened are cleared by looking at some of the known weights."""

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from problems.networks import tanh_network
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.families import named_weights
from rnn_dynamics.tracking import AttractorTracker, route
from rnn_dynamics.tracking.clearing import in_doubt
from rnn_dynamics.tracking.invariant_sets import sets_of_points, table
from rnn_dynamics.tracking.legs import Leg, Stage
from rnn_dynamics.tracking.passages import followed_forward, passage_between
from rnn_dynamics.tracking.weight_path import WeightPath

pytestmark = pytest.mark.usefixtures("forked")


@pytest.fixture
def forked() -> Iterator[None]:
    """What is behind the doors may move the global random state."""
    with torch.random.fork_rng():
        yield


SEQUENCES = torch.randn(40, 10, 1, generator=torch.Generator().manual_seed(0))
EFFORT = rd.Effort(n=8, horizon=50, searched=64)


def walk(spec: str, seed: int, count: int, drift: float, jitter: float) -> list[nn.Module]:
    """Weights that drift slowly and jitter, as those of a training do."""
    generator = torch.Generator().manual_seed(seed)
    module = module_from_spec(spec, 1, seed)
    with torch.no_grad():
        module.weight_hh_l0.mul_(3.0)
    along = [drift * torch.randn(weight.shape, generator=generator) for weight in module.parameters()]
    modules = []
    for _ in range(count):
        modules.append(copy.deepcopy(module))
        with torch.no_grad():
            for weight, step in zip(module.parameters(), along, strict=True):
                weight.add_(step + jitter * torch.randn(weight.shape, generator=generator))
    return modules


def leg_of(modules: list[nn.Module]) -> tuple[WeightPath, Leg]:
    """All weights as one leg, followed along the straight line from the first to the last."""
    networks = [rd.as_map(module).frozen(torch.float64) for module in modules]
    held = torch.zeros(1, dtype=torch.float64)
    first, last = (
        sets_of_points(
            rd.find_fixed_points(network.hold(held), torch.randn(64, network.state_size, dtype=torch.float64))
        )
        for network in (networks[0], networks[-1])
    )
    ahead = followed_forward(networks[0], networks[-1], held, table(first))
    assert ahead is not None
    rows, passage = passage_between(ahead, networks[-1].hold(held), last)
    between = [(step, [*named_weights(network, "network")[0].values()]) for step, network in enumerate(networks)][1:-1]
    path = WeightPath((0, networks[0]), between, (len(modules) - 1, networks[-1]), held)
    leg = Leg(Stage(0, [], ahead.sets), Stage(len(modules) - 1, rows), forward=ahead.runs, passage=passage)
    return path, leg


def counts_by_force(path: WeightPath, leg: Leg) -> list[list[int]]:
    """How many multipliers of each set are beyond the circle at every corner, each moved on from the one before."""
    states, counts = leg.first.sets.states, []
    for corner in range(leg.first.at, leg.last.at + 1):
        system = path.system(corner)
        for _ in range(20):
            images, linearization = system.linearize(states)
            states = states + linearization.solve(states - images)
        assert float((system(states) - states).abs().max()) < 1e-10
        counts.append((system.linearize(states)[1].eigenvalues().abs() > 1).sum(dim=1).tolist())
    return counts


@pytest.mark.parametrize("spec", ["RNN-6", "GRU-6", "LSTM-4"])
def test_what_is_cleared_is_quiet_at_all_weights(spec: str) -> None:
    cleared = 0
    for seed in range(8):
        path, leg = leg_of(walk(spec, seed, 24, 2e-3, 4e-3))
        if leg.told.quiet:
            counts = counts_by_force(path, leg)
            changes = [corner for corner in range(1, 24) if counts[corner] != counts[corner - 1]]
            doubt = in_doubt(path, leg, 20.0 * leg.told.moved / path.straight(0, 23))
            assert doubt in changes if changes else doubt is None
            cleared += doubt is None
    assert cleared >= 3


def test_a_jittery_stretch_on_which_nothing_happens_is_not_followed_update_by_update(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, calls = route.runs_along, []

    def counted(*given: Any, **options: Any) -> Any:
        calls.append(given)
        return real(*given, **options)

    monkeypatch.setattr(route, "runs_along", counted)
    tracker = AttractorTracker(SEQUENCES, hold=[0.0], every=120, budget=None, effort=EFFORT, time_limit=None)
    for step, module in enumerate(walk("GRU-6", 0, 121, 1e-3, 4e-3)):
        tracker.observe(step, module)
    assert tracker.history.resolutions[1:].tolist() == [1.0]
    assert tracker.history.identities.events == ()
    assert len(calls) <= 24  # forward and back along each leg; of 120 updates there would be 240


@pytest.mark.parametrize("count", [31, 61])
def test_a_multiplier_that_crosses_the_circle_and_returns_is_met_at_its_updates(count: int) -> None:
    """h' = tanh(-g h) flips at g = 1, and back, while another weight never comes to where it was."""
    gains = [0.9 + 0.15 * math.sin(math.pi * k / (count - 1)) ** 2 for k in range(count)]
    flips = [step for step in range(1, count) if (gains[step] > 1) != (gains[step - 1] > 1)]
    assert len(flips) == 2

    def module(k: int) -> nn.RNN:
        weights = [[-gains[k], 0.0], [0.0, 0.3 + 0.1 * k / count]]
        return tanh_network(weights, [0.0, 0.0])

    path, leg = leg_of([module(k) for k in range(count)])
    assert leg.told.quiet
    assert in_doubt(path, leg, 2.0) in flips
    tracker = AttractorTracker(SEQUENCES, hold=[0.0], every=count - 1, budget=None, effort=EFFORT, time_limit=None)
    for step in range(count):
        tracker.observe(step, module(step))
    events = sorted((e.step, e.kind, e.how, e.before) for e in tracker.history.identities.events)
    up, down = flips
    assert events == [
        (up, "unstable", "flip", up - 1),
        (down, "stable", "flip", down - 1),
    ]
