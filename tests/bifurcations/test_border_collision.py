"""Border collisions of piecewise linear maps: fixed points that meet a kink of F, against their closed form."""

import math

import matplotlib.pyplot as plt
import pytest
import torch

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import Branch, bifurcation_diagram, continue_fixed_point
from rnn_dynamics.families import Family
from rnn_dynamics.plotting import plot_diagram
from rnn_dynamics.systems import AutonomousMap

DOUBLE = torch.float64


def in_the_line(a: float, b: float) -> Family:
    """X' = a x + mu left of 0, b x + mu right of it: the border-collision normal form."""

    def family(mu: float) -> AutonomousMap:
        return rd.as_map(lambda h, _: torch.where(h < 0, a * h, b * h) + mu, state_size=1, input_size=0).hold()

    return family


def in_the_plane(left: tuple[float, float], right: tuple[float, float]) -> Family:
    """X' = tau x + y + mu, y' = -delta x, (tau, delta) by the sign of x (Nusse and Yorke 1992)."""
    a, b = (torch.tensor([[tau, 1.0], [-delta, 0.0]], dtype=DOUBLE) for tau, delta in (left, right))
    drive = torch.tensor([1.0, 0.0], dtype=DOUBLE)

    def family(mu: float) -> AutonomousMap:
        step = lambda h, _: torch.where(h[..., :1] < 0, h @ a.T, h @ b.T) + mu * drive  # noqa: E731
        return rd.as_map(step, state_size=2, input_size=0).hold()

    return family


def branch_in_the_line(a: float, b: float) -> Branch:
    # x = mu / (1 - a) is negative, so a fixed point, for mu of one sign.
    width = min(1.0, 10 * abs(1 - a))  # so that it is no longer than 10 however near the slope is to 1
    mu = -0.4 * width if a < 1 else 0.4 * width
    return continue_fixed_point(in_the_line(a, b), [mu / (1 - a)], (-width, width), at=mu)


@pytest.mark.parametrize(
    ("a", "b"),
    [(0.5, 2.0), (2.0, 0.5), (0.993, 1.5), (-0.5, 3.0), (0.5, -0.3), (0.5, -1.5), (-2.0, 0.3), (0.5, 0.45), (1.5, 3.0)],
)
def test_in_the_line_the_slopes_decide(a: float, b: float) -> None:
    branch = branch_in_the_line(a, b)
    (point,) = branch.special_points
    assert point.kind == "border collision"
    assert point.label == "BC"
    assert abs(point.parameter) < 1e-8
    assert abs(float(point.state)) < 1e-8
    assert math.isnan(point.coefficient)
    assert sorted([complex(point.before[0]), complex(point.after[0])], key=lambda z: z.real) == pytest.approx(
        sorted([a, b])
    )
    folds = (1 - a) * (1 - b) < 0
    assert point.detail.startswith("nonsmooth fold") == folds
    # A cycle of period 2 begins where one slope lies beyond -1: x = a (b x + mu) + mu with x > 0 > b x + mu.
    assert ("twice the period" in point.detail) == ((a < -1) != (b < -1))
    signs = {1 if slope < 1 else -1 for slope in (a, b)}
    assert set(branch.indices[~branch.special_rows].tolist()) == signs
    # Rows on either side are mu / (1 - slope).
    for mu, x in zip(branch.parameters.tolist(), branch.states[:, 0].tolist(), strict=True):
        assert x == pytest.approx(mu / (1 - (a if x < 0 else b)), abs=1e-8)
    if folds:
        born = a > 1  # the left arm exists for mu > 0 then
        assert ("are born" in point.detail) == born
        assert float(branch.parameters.min() if born else branch.parameters.max()) == pytest.approx(0, abs=1e-8)
    else:
        assert branch.parameters.aminmax() == (torch.tensor(-1.0, dtype=DOUBLE), torch.tensor(1.0, dtype=DOUBLE))
    assert branch.stable_beyond(0) == (abs(float(branch.eigenvalues[0, 0].real)) < 1)


def eigenvalues(tau: float, delta: float) -> list[complex]:
    root = complex(tau**2 / 4 - delta) ** 0.5
    return [tau / 2 + root, tau / 2 - root]


