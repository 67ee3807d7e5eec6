"""Portraits, manifolds, skeletons, pages and animations: what is drawn, by its data."""

from pathlib import Path

import doors
import numpy as np
import pytest
import torch
from artists import legend_texts, markers, path
from problems.maps import held, normal

import rnn_dynamics as rd
from rnn_dynamics.plotting import animate, interactive, style


def test_a_cobweb_goes_up_to_the_graph_and_across_to_the_diagonal() -> None:
    system = held(lambda h: torch.tanh(1.5 * h), 1, box=1.0)
    ax = rd.plot_phase_portrait(system, limits=[-1.5, 1.5], starts=[0.5], cobweb_steps=3)
    corners = path(ax, "from 0.5")
    state = 0.5
    for k in range(3):
        assert corners[2 * k] == pytest.approx([state, state])
        assert corners[2 * k + 1] == pytest.approx([state, np.tanh(1.5 * state)])
        state = np.tanh(1.5 * state)
    assert set(markers(ax)) == {"stable (2)", "unstable (1)"}


def test_a_ghost_has_its_gap_and_passage() -> None:
    """Of tanh(2 h) - b the gap to the diagonal at h = artanh(sqrt(1/2)) / 2 is 0.26642 - b."""
    found = rd.phase_portrait(held(lambda h: torch.tanh(2 * h) - 0.27, 1), limits=[-1.8, 0.8], resolution=401)
    where, gap, passage = found.ghosts[0].tolist()
    top = np.arctanh(np.sqrt(0.5)) / 2
    assert where == pytest.approx(top, abs=1e-3)
    assert gap == pytest.approx(np.sqrt(0.5) - top - 0.27, rel=1e-2)
    bend = 2 * np.sqrt(2.0)  # -F''/2 = 4 tanh sech^2
    assert passage == pytest.approx(np.pi / np.sqrt(-gap * bend / 2), rel=0.05)


def test_a_plane_says_how_far_off_it_states_are() -> None:
    system = held(lambda h: 0.5 * h + torch.tensor([0.0, 0.0, 0.3]).to(h), 3)
    found = rd.phase_portrait(system, plane=[[0.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]], resolution=5)
    assert torch.allclose(found.off_plane, torch.full((5, 5), 0.3, dtype=torch.float64))
    assert torch.allclose(found.steps, -0.5 * (found.states()[..., :2]))
    assert any(text.startswith("off the plane: ") for text in legend_texts(rd.plot_phase_portrait(found)))


def test_manifolds_are_drawn_where_they_are() -> None:
    ax = rd.plot_manifold(doors.curves())
    drawn = [line.get_xydata() for line in ax.lines if line.get_label() == "unstable manifold"]
    assert all(np.allclose(a, b.numpy()) for a, b in zip(drawn, doors.curves().states, strict=True))
    assert legend_texts(ax) == ["unstable manifold", "saddle, 1 unstable"]


def test_the_skeleton_of_two_bits_is_a_square() -> None:
    system, points, found = doors.network().hold(), doors.points(), doors.attractors()
    graph = rd.saddle_connections(system, points, found)
    ax = rd.plot_skeleton(graph, points, found, dimensions=2)
    assert sum(line.get_label() == "leads to" for line in ax.lines) == 2 * int((points.n_unstable == 1).sum())


def test_a_page_holds_all_that_it_needs(tmp_path: Path) -> None:
    file = interactive(tmp_path / "states.html", trajectories=normal(2, 5, 3), title="a <b>")
    text = file.read_text()
    assert "<script src=" not in text
    assert "a &lt;b&gt;" in text
    assert text.count("scatter3d") > 0


def test_an_animation_has_a_picture_for_each_value(tmp_path: Path) -> None:
    from PIL import Image

    file = animate(lambda value, ax: ax.plot([0, value], [0, 1]), [1.0, 2.0, 3.0], tmp_path / "a.gif", height=1.0)
    with Image.open(file) as image:
        assert image.n_frames == 3
    with pytest.raises(ValueError, match=r"path must end in \.gif or \.mp4"):
        animate(lambda value, ax: None, [1.0], tmp_path / "a.mov")


def test_the_flip_of_henons_map_is_ringed() -> None:
    branch = rd.continue_fixed_point(doors.henon, [0.64, 0.19], (0.2, 1.4), at=1.4)
    ax = rd.plot_spectrum_path(branch)
    assert "flip at 0.3675" in legend_texts(ax)
    (ring,) = (line for line in ax.lines if line.get_markeredgecolor() == style.COLORS_OF["flip"])
    np.testing.assert_allclose([ring.get_xdata()[0], ring.get_ydata()[0]], [-1, 0], atol=1e-6)


def test_a_delay_plot_shows_each_state_against_the_next() -> None:
    paths = normal(1, 6, 2)
    ax = rd.plot_delay(paths, unit=1, lag=2)
    assert np.allclose(path(ax, "states"), torch.stack([paths[0, :-2, 1], paths[0, 2:, 1]], 1).numpy())
