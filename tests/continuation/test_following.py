"""Fixed points followed along a family of maps, against closed forms and against fresh searches at both ends."""

import copy
import math
from collections.abc import Callable
from itertools import pairwise, product
from typing import Any, cast

import pytest
import torch
from scipy.optimize import brentq
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.continuation import Followed, first_point, follow, walk
from rnn_dynamics.families import Family as Path
from rnn_dynamics.families import Interpolation, Span, between, iterated
from rnn_dynamics.fixed_points import find_fixed_points
from rnn_dynamics.systems import AutonomousMap, Box


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
    assert followed.outcomes == ("left",)
    assert 1 - 1e-5 < float(followed.parameters[0]) < 1
    assert followed.ends.isnan().all()
    # From the other side of the pole, and a family that ends at it.
    assert follow(path, -torch.ones(1, 1), 2.0, 0.0).outcomes == ("left",)
    assert follow(path, torch.ones(1, 1), 0.0, 1.0).outcomes == ("left",)
    # Two poles at once leave the sign of det(I - DF) as it was.
    assert follow(family(lambda h, t: t * h + 1, 2), torch.ones(1, 2), 0.0, 2.1).outcomes == ("left",)


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
    followed = follow(between(maps[0], maps[1], [0.0]), torch.zeros(1, 1))
    assert kinds(followed) == ["branch point"]
    assert followed.crossings[0][0].t == pytest.approx(1 / 3, abs=1e-7)
    functions = [rd.as_map(lambda state, input: torch.tanh(state + input), 1, 1) for _ in range(2)]
    with pytest.raises(ValueError, match=r"torch\.nn\.Module"):
        between(functions[0], functions[1], [0.0])


