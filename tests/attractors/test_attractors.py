"""What starts settle on: kinds, periods, exponents and counts of systems with known answers; outcomes of the rest."""

import pytest
import torch
from contracts.detectors import check_answer, check_tolerances, fast
from problems.attractors import DEAR, SLOW_CIRCLE, UNSETTLED, MovingProblem, named, normal_form, rotating, turn
from problems.maps import held
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.attractors import Fate


@pytest.mark.parametrize("problem", [*UNSETTLED, *DEAR], ids=lambda problem: problem.name)
def test_kinds_periods_and_exponents(problem: MovingProblem) -> None:
    check_answer(problem, rd.find_attractors(problem.system, problem.starts(), settle=fast(problem)))


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.1, 10.0])
@pytest.mark.parametrize("problem", UNSETTLED, ids=lambda problem: problem.name)
def test_tolerances_do_not_decide_or_the_result_says_so(problem: MovingProblem, factor: float) -> None:
    check_tolerances(problem, factor)


def test_200_starts_on_one_circle_or_one_chaotic_set_are_one_attractor() -> None:
    """Where the published measure counts dozens: VAA .99 on a circle, 1 on a chaotic set."""
    for problem, kind in ((named("circle"), "circle"), (named("Henon"), "chaotic")):
        starts = problem.system.iterate(problem.starts(400), 1000)
        starts = starts[starts.isfinite().all(dim=-1)][:200]
        assert rd.vaa(starts) > 0.95
        found = rd.find_attractors(problem.system, starts)
        assert found.kinds == (kind,)
        assert found.hits.tolist() == [200]


@pytest.mark.parametrize("angle", [0.618, 2 * torch.pi / 7 + 1e-3, 2 * torch.pi / 30 + 1e-4, 0.05])
def test_gaps_of_a_nearly_resonant_circle_are_bridged(angle: float) -> None:
    """Two orbits on one circle may keep to different gaps for very long: they are on one attractor all the same."""
    problem = MovingProblem("circle", normal_form(angle), 2, ("circle",), (0,))
    found = rd.find_attractors(problem.system, problem.starts(100))
    assert found.kinds == ("circle",)
    assert found.hits.tolist() == [100]


