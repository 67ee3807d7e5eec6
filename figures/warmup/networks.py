"""The paper's cells, and what is measured of a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import BRC, MGU, NBRC, Parallel, chrono_initialise, initialise
from rnn_dynamics.multistability import horizons_up_to
from rnn_dynamics.tasks import CopyFirstInput

from ..runs import Row

CELLS = ("GRU", "LSTM", "chrono", "MGU", "BRC", "nBRC")
WITH_PARALLEL = (*CELLS, "GRU+GRU")
T_MAX = 600
_MODULES: dict[str, Any] = {
    "GRU": nn.GRU,
    "LSTM": nn.LSTM,
    "chrono": nn.LSTM,
    "MGU": MGU,
    "BRC": BRC,
    "nBRC": NBRC,
    "GRU+GRU": Parallel,
}


@dataclass(frozen=True)
class Case:
    """One network, before or after warmup."""

    cell: str
    hidden: int
    layers: int
    seed: int
    n: int = 32
    horizon: int = 10_000
    steps: int = 100
    length: int = 50

    def __str__(self) -> str:
        return f"{self.cell}-{self.hidden}x{self.layers} (seed {self.seed})"


def cases(
    cells: Sequence[str], hidden: Sequence[int], layers: Sequence[int], seeds: int, **sizes: int
) -> tuple[Case, ...]:
    """Every combination, the cheap ones first; the paper's own sizes are those of scale "paper"."""
    return tuple(
        Case(cell, units, depth, seed, **sizes)
        for units in hidden
        for depth in layers
        for seed in range(seeds)
        for cell in cells
    )


def extent(cases: Sequence[Case]) -> str:
    """How much was measured."""
    case, seeds = cases[0], len({case.seed for case in cases})
    return (
        f"{seeds} seed{'s' * (seeds > 1)}, n = {case.n} states, copy task of length {case.length}, "
        f"one held input x ~ N(0, 1) for each network, horizon {case.horizon:,} steps."
    )


def make(case: Case) -> nn.Module:
    """The network of a case, initialised as in the paper."""
    with torch.random.fork_rng():
        module = _MODULES[case.cell](1, case.hidden, num_layers=case.layers)
    initialise(module, case.seed)
    return chrono_initialise(module, T_MAX, case.seed) if case.cell == "chrono" else module


def training_sequences(case: Case) -> torch.Tensor:
    """What the network is warmed up on."""
    return CopyFirstInput(640, case.length, seed=case.seed).inputs


def reached(module: nn.Module, case: Case, drift: float = 1e6) -> rd.Reachability:
    """The published measure at every horizon, and what the same states reach, drift followed for ``drift`` steps."""
    sequences = CopyFirstInput(case.n, case.length, seed=1000 + case.seed).inputs
    horizons = horizons_up_to(case.horizon)
    return rd.reachability(
        rd.as_map(module), sequences, n=case.n, horizons=horizons, seed=case.seed, settle=rd.Settle(horizon=drift)
    )


def measure(module: nn.Module, case: Case, drift: float = 1e6) -> Row:
    """The same as a row of numbers."""
    return row_of(reached(module, case, drift))


def row_of(reach: rd.Reachability) -> Row:
    """Numbers of what is reached under the one held input."""
    found = reach.attractors[0]
    exponents = found.largest_exponents.tolist()
    return {
        "horizons": reach.horizons.tolist(),
        "vaas": [round(value, 6) for value in reach.vaas[0].tolist()],
        "speed": median(reach.speeds[0, -1].tolist()),
        "kinds": list(found.kinds),
        "periods": found.periods.tolist(),
        "hits": found.hits.tolist(),
        "exponents": exponents,
        "counts": found.counts,
        "outcomes": {name: found.outcomes.count(name) for name in ("settled", "slow", "diverged", "unfinished")},
        "margin": min(found.margins.tolist(), default=None),
        "time": median(found.times[found.settled].tolist()) if bool(found.settled.any()) else None,
    }
