"""The published measure along the way: VAA of the same states at several horizons."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..linear_algebra import without_tf32
from ..progress import each, sign_of_life
from ..systems import DrivenMap
from .published import vaa

_STRETCH = 32
"""Steps between two looks whether anything still moves: a GPU would be waited for at each."""


@torch.no_grad()
def vaa_curve(
    network: DrivenMap,
    starts: Tensor,
    input: Tensor,
    horizons: Sequence[int],
    epsilon: float,
    progress: bool | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Move states [n, state] under one held input [m] in the network's own precision, and take VAA at each horizon.

    Returns:
        VAA of the whole state [t] and of each layer's own [layers, t], NaN once a state has left every bound, and the
        speeds |F(h) - h|_2 [t, n].
    """
    system = network.hold(input, dtype=network.dtype)
    states, before, done = starts, starts, 0
    whole, layers, speeds = [], [], []
    with without_tf32(network.device, network.dtype):
        for horizon in each(horizons, "published VAA", progress, unit="horizon"):
            while done < horizon:
                sign_of_life()
                for _ in range(min(_STRETCH, horizon - done)):
                    before, states, done = states, system(states), done + 1
                following = system(states)
                if torch.equal(following, states) or torch.equal(following, before):
                    # At rest, or back after two steps, to the last bit: nothing changes but, perhaps, which of the two.
                    states = following if (horizon - done) % 2 else states
                    done = horizon
            whole.append(_vaa_or_nan(states, epsilon))
            layers.append([_vaa_or_nan(part, epsilon) for part in states.split(list(network.layer_sizes), dim=-1)])
            speeds.append((system(states) - states).norm(dim=-1).double().cpu())
    return torch.tensor(whole, dtype=torch.float64), torch.tensor(layers, dtype=torch.float64).T, torch.stack(speeds)


def _vaa_or_nan(states: Tensor, epsilon: float) -> float:
    return vaa(states, epsilon) if bool(states.isfinite().all()) else torch.nan
