"""Shares of basins over a parameter against closed forms."""

import math
import signal
from typing import Any

import pytest
import torch
from problems.maps import held, normal

import rnn_dynamics as rd
from rnn_dynamics.systems import AutonomousMap

DOUBLE = torch.float64
STARTS = torch.linspace(-1, 1, 401, dtype=DOUBLE)[:, None]
FOLD = math.sqrt(2) / 2 * 2 - math.atanh(math.sqrt(2) / 2)
"""Of h = tanh(2 h + b): 2 (1 - h^2) = 1, and b = artanh(h) - 2 h there."""


def bistable() -> rd.DrivenMap:
    """h' = tanh(2 h + b): two attractors between b = -0.5328 and 0.5328."""
    return rd.as_map(lambda h, b: torch.tanh(2 * h + b), 1, 1, box=(-1.0, 1.0))


def unstable_point(b: float) -> float:
    """The fixed point between the two attractors, by bisection of tanh(2 h + b) - h, which rises there."""
    low, high = -math.sqrt(0.5), math.sqrt(0.5)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if math.tanh(2 * middle + b) < middle else (low, middle)
    return low


def test_shares_are_cut_at_the_unstable_point_and_folds_end_them() -> None:
    shares = rd.basin_fractions(bistable().input_family(0), STARTS, (-0.7, 0.7), resolution=8)
    assert shares.count == 2
    for row, b in enumerate(shares.parameters.tolist()):
        lower = (1 + unstable_point(b)) / 2 if abs(b) < FOLD else float(b < 0)
        assert float(shares.fractions[row, 0]) == pytest.approx(lower, abs=1 / 200), b
        low, high = shares.fraction_intervals()[row, 0].tolist()
        assert low <= lower + 1e-9
        assert lower - 1e-9 <= high
    births = [event for event in shares.events if event.kind == "birth"]
    deaths = [event for event in shares.events if event.kind == "death"]
    assert [(event.identity, event.how) for event in births + deaths] == [(1, "fold"), (0, "fold")]
    assert births[0].at == pytest.approx(-FOLD, abs=1e-7)
    assert deaths[0].at == pytest.approx(FOLD, abs=1e-7)
    assert torch.equal(shares.alive[:, 0], shares.parameters < FOLD)
    assert torch.equal(shares.alive[:, 1], shares.parameters > -FOLD)


def test_identities_are_the_same_backwards() -> None:
    up = rd.basin_fractions(bistable().input_family(0), STARTS[::8], [-0.3, 0.0, 0.3])
    down = rd.basin_fractions(bistable().input_family(0), STARTS[::8], [0.3, 0.0, -0.3])
    assert torch.equal(up.hits, down.hits.flip(0))
    assert up.path(0)[0] < 0 < up.path(1)[0]


def test_an_attractor_that_no_start_reaches_goes_along() -> None:
    starts = torch.linspace(-0.35, 0.95, 14, dtype=DOUBLE)[:, None]  # the unstable point falls from 0 to -0.58
    shares = rd.basin_fractions(bistable().input_family(0), starts, (0.0, 0.5), resolution=2)
    assert shares.hits[0].tolist() == [4, 10]
    assert bool(shares.alive[1].all())
    assert shares.hits[1].tolist() == [0, 14]


def test_a_flip_and_what_runs_away() -> None:
    def logistic(r: float) -> AutonomousMap:
        return held(lambda h: r * h * (1 - h), 1)

    starts = torch.linspace(-0.9, 0.9, 10, dtype=DOUBLE)[:, None]
    shares = rd.basin_fractions(logistic, starts, (2.9, 3.1), resolution=2)
    assert shares.diverged.tolist() == [5, 5]
    assert shares.hits.tolist() == [[5, 0], [0, 5]]
    assert {(event.kind, event.how) for event in shares.events} == {("birth", "flip"), ("unstable", "flip")}
    assert [event.at for event in shares.events] == pytest.approx([3, 3], abs=1e-6)
    table = shares.to_pandas()
    assert table.groupby("parameter")["share"].sum().tolist() == pytest.approx([1, 1])


