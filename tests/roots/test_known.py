"""Roots that rows of a batch ended at, and rough steps far from any: what they may change of a result, and what not."""

import pytest
import torch
from problems.maps import held, normal
from trained import trained

import rnn_dynamics as rd
from rnn_dynamics.roots import Status
from rnn_dynamics.roots.known import KnownRoots
from rnn_dynamics.roots.rough import FORCING, rough_steps

DOUBLE = torch.float64
BUDGET = 2**29


def uncoupled(n: int = 4):
    """tanh(2 h): 3^n roots, each coordinate 0 or +-.9575040240772687."""
    system = held(lambda h: torch.tanh(2 * h), n, box=1.0)
    return system, torch.cartesian_prod(*(torch.tensor([-0.9575040240772687, 0.0, 0.9575040240772687]).double(),) * n)


def known_of(system, roots: torch.Tensor) -> KnownRoots:
    known = KnownRoots(system, roots.new_ones(roots.shape[1]), BUDGET)
    known.enter(torch.arange(len(roots)), roots, likely=True)
    return known


def test_rows_near_a_root_are_led_to_it_and_rows_at_an_unknown_one_to_none() -> None:
    system, roots = uncoupled()
    known = known_of(system, roots[::2])
    near = roots + 0.01 * normal(*roots.shape, seed=1)
    owner = known.reached(near, system(near) - near)
    assert owner[::2].tolist() == list(range(len(roots[::2])))
    assert (owner[1::2] == -1).all()


def test_a_row_beside_one_of_two_roots_of_a_fold_is_not_led_to_the_other() -> None:
    """h + h^2 - d^2: roots +-d, at which the slope is 2 d; the one at -d is not known."""
    d = 1e-3
    system = held(lambda h: h + h.square() - d**2, 1)
    known = known_of(system, torch.tensor([[d]], dtype=DOUBLE))
    shares = torch.linspace(-3, 3, 601, dtype=DOUBLE).unsqueeze(1)
    owner = known.reached(shares * d, system(shares * d) - shares * d).unsqueeze(1)
    led = shares[owner == 0]
    assert led.min() > 0.5  # far on the side of d of what parts them, 0
    assert led.max() < 2.0
    assert len(led) > 10


def test_a_root_that_one_row_ended_at_is_kept_unless_most_are_such() -> None:
    system, roots = uncoupled()
    for rows, kept in ((roots, 0), (torch.cat([roots, roots[:60]]), 81), (torch.cat([roots, roots[:20]]), 20)):
        known = KnownRoots(system, roots.new_ones(4), BUDGET)
        known.enter(torch.arange(len(rows)), rows)
        assert len(known) == kept
    assert len(KnownRoots(system, roots.new_ones(4), 16)) == 0


def test_singular_roots_lead_nobody() -> None:
    system = held(lambda h: h + h**3, 2)
    zero = torch.zeros(1, 2, dtype=DOUBLE)
    assert len(known_of(system, zero)) == 0
    near = normal(20, 2) * 1e-3
    assert (known_of(system, zero).reached(near, system(near) - near) == -1).all()


@pytest.mark.parametrize(("name", "seed"), [("tanh-64", 1), ("GRU-64", 0), ("GRU-2x32", 0)])
def test_starts_end_where_newtons_method_alone_leads_the_most_of_them(name: str, seed: int) -> None:
    """Against one start at a time, for which nothing is known and steps are exact."""
    network = rd.as_map(trained(name, seed).module)
    system = network.hold()
    starts = rd.sample_states(network, trained(name, seed).test_inputs, 320, noise=0.5, seed=1)
    together = rd.Newton(slow_points=0).solve(system, starts)
    assert (together.statuses == Status.FOUND).all()
    assert together.residuals.max() < 1e-13
    alone = torch.cat([rd.Newton(slow_points=0).solve(system, start[None]).states for start in starts[:64]])
    assert ((together.states[:64] - alone).norm(dim=-1) < 1e-9).double().mean() > 0.5
    again = rd.Newton(slow_points=0).solve(system, together.states)
    assert (again.states - together.states).norm(dim=-1).max() < 1e-11


def test_roots_known_before_are_where_rows_end() -> None:
    network = rd.as_map(trained("tanh-64", 0).module)
    system = network.hold()
    starts = rd.sample_states(network, trained("tanh-64", 0).test_inputs, 200, noise=0.5, seed=1)
    points = rd.find_fixed_points(system, starts)
    result = rd.Newton().solve(system, starts, known=points.states)
    plain = rd.Newton().solve(system, starts)
    assert len(result) == 200
    assert (result.statuses == Status.FOUND).all()
    exact = (result.states.unsqueeze(1) == points.states).all(dim=-1).any(dim=-1)
    assert exact.double().mean() > 0.9
    assert result.steps.double().mean() < 0.75 * plain.steps.double().mean()


@pytest.mark.parametrize("name", ["tanh-64", "GRU-64"])
def test_rough_steps_solve_to_a_tenth(name: str) -> None:
    network = rd.as_map(trained(name, 0).module)
    equation = network.hold().ungated()
    states = rd.sample_states(network, trained(name, 0).test_inputs, 100, noise=0.5, seed=1).double()
    residuals = equation(states) - states
    steps, good = rough_steps(equation, states, residuals, torch.ones(64, dtype=DOUBLE), BUDGET)
    assert good.sum() > 60
    left = residuals + equation.linearize(states)[1].apply(steps.unsqueeze(-1)).squeeze(-1) - steps
    assert (left.norm(dim=-1) <= 1.001 * FORCING * residuals.norm(dim=-1))[good].all()
    assert (steps[~good] == 0).all()


@pytest.mark.parametrize("name", ["GRU-16", "GRU-2x32", "LSTM-16"])
def test_no_rough_steps_where_factorisations_cost_as_little(name: str) -> None:
    network = rd.as_map(trained(name, 0).module)
    equation = network.hold().ungated()
    states = rd.sample_states(network, trained(name, 0).test_inputs, 100, noise=0.5, seed=1).double()
    units = torch.ones(states.shape[1], dtype=DOUBLE)
    assert not rough_steps(equation, states, equation(states) - states, units, BUDGET)[1].any()
