"""Charts of two parameters against what is known of maps: tongues, borders of periods, exponents, folds."""

import math

import pytest
import torch
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.charts import Conduct, Count, Exponent, Measure, Period, Reached, Rotation, Watch

DOUBLE = torch.float64
BRIEF = Watch(transient=400, steps=256, max_steps=2048, max_period=16)
ON_CIRCLE = Watch(transient=400, steps=256, max_steps=2048, max_period=16, wraps=((0, 1.0),))


def henon(h: Tensor, x: Tensor) -> Tensor:
    return torch.stack([1 - x[..., 0] * h[..., 0] ** 2 + h[..., 1], x[..., 1] * h[..., 0]], dim=-1)


def circle(h: Tensor, x: Tensor) -> Tensor:
    """The lift of the sine-circle map, of (Omega, K)."""
    return h + x[..., :1] - x[..., 1:] / (2 * math.pi) * torch.sin(2 * math.pi * h)


def bistable(h: Tensor, x: Tensor) -> Tensor:
    return torch.tanh(x[..., :1] * h + x[..., 1:])


HENON, CIRCLE, TANH = rd.as_map(henon, 2, 2), rd.as_map(circle, 1, 2), rd.as_map(bistable, 1, 2)


def sides(chart: rd.Chart) -> Tensor:
    """Half the sides of each cell, [c, 2]."""
    lengths = torch.tensor([abs(end - start) for start, end in chart.spans], dtype=DOUBLE)
    return lengths / torch.tensor(chart.shape) / 2 ** chart.levels[:, None] / 2


def test_the_tongue_of_rotation_number_0_is_where_its_folds_are() -> None:
    """|Omega| < K / 2 pi: there sin(2 pi h) = 2 pi Omega / K has solutions."""
    spans = ((0.0, 0.3), (0.1, 0.95))
    chart = rd.chart(
        rd.input_plane(CIRCLE), [0.2], spans, Rotation(lift=0), resolution=(8, 6), depth=2, watch=ON_CIRCLE
    )
    omega, strength = chart.parameters.T
    locked, away = omega < strength / (2 * math.pi), (omega - strength / (2 * math.pi)).abs() > 2e-3
    assert torch.equal((chart.values == 0)[away], locked[away])
    assert bool((chart.levels[(omega - strength / (2 * math.pi)).abs() < 2e-3] == 2).all())
    assert int((chart.levels == 0).sum()) > 5


def test_the_tongue_of_one_half_lies_between_its_folds() -> None:
    """F^2(h) = h + 1 with slope 1, by bisection of the extreme of F^2(h) - h - 1 over a dense grid of h."""
    h = torch.linspace(0, 1, 20_001, dtype=DOUBLE)[:, None]

    def gap(omega: float, sign: int) -> float:
        held = torch.tensor([omega, 0.9], dtype=DOUBLE)
        twice = circle(circle(h, held), held) - h - 1
        return float((sign * twice).max())

    def root(sign: int) -> float:
        low, high = 0.4, 0.6
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if (gap(middle, sign) < 0) == (sign > 0) else (low, middle)
        return low

    left, right = root(1), root(-1)
    assert 0.01 < right - left < 0.1
    edges = torch.linspace(0.45, 0.55, 41, dtype=DOUBLE)
    chart = rd.chart(
        rd.input_plane(CIRCLE), [0.2], ((0.45, 0.55), (0.89, 0.91)), Rotation(lift=0), resolution=(40, 3), depth=0,
        watch=ON_CIRCLE,
    )  # fmt: skip
    row = chart.values.view(3, 40)[1]
    middles = (edges[1:] + edges[:-1]) / 2
    inside = (middles > left + 5e-4) & (middles < right - 5e-4)
    outside = (middles < left - 5e-4) | (middles > right + 5e-4)
    assert bool((row[inside] == 0.5).all())
    assert not bool((row[outside] == 0.5).any())
    assert bool(inside.any())


def test_henon_s_fixed_point_doubles_on_its_curve() -> None:
    """At a = 3 (1 - b)^2 / 4; below a = -(1 - b)^2 / 4 everything runs away."""
    chart = rd.chart(
        rd.input_plane(HENON),
        [0.1, 0.1],
        ((-0.5, 0.8), (-0.2, 0.3)),
        Period(),
        resolution=(10, 4),
        depth=1,
        watch=BRIEF,
    )
    a, b = chart.parameters.T
    flip, fold = 0.75 * (1 - b) ** 2, -0.25 * (1 - b) ** 2
    near = ((a - flip).abs() < 0.02) | ((a - fold).abs() < 0.02)
    assert torch.equal((chart.values == 1)[~near], ((a > fold) & (a < flip))[~near])
    assert torch.equal((chart.conducts == Conduct.DIVERGED)[~near], (a < fold)[~near])
    assert bool((chart.values == 2)[~near & (a > flip) & (a < flip + 0.2)].all())
    assert bool(chart.values[a < fold - 0.02].isnan().all())


