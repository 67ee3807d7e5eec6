"""Families of maps over balls: every kind of the library, and what cannot be followed."""

from collections.abc import Callable

import pytest
import torch
from flint import arb
from inside import DOUBLE, samples, width, within
from torch import Tensor, nn
from torch.func import jacfwd

import rnn_dynamics as rd
from rnn_dynamics.enclosures import FamilyEnclosure, Unenclosed, ball, enclose, enclose_family, exact
from rnn_dynamics.families import Family, between, iterated, parameter_derivative, scaled, shifted
from rnn_dynamics.systems import HeldMap

pytestmark = pytest.mark.usefixtures("seeded")


class _Module(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.recur, self.read = nn.Linear(4, 4), nn.Linear(2, 4)

    def forward(self, state: Tensor, input: Tensor) -> Tensor:
        return torch.tanh(self.recur(state) + self.read(input))


def _own() -> Family:
    network = rd.as_map(nn.GRU(2, 4)).frozen(DOUBLE)
    base, direction = torch.tensor([0.1, 0.2], dtype=DOUBLE), torch.tensor([1.0, -0.5], dtype=DOUBLE)
    return lambda p: HeldMap(network, base + p**3 * direction)


FAMILIES: dict[str, Callable[[], Family]] = {
    "input": lambda: rd.as_map(nn.GRU(2, 4)).input_family(1, [0.2, 0.3]),
    "between GRUs": lambda: between(nn.GRU(2, 4), nn.GRU(2, 4), [0.2, 0.3]),
    "between stacked LSTMs": lambda: between(nn.LSTM(2, 3, 2), nn.LSTM(2, 3, 2), [0.2, 0.3]),
    "between modules": lambda: between(
        rd.as_map(_Module(), state_size=4, input_size=2), rd.as_map(_Module(), state_size=4, input_size=2), [0.2, 0.3]
    ),
    "scaled": lambda: scaled(nn.RNN(2, 4), "weight_hh_l0", [0.2, 0.3]),
    "scaled Dale": lambda: scaled(rd.cells.DaleRNN(2, 4), "weight_hh_l0", [0.2, 0.3]),
    "scaled LRU": lambda: scaled(rd.cells.LRU(2, 3), "nu_log_l0", [0.2, 0.3]),
    "shifted": lambda: shifted(nn.GRU(2, 4), "bias_hh_l0", [0.2, 0.3], gate="z"),
    "iterated": lambda: iterated(scaled(nn.GRU(2, 4), "weight_hh_l0", [0.2, 0.3]), 3),
    "of one's own": _own,
}


def enclosed(family: Family) -> tuple[FamilyEnclosure, int]:
    n = family(0.3).state_size
    return enclose_family(lambda h, p: family(p)(h), n), n


@pytest.mark.parametrize("name", FAMILIES)
def test_families_are_enclosed_with_their_derivative_by_the_parameter(name: str) -> None:
    family = FAMILIES[name]()
    enclosure, n = enclosed(family)
    for p in (0.3, -0.8, 1.0):
        state = torch.randn(n, dtype=DOUBLE)
        value, by_state, by_parameter, kinked = enclosure.linearize(exact(state), arb(p))
        assert not kinked or name == "scaled Dale"
        assert within(family(p)(state), value)
        assert within(family(p).jacobian(state), by_state)
        assert within(parameter_derivative(family, state[None], p)[0], by_parameter, 1e-8)
        assert max(map(width, (value, by_state, by_parameter))) < 1e-13
        assert value.overlaps(enclosure.value(exact(state), arb(p)))
        # One of the maps by itself says the same.
        alone, slopes, _ = enclose(family(p)).linearize(exact(state))
        assert alone.overlaps(value)
        assert slopes.overlaps(by_state)


@pytest.mark.parametrize("name", FAMILIES)
def test_boxes_hold_all_maps_of_a_span(name: str) -> None:
    family = FAMILIES[name]()
    enclosure, n = enclosed(family)
    state, p = torch.randn(n, dtype=DOUBLE), 0.4
    for reach in (1e-6, 0.05):
        box, span = ball(state, reach), arb(p, reach)
        value, by_state, by_parameter, _ = enclosure.linearize(box, span)
        alone = enclosure.value(box, span)
        inside = samples(torch.cat([state, torch.tensor([p], dtype=DOUBLE)]), reach, 8, 0)
        for row in inside:
            h, q = row[:-1], row[-1]
            image = family(float(q))(h)
            assert within(image, value)
            assert within(image, alone)
            assert within(family(float(q)).jacobian(h), by_state)
            slope = jacfwd(lambda q, h=h: family(q)(h))(q)
            assert within(slope, by_parameter)


def test_a_family_that_loses_its_parameter_says_so() -> None:
    network = rd.as_map(nn.GRU(2, 4))
    for family in (lambda p: network.hold([p, 0.0]), lambda p: network.hold([float(p), 0.0])):
        with pytest.raises(Unenclosed, match="the step cannot be traced"):
            enclose_family(lambda h, p, family=family: family(p)(h), 4)
    with pytest.raises(Unenclosed, match=r"computes something that its trace does not show|cannot be traced"):
        enclose_family(lambda h, p: h * float(p.detach().numpy()), 2)


def test_a_polynomial_family_has_the_slopes_that_are_known() -> None:
    enclosure = enclose_family(lambda h, p: p**2 * h + p * h.flip(0) ** 2, 2)
    value, by_state, by_parameter, kinked = enclosure.linearize(exact(torch.tensor([1.0, 2.0])), arb(3))
    assert not kinked
    assert [float(one) for one in value.entries()] == [9.0 + 12.0, 18.0 + 3.0]
    assert [float(one) for one in by_state.entries()] == [9.0, 12.0, 6.0, 9.0]
    assert [float(one) for one in by_parameter.entries()] == [6.0 + 4.0, 12.0 + 1.0]
