"""Attractors and spectra of several conditions, trajectories by condition or time, and components fitted on some."""

from functools import cache
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from artists import edge, face, legend_texts, line, markers, path
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from problems.maps import normal
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.attractors import AttractorsOverInputs
from rnn_dynamics.fixed_points import FixedPointsOverInputs
from rnn_dynamics.plotting import plot_attractors, plot_fixed_points, plot_spectrum, style

CONTEXTS = {"left": [-0.3], "rest": [0.0], "right": [0.3]}
BLUE, ORANGE, GREEN = (style.qualitative(row).lower() for row in range(3))


def network(n: int) -> rd.DrivenMap:
    """N bistable units, of which the input pushes the first."""
    return rd.as_map(lambda h, x: torch.tanh(2 * h + x * torch.eye(1, n)[0].to(h)), state_size=n, input_size=1)


@cache
def points(n: int) -> FixedPointsOverInputs:
    return rd.find_fixed_points_over_inputs(
        network(n), CONTEXTS, normal(200, n), rd.Newton(slow_points=0), extra_starts=0
    )


@cache
def attractors(n: int) -> AttractorsOverInputs:
    return rd.find_attractors_over_inputs(network(n), CONTEXTS, normal(60, n))


@cache
def paths(n: int, time: int = 9) -> dict[str, Tensor]:
    return {
        name: network(n).run(torch.tensor(held).expand(4, time, 1), 0.1 * normal(4, n)).detach()
        for name, held in CONTEXTS.items()
    }


def color(artist: Line2D) -> str:
    return to_hex(str(artist.get_color()))


def entry(ax: Axes, label: str) -> Any:
    legend = ax.get_legend()
    assert legend is not None
    return next(h for h in legend.legend_handles if h is not None and h.get_label() == label)


def texts(ax: Axes) -> list[str]:
    return [text for text in legend_texts(ax) if text]


# Conditions


def test_names_of_held_inputs_are_those_of_the_legend() -> None:
    ax = plot_fixed_points(points(2))
    assert texts(ax)[:3] == ["left (9)", "rest (9)", "right (9)"]
    assert "right: stable (4)" in markers(ax)
    assert texts(plot_fixed_points(points(2), labels=["a", "b", "c"]))[:3] == ["a (9)", "b (9)", "c (9)"]
    mapped = plot_fixed_points({"go": points(2).of("left"), "stop": points(2).of("right")})
    assert texts(mapped)[:2] == ["go (9)", "stop (9)"]


def test_numbers_in_names_have_a_minus_and_words_their_hyphen() -> None:
    one = points(2).of("rest")
    names = ["coherence -0.5", "(-1 2)", "left-right", "trial-3"]
    ax = plot_fixed_points([one] * 4, labels=names)
    assert texts(ax)[:4] == ["coherence −0.5 (9)", "(−1 2) (9)", "left-right (9)", "trial-3 (9)"]


def test_attractors_of_conditions_are_told_apart_by_colour() -> None:
    found = attractors(2)
    ax = plot_attractors(found)
    drawn = markers(ax)
    assert [name for name in drawn if name.startswith("left")] == [f"left: attractor {row}" for row in range(4)]
    for name, own in zip(CONTEXTS, (BLUE, ORANGE, GREEN), strict=True):
        for row, state in enumerate(found.of(name).states):
            artist = drawn[f"{name}: attractor {row}"]
            assert (edge(artist), face(artist)) == (own, own)
            np.testing.assert_allclose(artist.get_offsets(), state[None], atol=1e-12)
    assert texts(ax) == ["left (4)", "rest (4)", "right (4)", "fixed point (12)"]
    assert entry(ax, "fixed point (12)").get_markerfacecolor() == style.GREY


def test_kinds_of_attractors_keep_shape_and_filling_in_each_condition() -> None:
    flip = rd.as_map(lambda h, x: x * torch.tanh(2 * h), 2, 1)  # fixed points for x = 1, cycles of period 2 for x = -1
    found = rd.find_attractors_over_inputs(flip, {"keep": [1.0], "flip": [-1.0]}, normal(40, 2))
    ax = plot_attractors(found)
    assert texts(ax)[:2] == ["keep (4)", f"flip ({len(found.of('flip'))})"]
    assert texts(ax)[2:] == ["fixed point (4)", f"cycle, period 2 ({len(found.of('flip'))})"]
    cycle, point = markers(ax)["flip: attractor 0"], markers(ax)["keep: attractor 0"]
    assert (edge(cycle), edge(point)) == (ORANGE, BLUE)
    assert face(cycle) == style.tint(ORANGE, 0.35)
    assert len(cycle.get_paths()[0].vertices) != len(point.get_paths()[0].vertices)


