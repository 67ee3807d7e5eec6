"""``plot_fps``, by what its artists hold."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from problems.torch_like import found, network

from rnn_dynamics.fixed_point_finder import FixedPoints, plot_fps

pytestmark = pytest.mark.usefixtures("plot_settings_are_left_alone")


def _diagonal(*moduli: float, at: float = 0.0) -> FixedPoints:
    """One point whose modes lie along the axes."""
    fps = FixedPoints(xstar=np.full((1, len(moduli)), at), J_xstar=np.diag(moduli)[None])
    fps.decompose_jacobians()
    return fps


def _legend(fig: Figure) -> list[str]:
    return [text.get_text() for text in fig.axes[0].get_legend().get_texts()]


def _line(fig: Figure, label: str) -> np.ndarray:
    """The data of a line, without its gaps, [k, d]."""
    (line,) = [line for line in fig.axes[0].lines if line.get_label() == label]
    data = np.array(line.get_data_3d() if fig.axes[0].name == "3d" else line.get_data(), dtype=float).T
    return data[~np.isnan(data).any(axis=1)]


def _modes(fig: Figure) -> np.ndarray:
    """The ends of the segments, [k, 2, d]."""
    lines = [line for line in fig.axes[0].lines if line.get_linestyle() != "None"]
    drawn = [line for line in lines if str(line.get_label()).startswith("_child")]
    parts = [np.array(line.get_data_3d() if fig.axes[0].name == "3d" else line.get_data(), float).T for line in drawn]
    data = np.concatenate([part[~np.isnan(part).any(axis=1)] for part in parts])
    return data.reshape(-1, 2, data.shape[1])


@pytest.mark.parametrize("name", ["GRU-16", "LSTM-16"])
def test_the_example_is_drawn_in_space(name: str) -> None:
    """Of an LSTM torch returns h alone, which is then what is drawn."""
    unique, _ = found(name)
    _, hidden = network(name)
    fig = plot_fps(unique, hidden, plot_batch_idx=list(range(30)), plot_start_time=10)
    assert fig.axes[0].name == "3d"
    assert _legend(fig)[:2] == ["stable (8)", "saddle, 1 unstable (12)"]
    assert _line(fig, "trajectories").shape == (30 * 50, 3)
    assert fig.axes[0].get_xlabel().startswith("PC 1 (")
    shares = [float(label.split("(")[1].split()[0]) for label in (fig.axes[0].get_xlabel(), fig.axes[0].get_zlabel())]
    assert shares[0] > shares[1] > 10


def test_of_stacked_layers_the_last_is_what_torch_returns() -> None:
    fps = FixedPoints(xstar=np.arange(6.0).reshape(1, 6), J_xstar=0.5 * np.eye(6)[None], output=(4, 6))
    fps.decompose_jacobians()
    fig = plot_fps(fps, np.zeros((1, 3, 2)))
    assert [path.get_offsets().tolist() for path in fig.axes[0].collections] == [[[4.0, 5.0]]]
    with pytest.raises(ValueError, match=r"\[batch, time, 6\], or 2 of the module's output, got \[1, 3, 3\]"):
        plot_fps(fps, np.zeros((1, 3, 3)))


def test_components_are_those_of_all_trajectories_whichever_are_drawn() -> None:
    unique, _ = found("GRU-16")
    _, hidden = network("GRU-16")
    whole = _line(plot_fps(unique, hidden), "trajectories").reshape(64, 60, 3)
    part = _line(plot_fps(unique, hidden, [3, -1], plot_start_time=-5, plot_stop_time=20), "trajectories")
    np.testing.assert_allclose(part.reshape(2, 20, 3), whole[[3, -1], :20], atol=1e-6)
    centred = hidden.reshape(-1, 16) - hidden.reshape(-1, 16).mean(axis=0)
    variances = np.linalg.svd(centred.astype(float), compute_uv=False)[:3] ** 2
    np.testing.assert_allclose(whole.reshape(-1, 3).T @ whole.reshape(-1, 3), np.diag(variances), atol=0.1)


@pytest.mark.parametrize("scale", [0.25, 1.0])
def test_modes_reach_by_their_modulus(scale: float) -> None:
    fig = plot_fps(_diagonal(2.0, 0.5, at=3.0), mode_scale=scale)
    np.testing.assert_allclose(np.sort(_modes(fig)[0], axis=0), [[3 - 2 * scale, 3], [3 + 2 * scale, 3]])
    assert len(_modes(fig)) == 1  # not the stable one
    assert (fig.axes[0].get_xlabel(), fig.axes[0].get_ylabel()) == ("unit 0", "unit 1")


def test_a_complex_pair_spans_its_plane() -> None:
    turning = np.array([[0, -1.5, 0, 0], [1.5, 0, 0, 0], [0, 0, 0.5, 0], [0, 0, 0, 0.1]])
    fps = FixedPoints(xstar=np.zeros((1, 4)), J_xstar=turning[None])
    fps.decompose_jacobians()
    paths = np.random.default_rng(0).normal(size=(1, 9, 4)) * [4, 3, 2, 1e-9]
    segments = _modes(plot_fps(fps, paths, mode_scale=1.0))
    lengths = np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1) / 2
    np.testing.assert_allclose(lengths, [1.5, 1.5], rtol=1e-6)


def test_no_modes_at_scale_zero() -> None:
    fig = plot_fps(_diagonal(2.0, 0.5), mode_scale=0)
    assert "unstable direction" not in _legend(fig)


def test_one_unit_lies_along_a_line() -> None:
    fig = plot_fps(_diagonal(2.0, at=1.0), state_traj=np.linspace(0, 1, 5).reshape(1, 5, 1), mode_scale=0.5)
    segment = _modes(fig)[0]
    np.testing.assert_allclose(np.sort(segment[:, 0]), [0, 2])
    assert not segment[:, 1].any()


def test_a_single_point_of_many_units_is_drawn() -> None:
    assert _legend(plot_fps(_diagonal(0.5, 0.4, 0.3, 0.2)))[0] == "stable (1)"


def test_points_without_spectra_are_dots() -> None:
    bare = FixedPoints(xstar=np.eye(4))
    assert len(_line(plot_fps(bare), "not analysed (4)")) == 4
    half = FixedPoints(xstar=np.eye(2), J_xstar=np.stack([0.5 * np.eye(2), np.full((2, 2), np.nan)]))
    half.decompose_jacobians()
    fig = plot_fps(half)
    assert _line(fig, "not analysed (1)").tolist() == [[0.0, 1.0]]
    assert "stable (1)" in _legend(fig)


def test_nothing_found_is_drawn_too() -> None:
    none = FixedPoints(xstar=np.zeros((0, 3)))
    assert _legend(plot_fps(none)) == ["no fixed points"]


def test_a_figure_of_ones_own_is_used() -> None:
    own = plt.figure()
    assert plot_fps(_diagonal(0.5, 0.4), fig=own) is own
    assert len(own.axes) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fps": FixedPoints()}, "fps must hold xstar"),
        ({"fps": 3}, "fps must be"),
        ({"state_traj": np.zeros((2, 3))}, r"state_traj must have shape \[batch, time, 2\], got \[2, 3\]"),
        ({"state_traj": np.zeros((1, 2, 3))}, r"state_traj must have shape \[batch, time, 2\], got \[1, 2, 3\]"),
        ({"state_traj": np.zeros((1, 2, 2)), "plot_batch_idx": [5]}, "plot_batch_idx must lie"),
        ({"mode_scale": -1.0}, "mode_scale must be 0 or positive"),
        ({"fig": "figure"}, "fig must be a matplotlib figure, got str"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plot_fps(**{"fps": _diagonal(0.5, 0.4)} | options)
