"""Bifurcation curves of two parameters against closed forms."""

import math
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics import store
from rnn_dynamics.bifurcations import Branch, continue_fixed_point
from rnn_dynamics.bifurcations.two_parameters import walk as walking
from rnn_dynamics.bifurcations.two_parameters.curve import continue_bifurcation
from rnn_dynamics.bifurcations.two_parameters.results import BifurcationCurve
from rnn_dynamics.systems import HeldMap

R = -0.1

Spans = tuple[tuple[float, float], tuple[float, float]]


def plane(step: Callable[[Tensor, Any, Any], list[Tensor]], n: int) -> Callable[[float, float], rd.AutonomousMap]:
    """Both parameters are inputs of one map: a map for each pair would be probed anew, which takes most of the time."""
    made = rd.as_map(lambda s, x: torch.stack(step(s, x[..., 0], x[..., 1]), dim=-1), state_size=n, input_size=2).hold()
    return lambda p, q: HeldMap(made.network, torch.tensor([p, q], dtype=made.dtype))


tanh = plane(lambda s, b, w: [torch.tanh(w * s[..., 0] + b)], 1)
henon = plane(lambda s, a, b: [s[..., 1], a - b * s[..., 0] - s[..., 1] ** 2 + R * s[..., 0] * s[..., 1]], 2)
delayed = plane(lambda s, r, e: [r * s[..., 0] * (1 - s[..., 1]) + e, s[..., 0]], 2)


def curve_of(family, at, start, kind, spans: Spans, p0=None, which=0, **options) -> BifurcationCurve:
    branch = continue_fixed_point(lambda p: family(p, at), start, spans[0], at=p0, period=options.get("period", 1))
    points = [point for point in branch.special_points if point.kind == kind]
    return continue_bifurcation(family, points[which], spans, at=at, **options)


def labels(curve: BifurcationCurve) -> list[str]:
    return [point.label for point in curve.codimension_two]


def where(curve: BifurcationCurve, label: str) -> list[float]:
    (point,) = [point for point in curve.codimension_two if point.label == label]
    assert torch.equal(curve.parameters[point.row], point.parameters)
    assert torch.equal(curve.states[point.row], point.state)
    return point.parameters.tolist()


def rotation(u: Tensor, v: Tensor, modulus: float, angle: float, cubic: float, quintic: float = 0.0) -> list[Tensor]:
    square = u * u + v * v
    growth = modulus + cubic * square + quintic * square**2
    c, s = math.cos(angle), math.sin(angle)
    return [growth * (u * c - v * s), growth * (u * s + v * c)]


@cache
def cusp_curve() -> BifurcationCurve:
    return curve_of(tanh, 2.0, [-1.0], "fold", ((-3.0, 3.0), (0.5, 4.0)))


@cache
def henon_curve(kind: str) -> BifurcationCurve:
    b, x = (0.97, 0.3) if kind == "Neimark-Sacker" else (0.5, 0.1)
    a = (1 + b) * x + (1 - R) * x**2
    return curve_of(henon, b, [x, x], kind, ((-3.0, 4.0), (-2.0, 3.0)), a)


def test_both_arms_of_a_cusp() -> None:
    curve = cusp_curve()
    b, w = curve.parameters.T
    x = torch.sqrt(1 - 1 / w)
    assert float((b.abs() - (torch.atanh(x) - w * x).abs()).abs().max()) < 1e-9
    assert labels(curve) == ["CP"]
    assert where(curve, "CP") == pytest.approx([0.0, 1.0], abs=1e-6)
    assert curve.ends == ("span", "span")
    assert {float(w[0]), float(w[-1])} == {4.0}  # the rows at the ends lie on the bound
    assert float(b[0]) * float(b[-1]) < 0
    # a = -w^2 x (1 - x^2) at one arm, the opposite at the other: the eigenvector keeps its sign.
    signs = curve.coefficients[[0, -1]]
    assert float(signs[0]) == pytest.approx(-float(signs[1]), rel=1e-6)
    x_end = math.sqrt(1 - 1 / 4)
    assert abs(float(signs[0])) == pytest.approx(16 * x_end * (1 - x_end**2), rel=1e-6)


def test_flip_curve_of_a_tanh_unit() -> None:
    curve = curve_of(tanh, -2.0, [-1.0], "flip", ((-3.0, 3.0), (-4.0, -0.5)))
    b, w = curve.parameters.T
    x = torch.sqrt((1 + 1 / w).clamp(min=0))
    assert float((b.abs() - (torch.atanh(x) - w * x).abs()).abs().max()) < 1e-6
    assert {abs(float(b[0])), abs(float(b[-1]))} == {3.0}
    assert bool((curve.coefficients > 0).all())  # supercritical: tanh has a negative Schwarzian derivative
    assert labels(curve) == []


