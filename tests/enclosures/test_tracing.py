"""What cannot be enclosed says what it is; random steps of many operations."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from inside import DOUBLE, holds, samples, within
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.enclosures import Enclosure, Unenclosed, ball, enclose, exact, retraced, trace
from rnn_dynamics.systems import Linearization, NoBox


class Plain(rd.AutonomousMap):
    """Any function of a state [3], without what ``as_map`` would refuse at its door."""

    state_size, dtype, device = 3, DOUBLE, torch.device("cpu")
    box, bytes_per_linearization = NoBox("none"), 1

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self.function = function

    def __call__(self, states: Tensor) -> Tensor:
        return self.function(states)

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        raise NotImplementedError


def _branching(h: Tensor) -> Tensor:
    return h if h.sum() > 0 else -h


def _by_numpy(h: Tensor) -> Tensor:
    return torch.from_numpy(np.tanh(h.detach().numpy()))


def _keeping(h: Tensor, calls: list[int] = []) -> Tensor:  # noqa: B006
    calls.append(0)
    return h * len(calls)


REFUSED: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "no rule": (lambda h: torch.special.bessel_j0(h), r"there is no rule for aten\.special_bessel_j0\.default"),
    "another": (lambda h: torch.fft.fft(h).real, r"makes torch\.complex128 of its state"),
    "places by state": (lambda h: h[h.argsort()], r"makes torch\.int64 of its state \(aten\.sort"),
    "rounding": (lambda h: h.round(), r"aten\.round"),
    "mode": (lambda h: torch.div(h, 2.0, rounding_mode="floor"), r"aten\.div\.Scalar_mode|aten\.div\.Tensor_mode"),
    "filled": (lambda h: torch.nn.functional.pad(h[1:], (0, 1), value=3.0), "constant_pad_nd.*fills in"),
    "added at places": (
        lambda h: h.index_put((torch.tensor([0, 0]),), h[:2], accumulate=True),
        "index_put.*numbers that it adds",
    ),
    "norm": (lambda h: h * torch.linalg.vector_norm(h, 3), "linalg_vector_norm.*the norm of order 3"),
    "float32": (
        lambda h: h.float().tanh().double(),
        r"float32 of its state \(aten\._to_copy.*hold the network in it",
    ),
    "whole numbers": (lambda h: (h > 0).sum() * h, r"makes torch\.int64 of its state \(aten\.sum"),
    "sums of truths": (lambda h: ((h > 0) + (h < 1)) * h, r"no rule for aten\.add\.Tensor of truths"),
    "noise": (lambda h: h + torch.randn(3, dtype=DOUBLE), r"draws random numbers \(aten\.randn"),
    "dropout": (lambda h: torch.dropout(h, 0.5, train=True), "draws random numbers"),
    "branches": (_branching, "look at the numbers of its state"),
    "items": (lambda h: h * h[0].item(), "look at the numbers of its state"),
    "numpy": (_by_numpy, "computes something that its trace does not show|cannot be traced"),
    "memory": (_keeping, "computes something that its trace does not show"),
    "nothing": (lambda h: h @ torch.ones(4, dtype=DOUBLE), "cannot be traced into operations of torch.*It said"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_enclosed_says_what_it_is(name: str) -> None:
    function, words = REFUSED[name]
    with pytest.raises(Unenclosed, match=words):
        enclose(Plain(function))


def test_a_map_in_float32_is_refused_and_held_in_float64_is_not() -> None:
    with torch.random.fork_rng():
        network = rd.as_map(nn.GRU(2, 3))
    with pytest.raises(Unenclosed, match=r"makes torch\.float32 of its state.*network\.hold\(input\)"):
        enclose(network.hold(dtype=torch.float32))
    enclose(network.hold())


def test_constants_of_a_coarser_precision_are_those_that_the_step_computes() -> None:
    coarse = torch.tensor([0.3, 0.4, 0.5])
    system = Plain(lambda h: h * coarse.exp())
    value = enclose(system).value(exact(torch.ones(3, dtype=DOUBLE)))
    assert within(coarse.exp().to(DOUBLE), value, 1e-15)
    assert not within(coarse.double().exp(), value, 1e-10)


def test_only_what_is_a_system_is_enclosed() -> None:
    with torch.random.fork_rng():
        network = rd.as_map(nn.GRU(2, 3))
    with pytest.raises(ValueError, match=r"system must be an autonomous map, as system\.hold\(\) gives it"):
        enclose(network)


def test_a_step_that_writes_into_its_own_tensors_is_followed() -> None:
    weight = torch.randn(3, 3, dtype=DOUBLE, generator=torch.Generator().manual_seed(0))

    def step(h: Tensor) -> Tensor:
        own = weight.clone()
        own[0, 0] = 0.0
        own.mul_(0.5)
        h = h.clone()
        h[1:].tanh_()
        h += own @ h
        return h

    state = torch.tensor([0.1, 0.2, -0.3], dtype=DOUBLE)
    before = weight.clone()
    assert holds(step, enclose(Plain(step)), ball(state, 1e-3), samples(state, 1e-3, 6, 0))
    assert torch.equal(weight, before)


UNARY = (
    torch.tanh,
    torch.sigmoid,
    torch.relu,
    torch.abs,
    torch.sin,
    lambda x: (x.square() + 1).log(),
    lambda x: (x.abs() + 0.1).sqrt(),
    lambda x: x / (1 + x.square()),
    torch.nn.functional.gelu,
    lambda x: x.clamp(-1, 0.5),
    lambda x: torch.softmax(x, -1),
    lambda x: x - x.mean(),
    lambda x: torch.where(x > 0.3, x, 2 * x - 0.3),
    lambda x: torch.cat([x[2:], x[:2]]),
)

BINARY = (torch.add, torch.sub, torch.mul, torch.maximum, torch.minimum, lambda x, y: x / (2 + y.square()))


def _random_step(seed: int) -> Callable[[Tensor], Tensor]:
    """A composition of six operations and three products with weights, drawn."""
    generator = torch.Generator().manual_seed(seed)

    def pick(count: int) -> int:
        return int(torch.randint(count, (), generator=generator))

    plan = [(pick(3), pick(len(UNARY)), pick(len(BINARY)), pick(100), pick(100)) for _ in range(9)]
    weights = torch.randn(9, 4, 4, generator=generator, dtype=DOUBLE) * 0.7

    def step(h: Tensor) -> Tensor:
        known = [h]
        for weight, (kind, unary, binary, one, other) in zip(weights, plan, strict=True):
            x, y = known[one % len(known)], known[other % len(known)]
            known.append((UNARY[unary](x), BINARY[binary](x, y), weight @ x)[kind])
        return known[-1] + 0.1 * h

    return step


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 200, 20))
def test_random_steps_are_enclosed(first: int) -> None:
    """Two hundred of them, each over a narrow and a wide box."""
    for seed in range(first, first + 20):
        step = _random_step(seed)
        system = Plain(step)
        state = torch.randn(4, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)
        system.state_size = 4
        enclosure = enclose(system)
        for reach in (1e-7, 0.2):
            assert holds(step, enclosure, ball(state, reach), samples(state, reach, 5, seed)), seed


def test_a_graph_that_was_traced_is_looked_at_anew() -> None:
    state = torch.tensor([0.1, 0.2, -0.3], dtype=DOUBLE)
    weight = torch.eye(3, dtype=DOUBLE) * 0.5
    traced = trace(lambda h: torch.tanh(weight @ h), (state,))
    again = retraced(traced.module, (2 * weight,), (state,))
    assert torch.equal(again.image, torch.tanh(state))
    assert torch.equal(traced.image, torch.tanh(weight @ state))
    assert again.depending == traced.depending
    value, _, _ = Enclosure(again, 3).linearize(exact(state))
    assert within(torch.tanh(state), value)
