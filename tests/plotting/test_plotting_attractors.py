"""Figures of attractors, reachability, transition graphs and basins, by what their artists hold."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import pytest
import torch
from artists import legend_texts, line, path
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from mpl_toolkits.mplot3d import Axes3D
from problems.maps import held
from problems.roots import henon
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.attractors import Attractors, BasinMap
from rnn_dynamics.multistability import EchoIndex, Reachability
from rnn_dynamics.plotting import (
    figure,
    plot_attractors,
    plot_basins,
    plot_echo_index,
    plot_reachability,
    plot_transition_graph,
    save_figure,
    style,
)
from rnn_dynamics.plotting.classes import ATTRACTORS

Step = Callable[[Tensor], Tensor]
TURN = torch.tensor([[math.cos(1), -math.sin(1)], [math.sin(1), math.cos(1)]], dtype=torch.float64)


def pull(h: Tensor) -> Tensor:
    return torch.tanh(2 * h)


def swap(h: Tensor) -> Tensor:
    return torch.tanh(-2 * h)


def whirl(h: Tensor) -> Tensor:
    return torch.tanh(1.3 * h @ TURN.T)


def whirl_and_swap(h: Tensor) -> Tensor:
    return torch.cat([whirl(h[..., :2]), swap(h[..., 2:])], dim=-1)


def whirls(h: Tensor) -> Tensor:
    other = torch.linalg.matrix_power(TURN, 3)
    return torch.cat([whirl(h[..., :2]), torch.tanh(1.3 * h[..., 2:] @ other.T)], dim=-1)


def ring(h: Tensor) -> Tensor:
    return h * (1.5 - 0.5 * h.norm(dim=-1, keepdim=True))


def creep(h: Tensor) -> Tensor:
    return torch.stack([h[..., 0] + 1e-8 * (1 + h[..., 0] ** 2), 0.5 * h[..., 1]], dim=-1)


def starts_of(n: int, k: int, scale: float = 0.8) -> Tensor:
    return scale * torch.randn(k, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@cache
def settled(step: Step, n: int = 2, k: int = 64) -> tuple[Attractors, Tensor]:
    """The attractors of a map, and the starts that found them."""
    return rd.find_attractors(held(step, n), starts_of(n, k)), starts_of(n, k)


def found_of(step: Step, n: int = 2) -> Attractors:
    return settled(step, n)[0]


def offsets(ax: Axes, label: str) -> np.ndarray:
    (artist,) = (artist for artist in ax.collections if artist.get_label() == label)
    return np.asarray(artist.get_offsets())


def onto_units(found: Attractors, **options: Any) -> Axes:
    return plot_attractors(found, onto=torch.eye(found.states.shape[-1])[:2], **options)


# Attractors


def test_fixed_points_are_drawn_where_they_are() -> None:
    found = found_of(pull)
    ax = onto_units(found)
    for row, state in enumerate(found.states):
        np.testing.assert_allclose(offsets(ax, f"attractor {row}"), [state.numpy()])
    assert legend_texts(ax) == ["fixed point (4)"]
    assert [ax.get_xlabel(), ax.get_ylabel(), ax.get_aspect()] == ["unit 0", "unit 1", 1.0]


def test_kinds_differ_by_shape_and_by_colour() -> None:
    assert list(ATTRACTORS) == ["fixed point", "continuum", "cycle", "circle", "torus", "chaotic"]
    assert len({look.edge for look in ATTRACTORS.values()}) == 6
    assert len({(look.marker, look.face == look.edge, look.face == "white") for look in ATTRACTORS.values()}) == 6


def test_cycles_are_closed_polygons_through_their_states_in_order() -> None:
    found = found_of(swap)
    ax = onto_units(found)
    for row, orbit in enumerate(found.orbits):
        np.testing.assert_allclose(path(ax, f"attractor {row}"), torch.cat([orbit, orbit[:1]]).numpy())
        np.testing.assert_allclose(offsets(ax, f"attractor {row}"), orbit.numpy())
    assert legend_texts(ax) == ["cycle, period 2 (2)"]


def test_states_of_long_cycles_are_not_joined() -> None:
    angle = torch.arange(50, dtype=torch.float64) * 2 * math.pi / 50
    orbit = torch.stack([angle.cos(), angle.sin()], dim=1)
    found = found_of(swap)
    long = replace(found, orbits=(orbit, orbit + 3), periods=torch.tensor([50, 50]))
    ax = onto_units(long)
    assert [artist.get_label() for artist in ax.lines if len(path_of(artist)) > 2] == []
    np.testing.assert_allclose(offsets(ax, "attractor 1"), (orbit + 3).numpy())


def path_of(artist: Line2D) -> np.ndarray:
    return np.asarray(artist.get_xydata())


@pytest.mark.parametrize(
    ("periods", "text"),
    [((2, 5), "cycle, period 2, 5 (2)"), ((2, 3, 5, 9), "cycle, period 2–9 (4)")],
)
def test_legends_name_the_periods(periods: tuple[int, ...], text: str) -> None:
    found = found_of(swap)
    times = len(periods) // 2
    many = replace(
        found,
        kinds=found.kinds * times,
        orbits=found.orbits * times,
        states=found.states.repeat(times, 1),
        evidence=found.evidence * times,
        periods=torch.tensor(periods),
    )
    assert legend_texts(plot_attractors(many)) == [text]


def test_a_circle_is_a_closed_curve_through_its_samples() -> None:
    found = found_of(whirl)
    curve = path(onto_units(found), "attractor 0")
    np.testing.assert_array_equal(curve[0], curve[-1])
    assert not np.isnan(curve).any()
    assert {tuple(row) for row in curve.tolist()} == {tuple(row) for row in found.orbits[0].tolist()}
    assert np.linalg.norm(np.diff(curve, axis=0), axis=1).max() < 0.1  # in order, and not across
    assert legend_texts(onto_units(found)) == ["circle (1)"]


def test_the_pieces_of_a_circle_are_not_joined() -> None:
    found = found_of(whirl_and_swap, 3)
    assert found.kinds == ("circle",)
    curve = path(plot_attractors(found, onto=torch.eye(3)[[0, 2]]), "attractor 0")
    steps = np.diff(curve, axis=0)
    assert np.isnan(curve).any(axis=1).sum() == 2  # there and back
    assert np.nanmax(np.abs(steps[:, 1])) < 0.1


def test_chaotic_sets_and_tori_are_dots() -> None:
    for step, n, text in ((henon, 2, "chaotic set (1)"), (whirls, 4, "torus (1)")):
        found = found_of(step, n)
        ax = onto_units(found)
        dots = line(ax, "attractor 0")
        np.testing.assert_allclose(path_of(dots), found.orbits[0][:, :2].numpy())
        assert (dots.get_linestyle(), dots.get_marker()) == ("None", "o")
        assert legend_texts(ax) == [text]


def test_ends_that_diverged_leave_the_axis_alone() -> None:
    found, starts = settled(henon)
    assert not found.ends.isfinite().all()
    ax = plot_attractors(found, starts=starts)
    ax.figure.canvas.draw()
    assert max(np.abs([*ax.get_xlim(), *ax.get_ylim()])) < 5


def test_a_ring_of_fixed_points_is_a_closed_line() -> None:
    found = found_of(ring)
    ax = onto_units(found)
    curve = path(ax, "attractor 0")
    np.testing.assert_array_equal(curve[0], curve[-1])
    np.testing.assert_allclose(np.linalg.norm(curve, axis=1), 1, atol=1e-3)
    assert legend_texts(ax) == ["continuum (1)"]


def test_starts_have_the_colour_of_their_attractor() -> None:
    found, starts = settled(pull)
    ax = onto_units(found, starts=starts)
    label = f"starts, by attractor ({len(starts)})"
    assert legend_texts(ax) == ["fixed point (4)", label]
    (dots,) = (artist for artist in ax.collections if artist.get_label() == label)
    np.testing.assert_allclose(dots.get_offsets(), starts.numpy())
    colors = [to_hex(color) for color in np.asarray(dots.get_facecolor())]
    assert colors == [style.qualitative(row).lower() for row in found.labels.tolist()]
    for row in range(4):
        (artist,) = (artist for artist in ax.collections if artist.get_label() == f"attractor {row}")
        assert to_hex(np.asarray(artist.get_facecolor())[0]) == style.qualitative(row).lower()
    assert {text.get_text(): text.xy for text in ax.texts} == {
        str(row): pytest.approx(orbit[0, :2].tolist()) for row, orbit in enumerate(found.orbits)
    }
    assert not plot_attractors(found).texts  # there kinds have the colours
    near = starts[found.labels == 0]
    assert not onto_units(rd.find_attractors(held(pull, 2), near), starts=near).texts  # one alone needs no number
    assert len({style.qualitative(row) for row in range(8)}) == 8
    assert style.qualitative(8) == style.qualitative(0)


def test_starts_that_did_not_settle_are_crosses() -> None:
    found, starts = settled(henon)
    ax = onto_units(found, starts=starts)
    lost = ~found.settled
    count = int(lost.sum())
    assert 0 < count < len(starts)
    assert legend_texts(ax)[1:] == [f"starts, by attractor ({len(starts) - count})", f"diverged ({count})"]
    np.testing.assert_allclose(offsets(ax, f"diverged ({count})"), starts[lost].numpy())


def test_slow_manifolds_are_dashed() -> None:
    found, starts = settled(creep)
    ax = onto_units(found, starts=starts)
    (manifold,) = found.slow_manifolds
    np.testing.assert_allclose(path(ax, "slow line"), manifold.states.numpy())
    assert line(ax, "slow line").get_linestyle() == "--"
    assert legend_texts(ax) == ["slow line", f"slow ({len(starts)})"]


def test_ghosts_are_crosses() -> None:
    found = rd.find_attractors(
        held(lambda h: h + 1e-7 + h**2, 1), [[-0.1], [-0.2]], settle=rd.Settle(horizon=1e3, max_steps=500)
    )
    assert len(found.slow) == 1
    ax = plot_attractors(found)
    assert legend_texts(ax) == ["ghost (1)"]
    np.testing.assert_allclose(offsets(ax, "ghost (1)"), [[0, 0]], atol=1e-3)


def test_trajectories_are_behind_and_give_the_axes() -> None:
    draw = torch.randn(4, 500, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ax = plot_attractors(found_of(pull), draw * torch.tensor([1.0, 3.0]))
    data = path(ax, "trajectories")
    assert np.isnan(data).all(axis=1).sum() == 4
    assert legend_texts(ax) == ["fixed point (4)", "trajectories"]
    assert ax.get_xlabel() == "PC 1 (90 %)"
    assert line(ax, "trajectories").get_zorder() < min(artist.get_zorder() for artist in ax.collections)


@pytest.mark.parametrize("step", [pull, whirl_and_swap])
def test_three_dimensions(step: Step) -> None:
    found, starts = settled(step, 3)
    ax = plot_attractors(found, torch.randn(2, 30, 3, generator=torch.Generator()), starts=starts, dimensions=3)
    assert isinstance(ax, Axes3D)
    ax.figure.canvas.draw()
    spans = [np.ptp(limits) for limits in (ax.get_xlim(), ax.get_ylim(), ax.get_zlim())]
    np.testing.assert_allclose(spans, spans[0])


def test_one_attractor_is_drawn_at_its_state_and_one_unit_on_a_line() -> None:
    ax = plot_attractors(found_of(lambda h: 0.5 * h + 1, 4))
    np.testing.assert_allclose(offsets(ax, "attractor 0"), [[2, 2]])
    low, high = ax.get_xlim()
    assert low < 1.5 < 2.5 < high
    ax = plot_attractors(found_of(pull, 1))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("state", "")


def test_no_attractor_is_said_in_words() -> None:
    found = rd.find_attractors(held(lambda h: h.exp() + 1, 2), starts_of(2, 4))
    ax = plot_attractors(found)
    assert legend_texts(ax) == ["no attractors"]
    ax.figure.canvas.draw()
    assert plot_attractors(found, legend=False).get_legend() is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"found": torch.zeros(3, 2)}, "found must be the Attractors of find_attractors, got Tensor"),
        ({"dimensions": 4}, "dimensions must be 2 or 3, got 4"),
        ({"dimensions": 3}, r"states of size 3 or more, got 2: use dimensions=2"),
        ({"trajectories": torch.zeros(5, 7, 3)}, r"trajectories must have shape \[batch, time, 2\], got \[5, 7, 3\]"),
        ({"onto": torch.eye(3)}, r"onto must have shape \[2, 2\] for dimensions=2 .* got \[3, 3\]"),
        ({"starts": torch.zeros(3, 2)}, r"starts must be those that were given .* \[64, 2\], got \[3, 2\]"),
        ({"starts": torch.zeros(64, 3)}, r"starts must have shape \[k, 2\], got \[64, 3\]"),
        ({"ax": np.empty(2)}, "ax must be one matplotlib Axes, got ndarray"),
    ],
)
def test_mistakes_are_named(arguments: dict[str, Any], message: str) -> None:
    merged: dict[str, Any] = {"found": found_of(pull), **arguments}
    with pytest.raises(ValueError, match=message):
        plot_attractors(**merged)
    assert not plt.get_fignums()


# Reachability


@cache
def reach(hold: int = 2) -> Reachability:
    network = rd.as_map(lambda h, x: torch.tanh(2 * h + 0.1 * x), state_size=2, input_size=1)
    inputs = torch.randn(40, 10, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return rd.reachability(network, inputs, [[0.1], [30.0]][:hold], n=32, horizons=(0, 1, 5, 100))


def bars(ax: Axes) -> dict[str, np.ndarray]:
    """For each class the left edges and heights of its bars, [k, 2]."""
    return {
        str(container.get_label()): np.array([[bar.get_x(), bar.get_height()] for bar in container.patches])  # type: ignore[attr-defined]
        for container in ax.containers
    }


def test_claims_are_n_times_vaa() -> None:
    result = reach()
    left, _ = plot_reachability(result)
    claimed = 32 * result.vaas.numpy()
    each = [path_of(artist) for artist in left.lines if artist.get_label() == "n · VAA of one input"]
    assert len(each) == 2
    np.testing.assert_allclose([row[:, 1] for row in each], claimed)
    mean = path(left, "claimed: n · VAA, mean of 2 inputs")
    np.testing.assert_allclose(mean, np.stack([result.horizons.numpy(), claimed.mean(axis=0)], axis=1))
    assert mean[-1, 1] == pytest.approx(result.claimed)
    assert (left.get_xscale(), left.get_yscale()) == ("symlog", "log")
    assert left.get_xlim()[0] <= 0


def test_what_is_there_is_a_line_with_its_kinds() -> None:
    result = reach()
    left, _ = plot_reachability(result)
    text = f"reached: {result.count:.3g} fixed points per input"
    assert legend_texts(left) == ["claimed: n · VAA, mean of 2 inputs", text]
    assert line(left, text).get_ydata() == [result.count, result.count]
    letter, *limits = [text.get_text() for text in left.texts]
    assert (letter, limits) == ("a", ["1: all states are one", "n = 32: no two states are one"])
    single = plot_reachability(reach(1))[0]
    assert legend_texts(single) == ["claimed: n · VAA", f"reached: {len(reach(1).attractors[0])} fixed points"]


def test_speeds_of_all_states_are_counted() -> None:
    result = reach()
    speeds = torch.full((2, 4, 32), 1e-3, dtype=torch.float64)
    speeds[:, -1, 16:24] = 0
    speeds[0, -1, 24:] = torch.inf
    speeds[1, -1, 24:] = 2e-7
    _, right = plot_reachability(replace(result, speeds=speeds))
    ((label, drawn),) = bars(right).items()
    assert label == "fixed point (32)"
    assert drawn[:, 1].sum() == 32
    assert drawn[0, 1] == 8  # at rest
    assert drawn[-1, 1] == 4  # half of the inputs
    (low,), (high,) = (
        np.flatnonzero((drawn[:, 0] <= log) & (log < drawn[:, 0] + 0.25)) for log in (np.log10(2e-7), -3)
    )
    assert (drawn[low, 1], drawn[high, 1]) == (4, 16)
    assert [tick.get_text() for tick in right.get_xticklabels()][-2:] == ["0", "∞"]
    assert right.get_xlabel() == "speed |F(h) − h| after 100 steps"


def test_bars_are_stacked_by_what_the_states_end_on() -> None:
    result = reach()
    changed = result.attractors[0].fates.clone()
    changed[:8], changed[8:12] = 1, 4
    labels = result.attractors[0].labels.clone()
    labels[:12] = -1
    first = replace(result.attractors[0], fates=changed, labels=labels)
    _, right = plot_reachability(replace(result, attractors=(first,)))  # the second was interrupted
    assert legend_texts(right) == ["fixed point (10)", "slow (4)", "diverged (2)", "unfinished (16)"]
    assert {name: rows[:, 1].sum() for name, rows in bars(right).items()} == {
        "fixed point (10)": 10,
        "slow (4)": 4,
        "diverged (2)": 2,
        "unfinished (16)": 16,
    }
    tops = np.max([[bar.get_y() + bar.get_height() for bar in container.patches] for container in right.containers], 0)  # type: ignore[attr-defined]
    assert tops.sum() == pytest.approx(32)


def test_nothing_reached_and_nothing_known_are_no_errors() -> None:
    result = reach(1)
    found = result.attractors[0]
    empty = replace(
        found,
        kinds=(),
        orbits=(),
        evidence=(),
        states=found.states[:0],
        periods=found.periods[:0],
        labels=torch.full_like(found.labels, -1),
        fates=torch.ones_like(found.fates),
    )
    for attractors, texts in (((empty,), ["claimed: n · VAA", "reached: none"]), ((), ["claimed: n · VAA"])):
        none = replace(result, attractors=attractors, vaas=torch.full_like(result.vaas, torch.nan))
        left, right = plot_reachability(none)
        assert legend_texts(left) == texts
        right.figure.canvas.draw()


def test_reachability_on_given_axes() -> None:
    pair = plt.figure().subplots(1, 2)
    assert plot_reachability(reach(), pair, legend=False) == (pair[0], pair[1])
    assert pair[0].get_legend() is pair[1].get_legend() is None
    assert len(plt.get_fignums()) == 1


def test_mistakes_about_reachability_are_named() -> None:
    result: Any = reach()
    with pytest.raises(ValueError, match="reach must be the Reachability of reachability, got float"):
        plot_reachability(result.vaa)
    with pytest.raises(ValueError, match="axes must be two matplotlib Axes, got Axes"):
        plot_reachability(result, figure()[1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a 2-D plot needs an axis with projection 'rectilinear', got one with '3d'"):
        plot_reachability(result, [figure()[1], figure(projection="3d")[1]])


# Transition graphs


@cache
def cube() -> tuple[nx.MultiDiGraph, Attractors]:
    """Three bits that pulses set: eight attractors, six inputs, half of which change nothing."""
    network = rd.as_map(lambda h, x: torch.tanh(2 * h + x), state_size=3, input_size=3)
    found = rd.find_attractors(network.hold(torch.zeros(3)), starts_of(3, 128))
    pulses = 4 * torch.cat([torch.eye(3), -torch.eye(3)])
    return rd.transition_graph(network, found, pulses, names=["+1", "+2", "+3", "-1", "-2", "-3"]), found


def arrows(ax: Axes) -> list[FancyArrowPatch]:
    return [artist for artist in ax.get_children() if isinstance(artist, FancyArrowPatch)]


def ends(arrow: FancyArrowPatch) -> np.ndarray:
    return np.array(arrow._posA_posB)  # type: ignore[attr-defined]


def test_the_flip_flop_is_a_cube() -> None:
    graph, found = cube()
    ax = plot_transition_graph(graph, positions=found.states)
    assert legend_texts(ax) == ["fixed point (8)", "+1", "+2", "+3", "−1", "−2", "−3", "24 without effect"]
    assert sorted(text.get_text() for text in ax.texts) == list("01234567")
    where = offsets(ax, "fixed point (8)")
    edges = [ends(arrow) for arrow in arrows(ax)]
    assert len(edges) == 24
    vectors = np.array([end - start for start, end in edges])
    # Twelve edges there and back, in three directions of four parallel ones each.
    assert len(np.unique(np.round(np.abs(vectors[:, 0] / np.linalg.norm(vectors, axis=1)), 6))) == 3
    extent = np.ptp(where, axis=0).max()
    apart = np.linalg.norm(where[:, None] - where, axis=2)[np.triu_indices(8, 1)]
    assert apart.min() > 0.15 * extent
    ax.figure.canvas.draw()


def test_arrows_have_the_colour_of_their_input() -> None:
    graph, found = cube()
    ax = plot_transition_graph(graph, positions=found.states)
    where = offsets(ax, "fixed point (8)")
    drawn = {(*map(tuple, np.round(ends(arrow), 9)), to_hex(arrow.get_edgecolor())) for arrow in arrows(ax)}
    expected = {
        (*(tuple(np.round(where[node], 9)) for node in (source, target)), style.qualitative(data["input"]).lower())
        for source, target, data in graph.edges(data=True)
        if source != target
    }
    assert drawn == expected


def test_two_nodes_leave_room_for_their_loops_below_the_legend() -> None:
    system = rd.as_map(lambda h, x: torch.tanh(2 * h + x), 1, 1, box=([-1.0], [1.0]))
    found = rd.find_attractors(system.hold(), [[-0.9], [0.9]])
    graph = rd.transition_graph(system, found, torch.tensor([[0.1], [-0.1]]))
    ax = plot_transition_graph(graph, self_loops=True)
    ax.figure.canvas.draw()
    legend = ax.get_legend()
    assert legend is not None
    foot = legend.get_window_extent().y0
    assert len(arrows(ax)) == 4
    assert max(arrow.get_window_extent().y1 for arrow in arrows(ax)) < foot


def test_loops_are_drawn_on_request() -> None:
    graph, found = cube()
    ax = plot_transition_graph(graph, positions=found.states, self_loops=True, labels=False)
    assert len(arrows(ax)) == 48
    assert len(ax.texts) == 0
    assert "24 without effect" not in legend_texts(ax)
    ax.figure.canvas.draw()


def test_the_same_graph_gives_the_same_picture() -> None:
    first, second = (offsets(plot_transition_graph(cube()[0]), "fixed point (8)") for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_points_in_the_plane_stay_where_they_are() -> None:
    points = {node: (node, node**2) for node in range(8)}
    for positions in (points, np.array(list(points.values()))):
        ax = plot_transition_graph(cube()[0], positions=positions)
        np.testing.assert_allclose(offsets(ax, "fixed point (8)"), list(points.values()))
        assert ax.get_aspect() == 1.0


def test_what_settles_nowhere_is_a_word_below() -> None:
    graph = nx.MultiDiGraph()
    for node, kind in enumerate(["fixed point", "cycle", "circle", "chaotic"]):
        graph.add_node(node, kind=kind)
        graph.add_edge(node, "slow", input=0, label="left-right", probability=0.25)
        graph.add_edge(node, "slow", input=1, label="t = -1.5", probability=0.75)
    ax = plot_transition_graph(graph, positions=[[0, 0], [1, 0], [0, 1], [1, 1]])
    assert legend_texts(ax) == [
        "fixed point (1)",
        "cycle (1)",
        "circle (1)",
        "chaotic set (1)",
        "left-right",
        "t = −1.5",
        "rarest: 25 %",
    ]
    (word,) = (text for text in ax.texts if text.get_text() == "slow")
    assert word.get_position()[1] < 0
    rare, frequent = sorted({arrow.get_linewidth() for arrow in arrows(ax)})
    assert rare < frequent
    assert {arrow.get_alpha() for arrow in arrows(ax)} == {0.3 + 0.7 * 0.25, 0.3 + 0.7 * 0.75}


def test_parallel_arrows_are_fanned_out() -> None:
    graph = nx.MultiDiGraph()
    graph.add_nodes_from([(0, {"kind": "cycle"}), (1, {"kind": "torus"})])
    for index in range(3):
        graph.add_edge(0, 1, input=index, label=str(index), probability=1.0)
    one_way = {arrow.get_connectionstyle().rad for arrow in arrows(plot_transition_graph(graph))}
    assert len(one_way) == 3
    assert sum(one_way) == pytest.approx(0)
    graph.add_edge(1, 0, input=3, label="3", probability=1.0)
    assert min(arrow.get_connectionstyle().rad for arrow in arrows(plot_transition_graph(graph))) > 0


def test_inputs_beyond_eight_have_other_dashes() -> None:
    graph = nx.MultiDiGraph()
    graph.add_nodes_from([(node, {"kind": "fixed point"}) for node in range(10)])
    for index in range(9):
        graph.add_edge(index, index + 1, input=index, label=f"{index}", probability=1.0)
    looks = [(to_hex(arrow.get_edgecolor()), arrow.get_linestyle()) for arrow in arrows(plot_transition_graph(graph))]
    assert len(set(looks)) == 9
    assert looks[0][0] == looks[8][0]


def test_saddle_connections() -> None:
    system, found = held(pull, 2), found_of(pull)
    points = rd.find_fixed_points(system, starts_of(2, 256))
    graph = rd.saddle_connections(system, points, found)
    ax = plot_transition_graph(graph)
    assert legend_texts(ax) == ["saddle, 1 unstable (4)", "unstable (1)", "fixed point (4)"]
    assert len(arrows(ax)) == graph.number_of_edges()
    assert sorted(text.get_text() for text in ax.texts) == sorted(node.split()[-1] for node in graph)
    states = {f"attractor {row}": state for row, state in enumerate(found.states)}
    states |= {f"saddle {row}": points.states[row] for row in range(len(points)) if f"saddle {row}" in graph}
    ax = plot_transition_graph(graph, positions=states)
    np.testing.assert_allclose(offsets(ax, "fixed point (4)"), found.states.numpy())


def test_an_empty_graph_is_said_in_words() -> None:
    assert legend_texts(plot_transition_graph(nx.MultiDiGraph())) == ["no attractors"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"graph": nx.DiGraph()}, "graph must be that of transition_graph or saddle_connections, got DiGraph"),
        ({"graph": nx.MultiDiGraph([(0, 1)])}, r"got one with nodes of no kind: \[0, 1\]"),
        ({"positions": torch.zeros(9, 3)}, r"a row for each of the 8 attractors, got \[9, 3\]"),
        ({"positions": torch.zeros(8)}, r"positions must have shape \[a, 2 or more\] .* got \[8\]"),
        ({"positions": {9: (0, 0)}}, r"positions has nodes that the graph does not have: \[9\]"),
        ({"positions": {0: (0, 0), 1: (0, 0, 0)}}, r"all of one size, got \[\[2\], \[3\]\]"),
        ({"positions": {0: (0, math.nan)}}, "the position of 0 must be finite, got 1 NaN"),
        ({"positions": {}}, r"positions must be points \[2\] or states \[n\]"),
        ({"ax": 3}, "ax must be one matplotlib Axes, got int"),
    ],
)
def test_mistakes_about_graphs_are_named(arguments: dict[str, Any], message: str) -> None:
    merged: dict[str, Any] = {"graph": cube()[0], **arguments}
    with pytest.raises(ValueError, match=message):
        plot_transition_graph(**merged)
    assert not plt.get_fignums()


# Basins


@cache
def basins(step: Step, resolution: int = 24) -> BasinMap:
    return rd.basin_map(
        held(step, 2), [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.2]], resolution=resolution, settle=rd.Settle(max_steps=2000)
    )


def test_a_plane_is_an_image_of_its_labels() -> None:
    result = basins(pull)
    ax = plot_basins(result)
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array(), result.labels.numpy())
    left, right, bottom, top = image.get_extent()
    for axis, drawn in ((result.x, [left, right]), (result.y, [bottom, top])):
        half = (axis[1] - axis[0]) / 2
        np.testing.assert_allclose(drawn, [axis[0] - half, axis[-1] + half])
    assert (ax.get_xlim(), ax.get_ylim(), ax.get_aspect()) == ((left, right), (bottom, top), 1.0)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("distance from A towards B", "distance across, towards C")


def test_basins_are_pale_and_listed_with_their_shares() -> None:
    result = basins(pull)
    ax = plot_basins(result)
    shares = torch.bincount(result.labels.flatten()) / result.labels.numel()
    order = np.argsort(-shares.numpy(), kind="stable")
    expected = [f"{row}: fixed point ({100 * shares[row]:.0f} %)" for row in order]
    assert legend_texts(ax) == [*expected, "A, B, C: span the plane"]
    colors = ax.images[0].cmap(ax.images[0].norm(np.arange(4)))[:, :3]
    for row, color in enumerate(colors):
        strong = np.array(to_rgb(style.qualitative(row)))
        np.testing.assert_allclose(color, 0.6 + 0.4 * strong, atol=0.01)


def test_borders_run_between_states_of_different_basins() -> None:
    result = basins(pull)
    ax = plot_basins(result)
    (borders,) = (artist for artist in ax.collections if isinstance(artist, LineCollection))
    labels = result.labels.numpy()
    segments = np.array(borders.get_segments())
    assert len(segments) == (labels[:, 1:] != labels[:, :-1]).sum() + (labels[1:] != labels[:-1]).sum()
    spacing = float(result.x[1] - result.x[0])
    for start, end in segments:
        middle, across = (start + end) / 2, (end - start)[::-1] / 2
        sides = [
            np.round((point - [result.x[0], result.y[0]]) / spacing).astype(int)
            for point in (middle - across, middle + across)
        ]
        assert labels[sides[0][1], sides[0][0]] != labels[sides[1][1], sides[1][0]]


def test_attractors_in_the_plane_are_drawn_with_their_numbers() -> None:
    result = basins(pull)
    ax = plot_basins(result)
    flat = (result.attractors.states - result.origin) @ result.directions.T
    for row in range(4):
        np.testing.assert_allclose(offsets(ax, f"attractor {row}"), flat[row : row + 1].numpy())
    np.testing.assert_allclose(offsets(ax, "A, B, C: span the plane"), result.points.numpy())
    texts = {text.get_text(): np.array(text.xy) for text in ax.texts}  # type: ignore[attr-defined]
    assert set(texts) == {*"0123", *"ABC"}
    for row in range(4):
        j, i = (
            int((axis - value).abs().argmin())
            for axis, value in zip((result.x, result.y), texts[str(row)], strict=True)
        )
        assert int(result.labels[i, j]) == row


def test_attractors_off_the_plane_are_only_named() -> None:
    system = held(pull, 3)
    height = 0.5 * rd.find_attractors(system, starts_of(3, 64)).states.abs().max()
    corners = torch.tensor([[-1.0, -1, 0], [1, -1, 0], [-1, 1, 0]], dtype=torch.float64) + height * torch.tensor(
        [0, 0, 1]
    )
    ax = plot_basins(rd.basin_map(system, corners, resolution=12))
    assert not any(str(artist.get_label()).startswith("attractor") for artist in ax.collections)
    assert len(legend_texts(ax)) == 5


def test_states_that_settle_nowhere_are_hatched() -> None:
    result = basins(henon)
    share = float((result.labels < 0).double().mean())
    ax = plot_basins(result)
    assert legend_texts(ax)[1:] == [f"diverged ({100 * share:.0f} %)", "A, B, C: span the plane"]
    image = ax.images[0].get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(image), result.labels.numpy() < 0)  # type: ignore[no-untyped-call]
    (area,) = (artist for artist in ax.collections if getattr(artist, "hatches", None))
    (outline,) = area.get_paths()
    assert outline.contains_point((float(result.x[0]), float(result.y[0])))
    ax.figure.canvas.draw()


def test_nothing_settles() -> None:
    ax = plot_basins(basins(creep, 8), legend=False)
    assert np.ma.getmaskarray(ax.images[0].get_array()).all()  # type: ignore[no-untyped-call]
    assert ax.get_legend() is None
    ax.figure.canvas.draw()


def test_borders_of_fractal_basins_are_left_out() -> None:
    result = basins(pull)
    noisy = torch.randint(4, result.labels.shape, generator=torch.Generator().manual_seed(0))
    ax = plot_basins(replace(result, labels=noisy))
    assert not any(isinstance(artist, LineCollection) for artist in ax.collections)


def test_mistakes_about_basins_are_named() -> None:
    wrong: Any = found_of(pull)
    with pytest.raises(ValueError, match="basins must be the BasinMap of basin_map, got Attractors"):
        plot_basins(wrong)
    with pytest.raises(ValueError, match="a 2-D plot needs an axis with projection 'rectilinear', got one with '3d'"):
        plot_basins(basins(pull), figure(projection="3d")[1])


# Echo index


def test_stable_responses_against_amplitude() -> None:
    network = rd.as_map(lambda h, x: torch.tanh(1.5 * h + x), state_size=2, input_size=1)
    sequence = torch.randn(200, 1, generator=torch.Generator().manual_seed(1))
    echo = rd.echo_index(network, sequence, [1.0, 0.0, 0.1], starts=starts_of(2, 32))
    assert echo.counts.tolist() == [1, 4, 4]
    ax = plot_echo_index(echo)
    np.testing.assert_allclose(path(ax, "stable"), [[0, 4], [0.1, 4], [1, 1]])
    np.testing.assert_allclose(path(ax, "all responses")[:, 1], [4, 4, 1])
    assert legend_texts(ax) == ["all responses", "stable"]
    assert ax.get_ylim()[0] == 0


def test_counts_that_are_unsure_look_so() -> None:
    echo = EchoIndex(
        amplitudes=torch.tensor([0.0, 1.0, 2.0, 3.0]),
        counts=torch.tensor([3, 2, 2, 1]),
        responses=torch.tensor([5, 5, 2, 1]),
        halfway=torch.tensor([5, 5, 2, 1]),
        exponents=tuple(-torch.ones(k) for k in (3, 3, 2, 1)),
        labels=torch.zeros(4, 8, dtype=torch.long),
        robust=torch.tensor([True, False, False, True]),
        steps=10,
    )
    ax = plot_echo_index(echo, legend=False)
    looks = {
        label: (path(ax, label).tolist(), line(ax, label).get_markerfacecolor())
        for label in ("stable", "stable, not robust")
    }
    assert looks == {
        "stable": ([[0, 3], [3, 1]], style.COLORS_OF["reached"]),
        "stable, not robust": ([[1, 2], [2, 2]], "white"),
    }
    assert ax.get_legend() is None
    with pytest.raises(ValueError, match="echo must be the EchoIndex of echo_index, got Tensor"):
        plot_echo_index(echo.counts)  # type: ignore[arg-type]


# All


def test_figures_are_as_wide_as_a_column_and_text_stays_text(tmp_path: Path) -> None:
    made = {
        "attractors": plot_attractors(found_of(whirl)),
        "basins": plot_basins(basins(henon)),
        "graph": plot_transition_graph(cube()[0]),
        "reach": plot_reachability(reach())[0],
    }
    for name, ax in made.items():
        assert isinstance(ax.figure, Figure)
        assert ax.figure.get_size_inches()[0] == style.COLUMN_WIDTHS[2 if name == "reach" else 1]
        pdf = save_figure(ax.figure, tmp_path / name)[0].read_bytes()
        assert b"/FontFile2" in pdf
        assert b"/Type3" not in pdf


def test_plots_draw_on_the_given_axis() -> None:
    panels = plt.figure().subplots(1, 3)
    assert plot_attractors(found_of(pull), ax=panels[0]) is panels[0]
    assert plot_transition_graph(cube()[0], panels[1]) is panels[1]
    assert plot_basins(basins(pull), panels[2]) is panels[2]
    panels[0].figure.canvas.draw()
    assert len(plt.get_fignums()) == 1
