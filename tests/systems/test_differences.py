"""Steps without gradients, and vector fields as maps."""

import numpy as np
import pytest
import torch
from torch import nn

import rnn_dynamics as rd

DOUBLE = torch.float64


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        yield


W = 2 * np.random.default_rng(0).normal(size=(6, 6)) / np.sqrt(6)
TORCH = torch.from_numpy(W)


def _array_step(h, x):
    return np.tanh(h @ W.T + x.sum(axis=-1, keepdims=True))


def _torch_step(h, x):
    return torch.tanh(h @ TORCH.T + x.sum(dim=-1, keepdim=True))


def _one_row(h, x):
    return np.array([np.tanh(sum(W[i] * h) + sum(x)) for i in range(6)])


STARTS = torch.randn(200, 6, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)


@pytest.mark.parametrize("step", [_array_step, _one_row], ids=["batches", "one row"])
def test_arrays_are_differentiated_by_differences(step) -> None:
    network, exact = rd.as_map(step, 6, 2), rd.as_map(_torch_step, 6, 2)
    held, reference = network.hold([0.1, 0.2]), exact.hold([0.1, 0.2])
    assert torch.allclose(held(STARTS), reference(STARTS), atol=1e-14)
    assert (held.jacobian(STARTS) - reference.jacobian(STARTS)).abs().max() < 1e-9
    assert (held.input_jacobian(STARTS[:3]) - reference.input_jacobian(STARTS[:3])).abs().max() < 1e-9
    assert any(note.startswith("its derivatives are central differences, good to") for note in held.notes)


def test_fixed_points_and_cycles_of_a_numpy_step_are_those_of_torch() -> None:
    held, reference = (rd.as_map(step, 6, 2).hold([0.1, 0.2]) for step in (_array_step, _torch_step))
    points, expected = (rd.find_fixed_points(system, STARTS) for system in (held, reference))
    assert len(points) == len(expected) > 0
    assert (points.states - expected.states).abs().max() < 1e-9
    assert (points.eigenvalues - expected.eigenvalues).abs().max() < 1e-8
    assert rd.find_attractors(held, STARTS[:50]).kinds == rd.find_attractors(reference, STARTS[:50]).kinds


def test_branches_of_a_numpy_step_bifurcate_where_they_should() -> None:
    def family(p):
        return rd.as_map(lambda h, x: np.tanh(p * h), 1, 0).hold()

    branch = rd.continue_fixed_point(family, [0.0], (0.5, 1.5))
    pitchfork = branch.special_points[0]
    assert pitchfork.kind == "branch point"
    assert "pitchfork" in repr(pitchfork)
    assert abs(pitchfork.parameter - 1) < 1e-7


def test_a_torch_step_without_gradients_may_be_differenced() -> None:
    def step(h, x):
        return torch.tanh(h.detach() @ TORCH.T) + 0 * h

    with pytest.raises(ValueError, match="or take derivatives='differences'"):
        rd.as_map(step, 6, 0).hold()
    held = rd.as_map(step, 6, 0, derivatives="differences").hold()
    exact = (1 - torch.tanh(STARTS @ TORCH.T) ** 2)[..., None] * TORCH
    assert (held.jacobian(STARTS) - exact).abs().max() < 1e-9


def test_single_precision_of_an_array_step_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dtype torch\.float64, got \[6\] of torch\.float32"):
        rd.as_map(lambda h, x: np.tanh(h @ W.T).astype(np.float32), 6, 0).hold()


def _field(h, x):
    return -h + torch.tanh(h @ TORCH.T) + x.sum(dim=-1, keepdim=True)


def test_a_field_is_stepped_by_euler_and_runge_kutta() -> None:
    dt, tau = 0.5, 10.0
    euler = rd.as_map(_field, 6, 2, dt=dt, tau=tau, scheme="euler").hold([0.1, 0.0])
    expected = STARTS + dt / tau * _field(STARTS, torch.tensor([0.1, 0.0], dtype=DOUBLE))
    assert torch.allclose(euler(STARTS), expected, atol=1e-14)
    # Of a linear field the classical method is the Taylor series to order four.
    a = TORCH / 3
    linear = rd.as_map(lambda h, x: h @ a.T, 6, 0, dt=0.1, scheme="rk4").hold()
    z = 0.1 * a
    series = torch.eye(6, dtype=DOUBLE) + z + z @ z / 2 + z @ z @ z / 6 + z @ z @ z @ z / 24
    assert (linear.jacobian(STARTS[:2]) - series).abs().max() < 1e-13


def test_the_time_of_a_step_is_told_by_dt_or_by_tau_and_alpha() -> None:
    class Leaky(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.alpha, self.w, self.u = 0.2, nn.Linear(4, 4), nn.Linear(2, 4)

        def forward(self, input, state):
            return state + self.alpha * (-state + torch.tanh(self.w(state) + self.u(input)))

    assert rd.as_map(Leaky(), dt=20).dt == 20
    assert rd.as_map(Leaky(), tau=100).dt == pytest.approx(20)
    assert rd.as_map(Leaky(), dt=20, tau=100).hold().dt == 20
    assert rd.as_map(Leaky()).dt is None
    with pytest.raises(ValueError, match=r"dt / tau must be the module's alpha, 0\.2, but dt=20 and tau=50"):
        rd.as_map(Leaky(), dt=20, tau=50)
    with pytest.raises(ValueError, match="tau=100 tells no time of a step"):
        rd.as_map(nn.GRU(2, 3), tau=100)
    with pytest.raises(ValueError, match="scheme='rk4' makes a map of a vector field: give dt"):
        rd.as_map(_field, 6, 2, scheme="rk4")
