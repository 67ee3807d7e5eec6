"""The linearisation at slow points: eigenvalues in closed form, the mode of the drift, kinks, older files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from problems.maps import normal
from rich.console import Console
from safetensors.torch import load_file, safe_open, save_file
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.fixed_points import SlowPoints
from rnn_dynamics.report import print_report

DOUBLE = torch.float64


BASIS = torch.linalg.qr(normal(4, 4, seed=1))[0]
WEIGHTS = normal(4, 2, seed=2)


def passage(moduli: tuple[float, float, float], epsilon: float = 1e-3) -> rd.AutonomousMap:
    """One coordinate creeps past 0, u' = u + epsilon + u^2, three are linear; seen in a rotated basis."""
    across = torch.tensor(moduli, dtype=DOUBLE)

    def step(h: Tensor, x: Tensor) -> Tensor:
        u, rest = (h @ BASIS.to(h)).split([1, 3], dim=-1)
        return torch.cat([u + epsilon + u**2, rest * across.to(h)], dim=-1) @ BASIS.T.to(h) + x @ WEIGHTS.T.to(h)

    return rd.as_map(step, state_size=4, input_size=2).hold([0.0, 0.0])


def slow_of(system: rd.AutonomousMap, spread: float = 0.3, k: int = 64) -> SlowPoints:
    return rd.find_fixed_points(system, spread * normal(k, system.state_size), extra_starts=0).slow


@pytest.mark.parametrize(
    ("moduli", "kind", "unstable"),
    [
        ((0.5, 0.2, 0.1), "stable node", 0),
        ((-0.9, 0.2, 0.1), "stable flip", 0),
        ((1.3, 0.2, 0.1), "saddle", 1),
        ((-1.3, 1.1, 0.1), "saddle flip", 2),
        ((1.3, 1.2, 1.1), "unstable node", 3),
    ],
)
def test_eigenvalues_are_those_in_closed_form(moduli: tuple[float, ...], kind: str, unstable: int) -> None:
    slow = slow_of(passage(moduli))
    assert len(slow) == 1
    assert float(slow.speeds[0]) == pytest.approx(1e-3)
    want = sorted([1.0, *moduli], key=lambda value: -abs(value))
    np.testing.assert_allclose(slow.eigenvalues[0].numpy(), want, atol=1e-4)  # minima of the speed are flat
    assert int(slow.drift_modes[0]) == want.index(1.0)
    assert (slow.kinds, slow.n_unstable.tolist(), slow.stable.tolist()) == ((kind,), [unstable], [unstable == 0])
    least = min(moduli, key=abs)
    np.testing.assert_allclose(slow.time_constants[0, want.index(least)], -1 / np.log(abs(least)), rtol=1e-6)
    assert slow.input_jacobians is not None
    torch.testing.assert_close(slow.input_jacobians[0], WEIGHTS)
    leading = max(moduli, key=abs)
    assert slow.to_pandas()["time_constant"][0] == pytest.approx(-1 / np.log(abs(leading)), rel=1e-6)


def test_eigenvectors_and_the_velocity_as_left_eigenvector() -> None:
    slow = slow_of(passage((1.3, 0.5, 0.1)))
    right, left = slow.right_eigenvectors[0], slow.left_eigenvectors[0]
    for mode, column in enumerate([1, 0, 2, 3]):
        assert float(right[:, mode].real @ BASIS[:, column]) ** 2 == pytest.approx(1, abs=1e-6)
        assert complex(left[:, mode].conj() @ right[:, mode]) == pytest.approx(1)
    drift = left[:, int(slow.drift_modes[0])].real
    assert float(drift @ BASIS[:, 0]) ** 2 == pytest.approx(float(drift @ drift), rel=1e-6)


def test_of_a_coupled_map_by_numpy() -> None:
    """A smooth coupled map in five dimensions that passes a fold: eigenvalues of differences by numpy."""
    weights = 0.7 * normal(5, 5, seed=5)
    weights *= 1.3 / torch.linalg.eigvals(weights).abs().max()
    bias = 0.4 * normal(5, seed=6)

    def step(h: Tensor) -> Tensor:
        return torch.tanh(h @ weights.T.to(h) + bias.to(h))

    system = rd.as_map(lambda h, _: step(h), state_size=5, input_size=0).hold()
    slow = rd.find_fixed_points(system, normal(256, 5), rd.SpeedMinimizer(slow_enough=0.05), extra_starts=0).slow
    assert len(slow) > 3
    for row in slow:
        (state,) = row.states
        nudges = 1e-6 * torch.eye(5, dtype=DOUBLE)
        jacobian = ((step(state + nudges) - step(state - nudges)) / 2e-6).T.numpy()
        want = np.linalg.eigvals(jacobian)
        got = row.eigenvalues[0].numpy()
        np.testing.assert_allclose(np.sort_complex(got), np.sort_complex(want), atol=1e-7)
        assert (np.diff(np.abs(got)) <= 1e-12).all()
        velocity = (step(state) - state).numpy()
        slope = np.linalg.norm(velocity @ (jacobian - np.eye(5))) / np.linalg.norm(velocity)
        assert (int(row.drift_modes[0]) < 0) == (slope > 1e-3)


