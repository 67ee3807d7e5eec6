"""Figures, by what their artists hold: positions, labels, legends and ends of segments."""

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from artists import edge, face, legend_texts, markers
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from mpl_toolkits.mplot3d import Axes3D
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.plotting import figure, plot_fixed_points, plot_spectrum, save_figure

Step = Callable[[Tensor], Tensor]


def find(step: Step, n: int, k: int = 64, solver: rd.Newton | None = None) -> rd.FixedPoints:
    starts = torch.randn(k, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    system = rd.as_map(lambda state, _: step(state), state_size=n, input_size=0).hold()
    return rd.find_fixed_points(system, starts, solver, extra_starts=1024)


@cache
def uncoupled(n: int) -> rd.FixedPoints:
    return find(lambda h: torch.tanh(2 * h), n, 1024)


def rotation(radius: float, angle: float = 1.0) -> rd.FixedPoints:
    turn = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    matrix = radius * torch.tensor(turn, dtype=torch.float64)
    return find(lambda h: h @ matrix.T, 2)


def ring() -> rd.FixedPoints:
    def step(h: Tensor) -> Tensor:
        radius = h[..., :2].norm(dim=-1, keepdim=True)
        return torch.cat([h[..., :2] / radius * torch.tanh(2 * radius), 0.5 * h[..., 2:]], dim=-1)

    return find(step, 3, 128)


def offsets(ax: Axes) -> dict[str, np.ndarray]:
    return {label: np.asarray(artist.get_offsets()) for label, artist in markers(ax).items()}


def segments(ax: Axes) -> np.ndarray:
    """The ends [k, 2, 2] of the segments along unstable directions."""
    lines = [np.asarray(line.get_xydata()) for line in ax.lines if line.get_zorder() == 3]
    return np.concatenate([line.reshape(-1, 3, 2)[:, :2] for line in lines])


def test_points_are_drawn_where_they_are_by_class() -> None:
    points = uncoupled(2)
    ax = plot_fixed_points(points, onto=torch.eye(2))
    groups = offsets(ax)
    root = points.states[0].abs().max().item()
    assert list(groups) == ["stable (4)", "saddle, 1 unstable (4)", "unstable (1)"]
    np.testing.assert_allclose(np.abs(groups["stable (4)"]), root)
    np.testing.assert_allclose(groups["unstable (1)"], [[0, 0]], atol=1e-9)
    assert legend_texts(ax) == [*groups, "unstable direction"]
    assert [ax.get_xlabel(), ax.get_ylabel()] == ["unit 0", "unit 1"]
    assert ax.get_aspect() == 1.0


def test_classes_differ_by_shape_and_by_colour() -> None:
    ax = plot_fixed_points(uncoupled(4))
    groups = markers(ax)
    assert list(groups) == [
        "stable (16)",
        "saddle, 1 unstable (32)",
        "saddle, 2 unstable (24)",
        "saddle, 3 unstable (8)",
        "unstable (1)",
    ]
    assert len({np.asarray(path.get_paths()[0].vertices).tobytes() for path in groups.values()}) == 5
    assert len({edge(path) for path in groups.values()}) == 5
    stable, unstable = groups["stable (16)"], groups["unstable (1)"]
    assert face(stable) == edge(stable)
    assert face(unstable) == "#ffffff"


def test_saddles_with_more_than_three_unstable_directions_share_a_class() -> None:
    assert any(text.startswith("saddle, 3–4 unstable (") for text in legend_texts(plot_fixed_points(uncoupled(5))))


def test_marginal_points_have_their_own_class() -> None:
    ax = plot_fixed_points(find(lambda h: h * torch.tensor([0.5, -1.0]), 2))
    assert legend_texts(ax) == ["marginal (1)"]


def test_unstable_directions_pass_through_their_point() -> None:
    points = uncoupled(2)
    ax = plot_fixed_points(points, onto=torch.eye(2))
    ends = segments(ax)
    centers = sorted(ends.mean(axis=1).round(6).tolist())
    saddles = points.states[points.n_unstable == 1].tolist()
    assert centers == sorted(np.round([*saddles, [0, 0], [0, 0]], 6).tolist())
    width = points.states[:, 0].max() - points.states[:, 0].min()
    lengths = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    np.testing.assert_allclose(
        lengths, 0.14 * width, rtol=1e-6
    )  # of uncoupled units, along the axes, all in the picture
    assert (np.isclose(ends[:, 1] - ends[:, 0], 0, atol=1e-9).sum(axis=1) == 1).all()


def test_a_complex_pair_is_drawn_as_the_plane_it_turns_in() -> None:
    ends = segments(plot_fixed_points(rotation(1.2)))
    first, second = ends[:, 1] - ends[:, 0]
    assert len(ends) == 2
    assert abs(first[0] * second[1] - first[1] * second[0]) > 0.9 * np.linalg.norm(first) * np.linalg.norm(second)


@pytest.mark.parametrize("scale", [0.25, 2.0])
def test_directions_may_have_the_length_of_their_eigenvalue(scale: float) -> None:
    points = rotation(1.2)
    ends = segments(plot_fixed_points(points, directions=scale))
    lengths = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1) / 2
    np.testing.assert_allclose(lengths, scale * points.spectral_radii[0], rtol=1e-6)
    np.testing.assert_allclose(ends.mean(axis=1), points.states.expand(2, 2), atol=1e-9)
    with pytest.raises(ValueError, match="directions must be True, False, or a length of 0 or more, got -1"):
        plot_fixed_points(points, directions=-1.0)


