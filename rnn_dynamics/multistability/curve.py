"""The published measure along the way: VAA of the same states at several horizons."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..linear_algebra import without_tf32
from ..progress import each, sign_of_life
from ..systems import DrivenMap
from .published import distances, vaa

_STRETCH = 32
"""Steps between two looks whether anything still moves: a GPU would be waited for at each."""

_LATER = 1.25
"""By which factor the next look is later after one in vain: what has not come to rest by then may never do so."""

_REPEATS, _KEPT = 64, 2**24
"""The longest return that is looked for, and how many numbers may be kept for it."""

_NEAR = 0.1
"""Of epsilon: states nearer than this to a stable fixed point are on it."""


@torch.no_grad()
def vaa_curve(
    network: DrivenMap,
    starts: Tensor,
    input: Tensor,
    horizons: Sequence[int],
    epsilon: float,
    progress: bool | None = None,
    rests: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Move states [n, state] under one held input [m] in the network's own precision, and take VAA at each horizon.

    Stable fixed points that are known, ``rests`` [a, state], shorten this: once every state has stayed near one, at
    rest but for rounding, it is not moved any further, unless two of the points are about epsilon apart.

    Returns:
        VAA of the whole state [t] and of each layer's own [layers, t], NaN once a state has left every bound, and the
        speeds |F(h) - h|_2 [t, n].
    """
    system = network.hold(input, dtype=network.dtype)
    path, done, due = [starts], 0, 0.0
    kept = max(2, min(_REPEATS, _KEPT // max(1, starts.numel())))
    whole, layers, speeds = [], [], []
    with without_tf32(network.device, network.dtype):
        for horizon in each(horizons, "published VAA", progress, unit="horizon"):
            while done < horizon:
                sign_of_life()
                for _ in range(min(_STRETCH, horizon - done)):
                    path = [*path[-kept:], system(path[-1])]
                    done += 1
                if done >= due:
                    due = max(done + _STRETCH, _LATER * done)
                    stacked = torch.stack(path)
                    ahead = _repeated(stacked, horizon - done)
                    if ahead is None and rests is not None and _at_rest(stacked, rests.to(stacked), epsilon):
                        ahead = path[-1]
                    if ahead is not None:
                        path, done, due = [ahead], horizon, float(horizon)
            states = path[-1]
            whole.append(_vaa_or_nan(states, epsilon))
            layers.append([_vaa_or_nan(part, epsilon) for part in states.split(list(network.layer_sizes), dim=-1)])
            speeds.append((system(states) - states).norm(dim=-1).double().cpu())
    return torch.tensor(whole, dtype=torch.float64), torch.tensor(layers, dtype=torch.float64).T, torch.stack(speeds)


def _repeated(path: Tensor, steps: int) -> Tensor | None:
    """The states [n, d] so many ``steps`` after ``path`` [t, n, d], if each row has come back to where it was.

    To the last bit: rounding leaves a row at rest, or going round a few neighbouring numbers for ever.
    """
    back = (path[:-1] == path[-1]).all(dim=-1).flip(0)  # after 1, 2, ... steps, [t - 1, n]
    if not bool(back.any(dim=0).all()):
        return None
    periods = back.long().argmax(dim=0) + 1
    later = len(path) - 1 - periods + steps % periods
    return path[later, torch.arange(path.shape[1], device=path.device)]


def _at_rest(path: Tensor, rests: Tensor, epsilon: float) -> bool:
    """Whether each row of ``path`` [t, n, d] stayed by a point, none of which is about epsilon from another."""
    if len(path) <= _REPEATS or not len(rests):
        return False
    unclear = (distances(rests, rests) - epsilon).abs() <= 2 * _NEAR * epsilon
    nearest = distances(path[-1], rests).argmin(dim=1)
    away = (path - rests[nearest]).norm(dim=-1)
    return not bool(unclear.any()) and bool((away <= _NEAR * epsilon).all())


def _vaa_or_nan(states: Tensor, epsilon: float) -> float:
    return vaa(states, epsilon) if bool(states.isfinite().all()) else torch.nan
