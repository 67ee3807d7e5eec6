"""Which pulse flips a memory: found by simulation, and foretold by the fold at which the memory ends."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.store import storable
from rnn_dynamics.systems import DrivenMap, HeldMap

_SETTLE = 3000
"""Steps after a pulse. Saddles that are near a fold repel slowly: by e^16 in this time at an eigenvalue of 1.0054, the
least of the figure's network."""

_LARGEST, _TRIED = 1.5, 60
"""Amplitudes are tried on a grid first, up to half more than the task's own pulses."""

_HALVINGS = 20
"""A cell of the grid, 0.025, is then known to 2.4e-8."""


@storable
@dataclass(frozen=True, eq=False)
class Memories:
    """The stable fixed points without input, and where each ends as input 0 works against its bit 0."""

    states: Tensor
    """[k, n]."""

    bits: Tensor
    """Signs of the readout, [k, bits]."""

    folds: Tensor
    """The amplitude of the held input at which each meets a saddle, [k]; against the sign of its bit 0."""

    rates: Tensor
    """a alpha of x' = x + alpha (p - fold) + a x^2 on the center manifold of each fold, [k]: a passage at p takes
    pi / sqrt(a alpha |p - fold|) steps."""

    seconds: Tensor
    """The second largest |lambda| at each fold, [k]: near 1 another direction is slow too, and the manifold a line no
    longer."""


@storable
@dataclass(frozen=True, eq=False)
class Pulses:
    """The smallest amplitude that flips bit 0 of each memory, by the duration of the pulse."""

    durations: Tensor
    """[d]."""

    needed: Tensor
    """[k, d]; NaN where no amplitude up to 1.5 did."""

    switches: Tensor
    """How often bit 0's fate changes over the grid of amplitudes, [k, d]: 1 where it is monotone."""

    spoilt: Tensor
    """The share of the amplitudes that flip bit 0 which change another bit too, [k, d]."""

    ends: Tensor
    """The readout of bit 0 as a pulse of the smallest amplitude ends, [k, d]."""


def memories(diagram: rd.BifurcationDiagram, network: DrivenMap, weight: Tensor, bias: Tensor) -> Memories:
    """Those of a diagram over input 0, each followed along its branch to the fold at which it ends."""
    family = network.input_family(0)
    rest = family(0.0)
    found: list[tuple[Tensor, Tensor, float, float, float]] = []
    for branch in diagram.branches:
        rows = [row for row in branch.passing(0.0) if branch.stable_beyond(row)]
        for row, state in zip(rows, branch.near(0.0, stable_only=True), strict=True):
            state = _settled(rest, state[None], _SETTLE)[0]
            bits = (state @ weight.T + bias).sign()
            rises = bool(branch.parameters[row + 1] > branch.parameters[row])
            ahead = [
                point
                for point in branch.special_points
                if point.kind == "fold" and (point.row > row) == (rises == bool(bits[0] < 0))
            ]
            if ahead:
                fold = min(ahead, key=lambda point, row=row: abs(point.row - row))
                second = float(branch.eigenvalues[fold.row].abs()[1])
                found.append((state, bits, fold.parameter, _rate(family, fold), second))
    found.sort(key=lambda memory: memory[1].tolist())
    states, bits, *numbers = zip(*found, strict=True)
    return Memories(torch.stack(states), torch.stack(bits), *(torch.tensor(column).double() for column in numbers))


def pulses(network: DrivenMap, known: Memories, weight: Tensor, bias: Tensor, durations: Sequence[int]) -> Pulses:
    """Bisect the amplitude between pulses after which a memory's bit 0 is what it was, and those that change it."""

    def after(amplitudes: Tensor, duration: int) -> Tensor:
        """The states [k * q, n] as pulses of amplitudes [k, q] end."""
        count = amplitudes.shape[1]
        inputs = torch.zeros(amplitudes.numel(), network.input_size, dtype=torch.float64)
        inputs[:, 0] = (amplitudes * -known.bits[:, :1]).flatten()
        state = known.states.repeat_interleave(count, dim=0)
        for _ in range(duration):
            state = network.step(state, inputs)
        return state

    def changed(amplitudes: Tensor, duration: int) -> Tensor:
        """Which bits amplitudes [k, q] change, [k, q, bits]."""
        state = _settled(network.hold(), after(amplitudes, duration), _SETTLE)
        signs = (state @ weight.T + bias).sign().unflatten(0, amplitudes.shape)
        return signs != known.bits[:, None]

    grid = torch.linspace(0, _LARGEST, _TRIED + 1, dtype=torch.float64)
    needed, switches, spoilt, ends = [], [], [], []
    for duration in durations:
        outcomes = changed(grid.expand(len(known.bits), -1), duration)
        done = outcomes[..., 0]
        first = done.long().argmax(dim=1)
        high = torch.where(done.any(dim=1), grid[first], math.nan)
        low = grid[(first - 1).clamp(min=0)]
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            enough = changed(middle[:, None], duration)[:, 0, 0]
            low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
        needed.append(high)
        switches.append((done[:, 1:] != done[:, :-1]).sum(dim=1))
        spoilt.append((done & outcomes[..., 1:].any(dim=-1)).sum(dim=1) / done.sum(dim=1))
        ends.append(after(high[:, None], duration) @ weight[0] + bias[0])
    columns = (torch.stack(each, dim=1) for each in (needed, switches, spoilt, ends))
    return Pulses(torch.tensor(list(durations)), *columns)


def _settled(system: HeldMap, states: Tensor, steps: int) -> Tensor:
    for _ in range(steps):
        states = system(states)
    return states


def _rate(family, fold: rd.bifurcations.SpecialPoint) -> float:
    """|a <p, dF/dp>| with the null vectors of I - DF: |q| = 1 and <p, q> = 1, as in the fold's own coefficient."""
    jacobian = family(fold.parameter).linearize(fold.state[None])[1].dense()[0]
    left, _, right = torch.linalg.svd(torch.eye(len(jacobian), dtype=torch.float64) - jacobian)
    alpha = left[:, -1] @ family.derivative(fold.state[None], fold.parameter)[0] / (left[:, -1] @ right[-1])
    return abs(float(alpha) * fold.coefficient)
