"""Fixed points followed along a family of maps, against closed forms and against fresh searches at both ends."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.continuation import Followed, between, follow, iterated
from rnn_dynamics.systems import AutonomousMap


def family(step: Callable[[Tensor, float], Tensor], n: int) -> Callable[[float], AutonomousMap]:
    """The family of maps h -> step(h, t)."""

    def at(t: float) -> AutonomousMap:
        return rd.as_map(lambda state, input: step(state, t), state_size=n, input_size=0).hold()

    return at


def neuron(w: Callable[[float], float], b: Callable[[float], float]) -> Callable[[float], AutonomousMap]:
    return family(lambda h, t: torch.tanh(w(t) * h + b(t)), 1)


def roots(system: AutonomousMap, seed: int = 0, count: int = 2000) -> Tensor:
    starts = 2 * torch.rand(count, system.state_size, generator=torch.Generator().manual_seed(seed)) - 1
    return rd.find_fixed_points(system, starts.double(), seed=seed).states


def kinds(followed: Followed, row: int = 0) -> list[str]:
    return [crossing.kind for crossing in followed.crossings[row]]


FOLD = 2 * math.sqrt(0.5) - math.atanh(math.sqrt(0.5))
"""Of tanh(2 h + b): b at which two of its three fixed points meet."""


def test_a_node_and_its_saddle_meet_in_the_fold_of_the_closed_form() -> None:
    path = neuron(lambda t: 2.0, lambda t: t)
    points = roots(path(0.0))
    followed = follow(path, points, 0.0, 1.0)
    order = points[:, 0].argsort().tolist()
    low, middle, high = order
    assert [followed.outcomes[row] for row in order] == ["fold", "fold", "arrived"]
    for row, partner in ((low, middle), (middle, low)):
        assert float(followed.parameters[row]) == pytest.approx(FOLD, abs=1e-7)
        assert float(followed.fold_states[row]) == pytest.approx(-math.sqrt(0.5), abs=1e-4)
        assert torch.allclose(followed.ends[row], points[partner], atol=1e-9)
    end = float(followed.ends[high])
    assert math.tanh(2 * end + 1) == pytest.approx(end, abs=1e-11)
    assert float(followed.residuals.nan_to_num().max()) < 1e-10
    assert "2 fold" in repr(followed)


def test_backwards_is_the_mirror() -> None:
    path = neuron(lambda t: 2.0, lambda t: 1 - t)
    followed = follow(path, roots(path(1.0)), 1.0, 0.0)
    assert sorted(followed.outcomes) == ["arrived", "fold", "fold"]
    found = [float(t) for t, o in zip(followed.parameters, followed.outcomes, strict=True) if o == "fold"]
    assert found == pytest.approx([1 - FOLD] * 2, abs=1e-7)


@pytest.mark.parametrize("share", [1e-4, 1e-2, 0.5, 1 - 1e-4])
def test_folds_anywhere_on_the_way(share: float) -> None:
    span = 0.4  # b runs so that the fold lies at this share of it
    path = neuron(lambda t: 2.0, lambda t: FOLD + span * (t - share))
    points = roots(path(0.0))
    followed = follow(path, points)
    assert sorted(followed.outcomes) == ["arrived", "fold", "fold"]
    found = [float(t) for t, o in zip(followed.parameters, followed.outcomes, strict=True) if o == "fold"]
    assert found == pytest.approx([share] * 2, abs=1e-6)


def test_a_branch_that_turns_twice_arrives() -> None:
    # Along b = a h^2-like detours a single branch folds over: from the lower stable state back and up to the upper one.
    h = 0.9

    def step(state: Tensor, t: float) -> Tensor:
        # h' = h - r(h, t) with r = h^3/3 - h^2 s + ... : the cubic t = h^3 - h, whose graph turns at h = -+ 1/sqrt 3.
        return state - 0.1 * (state**3 - state - (-0.6 + 1.2 * t))

    path = family(step, 1)
    start = torch.tensor([[-1.2]], dtype=torch.float64)
    for _ in range(200):
        start = start - (start**3 - start + 0.6) / (3 * start**2 - 1)
    followed = follow(path, start)
    assert followed.outcomes == ("arrived",)
    assert kinds(followed) == ["fold", "fold"]
    turns = sorted(crossing.t for crossing in followed.crossings[0])
    value = 2 / (3 * math.sqrt(3))
    assert turns == pytest.approx([(0.6 - value) / 1.2, (0.6 + value) / 1.2], abs=1e-7)
    assert float(followed.ends[0]) > h


def test_a_symmetric_pitchfork_is_passed_straight_through() -> None:
    path = neuron(lambda t: 0.5 + 1.5 * t, lambda t: 0.0)
    followed = follow(path, torch.zeros(1, 1))
    assert followed.outcomes == ("arrived",)
    assert kinds(followed) == ["branch point"]
    assert followed.crossings[0][0].t == pytest.approx(1 / 3, abs=1e-7)
    assert float(followed.ends[0].abs()) < 1e-10
    # Back from the arms: they meet at the fork.
    arms = roots(path(1.0))
    arms = arms[arms[:, 0].abs() > 0.1]
    back = follow(path, arms, 1.0, 0.0)
    assert back.outcomes == ("fold", "fold")
    assert back.parameters.tolist() == pytest.approx([1 / 3] * 2, abs=1e-6)
    assert torch.allclose(back.ends, arms.flip(0), atol=1e-9)


def test_transcritical_branches_exchange_stability_and_both_arrive() -> None:
    path = family(lambda h, t: h + 0.5 * h * ((t - 0.4) - h), 1)
    followed = follow(path, torch.tensor([[0.0], [-0.4]]))
    assert followed.outcomes == ("arrived", "arrived")
    assert followed.ends[:, 0].tolist() == pytest.approx([0.0, 0.6], abs=1e-10)
    assert [kinds(followed, row) for row in (0, 1)] == [["branch point"]] * 2
    assert [followed.crossings[row][0].t for row in (0, 1)] == pytest.approx([0.4] * 2, abs=1e-6)


def test_flips_and_neimark_sacker_points() -> None:
    path = neuron(lambda t: -0.5 - t, lambda t: 0.0)
    followed = follow(path, torch.zeros(1, 1))
    assert kinds(followed) == ["flip"]
    assert followed.crossings[0][0].t == pytest.approx(0.5, abs=1e-8)
    assert followed.crossings[0][0].eigenvalue == pytest.approx(-1, abs=1e-7)

    angle = 0.7
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]).double()
    path = family(lambda h, t: torch.tanh((0.8 + 0.5 * t) * (turn @ h)), 2)
    followed = follow(path, torch.zeros(1, 2))
    assert kinds(followed) == ["Neimark-Sacker"]
    crossing = followed.crossings[0][0]
    assert crossing.t == pytest.approx(0.4, abs=1e-7)
    assert abs(math.atan2(crossing.eigenvalue.imag, crossing.eigenvalue.real)) == pytest.approx(angle, abs=1e-6)
    assert crossing.state.abs().max() < 1e-9


def test_a_cycle_ends_in_its_flip() -> None:
    path = neuron(lambda t: -2.0 + 1.5 * t, lambda t: 0.0)
    h = 0.9
    for _ in range(100):
        h = math.tanh(2 * h)
    cycle = torch.tensor([[h]], dtype=torch.float64)
    followed = follow(iterated(path, 2), cycle)
    assert followed.outcomes == ("fold",)
    assert float(followed.parameters[0]) == pytest.approx(2 / 3, abs=1e-6)
    assert torch.allclose(followed.ends, -cycle, atol=1e-9)  # its own other phase


def test_many_branches_at_once_and_none_jumps() -> None:
    bias = torch.tensor([0.02, -0.05, 0.08], dtype=torch.float64)
    path = family(lambda h, t: torch.tanh((2.0 - t) * h + bias), 3)
    points = roots(path(0.0), count=4000)
    assert len(points) == 27
    end = 0.7
    followed = follow(path, points, 0.0, end)
    # Each coordinate is a problem of its own: three roots at w while |b| is below the fold's.
    w = 2.0 - end
    h = math.sqrt(1 - 1 / w)
    fold = w * h - math.atanh(h)
    survive = 3 ** int((bias.abs() < fold).sum())
    assert followed.outcomes.count("arrived") == survive == len(roots(path(end), count=4000))
    assert followed.outcomes.count("fold") == 27 - survive
    arrived = followed.ends[[row for row, outcome in enumerate(followed.outcomes) if outcome == "arrived"]]
    assert float(torch.pdist(arrived).min()) > 1e-3
    for row, outcome in enumerate(followed.outcomes):
        if outcome == "fold":
            partner = int((points - followed.ends[row]).norm(dim=1).argmin())
            assert torch.allclose(points[partner], followed.ends[row], atol=1e-8)
            assert torch.allclose(followed.ends[partner], points[row], atol=1e-8)


def test_a_point_that_runs_away_is_said_to() -> None:
    path = family(lambda h, t: t * h + 1, 1)  # h* = 1 / (1 - t)
    followed = follow(path, torch.ones(1, 1), 0.0, 2.0)
    assert followed.outcomes[0] in ("left", "unresolved")
    assert float(followed.parameters[0]) < 1.0


@pytest.mark.parametrize("seed", range(3))
def test_what_is_followed_agrees_with_fresh_searches(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        before, after = nn.GRU(2, 12).double(), nn.GRU(2, 12).double()
    with torch.no_grad():
        for one, other in zip(before.parameters(), after.parameters(), strict=True):
            one.copy_(2.5 * torch.randn(one.shape, generator=generator) / 12**0.5)
            other.copy_(one + 0.3 * torch.randn(one.shape, generator=generator) / 12**0.5)
    path = between(before, after)
    ends = [roots(path(t), seed, 3000) for t in (0.0, 1.0)]
    ahead, back = follow(path, ends[0]), follow(path, ends[1], 1.0, 0.0)
    assert "unresolved" not in ahead.outcomes + back.outcomes
    for followed, there, other in ((ahead, ends[1], back), (back, ends[0], ahead)):
        for row, outcome in enumerate(followed.outcomes):
            if outcome == "arrived":
                near = (there - followed.ends[row]).norm(dim=1)
                match = int(near.argmin())
                assert near[match] < 1e-7
                assert other.outcomes[match] == "arrived"
    assert ahead.outcomes.count("arrived") == back.outcomes.count("arrived")
    assert ahead.outcomes.count("fold") % 2 == 0


@pytest.mark.parametrize("spec", ["RNN-6", "GRU-5x2", "LSTM-4", "MGU-5", "BRC-5", "nBRC-5", "GRU+LSTM-6", "RNN-1"])
def test_the_line_between_two_networks(spec: str) -> None:
    before, after = (module_from_spec(spec, 2, seed).double() for seed in (0, 1))
    held = [0.3, -0.7]
    path = between(before, after, held)
    states = torch.randn(5, rd.as_map(before).state_size, generator=torch.Generator().manual_seed(0)).double()
    for t, module in ((0.0, before), (1.0, after)):
        assert torch.equal(path(t)(states), rd.as_map(module).hold(held)(states))
    step = 1e-5
    difference = (path(0.4 + step)(states) - path(0.4 - step)(states)) / (2 * step)
    assert torch.allclose(path.derivative(states, 0.4), difference, atol=1e-8)
    assert all(weight.requires_grad for weight in before.parameters())


class Step(nn.Module):
    """A cell of nobody's."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor([gain], dtype=torch.float64))

    def forward(self, state: Tensor, input: Tensor) -> Tensor:
        return torch.tanh(self.gain * state + input)