def test_directions_and_legend_can_be_left_out() -> None:
    ax = plot_fixed_points(uncoupled(2), directions=False, legend=False)
    assert ax.get_legend() is None
    assert not any(line.get_zorder() == 3 for line in ax.lines)


def test_axes_are_the_principal_components_of_the_trajectories() -> None:
    draw = torch.randn(4, 500, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    trajectories = draw * torch.tensor([1.0, 3.0, 0.1]) + 5
    ax = plot_fixed_points(uncoupled(3), trajectories)
    shares = trajectories.flatten(0, 1).var(dim=0) / trajectories.flatten(0, 1).var(dim=0).sum()
    assert ax.get_xlabel() == f"PC 1 ({100 * shares[1]:.0f} %)"
    assert ax.get_ylabel() == f"PC 2 ({100 * shares[0]:.0f} %)"
    line = next(line for line in ax.lines if line.get_label() == "trajectories")
    data = np.asarray(line.get_xydata())
    assert np.isnan(data).all(axis=1).sum() == 4  # a gap after each
    assert line.get_zorder() < min(artist.get_zorder() for artist in ax.collections)
    np.testing.assert_allclose(np.nanmean(data, axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.nanstd(data[:, 0]), trajectories[..., 1].std(correction=0), rtol=0.01)


def test_the_same_result_gives_the_same_picture() -> None:
    points = uncoupled(3)
    first, second = offsets(plot_fixed_points(points)), offsets(plot_fixed_points(points))
    for label, where in first.items():
        np.testing.assert_array_equal(where, second[label])


def test_three_dimensions() -> None:
    points = uncoupled(3)
    trajectories = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(1))
    ax = plot_fixed_points(points, trajectories, onto=np.eye(3), dimensions=3)
    assert isinstance(ax, Axes3D)
    stable = next(artist for artist in ax.collections if str(artist.get_label()) == "stable (8)")
    drawn = np.stack(stable._offsets3d, axis=1)  # type: ignore[attr-defined]
    np.testing.assert_allclose(drawn, points.states[points.stable].numpy())
    spans = [np.ptp(limits) for limits in (ax.get_xlim(), ax.get_ylim(), ax.get_zlim())]
    np.testing.assert_allclose(spans, spans[0])
    ax.figure.canvas.draw()


def test_a_ring_is_drawn_as_a_closed_line() -> None:
    points = ring()
    (continuum,) = points.continua
    ax = plot_fixed_points(points, onto=torch.eye(3)[:2])
    label = f"ring ({len(continuum.states)} samples)"
    assert legend_texts(ax)[0] == label
    path = np.asarray(next(line for line in ax.lines if line.get_label() == label).get_xydata())
    np.testing.assert_array_equal(path[0], path[-1])
    np.testing.assert_allclose(path[:-1], continuum.states[:, :2].numpy())


def test_slow_points_are_crosses_and_absence_of_fixed_points_is_no_error() -> None:
    points = find(lambda h: h + 0.01 + h**2, 1, 16)  # a ghost at 0
    ax = plot_fixed_points(points)
    assert (len(points), legend_texts(ax)) == (0, ["slow (1)"])
    np.testing.assert_allclose(offsets(ax)["slow (1)"], [[0, 0]], atol=1e-3)


def test_nothing_at_all_is_said_in_words() -> None:
    points = find(lambda h: h.exp() + 1, 2, 4, rd.Newton(slow_points=0))
    assert len(points) == len(points.slow) == 0
    for ax in (plot_fixed_points(points), plot_spectrum(points)):
        assert legend_texts(ax) == ["no fixed points"]
        ax.figure.canvas.draw()


def test_one_point_is_drawn_at_its_state() -> None:
    ax = plot_fixed_points(find(lambda h: 0.5 * h + 1, 4))
    np.testing.assert_allclose(offsets(ax)["stable (1)"], [[2, 2]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("unit 0", "unit 1")
    low, high = ax.get_xlim()
    assert low < 1.5 < 2.5 < high


def test_a_single_unit_is_drawn_on_a_line() -> None:
    ax = plot_fixed_points(uncoupled(1))
    assert (offsets(ax)["stable (2)"][:, 1] == 0).all()
    assert (ax.get_xlabel(), ax.get_ylabel(), list(ax.get_yticks())) == ("state", "", [])


def test_spectrum_shows_every_eigenvalue_and_the_unit_circle() -> None:
    points = rotation(0.5, angle=math.pi / 2)
    ax = plot_spectrum(points)
    np.testing.assert_allclose(sorted(offsets(ax)["stable (1)"].tolist()), [[0, -0.5], [0, 0.5]], atol=1e-12)
    (circle,) = (patch for patch in ax.patches if isinstance(patch, Circle))
    assert (circle.radius, circle.center) == (1, (0, 0))
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_aspect()) == ("Re λ", "Im λ", 1.0)
    assert ax.get_xlim()[0] < -1 < 1 < ax.get_xlim()[1]


def test_spectrum_looks_like_the_points() -> None:
    points = uncoupled(2)
    ours, theirs = markers(plot_spectrum(points)), markers(plot_fixed_points(points))
    assert list(ours) == list(theirs)
    for label, artist in ours.items():
        assert edge(artist) == edge(theirs[label])
        assert np.size(artist.get_offsets()) == 2 * np.size(theirs[label].get_offsets())


@pytest.mark.parametrize("which", [[0, 1], np.array([0, 1]), torch.tensor([0, -8]), [True, True] + [False] * 7])
def test_spectrum_of_selected_rows(which: Any) -> None:
    assert legend_texts(plot_spectrum(uncoupled(2), which=which)) == ["stable (2)"]


def test_spectrum_of_a_mask_a_number_and_of_none() -> None:
    points = uncoupled(2)
    assert legend_texts(plot_spectrum(points, which=points.stable)) == ["stable (4)"]
    assert legend_texts(plot_spectrum(points, which=8)) == ["unstable (1)"]
    assert legend_texts(plot_spectrum(points, which=[])) == ["no fixed points"]


def test_plots_draw_on_the_given_axis() -> None:
    left, right = plt.figure().subplots(1, 2, sharex=True, sharey=True)
    points = uncoupled(2)
    assert plot_fixed_points(points, ax=left) is left
    assert plot_spectrum(points, ax=right) is right
    left.figure.canvas.draw()
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"points": torch.zeros(3, 2)}, "points must be the FixedPoints of find_fixed_points, got Tensor"),
        ({"dimensions": 4}, "dimensions must be 2 or 3, got 4"),
        ({"dimensions": 3}, r"states of size 3 or more, got 2: use dimensions=2"),
        ({"trajectories": torch.zeros(5, 2)}, r"trajectories must have shape \[batch, time, 2\], got \[5, 2\]"),
        ({"trajectories": torch.zeros(5, 7, 3)}, r"trajectories must have shape \[batch, time, 2\], got \[5, 7, 3\]"),
        ({"trajectories": torch.zeros(0, 7, 2)}, r"trajectories must have shape \[batch, time, 2\], got \[0, 7, 2\]"),
        ({"trajectories": torch.full((1, 2, 2), torch.nan)}, "trajectories must be finite, got 4 NaN"),
        ({"onto": torch.eye(3)}, r"onto must have shape \[2, 2\] for dimensions=2 .* got \[3, 3\]"),
        ({"onto": torch.zeros(2, 2)}, "onto must not all be zero"),
        ({"ax": np.empty(2)}, "ax must be one matplotlib Axes, got ndarray"),
    ],
)
def test_mistakes_are_named(arguments: dict[str, Any], message: str) -> None:
    merged: dict[str, Any] = {"points": uncoupled(2), **arguments}
    with pytest.raises(ValueError, match=message):
        plot_fixed_points(**merged)
    assert not plt.get_fignums()


