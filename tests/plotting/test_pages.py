"""What all figures share: one colour for one meaning, axes of counts, letters, captions, and the rim of a spectrum."""

import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from artists import line
from matplotlib.colors import to_rgb
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

import rnn_dynamics as rd
from rnn_dynamics.plotting import plot_spectrum, style
from rnn_dynamics.plotting.classes import ATTRACTORS, point_look
from rnn_dynamics.plotting.counts import NONE, count_axis, placed
from rnn_dynamics.plotting.logarithms import uncrowd
from rnn_dynamics.plotting.pages import letter, write_caption

ROOT = Path(__file__).parents[2]


def _distance(one: str, other: str) -> float:
    """Between colours as red, green and blue of 0 to 1."""
    return float(np.linalg.norm(np.subtract(to_rgb(one), to_rgb(other))))


def test_a_colour_has_one_meaning() -> None:
    colors = [*style.COLORS_OF.values(), *(style.qualitative(row) for row in range(style.COLORS))]
    assert len({color.lower() for color in colors}) == len(colors)
    nearest = min(_distance(one, other) for k, one in enumerate(colors) for other in colors[:k])
    assert nearest > 0.05


def test_kinds_of_points_and_attractors_have_the_colours_of_the_table() -> None:
    assert point_look("stable node", 0).face == ATTRACTORS["fixed point"].face == style.COLORS_OF["fixed point"]
    for kind, look in ATTRACTORS.items():
        assert look.edge == style.COLORS_OF[kind]
    assert point_look("saddle", 2).edge == style.COLORS_OF["saddle, 2 unstable"]


def test_the_font_is_the_first_that_is_there() -> None:
    with style.styled():
        asked = mpl.rcParams["font.sans-serif"]
        there = [name for name in ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans") if name in asked]
        assert asked == there
        assert asked[-1] == "DejaVu Sans"
        assert set(asked) <= set(fontManager.get_font_names())


def test_a_formula_drawn_when_the_style_is_over_looks_for_no_font_that_is_not_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with style.styled():
        figure, ax = plt.subplots()
        ax.set(yscale="log", ylim=(0.5, 2e5), xlabel="$h_{17}$")
    type(fontManager)._findfont_cached.cache_clear()  # else it warns once in a process
    figure.canvas.draw()
    assert not [record.message for record in caplog.records if "cursive" in record.message]
    plt.close(figure)


def test_superscripts_are_five_points_high_at_least() -> None:
    shrink = 0.7  # of matplotlib's formulas
    assert shrink * style.SMALL >= 5


def test_none_has_a_place_below_one_on_an_axis_of_many_counts() -> None:
    np.testing.assert_array_equal(placed([0, 1, 32], 32), [NONE, 1, 32])
    np.testing.assert_array_equal(placed([0, 1, 4], 4), [0, 1, 4])
    assert list(placed([0, 0.2, 0.6, 1], 32)) == sorted(placed([0, 0.2, 0.6, 1], 32))
    ax = plt.figure().subplots()
    count_axis(ax, 32)
    assert ax.get_yscale() == "log"
    assert list(ax.get_yticks()) == [NONE, 1, 2, 4, 8, 16, 32]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0", "1", "2", "4", "8", "16", "32"]
    other = plt.figure().subplots()
    count_axis(other, 32, none=False, every=2)
    assert list(other.get_yticks()) == [1, 4, 16]
    few = plt.figure().subplots()
    count_axis(few, 4)
    assert few.get_yscale() == "linear"
    assert few.get_ylim()[0] < 0


def test_counts_of_a_training_are_steps() -> None:
    history = rd.load(ROOT / "figures" / "training" / "one_run_small.safetensors")
    counts = rd.plot_tracking(history)[1]
    there = line(counts, "attractors that the same states reach")
    assert there.get_drawstyle() == "steps-post"
    assert there.get_linestyle() == "--"
    np.testing.assert_array_equal(there.get_ydata(), history.counts.numpy())
    (claim,) = (each for each in counts.lines if str(each.get_label()).startswith("n · VAA"))
    assert claim.get_drawstyle() == "steps-post"
    assert claim.get_color() == style.COLORS_OF["claimed"]
    assert there.get_color() == style.COLORS_OF["reached"]


def test_letters_stand_at_the_corners() -> None:
    axes = list(plt.figure().subplots(1, 3))
    letter(axes)
    assert [[text.get_text() for text in ax.texts] for ax in axes] == [["a"], ["b"], ["c"]]


def test_pages_of_the_library_are_lettered_within_the_picture_and_axes_of_the_caller_are_not() -> None:
    history = rd.load(ROOT / "figures" / "training" / "one_run_small.safetensors")
    axes = rd.plot_tracking(history)
    figure = axes[0].get_figure()
    assert figure is not None
    figure.canvas.draw()
    for ax, name in zip(axes, "abcd", strict=True):
        (text,) = (each for each in ax.texts if each.get_text() == name)
        box = text.get_window_extent()
        assert figure.bbox.contains(box.x0, box.y0)
        assert figure.bbox.contains(box.x1, box.y1)
    own = list(plt.figure().subplots(4, 1))
    rd.plot_tracking(history, own)
    assert not [text.get_text() for ax in own for text in ax.texts]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.026, 0.7, ["0.05", "0.1", "0.2", "0.5"]),
        (0.79, 1.02, ["0.8", "0.9", "1"]),
        (3e-7, 2.0, ["-6", "-3", "0"]),
    ],
)
def test_labels_of_a_logarithmic_axis_do_not_crowd(low: float, high: float, labels: list[str]) -> None:
    figure, ax = plt.subplots(figsize=(3, 1.2))
    ax.set(yscale="log", ylim=(low, high))
    uncrowd(ax.yaxis)
    figure.canvas.draw()
    ticks = [text for text in ax.get_yticklabels(which="both") if text.get_text()]
    shown = [text for text in ticks if low <= text.get_position()[1] <= high]
    words = [text.get_text().replace("\N{MINUS SIGN}", "-") for text in shown]
    assert [re.sub(r".*\^\{+(-?\d+)\}.*", r"\1", word) for word in words] == labels
    boxes = [text.get_window_extent() for text in shown]
    assert not any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[:k])


