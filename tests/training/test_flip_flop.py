"""Trained networks: every fixed point, in every seed, against an exhaustive search by another method."""

import pytest
import torch
from trained import MODULES

import rnn_dynamics as rd
from rnn_dynamics.tasks import flip_flop


def _points(trained, seed: int) -> tuple[rd.FixedPoints, rd.AutonomousMap]:
    network = rd.as_map(trained.module)
    starts = rd.sample_states(network, trained.test_inputs, 1024, noise=0.5, seed=seed)
    system = network.hold()
    return rd.find_fixed_points(system, starts, seed=seed), system


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", MODULES)
def test_every_point_in_every_seed(trained_flip_flop, name: str, seed: int) -> None:
    trained = trained_flip_flop(name, seed)
    assert trained.accuracy > 0.99
    points, system = _points(trained, seed)
    assert points.index_sum == 1
    assert points.residuals.max() < 1e-10
    assert points.outcomes.count("found") + points.outcomes.count("slow") + points.outcomes.count("failed") == 1024

    # Another method from other starts: Levenberg-Marquardt on the gated map, uniform states of the box, no rounds.
    box = system.box
    generator = torch.Generator().manual_seed(100 + seed)
    # An LSTM's box is far wider than the states that it visits.
    reach = 1.2 * points.states.abs().max()
    others = box.sample(2048, generator).clamp(-reach, reach)
    audit = rd.find_fixed_points(system, others, rd.SpeedMinimizer(), extra_starts=0)
    assert len(audit) > len(points) // 4
    distance = torch.cdist(audit.states, points.states, compute_mode="donot_use_mm_for_euclid_dist").min(dim=-1).values
    assert distance.max() < 1e-6, f"{int((distance > 1e-6).sum())} of {len(audit)} audited points were missed"


def test_a_good_network_has_the_cube_of_27(trained_flip_flop) -> None:
    points, _ = _points(trained_flip_flop("GRU-16", 0), 0)
    assert len(points) == 27
    # 8 memories, 12 edges, 6 faces, 1 centre.
    assert torch.bincount(points.n_unstable).tolist() == [8, 12, 6, 1]
    assert int(points.stable.sum()) == 8
    assert all("saddle" in kind for kind, k in zip(points.kinds, points.n_unstable.tolist(), strict=True) if k)
    readout = trained_flip_flop("GRU-16", 0).readout
    signs = readout(points.states[points.stable].float()).sign()
    assert len({tuple(row) for row in signs.tolist()}) == 8


def test_few_starts_near_the_memories_suffice(trained_flip_flop) -> None:
    """The search goes on by itself: 64 noiseless states show only memories, and the index sum says so."""
    trained = trained_flip_flop("GRU-16", 0)
    network = rd.as_map(trained.module)
    starts = rd.sample_states(network, trained.test_inputs, 64)
    alone = rd.find_fixed_points(network.hold(), starts, extra_starts=0)
    assert len(alone) < 27
    assert alone.index_sum != 1
    assert "missing" in alone.completeness.verdict
    full = rd.find_fixed_points(network.hold(), starts)
    assert len(full) == 27
    assert set(full.origins) > {"starts"}
    assert int(full.hits.sum()) == full.outcomes.count("found")


def test_held_inputs_one_by_one(trained_flip_flop) -> None:
    network = rd.as_map(trained_flip_flop("GRU-16", 0).module)
    starts = rd.sample_states(network, trained_flip_flop("GRU-16", 0).test_inputs, 256, noise=0.5)
    found = rd.find_fixed_points_over_inputs(network, torch.tensor([[0.0, 0, 0], [0.5, 0, 0], [3.0, 3, 3]]), starts)
    assert next(len(points) for points in found.points) == 27
    # A strong pulse on every channel leaves one memory.
    assert [int(points.stable.sum()) for points in found.points][2] == 1
    assert [points.index_sum for points in found.points] == [1, 1, 1]
    table = found.to_pandas()
    assert len(table) == len(found) == len(found.labels)
    assert table["input"].tolist() == found.labels.tolist()
    assert f"{found.conditions[2]}: 1 fixed point: 1 stable" in repr(found)


def test_the_task_is_what_it_says() -> None:
    inputs, targets = flip_flop(50, 40, 3, 0.2, generator=torch.Generator().manual_seed(0))
    memory = torch.zeros(50, 3)
    for time in range(40):
        memory = torch.where(inputs[:, time] != 0, inputs[:, time], memory)
        assert torch.equal(targets[:, time], memory)
    assert 0.17 < (inputs[:, 1:] != 0).double().mean() < 0.23