def test_two_circles_one_inside_the_other_are_two() -> None:
    def step(h: Tensor) -> Tensor:
        radius = h.norm(dim=-1, keepdim=True)
        return h / radius * (radius - 0.3 * (radius - 1) * (radius - 1.1) * (radius - 1.2) * 40) @ turn(1.7).T

    system = rd.as_map(lambda h, _: step(h), state_size=2, input_size=0).hold()
    angles = 2 * torch.pi * torch.rand(80, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    radii = torch.linspace(0.95, 1.25, 80, dtype=torch.float64)
    found = rd.find_attractors(system, radii[:, None] * torch.stack([angles.cos(), angles.sin()], dim=1))
    assert found.kinds == ("circle", "circle")
    inside = found.labels == found.labels[0]
    assert torch.equal(inside, radii < 1.1)


def test_a_circle_with_a_bottleneck_is_no_ghost() -> None:
    """20,000 steps a turn, most of them where a fold's ghost is: still one circle."""
    found = rd.find_attractors(SLOW_CIRCLE.system, SLOW_CIRCLE.starts(20))
    assert found.kinds == ("circle",)
    assert set(found.outcomes) == {"settled"}


def test_a_ghost_is_slow_and_no_attractor() -> None:
    """Just past the fold of tanh(2x + b), a state lingers for long and goes on; before it, the point attracts."""
    fold = 0.532839975
    starts = torch.linspace(0.7073, 0.71, 8, dtype=torch.float64)[:, None]
    past = rd.as_map(lambda x, _: torch.tanh(2 * x - fold - 1e-9), state_size=1, input_size=0).hold()
    passing = rd.find_attractors(past, starts, settle=rd.Settle(horizon=1000, max_steps=512))
    assert len(passing) == 0
    assert set(passing.outcomes) == {"slow"}
    assert len(passing.slow) == 1
    assert any(line.startswith("1 ghost, of speed") for line in passing.advice)
    assert float((passing.slow.states - 0.70710678).abs().min()) < 1e-3
    assert 1e-10 < float(passing.slow.speeds.min()) < 1e-8
    # With a longer horizon it passes, and settles on the other side.
    passed = rd.find_attractors(past, starts)
    assert passed.kinds == ("fixed point",)
    assert float(passed.states[0, 0]) < 0
    before = rd.as_map(lambda x, _: torch.tanh(2 * x - fold + 1e-6), state_size=1, input_size=0).hold()
    found = rd.find_attractors(before, starts + 0.01)
    assert float(found.states[0, 0]) > 0
    assert found.hits.tolist() == [8]


def test_a_slow_manifold_is_named() -> None:
    """A ring along which the state creeps at 1e-9 a step."""

    def creep(h: Tensor) -> Tensor:
        return h * (1.5 - 0.5 * h.norm(dim=-1, keepdim=True)) @ turn(1e-9).T

    system = rd.as_map(lambda h, _: creep(h), state_size=2, input_size=0).hold()
    starts = torch.randn(64, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = rd.find_attractors(system, starts, settle=rd.Settle(horizon=1e5))
    assert len(found) == 0
    assert set(found.outcomes) == {"slow"}
    assert torch.allclose(found.speeds, torch.full_like(found.speeds, 1e-9), rtol=0.01)
    assert [manifold.shape for manifold in found.slow_manifolds] == ["ring"]
    assert "drifting along a ring" in repr(found)


def test_an_integrator_runs_away_and_says_which_coordinate() -> None:
    problem = named("integrator")
    found = rd.find_attractors(problem.system, problem.starts(20))
    assert set(found.outcomes) == {"diverged"}
    assert found.running.any(dim=0).tolist() == [True, False]
    assert "coordinates that run away: 0" in repr(found)


def test_an_lstm_cell_state_used_as_an_integrator() -> None:
    """Forget gate 1 to the last bit, input gate open: c grows by tanh(1) a step, and h is at rest."""
    with torch.random.fork_rng():
        module = torch.nn.LSTM(1, 2, dtype=torch.float64)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        module.bias_ih_l0.copy_(torch.tensor([50.0, 50, 50, 50, 1, 1, 0, 0], dtype=torch.float64))
    found = rd.find_attractors(rd.as_map(module).hold(), torch.zeros(4, 4))
    assert set(found.outcomes) == {"diverged"}
    assert found.running.any(dim=0).tolist() == [False, False, True, True]


def test_a_start_on_a_saddle_is_balanced_not_settled() -> None:
    system = rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=2, input_size=0).hold()
    found = rd.find_attractors(system, torch.tensor([[0.0, 0.0], [0.1, 0.1], [1e-9, 0.3]]))
    assert found.outcomes == ("slow", "settled", "settled")
    assert int(found.fates[0]) == Fate.BALANCED
    assert "unstable fixed point" in repr(found)


def test_drift_past_a_saddle_keeps_to_its_side() -> None:
    """A slow line with a saddle on it: implicit steps may not jump across, nor end on the saddle."""

    def step(h: Tensor) -> Tensor:
        x, y = h[..., 0], h[..., 1]
        return torch.stack([x + 1e-4 * x * (1 - x**2), 0.5 * y + 0.1 * x], dim=-1)

    system = rd.as_map(lambda h, _: step(h), state_size=2, input_size=0).hold()
    x = torch.cat([-torch.logspace(-6, 0.2, 40), torch.logspace(-6, 0.2, 40)]).double()
    found = rd.find_attractors(system, torch.stack([x, torch.ones_like(x)], dim=1))
    assert found.kinds == ("fixed point", "fixed point")
    assert set(found.outcomes) == {"settled"}  # from 1e-6 after ln(1e6) / 1e-4 = 138,000 steps
    assert torch.equal(found.states[found.labels, 0] > 0, x > 0)
    nearest = found.times[x == x.abs().min()]
    assert float(nearest) == pytest.approx(138_000, rel=1)


SLOW_AND_FAST = {
    "a fast direction that decays last": (
        lambda h: torch.stack(
            [h[..., 0] - 1e-4 * h[..., 0] + h[..., 0] ** 2 - h[..., 0] ** 3, 0.97 * h[..., 1]], dim=-1
        ),
        [[1e-3, 100.0], [3e-3, 100], [1e-2, 100], [2e-2, 10], [5e-4, 10], [5e-4, 1], [5e-5, 1], [-1e-3, 1]],
    ),
    "a Jordan block": (
        lambda h: torch.stack(
            [0.999 * h[..., 0] + h[..., 1] + h[..., 0] ** 3 - h[..., 0] ** 5, 0.999 * h[..., 1]], dim=-1
        ),
        [[0.0, y] for y in (1e-6, 3e-5, 7e-5, 1e-4, 5e-4)],
    ),
    "a Jordan block with a kink": (
        lambda h: torch.stack(
            [
                torch.where(h[..., 0] < 2, 0.999 * h[..., 0] + h[..., 1], 10 + 0.5 * (h[..., 0] - 10)),
                0.999 * h[..., 1],
            ],
            dim=-1,
        ),
        [[0.0, 0.01], [0.0, 0.02], [0.0, 1e-4]],
    ),
}


@pytest.mark.parametrize("name", SLOW_AND_FAST)
def test_no_start_is_captured_that_still_leaves(name: str) -> None:
    """Where |x| falls while the orbit turns to where it is nonlinear, the ball that captures must be small."""
    step, rows = SLOW_AND_FAST[name]
    system, starts = held(step, 2), torch.tensor(rows, dtype=torch.float64)
    found = rd.find_attractors(system, starts)
    ends = system.iterate(starts, 100_000)
    assert set(found.outcomes) == {"settled"}
    assert (ends - found.states[found.labels]).norm(dim=1).max() < 1e-3


def test_many_points_along_a_slow_line() -> None:
    system = held(lambda h: torch.stack([h[..., 0] + 1e-3 * torch.sin(300 * h[..., 0]), 0.97 * h[..., 1]], dim=-1), 2)
    unit = 2 * torch.rand(100, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    starts = unit * torch.tensor([1.0, 20.0])
    found = rd.find_attractors(system, starts)
    ends = system.iterate(starts, 20_000)
    assert (ends - found.states[found.labels]).norm(dim=1).max() < 1e-6


@pytest.mark.parametrize("width", [0.1, 0.03, 0.01])
def test_implicit_steps_do_not_step_over_a_narrow_point(width: float) -> None:
    """No orbit of a continuous map of the line that moves by so little a step can pass a fixed point."""
    system = held(lambda h: h + 1e-3 * torch.tanh(5 - h) - 2e-3 * torch.exp(-(((h - 1) / width) ** 2)), 1)
    found = rd.find_attractors(system, torch.linspace(-1, 0.5, 20, dtype=torch.float64)[:, None])
    assert found.hits.tolist() == [20]
    assert 0.9 < float(found.states[0]) < 1


def test_known_attractors_keep_their_rows() -> None:
    system = rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=2, input_size=0).hold()
    first = rd.find_attractors(system, torch.tensor([[0.5, 0.5]]))
    more = rd.find_attractors(system, torch.tensor([[-0.5, 0.5], [0.4, 0.4], [0.5, -0.5], [-0.5, -0.5]]), known=first)
    assert torch.equal(more.states[:1], first.states)
    assert more.labels[1] == 0
    assert len(more) == 4
    none = rd.find_attractors(system, torch.tensor([[-0.5, 0.5]]), known=first)
    assert none.hits.tolist() == [0, 1]


def test_the_order_of_starts_does_not_matter() -> None:
    problem = named("memories")
    starts = problem.starts(200)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(1))
    one, other = rd.find_attractors(problem.system, starts), rd.find_attractors(problem.system, starts[order])
    assert torch.allclose(one.states, other.states, atol=1e-9)
    assert torch.equal(one.labels[order], other.labels)