def test_exponents_of_skew_maps_are_their_slopes() -> None:
    """h' = p h modulo 1, with q added: ln |p|, chaotic above 1 and a fixed point below."""
    system = rd.as_map(lambda h, x: (x[..., :1] * h + x[..., 1:]) % 1.0, 1, 2)
    chart = rd.chart(rd.input_plane(system), [0.3], ((0.4, 2.6), (0.05, 0.1)), resolution=(8, 2), depth=0, watch=BRIEF)
    p = chart.parameters[:, 0]
    clear = (p - 1).abs() > 0.1
    assert chart.exponents[clear].tolist() == pytest.approx(p.log()[clear].tolist(), abs=1e-9)
    assert set(chart.conducts[clear & (p > 1)].tolist()) == {Conduct.CHAOTIC}
    assert set(chart.conducts[clear & (p < 1)].tolist()) == {Conduct.PERIODIC}


def fold_inputs(w: Tensor) -> Tensor:
    """|b| on the fold of h = tanh(w h + b): w (1 - h^2) = 1."""
    h = (1 - 1 / w).clamp(min=0).sqrt()
    return (torch.atanh(h) - w * h).abs()


@pytest.mark.parametrize("batched", [True, False])
def test_two_attractors_between_the_folds_of_a_unit(batched: bool) -> None:
    plane = rd.input_plane(TANH)
    family = plane if batched else lambda p, q: TANH.hold([p, q])
    chart = rd.chart(
        family, [[-0.9], [0.9]], ((0.5, 2.5), (-0.6, 0.6)), Count(), resolution=(5, 5), depth=1, watch=BRIEF
    )
    w, b = chart.parameters.T
    limit = fold_inputs(w)
    clear = (b.abs() - limit).abs() > 0.01
    assert torch.equal(chart.values[clear], 1.0 + ((w > 1) & (b.abs() < limit)).double()[clear])
    assert set(chart.values.tolist()) == {1.0, 2.0}
    if batched:
        again = rd.chart(
            lambda p, q: plane(p, q), [[-0.9], [0.9]], ((0.5, 2.5), (-0.6, 0.6)), Count(), resolution=(5, 5), depth=1,
            watch=BRIEF,
        )  # fmt: skip
        assert torch.equal(again.values, chart.values)
        assert torch.equal(again.parameters, chart.parameters)


def test_which_attractor_a_start_reaches() -> None:
    """The start goes up where b is above the unstable fixed point's curve through it: b > atanh(h) - w h."""
    chart = rd.chart(
        rd.input_plane(TANH), [0.0], ((1.2, 2.0), (-0.02, 0.02)), Reached([[-0.9], [0.9]]), resolution=(4, 4), depth=0,
        watch=BRIEF,
    )  # fmt: skip
    assert chart.values.tolist() == (chart.parameters[:, 1] > 0).double().tolist()


def test_a_turning_plane_turns_by_its_angle() -> None:
    """A rotation by 0.3 turns or so that contracts onto a circle: the mean angle is that of the map."""

    def turn(h: Tensor, x: Tensor) -> Tensor:
        angle = 2 * math.pi * x[..., :1]
        radius = h.norm(dim=-1, keepdim=True)
        scale = (1 + x[..., 1:]) / (1 + x[..., 1:] * radius**2)
        first, second = h[..., :1], h[..., 1:]
        return scale * torch.cat(
            [angle.cos() * first - angle.sin() * second, angle.sin() * first + angle.cos() * second], dim=-1
        )

    chart = rd.chart(
        rd.input_plane(rd.as_map(turn, 2, 2)), [0.5, 0.1], ((0.11, 0.37), (0.2, 0.4)), Rotation(plane=(0, 1)),
        resolution=(3, 2), depth=0, watch=BRIEF,
    )  # fmt: skip
    assert chart.values.tolist() == pytest.approx(chart.parameters[:, 0].tolist(), abs=1e-6)


def test_cells_tile_the_rectangle_and_are_small_at_borders_only() -> None:
    chart = rd.chart(
        rd.input_plane(HENON), [0.1, 0.1], ((0.1, 0.8), (0.1, 0.3)), Period(), resolution=(4, 3), depth=2, watch=BRIEF
    )
    assert float(chart.areas.sum()) == pytest.approx(1.0, abs=1e-12)
    assert bool((torch.from_numpy(chart.cells.raster(2)).flatten().bincount() == 16 / 4**chart.levels).all())
    assert len(chart) < 4 * 3 * 16
    image = chart.image()
    assert image.shape == (12, 16)
    one = chart.at(0.15, 0.15)
    assert len(one) == 1
    assert bool(((one.parameters - torch.tensor([0.15, 0.15])).abs() <= sides(one) + 1e-12).all())


