"""The small mark of what is proved."""

import numpy as np
import pytest
import torch
from artists import legend_texts
from matplotlib.axes import Axes
from problems.maps import held, normal
from torch import Tensor

import rnn_dynamics as rd


def pull(h: Tensor) -> Tensor:
    return torch.tanh(2 * h)


def marks(ax: Axes) -> np.ndarray:
    lines = [line for line in ax.lines if line.get_marker() == "." and line.get_color() == "white"]
    return np.concatenate([np.asarray(line.get_xydata()) for line in lines])


def test_each_proved_point_has_a_dot() -> None:
    system = held(pull, 2)
    points = rd.find_fixed_points(system, normal(64, 2), extra_starts=256)
    states = points.states.clone()
    states[0] += 1e-3
    proof = rd.certify(system, torch.cat([states, states[-1:]]))
    assert proof.count == 8
    ax = rd.plot_fixed_points(points, certificates=proof)
    assert np.allclose(marks(ax), points.states[1:].numpy(), atol=1e-9)
    assert "proved (8)" in legend_texts(ax)
    assert not any("proved" in text for text in legend_texts(rd.plot_fixed_points(points)))


def test_every_state_of_a_proved_cycle_has_a_dot() -> None:
    system = held(lambda h: torch.tanh(-2 * h), 2)
    found = rd.find_attractors(system, normal(32, 2))
    proof = rd.certify(system, found)
    assert proof.proved.all()
    ax = rd.plot_attractors(found, certificates=proof)
    assert len(marks(ax)) == int(found.periods.sum())
    assert f"proved ({len(found)})" in legend_texts(ax)


def test_certificates_of_another_network_are_refused() -> None:
    points = rd.find_fixed_points(held(pull, 2), normal(16, 2))
    with pytest.raises(ValueError, match="certificates must be of states of 2 units, got those of 1"):
        rd.plot_fixed_points(points, certificates=rd.certify(held(pull, 1), torch.zeros(1)))
