"""Pictures of branches and diagrams show what the results hold: stability, special points, sampled attractors."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from problems.bifurcations import plainly
from torch import Tensor

from rnn_dynamics.bifurcations import BifurcationDiagram, Branch, Section, continue_fixed_point
from rnn_dynamics.plotting import plot_branches, plot_diagram, save_figure
from rnn_dynamics.plotting.branch_curves import smooth
from rnn_dynamics.plotting.diagrams import FittedDashes

Step = Callable[[Tensor, float], Tensor]


def _followed(step: Step, start: list[float], span: tuple[float, float], **options: object) -> Branch:
    return continue_fixed_point(plainly(step, len(start)), start, span, **options)


def plot(result: Branch | list[Branch] | BifurcationDiagram, ax: object = None, **how: object) -> Axes | list[Axes]:
    """The axis of a picture of one panel, the list of them else."""
    axes = (plot_diagram if isinstance(result, BifurcationDiagram) else plot_branches)(result, ax, **how)
    return axes if len(axes) > 1 else axes[0]


@cache
def s_curve() -> Branch:
    """h = tanh(2 h + p): two folds."""
    return _followed(lambda s, p: torch.tanh(2 * s + p), [-1.0], (-1, 1))


@cache
def pitchfork() -> tuple[Branch, Branch]:
    """h = tanh(p h): 0, and both arms as one branch."""

    def step(s: Tensor, p: float) -> Tensor:
        return torch.tanh(p * s)

    return _followed(step, [0.0], (0.5, 2)), _followed(step, [0.9575], (0.5, 2), at=2.0)


@cache
def logistic() -> tuple[Branch, Branch]:
    """h = p h (1 - h): a fixed point that flips at 3, and the doubled cycle."""

    def step(s: Tensor, p: float) -> Tensor:
        return p * s * (1 - s)

    return _followed(step, [0.6], (2.5, 4)), _followed(step, [0.5], (2.5, 4), at=3.2, period=2)


@cache
def isola() -> Branch:
    """The circle h^2 + p^2 = 0.6."""
    return _followed(lambda s, p: s + 0.2 * (0.6 - s**2 - p**2), [0.77], (-1, 1), at=0.0)


@cache
def in_the_plane() -> Branch:
    """A rotation that loses its stability at p = 1: Neimark-Sacker."""

    def step(s: Tensor, p: float) -> Tensor:
        x, y = s.unbind(-1)
        turned = torch.stack([0.8 * x - 0.6 * y, 0.6 * x + 0.8 * y], -1)
        return p * turned - s * (s * s).sum(-1, keepdim=True)

    return _followed(step, [0.0, 0.0], (0.5, 1.5))


SECTIONS = (
    Section(3.5, "cycle", 4, torch.tensor([[0.38], [0.83], [0.50], [0.87]], dtype=torch.float64), -0.87, 1.0),
    Section(3.8, "chaotic", 0, torch.linspace(0.18, 0.95, 50, dtype=torch.float64)[:, None], 0.43, 0.7),
    Section(3.9, "chaotic", 0, torch.linspace(0.10, 0.97, 50, dtype=torch.float64)[:, None], 0.49, 1.0),
)


def diagram(*branches: Branch, sections: tuple[Section, ...] = (), **fields: object) -> BifurcationDiagram:
    none = torch.empty(0)
    known: dict[str, object] = {
        "span": branches[0].span,
        "branches": branches,
        "joins": (),
        "searched": none,
        "n_searched": none,
        "missed": (),
        "intervals": torch.empty(0, 2),
        "counts": none,
        "stable_counts": none,
        "index_sums": none,
        "expected_index": 1,
        "sections": sections,
        "sectioned": torch.tensor([s.parameter for s in sections]),
    }
    return BifurcationDiagram(**(known | fields))


def curves(ax: Axes) -> list[Line2D]:
    """Lines of branches: neither markers nor lines across the axis, which are in its coordinates."""
    return [line for line in ax.lines if line.get_marker() == "None" and line.get_transform() == ax.transData]


def marks(ax: Axes) -> dict[str, list[tuple[float, float]]]:
    """Where the markers of each legend entry stand."""
    named = [line for line in ax.lines if line.get_linestyle() == "None" and "(" in str(line.get_label())]
    return {str(line.get_label()): list(zip(*line.get_data(), strict=True)) for line in named}


def entries(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def names(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_stretches_meet_at_folds_and_are_dashed_where_unstable() -> None:
    branch = s_curve()
    ax = plot(branch)
    lines = curves(ax)
    assert [line.get_linestyle() for line in lines] == ["-", "--", "-"]
    assert lines[0].get_linewidth() > lines[1].get_linewidth()
    for one, other, point in zip(lines[:-1], lines[1:], branch.special_points, strict=True):
        end, begin = one.get_xydata()[-1], other.get_xydata()[0]
        assert tuple(end) == tuple(begin) == (point.parameter, float(point.state[0]))
    # Every row is on a line of its stability.
    solid = {tuple(at) for line in lines if line.get_linestyle() == "-" for at in line.get_xydata()}
    dashed = {tuple(at) for line in lines if line.get_linestyle() == "--" for at in line.get_xydata()}
    for row in range(len(branch)):
        at = (float(branch.parameters[row]), float(branch.states[row, 0]))
        assert at in (dashed if int(branch.n_unstable[row]) else solid)
        assert (at in dashed and at in solid) == bool(branch.special_rows[row])


def test_between_rows_the_curve_is_that_of_the_equation() -> None:
    x, y = np.concatenate([line.get_xydata() for line in curves(plot(s_curve()))]).T
    assert len(x) > 7 * len(s_curve())
    assert np.abs(np.tanh(2 * y + x) - y).max() < 1e-4
    x, y = np.concatenate([line.get_xydata() for line in curves(plot(isola()))]).T
    assert np.abs(x**2 + y**2 - 0.6).max() < 3e-4
    # A closed curve ends where it began.
    lines = curves(plot(isola()))
    assert lines[0].get_xydata()[0] == pytest.approx(lines[-1].get_xydata()[-1], abs=1e-9)


def test_tangents_that_are_not_the_curves_do_not_bend_it() -> None:
    # At the branch point the table may hold the other branch's tangent.
    arms = pitchfork()[1]
    others = arms.tangents.clone()
    others[arms.special_points[0].row] = torch.tensor([0.0, 1.0])
    for tangents in (others, -arms.tangents):
        x, y = np.concatenate([line.get_xydata() for line in curves(plot(replace(arms, tangents=tangents)))]).T
        assert np.abs(np.tanh(x * y) - y).max() < 1e-4
        assert x.min() > 1 - 1e-6


def test_every_phase_of_a_cycle_is_smooth() -> None:
    cycle = logistic()[1]
    for phase in (cycle.states, cycle.parameters[:, None] * cycle.states * (1 - cycle.states)):
        p, states = smooth(cycle, phase)
        h = states[:, 0]
        assert torch.equal(h[::8], phase[:, 0])
        image = p * h * (1 - h)
        assert float((p * image * (1 - image) - h).abs().max()) < 2e-4


def test_special_points_have_markers_names_and_legend() -> None:
    branch = s_curve()
    ax = plot(branch, parameter="bias")
    where = [(point.parameter, float(point.state[0])) for point in branch.special_points]
    assert sorted(marks(ax)["fold (LP)"]) == sorted(where)
    assert names(ax) == ["LP", "LP"]
    assert sorted(text.xy for text in ax.texts) == sorted(where)
    assert entries(ax) == ["stable", "unstable", "fold (LP)"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("bias", "state")
    bare = plot(branch, labels=False, legend=False)
    assert bare.get_legend() is None
    assert names(bare) == []
    assert marks(bare) == marks(ax)


def test_where_branches_meet_there_is_one_marker() -> None:
    ax = plot(pitchfork())
    assert marks(ax) == {"supercritical branch point (BP)": [(pytest.approx(1), pytest.approx(0, abs=1e-6))]}
    assert names(ax) == ["BP"]
    filled = {to_hex(line.get_markerfacecolor()) for line in ax.lines if "BP" in str(line.get_label())}
    assert filled == {"#000000"}
    trivial, arms = pitchfork()
    points = [
        replace(branch, special_points=(replace(branch.special_points[0], criticality="subcritical"),))
        for branch in (trivial, arms)
    ]
    ax = plot(points)
    assert list(marks(ax)) == ["subcritical branch point (BP)"]
    assert {line.get_markerfacecolor() for line in ax.lines if "BP" in str(line.get_label())} == {"white"}
    # Of one that knows its criticality and one that does not, the first is kept.
    unknown = replace(trivial, special_points=(replace(trivial.special_points[0], criticality=""),))
    assert list(marks(plot([unknown, arms]))) == ["supercritical branch point (BP)"]


def test_names_hide_neither_curves_nor_one_another() -> None:
    shifted = [replace(s_curve(), states=s_curve().states * scale) for scale in (0.6, 0.8, 1.0)]
    ax = plot(shifted)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts if isinstance(text, Annotation)]
    assert len(boxes) == 6
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
    for line in curves(ax):
        at = ax.transData.transform(line.get_xydata())
        assert not any(box.shrunk(0.8, 0.6).contains(*point) for box in boxes for point in at)
    # Of points beside one another too.
    near = plot([replace(s_curve(), parameters=s_curve().parameters + shift) for shift in (0, 0.01, 0.02)])
    near.figure.draw_without_rendering()
    close = [text.get_window_extent() for text in near.texts]
    assert len(close) == 6
    assert not any(one.overlaps(other) for i, one in enumerate(close) for other in close[:i])
    frame = ax.get_window_extent()
    assert all(frame.x0 < box.x0 and box.x1 < frame.x1 for box in boxes)


def test_many_special_points_are_not_named() -> None:
    copies = [replace(s_curve(), states=s_curve().states + shift) for shift in range(8)]
    ax = plot(copies)
    assert len(marks(ax)["fold (LP)"]) == 16
    assert names(ax) == []
    assert "fold (LP)" in entries(ax)


def test_dashes_begin_and_end_a_stretch() -> None:
    figure, ax = plt.subplots()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    pixels = ax.get_window_extent().width
    for share in (0.02, 0.1, 0.77):
        line = FittedDashes([0, share], [0.5, 0.5], linestyle="--", linewidth=0.8)
        ax.add_line(line)
        figure.canvas.draw()
        on, off = line._unscaled_dash_pattern[1]
        gaps = (share * pixels * 72 / figure.dpi / line.get_linewidth() - on) / (on + off)
        assert gaps == pytest.approx(round(gaps), abs=1e-6)
        assert round(gaps) >= 1


def test_the_panel_of_eigenvalues_is_the_table() -> None:
    branch = s_curve()
    axes = plot(branch, eigenvalues=True)
    assert len(axes) == 2
    for line, (rows, stable) in zip(curves(axes[1]), branch.segments(), strict=True):
        assert (line.get_linestyle() == "-") == stable
        x, y = line.get_data()
        assert np.array_equal(x[::8], branch.parameters[rows])
        assert y[::8] == pytest.approx(branch.spectral_radii[rows].numpy(), abs=1e-14)
    assert [1.0, 1.0] in [list(line.get_ydata()) for line in axes[1].lines]
    assert axes[0].get_xlim() == axes[1].get_xlim()
    assert (axes[0].get_xlabel(), axes[1].get_xlabel()) == ("", "parameter")

    rates = torch.tensor([0.9, 0.8, 0.7, 0.6], dtype=torch.float64)
    many = _followed(lambda s, p: torch.tanh(p * rates * s), [0.0] * 4, (0.5, 1))
    drawn = curves(plot(many, eigenvalues=True)[1])
    assert [line.get_ydata()[-1] for line in drawn] == pytest.approx([0.9, 0.8, 0.7])


def test_cycles_have_a_colour_of_their_own_and_are_thinner() -> None:
    ax = plot(logistic())
    colors = [line.get_color() for line in curves(ax)]
    assert colors[0] == colors[1] != colors[2] == colors[3]
    widths = [line.get_linewidth() for line in curves(ax) if line.get_linestyle() == "-"]
    assert widths[0] > widths[-1]
    assert entries(ax) == ["stable", "unstable", "fixed point", "cycle, period 2", "supercritical flip (PD)"]
    # The doubled cycle begins where the fixed point flips: one marker for both.
    assert [x for x, _ in marks(ax)["supercritical flip (PD)"]] == pytest.approx([3, 1 + 6**0.5])
    alone = plot(diagram(*logistic()), cycles=False)
    assert len(curves(alone)) == 2
    assert entries(alone) == ["stable", "unstable", "supercritical flip (PD)"]


def test_sections_are_dots_and_their_exponents_a_panel() -> None:
    result = diagram(*logistic(), sections=SECTIONS)
    main, below = plot(result)
    dots = np.concatenate([np.asarray(each.get_offsets()) for each in main.collections])
    expected = [(s.parameter, float(state)) for s in SECTIONS for state in s.states[:, 0]]
    assert sorted(map(tuple, dots)) == sorted(expected)
    assert entries(main)[-2:] == ["supercritical flip (PD)", "chaotic set, sampled"]
    assert "cycle, sampled" in entries(main)
    points = {line.get_markersize(): line.get_data() for line in below.lines if line.get_linestyle() == "None"}
    small, large = sorted(points)
    assert [list(values) for values in points[small]] == [[3.5], [-0.87]]
    assert [list(values) for values in points[large]] == [[3.8, 3.9], [0.43, 0.49]]
    # Stable branches: the logarithm of |lambda| for each step; 0 at the flip, where the cycle takes over.
    fixed, cycle = curves(below)
    assert fixed.get_ydata()[0] == pytest.approx(np.log(0.5))
    assert cycle.get_ydata()[[0, -1]] == pytest.approx([0, 0], abs=1e-6)
    assert np.exp(2 * cycle.get_ydata()[8]) == pytest.approx(float(logistic()[1].spectral_radii[1]))
    assert np.array_equal(cycle.get_xdata()[::8], logistic()[1].parameters[logistic()[1].segments()[0][0]])
    assert [0.0, 0.0] in [list(line.get_ydata()) for line in below.lines]
    assert len(plot(result, eigenvalues=True)) == 3
    assert isinstance(plot(result, sections=False), Axes)


def test_a_superstable_point_does_not_flatten_the_exponents() -> None:
    deep = replace(SECTIONS[0], exponent=-60.0)
    below = plot(diagram(*logistic(), sections=(deep, *SECTIONS[1:])))[1]
    assert -10 < below.get_ylim()[0] < -0.69


def test_a_branch_to_infinity_leaves_the_rest_visible() -> None:
    pole = _followed(lambda s, p: p * s + 0.3, [0.3], (0.0, 2.0))  # h = 0.3 / (1 - p)
    assert "bound" in pole.ends
    assert float(pole.states.abs().max()) > 1e5
    low, high = plot(pole).get_ylim()
    assert low < 0.3
    assert 0.3 / 0.03 < high < 0.3 / 0.01
    # Markers are in the picture wherever they are.
    shifted = replace(s_curve(), states=s_curve().states + 100)
    ax = plot([pole, shifted])
    assert ax.get_ylim()[1] > max(y for _, y in marks(ax)["fold (LP)"])


def test_what_a_diagram_lacks_is_shown() -> None:
    result = diagram(
        *pitchfork(),
        missed=((1.5, torch.tensor([0.3], dtype=torch.float64)),),
        intervals=torch.tensor([[0.5, 1.2], [1.2, 1.4]], dtype=torch.float64),
        index_sums=torch.tensor([1, 0]),
    )
    ax = plot(result)
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert [list(map(float, line.get_xydata()[0])) for line in crosses] == [[1.5, 0.3]]
    assert [patch.get_extents().transformed(ax.transData.inverted()).x0 for patch in ax.patches] == [pytest.approx(1.2)]
    assert {"not traced", "a branch is missing"} <= set(entries(ax))
    low, high = ax.get_xlim()
    assert low < 0.5 < 2 < high


def test_observables() -> None:
    branch = in_the_plane()
    assert plot(branch, observable=np.int64(1)).get_ylabel() == "state of unit 1"
    states = branch.states + branch.parameters[:, None] * torch.tensor([1.0, 2.0])
    both = replace(branch, states=states, orbits=states[:, None])

    def readout(states: Tensor) -> Tensor:
        return states @ torch.tensor([1.0, -1.0], dtype=states.dtype)

    wanted = {"norm": both.states.norm(dim=1), 0: both.states[:, 0], readout: readout(both.states)}
    for observable, values in wanted.items():
        ax = plot(both, observable=observable)
        rows = np.concatenate([line.get_ydata()[::8] for line in curves(ax)])
        special = branch.special_points[0].row
        assert np.delete(rows, special) == pytest.approx(values.numpy())
        assert ax.get_ylabel() == {"norm": "|h|", 0: "state of unit 0", readout: "readout"}[observable]
    principal = plot(both)
    assert principal.get_ylabel() == "PC 1 (100 %)"
    assert plot(both, observable_label="rate").get_ylabel() == "rate"
    assert list(marks(principal)) == ["supercritical Neimark-Sacker (NS)"]
    assert names(principal) == ["NS"]


def test_axes_of_ones_own() -> None:
    figure, given = plt.subplots(2, 1)
    assert plot_branches(s_curve(), given, eigenvalues=True) == list(given)
    _, ax = plt.subplots()
    # One axis: the diagram without its exponents.
    assert plot(diagram(*logistic(), sections=SECTIONS), ax) is ax
    assert len(ax.collections) == 2
    plot(s_curve(), figure.add_subfigure(figure.add_gridspec(1, 1)[0]).subplots())


def test_a_branch_of_one_row_is_a_dot() -> None:
    whole = s_curve()
    rows = {
        name: getattr(whole, name)[30:31]
        for name in ("parameters", "states", "orbits", "residuals", "tangents", "eigenvalues", "n_unstable", "indices")
    }
    ax = plot(replace(whole, special_points=(), ends=("interrupted",) * 2, **rows))
    (dot,) = [line for line in ax.lines if line.get_marker() == "o"]
    assert dot.get_xydata().tolist() == [[float(whole.parameters[30]), float(whole.states[30, 0])]]
    assert dot.get_markerfacecolor() == "white"
    assert entries(ax) == ["unstable"]


def test_pictures_are_saved(tmp_path: Path) -> None:
    axes = plot(diagram(*logistic(), sections=SECTIONS), eigenvalues=True)
    pdf, png = save_figure(axes[0].figure, tmp_path / "diagram")
    assert b"/Type42" in pdf.read_bytes() or b"/CIDFontType2" in pdf.read_bytes()
    assert png.stat().st_size > 10_000
    assert axes[0].figure.get_figwidth() == pytest.approx(3.35)


def test_bad_input_is_refused() -> None:
    branch = s_curve()
    for result, message in [
        (3, "got int"),
        ([branch, "x"], "got list of Branch, str"),
        ([], "nothing to draw"),
        ([branch, in_the_plane()], r"one size, got \[1, 2\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            plot_branches(result)
    with pytest.raises(ValueError, match="got Branch"):
        plot_diagram(branch)
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_diagram(diagram(logistic()[1]), cycles=False)
    for observable, message in [
        ("energy", "energy"),
        (True, "got bool"),
        (1.5, "got float"),
        (1, "unit below 1, got 1"),
        (lambda states: states, r"got \[1, 1\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            plot(branch, observable=observable)
    for ax, options, message in [
        ("ax", {}, "matplotlib Axes, got str"),
        (plt.figure().add_subplot(projection="3d"), {}, "rectilinear"),
        (plt.figure().add_subplot(), {"eigenvalues": True}, "panels, 2, got 1"),
        (list(plt.subplots(1, 2)[1]), {}, "panels, 1, got 2"),
    ]:
        with pytest.raises(ValueError, match=message):
            plot(branch, ax, **options)