def test_wilson_intervals() -> None:
    system = rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=1, input_size=0).hold()
    starts = torch.cat([torch.full((30, 1), 0.5), torch.full((70, 1), -0.5)])
    found = rd.find_attractors(system, starts)
    low, high = found.fraction_intervals()[int(found.labels[0])].tolist()
    # Wilson's formula by hand for 30 of 100.
    z, p, n = 1.959963984540054, 0.3, 100
    middle, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    assert (low, high) == pytest.approx(((middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)))
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1, got 95"):
        found.fraction_intervals(95)


def test_interrupted_it_returns_what_has_settled(monkeypatch) -> None:
    def step(h: Tensor) -> Tensor:
        """Where s > 0 the rest decays, where s < 0 it turns for ever."""
        s, rest = h[..., :1], h[..., 1:]
        return torch.cat([torch.tanh(5 * s), torch.where(s > 0, 0.5 * rest, rotating(1.3, 1.0)(rest))], dim=-1)

    system = rd.as_map(lambda h, _: step(h), state_size=3, input_size=0).hold()
    starts = torch.rand(10, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.1
    starts[5:, 0] *= -1
    calls, real = 0, type(system).__call__

    def impatient(self, states: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 200:
            raise KeyboardInterrupt
        return real(self, states)

    monkeypatch.setattr(type(system), "__call__", impatient)
    found = rd.find_attractors(system, starts)
    assert found.interrupted
    assert found.outcomes == ("settled",) * 5 + ("unfinished",) * 5
    assert found.kinds == ("fixed point",)
    assert found.hits.tolist() == [5]
    assert "interrupted" in repr(found)


def test_saved_and_loaded(tmp_path) -> None:
    for problem in map(named, ("Henon", "logistic 3.5", "circle")):
        found = rd.find_attractors(problem.system, problem.starts(50))
        again = rd.load(rd.save(found, tmp_path / "found.safetensors"))
        assert repr(again) == repr(found)
        assert torch.equal(again.orbits[0], found.orbits[0])
        assert len(again.to_pandas()) == len(found)
        assert again._repr_html_() == found._repr_html_()


def test_same_seed_same_result_and_one_state_is_enough() -> None:
    one = rd.find_attractors(named("Henon").system, torch.tensor([0.1, 0.1]))
    two = rd.find_attractors(named("Henon").system, torch.tensor([[0.1, 0.1]]))
    assert torch.equal(one.orbits[0], two.orbits[0])
    assert torch.equal(one.evidence[0].exponents, two.evidence[0].exponents)


def test_float32_system() -> None:
    torch_map = rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=2, input_size=0).hold(dtype=torch.float32)
    found = rd.find_attractors(torch_map, torch.randn(50, 2, generator=torch.Generator().manual_seed(0)))
    assert found.kinds == ("fixed point",) * 4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", [torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM])
def test_cuda_agrees_with_the_host(kind) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = kind(2, 12, num_layers=2)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            weight.mul_(3 if "hh" in name else 1)
    host, sequences = rd.as_map(module), torch.randn(40, 20, 2, generator=torch.Generator().manual_seed(0))
    starts = rd.sample_states(host, sequences, 64)
    on_host = rd.find_attractors(host.hold(), starts)
    device = rd.as_map(module.cuda())
    on_device = rd.find_attractors(device.hold(), starts.cuda())
    assert on_device.kinds == on_host.kinds
    assert torch.equal(on_device.hits, on_host.hits)
    assert (on_device.states.cpu() - on_host.states).abs().max() < 1e-6
    reach = rd.reachability(device, sequences.cuda(), n=20, horizons=(0, 100))
    assert 0 < reach.vaa <= 1
    rd.transition_graph(device, on_device, torch.eye(2))
    rd.lyapunov_spectrum(device.hold(), starts[:2].cuda(), k=2, steps=50)
    rd.echo_index(device, sequences[0].cuda(), starts=starts.cuda())
