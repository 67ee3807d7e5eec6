"""What the sweep of the gallery measures."""

import torch

import rnn_dynamics as rd


def measure(gain: float, seed: int) -> dict[str, int]:
    """Stable fixed points of 16 random units of this gain."""
    drawn = torch.Generator().manual_seed(seed)
    weights = torch.randn(16, 16, generator=drawn, dtype=torch.float64) * gain / 4
    system = rd.as_map(lambda h, _: torch.tanh(h @ weights.T), 16, 0, box=(-1.0, 1.0)).hold()
    points = rd.find_fixed_points(system, torch.randn(64, 16, generator=drawn), extra_starts=64)
    return {"stable": int(points.stable.sum())}
