"""Whether an orbit has a steady drift: then it is on no attractor, however chaotic the rest of its motion."""

import torch
from torch import Tensor

_BLOCKS = 16
"""Parts of an orbit whose means are compared with a straight line in time."""

_SIGNIFICANT = 8.0
"""A slope of eight standard errors, 14 degrees of freedom: by chance once in a million coordinates."""


def drifting(samples: Tensor, times: Tensor, size: Tensor, horizon: float) -> Tensor:
    """Which coordinates of the samples [s, n] at ``times`` [s], rising, have a trend, [n].

    A trend is a slope of the block means that is significant, or a strict rise or fall of them all, whose speed at the
    end would lead a coordinate by its ``size`` [n] away within ``horizon`` steps. What comes to its place has one until
    it is there.
    """
    if len(samples) < 2 * _BLOCKS:
        return torch.zeros_like(size, dtype=torch.bool)
    states = torch.stack([part.mean(dim=0) for part in samples.tensor_split(_BLOCKS)])
    middles = torch.stack([part.mean() for part in times.tensor_split(_BLOCKS)]).to(states)
    t = (middles - middles.mean()).unsqueeze(-1)
    offsets = states - states.mean(dim=0)
    slopes = (t * offsets).sum(dim=0) / t.square().sum()
    scatter = (offsets - t * slopes).square().sum(dim=0) / (_BLOCKS - 2) / t.square().sum()
    steps = states.diff(dim=0)
    one_way = (steps > 0).all(dim=0) | (steps < 0).all(dim=0)
    late = (states[-1] - states[-_BLOCKS // 4]) / (middles[-1] - middles[-_BLOCKS // 4])
    fast = torch.minimum(late.abs(), slopes.abs()) * horizon > size
    return ((slopes.abs() > _SIGNIFICANT * scatter.sqrt()) | one_way) & fast
