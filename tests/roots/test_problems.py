"""Every system with a known answer, with every solver."""

import numpy as np
import pytest
import torch
from problems.roots import ALL, Problem, planted, uncoupled
from scipy.optimize import linear_sum_assignment

import rnn_dynamics as rd


def _match(found: torch.Tensor, known: torch.Tensor) -> tuple[np.ndarray, float]:
    """Which found row belongs to each known one, and the largest distance between them."""
    distance = torch.cdist(known, found, compute_mode="donot_use_mm_for_euclid_dist").numpy()
    _, column = linear_sum_assignment(distance)
    return column, float(distance[np.arange(len(known)), column].max())


@pytest.mark.parametrize("problem", ALL, ids=lambda problem: problem.name)
@pytest.mark.parametrize(
    "solver",
    [rd.Newton(), rd.NewtonKrylov(), rd.ScipyRoot("hybr"), rd.ScipyRoot("lm"), rd.SpeedMinimizer()],
    ids=lambda solver: getattr(solver, "method", type(solver).__name__),
)
def test_finds_every_point_and_no_other(problem: Problem, solver: rd.Newton) -> None:
    starts = problem.starts(64 if isinstance(solver, rd.ScipyRoot) else 256)
    points = rd.find_fixed_points(problem.system, starts, solver, extra_starts=2048, max_steps=200)

    assert len(points) == len(problem.points)
    order, distance = _match(points.states, problem.points)
    assert distance < max(problem.accuracy, 1e-8)
    assert points.residuals.max() < 1e-10
    # The residual that is reported is that of the very state that is returned.
    again = (problem.system(points.states) - points.states).norm(dim=-1)
    assert torch.equal(again, points.residuals)
    if problem.radii is not None:
        # Published radii carry six digits, and are as inexact as the points they were taken at.
        assert torch.allclose(
            points.spectral_radii[order], problem.radii, rtol=0, atol=max(1e-6, 10 * problem.accuracy)
        )
    if problem.kinds is not None:
        assert tuple(points.kinds[row] for row in order) == problem.kinds
    assert points.index_sum == (1 if problem.box is not None else None)


def test_uncoupled_729_of_729() -> None:
    problem = uncoupled(6)
    points = rd.find_fixed_points(problem.system, problem.starts(1024))
    assert len(points) == 729
    order, distance = _match(points.states, problem.points)
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
    _, distance = _match(points.states, known)
    assert distance < 1e-8
    assert points.residuals.max() < 1e-10
    assert points.index_sum == 1
    # tanh(Wv) is odd, so the points come in pairs: none may lack its mirror image.
    assert _match(points.states, -points.states)[1] < 1e-8