def test_delayed_logistic() -> None:
    curve = curve_of(delayed, 0.0, [0.4, 0.4], "Neimark-Sacker", ((1.2, 3.5), (-0.3, 0.5)), 1 / 0.6)
    r, e = curve.parameters.T
    assert float((e - (2 / r - 1)).abs().max()) < 1e-9
    assert float((curve.angles.cos() - (r - 1) / 2).abs().max()) < 1e-9
    assert e[[0, -1]].tolist() in ([-0.3, 0.5], [0.5, -0.3])


@pytest.mark.parametrize("kind", ["fold", "flip", "Neimark-Sacker"])
def test_generalised_henon_in_closed_form(kind: str) -> None:
    curve = henon_curve(kind)
    a, b = curve.parameters.T
    x = {"fold": -(1 + b) / 2 / (1 - R), "flip": (1 + b) / 2, "Neimark-Sacker": (b - 1) / R}[kind]
    assert float((a - ((1 + b) * x + (1 - R) * x**2)).abs().max()) < 1e-9
    assert float((curve.states - x.unsqueeze(-1)).abs().max()) < 1e-9
    if kind == "Neimark-Sacker":
        assert float((curve.angles.cos() - (R - 2) * x / 2).abs().max()) < 1e-9
    plain = [row for row in range(len(curve)) if all(row != point.row for point in curve.codimension_two)]
    assert float(curve.tests[plain].max()) < 1e-8
    assert float(curve.residuals.max()) < 1e-10


def test_strong_resonances_of_the_generalised_henon_map() -> None:
    def at(x: float) -> list[float]:
        b = 1 + R * x
        return [(1 + b) * x + (1 - R) * x**2, b]

    curve = henon_curve("Neimark-Sacker")
    expected = {"R1": 2 / (R - 2), "R4": 0.0, "R3": 1 / (2 - R), "R2": -2 / (R - 2)}
    assert set(labels(curve)) == set(expected)
    for label, x in expected.items():
        assert where(curve, label) == pytest.approx(at(x), abs=1e-6)
    assert set(curve.ends) == {"1:1 resonance", "1:2 resonance"}
    # The fold curve goes through the same 1:1 point, the flip curve through the 1:2 point, both through (0, -1).
    fold, flip = henon_curve("fold"), henon_curve("flip")
    assert set(labels(fold)) == {"R1", "LPPD"}
    assert set(labels(flip)) == {"R2", "LPPD"}
    assert where(fold, "R1") == pytest.approx(where(curve, "R1"), abs=1e-6)
    assert where(flip, "R2") == pytest.approx(where(curve, "R2"), abs=1e-6)
    for other in (fold, flip):
        assert where(other, "LPPD") == pytest.approx([0.0, -1.0], abs=1e-6)


def test_criticality_along_the_henon_curve_by_simulation() -> None:
    curve = henon_curve("Neimark-Sacker")
    row = int((curve.angles - 1.2).abs().argmin())
    a, b = curve.parameters[row].tolist()
    assert float(curve.coefficients[row]) < 0
    # Supercritical: just beyond the curve an orbit from near by stays on a small circle around the fixed point.
    system = henon(a, b + 1e-3)
    orbit = system.iterate(curve.states[row] + 0.01, 20_000)
    radii = []
    for _ in range(200):
        orbit = system(orbit)
        radii.append(float((orbit - curve.states[row]).norm()))
    assert 0.02 < max(radii) < 0.5


def test_generalised_flip() -> None:
    # c = 1 + q for x -> -(1 + p) x + x^2 + q x^3.
    family = plane(lambda s, p, q: [-(1 + p) * s[..., 0] + s[..., 0] ** 2 + q * s[..., 0] ** 3], 1)
    curve = curve_of(family, 0.3, [0.0], "flip", ((-0.5, 1.0), (-2.0, 1.0)), 0.5)
    assert float((curve.coefficients - (1 + curve.parameters[:, 1])).abs().max()) < 1e-6
    assert where(curve, "GPD") == pytest.approx([0.0, -1.0], abs=1e-6)


