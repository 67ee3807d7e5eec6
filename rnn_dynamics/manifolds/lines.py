"""Distances of states from lines through others."""

import torch
from torch import Tensor

_AT_ONCE = 2**22
"""Numbers in the differences that are made at a time."""


def distances_to_line(states: Tensor, line: Tensor) -> Tensor:
    """Of states [k, n] from the nearest point of the chords of a line [m, n], [k]."""
    begin, chords = line[:-1], line[1:] - line[:-1]
    squares = chords.square().sum(dim=-1).clamp(min=1e-300)
    least = states.new_full((len(states),), torch.inf)
    size = max(1, _AT_ONCE // max(1, line.numel()))
    for first in range(0, len(states) if len(begin) else 0, size):
        part = states[first : first + size, None] - begin
        shares = ((part * chords).sum(dim=-1) / squares).clamp(0, 1)
        least[first : first + size] = (part - shares.unsqueeze(-1) * chords).norm(dim=-1).amin(dim=1)
    return least
