"""None elsewhere: all fixed points of small maps, proved to be all; what is not known to be so is said."""

import math
from pathlib import Path

import pytest
import torch
from problems.maps import held, normal
from torch import Tensor, nn

import rnn_dynamics as rd

ROOT = 0.95750402407726874
"""Tanh(2 x) = x."""


def uncoupled(n: int) -> rd.AutonomousMap:
    return held(lambda h: torch.tanh(2 * h), n)


def random_tanh(n: int, seed: int) -> rd.AutonomousMap:
    weight, bias = 2.5 * normal(n, n, seed=seed) / math.sqrt(n), 0.3 * normal(n, seed=seed + 100)
    return held(lambda h: torch.tanh(h @ weight.mT + bias), n)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_uncoupled_units_have_three_to_the_n(n: int) -> None:
    census = rd.all_fixed_points(uncoupled(n))
    assert census.complete
    assert census.everywhere
    assert len(census) == 3**n
    exact = torch.tensor([-ROOT, 0.0, ROOT], dtype=torch.float64)
    expected = torch.cartesian_prod(*[exact] * n).reshape(-1, n)
    nearest = torch.cdist(census.states, expected).argmin(dim=-1)
    assert nearest.unique().numel() == 3**n
    assert ((census.lower - 1e-15 <= expected[nearest]) & (census.upper + 1e-15 >= expected[nearest])).all()
    assert (census.upper - census.lower).max() < 1e-12


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_hold_no_point_that_a_search_finds_besides(seed: int) -> None:
    n = 2 + seed % 4
    system = random_tanh(n, seed)
    found = rd.find_fixed_points(system, normal(200, n, seed=seed))
    census = rd.all_fixed_points(system, found.states)
    assert census.complete
    assert census.everywhere
    assert not len(census.astray)
    assert len(census) >= len(found)
    assert (system(census.states) - census.states).abs().max() < 1e-12
    indices = torch.linalg.det(torch.eye(n, dtype=torch.float64) - system.jacobian(census.states)).sign()
    assert indices.sum() == 1  # as those of all fixed points of a map of a box into itself are


@pytest.mark.parametrize(("n", "scale"), [(2, 3.0), (2, 8.0), (3, 5.0), (3, 8.0)])
def test_gated_networks(n: int, scale: float) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(n)
        gru = nn.GRU(1, n)
    with torch.no_grad():
        gru.weight_hh_l0[2 * n :].copy_(scale * torch.eye(n) + 0.3 * gru.weight_hh_l0[2 * n :])
        gru.bias_hh_l0.zero_()
        gru.bias_ih_l0.zero_()
    system = rd.as_map(gru).hold([0.0])
    census = rd.all_fixed_points(system)
    assert census.complete
    assert census.everywhere
    assert len(census) >= 3
    found = rd.find_fixed_points(system, normal(400, n))
    assert len(found) <= len(census)
    assert not len(rd.all_fixed_points(system, found.states).astray)


def test_cells_of_an_lstm_have_no_bound_but_that_of_their_second_image() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        lstm = nn.LSTM(1, 1)
    with torch.no_grad():
        lstm.weight_hh_l0.mul_(6.0)
    census = rd.all_fixed_points(rd.as_map(lstm).hold([0.2]))
    assert census.complete
    assert census.everywhere
    assert len(census) >= 1
    assert census.box.isfinite().all()


def low_rank() -> rd.AutonomousMap:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = rd.cells.LowRankRNN(1, 200, rank=2)
        with torch.no_grad():
            module.weight_n_l0.copy_(2.0 * module.weight_m_l0 + torch.randn_like(module.weight_m_l0))
    return rd.as_map(module).hold([0.3])


def test_a_low_rank_network_is_searched_in_the_space_of_its_rank() -> None:
    system = low_rank()
    found = rd.find_fixed_points(system, normal(50, 200))
    census = rd.all_fixed_points(system, found.states)
    assert census.complete
    assert census.everywhere
    assert len(census) == 5
    assert census.lower.shape == (5, 2)
    assert census.states.shape == (5, 200)
    assert (system(census.states) - census.states).abs().max() < 1e-10
    assert not len(census.missed)
    assert not len(census.astray)


@pytest.mark.parametrize("n", [1, 2])
def test_a_pitchfork_is_left_undecided_and_said(n: int) -> None:
    slopes = torch.tensor([1.0, 2.0], dtype=torch.float64)[:n]
    census = rd.all_fixed_points(held(lambda h: torch.tanh(slopes * h), n))
    assert not census.complete
    assert "undecided" in census.reason
    assert "degenerate" in census.reason
    for root in [[0.0], [0.0, ROOT], [0.0, -ROOT], [0.0, 0.0]]:
        if len(root) == n:
            point = torch.tensor(root, dtype=torch.float64)
            low, high = census.undecided
            assert ((low <= point + 1e-15) & (high >= point - 1e-15)).all(dim=-1).any()
    assert 0 < census.undecided_share < 1e-3


