"""Which of the things proved are different from one another: boxes that have no state in common."""

from collections.abc import Sequence

import torch
from torch import Tensor

_UP = 1 + 2.0**-48
"""Above what sums and differences of floats may lose."""


def distinct(orbits: Sequence[Tensor], errors: Sequence[Tensor]) -> Tensor:
    """Whether each of p things is proved to be another than all before it that are counted, [p].

    Two of different minimal period are; two of the same are if the box of the first state of one meets no box of the
    other, since a state that they have in common would be all of both.
    """
    counted = torch.zeros(len(orbits), dtype=torch.bool)
    by_period: dict[int, list[int]] = {}
    for row, (orbit, error) in enumerate(zip(orbits, errors, strict=True)):
        if not bool(error.isfinite().all()):
            continue
        before = by_period.setdefault(len(orbit), [])
        others = [(orbits[other], errors[other]) for other in before]
        if others:
            states, widths = (torch.cat(parts) for parts in zip(*others, strict=True))
            apart = (states - orbit[0]).abs() > (widths + error[0]) * _UP + 2.0**-48 * (states - orbit[0]).abs()
            if not bool(apart.any(dim=1).all()):
                continue
        before.append(row)
        counted[row] = True
    return counted