def test_an_axis_of_the_wrong_dimension_is_refused() -> None:
    flat, solid = figure()[1], figure(projection="3d")[1]
    with pytest.raises(ValueError, match="a 3-D plot needs an axis with projection '3d', got one with 'rectilinear'"):
        plot_fixed_points(uncoupled(3), ax=flat, dimensions=3)
    for plot in (plot_fixed_points, plot_spectrum):
        with pytest.raises(
            ValueError, match="a 2-D plot needs an axis with projection 'rectilinear', got one with '3d'"
        ):
            plot(uncoupled(2), ax=solid)


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ([9], "which must lie between -9 and 8 for 9 points, got"),
        ([0.5], r"which must be rows, as numbers or as a mask \[9\], got float64 \[1\]"),
        ([True, False], r"which must be rows, as numbers or as a mask \[9\], got bool \[2\]"),
        ([[0], [1]], r"which must be rows, as numbers or as a mask \[9\], got int64 \[2, 1\]"),
    ],
)
def test_rows_that_are_not_there_are_refused(which: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot_spectrum(uncoupled(2), which=which)


@pytest.mark.parametrize(("columns", "width"), [(1, 3.35), (2, 6.93)])
def test_figures_are_as_wide_as_a_column(columns: int, width: float) -> None:
    made, ax = figure(columns, height=2.0)
    assert made.get_size_inches().tolist() == [width, 2.0]
    assert ax.figure is made


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="columns must be 1 or 2, got 3"):
        figure(3)
    for height in (0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match="height must be a positive number of inches"):
            figure(height=height)


