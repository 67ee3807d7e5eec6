"""Families of one weight, and of an input: what they do to a network, what they refuse, and known bifurcations."""

import copy
import math
from collections.abc import Callable

import pytest
import torch
from problems.bifurcations import tanh_fold
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import continue_fixed_point
from rnn_dynamics.cells import BRC, MGU, NBRC, Parallel
from rnn_dynamics.families import DifferentiableFamily, Family, scaled, shifted
from rnn_dynamics.systems import AutonomousMap

INPUT = [0.3, -0.2, 0.1]

MODULES: dict[str, Callable[[], nn.Module]] = {
    "RNN": lambda: nn.RNN(3, 5),
    "GRU": lambda: nn.GRU(3, 5),
    "LSTM": lambda: nn.LSTM(3, 5),
    "LSTM with projection": lambda: nn.LSTM(3, 5, proj_size=2),
    "stacked GRU": lambda: nn.GRU(3, 4, num_layers=2),
    "MGU": lambda: MGU(3, 5),
    "NBRC": lambda: NBRC(3, 5),
    "BRC": lambda: BRC(3, 5),
    "Parallel": lambda: Parallel(3, 6, cells=(nn.LSTM, nn.GRU), num_layers=2),
}


def made(name: str, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MODULES[name]()


def weight_names(module: nn.Module) -> list[str]:
    return list(rd.as_map(module).frozen(torch.float64).weight_names)


def states_of(system: AutonomousMap, k: int = 5) -> Tensor:
    return torch.randn(k, system.state_size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def tanh_rnn(recurrent: list[list[float]], input: list[list[float]] | None = None) -> nn.RNN:
    n = len(recurrent)
    with torch.random.fork_rng():
        module = nn.RNN(1 if input is None else len(input[0]), n)
    with torch.no_grad():
        module.weight_hh_l0.copy_(torch.tensor(recurrent))
        module.weight_ih_l0.copy_(torch.ones(n, 1) if input is None else torch.tensor(input))
        module.bias_hh_l0.zero_()
        module.bias_ih_l0.zero_()
    return module


@pytest.mark.parametrize("name", MODULES)
def test_the_named_weight_moves_and_nothing_else(name: str) -> None:
    module = made(name)
    frozen = rd.as_map(module).frozen(torch.float64)
    plain = frozen.hold(INPUT)
    states = states_of(plain)
    for number, weight in enumerate(weight_names(module)):
        for family, changed in (
            (scaled(module, weight, INPUT), lambda w: 0.37 * w),
            (shifted(module, weight, INPUT), lambda w: w + 0.37),
        ):
            weights = [changed(w) if k == number else w for k, w in enumerate(frozen.weights)]
            expected = frozen.with_weights(weights).hold(INPUT)
            torch.testing.assert_close(family(0.37)(states), expected(states), rtol=1e-13, atol=1e-13)
            neutral = 1.0 if family(0.0) is not None and "scaled" in repr(family) else 0.0
            assert torch.equal(family(neutral)(states), plain(states))
            assert weight in repr(family)


@pytest.mark.parametrize("name", MODULES)
def test_derivatives_by_the_weight(name: str) -> None:
    module = made(name)
    for weight in weight_names(module):
        for make in (scaled, shifted):
            family = make(module, weight, INPUT)
            assert isinstance(family, DifferentiableFamily)
            states = states_of(family(0.3))
            difference = (family(0.3 + 1e-5)(states) - family(0.3 - 1e-5)(states)) / 2e-5
            torch.testing.assert_close(family.derivative(states, 0.3), difference, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "gates"), [("GRU", "rzn"), ("LSTM", "ifgo"), ("MGU", "fn"), ("NBRC", "can"), ("stacked GRU", "rzn")]
)
def test_gates_are_disjoint_and_together_the_whole(name: str, gates: str) -> None:
    """By linearity: the derivatives of a shift of each gate sum to that of all rows."""
    module = made(name)
    weights = [weight for weight in weight_names(module) if "bias" in weight or "weight_ih" in weight]
    for weight in weights:
        whole = shifted(module, weight, INPUT)
        states = states_of(whole(0.0))
        total = torch.zeros_like(states)
        for gate in gates:
            derivative = shifted(module, weight, INPUT, gate=gate).derivative(states, 0.0)
            assert float(derivative.norm()) > 0
            total += derivative
        torch.testing.assert_close(total, whole.derivative(states, 0.0), rtol=1e-10, atol=1e-12)


def test_the_gate_is_the_one_that_is_named() -> None:
    """A large bias of the update gate z makes a GRU keep its state; of the forget gate f an LSTM its cell."""
    gru = made("GRU")
    kept = shifted(gru, "bias_hh_l0", INPUT, gate="z")(50.0)
    states = states_of(kept)
    torch.testing.assert_close(kept(states), states)
    lstm = made("LSTM")
    forgetful = shifted(lstm, "bias_hh_l0", INPUT, gate="f")(-80.0)
    one, other = states_of(forgetful), states_of(forgetful).clone()
    cells = slice(5, 10)
    other[:, cells] += 1.0
    torch.testing.assert_close(forgetful(one), forgetful(other))


def test_a_projection_has_no_gates() -> None:
    module = made("LSTM with projection")
    for gate in "ifgo":
        with pytest.raises(ValueError, match="gate must be"):
            scaled(module, "weight_hr_l0", gate=gate)


def test_families_are_frozen() -> None:
    module = made("GRU")
    family = scaled(module, "weight_hh_l0", INPUT)
    before = copy.deepcopy(module.state_dict())
    states = states_of(family(0.5))
    expected = family(0.5)(states)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1.0)
    assert torch.equal(family(0.5)(states), expected)
    module.load_state_dict(before)
    assert all(parameter.requires_grad and parameter.dtype == torch.float32 for parameter in module.parameters())


