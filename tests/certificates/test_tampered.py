"""What is not there is never certified: points moved, slow points, false periods, false claims of stability."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from problems.maps import held, normal
from problems.roots import ALL, Problem, henon
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.certificates import Obstacle

SMALL = [problem for problem in ALL if problem.points.shape[1] <= 5]


def reasons(proof: rd.Certificates) -> set[Obstacle]:
    return {Obstacle(code) for code in proof.reasons.tolist()}


@cache
def points_of(name: str, gain: float) -> tuple[Problem, rd.FixedPoints]:
    problem = next(one for one in SMALL if (one.name, float(one.points.abs().sum())) == (name, gain))
    return problem, rd.find_fixed_points(problem.system, problem.starts(), extra_starts=128)


EACH = [(problem.name, float(problem.points.abs().sum())) for problem in SMALL]


@pytest.mark.parametrize("which", EACH, ids=lambda which: which[0])
def test_a_point_moved_by_a_thousandth_is_not_proved(which: tuple[str, float]) -> None:
    problem, points = points_of(*which)
    directions = normal(len(points), points.states.shape[1], seed=1)
    size = torch.maximum(points.states.abs(), torch.ones(1))
    moved = points.states + 1e-3 * size * directions / directions.norm(dim=1, keepdim=True)
    proof = rd.certify(problem.system, moved)
    assert not proof.proved.any()
    assert reasons(proof) <= {Obstacle.MOVED, Obstacle.NOT_ENCLOSED}
    assert proof.count == 0
    assert (proof.radii == 0).all()
    assert proof.errors[0].isinf().all()


@pytest.mark.parametrize("which", EACH, ids=lambda which: which[0])
def test_stable_claimed_unstable_and_unstable_claimed_stable_are_contradicted(which: tuple[str, float]) -> None:
    problem, points = points_of(*which)
    turned = tuple("saddle" if kind.startswith("stable") else "stable node" for kind in points.kinds)
    proof = rd.certify(problem.system, replace(points, kinds=turned))
    assert not proof.proved.any()
    assert reasons(proof) == {Obstacle.CONTRADICTED}
    assert not proof.attracting.any()


@pytest.mark.parametrize("which", EACH, ids=lambda which: which[0])
@pytest.mark.parametrize("period", [2, 3])
def test_a_fixed_point_is_no_cycle(which: tuple[str, float], period: int) -> None:
    problem, points = points_of(*which)
    if bool((points.spectral_radii == 1).any()):
        return
    cycles = rd.find_cycles(held(henon, 2), 2, 0.5 * normal(200, 2))
    n = len(points)
    false = replace(
        cycles,
        period=period,
        orbits=points.states.unsqueeze(1).repeat(1, period, 1),
        residuals=torch.zeros(n),
        multipliers=points.eigenvalues,
        kinds=("marginal node",) * n,
    )
    proof = rd.certify(problem.system, false)
    assert not proof.proved.any()
    assert reasons(proof) <= {Obstacle.PERIOD, Obstacle.SINGULAR}
    assert proof.count == 0


@pytest.mark.parametrize("period", [4, 6, 8])
def test_a_cycle_repeated_is_no_longer_cycle(period: int) -> None:
    found = rd.find_cycles(held(henon, 2), 2, 0.5 * normal(500, 2))
    false = replace(found, period=period, orbits=found.orbits.repeat(1, period // 2, 1))
    proof = rd.certify(held(henon, 2), false)
    assert reasons(proof) == {Obstacle.PERIOD}


@pytest.mark.parametrize("seed", range(20))
def test_a_slow_point_is_not_proved(seed: int) -> None:
    """Ghosts of n coordinates: no fixed point anywhere, and a residual of 1e-9 at the minimum of the speed."""
    n = 1 + seed % 4
    mixing = torch.linalg.qr(normal(n, n, seed=seed))[0]

    def step(h: Tensor) -> Tensor:
        y = h @ mixing
        first = y[..., :1] + 1e-9 + y[..., :1] ** 2
        return torch.cat([first, 0.5 * y[..., 1:]], dim=-1) @ mixing.T

    system = held(step, n)
    slow = torch.zeros(1, n, dtype=torch.float64)
    assert float((system(slow) - slow).norm()) <= 1.0001e-9
    proof = rd.certify(system, slow)
    assert not proof.proved.any()
    assert reasons(proof) <= {Obstacle.SINGULAR, Obstacle.NOT_ENCLOSED}


@pytest.mark.parametrize("seed", range(20))
def test_a_slow_point_near_a_pair_is_not_taken_for_either(seed: int) -> None:
    """Between two fixed points 2e-4 apart the residual is 1e-8; it is neither of them."""
    scale = 1 + seed / 7
    system = held(lambda h: h + scale * (h**2 - 1e-8), 1)
    assert float((system(torch.zeros(1, 1).double())).abs().max()) < 1e-7
    proof = rd.certify(system, torch.zeros(1, 1, dtype=torch.float64))
    assert not proof.proved.any()
    there = rd.certify(system, torch.tensor([[1e-4], [-1e-4]], dtype=torch.float64))
    assert there.proved.all()
    assert there.count == 2
    assert there.stability == ("unstable", "stable")


@pytest.mark.parametrize("seed", range(30))
def test_random_states_of_networks_are_not_proved(seed: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = rd.as_map(nn.GRU(1, 4) if seed % 2 else nn.RNN(1, 6))
    system = network.hold()
    states = torch.tanh(normal(3, network.state_size, seed=seed))
    proof = rd.certify(system, states)
    assert not proof.proved.any()


def test_a_degenerate_point_is_singular() -> None:
    """Tanh(x) has a triple zero of x - tanh x at 0; a continuum has a zero direction everywhere."""
    proof = rd.certify(held(torch.tanh, 1), torch.zeros(1, 1, dtype=torch.float64))
    assert reasons(proof) == {Obstacle.SINGULAR}
    line = held(lambda h: torch.stack([h[..., 0], 0.5 * h[..., 1]], dim=-1), 2)
    proof = rd.certify(line, torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.float64))
    assert reasons(proof) == {Obstacle.SINGULAR}


def test_the_same_point_twice_counts_once() -> None:
    problem = next(one for one in SMALL if one.name == "roll")
    points = rd.find_fixed_points(problem.system, problem.starts(), extra_starts=128)
    states = torch.cat([points.states, points.states + 1e-9])
    proof = rd.certify(problem.system, states)
    assert proof.reasons.tolist() == [Obstacle.NONE] * 3 + [Obstacle.TWICE] * 3
    assert proof.count == 3
    assert proof.distinct.tolist() == [True] * 3 + [False] * 3