def test_a_caption_has_short_lines_and_whole_tables(tmp_path: Path) -> None:
    row = "| " + "x" * 150 + " |"
    write_caption(tmp_path / "figure.md", f"\n{'word ' * 60}\n\n{row}\n| --- |\n")
    lines = (tmp_path / "figure.md").read_text().splitlines()
    assert row in lines
    assert max(len(each) for each in lines if not each.startswith("|")) <= 120
    assert [path.name for path in tmp_path.iterdir()] == ["figure.md"]


def _points(*eigenvalues: float) -> rd.FixedPoints:
    """The fixed point 0 of a linear map."""
    matrix = torch.diag(torch.tensor(eigenvalues, dtype=torch.float64))
    system = rd.as_map(lambda h, x: h @ matrix, len(eigenvalues), 0).hold()
    return rd.find_fixed_points(system, torch.zeros(1, len(eigenvalues), dtype=torch.float64))


def test_the_rim_of_the_unit_circle_is_magnified_where_eigenvalues_are_near_it() -> None:
    ax = plot_spectrum(_points(0.98, 0.96, 0.1, 0.0))
    (inset,) = ax.child_axes
    (low, high), (bottom, top) = inset.get_xlim(), inset.get_ylim()
    assert low < 0.96
    assert high > 1
    assert high - low < 0.1
    assert bottom < 0 < top
    (shown,) = inset.collections
    np.testing.assert_allclose(sorted(np.asarray(shown.get_offsets())[:, 0]), [0, 0.1, 0.96, 0.98])
    box = inset.get_window_extent()
    for x in (0.98, 0.96, 0.1, 0.0):
        assert not box.contains(*ax.transData.transform((x, 0)))


def test_the_inset_covers_neither_eigenvalues_nor_what_it_magnifies() -> None:
    ax = plot_spectrum(_points(0.95, 1.1, 1.5, 0.5))
    (inset,) = ax.child_axes
    figure = ax.get_figure()
    assert figure is not None
    figure.canvas.draw()
    covered = inset.get_tightbbox()
    assert covered is not None
    corners = [(x, y) for x in inset.get_xlim() for y in inset.get_ylim()]
    assert not covered.count_contains(ax.transData.transform([*corners, (1.5, 0), (0.5, 0)]))


@pytest.mark.parametrize(("eigenvalues", "rim"), [((0.98, 0.1), False), ((0.2, 0.1), True)])
def test_there_is_no_inset_unasked_or_without_eigenvalues_near_the_rim(
    eigenvalues: tuple[float, ...], rim: bool
) -> None:
    assert plot_spectrum(_points(*eigenvalues), rim=rim).child_axes == []


def _words(ax: plt.Axes) -> list[str]:
    return [text.get_text() for text in ax.findobj(Text) if set(text.get_text()) <= set("+-") and text.get_text()]


def test_nodes_of_a_graph_are_named() -> None:
    from networkx import MultiDiGraph

    graph = MultiDiGraph()
    for node in range(2):
        graph.add_node(node, kind="fixed point")
    for key, (one, other) in enumerate(((0, 1), (1, 0), (0, 1), (1, 0))):
        graph.add_edge(one, other, input=key, label=f"input {key}")
    ax = rd.plot_transition_graph(graph, names=["+-", "-+"])
    assert sorted(_words(ax)) == ["+-", "-+"]
    handles = [each for each in ax.get_legend().legend_handles if "input" in str(each.get_label())]
    assert len({str(each._unscaled_dash_pattern) for each in handles}) == 4  # pyright: ignore
    with pytest.raises(ValueError, match="names must be of at most 2 attractors, got 3"):
        rd.plot_transition_graph(graph, names=["a", "b", "c"])