class Cell(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor([2.0]))

    def forward(self, state: Tensor, input: Tensor) -> Tensor:
        return torch.tanh(self.gain * state + input)


def test_a_step_that_is_a_module_has_its_parameters_for_weights() -> None:
    family = scaled(rd.as_map(Cell(), state_size=1, input_size=1), "gain")
    branch = continue_fixed_point(family, [0.0], (0.25, 1.0))
    assert [(point.kind, point.detail) for point in branch.special_points] == [("branch point", "pitchfork")]
    assert branch.special_points[0].parameter == pytest.approx(0.5, abs=1e-8)


def test_pitchforks_lie_where_the_scaled_weight_has_eigenvalue_one() -> None:
    """X' = tanh(p W x): 0 has multipliers p lambda(W)."""
    weight = [[1.6, 0.3, 0.0], [0.2, -1.1, 0.1], [0.0, 0.4, 0.7]]
    values = torch.linalg.eigvals(torch.tensor(weight).double()).real.tolist()
    branch = continue_fixed_point(scaled(tanh_rnn(weight), "weight_hh_l0"), [0.0] * 3, (0.1, 3.0))
    kinds = {("branch point" if value > 0 else "flip"): abs(1 / value) for value in values}
    expected = sorted((1 / abs(value), "branch point" if value > 0 else "flip") for value in values)
    assert len(kinds) == 2
    found = [(point.parameter, point.kind) for point in branch.special_points]
    assert [kind for _, kind in found] == [kind for _, kind in expected]
    assert [p for p, _ in found] == pytest.approx([p for p, _ in expected], abs=1e-7)


def test_a_rotation_scaled_has_its_neimark_sacker_point() -> None:
    cosine, sine = math.cos(1.0), math.sin(1.0)
    module = tanh_rnn([[cosine, -sine], [sine, cosine]])
    branch = continue_fixed_point(scaled(module, "weight_hh_l0"), [0.0, 0.0], (0.5, 1.5))
    (point,) = branch.special_points
    assert point.kind == "Neimark-Sacker"
    assert point.parameter == pytest.approx(1.0, abs=1e-7)  # the module's weights are float32
    assert point.angle == pytest.approx(1.0, abs=1e-6)
    assert point.coefficient == pytest.approx(-0.5, rel=1e-5)


@pytest.mark.parametrize("how", ["bias", "input"])
def test_folds_over_a_bias_and_over_an_input(how: str) -> None:
    x, b = tanh_fold(2.0)
    module = tanh_rnn([[2.0]])
    family: Family = shifted(module, "bias_hh_l0") if how == "bias" else rd.as_map(module).input_family([1.0])
    branch = continue_fixed_point(family, [-0.99], (-1.0, 1.0))
    assert [point.kind for point in branch.special_points] == ["fold", "fold"]
    assert [point.parameter for point in branch.special_points] == pytest.approx([b, -b], abs=2e-8)
    assert [float(point.state) for point in branch.special_points] == pytest.approx([x, -x], abs=1e-5)


def test_input_families_move_along_the_direction_from_the_offset() -> None:
    module = made("GRU")
    system = rd.as_map(module).frozen(torch.float64)
    direction, offset = torch.tensor([1.0, -2.0, 0.5]).double(), torch.tensor(INPUT).double()
    family = system.input_family(direction, offset)
    states = states_of(family(0.0))
    for p in (-1.3, 0.0, 0.7):
        torch.testing.assert_close(family(p)(states), system.hold(offset + p * direction)(states))
    difference = (family(0.2 + 1e-5)(states) - family(0.2 - 1e-5)(states)) / 2e-5
    torch.testing.assert_close(family.derivative(states, 0.2), difference, atol=1e-8, rtol=1e-6)
    unit = system.input_family(2)
    torch.testing.assert_close(unit(0.7)(states), system.hold([0.0, 0.0, 0.7])(states))


BAD: dict[str, tuple[Callable[[], object], str]] = {
    "name": (lambda: scaled(made("GRU"), "weight"), "name must be a weight of the network, one of weight_ih_l0"),
    "gate": (lambda: scaled(made("GRU"), "weight_hh_l0", gate="f"), "one letter of 'rzn'"),
    "two gates": (lambda: scaled(made("GRU"), "weight_hh_l0", gate="rz"), "one letter of 'rzn'"),
    "no letter": (lambda: scaled(made("GRU"), "weight_hh_l0", gate=""), "one letter of 'rzn'"),
    "gateless": (lambda: shifted(made("RNN"), "bias_hh_l0", gate="z"), "tells no gates apart"),
    "plain function": (
        lambda: scaled(rd.as_map(lambda h, _: h, state_size=1, input_size=0), "gain"),
        "plain function",
    ),
    "input": (lambda: scaled(made("GRU"), "weight_hh_l0", [1.0, 2.0]), "input"),
    "input NaN": (lambda: scaled(made("GRU"), "weight_hh_l0", [1.0, 2.0, math.nan]), "input"),
    "not a network": (lambda: scaled("gru", "weight_hh_l0"), "network must be"),
    "direction": (lambda: rd.as_map(made("GRU")).input_family([1.0]), "direction"),
    "no direction": (lambda: rd.as_map(made("GRU")).input_family([0.0, 0.0, 0.0]), "must not be zero"),
    "number": (lambda: rd.as_map(made("GRU")).input_family(3), "below 3"),
    "negative": (lambda: rd.as_map(made("GRU")).input_family(-1), "below 3"),
    "offset": (lambda: rd.as_map(made("GRU")).input_family(0, [1.0]), "offset"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(name: str) -> None:
    call, words = BAD[name]
    with pytest.raises(ValueError, match=words):
        call()
