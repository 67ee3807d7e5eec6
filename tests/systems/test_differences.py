"""Steps without gradients, and vector fields as maps."""

import numpy as np
import pytest
import torch
from torch import nn

import rnn_dynamics as rd

DOUBLE = torch.float64


pytestmark = pytest.mark.usefixtures("seeded")

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
    with pytest.raises(ValueError, match=r"tau must be dt / alpha = 100 for the module's alpha, 0\.2, got 50"):
        rd.as_map(Leaky(), dt=20, tau=50)
    with pytest.raises(ValueError, match="tau=100 tells no time of a step"):
        rd.as_map(nn.GRU(2, 3), tau=100)
    with pytest.raises(ValueError, match="scheme='rk4' makes a map of a vector field: give dt"):
        rd.as_map(_field, 6, 2, scheme="rk4")


def test_results_of_a_map_with_notes_say_so() -> None:
    held = rd.as_map(_array_step, 6, 2).hold([0.1, 0.2])
    told = held.notes[-1]
    points, found = rd.find_fixed_points(held, STARTS[:20]), rd.find_attractors(held, STARTS[:8])
    cycles = rd.find_cycles(held, 2, STARTS[:20])
    spectrum = rd.lyapunov_spectrum(held, STARTS[0], steps=50)
    branch = rd.continue_fixed_point(lambda p: rd.as_map(lambda h, x: np.tanh(p * h), 1, 0).hold(), [0.0], (0.5, 0.6))
    for result in (points, found, cycles, spectrum, points[:1], found[:1]):
        assert result.notes == (told,)
        assert told in repr(result)
        assert told in result._repr_html_()
    assert "central differences" in repr(branch)
    assert rd.find_fixed_points(rd.as_map(_torch_step, 6, 2).hold(), STARTS[:20]).notes == ()


def test_time_constants_are_in_the_users_unit(tmp_path) -> None:
    """Of tau dh/dt = A h the rates are the eigenvalues of A / tau, in steps short enough."""
    a = TORCH / 3 - torch.eye(6, dtype=DOUBLE)
    exact = torch.linalg.eigvals(a) / 10
    held = rd.as_map(lambda h, x: h @ a.T, 6, 0, dt=0.1, tau=10.0, scheme="rk4").hold()
    points = rd.find_fixed_points(held, STARTS[:20])
    assert (points.rates[0][:, None] - exact).abs().amin(dim=1).max() < 1e-9
    assert points.dt == 0.1
    slowest = -1 / exact.real.max()
    assert points.time_constants[0].abs().max() == pytest.approx(float(slowest.abs()), rel=1e-6)
    assert "rate" in points.to_pandas()
    assert points.notes == ("in steps half as long its fixed points are the same, as stable as here",)
    again = rd.load(rd.save(points, tmp_path / "points"))
    assert (again.dt, again.notes) == (points.dt, points.notes)
    in_steps = rd.find_fixed_points(rd.as_map(_torch_step, 6, 2).hold([0.1, 0.2]), STARTS[:20])
    assert in_steps.dt is None
    assert torch.allclose(in_steps.rates, in_steps.eigenvalues.log())


def test_what_a_long_step_makes_is_told() -> None:
    """Of dh/dt = -h Euler's step of 2.1 repels from 0, one of 1.05 does not."""
    long = rd.find_fixed_points(rd.as_map(lambda h, x: -h, 1, 0, dt=2.1, scheme="euler").hold(), STARTS[:20, :1])
    assert long.notes == ("in steps half as long points 0 are not as stable as here: take a shorter dt",)
    cubic = rd.as_map(lambda h, x: h - h**3, 1, 0, dt=1.5, scheme="rk4").hold()
    points = rd.find_fixed_points(cubic, torch.linspace(-1.6, 1.6, 400, dtype=DOUBLE)[:, None])
    real = (points.states[:, 0, None] - torch.tensor([-1.0, 0.0, 1.0], dtype=DOUBLE)).abs().amin(dim=1) < 1e-6
    assert real.sum() == 3
    assert len(points) > 3  # of its own making
    none = ", ".join(str(row) for row in (~real).nonzero().flatten().tolist())
    assert f"in steps half as long points {none} are none" in points.notes[-1]