def test_one_dimension_has_no_mode_beside_the_drift() -> None:
    slow = slow_of(rd.as_map(lambda h, _: h + 0.01 + h**2, state_size=1, input_size=0).hold())
    assert (slow.kinds, slow.n_unstable.tolist(), slow.drift_modes.tolist()) == (("marginal node",), [0], [0])
    assert slow.input_jacobians is None


def test_a_minimum_on_a_kink_is_said_to_be_one() -> None:
    """x' = x + .01 + |x| / 2: the speed is least at the corner, where DF jumps from .5 to 1.5."""
    system = rd.as_map(lambda h, _: torch.cat([h[..., :1] + 0.01 + 0.5 * h[..., :1].abs(), 0.5 * h[..., 1:]], -1), 2, 0)
    result = rd.SpeedMinimizer(slow_enough=0.02).solve(system.hold(), torch.tensor([[0.0, 0.0]], dtype=DOUBLE))
    slow = rd.find_fixed_points(
        system.hold(), torch.tensor([[0.0, 0.0]]), rd.SpeedMinimizer(slow_enough=0.02), extra_starts=0
    ).slow
    assert float(result.residuals[0]) == pytest.approx(0.01)
    assert slow.kinds == ("marginal kink",)


def test_ghosts_of_attractors_have_spectra_too() -> None:
    system = passage((0.5, 0.2, 0.1), epsilon=1e-8)
    found = rd.find_attractors(
        system, -0.3 * BASIS[:, 0][None] + 1e-3 * normal(8, 4), settle=rd.Settle(max_steps=2000, horizon=1e4)
    )
    assert len(found.slow) == 1
    assert found.slow.kinds == ("stable node",)
    np.testing.assert_allclose(found.slow.eigenvalues[0].numpy(), [1, 0.5, 0.2, 0.1], atol=1e-3)


def test_only_the_slowest_are_analysed_and_the_others_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnn_dynamics.fixed_points.slow._ANALYSED", 3)
    system = rd.as_map(lambda h, _: torch.tanh(h @ (0.98 * BASIS.T).to(h)), state_size=4, input_size=0).hold()
    slow = rd.find_fixed_points(system, normal(7, 4), rd.SpeedMinimizer(slow_enough=0.5), extra_starts=0).slow
    assert len(slow) == 7
    assert slow.analysed.tolist() == 3 * [True] + 4 * [False]
    assert set(slow.kinds[3:]) == {"not analysed"}
    assert slow.n_unstable.tolist()[3:] == [-1] * 4
    assert bool(slow.eigenvalues[3:].isnan().all())
    assert "4 not analysed" in slow.summary()


def test_what_is_shown() -> None:
    points = rd.find_fixed_points(passage((1.3, 0.2, 0.1)), 0.3 * normal(64, 4), extra_starts=0)
    text = repr(points.slow)
    assert text.startswith("1 slow point, speed 1.0e-03 to 1.0e-03 a step; 0 stable across the drift")
    assert "saddle" in text
    assert "saddle" in points.slow._repr_html_()
    console = Console(record=True, width=120, quiet=False, file=Path("/dev/null").open("w"))  # noqa: SIM115
    print_report(points, console)
    shown = console.export_text()
    assert "kinds are of the linearisation there" in shown
    assert "saddle" in shown
    console.file.close()


def test_saved_and_loaded(tmp_path: Path) -> None:
    points = rd.find_fixed_points(passage((1.3, 0.2, 0.1)), 0.3 * normal(64, 4), extra_starts=0)
    again = rd.load(rd.save(points, tmp_path / "points.safetensors")).slow
    for name in ("eigenvalues", "right_eigenvectors", "left_eigenvectors", "drift_modes", "input_jacobians"):
        assert torch.equal(getattr(again, name), getattr(points.slow, name))
    assert repr(again) == repr(points.slow)


def test_files_from_before_slow_points_had_spectra(tmp_path: Path) -> None:
    points = rd.find_fixed_points(passage((1.3, 0.2, 0.1)), 0.3 * normal(64, 4), extra_starts=0)
    path = rd.save(points, tmp_path / "points.safetensors")
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["rnn_dynamics"])
    slow = header["result"]["fields"]["slow"]["fields"]
    for name in set(slow) - {"states", "speeds", "hits"}:
        del slow[name]
    del header["result"]["fields"]["chosen_from"]
    save_file(load_file(path), path, metadata={"rnn_dynamics": json.dumps(header)})
    old = rd.load(path).slow
    assert (old.kinds, old.n_unstable.tolist(), old.stable.tolist()) == (("not analysed",), [-1], [False])
    assert old.eigenvalues.shape == (1, 4)
    assert bool(old.eigenvalues.isnan().all())
    assert "1 not analysed" in repr(old)
    assert torch.equal(old[0].states, points.slow.states)