def test_saved_figures_have_embedded_fonts_and_the_right_size(tmp_path: Path) -> None:
    made = plot_fixed_points(uncoupled(2)).figure
    assert isinstance(made, Figure)
    paths = save_figure(made, tmp_path / "new folder" / "fig.1")
    assert paths == [tmp_path / "new folder" / name for name in ("fig.1.pdf", "fig.1.png")]
    assert sorted(paths[0].parent.iterdir()) == paths  # and no temporary file
    pdf = paths[0].read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert b"/MediaBox [ 0 0 241.2 " in pdf  # 3.35 inches
    assert plt.imread(paths[1]).shape[1] == 1005  # at 300 dpi
    save_figure(made, tmp_path / "again")
    if mpl.__version_info__ >= (3, 11):  # before, matplotlib itself wrote other bytes each time
        assert (tmp_path / "again.pdf").read_bytes() == pdf


def test_saving_where_it_cannot_be_done_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = figure()[0]
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"cannot write .*fig.pdf"):
        save_figure(made, tmp_path / "file" / "fig")

    def full_disk(self: Figure, path: Path, **options: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full_disk)
    with pytest.raises(ValueError, match=r"cannot write .*fig.pdf: .*No space left on device"):
        save_figure(made, tmp_path / "fig")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_saving_names_mistakes(tmp_path: Path) -> None:
    made, ax = figure()
    with pytest.raises(ValueError, match=r"path must come without \.pdf where formats are given"):
        save_figure(made, tmp_path / "fig.pdf", "png")
    with pytest.raises(ValueError, match=r"takes a matplotlib Figure \(of a plot: ax.figure\), got Axes"):
        save_figure(ax, tmp_path / "fig")  # type: ignore[arg-type]


def test_the_style_wins_over_the_callers_settings_and_gives_them_back() -> None:
    with mpl.rc_context({"font.size": 30, "axes.linewidth": 5}):
        ax = plot_fixed_points(uncoupled(2))
        assert mpl.rcParams["font.size"] == 30
    ax.figure.canvas.draw()
    assert ax.xaxis.label.get_fontsize() == 8
    assert {label.get_fontsize() for label in ax.get_xticklabels()} == {7.2}
    assert ax.spines["left"].get_linewidth() == 0.5