def test_nothing_is_complete_once_the_budget_is_spent() -> None:
    census = rd.all_fixed_points(uncoupled(3), budget=20)
    assert not census.complete
    assert census.boxes == 20
    assert "budget" in census.reason
    # Whatever is not in a row's box is in an undecided one.
    for root in torch.cartesian_prod(*[torch.tensor([-ROOT, 0.0, ROOT], dtype=torch.float64)] * 3):
        proved = ((census.lower - 1e-12 <= root) & (census.upper + 1e-12 >= root)).all(dim=-1).any()
        low, high = census.undecided
        assert proved or ((low <= root + 1e-12) & (high >= root - 1e-12)).all(dim=-1).any()


def test_a_line_of_fixed_points_is_never_complete() -> None:
    line = held(lambda h: torch.stack([h[0], torch.tanh(0.5 * h[1])]), 2)
    census = rd.all_fixed_points(line, within=(-1.0, 1.0), budget=2000)
    assert not census.complete
    assert len(census) == 0
    assert census.undecided.shape[1] > 0


def test_an_unbounded_map_needs_a_box() -> None:
    census = rd.all_fixed_points(held(lambda h: 2 * h, 1))
    assert not census.complete
    assert not len(census)
    assert "within" in census.reason
    asked = rd.all_fixed_points(held(lambda h: 2 * h, 1), within=(-1.0, 2.0))
    assert asked.complete
    assert not asked.everywhere
    assert len(asked) == 1
    assert "in the box" in asked.summary()
    assert rd.all_fixed_points(held(lambda h: h + 1, 1), within=(-1.0, 2.0)).summary().startswith("0 fixed points")


def test_only_what_is_in_the_box_asked_for() -> None:
    census = rd.all_fixed_points(uncoupled(2), within=(0.1, [2.0, 2.0]))
    assert census.complete
    assert not census.everywhere
    assert len(census) == 1
    assert rd.all_fixed_points(uncoupled(2), within=(-1.5, 1.5)).everywhere
    with pytest.raises(ValueError, match="lower < upper"):
        rd.all_fixed_points(uncoupled(2), within=(1.0, 1.0))


@pytest.mark.parametrize(
    ("step", "n", "count"),
    [
        (lambda h: 3 * torch.sin(h), 1, 3),
        (lambda h: torch.cos(h) * torch.exp(-(h**2)), 1, 1),
        (lambda h: torch.atan(3 * h), 1, 3),  # an operation without a rule for batches: balls
        (lambda h: nn.functional.softplus(1 - h), 1, 1),
        (lambda h: torch.relu(1 - 2 * h.flip(-1)), 2, 3),  # kinks
    ],
)
def test_other_operations(step, n: int, count: int) -> None:
    census = rd.all_fixed_points(held(step, n), within=(-6.0, 6.0))
    assert census.complete
    assert len(census) == count


def test_what_cannot_be_traced_is_said() -> None:
    census = rd.all_fixed_points(held(lambda h: torch.lgamma(h**2 + 1), 1))
    assert not census.complete
    assert not len(census)
    assert "lgamma" in census.reason


def test_points_that_the_search_missed_and_states_that_are_none() -> None:
    census = rd.all_fixed_points(uncoupled(2), [[ROOT, 0.0], [0.3, 0.3], [ROOT, 1e-12]])
    assert census.rows is not None
    assert (census.rows >= 0).sum() == 1
    assert len(census.missed) == 8
    assert census.astray.tolist() == [1]


def test_certify_says_whether_points_are_all(tmp_path: Path) -> None:
    system = uncoupled(2)
    states = rd.all_fixed_points(system).states
    proof = rd.certify(system, states, complete=True)
    assert proof.complete is True
    assert not len(proof.missed)
    assert rd.certify(system, states).complete is None
    short = rd.certify(system, states[:-1], complete=True)
    assert short.complete is False
    assert torch.allclose(short.missed, states[-1:])
    assert rd.certify(held(torch.tanh, 1), [[0.0]], complete=True).complete is None
    loaded = rd.load(rd.save(proof, tmp_path / "proof.safetensors"))
    assert loaded.complete is True
    assert loaded.census.boxes == proof.census.boxes
    assert proof[:2].complete is None
    with pytest.raises(ValueError, match="complete"):
        rd.certify(system, rd.find_attractors(system, normal(4, 2)), complete=True)


def test_ctrl_c_leaves_what_it_did_not_reach_undecided() -> None:
    calls = 0

    def step(h: Tensor) -> Tensor:
        return torch.tanh(2 * h)

    system = held(step, 3)
    from rnn_dynamics.certificates.completeness import search

    whole = search.contracted

    def stopped(*arguments):
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return whole(*arguments)

    search.contracted = stopped
    try:
        census = rd.all_fixed_points(system)
    finally:
        search.contracted = whole
    assert census.interrupted
    assert not census.complete
    assert census.undecided.shape[1] > 0
