"""Systems with hundreds of points, and with planted ones: none is missed."""

import pytest
import torch
from problems.roots import match, planted, uncoupled

import rnn_dynamics as rd


def test_uncoupled_729_of_729() -> None:
    problem = uncoupled(6)
    points = rd.find_fixed_points(problem.system, problem.starts(1024))
    assert len(points) == 729
    order, distance = match(points.states, problem.points)
    assert distance < 1e-10
    assert problem.kinds is not None
    assert tuple(points.kinds[row] for row in order) == problem.kinds
    assert torch.bincount(points.n_unstable).tolist() == [64, 192, 240, 160, 60, 12, 1]
    assert points.index_sum == 1


@pytest.mark.parametrize(("n", "seed"), [(4, 0), (4, 1), (4, 2), (8, 0), (8, 1), (8, 2)])
def test_every_planted_point(n: int, seed: int) -> None:
    system, known = planted(n, seed)
    generator = torch.Generator().manual_seed(seed)
    starts = 2 * torch.rand(1024, n, generator=generator, dtype=torch.float64) - 1
    points = rd.find_fixed_points(system, starts)
    _, distance = match(points.states, known)
    assert distance < 1e-8
    assert points.residuals.max() < 1e-10
    assert points.index_sum == 1
    # tanh(Wv) is odd, so the points come in pairs: none may lack its mirror image.
    assert match(points.states, -points.states)[1] < 1e-8
