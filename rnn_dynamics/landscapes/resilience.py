"""``resilience``: what each attractor withstands, in one table."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

import torch
from torch import Tensor

from ..attractors import Attractors, Settle
from ..checks import ArrayLike, AtLeast, Count, Positive, Size, checked, require_positive
from ..progress import Progress
from ..stopping import go_on, stoppable
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, HeldMap, require_system
from .amplification import reactivity, transient_growth
from .convergence import arrival_times
from .entropy import BasinEntropy, basin_entropy
from .places import starts_of
from .pulses import smallest_pulses
from .resilience_results import Resilience
from .shocks import Shock, fatal_shocks
from .sides import Sides, left

_BOXES, _TRIALS = 128, 16
"""Boxes of the basin entropy and states in each: 2,048 states to settle, and 128 boxes tell a share to 9 %."""


@checked
@torch.no_grad()
def resilience(
    system: AutonomousMap,
    found: Attractors,
    starts: ArrayLike | None = None,
    *,
    n: Size = 256,
    restarts: Count = 8,
    rounds: Annotated[int, AtLeast(0)] = 20,
    pulse_steps: Count = 1,
    largest_pulse: Annotated[float, Positive()] = 10.0,
    entropy_radius: Annotated[float, Positive()] = 0.05,
    settle: Settle | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> Resilience:
    """Measure for every attractor the shocks and pulses that it withstands, and how deviations from it fall.

    - *minimal fatal shock*: the shortest change of its state that leads to another basin. Exits towards other basins
      and in random directions are bisected; orbits that run along the boundary tell its normal, and the shock is turned
      into it while that makes it shorter. What is returned was tried and led elsewhere: an upper bound.
    - *pulses*: of a network that holds an input, the same for a pulse of each input.
    - *convergence*: steps until starts are near; *return time* -1 / ln rho of small deviations; *reactivity* and
      *amplification*: how much small deviations grow before they fall, as they do where DF is not normal.
    - *basin entropy*: how uncertain it is where a start leads that is known up to a box.

    Args:
        system: the map; with a held input (``network.hold(input)``) pulses of each input are tried.
        found: its attractors.
        starts: [k, n], over which convergence and entropies are taken, and the first aims of shocks; by default uniform
            in the map's box.
        n: how many, where they are drawn.
        restarts: directions from which each shock is refined.
        rounds: of turning each; a descent that needs more shows by its alignment.
        pulse_steps: steps that a pulse lasts.
        largest_pulse: size up to which pulses are tried.
        entropy_radius: half the width of the boxes, as a share of what the starts span in each coordinate.
        settle: how states settle, as in ``find_attractors``.
        memory_budget: bytes for Jacobians at a time.
        seed: of starts, directions and boxes.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        A row an attractor. Distances are Euclidean, in the coordinates of the state. Ctrl-C ends it early: what was not
        measured by then is NaN, with a reason.

    Raises:
        ValueError: for attractors of another map or none, starts that do not fit, or none where no box is known.

    Source: shocks: Halekotte and Feudel 2020, doi:10.1038/s41598-020-68805-6; reactivity: Neubert and Caswell 1997,
    doi:10.1890/0012-9658(1997)078[0653:ATRFMT]2.0.CO;2; entropy: Daza et al. 2016, doi:10.1038/srep31416.
    """
    require_system(system)
    require_positive(n=n, memory_budget=memory_budget)
    states = starts_of(system, found, starts, n, seed)
    longest = (settle or Settle()).max_steps
    sides = Sides(system, found, settle, memory_budget, seed)
    measured = _Measured(found, system)
    entropy = BasinEntropy(torch.nan, torch.nan, torch.nan)
    with stoppable() as stop, Progress("resilience", progress, total=3 * len(found) + 2, unit="part") as bar:
        labels = sides(states)
        bar.update()
        for row in range(len(found)):
            measured.shares[row] = float((labels == row).double().mean())
        times = arrival_times(system, found, states, labels, longest)
        for row in range(len(found)):
            with measured.row(row):
                measured.convergence(row, times[labels == row])
                measured.deviations(row, system)
            bar.update()
        others = [
            torch.cat([states[left(labels, row).to(states.device)], _others(sides.attractors, row).to(states)])
            for row in range(len(found))
        ]
        for best in fatal_shocks(sides, others, restarts, rounds, seed):
            measured.shock(best)
        measured.shocked()
        bar.update(len(found))
        if isinstance(system, HeldMap) and len(system.input):
            measured.pulse(sides, system, pulse_steps, largest_pulse)
        bar.update(len(found))
        entropy = basin_entropy(sides, states, entropy_radius, _BOXES, _TRIALS, seed)
        go_on()
        bar.update()
    return measured.result(sides.attractors, entropy, entropy_radius, pulse_steps, largest_pulse, bool(stop))


def _others(attractors: Attractors, row: int) -> Tensor:
    return attractors.states[torch.arange(len(attractors)) != row]


@dataclass
class _Measured:
    """The columns, as far as they are."""

    found: Attractors
    system: AutonomousMap
    reasons: list[list[str]] = field(init=False)

    def __post_init__(self) -> None:
        a, size = len(self.found), self.found.states.shape[-1]
        m = len(self.system.input) if isinstance(self.system, HeldMap) else 0
        self.reasons = [[] for _ in range(a)]
        self._done = [0] * a

        def unknown(*shape: int) -> Tensor:
            return torch.full(shape, torch.nan, dtype=torch.float64)

        self.shares, self.alignments = unknown(a), unknown(a)
        self.shock_states, self.shocks = unknown(a, size), unknown(a, size)
        self.shock_targets = torch.full((a,), -1)
        self.mean_times, self.median_times, self.return_times = unknown(a), unknown(a), unknown(a)
        self.reactivities, self.amplifications = unknown(a), unknown(a)
        self.amplification_times = torch.full((a,), -1)
        self.pulses, self.pulse_targets = unknown(a, m, 2), torch.full((a, m, 2), -1)

    @contextmanager
    def row(self, row: int) -> Iterator[None]:
        """Work on a row, which counts as done if nothing stopped it."""
        yield
        go_on()
        self._done[row] += 1

    def convergence(self, row: int, times: Tensor) -> None:
        if not len(times):
            self.reasons[row].append("no start leads to it")
        elif bool(times.isnan().any()):
            self.reasons[row].append(
                f"{int(times.isnan().sum())} of {len(times)} starts did not come near in max_steps"
            )
        else:
            self.mean_times[row] = times.mean()
            self.median_times[row] = times.quantile(0.5)

    def deviations(self, row: int, system: AutonomousMap) -> None:
        orbit = self.found.orbits[row].to(dtype=system.dtype, device=system.device)
        if not bool(self.found.periods[row]):
            self.reactivities[row] = reactivity(system, orbit)
            self.reasons[row].append(f"deviations along a {self.found.kinds[row]} attractor do not fall")
            return
        growth = float(self.found.largest_exponents[row])
        self.return_times[row] = -1 / growth if growth < 0 else torch.nan
        grown = transient_growth(system, orbit)
        self.reactivities[row], self.amplifications[row] = grown.reactivity, grown.amplification
        if grown.amplification == grown.amplification:
            self.amplification_times[row] = grown.steps
        else:
            self.reasons[row].append(f"deviations had not died out after {grown.steps:,} steps")

    def shock(self, best: dict[int, Shock]) -> None:
        for row, shock in best.items():
            self.shock_states[row], self.shocks[row] = shock.state.cpu(), shock.change.cpu()
            self.shock_targets[row], self.alignments[row] = shock.target, shock.alignment

    def shocked(self) -> None:
        """All shocks were tried."""
        for row in range(len(self.found)):
            with self.row(row):
                if bool(self.shocks[row].isnan().any()):
                    self.reasons[row].append("no shock that was tried led elsewhere")

    def pulse(self, sides: Sides, system: HeldMap, steps: int, largest: float) -> None:
        self.pulses, self.pulse_targets = smallest_pulses(sides, system, len(self.found), steps, largest)
        for row, own in enumerate(self.pulses):
            with self.row(row):
                if missing := int(own.isnan().all(dim=1).sum()):
                    self.reasons[row].append(f"no pulse up to {largest:g} of {missing} inputs leaves it")

    def result(
        self, attractors: Attractors, entropy: BasinEntropy, radius: float, steps: int, largest: float, stopped: bool
    ) -> Resilience:
        parts = 3 if self.pulses.shape[1] else 2
        for row, done in enumerate(self._done):
            if done < parts:
                self.reasons[row].append("interrupted")
        found = self.found
        return Resilience(
            kinds=tuple(str(kind) for kind in found.kinds),
            periods=found.periods,
            states=found.states.cpu(),
            shares=self.shares,
            shock_states=self.shock_states,
            shocks=self.shocks,
            shock_targets=self.shock_targets,
            alignments=self.alignments,
            mean_times=self.mean_times,
            median_times=self.median_times,
            return_times=self.return_times,
            reactivities=self.reactivities,
            amplifications=self.amplifications,
            amplification_times=self.amplification_times,
            pulses=self.pulses,
            pulse_targets=self.pulse_targets,
            reasons=tuple("; ".join(dict.fromkeys(reasons)) for reasons in self.reasons),
            entropy=entropy.entropy,
            boundary_entropy=entropy.boundary_entropy,
            boundary_share=entropy.boundary_share,
            entropy_radius=radius,
            pulse_steps=steps,
            largest_pulse=largest,
            attractors=attractors,
            notes=self.system.notes,
            interrupted=stopped,
        )