def test_bad_input() -> None:
    path = neuron(lambda t: 0.5, lambda t: 0.0)
    zero = torch.zeros(1, 1)
    table: list[tuple[dict[str, Any], str]] = [
        ({"states": torch.zeros(1, 2)}, "states must have shape"),
        ({"states": torch.full((1, 1), torch.nan)}, "states must be finite"),
        ({"states": torch.ones(1, 1)}, "row 0 has a residual"),
        ({"start": 1.0}, "two different finite numbers"),
        ({"end": math.inf}, "two different finite numbers"),
        ({"family": lambda t: torch.zeros(1)}, "autonomous map"),
        ({"family": lambda t: path(t) if t < 0.5 else None}, "got NoneType at t = 1"),
        ({"family": lambda t: family(lambda h, t: 0.5 * h, 1 if t == 0 else 2)(t)}, "same number of state units"),
        ({"family": path(0.0)}, "family must be a function t -> map"),
        ({"family": Step(0.5)}, "family must be a function t -> map"),
        ({"family": "path"}, "got str"),
        ({"states": None}, "states must be"),
        ({"states": torch.zeros(0, 1)}, "empty"),
        ({"start": "0"}, "two different finite numbers"),
        ({"end": math.nan}, "two different finite numbers"),
        ({"end": 0.0}, "two different finite numbers"),
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


def only(found: Followed) -> tuple[str, list[tuple[str, float]]]:
    assert len(found) == 1
    return found.outcomes[0], [(crossing.kind, crossing.t) for crossing in found.crossings[0]]


def tanh_network(weight: list[list[float]], bias: list[float]) -> nn.RNN:
    """h' = tanh(W h + b)."""
    n = len(bias)
    with torch.random.fork_rng():
        module = nn.RNN(1, n, dtype=torch.float64)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            values = {"weight_hh_l0": weight, "bias_hh_l0": bias}.get(name)
            parameter.copy_(torch.zeros(()) if values is None else torch.tensor(values, dtype=torch.float64))
    return module


def tanh_line(w: tuple[float, float], b: tuple[float, float] = (0.0, 0.0)) -> Interpolation:
    """tanh(w h + b) of one unit, from (w, b) at t = 0 to t = 1."""
    return between(tanh_network([[w[0]]], [b[0]]), tanh_network([[w[1]]], [b[1]]))


def zero_of(function: Callable[[float], float], low: float, high: float, xtol: float) -> float:
    return cast(float, brentq(function, low, high, xtol=xtol))


def tanh_roots(w: float, b: float) -> list[float]:
    """The fixed points of tanh(w h + b), rising."""

    def excess(h: float) -> float:
        return math.tanh(w * h + b) - h

    grid = [-1.0501 + 2.1 * index / 4000 for index in range(4001)]
    return [zero_of(excess, a, c, 1e-15) for a, c in pairwise(grid) if excess(a) * excess(c) < 0]


def fold_of(w: float) -> tuple[float, float]:
    """(b, h) of the fold of tanh(w h + b) at which the lower two fixed points meet as b rises."""
    h = -math.sqrt(1 - 1 / w)
    return math.atanh(h) - w * h, h


def check(found: Followed, family: Path) -> None:
    """What holds of every result: residuals of the very states that are returned, and rows that say what they know."""
    for row, outcome in enumerate(found.outcomes):
        if outcome == "arrived" or (outcome == "fold" and not found.reasons[row]):
            system = family(found.end if outcome == "arrived" else found.start)
            state = found.ends[row : row + 1]
            residual = float((system(state) - state).norm())
            assert residual <= 1e-11 * max(1.0, float(state.norm()))
            assert residual == pytest.approx(float(found.residuals[row]), abs=1e-15)
        else:
            assert found.ends[row].isnan().all()
            assert found.residuals[row].isnan()
        assert found.fold_states[row].isnan().all() == ("fold" not in {c.kind for c in found.crossings[row]})
        assert (found.reasons[row] != "") >= (outcome == "unresolved")


@pytest.mark.parametrize("w", [1.05, 1.5, 2.0, 4.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_saddle_node_at_the_known_bias(w: float, sign: float) -> None:
    b, h = fold_of(w)
    family = tanh_line((w, w), (0.0, sign * 3 * b))
    starts = tanh_roots(w, 0.0)
    starts = starts if sign > 0 else starts[::-1]  # the two that meet come first
    found = follow(family, [[x] for x in starts])
    check(found, family)
    assert found.outcomes == ("fold", "fold", "arrived")
    for row in (0, 1):
        assert float(found.parameters[row]) == pytest.approx(1 / 3, abs=1e-6)
        assert float(found.fold_states[row]) == pytest.approx(sign * h, abs=1e-6)
        assert [crossing.kind for crossing in found.crossings[row]] == ["fold"]
        assert found.crossings[row][0].eigenvalue == pytest.approx(1.0, abs=1e-6)
        # Each is the other's partner.
        assert float(found.ends[row]) == pytest.approx(starts[1 - row], abs=1e-10)
    assert float(found.ends[2]) == pytest.approx(tanh_roots(w, sign * 3 * b)[0], abs=1e-10)


def test_hysteresis_passes_two_folds_and_arrives() -> None:
    b, _ = fold_of(2.0)
    family = tanh_line((2.0, 2.0), (-2.0, 2.0))
    found = follow(family, [tanh_roots(2.0, -2.0)])
    check(found, family)
    outcome, crossings = only(found)
    assert outcome == "arrived"
    assert crossings == [
        ("fold", pytest.approx((2 + b) / 4, abs=1e-6)),
        ("fold", pytest.approx((2 - b) / 4, abs=1e-6)),
    ]
    assert float(found.ends) == pytest.approx(tanh_roots(2.0, 2.0)[0], abs=1e-10)


@pytest.mark.parametrize("off", [1e-3, 1e-6, 1e-9])
def test_folds_close_to_the_start_and_to_the_end(off: float) -> None:
    b, _ = fold_of(2.0)
    low, middle, _ = tanh_roots(2.0, 0.0)
    beyond, before = tanh_line((2.0, 2.0), (0.0, b + off)), tanh_line((2.0, 2.0), (0.0, b - off))
    found = follow(beyond, [[low], [middle]])
    check(found, beyond)
    assert found.outcomes == ("fold", "fold")
    assert found.parameters.tolist() == pytest.approx([b / (b + off)] * 2, abs=1e-6)
    found = follow(before, [[low], [middle]])
    check(found, before)
    assert found.outcomes == ("arrived", "arrived")
    assert float(found.ends[0]) < float(found.ends[1])

    starts = found.ends
    onwards = tanh_line((2.0, 2.0), (b - off, 2.0))
    found = follow(onwards, starts)
    check(found, onwards)
    assert found.outcomes == ("fold", "fold")
    assert found.parameters.tolist() == pytest.approx([off / (2.0 - b + off)] * 2, abs=1e-6)
    torch.testing.assert_close(found.ends, starts.flip(0), atol=1e-6, rtol=0)


def test_two_pitchforks_at_once_leave_no_sign_but_are_found() -> None:
    family = between(tanh_network([[0.5, 0.0], [0.0, 0.5]], [0.0, 0.0]), tanh_network([[2, 0], [0, 2]], [0.0, 0.0]))
    outcome, crossings = only(follow(family, [[0.0, 0.0]]))
    assert outcome == "arrived"
    assert crossings == [("branch point", pytest.approx(1 / 3, abs=1e-6))] * 2


@pytest.mark.parametrize("bias", [1e-2, 1e-4, 1e-6])
def test_imperfect_pitchfork_is_no_branch_point(bias: float) -> None:
    family = tanh_line((0.5, 2.0), (bias, bias))
    found = follow(family, [tanh_roots(0.5, bias)])
    check(found, family)
    assert only(found) == ("arrived", [])
    assert float(found.ends) == pytest.approx(max(tanh_roots(2.0, bias)), abs=1e-10)


def test_two_imperfect_pitchforks_at_once_do_not_deceive_the_sign() -> None:
    """A jump from the stable node to the source would leave det's sign as it was."""
    bias = [1e-3, 1.1e-3]
    family = between(tanh_network([[0.5, 0], [0, 0.5]], bias), tanh_network([[2, 0], [0, 2]], bias))
    found = follow(family, [[tanh_roots(0.5, b)[0] for b in bias]])
    assert only(found) == ("arrived", [])
    assert found.ends[0].tolist() == pytest.approx([max(tanh_roots(2.0, b)) for b in bias], abs=1e-10)


def test_crossings_of_many_kinds_are_listed_in_the_order_passed() -> None:
    after = [[4.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 1.25]]  # crossing at t = 1/4, 1/2, 4/5
    found = follow(between(tanh_network([[0.0] * 3] * 3, [0.0] * 3), tanh_network(after, [0.0] * 3)), [[0.0] * 3])
    outcome, crossings = only(found)
    assert outcome == "arrived"
    assert [kind for kind, _ in crossings] == ["branch point", "flip", "branch point"]
    assert [t for _, t in crossings] == pytest.approx([0.25, 0.5, 0.8], abs=1e-6)


def test_branch_goes_on_through_a_kink() -> None:
    """h = 2 (1 - 2t) until t = 1/2, then (1 - 2t) / 1.8."""
    path = family(lambda h, t: 0.5 * torch.relu(h) + 0.8 * torch.relu(-h) + 1.0 - 2 * t, 1)
    found = follow(path, [[2.0]])
    check(found, path)
    assert found.outcomes == ("arrived",)


def test_relu_saddle_node_at_a_corner() -> None:
    """|h| = 1 - 2t: both points meet where DF jumps."""
    path = family(lambda h, t: h + 0.3 * (0.5 * h.abs() - (0.5 - t)), 1)
    found = follow(path, [[1.0], [-1.0]])
    check(found, path)
    assert found.outcomes == ("fold", "fold")
    assert found.parameters.tolist() == pytest.approx([0.5, 0.5], abs=1e-4)


def test_work_limit_is_a_status_and_a_reason() -> None:
    found = follow(tanh_line((2.0, 2.0), (-2.0, 2.0)), [tanh_roots(2.0, -2.0)], max_steps=3)
    assert found.outcomes == ("fold",)
    assert "max_steps" in found.reasons[0]
    assert follow(tanh_line((2.0, 2.0), (-2.0, 2.0)), [tanh_roots(2.0, -2.0)], max_steps=1).outcomes == ("unresolved",)


def _vanishing(w: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor], unit: int) -> tuple[tuple[int, int], float] | None:
    """Which two of a unit's three fixed points meet on the way, and when; None if all stay."""

    def room(t: float) -> float:
        bias = abs(float(torch.lerp(b[0][unit], b[1][unit], t)))
        return fold_of(float(torch.lerp(w[0][unit], w[1][unit], t)))[0] - bias

    grid = [index / 1000 for index in range(1001)]
    for first, last in pairwise(grid):
        if room(last) < 0:
            t = zero_of(room, first, last, 1e-14)
            return ((0, 1) if float(torch.lerp(b[0][unit], b[1][unit], t)) > 0 else (1, 2)), t
    return None


@pytest.mark.parametrize("seed", range(4))
def test_every_fate_of_many_branches_at_once(seed: int) -> None:
    """Three uncoupled units of three fixed points each: 27 points, each with its own fate in closed form."""
    generator = torch.Generator().manual_seed(seed)

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(3, generator=generator, dtype=torch.float64)

    w = (draw(1.4, 2.8), draw(1.3, 2.5))
    b = (draw(-0.03, 0.03), draw(-0.25, 0.25))
    before, after = (tanh_network(torch.diag(w[end]).tolist(), b[end].tolist()) for end in (0, 1))
    family = between(before, after)
    begins = [tanh_roots(float(w[0][unit]), float(b[0][unit])) for unit in range(3)]
    lasts = [tanh_roots(float(w[1][unit]), float(b[1][unit])) for unit in range(3)]
    vanishing = [_vanishing(w, b, unit) for unit in range(3)]
    choices = list(product(range(3), repeat=3))
    found = follow(family, [[begins[unit][choice[unit]] for unit in range(3)] for choice in choices])
    check(found, family)
    for row, choice in enumerate(choices):
        doomed = [met[1] for u, met in enumerate(vanishing) if met and choice[u] in met[0]]
        if doomed:
            assert found.outcomes[row] == "fold"
            assert float(found.parameters[row]) == pytest.approx(min(doomed), abs=1e-6)
        else:
            ends = [lasts[u][choice[u] if len(lasts[u]) == 3 else 0] for u in range(3)]
            assert found.outcomes[row] == "arrived"
            assert found.ends[row].tolist() == pytest.approx(ends, abs=1e-9)


def samples(system: AutonomousMap, count: int) -> Tensor:
    assert isinstance(system.box, Box)
    return system.box.sample(count, torch.Generator().manual_seed(2))


def _perturbed(module: nn.Module, size: float, seed: int) -> nn.Module:
    other = copy.deepcopy(module)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(size * torch.randn(parameter.shape, generator=generator))
    return other


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("make", [lambda: nn.GRU(2, 16), lambda: nn.LSTM(2, 8), lambda: nn.RNN(2, 6, num_layers=2)])
@pytest.mark.parametrize("size", [0.1, 0.4])
def test_fresh_searches_at_both_ends_account_for_every_branch(make, size: float, seed: int) -> None:
    """Points at the start either arrive at one of the end, each at its own, or are each other's partners."""
    with torch.random.fork_rng():
        torch.manual_seed(5 + seed)
        before = make()
    with torch.no_grad():
        for name, parameter in before.named_parameters():
            parameter.mul_(5.0 if "weight_hh" in name else 0.5)
    after = _perturbed(before, size, 1)
    family = between(before, after)
    draws = samples(family(0.0), 512)
    begin, last = (find_fixed_points(family(t), draws, extra_starts=4096) for t in (0.0, 1.0))
    found = follow(family, begin.states)
    check(found, family)
    assert "unresolved" not in found.outcomes
    for row, outcome in enumerate(found.outcomes):
        known = last.states if outcome == "arrived" else begin.states
        assert float((known - found.ends[row]).norm(dim=-1).min()) < 1e-6, (row, outcome)
        if outcome == "fold":
            partner = int((begin.states - found.ends[row]).norm(dim=-1).argmin())
            assert found.outcomes[partner] == "fold"
            there, back = ([c.t for c in found.crossings[r] if c.kind == "fold"] for r in (row, partner))
            assert there == pytest.approx(back[::-1], abs=1e-6)
    arrived = found.ends[[outcome == "arrived" for outcome in found.outcomes]]
    if len(arrived) > 1:
        assert float(torch.pdist(arrived).min()) > 1e-6
    # And back again: the way back leads to where each came from.
    back = follow(family, arrived, 1.0, 0.0)
    starts = begin.states[[outcome == "arrived" for outcome in found.outcomes]]
    torch.testing.assert_close(back.ends, starts, atol=1e-7, rtol=0)
    for row, outcome in enumerate(found.outcomes):
        if outcome != "arrived":
            continue
        end = int((last.states - found.ends[row]).norm(dim=-1).argmin())
        if int(begin.n_unstable[row]) != int(last.n_unstable[end]):
            assert found.crossings[row]
        # The numbers of eigenvalues outside agree with the crossings passed, in parity and as a bound.
        change = abs(int(begin.n_unstable[row]) - int(last.n_unstable[end]))
        assert sum(2 if c.kind == "Neimark-Sacker" else 1 for c in found.crossings[row]) % 2 == change % 2


def test_small_changes_of_weights_cost_one_newton_step(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        before = nn.GRU(2, 16)
    family = between(before, _perturbed(before, 1e-6, 1))
    points = find_fixed_points(family(0.0), torch.zeros(1, 16), extra_starts=0).states
    calls = []
    system = type(family(0.0))
    linearize = system.linearize

    def counted(self: AutonomousMap, states: Tensor) -> object:
        calls.append(len(states))
        return linearize(self, states)

    monkeypatch.setattr(system, "linearize", counted)
    assert follow(family, points).outcomes == ("arrived",)
    assert len(calls) <= 5  # tangents and eigenvalues at both ends, and the step


def test_equal_rows_share_their_fate() -> None:
    low, middle, high = tanh_roots(2.0, 0.0)
    found = follow(tanh_line((2.0, 2.0), (0.0, 1.0)), [[high], [low], [high], [middle], [low]])
    assert found.outcomes == ("arrived", "fold", "arrived", "fold", "fold")
    assert torch.equal(found.ends[0], found.ends[2])


def test_chunks_do_not_change_the_result() -> None:
    bias = [0.05, -0.02, 0.08]
    family = between(
        tanh_network(torch.eye(3).mul(2).tolist(), bias), tanh_network(torch.eye(3).mul(1.2).tolist(), bias)
    )
    points = torch.tensor(list(product(*(tanh_roots(2.0, b) for b in bias))), dtype=torch.float64)
    whole, parts = follow(family, points), follow(family, points, memory_budget=1000)
    assert whole.outcomes == parts.outcomes
    torch.testing.assert_close(whole.ends, parts.ends, equal_nan=True, atol=1e-10, rtol=0)


def test_walk_goes_both_ways_round_the_whole_curve() -> None:
    """The S of tanh(2 h + b): b = atanh(h) - 2 h along all of it."""
    span = Span(tanh_line((2.0, 2.0), (-1.0, 1.0)), 0.0, 1.0)
    first = first_point(span, torch.zeros(1, dtype=torch.float64), 0.5, 1e-11)
    assert first is not None
    ends = set()
    for point in (first, first.reversed()):
        steps = list(walk(span, point))
        ends.add(steps[-1].point.s)
        assert sum(len(step.passed) for step in steps) == 1
        for step in steps:
            h = float(step.point.state)
            assert 2 * step.point.s - 1 == pytest.approx(math.atanh(h) - 2 * h, abs=1e-9)
    assert ends == {0.0, 1.0}


def mutual(points: Tensor, found: Followed) -> None:
    """Partners are each other's, and met at the same t."""
    for row, outcome in enumerate(found.outcomes):
        if outcome == "fold":
            partner = int((points - found.ends[row]).norm(dim=-1).argmin())
            torch.testing.assert_close(points[partner], found.ends[row], atol=1e-7, rtol=0)
            torch.testing.assert_close(found.ends[partner], points[row], atol=1e-7, rtol=0)


def test_backward_is_the_mirror_of_forward_in_every_field() -> None:
    points = torch.tensor([[x] for x in tanh_roots(2.0, 0.0)], dtype=torch.float64)
    ahead = follow(tanh_line((2.0, 2.0), (0.0, 1.0)), points)
    mirrored = follow(tanh_line((2.0, 2.0), (1.0, 0.0)), points, 1.0, 0.0)
    assert mirrored.outcomes == ahead.outcomes
    torch.testing.assert_close(mirrored.ends, ahead.ends, atol=1e-9, rtol=0)
    torch.testing.assert_close(1 - mirrored.parameters, ahead.parameters, atol=1e-8, rtol=0)
    torch.testing.assert_close(mirrored.fold_states, ahead.fold_states, atol=1e-6, rtol=0, equal_nan=True)
    assert [kinds(mirrored, row) for row in range(3)] == [kinds(ahead, row) for row in range(3)]


def test_27_points_meet_in_three_pitchforks_at_once() -> None:
    """tanh(w h) of three units, w from 2 to 0.9: each point but the origin meets its mirror image at w = 1."""
    before, after = (tanh_network((w * torch.eye(3, dtype=torch.float64)).tolist(), [0.0] * 3) for w in (2.0, 0.9))
    path = between(before, after)
    points = torch.tensor(list(product(tanh_roots(2.0, 0.0), repeat=3)), dtype=torch.float64)
    found = follow(path, points)
    check(found, path)
    assert found.outcomes == ("fold",) * 13 + ("arrived",) + ("fold",) * 13
    folds = [row for row in range(27) if row != 13]
    assert found.parameters[folds].tolist() == pytest.approx([10 / 11] * 26, abs=1e-6)
    torch.testing.assert_close(found.ends[folds], -points[folds], atol=1e-8, rtol=0)
    assert found.ends[13].norm() < 1e-12
    # All three eigenvalues of the origin cross, and where they do.
    assert kinds(found, 13) == ["branch point"] * 3
    assert [crossing.t for crossing in found.crossings[13]] == pytest.approx([10 / 11] * 3, abs=1e-8)
    back = follow(path, found.ends[13:14], 1.0, 0.0)
    assert only(back) == ("arrived", [("branch point", pytest.approx(10 / 11, abs=1e-8))] * 3)


@pytest.mark.parametrize("bias", [[1e-3, 1.1e-3, -2e-3], [1e-6, 2e-6, 3e-6]])
def test_27_points_meet_in_folds_next_to_each_other(bias: list[float]) -> None:
    before, after = (tanh_network((w * torch.eye(3, dtype=torch.float64)).tolist(), bias) for w in (2.0, 0.9))
    path = between(before, after)
    choices = list(product(range(3), repeat=3))
    begins = [tanh_roots(2.0, b) for b in bias]
    points = torch.tensor([[begins[u][choice[u]] for u in range(3)] for choice in choices], dtype=torch.float64)
    found = follow(path, points)
    check(found, path)
    mutual(points, found)

    def when(b: float) -> float:
        return (2.0 - zero_of(lambda w: fold_of(w)[0] - abs(b), 1 + 1e-9, 2.0, 1e-14)) / 1.1

    stays = tuple(2 if b > 0 else 0 for b in bias)
    for row, choice in enumerate(choices):
        doomed = [when(bias[u]) for u in range(3) if choice[u] != stays[u]]
        assert found.outcomes[row] == ("fold" if doomed else "arrived")
        assert float(found.parameters[row]) == pytest.approx(min(doomed, default=1.0), abs=1e-6)
    survivor = choices.index(stays)
    assert found.ends[survivor].tolist() == pytest.approx([tanh_roots(0.9, b)[0] for b in bias], abs=1e-9)
    back = follow(path, found.ends[survivor : survivor + 1], 1.0, 0.0)
    assert back.outcomes == ("arrived",)
    torch.testing.assert_close(back.ends[0], points[survivor], atol=1e-9, rtol=0)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_branch_points_at_once_on_a_branch_that_moves(n: int) -> None:
    """n pitchforks at t = 1/3, mixed by a rotation, of a fixed point that moves through the plane."""
    generator = torch.Generator().manual_seed(n)
    mix = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=torch.float64))[0]
    begin, along = torch.randn(2, n, generator=generator, dtype=torch.float64)

    def centre(t: float) -> Tensor:
        return begin + math.sin(t) * along

    def step(h: Tensor, t: float) -> Tensor:
        return centre(t) + mix @ torch.tanh((0.5 + 1.5 * t) * (mix.T @ (h - centre(t))))

    for start, end in ((0.0, 1.0), (1.0, 0.0)):
        found = follow(family(step, n), centre(start).unsqueeze(0), start, end)
        assert only(found) == ("arrived", [("branch point", pytest.approx(1 / 3, abs=1e-7))] * n)
        torch.testing.assert_close(found.ends[0], centre(end), atol=1e-9, rtol=0)
        for crossing in found.crossings[0]:
            torch.testing.assert_close(crossing.state, centre(crossing.t), atol=1e-5, rtol=0)


def test_a_knot_next_to_a_branch_point_does_not_hide_it() -> None:
    """The walk's first point lies near the branch point, where rounding alone keeps the determinant from zero."""
    for amount, low, high in (
        (0.7352055509855617, 0.37073761382099235, 1.717888289220041),
        (0.01588128504114783, 0.8529836769588346, 1.307209907269097),
    ):

        def step(h: Tensor, t: float, amount: float = amount, low: float = low, high: float = high) -> Tensor:
            shift = amount * math.sin(3 * t)
            return shift + torch.tanh((low + (high - low) * t) * (h - shift))

        outcome, crossings = only(follow(family(step, 1), torch.zeros(1, 1)))
        assert outcome == "arrived"
        assert crossings == [("branch point", pytest.approx((1 - low) / (high - low), abs=3e-8))]


@pytest.mark.parametrize("angle", [0.1, 0.7, 2.0, 3.0])
def test_neimark_sacker_in_a_network(angle: float) -> None:
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    networks = [tanh_network((radius * turn).tolist(), [0.0, 0.0]) for radius in (0.6, 1.1)]
    for start, end in ((0.0, 1.0), (1.0, 0.0)):
        found = follow(between(networks[0], networks[1]), torch.zeros(1, 2), start, end)
        assert only(found) == ("arrived", [("Neimark-Sacker", pytest.approx(0.8, abs=1e-7))])
        value = found.crossings[0][0].eigenvalue
        assert value.imag > 0
        assert math.atan2(value.imag, value.real) == pytest.approx(angle, abs=1e-6)
        assert abs(value) == pytest.approx(1.0, abs=1e-7)


def test_flip_of_a_network_at_minus_one_and_the_cycle_born_there() -> None:
    path = tanh_line((-0.5, -2.0))
    assert only(follow(path, torch.zeros(1, 1))) == ("arrived", [("flip", pytest.approx(1 / 3, abs=1e-7))])
    cycle = torch.tensor([[tanh_roots(2.0, 0.0)[2]]], dtype=torch.float64)
    found = follow(iterated(path, 2), cycle, 1.0, 0.0)
    assert found.outcomes == ("fold",)
    assert float(found.parameters[0]) == pytest.approx(1 / 3, abs=1e-6)
    torch.testing.assert_close(found.ends, -cycle, atol=1e-9, rtol=0)


def test_a_family_is_asked_between_start_and_end_only() -> None:
    """Also for the differences that a family without a derivative needs, and under ``iterated``."""
    asked: list[float] = []

    def step(h: Tensor, t: float) -> Tensor:
        asked.append(t)
        return torch.tanh((-0.5 - t) * h + 0.3 * (t - 0.1) ** 2)

    for period in (1, 2):
        assert follow(iterated(family(step, 1), period), torch.zeros(1, 1), 0.1, 0.7).outcomes == ("arrived",)
    assert min(asked) >= 0.1
    assert max(asked) <= 0.7


def _audited(kind: str, seed: int) -> Interpolation:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        before = nn.GRU(2, 16) if kind == "noisy GRU-16" else nn.RNN(2, 8)
    with torch.no_grad():
        for name, parameter in before.named_parameters():
            parameter.mul_(5.0 if "weight_hh" in name else 0.5)
    if kind == "noisy GRU-16":
        return between(before, _perturbed(before, 0.3, seed))
    after = copy.deepcopy(before)
    with torch.no_grad():
        for parameter in after.parameters():
            parameter.mul_(0.5)
    return between(before, after)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["noisy GRU-16", "scaled tanh-8"])
