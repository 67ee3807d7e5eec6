"""Lines and rings whose directions, selection vectors, inputs and drift are known in closed form."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from problems.maps import held, normal
from torch import Tensor

import rnn_dynamics as rd

DOUBLE = torch.float64
V = torch.tensor([2.0, 1.0], dtype=DOUBLE) / math.sqrt(5)
"""What an integrator moves along."""

W = torch.tensor([1.0, -1.0], dtype=DOUBLE) * math.sqrt(5)
"""What it integrates: W^T V = 1, far from V, as its other mode [1, 1] is far from orthogonal."""

ALONG = torch.outer(V, W)
ACROSS = torch.eye(2, dtype=DOUBLE) - ALONG
INPUTS = torch.tensor([[1.0, 0.3], [0.2, 1.0]], dtype=DOUBLE)
TURNED = torch.linalg.qr(normal(9, 9, seed=1)).Q


def integrator(push=None, *, decay: float = 0.5, gain: float = 1.0) -> rd.DrivenMap:
    """H' = V (gain W^T h + push(W^T h)) + decay (I - V W^T) h + INPUTS x."""

    def step(h: Tensor, x: Tensor) -> Tensor:
        share = h @ W
        moved = gain * share + (0.0 if push is None else push(share))
        return moved.unsqueeze(-1) * V + decay * h @ ACROSS.T + x @ INPUTS.T

    return rd.as_map(step, 2, 2)


# --- An exact line


def test_a_linear_integrator_is_told_with_its_vectors() -> None:
    system = integrator().hold()
    points = rd.find_fixed_points(system, normal(32, 2))
    (line,) = rd.line_attractors(system, points)
    sign = float((line.directions[0] @ V).sign())  # from which end it is told
    assert torch.allclose(line.directions, sign * V.expand_as(line.states), rtol=0, atol=1e-12)
    assert torch.allclose(line.selection_vectors, sign * W.expand_as(line.states), rtol=0, atol=1e-12)
    assert torch.allclose(line.input_projections, (sign * W @ INPUTS).expand(len(line), 2), rtol=0, atol=1e-12)
    assert torch.allclose(line.positions, sign * (line.states - line.states[0]) @ V, rtol=0, atol=1e-9)
    assert torch.allclose(line.transverse, torch.full((len(line),), 0.5, dtype=DOUBLE), rtol=0, atol=1e-12)
    assert line.along.min() > 1 - 1e-9
    assert line.drifts.abs().max() < 1e-12
    assert (line.time_constants > 1e9).all()
    assert not line.closed
    assert line.advice == ()


def test_a_pulse_moves_the_state_as_its_projection_says() -> None:
    """Brute force: a pulse, and then as many steps as what it does across the line needs to decay."""
    network = integrator()
    system = network.hold()
    (line,) = rd.line_attractors(system, rd.find_fixed_points(system, normal(32, 2)))
    for unit, projection in zip(torch.eye(2, dtype=DOUBLE), line.input_projections[3], strict=True):
        rested = system.iterate(network.step(line.states[3], unit), 60)
        assert torch.allclose(rested - line.states[3], projection * line.directions[3], rtol=0, atol=1e-9)


def test_attractors_and_states_give_the_same_line() -> None:
    system = integrator().hold()
    (settled,) = rd.line_attractors(system, rd.find_attractors(system, normal(16, 2)))
    (given,) = rd.line_attractors(system, settled.states[torch.randperm(len(settled), generator=torch.Generator())])
    for name in ("states", "directions", "selection_vectors", "drifts"):
        first, second = getattr(settled, name), getattr(given, name)
        if (given.states[0] - settled.states[0]).abs().max() > 1e-9:  # told from the other end
            second = second.flip(0) * (1 if name == "states" else -1)
        assert torch.allclose(first, second, rtol=0, atol=1e-9), name


# --- Approximate lines, as training leaves them


def test_a_line_that_drifts_everywhere_is_a_row_of_slow_points() -> None:
    """The drift is V c(W^T h) exactly, and the eigenvalue along it 1 + c'(W^T h)."""

    def push(share: Tensor) -> Tensor:
        return 1e-3 * (1.5 + torch.sin(3 * share))

    system = integrator(push).hold()
    points = rd.find_fixed_points(system, 3 * normal(64, 2))
    assert len(points) == 0
    (line,) = rd.line_attractors(system, points, between=3)
    sign, shares = float((line.directions[0] @ V).sign()), line.states @ W
    assert torch.allclose(line.drifts, sign * push(shares), rtol=1e-9, atol=0)
    assert torch.allclose(line.eigenvalues.real, 1 + 3e-3 * torch.cos(3 * shares), rtol=0, atol=1e-10)
    assert line.drifts.abs().max() > 1.5e-3  # between slow points, where it is faster


