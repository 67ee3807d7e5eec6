"""What the blocks of a planted cell are: their gains, thresholds, time scales, inputs and units, drawn from a seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from ..checks import ArgumentError
from .excitation import Excitation

DOUBLE = torch.float64

Span: TypeAlias = tuple[float, float]
"""The lowest and the highest of what blocks get."""

COUPLING = 0.1
"""Norm of the random coupling between units that leaves every block's mean alone."""


@dataclass(frozen=True)
class Settings:
    """What is common to the blocks of a network; spans are None where each kind of cell has its own."""

    blocks: int | None
    gain: Span | None
    input_scale: float
    thresholds: Span
    time_scales: Span | None


@dataclass(frozen=True)
class Soil:
    """A kind of cell as blocks see it."""

    gain: Span
    """By default."""

    time_scales: Span
    """By default, in steps; (1, 1) of a cell without a gate that keeps."""

    through_cell: bool = False
    """Whether units see tanh of a cell state."""

    alone: bool = False
    """Whether units excite nothing but themselves, so that a block is one unit."""

    def blocks(self, units: int) -> int:
        """How many where nobody says."""
        return units if self.alone else max(1, units // 2)


@dataclass(frozen=True, eq=False)
class Source:
    """What a layer's inputs are like: of the bottom layer as sequences say, of others states within [-1, 1]."""

    mean: Tensor
    """[m]."""

    covariance: Tensor
    """[m, m]."""

    bounded: bool
    """Whether |x_j| <= 1 for every input that can come."""

    @classmethod
    def of_inputs(cls, rows: Tensor) -> "Source":
        """Of inputs [k, m]."""
        centred = rows - rows.mean(dim=0)
        return cls(rows.mean(dim=0), centred.T @ centred / len(rows), False)

    @classmethod
    def standard(cls, width: int) -> "Source":
        """Of x ~ N(0, I), as the published held inputs are."""
        return cls(torch.zeros(width, dtype=DOUBLE), torch.eye(width, dtype=DOUBLE), False)

    @classmethod
    def states(cls, width: int) -> "Source":
        """Of a layer below, whose units are near -1 or 1."""
        return cls(torch.zeros(width, dtype=DOUBLE), torch.eye(width, dtype=DOUBLE), True)

    def directions(self, count: int, generator: torch.Generator) -> Tensor:
        """Random directions, [count, m]: of length 1, or such that |v x| <= 1 for every input that can come."""
        drawn = torch.randn(count, len(self.mean), generator=generator, dtype=DOUBLE)
        return drawn / drawn.norm(p=1 if self.bounded else 2, dim=1, keepdim=True).clamp(min=1e-300)

    def spreads(self, directions: Tensor) -> Tensor:
        """The standard deviation of the input along directions, [count]."""
        return ((directions @ self.covariance) * directions).sum(dim=1).clamp(min=0).sqrt()


@dataclass(frozen=True, eq=False)
class Design:
    """A planted cell: block b is driven by u = W_b x + beta_b, unit i of it holds s_i times the block's state."""

    excitation: Excitation
    input_weights: Tensor
    """W, [B, m]."""

    biases: Tensor
    """beta, [B]."""

    patterns: Tensor
    """s_i in column b where unit i is one of block b, else 0, [n, B]."""

    keeps: Tensor
    """k of every unit, [n]."""

    gate_weights: Tensor
    """What the gate that keeps sees of the input, [n, m]."""

    gate_biases: Tensor
    """[n]."""

    coupling: Tensor
    """A random matrix of norm ``COUPLING``, [n, n]."""

    bounded: bool
    """Whether |x_j| <= 1 for every input that can come."""

    @property
    def sizes(self) -> Tensor:
        """Units of every block, [B]."""
        return self.patterns.abs().sum(dim=0)

    @property
    def recurrent(self) -> Tensor:
        """sum_b g_b s s^T / |b|, and a coupling that neither sees nor moves the blocks' means: [n, n]."""
        means = self.patterns / self.sizes
        blocks = (self.patterns * self.excitation.gains) @ means.T
        apart = torch.eye(len(means), dtype=DOUBLE) - self.patterns @ means.T
        return blocks + apart @ self.coupling @ apart

    @property
    def margins(self) -> Tensor:
        """The |x|_2 that a held input must exceed to undo a block, [B]; negative if the block has one state at x = 0.

        Of a layer above: infinite if no state of the layer below can undo the block, else 0, as nothing is promised.
        """
        room = self.excitation.folds - self.biases.abs()
        if self.bounded:
            return torch.where(self.input_weights.abs().sum(dim=1) < room, math.inf, 0.0)
        return room / self.input_weights.norm(dim=1)


def draw(
    settings: Settings,
    units: int,
    source: Source,
    soil: Soil,
    generator: torch.Generator,
) -> Design:
    """A cell's blocks.

    u_b = fold_b a (v_b (x - mean) + theta_b sd_b c_b), with a the input scale, v_b a random direction, sd_b the
    input's standard deviation along it, theta_b the threshold, and c_b^2 = (rho - 1) / (rho + 1) for
    rho = 1 + (1 - k)(g - 1): from h = 0 a block sums its inputs with weights rho^-t, and decides by whether the sum is
    beyond theta_b standard deviations.
    """
    blocks = settings.blocks or soil.blocks(units)
    if blocks > units:
        raise ArgumentError("blocks", f"must be at most the units of each cell, {units}, got {blocks}")
    gains = _spread(settings.gain or soil.gain, blocks, generator)
    times = settings.time_scales or soil.time_scales
    keeps = 1 - 1 / _spread((math.log(times[0]), math.log(times[1])), blocks, generator).exp()
    thresholds = _spread(settings.thresholds, blocks, generator)
    excitation = Excitation(gains, keeps, soil.through_cell)
    growth = 1 + (1 - keeps) * (gains - 1)
    directions = source.directions(blocks, generator)
    summed = source.spreads(directions) * ((growth - 1) / (growth + 1)).sqrt()
    strength = settings.input_scale * excitation.folds
    block_of = torch.arange(units) % blocks if not soil.alone else torch.arange(units)
    block_of = block_of[torch.randperm(units, generator=generator)]
    signs = 1.0 - 2.0 * torch.randint(2, (units,), generator=generator)
    patterns = torch.where(block_of[:, None] == torch.arange(blocks), signs[:, None].to(DOUBLE), 0.0)
    unit_keeps = keeps[block_of % blocks]
    gates = source.directions(units, generator)
    # At most 1 for a unit of input: small inputs, scaled up, would let a held one of usual size stop a unit for ever.
    gates = gates / source.spreads(gates).clamp(min=1)[:, None]
    drawn = torch.randn(units, units, generator=generator, dtype=DOUBLE)
    return Design(
        excitation,
        strength[:, None] * directions,
        strength * (thresholds * summed - directions @ source.mean),
        patterns,
        unit_keeps,
        gates,
        (unit_keeps / (1 - unit_keeps)).log() - gates @ source.mean,
        COUPLING * drawn / torch.linalg.matrix_norm(drawn, 2),
        source.bounded,
    )


def _spread(span: Sequence[float], count: int, generator: torch.Generator) -> Tensor:
    """Values at even distances over a span, in random order; its middle if there is one."""
    low, high = span
    places = (torch.arange(count, dtype=DOUBLE) + 0.5) / count
    return low + (high - low) * places[torch.randperm(count, generator=generator)]
