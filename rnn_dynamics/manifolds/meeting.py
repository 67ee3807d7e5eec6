"""Where an unstable and a stable manifold cross in the plane, and the orbit through each crossing."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..systems import AutonomousMap
from .curves import InvariantManifold

_AT_ONCE = 2**22

_NEAR = 1e-2
"""Times max(1, |h|): guesses are followed along the manifolds until they are so near to the saddles."""


@dataclass(frozen=True, eq=False)
class Crossing:
    """Two branches and the parameters at which they meet."""

    unstable: int
    stable: int
    leaving: float
    """t on the unstable manifold."""

    arriving: float
    """t on the stable one."""

    way: float
    """Arclength along both from the saddles."""


def crossings(unstable: InvariantManifold, stable: InvariantManifold) -> list[Crossing]:
    """All crossings of two manifolds in the plane, those with the shortest way first."""
    found: list[Crossing] = []
    for i, first in enumerate(unstable.states):
        for j, second in enumerate(stable.states):
            rows, columns, shares, others = _segments_crossing(first, second)
            for row, column, share, other in zip(rows, columns, shares, others, strict=True):
                leaving = _between(unstable.parameters[i], row, share)
                arriving = _between(stable.parameters[j], column, other)
                if leaving > 0 and arriving > 0:
                    way = _between(unstable.arclengths[i].cpu(), row, share)
                    way += _between(stable.arclengths[j].cpu(), column, other)
                    found.append(Crossing(i, j, leaving, arriving, way))
    return sorted(found, key=lambda crossing: crossing.way)


def _between(values: Tensor, row: int, share: float) -> float:
    return float(values[row]) * (1 - share) + float(values[row + 1]) * share


def _segments_crossing(first: Tensor, second: Tensor) -> tuple[list[int], list[int], list[float], list[float]]:
    """Numbers of the chords of two lines [m, 2] and [k, 2] that cross, and where along each."""
    rows: list[int] = []
    columns: list[int] = []
    shares: list[float] = []
    others: list[float] = []
    a, d = second[:-1], second[1:] - second[:-1]
    size = max(1, _AT_ONCE // max(1, len(a)))
    for begin in range(0, len(first) - 1, size):
        b = first[begin : begin + size + 1]
        e = b[1:] - b[:-1]
        gap = a[None] - b[:-1, None]
        cross = e[:, None, 0] * d[None, :, 1] - e[:, None, 1] * d[None, :, 0]
        along = (gap[..., 0] * d[None, :, 1] - gap[..., 1] * d[None, :, 0]) / cross
        other = (gap[..., 0] * e[:, None, 1] - gap[..., 1] * e[:, None, 0]) / cross
        meets = (along >= 0) & (along < 1) & (other >= 0) & (other < 1)
        for row, column in meets.nonzero().tolist():
            rows.append(begin + row)
            columns.append(column)
            shares.append(float(along[row, column]))
            others.append(float(other[row, column]))
    return rows, columns, shares, others


def orbit_through(
    returns: AutonomousMap, unstable: InvariantManifold, stable: InvariantManifold, crossing: Crossing
) -> Tensor:
    """States [N + 1, n] along the unstable manifold to a crossing, then along the stable one."""
    before = _path(unstable, crossing.unstable, crossing.leaving)
    behind = _path(stable, crossing.stable, crossing.arriving)
    states = [state for one in before.flip(0) for state in _steps(returns, one, unstable.eigenvalue.real)]
    states = states if unstable.eigenvalue.real > 0 else states[:-1]  # the crossing itself, not what follows
    for one in behind[1:] if stable.eigenvalue.real > 0 else behind:
        states += _steps(returns, one, stable.eigenvalue.real)
    if stable.eigenvalue.real < 0:
        del states[len(states) - 2 * len(behind)]  # the crossing again
    return torch.stack(states)


def _steps(returns: AutonomousMap, state: Tensor, eigenvalue: float) -> list[Tensor]:
    """A state, and its image where the manifold's parameters tell every other state only."""
    return [state] if eigenvalue > 0 else [state, returns(state[None])[0]]


def _path(manifold: InvariantManifold, branch: int, t: float) -> Tensor:
    """The points of a branch at t, t / f, t / f^2, ... towards the saddle, f for one step or two, [m, n]."""
    rate = abs(manifold.eigenvalue.real)
    factor = max(rate, 1 / rate) ** (1 if manifold.eigenvalue.real > 0 else 2)
    states, clock = manifold.states[branch], manifold.parameters[branch].to(manifold.states[branch])
    saddle = manifold.saddle[int(manifold.phases[branch])]
    near = _NEAR * max(1.0, float(saddle.norm()))
    path: list[Tensor] = []
    while True:
        row = int(torch.searchsorted(clock, torch.tensor(t).to(clock)).clamp(1, len(clock) - 1))
        share = (t - float(clock[row - 1])) / max(float(clock[row] - clock[row - 1]), 1e-300)
        path.append(states[row - 1] + share * (states[row] - states[row - 1]))
        if len(path) > 1 and (float((path[-1] - saddle).norm()) <= near or len(path) > 500):
            return torch.stack(path)
        t /= factor


def distinct(crossings: list[Crossing], unstable: InvariantManifold, stable: InvariantManifold) -> list[Crossing]:
    """One crossing of each orbit, as the return map takes crossings to crossings.

    It multiplies the parameter of the one manifold by lambda and that of the other by mu, so that the remainder of
    ln t / ln lambda, and its sum with ln t / |ln mu|, stay as they are.
    """
    rates = [abs(math.log(abs(manifold.eigenvalue.real))) for manifold in (unstable, stable)]
    kept: list[Crossing] = []
    keys: list[tuple[float, float]] = []
    for crossing in crossings:
        clock = math.log(crossing.leaving) / rates[0]
        key = (clock % 1.0, clock + math.log(crossing.arriving) / rates[1])
        if all(_circular(key[0], known[0]) > _ALIKE or abs(key[1] - known[1]) > _ALIKE for known in keys):
            kept.append(crossing)
            keys.append(key)
    return kept


_ALIKE = 1e-3
"""Of one step: crossings whose clocks agree so far are of one orbit; Newton's method has the last word."""


def _circular(a: float, b: float) -> float:
    return min((a - b) % 1.0, (b - a) % 1.0)
