"""Families of maps: ends, derivatives, iterates, and what is refused."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import MGU, NBRC, Parallel
from rnn_dynamics.families import DifferentiableFamily, Family, Span, between, iterated, parameter_derivative
from rnn_dynamics.systems import AutonomousMap

MODULES: dict[str, Callable[[], nn.Module]] = {
    "RNN": lambda: nn.RNN(3, 5),
    "RNN without bias": lambda: nn.RNN(3, 5, bias=False, nonlinearity="relu"),
    "GRU": lambda: nn.GRU(3, 5),
    "LSTM": lambda: nn.LSTM(3, 5),
    "LSTM with projection": lambda: nn.LSTM(3, 5, proj_size=2),
    "stacked GRU": lambda: nn.GRU(3, 4, num_layers=3),
    "GRUCell": lambda: nn.GRUCell(3, 5),
    "MGU": lambda: MGU(3, 5),
    "NBRC": lambda: NBRC(3, 5),
    "Parallel": lambda: Parallel(3, 6, cells=(nn.LSTM, nn.GRU), num_layers=2),
}

INPUT = [0.3, -0.2, 0.1]


class Step(nn.Module):
    """A step with parameters and a buffer, written for one state or a batch of them."""

    def __init__(self, single: bool = False) -> None:
        super().__init__()
        self.recurrent = nn.Linear(4, 4)
        self.register_buffer("gain", torch.rand(4))
        self.register_buffer("seen", torch.tensor(3))
        self.single = single

    def forward(self, state: torch.Tensor, input: torch.Tensor) -> torch.Tensor:
        if self.single and state.ndim != 1:
            raise RuntimeError("one state at a time")
        return torch.tanh(self.recurrent(state) * self.gain + input.sum(dim=-1, keepdim=True))


def pair(make: Callable[[], nn.Module], seed: int = 0) -> tuple[nn.Module, nn.Module]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make(), make()


def some_states(system: AutonomousMap, k: int = 7) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(k, system.state_size, generator=generator, dtype=torch.float64)


def difference(family: Family, states: torch.Tensor, t: float) -> torch.Tensor:
    return (family(t + 1e-5)(states) - family(t - 1e-5)(states)) / 2e-5


@pytest.mark.parametrize("name", MODULES)
def test_between_has_exactly_the_networks_at_its_ends(name: str) -> None:
    before, after = pair(MODULES[name])
    family = between(before, after, INPUT)
    for t, module in ((0.0, before), (1.0, after)):
        system = rd.as_map(module).hold(INPUT)
        states = some_states(system)
        assert torch.equal(family(t)(states), system(states))
        assert torch.equal(family(t).jacobian(states), system.jacobian(states))


@pytest.mark.parametrize("name", MODULES)
def test_between_knows_its_derivative(name: str) -> None:
    family = between(*pair(MODULES[name]), INPUT)
    assert isinstance(family, DifferentiableFamily)
    states = some_states(family(0.3))
    torch.testing.assert_close(family.derivative(states, 0.3), difference(family, states, 0.3), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("single", [False, True])
def test_between_interpolates_a_step_that_is_a_module(single: bool) -> None:
    before, after = (rd.as_map(step, state_size=4, input_size=3) for step in pair(lambda: Step(single)))
    family = between(before, after, INPUT)
    for t, network in ((0.0, before), (1.0, after)):
        system = network.hold(INPUT)
        states = some_states(system)
        assert torch.equal(family(t)(states), system(states))
    states = some_states(family(0.3))
    torch.testing.assert_close(family.derivative(states, 0.3), difference(family, states, 0.3), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(family(0.3).jacobian(states), _jacobian(family(0.3), states))


def _jacobian(system: AutonomousMap, states: torch.Tensor) -> torch.Tensor:
    unit = torch.eye(system.state_size, dtype=states.dtype) * 1e-6
    columns = [(system(states + e) - system(states - e)) / 2e-6 for e in unit]
    return torch.stack(columns, dim=-1)


def test_between_is_frozen_and_leaves_the_modules_alone() -> None:
    before, after = pair(lambda: nn.GRU(3, 5))
    kept = copy.deepcopy(before.state_dict())
    family = between(before, after)
    states = some_states(family(0.0))
    image = family(0.5)(states)
    assert not image.requires_grad
    assert all(torch.equal(kept[name], value) for name, value in before.state_dict().items())
    with torch.no_grad():
        for parameter in (*before.parameters(), *after.parameters()):
            assert parameter.requires_grad
            parameter.add_(1.0)
    assert torch.equal(family(0.5)(states), image)


def test_weights_that_do_not_change_stay_what_they_are() -> None:
    before, _ = pair(lambda: nn.GRU(3, 5))
    family = between(before, before)
    states = some_states(family(0.0))
    assert torch.equal(family(0.37)(states), family(0.0)(states))
    assert not family.derivative(states, 0.5).any()


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        (lambda: nn.GRU(3, 5), lambda: nn.GRU(3, 6), "weight_ih"),
        (lambda: nn.GRU(3, 5), lambda: nn.GRU(2, 5), "weight_ih"),
        (lambda: nn.GRU(3, 5), lambda: nn.LSTM(3, 5), "class"),
        (lambda: nn.GRU(3, 5), lambda: nn.GRU(3, 5, bias=False), "bias_ih"),
        (lambda: nn.GRU(3, 5), lambda: nn.GRU(3, 5, num_layers=2), "2"),
        (lambda: nn.RNN(3, 5), lambda: nn.RNN(3, 5, nonlinearity="relu"), "nonlinearity"),
        (lambda: Parallel(3, 6), lambda: Parallel(3, 6, cells=(nn.GRU, nn.LSTM)), "1.class"),
    ],
)
def test_between_names_what_differs(
    before: Callable[[], nn.Module], after: Callable[[], nn.Module], named: str
) -> None:
    with torch.random.fork_rng():
        first, last = before(), after()
    with pytest.raises(ValueError, match=named):
        between(first, last)


def test_between_refuses_what_has_no_weights_to_see() -> None:
    with torch.random.fork_rng():
        module = nn.GRU(3, 5)
        step = rd.as_map(Step(), state_size=4, input_size=3)
    plain = rd.as_map(lambda state, input: torch.tanh(state), state_size=4, input_size=3)
    with pytest.raises(ValueError, match=r"torch\.nn\.Module"):
        between(plain, plain)
    with pytest.raises(ValueError, match="one kind"):
        between(module, step)
    with pytest.raises(ValueError, match="got str"):
        between("before.pt", module)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"input must have shape \[3\]"):
        between(module, module, [0.0, 1.0])


def test_differences_stay_within_the_range_they_are_given() -> None:
    asked: list[float] = []

    def family(t: float) -> AutonomousMap:
        asked.append(t)
        return rd.as_map(lambda state, _: state * (1 + t) ** 3, state_size=2, input_size=0).hold()

    states = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    for t in (0.0, 0.5, 1.0):
        derivative = parameter_derivative(family, states, t, (0.0, 1.0))
        torch.testing.assert_close(derivative, 3 * (1 + t) ** 2 * states, atol=1e-8, rtol=0)
    assert min(asked) >= 0
    assert max(asked) <= 1


@pytest.mark.parametrize("period", [1, 2, 5])
def test_iterates_are_differentiated_by_the_chain_rule(period: int) -> None:
    family = iterated(between(*pair(lambda: nn.GRU(3, 5)), INPUT), period)
    states = some_states(family(0.0))
    assert torch.equal(family(0.0)(states), family.family(0.0).iterate(states, period))
    torch.testing.assert_close(family.derivative(states, 0.4), difference(family, states, 0.4), atol=1e-6, rtol=1e-6)


def test_iterated_refuses_periods_that_are_none() -> None:
    with pytest.raises(ValueError, match="period"):
        iterated(between(*pair(lambda: nn.GRU(3, 5))), 0)


def test_iterates_of_a_family_without_a_derivative_stay_within_the_range_too() -> None:
    asked: list[float] = []

    def family(t: float) -> AutonomousMap:
        asked.append(t)
        return rd.as_map(lambda state, _: torch.tanh(state * (1 + t) ** 2), state_size=2, input_size=0).hold()

    states = torch.tensor([[0.5, -0.2]], dtype=torch.float64)
    twice = iterated(family, 2)
    for t in (0.0, 1.0):
        derivative = parameter_derivative(twice, states, t, (0.0, 1.0))
        assert min(asked) >= 0
        assert max(asked) <= 1
        asked.clear()
        torch.testing.assert_close(derivative, difference(twice, states, t), atol=1e-8, rtol=0)
        asked.clear()


class Scaled(nn.Module):
    """A step with a number that is neither a parameter nor a buffer."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((2,), 0.5, dtype=torch.float64))
        self.scale = scale

    def forward(self, state: torch.Tensor, input: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.scale * self.weight * state + input.sum(dim=-1, keepdim=True))


def test_steps_that_differ_in_more_than_weights_are_refused() -> None:
    one, same, other = (rd.as_map(Scaled(scale), state_size=2, input_size=1) for scale in (1.0, 1.0, 2.0))
    between(one, same)
    with pytest.raises(ValueError, match="neither a parameter nor"):
        between(one, other)


@pytest.mark.parametrize(("start", "end"), [(0.1, 0.7), (0.7, 0.1), (-0.3, 0.1), (1e3, 1e3 + 0.1)])
def test_a_span_never_leaves_its_ends(start: float, end: float) -> None:
    span = Span(lambda t: pytest.fail("not asked for"), start, end)
    assert (span.parameter(0.0), span.parameter(1.0)) == (start, end)
    for s in (1 - 2**-53, 1 - 2**-52, 2**-53, 1e-300):
        assert min(start, end) <= span.parameter(s) <= max(start, end)
