"""Basin maps and the tracking of basin boundaries."""

import math

import pytest
import torch
from problems.attractors import logistic, rotating, side_by_side
from problems.maps import held

import rnn_dynamics as rd

MEMORIES = held(lambda h: torch.tanh(2 * h), 3)
POINTS = torch.tensor([[0.9, 0.9, 0.9], [-0.9, 0.9, 0.9], [0.9, -0.9, 0.9]])


def test_a_basin_map_is_right_everywhere() -> None:
    """Basins of tanh(2x) are the octants."""
    basins = rd.basin_map(MEMORIES, POINTS, resolution=31)
    states = basins.states()
    assert basins.labels.shape == states.shape[:2] == (31, 31)
    assert len(basins.attractors) == 4
    want = basins.attractors.states.sign()
    off = (states.abs() > 1e-9).all(dim=-1)
    assert torch.equal(want[basins.labels[off]], states[off].sign())
    # The points lie where the map says that they do.
    recovered = basins.origin + basins.points @ basins.directions
    assert torch.allclose(recovered, POINTS.double(), atol=1e-12)
    assert torch.allclose(basins.directions @ basins.directions.T, torch.eye(2, dtype=torch.float64))


def test_known_attractors_give_the_labels(tmp_path) -> None:
    known = rd.find_attractors(MEMORIES, torch.tensor([[-0.5, -0.5, 0.5], [0.5, 0.5, 0.5]]))
    basins = rd.basin_map(MEMORIES, POINTS, known, resolution=9, border=0.0)
    assert torch.equal(basins.attractors.states[:2], known.states)
    assert basins.labels[0, 0] == known.labels[1]
    assert basins.labels[-1, -1] == known.labels[0]
    again = rd.load(rd.save(basins, tmp_path / "basins.safetensors"))
    assert torch.equal(again.labels, basins.labels)
    assert repr(again) == repr(basins)


def test_the_boundary_of_two_memories_leads_to_the_saddle_between_them() -> None:
    first, second = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([-0.6, 0.8, 0.7])
    boundary = rd.basin_boundary(MEMORIES, first, second)
    m = 0.9575040240772687
    assert boundary.saddle is not None
    assert boundary.saddle.tolist() == pytest.approx([0, m, m], abs=1e-9)
    assert boundary.n_unstable == 1
    assert "leads to a saddle with 1 unstable direction, residual" in boundary.summary()
    assert boundary.residual < 1e-12
    assert float(boundary.eigenvalues[0].abs()) == pytest.approx(2)
    assert boundary.width < 1e-6
    assert boundary.labels[0] != boundary.labels[1]
    # Across two walls at once the edge lies on one of them, or leads to the corner of both.
    diagonal = rd.basin_boundary(MEMORIES, first, torch.tensor([-0.5, -0.9, 0.7]))
    assert diagonal.n_unstable in (1, 2)


@pytest.mark.slow
def test_flip_flop_edges_are_the_saddles_that_the_search_finds(trained_flip_flop) -> None:
    trained = trained_flip_flop("GRU-16", 0)
    network = rd.as_map(trained.module)
    system = network.hold()
    points = rd.find_fixed_points(system, rd.sample_states(network, trained.test_inputs, 1024, noise=0.5))
    found = rd.find_attractors(system, rd.sample_states(network, trained.test_inputs, 256))
    signs = trained.readout(found.states.float()).sign()
    saddles = points.states[points.n_unstable == 1]
    tracked = 0
    for a in range(8):
        for b in range(a):
            if int((signs[a] != signs[b]).sum()) != 1:
                continue
            boundary = rd.basin_boundary(system, found.states[a], found.states[b], found)
            assert boundary.saddle is not None
            assert torch.cdist(boundary.saddle[None], saddles).min() < 1e-6
            assert set(boundary.labels) == {a, b}
            tracked += 1
    assert tracked == 12  # the edges of the cube


def test_an_edge_state_that_is_no_fixed_point() -> None:
    """Between the memories of tanh(2x) the boundary x = 0 carries a circle: the edge state moves for ever."""
    system = held(side_by_side(rotating(1.3, 1.0), 2, lambda h: torch.tanh(2 * h)), 3)
    boundary = rd.basin_boundary(system, torch.tensor([0.1, 0.2, 0.5]), torch.tensor([0.1, 0.2, -0.5]), max_rounds=6)
    assert boundary.saddle is None
    assert boundary.kind == "moving"
    assert math.isnan(boundary.residual)
    assert boundary.path[:, 2].abs().max() < 1e-2
    assert "no fixed point" in repr(boundary)


def test_what_cannot_be_tracked_is_refused() -> None:
    with pytest.raises(ValueError, match="both states settle on attractor 0"):
        rd.basin_boundary(MEMORIES, torch.full((3,), 0.5), torch.full((3,), 0.6))
    with pytest.raises(ValueError, match=r"the second state settles on no attractor \(diverged\)"):
        rd.basin_boundary(held(logistic(2.5), 1), torch.tensor([0.5]), torch.tensor([5.0]))
    for points, sentence in (
        (POINTS[:2], r"points must have shape \[3, 3\], got \[2, 3\]"),
        (torch.zeros(3, 3), "one line"),
        (torch.tensor([[0.0, 0, 0], [1, 1, 1], [2, 2, 2]]), "one line"),
    ):
        with pytest.raises(ValueError, match=sentence):
            rd.basin_map(MEMORIES, points)
    with pytest.raises(ValueError, match="resolution must be positive"):
        rd.basin_map(MEMORIES, POINTS, resolution=0)
    with pytest.raises(ValueError, match="border must be 0 or positive"):
        rd.basin_map(MEMORIES, POINTS, border=-1)
