"""How uncertain it is where a start leads that is known up to a box: the basin entropy."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .sides import Sides


@dataclass(frozen=True)
class BasinEntropy:
    """What ``basin_entropy`` found."""

    entropy: float
    boundary_entropy: float
    boundary_share: float


def basin_entropy(sides: Sides, starts: Tensor, radius: float, boxes: int, trials: int, seed: int) -> BasinEntropy:
    """The mean over boxes of the Gibbs entropy -sum_i p_i ln p_i, p_i the shares of a box that lead to attractor i.

    Boxes are centred on starts [k, n], of half-width ``radius`` times what the starts span in each coordinate, and
    ``trials`` uniform states are drawn in each; those that are undecided are left out, those that run away count as
    one more attractor. The boundary entropy is the mean over the boxes that hold more than one side: above ln 2 only
    where three basins or more meet throughout, as on fractal boundaries.

    Source: Daza, Wagemakers, Georgeot, Guery-Odelin and Sanjuan 2016, doi:10.1038/srep31416.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(starts), generator=generator)[:boxes]
    centres = starts[chosen.to(starts.device)]
    widths = radius * (starts.amax(dim=0) - starts.amin(dim=0))
    drawn = 2 * torch.rand(len(centres), trials, starts.shape[-1], generator=generator, dtype=torch.float64) - 1
    states = centres[:, None] + drawn.to(starts) * widths
    labels = sides(states.flatten(0, 1)).view(len(centres), trials)
    values, several = [], []
    for row in labels:
        counts = row[row != -1].unique(return_counts=True)[1].double()
        if len(counts):
            shares = counts / counts.sum()
            values.append(-float((shares * shares.log()).sum()))
            several.append(len(counts) > 1)
    every, mixed = torch.tensor(values, dtype=torch.float64), torch.tensor(several, dtype=torch.bool)
    return BasinEntropy(
        float(every.mean()), float(every[mixed].mean()) if bool(mixed.any()) else 0.0, float(mixed.double().mean())
    )