def test_chenciner() -> None:
    family = plane(lambda s, p, q: rotation(s[..., 0], s[..., 1], 1 + p, 1.0, q, -1.0), 2)
    curve = curve_of(family, 0.3, [0.0, 0.0], "Neimark-Sacker", ((-1.0, 1.0), (-1.0, 1.0)), 0.5)
    assert labels(curve) == ["CH"]
    assert where(curve, "CH") == pytest.approx([0.0, 0.0], abs=1e-6)
    # |q| = 1 makes h = 2 Re(z q), so that |h|^2 = 2 |z|^2.
    assert float((curve.coefficients - 2 * curve.parameters[:, 1]).abs().max()) < 1e-6


TWO_AT_ONCE = {
    "LPNS": (
        "fold",
        lambda s, p, q: [*rotation(s[..., 0], s[..., 1], 1 + q, 1.0, -1.0), p + s[..., 2] - s[..., 2] ** 2],
    ),
    "PDNS": ("flip", lambda s, p, q: [*rotation(s[..., 0], s[..., 1], 1 + q, 1.0, -1.0), -(1 + p) * s[..., 2]]),
    "NSNS": (
        "Neimark-Sacker",
        lambda s, p, q: [
            *rotation(s[..., 0], s[..., 1], 1 + p, 1.0, -1.0),
            *rotation(s[..., 2], s[..., 3], 1 + q + 0.2 * p, 2.5, -1.0),
        ],
    ),
}


@pytest.mark.parametrize("label", TWO_AT_ONCE)
def test_two_bifurcations_at_once(label: str) -> None:
    kind, step = TWO_AT_ONCE[label]
    start = {"LPNS": [0.0, 0.0, 0.5], "PDNS": [0.0] * 3, "NSNS": [0.0] * 4}[label]
    family = plane(step, len(start))
    curve = curve_of(family, 0.3, start, kind, ((-1.0, 1.0), (-1.0, 1.0)), 0.25)
    assert labels(curve) == [label]
    assert where(curve, label) == pytest.approx([0.0, 0.0], abs=1e-6)
    # On one side of it another pair is outside.
    assert sorted({int(curve.n_unstable[0]), int(curve.n_unstable[-1])}) == [0, 2]


def test_neimark_sacker_curve_turns_at_a_fold_neimark_sacker_point() -> None:
    step = TWO_AT_ONCE["LPNS"][1]
    family = plane(lambda s, p, q: step(s, q + 0.3 * p, p), 3)
    curve = curve_of(family, 0.25, [0.0, 0.0, 0.5], "Neimark-Sacker", ((-1.0, 1.0), (-1.0, 1.0)), 0.1)
    assert where(curve, "LPNS") == pytest.approx([0.0, 0.0], abs=1e-6)
    assert curve.parameters[[0, -1], 1].tolist() == [1.0, 1.0]  # both equilibria of the fold
    assert float((curve.states[:, 2] ** 2 - curve.parameters[:, 1]).abs().max()) < 1e-9


def test_cycles_of_period_two() -> None:
    # x -> q - p x^2 is x -> c - x^2 scaled, c = p q: its 2-cycle doubles at p q = 5/4.
    family = plane(lambda s, p, q: [q - p * s[..., 0] ** 2], 1)
    curve = curve_of(family, 1.0, [1.0], "flip", ((0.8, 2.0), (0.7, 1.4)), 1.1, period=2)
    assert curve.period == 2
    assert float((curve.parameters.prod(dim=-1) - 1.25).abs().max()) < 1e-8
    assert bool((curve.coefficients > 0).all())


def test_closed_curve() -> None:
    # x -> x + x^2 - (p^2 + q^2 - 1/4): folds on a circle.
    family = plane(lambda s, p, q: [s[..., 0] + s[..., 0] ** 2 - (p * p + q * q - 0.25)], 1)
    curve = curve_of(family, 0.2, [-0.5], "fold", ((-1.0, 1.0), (-1.0, 1.0)), math.sqrt(0.46))
    assert curve.closed
    assert float((curve.parameters.norm(dim=-1) - 0.5).abs().max()) < 1e-9
    turns = torch.atan2(curve.parameters[:, 1], curve.parameters[:, 0]).diff().remainder(2 * math.pi)
    turns = torch.where(turns > math.pi, turns - 2 * math.pi, turns)
    assert abs(float(turns.sum())) == pytest.approx(2 * math.pi, abs=1e-6)


def test_borders_are_renewed_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = henon_curve("fold")
    monkeypatch.setattr(walking, "_FACING", 1.1)  # after every step
    again = curve_of(henon, 0.5, [0.1, 0.1], "fold", ((-3.0, 4.0), (-2.0, 3.0)), 1.5 * 0.1 + 1.1 * 0.01)
    assert sorted(labels(again)) == sorted(labels(usual))
    assert where(again, "R1") == pytest.approx(where(usual, "R1"), abs=1e-8)