def test_modules_that_are_functions() -> None:
    maps = [rd.as_map(Step(gain), 1, 1, box=([-1.0], [1.0])) for gain in (0.5, 2.0)]
    followed = follow(between(*maps, [0.0]), torch.zeros(1, 1))
    assert kinds(followed) == ["branch point"]
    assert followed.crossings[0][0].t == pytest.approx(1 / 3, abs=1e-7)
    functions = [rd.as_map(lambda state, input: torch.tanh(state + input), 1, 1) for _ in range(2)]
    with pytest.raises(ValueError, match=r"torch\.nn\.Module"):
        between(*functions, [0.0])


def test_bad_input() -> None:
    path = neuron(lambda t: 0.5, lambda t: 0.0)
    zero = torch.zeros(1, 1)
    table: list[tuple[dict, str]] = [
        ({"states": torch.zeros(1, 2)}, "states must have shape"),
        ({"states": torch.full((1, 1), torch.nan)}, "states must be finite"),
        ({"states": torch.ones(1, 1)}, "row 0 has a residual"),
        ({"start": 1.0}, "two different finite numbers"),
        ({"end": math.inf}, "two different finite numbers"),
        ({"family": lambda t: torch.zeros(1)}, "autonomous map"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"max_steps": 0}, "max_steps"),
    ]
    for change, words in table:
        with pytest.raises(ValueError, match=words):
            follow(**{"family": path, "states": zero, "start": 0.0, "end": 1.0, **change})
    with pytest.raises(ValueError, match="period"):
        iterated(path, 0)
    for one, other in (("GRU-4", "GRU-5"), ("GRU-4", "MGU-4"), ("GRU-4", "GRU-4x2")):
        with pytest.raises(ValueError, match="before"):
            between(module_from_spec(one, 1, 0), module_from_spec(other, 1, 0))
