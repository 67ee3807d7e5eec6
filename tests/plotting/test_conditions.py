"""Fixed points of several conditions, further calls on one axis, and axes by what was given."""

import math
from dataclasses import replace
from functools import cache
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from artists import edge, face, markers
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.legend import Legend
from problems.maps import normal

import rnn_dynamics as rd
from rnn_dynamics.fixed_points import FixedPointsOverInputs
from rnn_dynamics.plotting import (
    figure,
    plot_attractors,
    plot_basins,
    plot_echo_index,
    plot_fixed_points,
    plot_spectrum,
    style,
)
from rnn_dynamics.plotting.classes import classify

DOUBLE = torch.float64


def network(n: int) -> rd.DrivenMap:
    """N bistable units, of which the input pushes the first."""
    return rd.as_map(lambda h, x: torch.tanh(2 * h + x * torch.eye(1, n)[0].to(h)), state_size=n, input_size=1)


@cache
def over(n: int, inputs: tuple[float, ...]) -> FixedPointsOverInputs:
    held = torch.tensor(inputs, dtype=DOUBLE)[:, None]
    return rd.find_fixed_points_over_inputs(network(n), held, normal(200, n), rd.Newton(slow_points=0), extra_starts=0)


def legend(ax: Axes) -> Legend:
    found = ax.get_legend()
    assert found is not None
    return found


def legend_texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in legend(ax).get_texts() if text.get_text()]


# Conditions


def test_each_input_has_a_colour_and_each_kind_its_shape_and_filling() -> None:
    result = over(2, (0.0, 0.3, -0.3))
    assert [len(points) for points in result.points] == [9, 9, 9]
    ax = plot_fixed_points(result)
    artists = markers(ax)
    assert list(artists) == [
        f"input {name}: {kind}"
        for name in ("0", "0.3", "−0.3")
        for kind in ("stable (4)", "saddle, 1 unstable (4)", "unstable (1)")
    ]
    alone = markers(plot_fixed_points(result.points[0]))
    for row, name in enumerate(("0", "0.3", "−0.3")):
        color = style.qualitative(row).lower()
        for kind, like in alone.items():
            artist = artists[f"input {name}: {kind}"]
            assert edge(artist) == color
            assert np.array_equal(artist.get_paths()[0].vertices, like.get_paths()[0].vertices)
        assert face(artists[f"input {name}: stable (4)"]) == color
        assert face(artists[f"input {name}: unstable (1)"]) == "#ffffff"
        stable = result.points[row].states[result.points[row].stable].numpy()
        np.testing.assert_allclose(artists[f"input {name}: stable (4)"].get_offsets(), stable)
    assert legend_texts(ax) == [
        "input 0 (9)",
        "input 0.3 (9)",
        "input −0.3 (9)",
        "stable (12)",
        "saddle, 1 unstable (12)",
        "unstable (3)",
        "unstable direction",
    ]
    patches = [to_hex(patch.get_facecolor()) for patch in legend(ax).get_patches()]
    assert patches == [style.qualitative(row).lower() for row in range(3)]


def test_all_conditions_are_seen_in_one_projection() -> None:
    result = over(4, (0.0, 0.3))
    ax = plot_fixed_points(result)
    states = torch.cat([points.states for points in result.points])
    centred = states - states.mean(dim=0)
    shares = torch.linalg.svdvals(centred) ** 2
    assert ax.get_xlabel() == f"PC 1 ({100 * shares[0] / shares.sum():.0f} %)"
    drawn = np.concatenate([np.asarray(artist.get_offsets()) for artist in markers(ax).values()])
    order = torch.cat([points.states[group.rows] for points in result.points for group in classify(points)]).numpy()
    # One linear map, which keeps lengths, takes the states of all conditions to where they are drawn.
    weights, residual, *_ = np.linalg.lstsq(np.column_stack([order, np.ones(len(order))]), drawn)
    np.testing.assert_allclose(residual, 0, atol=1e-18)
    np.testing.assert_allclose(weights[:4].T @ weights[:4], np.eye(2), atol=1e-9)
    np.testing.assert_allclose(np.var(drawn[:, 0]) * len(drawn), shares[0], rtol=1e-9)


def test_a_list_is_named_by_labels_or_by_numbers() -> None:
    points = over(2, (0.0, 0.3)).points
    assert legend_texts(plot_fixed_points(list(points)))[:2] == ["condition 0 (9)", "condition 1 (9)"]
    named = plot_fixed_points(points, labels=["rest", "go"])
    assert legend_texts(named)[:2] == ["rest (9)", "go (9)"]