def test_chaos_is_matched() -> None:
    def logistic(r: float) -> AutonomousMap:
        return held(lambda h: r * h * (1 - h), 1)

    starts = torch.linspace(0.1, 0.9, 4, dtype=DOUBLE)[:, None]
    shares = rd.basin_fractions(logistic, starts, (3.9, 3.905), resolution=2)
    assert [one.kinds for one in shares.sets] == [("chaotic",), ("chaotic",)]
    assert shares.count == 1


def test_a_driving_sequence_erases_a_memory() -> None:
    family = rd.driving(bistable(), [[1.0], [0.0]])
    shares = rd.basin_fractions(family, STARTS[::20], [0.0, 0.5, 2.0])
    assert shares.alive.tolist() == [[True, True], [True, True], [False, True]]
    (death,) = [event for event in shares.events if event.kind == "death"]
    system = family(death.at)
    state = shares.path(0)[1]
    before, after = family(death.at - 1e-4), family(death.at + 1e-4)
    assert float(before.iterate(state, 4000)) < 0 < float(after.iterate(state, 4000))
    assert system.state_size == 1


def test_one_turn_is_differentiated() -> None:
    system = rd.driving(bistable(), [[1.0], [-0.5], [0.2]])(0.7)
    state, step = torch.tensor([[0.3]], dtype=DOUBLE), 1e-6
    slope = (system(state + step) - system(state - step)) / (2 * step)
    assert float(system.jacobian(state)) == pytest.approx(float(slope), rel=1e-7)
    assert float(system.box.upper) == 1


def test_a_training_is_a_family() -> None:
    with torch.random.fork_rng():
        networks = [torch.nn.RNN(1, 1, bias=False) for _ in range(3)]
    for network, weight in zip(networks, (0.5, 1.5, 2.5), strict=True):
        torch.nn.init.constant_(network.weight_hh_l0, weight)
    family = rd.through(list(zip((0, 10, 30), networks, strict=True)))
    state = torch.tensor([[0.3]], dtype=DOUBLE)
    assert float(family(20.0)(state)) == pytest.approx(math.tanh(2.0 * 0.3))
    assert float(family.derivative(state, 20.0)) == pytest.approx(0.05 * 0.3 / math.cosh(0.6) ** 2)
    shares = rd.basin_fractions(family, normal(16, 1), family.steps)
    assert shares.alive.sum(dim=1).tolist() == [1, 2, 2]
    births = [event.at for event in shares.events if event.kind == "birth"]
    assert births == pytest.approx([5.0, 5.0], abs=1e-6)


def test_ctrl_c_keeps_what_is_done() -> None:
    calls: list[float] = []

    def family(p: float) -> AutonomousMap:
        if p > 0.5:
            signal.raise_signal(signal.SIGINT)
        calls.append(p)
        return bistable().hold([p])

    shares = rd.basin_fractions(family, STARTS[::40], [-0.2, 0.0, 0.2, 0.6, 0.8])
    assert shares.interrupted
    assert shares.parameters.tolist() == [-0.2, 0.0, 0.2]
    assert shares.fractions.shape == (3, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"span": [0.0]}, "span must be two or more finite numbers"),
        ({"span": [0.0, 1.0, 0.5]}, "span must rise or fall"),
        ({"resolution": 1}, "resolution must be 2 or more, got 1"),
        ({"starts": torch.zeros(3, 2)}, "starts must have shape"),
        ({"family": lambda p: p}, "must be an autonomous map"),
    ],
)
def test_bad_input(options: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"family": bistable().input_family(0), "starts": STARTS, "span": (-1, 1)}
    with pytest.raises(ValueError, match=message):
        rd.basin_fractions(**good | options)


def test_bad_families() -> None:
    with pytest.raises(ValueError, match="sequence must not be zero"):
        rd.driving(bistable(), [[0.0]])
    with pytest.raises(ValueError, match=r"sequence must have shape \[time, 1\]"):
        rd.driving(bistable(), [[0.0, 1.0]])
    with pytest.raises(ValueError, match="checkpoints must be two or more, with steps that rise"):
        rd.through([(1, bistable()), (0, bistable())])