@pytest.mark.parametrize(
    ("left", "right"),
    [((0.4, 0.3), (1.9, 0.3)), ((0.4, 0.3), (-1.8, 0.3)), ((0.4, 0.3), (0.2, 1.4)), ((-1.6, 0.4), (1.2, 0.5))],
)
def test_in_the_plane_trace_and_determinant_decide(left: tuple[float, float], right: tuple[float, float]) -> None:
    """1 - tau + delta = det(I - A): the branch turns where it differs in sign (Feigin's rule)."""
    tau, delta = left
    mu = -0.3
    x = mu / (1 - tau + delta)
    branch = continue_fixed_point(in_the_plane(left, right), [x, -delta * x], (-1.0, 1.0), at=mu)
    (point,) = branch.special_points
    assert point.kind == "border collision"
    assert abs(point.parameter) < 1e-8
    assert float(point.state.norm()) < 1e-8
    folds = (1 - left[0] + left[1]) * (1 - right[0] + right[1]) < 0
    assert point.detail.startswith("nonsmooth fold") == folds
    sides = [eigenvalues(*left), eigenvalues(*right)]
    for found in (point.before, point.after):
        assert any(max(min(abs(complex(value) - other) for other in side) for value in found) < 1e-9 for side in sides)
    below = [sum(value.imag == 0 and value.real < -1 for value in side) for side in sides]
    assert ("twice the period" in point.detail) == ((below[0] - below[1]) % 2 == 1)


def test_a_relu_network_under_a_moving_input() -> None:
    """Units of h' = relu(W h + u mu + b) that switch on one after the other, against the linear solve of each piece."""
    w = torch.tensor([[0.3, 0.2], [-0.4, 0.5]], dtype=DOUBLE)
    u, b = torch.tensor([1.0, -0.6], dtype=DOUBLE), torch.tensor([-0.2, 0.5], dtype=DOUBLE)

    def family(mu: float) -> AutonomousMap:
        return rd.as_map(lambda h, _: torch.relu(h @ w.T + mu * u + b), state_size=2, input_size=0).hold()

    branch = continue_fixed_point(family, [0.0, 0.5 / 0.5 + 0.6], (-1.0, 2.0), at=-0.5)
    # Unit 1 off: h2 = (b2 + u2 mu) / (1 - w22), and it switches on at w12 h2 + u1 mu + b1 = 0.
    first = -(b[0] + w[0, 1] * b[1] / 0.5) / (u[0] + w[0, 1] * u[1] / 0.5)
    # Both on until unit 2 goes off: h1 = (b1 + u1 mu) / (1 - w11), w21 h1 + u2 mu + b2 = 0.
    second = -(b[1] + w[1, 0] * b[0] / 0.7) / (u[1] + w[1, 0] * u[0] / 0.7)
    assert [point.kind for point in branch.special_points] == ["border collision"] * 2
    assert [point.parameter for point in branch.special_points] == pytest.approx(
        [float(first), float(second)], abs=1e-8
    )
    assert all(point.detail == "persistence" for point in branch.special_points)


def test_smooth_branches_have_no_border_collision() -> None:
    def family(p: float) -> AutonomousMap:
        return rd.as_map(lambda h, _: torch.tanh(8 * h + p), state_size=1, input_size=0).hold()

    branch = continue_fixed_point(family, [-0.99], (-8.0, 8.0))
    assert [point.kind for point in branch.special_points] == ["fold", "fold"]


def test_a_diagram_counts_lists_draws_and_keeps_them(tmp_path) -> None:
    starts = torch.linspace(-2, 2, 32, dtype=DOUBLE)[:, None]
    found = bifurcation_diagram(in_the_line(0.5, 2.0), starts, (-1.0, 1.0), searches=5, sections=0)
    assert len(found) == 1
    assert "1 border collision" in found.summary()
    assert found.counts.tolist() == [2, 0]
    assert found.index_sums.tolist() == [0, 0]
    (row,) = found.to_pandas().to_dict("records")
    assert row["kind"] == "border collision"
    assert "nonsmooth fold" in row["detail"]
    assert "0.5" in row["detail"]
    assert "index" in row["detail"]
    again = rd.load(rd.save(found, tmp_path / "found.safetensors"))
    assert repr(again) == repr(found)
    assert torch.equal(again.special_points[0][1].before, found.special_points[0][1].before)
    (ax,) = plot_diagram(found)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "border collision (BC)" in labels
    plt.close(ax.figure)