def test_spectra_of_conditions_are_told_apart_by_colour() -> None:
    ax = plot_spectrum(points(2))
    artist = markers(ax)["rest: unstable (1)"]
    assert edge(artist)[:7] == ORANGE
    values = points(2).of("rest").eigenvalues[~points(2).of("rest").stable][-1]
    np.testing.assert_allclose(np.sort(np.asarray(artist.get_offsets())[:, 0]), np.sort(values.real.numpy()))
    assert texts(ax) == [
        "left (9)",
        "rest (9)",
        "right (9)",
        "stable (12)",
        "saddle, 1 unstable (12)",
        "unstable (3)",
    ]


def test_each_condition_is_named_beside_a_state_of_its_own() -> None:
    for ax, found in ((plot_fixed_points(points(2)), points(2)), (plot_attractors(attractors(2)), attractors(2))):
        named = {text.get_text(): np.asarray(text.xy) for text in ax.texts if isinstance(text, Annotation)}
        assert list(named) == list(CONTEXTS)
        for name, place in named.items():
            assert np.abs(found.of(name).states.numpy() - place).sum(axis=1).min() < 1e-12
    assert sorted(text.get_text().strip() for text in plot_fixed_points(points(3), dimensions=3).texts) == sorted(
        CONTEXTS
    )
    assert not plot_fixed_points(points(2).of("rest")).texts
    assert not plot_fixed_points({"alone": points(2).of("rest")}).texts
    assert not plot_fixed_points([points(2).of("rest")] * (style.COLORS + 1)).texts


# Trajectories


def test_trajectories_have_colour_and_dashes_of_their_condition() -> None:
    for ax, count in ((plot_fixed_points(points(2), paths(2)), 9), (plot_attractors(attractors(2), paths(2)), 4)):
        looks = [(BLUE, "-"), (ORANGE, "--"), (GREEN, ":")]
        for (name, states), look in zip(paths(2).items(), looks, strict=True):
            drawn = line(ax, f"{name}: trajectories")
            assert (color(drawn), drawn.get_linestyle()) == look
            projected = path(ax, f"{name}: trajectories")
            assert np.isnan(projected[9::10]).all()  # four lines of nine states, not one
            assert np.isfinite(np.delete(projected, np.s_[9::10], axis=0)).all()
            assert len(projected) == 4 * (states.shape[1] + 1)
            said = entry(ax, f"{name} ({count})")
            assert (color(said), said.get_linestyle()) == look
        assert "trajectories" not in texts(ax)


def test_trajectories_alone_may_have_conditions() -> None:
    ax = plot_fixed_points(points(2).of("rest"), paths(2))
    assert texts(ax)[:3] == ["left", "rest", "right"]
    assert face(markers(ax)["stable (4)"]) == "#000000"
    assert color(line(ax, "right: trajectories")) == GREEN
    more = plot_fixed_points(points(2), {"pulse": paths(2)["left"]})
    assert texts(more)[:4] == ["left (9)", "rest (9)", "right (9)", "pulse"]
    assert color(line(more, "pulse: trajectories")) == style.qualitative(3).lower()


def test_trajectories_without_names_stay_grey() -> None:
    ax = plot_fixed_points(points(2), paths(2)["left"])
    assert color(line(ax, "trajectories")) == style.LIGHT_GREY
    assert "trajectories" in texts(ax)


def test_many_conditions_have_solid_lines_in_the_colours_of_a_scale() -> None:
    many = {f"coherence {row / 10:g}": normal(2, 5, 2, seed=row) for row in range(11)}
    ax = plot_fixed_points(points(2).of("rest"), many)
    lines = [line(ax, f"{name}: trajectories") for name in many]
    assert len({color(each) for each in lines}) == 11
    assert {each.get_linestyle() for each in lines} == {"-"}
    assert texts(ax)[:6] == [f"coherence {value:g}" for value in (0, 0.2, 0.4, 0.6, 0.8, 1)]


@pytest.mark.parametrize("dimensions", [2, 3])
def test_time_is_told_by_a_scale(dimensions: int) -> None:
    ax = plot_fixed_points(points(3), paths(3, 31), by_time=True, dimensions=dimensions)
    pieces = [each for each in ax.lines if str(each.get_label()).startswith("left: steps")]
    assert len(pieces) == 24
    ends = [tuple(map(int, str(each.get_label()).removeprefix("left: steps ").split(" to "))) for each in pieces]
    assert (ends[0][0], ends[-1][1]) == (0, 30)
    assert all(before[1] == after[0] for before, after in pairwise(ends))  # without gaps
    assert len({color(each) for each in pieces}) == 24
    assert texts(ax)[:7] == ["left (27)", "rest (27)", "right (27)", "step 0", "step 15", "step 30", "begin"]
    begin = next(each for each in ax.lines if each.get_label() == "right: begin")
    assert color(begin) == GREEN