def test_stable_points_and_saddles_in_turn_are_one_line() -> None:
    """No continuum, but 11 fixed points, with eigenvalues 1 +- 0.03 in turn; beyond the last the push is inwards."""

    def push(share: Tensor) -> Tensor:
        return 0.01 * torch.sin((3 * share).clamp(-5.5 * math.pi, 5.5 * math.pi))

    system = integrator(push).hold()
    shares = torch.linspace(-5.3, 5.3, 200, dtype=DOUBLE)
    points = rd.find_fixed_points(system, shares.unsqueeze(1) * V, extra_starts=0)
    assert not points.continua
    assert len(points) == 11
    (line,) = rd.line_attractors(system, points)
    assert len(line) == 11
    assert (line.positions.diff() > 0).all()
    moduli = line.eigenvalues.abs()
    assert ((moduli[:-1] < 1) != (moduli[1:] < 1)).all()
    assert "it drifts between them" in line.advice[0]

    (finer,) = rd.line_attractors(system, points, between=3)
    assert len(finer) == 11 + 10 * 3
    sign = float((finer.directions[0] @ V).sign())
    assert torch.allclose(finer.drifts, sign * push(finer.states @ W), rtol=1e-7, atol=1e-12)
    assert 0.009 < finer.drifts.abs().max() < 0.011
    assert finer.advice == ()


def test_states_of_a_network_sample_its_slow_curve_where_they_lie() -> None:
    """A search finds the three fixed points alone; starts h off the line come to V W^T h, where the drift is known."""

    def push(share: Tensor) -> Tensor:
        return -2e-3 * share * (share**2 - 1)

    system = integrator(push).hold()
    starts = normal(60, 2).clamp(-1, 1) @ torch.stack([0.5 * V, torch.ones(2, dtype=DOUBLE)])
    points = rd.find_fixed_points(system, starts, extra_starts=0)
    (few,) = rd.line_attractors(system, points)
    (line,) = rd.line_attractors(system, points, starts)
    assert (len(few), len(line) > 20) == (3, True)
    shares = line.states @ W
    assert torch.allclose(line.states, shares.unsqueeze(1) * V, rtol=0, atol=1e-8)
    wanted = torch.cat([starts @ W, torch.tensor([-1.0, 0.0, 1.0], dtype=DOUBLE)])
    assert torch.cdist(shares.unsqueeze(1), wanted.unsqueeze(1)).amin(dim=1).max() < 1e-8
    sign = float((line.directions[0] @ V).sign())
    assert torch.allclose(line.drifts, sign * push(shares), rtol=0, atol=1e-8)
    assert line.drifts.abs().max() > 5e-4


def test_points_that_are_no_line_give_none() -> None:
    system = held(lambda h: torch.tanh(2 * h), 2)
    assert rd.line_attractors(system, rd.find_fixed_points(system, normal(64, 2))) == ()
    assert rd.line_attractors(system, rd.find_attractors(system, normal(64, 2))) == ()


def test_a_sheet_is_left_out() -> None:
    system = held(lambda h: h * torch.tensor([1.0, 1.0, 0.5], dtype=h.dtype), 3)
    points = rd.find_fixed_points(system, normal(64, 3))
    assert points.continua[0].dimension == 2
    assert rd.line_attractors(system, points) == ()


# --- Curves