def test_choices_of_rows_can_be_conditions() -> None:
    points = over(2, (0.0,)).points[0]
    ax = plot_fixed_points([points[points.stable], points[~points.stable]], labels=["memories", "borders"])
    assert legend_texts(ax)[:3] == ["memories (4)", "borders (5)", "stable (4)"]


def test_many_conditions_have_the_colours_of_a_scale() -> None:
    values = tuple(np.linspace(-0.2, 0.2, 11).round(3).tolist())
    ax = plot_fixed_points(over(2, values))
    stable = [artist for label, artist in markers(ax).items() if ": stable" in label]
    colors = [edge(artist) for artist in stable]
    assert len(set(colors)) == 11
    lightness = [np.dot((0.299, 0.587, 0.114), np.asarray(artist.get_edgecolor())[0][:3]) for artist in stable]
    assert (np.diff(lightness) > 0).all()
    listed = [text for text in legend_texts(ax) if text.startswith("input")]
    assert listed == [f"input {value:g} (9)".replace("-", "−") for value in (-0.2, -0.12, -0.04, 0.04, 0.12, 0.2)]


def test_wide_and_equal_inputs_are_called_by_their_rows() -> None:
    points = over(2, (0.0, 0.3)).points
    for inputs in (torch.zeros(2, 1), torch.arange(10.0).reshape(2, 5)):
        texts = legend_texts(plot_fixed_points(FixedPointsOverInputs(inputs, points)))
        assert texts[:2] == ["input 0 (9)", "input 1 (9)"]
    texts = legend_texts(plot_fixed_points(FixedPointsOverInputs(torch.tensor([[0.0, 1.0], [-2.0, 0.5]]), points)))
    assert texts[:2] == ["input (0 1) (9)", "input (−2 0.5) (9)"]