def test_colours_of_time_grow_lighter_and_are_shared_by_all_conditions() -> None:
    short = {"left": paths(2)["left"][:, :5], "right": paths(2)["right"]}
    ax = plot_attractors(attractors(2), short, by_time=True)
    found = {str(each.get_label()): color(each) for each in ax.lines}
    assert found["left: steps 2 to 3"] == found["right: steps 2 to 3"]
    shades = [found[f"right: steps {step} to {step + 1}"] for step in range(8)]
    lightness = [np.dot((0.299, 0.587, 0.114), [int(shade[k : k + 2], 16) for k in (1, 3, 5)]) for shade in shades]
    assert (np.diff(lightness) > 0).all()


def test_time_without_conditions_has_no_dots() -> None:
    ax = plot_fixed_points(points(2).of("rest"), paths(2)["left"], by_time=True)
    assert [text for text in texts(ax) if text.startswith(("step", "begin"))] == ["step 0", "step 4", "step 8"]
    assert not [each for each in ax.lines if str(each.get_label()).endswith("begin")]
    still = plot_fixed_points(points(2).of("rest"), paths(2)["left"][:, :1], by_time=True)
    assert "step 0" in texts(still)


# The view


def test_components_may_be_fitted_on_chosen_conditions() -> None:
    own, n = paths(4), 4
    for chosen in (["left"], "left", ["left", "right"]):
        names = [chosen] if isinstance(chosen, str) else chosen
        ax = plot_fixed_points(points(n), own, fitted_on=chosen)
        rows = torch.cat([own[name].flatten(0, 1) for name in names]).double()
        singular = torch.linalg.svdvals(rows - rows.mean(dim=0)) ** 2
        assert ax.get_xlabel() == f"PC 1 ({100 * singular[0] / singular.sum():.0f} %)"
        drawn = np.concatenate([path(ax, f"{name}: trajectories") for name in names])
        drawn = drawn[np.isfinite(drawn).all(axis=1)]
        np.testing.assert_allclose(np.var(drawn, axis=0) * len(drawn), singular[:2], rtol=1e-9)
        np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=1e-12)


def test_without_trajectories_what_was_found_is_fitted() -> None:
    ax = plot_attractors(attractors(4), fitted_on="right")
    rows = attractors(4).of("right").states
    singular = torch.linalg.svdvals(rows - rows.mean(dim=0)) ** 2
    drawn = np.concatenate([each.get_offsets() for name, each in markers(ax).items() if name.startswith("right")])
    np.testing.assert_allclose(np.var(drawn, axis=0) * len(drawn), singular[:2], rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fitted_on": "up"}, r"fitted_on must be names of conditions \('left', 'rest', 'right'\), got 'up'"),
        ({"fitted_on": []}, r"fitted_on must be names of conditions .* got \[\]"),
        ({"fitted_on": "left", "onto": [0, 1]}, "fitted_on chooses principal components, and onto other directions"),
        ({"fitted_on": 3}, "fitted_on must be names of conditions .* got 3"),
        ({"labels": 3}, "labels must be one for each of 3 conditions, got 3"),
        ({"trajectories": {}}, "trajectories must be of at least one condition, got none"),
        ({"trajectories": {"left": torch.zeros(2, 2)}}, r"trajectories\['left'\] must have shape \[batch, time, 2\]"),
    ],
)
def test_mistakes_are_named(options: Any, message: str) -> None:
    for plot, found in ((plot_fixed_points, points(2)), (plot_attractors, attractors(2))):
        with pytest.raises(ValueError, match=message):
            plot(found, **options)  # pyright: ignore[reportArgumentType]
    assert not plt.get_fignums()


def test_what_several_conditions_cannot_have_is_refused() -> None:
    with pytest.raises(ValueError, match="starts colour attractors, but here colours tell conditions"):
        plot_attractors(attractors(2), starts=normal(60, 2))
    with pytest.raises(ValueError, match="which chooses rows of one result"):
        plot_spectrum(points(2), which=[0])
    with pytest.raises(ValueError, match="got 'left'"):
        plot_fixed_points(points(2).of("left"), fitted_on="left")
    with pytest.raises(ValueError, match="found must be the Attractors of find_attractors, got FixedPointsOverInputs"):
        plot_attractors(points(2))  # pyright: ignore[reportArgumentType]
    assert not plt.get_fignums()


def test_components_fitted_elsewhere_are_not_drawn_on_the_same_axis() -> None:
    ax = plot_fixed_points(points(4), fitted_on="left")
    plot_fixed_points(points(4), ax=ax, fitted_on="left")
    with pytest.raises(ValueError, match=r"ax shows other directions .* leave fitted_on out, or use another ax"):
        plot_fixed_points(points(4), ax=ax, fitted_on="right")