def test_a_chart_goes_on_from_its_file(tmp_path, monkeypatch) -> None:
    """Stopped after a few batches it holds them; the rest is then computed, and nothing of what is there."""
    where = {"resolution": (4, 3), "depth": 1, "watch": BRIEF}
    spans = ((0.1, 0.8), (0.1, 0.3))

    def family(p: float, q: float) -> rd.AutonomousMap:
        calls.append((p, q))
        if len(calls) == stop_after:
            raise KeyboardInterrupt
        return HENON.hold([p, q])

    calls: list[tuple[float, float]] = []
    stop_after = 0
    whole = rd.chart(family, [0.1, 0.1], spans, Period(), **where)
    calls.clear()
    stop_after = 6
    part = rd.chart(family, [0.1, 0.1], spans, Period(), **where, path=tmp_path / "chart.safetensors")
    assert part.interrupted
    assert int(part.done.sum()) == 4  # the first call is that of the corner
    assert "interrupted after 4 cells" in part.summary()
    stop_after = 0
    calls.clear()
    rest = rd.chart(family, [0.1, 0.1], spans, Period(), **where, path=tmp_path / "chart.safetensors")
    assert len(calls) == len(whole) + int((whole.levels > 0).sum()) // 4 - 4 + 2  # cells that were cut too; a check
    for name in ("values", "parameters", "levels", "exponents"):
        assert torch.equal(torch.nan_to_num(getattr(rest, name)), torch.nan_to_num(getattr(whole, name)))
    with pytest.raises(ValueError, match="chart of other settings"):
        rd.chart(family, [0.1, 0.1], spans, Exponent(), **where, path=tmp_path / "chart.safetensors")
    with pytest.raises(ValueError, match="chart of another family"):
        rd.chart(
            lambda p, q: HENON.hold([p + 1, q]), [0.1, 0.1], spans, Period(), **where,
            path=tmp_path / "chart.safetensors",
        )  # fmt: skip


def test_a_budget_of_memory_changes_no_value() -> None:
    options = {"resolution": (6, 4), "depth": 0, "watch": BRIEF}
    spans = ((0.1, 1.4), (0.1, 0.3))
    wide, narrow = (
        rd.chart(rd.input_plane(HENON), [0.1, 0.1], spans, Period(), **options, memory_budget=budget)
        for budget in (2**30, 2**14)
    )
    assert torch.equal(wide.values.nan_to_num(-1), narrow.values.nan_to_num(-1))
    cycles = wide.conducts == Conduct.PERIODIC  # of chaos, rounding decides after some steps
    assert wide.exponents[cycles].tolist() == pytest.approx(narrow.exponents[cycles].tolist(), abs=1e-6)
    assert 5 < int(cycles.sum()) < 24


def test_a_chart_is_saved_and_shown(tmp_path) -> None:
    chart = rd.chart(
        rd.input_plane(HENON), [0.1, 0.1], ((0.1, 0.8), (0.1, 0.3)), resolution=(3, 2), depth=0, watch=BRIEF
    )
    again = rd.load(rd.save(chart, tmp_path / "chart.safetensors"))
    assert torch.equal(again.values, chart.values)
    assert (again.spans, again.settings) == (chart.spans, chart.settings)
    assert len(chart.to_pandas()) == 6
    assert chart.to_dataset()["values"].shape == (6,)


@pytest.mark.parametrize(
    ("measure", "starts", "watch", "said"),
    [
        (Period(), [[0.1, 0.1], [0.2, 0.2]], BRIEF, "starts must be one state for Period"),
        (Rotation(lift=5), [0.1, 0.1], BRIEF, "must name coordinates below 2, got 5"),
        (Rotation(lift=0), [0.1, 0.1], BRIEF, "watch.wraps must tell the length of coordinate 0"),
    ],
)
def test_what_does_not_fit_is_refused(measure: Measure, starts: list, watch: Watch, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rd.chart(rd.input_plane(HENON), starts, ((0.1, 0.8), (0.1, 0.3)), measure, resolution=(2, 2), watch=watch)


def test_a_rotation_needs_one_thing_that_turns() -> None:
    with pytest.raises(ValueError, match="lift or plane must be given"):
        Rotation()
    with pytest.raises(ValueError, match="two different coordinates"):
        Rotation(plane=(1, 1))
    with pytest.raises(ValueError, match="second must not point along first"):
        rd.input_plane(HENON, [1.0, 0.0], [2.0, 0.0])