def test_forward_and_backward_agree_with_each_other_and_with_fresh_searches(kind: str, seed: int) -> None:
    path = _audited(kind, seed)
    draws = samples(path(0.0), 512)
    ends = [find_fixed_points(path(t), draws, extra_starts=3000).states for t in (0.0, 1.0)]
    ahead, back = follow(path, ends[0]), follow(path, ends[1], 1.0, 0.0)
    for found, here, there, other in ((ahead, ends[0], ends[1], back), (back, ends[1], ends[0], ahead)):
        assert set(found.outcomes) <= {"arrived", "fold"}
        check(found, path)
        mutual(here, found)
        reached = []
        for row, outcome in enumerate(found.outcomes):
            if outcome == "arrived":
                distances = (there - found.ends[row]).norm(dim=-1)
                end = int(distances.argmin())
                assert float(distances[end]) < 1e-6
                assert other.outcomes[end] == "arrived"
                torch.testing.assert_close(other.ends[end], here[row], atol=1e-6, rtol=0)
                reached.append(end)
            # A row's fate does not hang on the company it is followed in.
            alone = follow(path, here[row : row + 1], found.start, found.end)
            assert alone.outcomes == (outcome,)
            torch.testing.assert_close(alone.ends[0], found.ends[row], atol=1e-7, rtol=0)
        assert len(reached) == len(set(reached))


def test_256_units_fit_the_default_memory() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        before = nn.GRU(2, 256)
    path = between(before, _perturbed(before, 0.003, 1))
    points = find_fixed_points(path(0.0), torch.zeros(1, 256), extra_starts=0).states
    assert len(points) == 1
    found = follow(path, points)
    check(found, path)
    assert found.outcomes == ("arrived",)