@pytest.mark.slow
def test_gru() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        gru = nn.GRU(3, 64)
    direction = torch.tensor([1.0, -0.5, 0.3], dtype=torch.float64)

    @lru_cache(8)
    def along(scale: float) -> Callable[[float], rd.AutonomousMap]:
        weights = {name: value.detach().double() for name, value in gru.named_parameters()}
        weights["weight_hh_l0"] = weights["weight_hh_l0"] * scale
        with torch.random.fork_rng():
            scaled = nn.GRU(3, 64).double()
        scaled.load_state_dict(weights)
        return rd.as_map(scaled).input_family(direction)

    def family(p: float, q: float) -> rd.AutonomousMap:
        return along(q)(p)

    rows = torch.rand(30, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1
    points = rd.find_fixed_points(family(0.0, 6.0), rows).states
    folds = []
    for state in points[:4]:
        branch = continue_fixed_point(lambda p: family(p, 6.0), state, (-3.0, 3.0), at=0.0, walk=rd.Walk(max_steps=60))
        folds += [point for point in branch.special_points if point.kind == "fold"]
    curve = continue_bifurcation(family, folds[0], ((-3.0, 3.0), (5.0, 7.0)), at=6.0, walk=rd.Walk(max_steps=25))
    assert len(curve) > 10
    for (p, q), state in zip(curve.parameters.tolist(), curve.states, strict=True):
        system = family(p, q)
        assert float((system(state[None])[0] - state).norm()) < 1e-9
        values = torch.linalg.eigvals(system.jacobian(state))
        assert float((values - 1).abs().min()) < 1e-6  # double at 1:1


def test_result_is_stored_shown_and_tabled(tmp_path) -> None:
    curve = cusp_curve()
    again = store.load(store.save(curve, tmp_path / "curve.safetensors"))
    assert torch.equal(again.parameters, curve.parameters)
    assert again.codimension_two[0].kind == "cusp"
    assert again.ends == curve.ends
    table = curve.to_pandas()
    assert len(table) == len(curve)
    assert table.loc[curve.codimension_two[0].row, "special"] == "CP"
    assert "passes CP" in repr(curve)
    assert "<table" in curve._repr_html_()
    assert curve.special_table().loc[0, "label"] == "CP"


def test_interrupt_keeps_what_was_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, advance = [], walking.CurveWalk._advance

    def interrupted(self: walking.CurveWalk) -> None:
        calls.append(1)
        if len(calls) > 5:
            raise KeyboardInterrupt
        advance(self)

    monkeypatch.setattr(walking.CurveWalk, "_advance", interrupted)
    curve = curve_of(tanh, 2.0, [-1.0], "fold", ((-3.0, 3.0), (0.5, 4.0)))
    assert curve.ends == ("interrupted", "interrupted")
    assert curve.interrupted
    assert len(curve) >= 6


def test_steps_end_it() -> None:
    curve = curve_of(tanh, 2.0, [-1.0], "fold", ((-3.0, 3.0), (0.5, 4.0)), walk=rd.Walk(max_steps=4))
    assert curve.ends == ("steps", "steps")


@cache
def tanh_branch() -> Branch:
    return continue_fixed_point(lambda b: tanh(b, 2.0), [-1.0], (-3.0, 3.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"at": 1.5}, "no regular fold curve"),
        ({"at": 9.0}, "at must lie within"),
        ({"spans": ((-3, 3),)}, "spans must be"),
        ({"spans": ((1, 1), (0, 4))}, "two different finite numbers"),
        ({"spans": ((2, 3), (0.5, 4))}, "the point's parameter must lie"),
        ({"family": 3}, "family must be a function"),
        ({"family": lambda p, q: 0}, "must be an autonomous map"),
        ({"point": "fold"}, "point must be a special point"),
        ({"period": 0}, "period must be"),
        ({"walk": 0.1}, "walk must be"),
        ({"period": 3, "at": 1.9}, "no regular fold curve"),
    ],
)
def test_bad_input(change: dict, message: str) -> None:
    settings = {
        "family": tanh,
        "point": tanh_branch().special_points[0],
        "spans": ((-3, 3), (0.5, 4)),
        "at": 2.0,
    } | change
    family, point, spans = settings.pop("family"), settings.pop("point"), settings.pop("spans")
    with pytest.raises(ValueError, match=message):
        continue_bifurcation(family, point, spans, **settings)
