"""What input sequences can reach: the published measure, and the attractors that are really there."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..attractors import AttractorKind, Attractors, Settle, find_attractors
from ..checks import ArgumentError, ArrayLike, InputSequences, Size, as_rows, checked, require_positive
from ..progress import each
from ..results import Result
from ..store import storable
from ..systems import DEFAULT_MEMORY_BUDGET, DrivenMap, FirstState, require_network, sample_states
from .curve import vaa_curve
from .diversity import Diversity, diversity

if TYPE_CHECKING:
    import pandas as pd

HORIZONS = (0, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
"""Up to the published 10,000 steps."""


def horizons_up_to(last: int) -> list[int]:
    """The horizons below ``last``, and ``last``."""
    return [*(step for step in HORIZONS if step < last), last]


@storable
@dataclass(frozen=True, eq=False)
class Reachability(Result):
    """The published VAA at several horizons beside what its states settle on, under one or several held inputs."""

    _dimensions: ClassVar = {
        "inputs": ("held_input", "input"),
        "horizons": ("horizon",),
        "vaas": ("held_input", "horizon"),
        "layer_vaas": ("held_input", "layer", "horizon"),
        "speeds": ("held_input", "horizon", "start"),
        "starts": ("start", "unit"),
    }

    inputs: Tensor
    """The held inputs, [q, m]; fewer than were asked for if it was interrupted."""

    horizons: Tensor
    """Steps after which VAA was taken, [t]."""

    vaas: Tensor
    """The published VAA of the whole state, [q, t]; NaN once a state has left every bound."""

    layer_vaas: Tensor
    """The same of each layer's own states, [q, layers, t]."""

    speeds: Tensor
    """|F(h) - h|_2 of every state at each horizon, [q, t, n]."""

    epsilon: float
    """States nearer than this count as one in VAA."""

    starts: Tensor
    """The sampled states, [n, state]."""

    attractors: tuple[Attractors, ...]
    """For each held input what the same states settle on, with the map from start to attractor (``labels``)."""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early, in the search under the last of these held inputs."""
        return any(found.interrupted for found in self.attractors)

    @property
    def advice(self) -> tuple[str, ...]:
        """That of the attractors under each held input, each sentence once."""
        return tuple(dict.fromkeys(line for found in self.attractors for line in found.advice))

    @property
    def n(self) -> int:
        """How many states were sampled; VAA lies between 1/n and 1."""
        return len(self.starts)

    @property
    def vaa(self) -> float:
        """The published number: VAA at the last horizon, averaged over held inputs."""
        return float(self.vaas[:, -1].mean())

    @property
    def claimed(self) -> float:
        """The number of attractors that VAA stands for, n VAA."""
        return self.n * self.vaa

    @property
    def count(self) -> float:
        """The number of attractors that were reached, averaged over held inputs."""
        return sum(map(len, self.attractors)) / max(1, len(self.attractors))

    @property
    def counts(self) -> dict[AttractorKind, float]:
        """The number of attractors of each kind, averaged over held inputs."""
        kinds = {kind for found in self.attractors for kind in found.counts}
        return {
            kind: sum(found.counts.get(kind, 0) for found in self.attractors) / len(self.attractors)
            for kind in AttractorKind
            if kind in kinds
        }

    @property
    def outcomes(self) -> dict[str, float]:
        """The share of the starts that settled, are slow, diverged or are unfinished, averaged over held inputs."""
        every = [outcome for found in self.attractors for outcome in found.outcomes]
        return {name: every.count(name) / len(every) for name in ("settled", "slow", "diverged", "unfinished") if every}

    @property
    def diversities(self) -> tuple[Diversity, ...]:
        """Entropy, coverage and the number not seen, for each held input."""
        return tuple(diversity(found.hits) for found in self.attractors)

    def to_pandas(self) -> "pd.DataFrame":
        """One row per held input."""
        import pandas as pd

        rows = []
        for index, (found, numbers) in enumerate(zip(self.attractors, self.diversities, strict=True)):
            settled = int(found.settled.sum())
            rows.append(
                {
                    "input": [round(x, 4) for x in self.inputs[index].tolist()],
                    "vaa": float(self.vaas[index, -1]),
                    "claimed": self.n * float(self.vaas[index, -1]),
                    "attractors": len(found),
                    **{str(kind): found.counts.get(kind, 0) for kind in self.counts},
                    "settled": settled / self.n,
                    "effective_number": numbers.effective_number,
                    "unseen": numbers.unseen,
                    "coverage": numbers.coverage,
                }
            )
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """What the published number claims, and what is there."""
        kinds = ", ".join(f"{number:g} {kind if number == 1 else kind.plural}" for kind, number in self.counts.items())
        others = ", ".join(
            f"{share:.0%} {name}" for name, share in self.outcomes.items() if name != "settled" and share
        )
        many = f", mean of {len(self.inputs)} held inputs" if len(self.inputs) > 1 else ""
        text = (
            f"VAA {self.vaa:.3g} (n = {self.n}, {int(self.horizons[-1]):,} steps{many}) stands for {self.claimed:.3g} "
            f"attractor{'' if f'{self.claimed:.3g}' == '1' else 's'}; reached: {self.count:g}"
        )
        return text + (f" ({kinds})" if kinds else "") + (f"; of the starts {others}" if others else "")

    def _notes(self) -> Sequence[str]:
        return tuple(dict.fromkeys(found.verdict for found in self.attractors))


@checked
@torch.no_grad()
def reachability(
    network: DrivenMap,
    sequences: InputSequences,
    hold: ArrayLike | None = None,
    *,
    n: Size = 200,
    draws: Size = 1,
    horizons: Sequence[Size] = HORIZONS,
    epsilon: float = 1e-4,
    settle: Settle | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    state: FirstState | None = None,
    progress: bool | None = None,
) -> Reachability:
    """Measure which attractors input sequences can reach: the published VAA, and beside it what is there.

    As published: each of n sequences is run from h = 0 (or ``state``) for c ~ U{1..T} steps and its last state kept;
    all states are then moved M steps under one held input x ~ N(0, I), in the network's own precision. From the same
    states, ``find_attractors`` says in float64 what they settle on.

    Args:
        network: the driven map.
        sequences: inputs [batch, time, m], a list of [time_i, m], or a task; each gives one state if there
            are n or more.
        hold: the held input [m], or several [q, m], over which results are averaged; drawn by default.
        n: how many states. The paper uses 32 in supervised and 200 in reinforcement learning; VAA depends on it.
        draws: how many held inputs to draw where none is given; the paper averages 10 measures.
        horizons: steps M at which VAA is taken; the paper's numbers are those at 10,000.
        epsilon: of ``vaa``.
        settle: how starts settle, as in ``find_attractors``.
        memory_budget: bytes for Jacobians at a time.
        seed: of states and held inputs.
        state: where sequences begin, as in ``sample_states``: a trained h0; zeros by default, as published.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Raises:
        ValueError: for shapes that do not fit, or horizons that are not whole, rising and positive.

    Source: Lambrechts et al., arXiv 2106.01001.
    """
    require_network(network)
    require_positive(n=n, draws=draws, epsilon=epsilon)
    steps = _checked_horizons(horizons)
    generator = torch.Generator().manual_seed(seed)
    starts = sample_states(network, sequences, n, seed=generator, distinct=True, state=state)
    if hold is None:
        inputs = torch.randn(draws, network.input_size, generator=generator).to(starts)
    elif network.input_size == 0:
        raise ArgumentError("hold", "must be left out for a network without inputs")
    else:
        inputs = as_rows(hold, "hold", network.input_size, dtype=starts.dtype, device=starts.device)
    curves: list[tuple[Tensor, Tensor, Tensor]] = []
    found: list[Attractors] = []
    several = len(inputs) > 1
    inner = None if several else progress
    for input in each(inputs, "held inputs", progress, unit="input") if several else inputs:
        curves.append(vaa_curve(network, starts, input, steps, epsilon, inner))
        found.append(
            find_attractors(
                network.hold(input), starts, seed=seed, progress=inner, settle=settle, memory_budget=memory_budget
            )
        )
        if found[-1].interrupted:
            break
    whole, layers, speeds = (torch.stack(part) for part in zip(*curves, strict=True))
    done = inputs[: len(found)]
    return Reachability(done, torch.tensor(steps), whole, layers, speeds, epsilon, starts, tuple(found))


def _checked_horizons(horizons: Sequence[int]) -> list[int]:
    steps = [int(step) for step in horizons]
    if not steps or steps != list(horizons) or steps[0] < 0 or any(a >= b for a, b in pairwise(steps)):
        raise ArgumentError("horizons", f"must be whole numbers of steps, 0 or more and rising, got {list(horizons)}")
    return steps