@pytest.mark.parametrize("turned", [False, True])
def test_a_ring_turns_and_its_vectors_turn_with_it(turned: bool) -> None:
    """The unit circle with 1/2 across it: both vectors are the tangent; also as two of nine turned coordinates."""
    frame = TURNED[:2] if turned else torch.eye(2, dtype=DOUBLE)

    def ring(h: Tensor) -> Tensor:
        seen = h @ frame.T
        return seen * (1 + 0.5 * (1 - seen.norm(dim=-1, keepdim=True))) @ frame

    system = held(ring, frame.shape[1])
    (line,) = rd.line_attractors(system, rd.find_fixed_points(system, normal(64, frame.shape[1])))
    assert line.closed
    seen = line.states @ frame.T
    tangent = torch.stack([-seen[:, 1], seen[:, 0]], dim=1) @ frame
    sign = (line.directions * tangent).sum(dim=1).sign()
    assert (sign == sign[0]).all()  # once round, without turning back
    assert torch.allclose(line.directions, sign[0] * tangent, rtol=0, atol=1e-6)
    assert torch.allclose(line.selection_vectors, line.directions, rtol=0, atol=1e-6)
    assert line.along.min() > 0.95
    assert line.input_projections is None or line.input_projections.shape[1] == 0


def test_a_complex_pair_gives_the_vector_of_its_plane_that_lies_along() -> None:
    """A slow spiral in two coordinates beside a fast, skew third: vectors in and of the plane, w^T d = 1."""
    turn = torch.tensor([[0.99, -0.02, 0.3], [0.02, 0.99, 0.1], [0.0, 0.0, 0.2]], dtype=DOUBLE)
    states = torch.tensor([[-1.0, -1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 0.0]], dtype=DOUBLE)
    (line,) = rd.line_attractors(held(lambda h: h @ turn.T, 3), states)
    assert torch.allclose(line.eigenvalues, torch.tensor(0.99 + 0.02j, dtype=torch.complex128).expand(3), atol=1e-12)
    diagonal = torch.tensor([1.0, 1.0, 0.0], dtype=DOUBLE) / math.sqrt(2)
    fast = torch.linalg.eig(turn).eigenvectors[:, torch.linalg.eig(turn).eigenvalues.real.argmin()].real
    sign = float((line.directions[0] @ diagonal).sign())
    assert torch.allclose(line.directions, sign * diagonal.expand(3, 3), rtol=0, atol=1e-12)
    assert torch.allclose((line.selection_vectors * line.directions).sum(dim=1), torch.ones(3, dtype=DOUBLE))
    assert (line.selection_vectors @ fast).abs().max() < 1e-12
    assert torch.allclose(line.transverse, torch.full((3,), 0.2, dtype=DOUBLE), atol=1e-12)


# --- Alignment


def test_alignment_of_a_line_has_the_cosines_of_closed_form() -> None:
    system = integrator().hold()
    (line,) = rd.line_attractors(system, [[0.0, 0.0], (2 * V).tolist()])
    readout = torch.tensor([[1.0, 0.0], [-1.0, 2.0]], dtype=DOUBLE)
    table = line.alignment(inputs=[[1.0, 0.0], [1.0, 1.0]], readout=readout)
    b = INPUTS @ torch.tensor([1.0, 1.0], dtype=DOUBLE)
    sign = float((line.directions[0] @ V).sign())
    assert np.allclose(table["left_input_1"], sign * float(W @ b / W.norm() / b.norm()))
    assert np.allclose(table["right_input_1"], sign * float(V @ b / b.norm()))
    assert np.allclose(table["right_readout_0"], sign * 2 / math.sqrt(5))
    assert np.allclose(table["right_readout_1"], 0)
    assert np.allclose(table["left_readout_1"], sign * float(W @ readout[1] / W.norm() / math.sqrt(5)))
    assert list(line.alignment().columns) == ["position"] + [
        f"{s}_input_{k}" for s in ("right", "left") for k in (0, 1)
    ]


def test_alignment_of_fixed_points_has_a_row_for_each_mode() -> None:
    system = integrator(gain=0.9).hold()
    points = rd.find_fixed_points(system, normal(4, 2))
    table = points.alignment(readout=[[0.0, 1.0]])
    assert list(table.index) == [(0, 0), (0, 1)]
    assert np.allclose(table["eigenvalue"], [0.9, 0.5])
    b = INPUTS[:, 0]
    assert np.isclose(table.loc[(0, 0), "left_input_0"], abs(float(W @ b / W.norm() / b.norm())))
    assert np.isclose(table.loc[(0, 0), "right_readout_0"], 1 / math.sqrt(5))
    assert np.isclose(table.loc[(0, 1), "right_readout_0"], 1 / math.sqrt(2))  # [1, 1]
    assert np.isclose(table.loc[(0, 1), "left_readout_0"], 2 / math.sqrt(5))  # orthogonal to V


