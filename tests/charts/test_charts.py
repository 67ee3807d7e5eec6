"""Charts of two parameters against closed forms."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.charts import Conduct, Count, Exponent, Period, Reached, Rotation, Watch

BRIEF = Watch(transient=500, steps=500, max_steps=3500)


def henon(h: Tensor, x: Tensor) -> Tensor:
    return torch.stack([1 - x[..., 0] * h[..., 0] ** 2 + h[..., 1], x[..., 1] * h[..., 0]], dim=-1)


def circle(h: Tensor, x: Tensor) -> Tensor:
    return h + x[..., :1] - x[..., 1:] / (2 * math.pi) * torch.sin(2 * math.pi * h)


def cusp(h: Tensor, x: Tensor) -> Tensor:
    return torch.tanh(x[..., :1] * h + x[..., 1:])


def folds(w: Tensor) -> Tensor:
    """The b at which tanh(w h + b) has its folds, at +b and -b; 0 up to w = 1."""
    height = (1 - 1 / w).clamp(min=0).sqrt()
    return torch.where(w > 1, w * height - torch.atanh(height), 0.0)


def test_henons_fixed_point_doubles_where_the_closed_form_says_and_borders_are_refined() -> None:
    family = rd.input_plane(rd.as_map(henon, 2, 2))
    chart = rd.chart(family, [[0.0, 0.0]], ((0.0, 0.9), (-0.3, 0.3)), Period(), resolution=(8, 6), depth=2, watch=BRIEF)
    a, b = chart.parameters.T
    told = (chart.values == 1) | (chart.values == 2)
    assert told.double().mean() > 0.9
    assert bool(((chart.values == 1) == (a < 0.75 * (1 - b) ** 2))[told].all())
    away = (a - 0.75 * (1 - b) ** 2).abs() > 0.3
    assert int(chart.levels[away & (a < 0.5)].max()) == 0
    assert int(chart.levels.max()) == 2
    assert float(chart.areas.sum()) == pytest.approx(1)


def test_the_tongues_of_the_sine_circle_map() -> None:
    family = rd.input_plane(rd.as_map(circle, 1, 2))
    watch = replace(BRIEF, wraps=((0, 1.0),))
    chart = rd.chart(
        family, [[0.0]], ((-0.04, 0.54), (0.1, 0.9)), Rotation(lift=0), resolution=(10, 6), depth=1, watch=watch
    )
    omega, k = chart.parameters.T
    decided = chart.conducts != Conduct.UNDECIDED
    assert decided.double().mean() > 0.95
    zero = (chart.values == 0) & (chart.periods == 1)
    assert bool((zero == (omega.abs() < k / (2 * math.pi)))[decided].all())
    loose = chart.conducts == Conduct.QUASI_PERIODIC
    assert bool((chart.exponents[loose].abs() < 1e-4).all())
    assert bool((chart.values[chart.periods == 2] == 0.5).all())


def test_the_tongue_of_one_half_ends_at_the_folds_of_the_second_iterate() -> None:
    k = 0.9
    h = torch.linspace(0, 1, 20_001, dtype=torch.float64)[:, None]

    def drift(omega: float) -> Tensor:
        x = torch.tensor([[omega, k]], dtype=torch.float64)
        return circle(circle(h, x), x) - h - 1

    low, high = 0.45, 0.5  # between no root and roots
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if float(drift(middle).max()) > 0 else (middle, high)
    family = rd.as_map(circle, 1, 2)
    plane = rd.input_plane(family)
    span = ((high - 4e-3, high + 4e-3), (k - 1e-9, k + 1e-9))
    chart = rd.chart(
        plane, [[0.0]], span, Rotation(lift=0), resolution=(8, 2), depth=0, watch=replace(BRIEF, wraps=((0, 1.0),))
    )
    inside = chart.parameters[:, 0] > high
    assert bool(((chart.values == 0.5) & (chart.periods == 2))[inside].all())
    slow = chart.conducts[~inside] == Conduct.UNDECIDED  # orbits that pass the ghost of the cycle
    assert int(slow.sum()) <= 4
    assert bool((chart.values[~inside][~slow] < 0.5).all())


def test_counts_change_at_the_folds_of_tanh_and_starts_reach_the_side_they_should() -> None:
    family = rd.input_plane(rd.as_map(cusp, 1, 2))
    spans = ((0.6, 2.4), (-0.7, 0.7))
    options = {"resolution": (6, 6), "depth": 2, "watch": BRIEF}
    counted = rd.chart(family, [[-2.0], [0.0], [2.0]], spans, Count(), **options)
    w, b = counted.parameters.T
    assert torch.equal(counted.values, 1.0 + (b.abs() < folds(w)).double())
    reached = rd.chart(family, [[0.0]], spans, Reached([[2.0], [-2.0]]), **options)
    w, b = reached.parameters.T
    assert torch.equal(reached.values == 1, (b < 0) & (b.abs() < folds(w)))


def test_a_plain_function_of_two_parameters_gives_the_same_chart() -> None:
    family = rd.input_plane(rd.as_map(henon, 2, 2))
    settings = {"resolution": (3, 2), "depth": 0, "watch": BRIEF}
    args = ([[0.0, 0.0]], ((0.1, 1.2), (0.1, 0.3)), Period())
    side_by_side, one_by_one = (
        rd.chart(family, *args, **settings),
        rd.chart(lambda p, q: family(p, q), *args, **settings),
    )
    assert torch.equal(side_by_side.values, one_by_one.values)
    assert torch.allclose(side_by_side.exponents, one_by_one.exponents, atol=1e-2)


def test_an_exponent_of_a_fixed_point_is_the_logarithm_of_its_slope() -> None:
    family = rd.input_plane(rd.as_map(cusp, 1, 2))
    chart = rd.chart(family, [[1.0]], ((1.2, 2.0), (0.1, 0.5)), resolution=(3, 3), depth=0, watch=BRIEF)
    w, b = chart.parameters.T
    h = torch.ones_like(w)
    for _ in range(2000):
        h = torch.tanh(w * h + b)
    assert torch.allclose(chart.values, (w * (1 - h**2)).log(), atol=1e-9)


def test_a_chart_is_gone_on_with_and_another_is_refused(tmp_path) -> None:
    family = rd.input_plane(rd.as_map(cusp, 1, 2))
    args = ([[1.0]], ((0.6, 2.0), (0.1, 0.5)), Exponent())
    settings = {"resolution": (3, 3), "depth": 1, "watch": BRIEF, "path": tmp_path / "chart.safetensors"}
    whole = rd.chart(family, *args, **settings)
    part = rd.load(settings["path"])
    lost = torch.zeros(len(part), dtype=torch.bool)
    lost[-4:] = True
    rd.save(
        replace(part, conducts=part.conducts.masked_fill(lost, -1), values=part.values.masked_fill(lost, torch.nan)),
        settings["path"],
    )
    again = rd.chart(family, *args, **settings)
    assert torch.equal(again.values, whole.values)
    assert bool(again.done.all())
    with pytest.raises(ValueError, match=r"path .* holds a chart of other settings"):
        rd.chart(family, [[1.0]], args[1], Period(), **settings)
    other = rd.input_plane(rd.as_map(lambda h, x: cusp(h, x) / 2, 1, 2))
    with pytest.raises(ValueError, match=r"path .* holds a chart of another family"):
        rd.chart(other, *args, **settings)


def test_ctrl_c_keeps_the_cells_that_are_done() -> None:
    calls = 0

    def family(p: float, q: float) -> rd.AutonomousMap:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise KeyboardInterrupt
        return rd.as_map(lambda h, _: torch.tanh(p * h + q), 1, 0).hold()

    chart = rd.chart(family, [[1.0]], ((1.2, 2.0), (0.1, 0.5)), resolution=(3, 3), depth=1, watch=BRIEF)
    assert chart.interrupted
    assert int(chart.done.sum()) == 3
    assert len(chart) == 9


def test_what_runs_away_is_said() -> None:
    logistic = rd.input_plane(rd.as_map(lambda h, x: x[..., :1] * h * (1 - h) + x[..., 1:], 1, 2))
    chart = rd.chart(logistic, [[0.3]], ((4.5, 5.0), (-0.01, 0.01)), Period(), resolution=(2, 2), watch=BRIEF)
    assert bool((chart.conducts == Conduct.DIVERGED).all())
    assert bool(chart.values.isnan().all())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"starts": [[0.0], [1.0]]}, "starts must be one state for Exponent"),
        ({"spans": ((0, 0), (0, 1))}, "spans must be"),
        ({"measure": Rotation(lift=0)}, "watch.wraps must tell the length"),
        ({"measure": Rotation(lift=3)}, "measure.lift must name coordinates below 1"),
        ({"depth": 12, "resolution": (900, 900)}, "depth must leave"),
        ({"family": 3}, "family must be"),
    ],
)
def test_refusals(changes, words) -> None:
    arguments = {"family": rd.input_plane(rd.as_map(cusp, 1, 2)), "starts": [[0.0]], "spans": ((0, 1), (0, 1))}
    with pytest.raises(ValueError, match=words):
        rd.chart(**arguments | {"watch": BRIEF, "resolution": (2, 2), "depth": 0} | changes)


def test_a_plane_of_inputs_needs_two_directions() -> None:
    network = rd.as_map(cusp, 1, 2)
    with pytest.raises(ValueError, match="second must not point along first"):
        rd.input_plane(network, [1.0, 1.0], [2.0, 2.0])
    with pytest.raises(ValueError, match="second must be the number of an input below 2"):
        rd.input_plane(network, 0, 2)


def test_pictures_show_the_values() -> None:
    family = rd.input_plane(rd.as_map(cusp, 1, 2))
    chart = rd.chart(
        family, [[-2.0], [2.0]], ((0.6, 2.4), (-0.7, 0.7)), Count(), resolution=(4, 4), depth=1, watch=BRIEF
    )
    ax = rd.plot_chart(chart, parameters=("w", "b"))
    shown = ax.collections[0].get_array()
    assert shown.shape == (8, 8)
    assert (shown.filled() + 1 == chart.image().numpy()).all()  # the places of 1 and 2 are 0 and 1
    with pytest.raises(ValueError, match="must be whole"):
        rd.plot_chart(chart[:3])


def test_a_chaotic_chart_is_gone_on_with_in_batches_of_another_size(tmp_path) -> None:
    """Rounding differs from batch to batch, and chaos makes much of it: that is no other family."""
    plane = rd.input_plane(rd.as_map(lambda h, x: x[..., :1] * h * (1 - h) + 0 * x[..., 1:], 1, 2))
    watch, path = Watch(transient=300, steps=300, max_steps=300), tmp_path / "chart.safetensors"
    options = {"resolution": (6, 2), "depth": 1, "watch": watch, "path": path}
    whole = rd.chart(plane, [0.3], ((3.6, 4.0), (0, 1)), **options)
    assert bool((whole.exponents > 0.2).any())
    shaken = replace(whole, exponents=whole.exponents + 0.5 * whole.errors * (whole.exponents > 0))
    rd.save(shaken, path)
    assert torch.equal(rd.chart(plane, [0.3], ((3.6, 4.0), (0, 1)), **options).exponents, shaken.exponents)
    rd.save(replace(whole, exponents=whole.exponents - 1), path)
    with pytest.raises(ValueError, match="chart of another family"):
        rd.chart(plane, [0.3], ((3.6, 4.0), (0, 1)), **options)


def test_a_slow_flip_is_neither_a_circle_nor_chaos() -> None:
    """Beside Henon's flip exponents are 0 and two states alternate: a cycle of 2 at length, else undecided."""
    p, q = 1.068229, -0.193359
    watch = Watch(transient=500, steps=500, max_steps=4000)
    spans = ((p - 1e-4, p + 1e-4), (q - 1e-4, q + 1e-4))
    brief = rd.chart(rd.input_plane(rd.as_map(henon, 2, 2)), [0.1, 0.1], spans, Period(), resolution=(3, 3), depth=0,
                     watch=watch)  # fmt: skip
    assert set(brief.conducts.tolist()) <= {Conduct.UNDECIDED, Conduct.PERIODIC}
    assert set(brief.values[brief.conducts == Conduct.PERIODIC].tolist()) <= {2.0}
