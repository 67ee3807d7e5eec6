"""Maps of multistability against closed forms, and the figure of the plane of two parameters."""

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.collections import QuadMesh

import rnn_dynamics as rd
from rnn_dynamics import store
from rnn_dynamics.bifurcations import continue_fixed_point
from rnn_dynamics.bifurcations.two_parameters import grid as maps
from rnn_dynamics.bifurcations.two_parameters.curve import continue_bifurcation
from rnn_dynamics.bifurcations.two_parameters.grid import multistability_map
from rnn_dynamics.bifurcations.two_parameters.grid_results import MultistabilityMap
from rnn_dynamics.plotting.parameter_plane import plot_parameter_plane
from rnn_dynamics.systems import HeldMap

SPANS = ((-1.7, 1.6), (-2.9, 3.1))


# Weight and bias are inputs of one map: a map for each pair would be probed anew.
UNIT = rd.as_map(lambda s, x: torch.tanh(x[..., 1:] * s + x[..., :1]), 1, 2).frozen(torch.float64)


def tanh(b: float, w: float) -> rd.AutonomousMap:
    return HeldMap(UNIT, torch.tensor([b, w], dtype=torch.float64))


@pytest.fixture(scope="module")
def chart() -> MultistabilityMap:
    return multistability_map(tanh, [[-1.0], [1.0]], SPANS, resolution=(10, 11))


@pytest.fixture(scope="module")
def curve():
    branch = continue_fixed_point(lambda b: tanh(b, 2.0), [-1.0], SPANS[0])
    return continue_bifurcation(tanh, branch.special_points[0], SPANS, at=2.0)


def test_two_attractors_inside_the_cusp(chart: MultistabilityMap) -> None:
    b, w = torch.meshgrid(chart.first, chart.second, indexing="xy")
    x = torch.sqrt((1 - 1 / w).clamp(min=0))
    two = (w > 1) & (b.abs() < (torch.atanh(x) - w * x).abs())
    assert torch.equal(chart.counts, 1 + two.long())
    assert 0 < int(two.sum()) < two.numel() / 2
    # Below the flip curve the one attractor is a 2-cycle.
    x = torch.sqrt((1 + 1 / w).clamp(min=0))
    doubled = (w < -1) & (b.abs() < (torch.atanh(x) - w * x).abs())
    cycles = chart.by_kind[chart.kinds.index("cycle")]
    assert torch.equal(cycles, doubled.long())
    assert int(doubled.sum()) > 5
    assert torch.equal(chart.by_kind.sum(dim=0), chart.counts)
    assert int(chart.unsettled.max()) == 0


def test_neighbours_find_what_starts_miss() -> None:
    # A start at -1 alone: the upper attractor is found where the lower is lost, and kept all over the region of two.
    alone = multistability_map(tanh, [[-1.0]], SPANS, resolution=(10, 11))
    both = multistability_map(tanh, [[-1.0], [1.0]], SPANS, resolution=(10, 11))
    assert torch.equal(alone.counts, both.counts)
    inside = both.counts == 2
    assert bool((alone.added[inside] == 1).all())
    assert int(both.added[inside].max()) == 0


def test_diverging_starts_are_counted() -> None:
    def family(p: float, q: float) -> rd.AutonomousMap:
        return rd.as_map(lambda s, _: p * s**2 + q, state_size=1, input_size=0).hold()

    chart = multistability_map(family, [[0.0], [9.0]], ((0.5, 1.0), (0.1, 1.0)), resolution=(2, 2))
    # 4 p q < 1: 0 settles and 9 diverges; else both diverge.
    assert chart.counts.tolist() == [[1, 1], [0, 0]]
    assert chart.unsettled.tolist() == [[1, 1], [2, 2]]


def test_interrupt_keeps_the_cells_done(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    calls, usual = [], maps.find_attractors

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return usual(*args, **kwargs)

    monkeypatch.setattr(maps, "find_attractors", interrupted)
    chart = multistability_map(tanh, [[-1.0]], SPANS, resolution=(3, 3))
    assert chart.interrupted
    assert chart.known.tolist() == [[True, True, True], [False, False, True], [False] * 3]  # forth and back
    assert len(chart.to_pandas()) == 4
    assert "interrupted after 4 cells" in chart.summary()
    again = store.load(store.save(chart, tmp_path / "map.safetensors"))
    assert torch.equal(again.counts, chart.counts)
    assert again.kinds == chart.kinds
    ax = plot_parameter_plane((), chart)
    assert "not computed" in [text.get_text() for text in ax.get_legend().get_texts()]
    plt.close(ax.figure)


def test_table_and_words(chart: MultistabilityMap) -> None:
    table = chart.to_pandas()
    assert len(table) == 110
    row = table.iloc[int(table["attractors"].argmax())]
    assert row["attractors"] == row["fixed point"] == 2
    assert "1 at" in chart.summary()
    assert "fixed point: at" in repr(chart)
    assert "<table" in chart._repr_html_()


@pytest.mark.parametrize(
    ("starts", "spans", "options", "message"),
    [
        ([[0.0, 0.0]], SPANS, {}, "starts must have shape"),
        ([[0.0]], (1, 2), {}, "spans must be"),
        ([[0.0]], SPANS, {"resolution": 5}, "resolution must be two"),
        ([[0.0]], SPANS, {"resolution": (1, 5)}, "resolution must be a whole number of at least 2"),
        ([[0.0]], SPANS, {"seed": "x"}, "seed"),
    ],
)
def test_bad_input(starts, spans, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        multistability_map(tanh, starts, spans, **options)


@pytest.mark.slow
def test_figure(chart: MultistabilityMap, curve) -> None:
    ax = plot_parameter_plane([curve], chart, parameters=("b", "w"))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("b", "w")
    (mesh,) = [child for child in ax.collections if isinstance(child, QuadMesh)]
    assert mesh.get_array().reshape(11, 10).tolist() == chart.counts.tolist()
    shown = torch.tensor(ax.lines[0].get_xydata())
    assert torch.equal(shown, curve.parameters)
    assert [text.get_text() for text in ax.texts] == ["CP"]
    dot = ax.lines[-1].get_xydata()
    assert dot.tolist() == [pytest.approx([0.0, 1.0], abs=1e-6)]
    assert ax.get_xlim() == SPANS[0]
    assert ax.get_ylim() == SPANS[1]
    bar = ax.figure.axes[1]
    assert [text.get_text() for text in bar.get_yticklabels()] == ["1", "2"]
    assert bar.get_ylabel() == "attractors"
    plt.close(ax.figure)


def test_figure_without_extras(curve) -> None:
    ax = plot_parameter_plane([curve], labels=False, legend=False)
    assert not ax.texts
    assert ax.get_legend() is None
    plt.close(ax.figure)


@pytest.mark.parametrize(
    ("curves", "chart_given", "message"),
    [
        ((), None, "nothing to draw"),
        ([3], None, "got int"),
        ((), 3, "MultistabilityMap"),
        (None, None, "must be a list"),
    ],
)
def test_figure_refuses(curve, curves, chart_given, message) -> None:
    with pytest.raises(ValueError, match=message):
        plot_parameter_plane(curve if curves is None else curves, chart_given)