# --- The picture


def test_the_picture_shows_the_points_and_their_vectors_where_they_are() -> None:
    (line,) = rd.line_attractors(integrator().hold(), [[0.0, 0.0], V.tolist(), (2 * V).tolist()])
    ax = rd.plot_line_attractor(line)
    (points,) = (artist for artist in ax.lines if artist.get_label() == "points")
    assert np.allclose(np.column_stack(points.get_data()), line.states)
    for label, vector in (("slow direction", V), ("selection vector", W / W.norm())):
        (segments,) = (artist for artist in ax.lines if artist.get_label() == label)
        ends = np.column_stack(segments.get_data()).reshape(-1, 3, 2)
        assert np.allclose(ends[:, :2].mean(axis=1), line.states)
        along = (ends[:, 1] - ends[:, 0]) @ vector.numpy()
        assert np.allclose(np.abs(along), np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1))
        assert np.allclose(np.abs(along), along[0] * np.sign(along[0]))
    with pytest.raises(ValueError, match="line must be line attractors of one map"):
        rd.plot_line_attractor([])


# --- What is refused, and the table


def test_what_does_not_fit_is_refused() -> None:
    system = integrator().hold()
    (line,) = rd.line_attractors(system, [[0.0, 0.0], V.tolist()])
    without = rd.find_fixed_points(held(lambda h: 0.5 * h, 2), normal(4, 2))
    for call, message in (
        (lambda: rd.line_attractors(system, [[0.0, 0.0]]), "found must be two states or more, no two alike, got 1"),
        (lambda: rd.line_attractors(system, [[1.0, 0.0]] * 3), "found must be two states or more, no two alike"),
        (lambda: rd.line_attractors(system, [[0.0] * 3] * 2), r"found must have shape \[k, 2\]"),
        (lambda: rd.line_attractors(system, [[0.0] * 2], [[0.0] * 2]), "starts must be left out beside states"),
        (lambda: rd.line_attractors(system, [[0.0] * 2] * 2, neutral=0.0), "neutral must be positive"),
        (lambda: rd.line_attractors(system, [[0.0] * 2] * 2, between=-1), "between must be"),
        (lambda: line.alignment(inputs=[[1.0]]), r"inputs must have shape \[k, 2\]"),
        (lambda: line.alignment(readout=[[1.0]]), r"readout must have shape \[k, 2\]"),
        (lambda: without.alignment(inputs=[[1.0]]), "inputs must be left out"),
        (without.alignment, "readout must be given"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_line_is_saved_and_says_itself(tmp_path: Path) -> None:
    system = integrator(gain=0.99).hold()
    (line,) = rd.line_attractors(system, [[0.0, 0.0], V.tolist(), (2 * V).tolist()])
    again = rd.load(rd.save(line, tmp_path / "line.safetensors"))
    assert torch.equal(again.selection_vectors, line.selection_vectors)
    assert repr(again) == repr(line)
    assert line.summary().startswith("line of 3 points, length 2, drift along it at most 2.0e-02 a step")
    assert list(line.to_pandas()) == [
        *("position", "speed", "eigenvalue", "time_constant", "drift", "tangent", "transverse"),
        *("input_0", "input_1"),
    ]
    assert np.allclose(line.to_pandas()["time_constant"], -1 / math.log(0.99))
    repelling = rd.line_attractors(integrator(decay=1.5).hold(), [[0.0, 0.0], V.tolist()])[0]
    assert "does not attract from all sides at 2 of 2 points" in repelling.advice[0]


def test_beside_a_saddle_on_a_line_the_mode_is_the_one_along_it() -> None:
    """H' = h + .03 V W^T h - .02 (I - V W^T) h: the mode across, .98, is nearer to 1 than that along, 1.03."""
    system = integrator(gain=1.03, decay=0.98).hold()
    (line,) = rd.line_attractors(system, torch.outer(torch.linspace(-0.2, 0.2, 5, dtype=DOUBLE), V))
    assert (line.eigenvalues - 1.03).abs().max() < 1e-12
    sign = float((line.states[-1] - line.states[0]).sum().sign())  # the way that the line runs
    assert (line.directions - sign * V).abs().max() < 1e-12
    assert (line.selection_vectors - sign * W).abs().max() < 1e-12
    assert (line.transverse - 0.98).abs().max() < 1e-12