def test_conditions_without_points_and_interrupted_ones() -> None:
    none = over(2, (0.0,)).points[0][[]]
    ax = plot_fixed_points([none, none], labels=["a", "b"])
    assert legend_texts(ax) == ["a (0)", "b (0)"]
    ax.figure.canvas.draw()
    interrupted = replace(over(2, (0.0, 0.3)), points=over(2, (0.0, 0.3)).points[:1])
    assert legend_texts(plot_fixed_points(interrupted))[0] == "input 0 (9)"


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        (lambda p: [p, 3], {}, "points must be the FixedPoints of find_fixed_points, got list"),
        (lambda p: [], {}, "points must be those of at least one condition, got none"),
        (lambda p: p, {"labels": ["a"]}, "labels name several conditions: give points as a list"),
        (lambda p: [p, p], {"labels": ["a"]}, r"labels must be one for each of 2 conditions, got \['a'\]"),
        (lambda p: [p, p], {"labels": "ab"}, "labels must be one for each of 2 conditions, got 'ab'"),
        (lambda p: [p, over(3, (0.0,)).points[0]], {}, r"points must all be of states of one size, got sizes \[2, 3\]"),
    ],
)
def test_mistakes_with_conditions_are_named(points: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot_fixed_points(points(over(2, (0.0,)).points[0]), **options)
    assert not plt.get_fignums()


# Further calls on one axis


def test_the_legend_holds_all_that_is_drawn() -> None:
    points = over(2, (0.0,)).points[0]
    ax = plot_fixed_points(points[points.stable])
    plot_fixed_points(points[points.n_unstable == 1], ax=ax)
    plot_attractors(rd.find_attractors(network(2).hold([0.0]), normal(16, 2)), ax=ax)
    assert legend_texts(ax) == ["stable (4)", "saddle, 1 unstable (4)", "unstable direction", "fixed point (4)"]
    ax.figure.canvas.draw()


def test_entries_that_look_and_read_alike_are_one_and_are_counted_together() -> None:
    points = over(2, (0.0,)).points[0]
    ax = plot_fixed_points(points[0])
    for row in (1, 2, 8, 5):
        plot_fixed_points(points[row], ax=ax)
    assert legend_texts(ax) == ["stable (3)", "unstable (1)", "unstable direction", "saddle, 1 unstable (1)"]
    spectrum = plot_spectrum(points, which=[0, 1])
    plot_spectrum(points, ax=spectrum, which=[2, 8])
    assert legend_texts(spectrum) == ["stable (3)", "unstable (1)"]


def test_entries_keep_their_looks() -> None:
    points = over(2, (0.0,)).points[0]
    ax = plot_fixed_points(points[points.stable])
    before = legend(ax).legend_handles[0]
    plot_fixed_points(points[8], ax=ax)
    after = legend(ax).legend_handles[0]
    for name in ("marker", "markersize", "markerfacecolor", "markeredgecolor", "linestyle"):
        assert getattr(after, f"get_{name}")() == getattr(before, f"get_{name}")(), name


def test_boxes_in_legends_are_one_too() -> None:
    basins = rd.basin_map(network(2).hold([0.0]), normal(3, 2), resolution=8)
    ax = plot_basins(basins)
    before = legend_texts(ax)
    plot_basins(basins, ax=ax)
    assert legend_texts(ax) == before
    points = over(2, (0.0,)).points[0]
    ax = plot_fixed_points([points, points[points.stable]])
    plot_fixed_points([points], ax=ax)
    assert legend_texts(ax)[:3] == ["condition 0 (18)", "condition 1 (4)", "stable (12)"]


def test_the_callers_own_legend_is_kept() -> None:
    ax = figure()[1]
    ax.plot([0, 1], [0, 1], color="red", label="theory")
    ax.legend()
    plot_fixed_points(over(2, (0.0,)).points[0], ax=ax)
    assert legend_texts(ax)[:2] == ["theory", "stable (4)"]


def test_that_there_was_nothing_is_forgotten_once_there_is_something() -> None:
    points = over(2, (0.0,)).points[0]
    ax = plot_fixed_points(points[[]])
    plot_fixed_points(points[[]], ax=ax)
    assert legend_texts(ax) == ["no fixed points"]
    plot_fixed_points(points[0], ax=ax)
    plot_fixed_points(points[[]], ax=ax)
    assert legend_texts(ax) == ["stable (1)"]


def test_what_comes_next_is_drawn_in_the_axes_of_what_came_first() -> None:
    points, other = over(4, (0.0, 0.3)).points
    first = plot_fixed_points(points)
    label = first.get_xlabel()
    where = np.asarray(markers(first)["stable (16)"].get_offsets())
    plot_fixed_points(other, ax=first)
    plot_fixed_points(points[points.stable], ax=first)
    assert first.get_xlabel() == label
    again = [artist for artist in first.collections if artist.get_label() == "stable (16)"]
    assert len(again) == 3
    np.testing.assert_allclose(again[-1].get_offsets(), where)


def test_other_axes_on_one_axis_are_refused() -> None:
    points = over(4, (0.0,)).points[0]
    ax = plot_fixed_points(points, axes=[0, 1])
    plot_fixed_points(points, ax=ax, axes=torch.eye(4)[:2])
    with pytest.raises(ValueError, match=r"ax shows other axes \(unit 0, unit 1\): leave axes out, or use another ax"):
        plot_fixed_points(points, ax=ax, axes=[1, 2])
    with pytest.raises(ValueError, match="ax shows 2 axes of states of size 4, got 2 of states of size 2"):
        plot_fixed_points(over(2, (0.0,)).points[0], ax=ax)
    ax.clear()
    plot_fixed_points(points, ax=ax, axes=[1, 2])
    assert ax.get_xlabel() == "unit 1"


# Axes


def test_axes_are_called_by_what_was_given() -> None:
    points = over(4, (0.0,)).points[0]
    shares = torch.linalg.svdvals(points.states - points.states.mean(dim=0)) ** 2
    percent = [round(100 * float(share / shares.sum())) for share in shares[:2]]
    first, second = normal(4, seed=3), normal(4, seed=4)
    turned = torch.linalg.qr(torch.stack([first, second]).T)[0].T
    cases: list[tuple[Any, list[str], bool]] = [
        ([3, 0], ["unit 3", "unit 0"], True),
        ((3, -1), ["unit 3", "unit 3"], False),
        (torch.tensor([3, 0]), ["unit 3", "unit 0"], True),
        (np.array([2, 1]), ["unit 2", "unit 1"], True),
        ({"motion": first, "colour": second}, ["motion", "colour"], False),
        ({"memory": 2, "cue": 0}, ["memory", "cue"], True),
        (torch.stack([first, second]), ["projection on direction 0", "projection on direction 1"], False),
        ([first.tolist(), [0.0, 0, 1, 0]], ["projection on direction 0", "unit 2"], False),
        (turned, ["projection on direction 0", "projection on direction 1"], True),
        (None, [f"PC 1 ({percent[0]} %)", f"PC 2 ({percent[1]} %)"], True),
    ]
    for axes, labels, equal in cases:
        ax = plot_fixed_points(points, axes=axes)
        assert [ax.get_xlabel(), ax.get_ylabel()] == labels
        assert ax.get_aspect() == (1.0 if equal else "auto"), labels
        ax.figure.canvas.draw()


def test_units_are_drawn_as_they_are() -> None:
    points = over(4, (0.0,)).points[0]
    drawn = np.asarray(markers(plot_fixed_points(points, axes=[3, 1]))["stable (16)"].get_offsets())
    np.testing.assert_array_equal(drawn, points.states[points.stable][:, [3, 1]].numpy())


def test_the_caller_decides_the_aspect() -> None:
    points = over(4, (0.0,)).points[0]
    free = torch.stack([10 * normal(4, seed=3), normal(4, seed=4)])
    assert plot_fixed_points(points, axes=[0, 1], aspect="auto").get_aspect() == "auto"
    assert plot_fixed_points(points, axes=free, aspect="equal").get_aspect() == 1.0
    ax = figure()[1]
    ax.set_aspect(2.5)
    assert plot_fixed_points(points, axes=[0, 1], ax=ax).get_aspect() == 2.5
    found = rd.find_attractors(network(4).hold([0.0]), normal(16, 4))
    assert plot_attractors(found, axes=free).get_aspect() == "auto"
    assert plot_attractors(found, axes=free, aspect="equal").get_aspect() == 1.0
    with pytest.raises(ValueError, match="aspect must be 'equal', 'auto' or None, got 'square'"):
        plot_fixed_points(points, aspect="square")


def test_unstable_directions_are_seen_on_axes_of_different_scales() -> None:
    """Along the small axis of a free aspect they may not leave the picture, along the large one not vanish."""
    points = over(2, (0.0,)).points[0]
    ax = plot_fixed_points(points, axes=torch.tensor([[100.0, 0], [0, 1.0]]))
    size = float(points.states[:, 0].max() - points.states[:, 0].min())
    lines = [np.asarray(line.get_xydata()) for line in ax.lines if line.get_zorder() == 3]
    ends = np.concatenate([line.reshape(-1, 3, 2)[:, :2] for line in lines])
    reach = np.abs(ends[:, 1] - ends[:, 0]) / [100 * size, size]
    longest = float(np.hypot(*reach.T).max())
    assert longest == pytest.approx(0.14, rel=1e-6)
    assert (reach <= 0.14 + 1e-9).all()


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ([0, 4], r"axes must be units from 0 to 3, or directions \[4\], got 4"),
        ([0, -5], r"axes must be units from 0 to 3, or directions \[4\], got -5"),
        ([0], r"axes must have shape \[2, 4\] for dimensions=2 .* got \[1, 4\]"),
        ({"a": 0}, r"axes must have shape \[2, 4\]"),
        ({"a": 0, "b": torch.ones(3)}, r"axes\['b'\] must be a unit's number or a direction \[4\], got \[3\]"),
        ({"a": 0, "b": 0.5}, r"axes\['b'\] must be units from 0 to 3, or directions \[4\], got 0.5"),
        ({"a": 0, "b": True}, r"axes\['b'\] must be units from 0 to 3, or directions \[4\], got True"),
        ({}, r"axes must have shape \[2, 4\]"),
        ("ab", "axes must be a tensor or array of real numbers"),
        ([math.nan, 1], "axes must be finite"),
    ],
)
def test_axes_that_do_not_fit_are_refused(axes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot_fixed_points(over(4, (0.0,)).points[0], axes=axes)
    assert not plt.get_fignums()


# Hostile use


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("several", [False, True])
def test_few_units_and_no_points(n: int, several: bool) -> None:
    points = over(n, (0.0,)).points[0]
    for chosen in (points, points[0], points[[]]):
        ax = plot_fixed_points([chosen, chosen] if several else chosen)
        for _ in range(2):
            plot_fixed_points(chosen, ax=ax)
        ax.figure.canvas.draw()
        want = {1: ("state", ""), 2: ("unit 0", "unit 1")}
        if n in want:
            assert (ax.get_xlabel(), ax.get_ylabel()) == want[n]


def test_an_echo_index_of_no_amplitudes() -> None:
    echo = rd.echo_index(network(1), torch.ones(20, 1), [0.5, 1.0], starts=normal(4, 1))
    plot_echo_index(echo[[]]).figure.canvas.draw()


def test_a_thousand_points_and_trajectories() -> None:
    points = over(3, (0.0,)).points[0]
    many = points[torch.arange(1000) % len(points)]
    ax = plot_fixed_points(many, normal(50, 200, 3))
    ax.figure.canvas.draw()
    assert sum(len(np.asarray(artist.get_offsets())) for artist in markers(ax).values()) == 1000
    ax = plot_spectrum(many)
    assert sum(len(np.asarray(artist.get_offsets())) for artist in markers(ax).values()) == 3000


def test_on_a_closed_figure() -> None:
    made, ax = figure()
    plt.close(made)
    plot_fixed_points(over(2, (0.0,)).points[0], ax=ax)
    made.canvas.draw()
    assert not plt.get_fignums()
