"""Merging, continua, completeness, stability, store: what becomes of the rows that a solver returns."""

import math

import numpy as np
import pytest
import torch
from problems.maps import held, normal

import rnn_dynamics as rd
from rnn_dynamics.fixed_points.completeness import unseen_estimate
from rnn_dynamics.fixed_points.merging import merge
from rnn_dynamics.stability import fixed_point_index, kinds, spectrum, time_constants

DOUBLE = torch.float64


# Merging ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 3, 200])
def test_merging_does_not_depend_on_order(n: int) -> None:
    centres = normal(12, n)
    states = centres.repeat_interleave(20, dim=0) + 1e-10 * normal(240, n, seed=1)
    residuals = torch.rand(240, generator=torch.Generator().manual_seed(2), dtype=DOUBLE)
    errors = torch.zeros(240, dtype=DOUBLE)
    order = torch.randperm(240, generator=torch.Generator().manual_seed(3))

    representative = merge(states, residuals, errors, 1e-6)
    shuffled = merge(states[order], residuals[order], errors[order], 1e-6)
    assert torch.equal(order[shuffled], representative[order])
    assert len(representative.unique()) == 12
    for row in representative.unique():
        group = (representative == row).nonzero().squeeze(-1)
        assert residuals[row] == residuals[group].min()
        assert (group // 20).unique().numel() == 1


def test_near_points_stay_apart_and_a_chain_is_not_one_point() -> None:
    residuals = errors = torch.zeros(2, dtype=DOUBLE)
    pair = torch.tensor([[0.0, 0.0], [3e-6, 0.0]], dtype=DOUBLE)
    assert merge(pair, residuals, errors, 1e-6).tolist() == [0, 1]
    assert len(merge(pair, residuals, torch.full((2,), 1e-6, dtype=DOUBLE), 1e-6).unique()) == 1
    # A finely sampled line: each neighbour is within the tolerance, the ends are 200 tolerances apart.
    line = torch.stack([torch.arange(201, dtype=DOUBLE) * 0.9e-6, torch.zeros(201, dtype=DOUBLE)], dim=1)
    assert len(merge(line, torch.zeros(201), torch.zeros(201, dtype=DOUBLE), 1e-6).unique()) == 201


# Continua -----------------------------------------------------------------------------------------------------------


def test_a_line_attractor_is_one_line() -> None:
    basis = torch.linalg.qr(normal(5, 5, seed=4))[0]
    matrix = basis @ torch.diag(torch.tensor([1.0, 0.9, 0.5, -0.3, 0.1], dtype=DOUBLE)) @ basis.T
    points = rd.find_fixed_points(held(lambda h: h @ matrix.T, 5), normal(300, 5))
    (line,) = points.continua
    assert len(points) == 0
    assert (line.dimension, line.closed, line.shape) == (1, False, "line")
    assert line.hits == 300
    # Its samples lie on the eigenvector of 1, in order.
    along = line.states @ basis[:, 0]
    assert (line.states - along[:, None] * basis[:, 0]).norm(dim=-1).max() < 1e-9
    steps = along.diff()
    assert (steps > 0).all() or (steps < 0).all()
    assert points.index_sum is None
    assert "continuum" in points.completeness.reason


def test_a_ring_attractor_is_one_ring_beside_its_unstable_centre() -> None:
    def step(h):
        return h * (1 + 0.5 * (1 - h[..., :2].norm(dim=-1, keepdim=True))) * torch.tensor([1.0, 1.0, 0.3], dtype=DOUBLE)

    points = rd.find_fixed_points(held(step, 3), normal(400, 3))
    (ring,) = points.continua
    assert (ring.dimension, ring.closed, ring.shape) == (1, True, "ring")
    assert ring.speeds.max() < 1e-10
    assert (ring.states[:, :2].norm(dim=-1) - 1).abs().max() < 1e-9
    assert len(points) == 1
    assert points.states.abs().max() < 1e-9
    assert points.kinds == ("saddle",)


def test_a_plane_attractor_is_one_sheet() -> None:
    scale = torch.tensor([1.0, 1.0, 0.5, 0.2], dtype=DOUBLE)
    points = rd.find_fixed_points(held(lambda h: h * scale, 4), normal(400, 4))
    assert [continuum.dimension for continuum in points.continua] == [2]
    assert len(points) == 0


def test_a_rough_ring_has_eight_points_and_a_slow_ring() -> None:
    """A ring with ripples: 4 stable points and 4 saddles by Newton, one slow manifold from states that linger on it."""

    def step(h):
        radius, angle = h.norm(dim=-1, keepdim=True), torch.atan2(h[..., 1:], h[..., :1])
        angle = angle + 1e-3 * torch.sin(4 * angle)
        return radius * (1.5 - 0.5 * radius) * torch.cat([angle.cos(), angle.sin()], dim=-1)

    system = held(step, 2)
    points = rd.find_fixed_points(system, normal(300, 2))
    assert torch.bincount(points.n_unstable).tolist()[:2] == [4, 4]
    slow = rd.find_fixed_points(system, normal(300, 2), rd.SpeedMinimizer(slow_enough=2e-3), extra_starts=0)
    (ring,) = slow.continua
    assert ring.shape == "ring"
    assert 0 < ring.speeds.max() <= 2e-3
    assert ring.hits > 200


def test_scattered_points_are_no_continuum() -> None:
    """729 isolated points with eigenvalues far from 1, and a marginal one that stands alone."""
    points = rd.find_fixed_points(held(lambda h: torch.tanh(1.05 * h), 3, box=1.0), normal(500, 3))
    assert len(points) == 27
    assert points.continua == ()
    pitchfork = rd.find_fixed_points(held(torch.tanh, 1, box=1.0), normal(200, 1))
    assert pitchfork.kinds == ("marginal node",)
    assert pitchfork.continua == ()
    assert pitchfork.index_sum is None
    assert "eigenvalue 1" in pitchfork.completeness.verdict


# Completeness -------------------------------------------------------------------------------------------------------


def test_the_index_sum_convicts_a_search_that_missed_a_point() -> None:
    system = held(lambda h: torch.tanh(2 * h), 3, box=1.0)
    points = rd.find_fixed_points(system, normal(500, 3))
    assert len(points) == 27
    for row in range(27):
        rest = torch.arange(27) != row
        total, _ = rd.index_sum(system, points.states[rest], points.eigenvalues[rest])
        assert total in (0, 2)


@pytest.mark.parametrize("seed", range(5))
def test_the_index_is_the_sign_of_the_determinant(seed: int) -> None:
    jacobians = 1.5 * normal(20, 5, 5, seed=seed) / 5**0.5
    expected = torch.linalg.det(torch.eye(5, dtype=DOUBLE) - jacobians).sign().long()
    assert torch.equal(fixed_point_index(spectrum(jacobians, 5).eigenvalues), expected)


def test_why_there_is_no_index_sum() -> None:
    with torch.random.fork_rng():
        relu = rd.as_map(torch.nn.RNN(2, 3, nonlinearity="relu"))
    points = rd.find_fixed_points(relu.hold(), normal(20, 3), extra_starts=0)
    assert points.index_sum is None
    assert "ReLU" in points.completeness.reason
    undeclared = rd.find_fixed_points(held(lambda h: 0.5 * h, 2), normal(20, 2))
    assert "box" in undeclared.completeness.verdict


def test_unseen_points_are_estimated_from_the_counts() -> None:
    """Chao's bound on 200 draws from 100 equally likely classes, averaged, is near the number not drawn."""
    generator = torch.Generator().manual_seed(0)
    estimates, truths = [], []
    for _ in range(200):
        counts = torch.bincount(torch.randint(100, (200,), generator=generator), minlength=100)
        estimates.append(unseen_estimate(counts[counts > 0]))
        truths.append(int((counts == 0).sum()))
    assert abs(sum(estimates) / sum(truths) - 1) < 0.1
    assert unseen_estimate(torch.tensor([5, 9])) == 0


def test_the_extra_budget_is_kept() -> None:
    system = held(lambda h: torch.tanh(2 * h), 6, box=1.0)
    points = rd.find_fixed_points(system, normal(50, 6), extra_starts=100)
    assert sum(r.starts for r in points.completeness.rounds) <= 150
    assert len(points) < 729
    assert points.index_sum != 1 or points.completeness.unseen > 0.5


def test_a_search_whose_starts_lead_nowhere_goes_on() -> None:
    """Two steps are too few for the far start, and enough for what the box begins with."""
    system = rd.as_map(lambda h, _: torch.tanh(2 * h), 1, 0, box=(-1.0, 1.0)).hold()
    points = rd.find_fixed_points(system, torch.tensor([[0.5]]), max_steps=2)
    assert points.labels.tolist() == [-1]
    assert len(points.completeness.rounds) > 1


def test_a_point_on_the_wall_of_a_declared_box_has_no_index() -> None:
    """0 is repelling and on the wall of [0, 1]: sign det(I - DF) is not its index there."""
    system = rd.as_map(lambda x, _: 2.9 * x * (1 - x), state_size=1, input_size=0, box=([0.0], [1.0])).hold()
    points = rd.find_fixed_points(system, torch.rand(50, 1, generator=torch.Generator().manual_seed(0)))
    assert len(points) == 2
    assert points.index_sum is None
    assert "wall" in points.completeness.verdict


def test_points_outside_a_declared_box_are_points_too() -> None:
    system = rd.as_map(lambda x, _: x**3, state_size=1, input_size=0, box=([-0.5], [0.5])).hold()
    points = rd.find_fixed_points(system, normal(100, 1))
    assert points.states.flatten().round(decimals=9).sort().values.tolist() == [-1, 0, 1]
    assert points.index_sum == 1  # of the one inside


def test_a_kink_is_marginal_and_has_no_index() -> None:
    """A bias-free ReLU network sits on its corner at 0, where autograd's derivative is 0 and stability is not."""
    with torch.random.fork_rng(), torch.no_grad():
        module = torch.nn.RNN(2, 3, nonlinearity="relu", bias=False)
        module.weight_hh_l0.copy_(2 * torch.eye(3))
    points = rd.find_fixed_points(rd.as_map(module).hold(), 0.2 * normal(64, 3))
    assert points.kinds == ("marginal kink",)
    assert not points.stable.any()
    ramp = held(lambda h: 0.999 * (2 * h).relu().clamp(max=1), 1, box=1.0)
    clipped = rd.find_fixed_points(ramp, normal(50, 1))
    assert clipped.index_sum is None
    assert "kink" in clipped.completeness.verdict


def test_a_far_point_does_not_coarsen_the_merging() -> None:
    def step(h):
        a, b = h[..., 0], h[..., 1]
        return torch.stack([a + 0.1 * a * (4e-6 - a**2) / 4e-6, b - 0.2 * b * (b - 2e4) / 2e4 * 0.5], dim=-1)

    starts = torch.cat([torch.tensor([[a, b]]) for a in (-2.1e-3, 1e-5, 2.1e-3) for b in (0.1, 2.0001e4)])
    points = rd.find_fixed_points(held(step, 2), starts, extra_starts=0, max_steps=500)
    near_zero = points.states[points.states[:, 1].abs() < 1]
    assert sorted(near_zero[:, 0].round(decimals=6).tolist()) == [-0.002, 0.0, 0.002]


def test_two_segments_are_not_bridged_through_a_point_between_them() -> None:
    def step(h):
        a = h[..., 0]
        inside = torch.where(a.abs() < 0.5, a - 0.5 * a.sign() * (0.5 - a.abs()) * -a.abs() * 2, a)
        outside = torch.where(a.abs() > 2, 2 * a.sign() + 0.5 * (a - 2 * a.sign()), inside)
        return torch.stack([outside, 0.5 * h[..., 1]], dim=-1)

    grid = torch.linspace(0.5, 2, 60)
    starts = torch.stack([torch.cat([grid, -grid]), torch.zeros(120)], dim=1)
    points = rd.find_fixed_points(held(step, 2), starts, extra_starts=0)
    assert [continuum.shape for continuum in points.continua] == ["line", "line"]


def test_an_lstm_whose_cells_are_far_away() -> None:
    """Forget bias 7: memories lie at |c| of several hundred, hundreds of step bounds away."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        module = torch.nn.LSTM(2, 3, dtype=DOUBLE)
        for weight in module.parameters():
            weight.mul_(0.1)
        module.weight_hh_l0[6:9] += 3 * torch.eye(3)
        module.bias_ih_l0[3:6] = 7
    network = rd.as_map(module)
    generator = torch.Generator().manual_seed(0)
    starts = rd.sample_states(network, torch.randn(50, 100, 2, generator=generator, dtype=DOUBLE), 300, noise=0.5)
    points = rd.find_fixed_points(network.hold(), starts)
    assert points.states.abs().max() > 300
    # All eight memories; of the 19 saddles, which lie where outputs are below 1e-3, most, and the index sum says so.
    assert int(points.stable.sum()) == 8
    assert len(points) >= 20
    assert len(points) == 27 or points.index_sum != 1


# Stability ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.5, 0.2], "stable node"),
        ([-0.5, 0.2], "stable flip"),
        ([0.5 + 0.5j, 0.5 - 0.5j], "stable focus"),
        ([1.5, 0.2], "saddle"),
        ([-1.5, 0.2], "saddle flip"),
        ([1 + 1j, 1 - 1j, 0.1], "saddle focus"),
        ([1.5, 1.2], "unstable node"),
        ([-2.0, 1.2], "unstable flip"),
        ([1 + 1j, 1 - 1j], "unstable focus"),
        ([1.0, 0.2], "marginal node"),
        ([-1.0, 0.2], "marginal flip"),
        ([0.6 + 0.8j, 0.6 - 0.8j], "marginal focus"),
        ([1.0 - 1e-5, 0.2], "stable node"),
    ],
)
def test_kinds(values: list[complex], kind: str) -> None:
    assert kinds(torch.tensor([values], dtype=torch.complex128)) == (kind,)


def test_eigenvectors_are_biorthonormal_and_right() -> None:
    jacobians = normal(4, 6, 6)
    modes = spectrum(jacobians, 6)
    full = jacobians.to(torch.complex128)
    right, left, values = modes.right_eigenvectors, modes.left_eigenvectors, modes.eigenvalues
    assert (full @ right - right * values.unsqueeze(1)).abs().max() < 1e-12
    assert (left.mH @ full - values.unsqueeze(2) * left.mH).abs().max() < 1e-10
    assert (left.mH @ right - torch.eye(6)).abs().max() < 1e-10
    assert (values.abs().diff(dim=-1) <= 1e-14).all()


def _linear(n: int) -> tuple[torch.Tensor, rd.AutonomousMap]:
    """h' = A h with eigenvalues planted on known vectors, real ones and complex pairs, one of them unstable."""
    basis = torch.eye(n, dtype=DOUBLE) + 0.3 * normal(n, n, seed=1) / n**0.5
    blocks = [torch.tensor([[0.8, -0.3 - 0.4 * i / n], [0.3 + 0.4 * i / n, 0.8]], dtype=DOUBLE) for i in range(n // 4)]
    rest = torch.linspace(-0.7, 1.4, n - 2 * len(blocks), dtype=DOUBLE)
    matrix = basis @ torch.block_diag(*blocks, torch.diag(rest)) @ torch.linalg.inv(basis)
    return matrix, rd.as_map(lambda h, _: h @ matrix.to(h).T, state_size=n, input_size=0).hold()


@pytest.mark.parametrize(("n", "modes", "kept"), [(6, None, 6), (100, None, 100), (100, 7, 7), (6, 10, 6)])
def test_as_many_modes_as_asked_for_and_biorthonormal(n: int, modes: int | None, kept: int) -> None:
    matrix, system = _linear(n)
    points = rd.find_fixed_points(system, normal(3, n), modes=modes, extra_starts=0)
    right, left = points.right_eigenvectors[0], points.left_eigenvectors[0]
    assert points.n_modes == kept
    assert right.shape == left.shape == (n, kept)
    values, full = points.eigenvalues[0, :kept], matrix.to(torch.complex128)
    assert (right.norm(dim=0) - 1).abs().max() < 1e-12
    assert (full @ right - right * values).abs().max() < 1e-10
    assert (left.mH @ full - values[:, None] * left.mH).abs().max() < 1e-8
    assert (left.mH @ right - torch.eye(kept)).abs().max() < 1e-9  # each with every other, as help() says
    expected = np.linalg.eigvals(matrix.numpy())
    np.testing.assert_allclose(values.abs().numpy(), np.sort(np.abs(expected))[::-1][:kept], atol=1e-9)
    told = f"eigenvectors of the {kept} leading modes of {n}; modes={n} keeps all"
    assert (told in repr(points)) == (told in points._repr_html_()) == (kept < n)


def test_too_many_vectors_for_the_memory_are_thirty_two(monkeypatch: pytest.MonkeyPatch) -> None:
    _, system = _linear(40)
    monkeypatch.setattr("rnn_dynamics.fixed_points.spectra._VECTORS", 2 * 40 * 40 * 16 - 1)
    points = rd.find_fixed_points(system, normal(3, 40), extra_starts=0)
    assert points.n_modes == 32
    assert points.eigenvalues.shape == (1, 40)
    assert "eigenvectors of the 32 leading modes of 40" in repr(points)
    monkeypatch.setattr("rnn_dynamics.fixed_points.spectra._VECTORS", 2 * 40 * 40 * 16)
    assert rd.find_fixed_points(system, normal(3, 40), extra_starts=0).n_modes == 40


@pytest.mark.parametrize("modes", [0, -1, 1.5, True, "all"])
def test_modes_that_are_none_are_refused(modes: object) -> None:
    with pytest.raises(ValueError, match="modes"):
        rd.find_fixed_points(_linear(4)[1], normal(3, 4), modes=modes)  # pyright: ignore[reportArgumentType]


def test_help_states_the_conventions() -> None:
    said = rd.FixedPoints.__doc__ or ""
    assert "DF v_i = lambda_i v_i" in said
    assert "w_i^H DF = lambda_i w_i^H" in said
    assert "w_i^H v_j = 1 if i = j" in said


def test_saddle_connections_need_every_unstable_vector() -> None:
    system = rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=3, input_size=0).hold()
    found = rd.find_attractors(system, normal(32, 3))
    points = rd.find_fixed_points(system, torch.zeros(1, 3), modes=2, extra_starts=0)
    with pytest.raises(ValueError, match=r"point 0 has 3, but eigenvectors of 2; .*modes=3"):
        rd.saddle_connections(system, points, found)
    points = rd.find_fixed_points(system, torch.zeros(1, 3), modes=3, extra_starts=0)
    assert rd.saddle_connections(system, points, found).out_degree("saddle 0") == 6


def test_time_constants_are_those_of_the_decay() -> None:
    values = torch.tensor([[0.9 + 0j, -0.5, 1.1]])
    decay = time_constants(values)[0]
    assert math.isclose(float(decay[0]), -1 / math.log(0.9), rel_tol=1e-6)
    # After one time constant |lambda|^t is 1/e.
    assert math.isclose(0.5 ** float(decay[1]), math.exp(-1), rel_tol=1e-6)
    assert decay[2] < 0


def test_input_jacobian_predicts_how_a_point_moves() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = rd.as_map(torch.nn.GRU(2, 6, dtype=DOUBLE))
    here = rd.find_fixed_points(network.hold([0.1, 0.2]), normal(20, 6))
    nudge = torch.tensor([1e-5, -2e-5], dtype=DOUBLE)
    there = rd.find_fixed_points(network.hold(torch.tensor([0.1, 0.2], dtype=DOUBLE) + nudge), normal(20, 6))
    assert here.input_jacobians is not None
    jacobian = network.hold([0.1, 0.2]).jacobian(here.states)[0]
    predicted = torch.linalg.solve(torch.eye(6, dtype=DOUBLE) - jacobian, here.input_jacobians[0] @ nudge)
    assert (there.states - here.states - predicted).abs().max() < 1e-8


# Results ------------------------------------------------------------------------------------------------------------


def test_results_survive_the_disk(tmp_path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = rd.as_map(torch.nn.LSTM(2, 5, num_layers=2))
    points = rd.find_fixed_points(network.hold(), normal(50, 20), extra_starts=50)
    back = rd.load(rd.save(points, tmp_path / "new" / "points.safetensors"))
    assert repr(back) == repr(points)
    for name in ("states", "eigenvalues", "right_eigenvectors", "left_eigenvectors", "labels", "input_jacobians"):
        assert torch.equal(getattr(back, name), getattr(points, name))
    assert back.completeness == points.completeness
    over = rd.find_fixed_points_over_inputs(network, [[0.0, 1.0], [1.0, 0.0]], normal(20, 20), extra_starts=0)
    assert repr(rd.load(rd.save(over, tmp_path / "over.safetensors"))) == repr(over)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "over.safetensors"]

    line = rd.find_fixed_points(held(lambda h: h * torch.tensor([1.0, 0.5], dtype=DOUBLE), 2), normal(50, 2))
    assert repr(rd.load(rd.save(line, tmp_path / "line.safetensors"))) == repr(line)


def test_tables_and_reprs() -> None:
    points = rd.find_fixed_points(held(lambda h: torch.tanh(2 * h), 2, box=1.0), normal(200, 2))
    table = points.to_pandas()
    assert list(table["kind"]) == list(points.kinds)
    assert table["share"].sum() == pytest.approx(1.0)
    assert table["index"].sum() == 1
    assert "9 fixed points: 4 stable" in repr(points)
    assert "<table" in points._repr_html_()
    assert points.stable.tolist() == [True] * 4 + [False] * 5
    again = rd.find_fixed_points(held(lambda h: torch.tanh(2 * h), 2, box=1.0), normal(200, 2))
    assert torch.equal(again.states, points.states)
