"""Where further starts should come from: new points per 1,024 starts, by recipe, deflation among them."""

import sys
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.fixed_points.merging import merge
from rnn_dynamics.roots import Status
from rnn_dynamics.systems import AutonomousMap, Box

from .networks import problem

sys.path.insert(0, str(Path(__file__).parents[1]))
from problems.roots import planted, uncoupled

N = 1024

READING = """\
Midpoints and combinations of four find the most per start, or nearly so, everywhere; noise finds points outside the
hull of the known ones, the box finds what has no neighbour yet. Combinations of eight and extrapolation are no
better, unstable manifolds lead only to stable points, which are rarely the missing ones, and deflation, at twice
the cost per start, found no more than plain Newton from the same starts. So the search uses the first two, noise
and the box.
"""


def _distinct(states: Tensor) -> Tensor:
    zeros = torch.zeros(len(states), dtype=states.dtype)
    return states[merge(states, zeros, zeros, 1e-6).unique()]


def _deflated(system: AutonomousMap, starts: Tensor, known: Tensor) -> Tensor:
    """Newton on the residual times prod(1 + 1 / |h - h_i|^2): its step is Newton's, scaled (arXiv 1410.5620)."""
    equation, states = system.ungated(), starts.clone()
    active, done = torch.arange(len(states)), torch.zeros(len(states), dtype=torch.bool)

    def merit(h: Tensor) -> Tensor:
        far = torch.cdist(h, known).clamp(min=1e-12)
        return torch.log1p(far**-2).sum(dim=1) + (equation(h) - h).norm(dim=1).clamp(min=1e-300).log()

    for _ in range(60):
        h = states[active]
        value, linearization = equation.linearize(h)
        step = linearization.solve(h - value)
        step = torch.where(step.isfinite().all(dim=1, keepdim=True), step, value - h)
        offset = h[:, None] - known
        square = offset.square().sum(dim=-1).clamp(min=1e-24)
        slope = (-2 * offset / (square * (1 + square)).unsqueeze(-1)).sum(dim=1)
        step = step / (1 - (slope * step).sum(dim=1, keepdim=True))
        step = step * (2 / step.norm(dim=1, keepdim=True)).clamp(max=1)
        before, new, todo, scale = merit(h), h.clone(), torch.arange(len(h)), 1.0
        for _ in range(10):
            trial = h[todo] + scale * step[todo]
            better = merit(trial) < before[todo]
            new[todo[better]] = trial[better]
            todo, scale = todo[~better], scale / 2
        states[active] = new
        converged = (equation(new) - new).norm(dim=1) < 1e-11
        done[active[converged]] = True
        keep = ~converged
        keep[todo] = False
        active = active[keep]
        if not len(active):
            break
    return states[done]


def _recipes(system: AutonomousMap, known: Tensor) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)

    def pick() -> Tensor:
        return known[torch.randint(len(known), (N,), generator=generator)]

    def unit(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=known.dtype)

    def mixture(k: int) -> Tensor:
        weights = -unit(k, N, 1).log()
        return (weights / weights.sum(dim=0) * torch.stack([pick() for _ in range(k)])).sum(dim=0)

    values, vectors = torch.linalg.eig(system.jacobian(known))
    rows, columns = ((values - 0).abs() > 1).nonzero(as_tuple=True)
    manifold = known
    if len(rows):
        nudge = 1e-2 * vectors[rows, :, columns].real
        state, path = torch.cat([known[rows] + nudge, known[rows] - nudge]), []
        for _ in range(60):
            state = system(state)
            path.append(state)
        everything = torch.cat(path)
        manifold = everything[torch.randint(len(everything), (N,), generator=generator)]
    start, end = pick(), pick()
    box = system.box
    assert isinstance(box, Box)
    return {
        "midpoints": (pick() + pick()) / 2,
        "combinations of 4": mixture(4),
        "combinations of 8": mixture(8),
        "extrapolation": start + (3 * unit(N, 1) - 1) * (end - start),
        "noise": pick() + 0.3 * torch.randn(N, system.state_size, generator=generator, dtype=known.dtype),
        "box": box.sample(N, generator),
        "unstable manifolds": manifold,
    }


def run() -> pd.DataFrame:
    """Each recipe alone, from what too few starts found."""
    cases: dict[str, tuple[AutonomousMap, Tensor]] = {}
    for kind, n in [("GRU", 16), ("GRU", 64), ("tanh", 64), ("GRU 2 layers", 64)]:
        cases[f"{kind}-{n}, 256 starts near memories"] = problem(kind, n, 256, noise=0.05)
    tanh6 = uncoupled(6)
    cases["uncoupled tanh(2x), n = 6, 1,024 starts"] = tanh6.system, tanh6.starts(1024)
    for seed in range(3):
        system, _ = planted(8, seed)
        generator = torch.Generator().manual_seed(0)
        cases[f"planted, n = 8, seed {seed}, 1,024 starts"] = (
            system,
            2 * torch.rand(1024, 8, generator=generator).double() - 1,
        )
    rows = []
    newton = rd.Newton(slow_points=0)
    for name, (system, starts) in cases.items():
        first = newton.solve(system, starts)
        known = _distinct(first.states[first.statuses == Status.FOUND])
        row: dict[str, object] = {"case": name, "known": len(known)}
        for recipe, batch in _recipes(system, known).items():
            result = newton.solve(system, batch)
            row[recipe] = len(_distinct(torch.cat([known, result.states[result.statuses == Status.FOUND]]))) - len(
                known
            )
        deflated = _deflated(system, _recipes(system, known)["midpoints"], known)
        row["deflation"] = len(_distinct(torch.cat([known, deflated]))) - len(known)
        rows.append(row)
    return pd.DataFrame(rows)
