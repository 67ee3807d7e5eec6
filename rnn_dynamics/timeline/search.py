"""A training as a bifurcation problem: all fixed points followed from checkpoint to checkpoint."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Annotated

import torch
from torch import Tensor

from ..checks import ArrayLike, CheckedInside, Size, as_rows, checked, require_positive, whole_number
from ..families import held_input
from ..fixed_points import FixedPoints, find_fixed_points, index_sum
from ..progress import Progress
from ..stopping import stoppable
from ..systems import DEFAULT_MEMORY_BUDGET, DrivenMap, HeldMap, Reading, sample_states, walk_units
from ..tracking import Ahead, Event, InvariantSet, Observation, match, sets_of_points, table, with_sets
from .inputs import Checkpoints, Losses, Stage, losses_of, stages_of
from .links import Link, ahead_of, crossing_events, linked
from .results import TrainingBifurcations

_SEQUENCES, _TIME = 32, 50
"""Gaussian input sequences, and their length, whose states the search starts from."""

_NOISE = 0.5
"""Of those states: it spreads them over the box, where saddles are found too."""

_FURTHER = 4
"""Times as many starts as given are allowed for the search's own rounds, as in a tracker."""


@checked
@torch.no_grad()
def training_bifurcations(
    checkpoints: Annotated[Checkpoints, CheckedInside()],
    *,
    input: ArrayLike | None = None,
    starts: ArrayLike | None = None,
    losses: Losses | None = None,
    n_starts: Size = 512,
    prefix: str | None = None,
    cell: str | None = None,
    nonlinearity: str | None = None,
    alpha: float | None = None,
    leak: str | None = None,
    seed: int = 0,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    progress: bool | None = None,
) -> TrainingBifurcations:
    """Follow all fixed points of a network through its training, and tell every bifurcation that they pass.

    From each checkpoint to the next the weights go along the straight line W(t) = (1 - t) W_before + t W_after, on
    which F(h, t) = h is a bifurcation problem with one parameter: ``follow`` continues every fixed point forwards, and
    back those that none led to. A search at each checkpoint starts from where the known ones went and from fresh
    states. What it finds late is followed back, checkpoint by checkpoint, and entered there. Between checkpoints the
    training itself went another way, to which more checkpoints come nearer. A pair that is born and dies within one
    interval is not seen, nor are multipliers that cross and come back between two of eight looks on the way
    (see ``follow``).

    Args:
        checkpoints: a folder of weights (see ``tracking.checkpoint_files``), such as a run of ``train`` with
            ``snapshot_every`` or a seed's folder in it; or a sequence of (step, module, map or file), steps rising. All
            weights are held in memory.
        input: held, [m]; zeros by default: what the network remembers while nothing comes.
        starts: [k, n], for the search at every checkpoint; by default ``n_starts`` states along trajectories under
            Gaussian inputs, spread by noise of 0.5.
        losses: at each checkpoint, [o]; or (step, loss) pairs, a mapping or Series by step, interpolated linearly. By
            default what a run's folder has: the losses of all updates (``state.pt``), averaged over those nearest to
            each checkpoint, or validation losses of epochs (``history.csv``), interpolated.
        n_starts: starts of each search; 512, as in ``AttractorTracker``. The search adds up to four times as many.
        prefix, cell, nonlinearity, alpha, leak: of ``read_checkpoint``, for files.
        seed: of the starts, other ones at each checkpoint.
        memory_budget: bytes for Jacobians at a time.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        ``TrainingBifurcations``. Events are located to 1e-7 of their interval or better. Ctrl-C ends it early and
        keeps the checkpoints done by then (``interrupted``).

    Raises:
        ValueError: for a folder without checkpoints or with several seeds, networks of several architectures (naming
            the file) or of plain functions, steps that do not rise, weights that are not finite, an input, starts or
            losses of the wrong shape.

    Source: the question is that of Eisenmann, Monfared, Goering and Durstewitz (2023), Bifurcations and loss jumps in
    RNN training, arXiv 2310.17561; following: see ``follow``.
    """
    require_positive(memory_budget=memory_budget)
    n_starts, seed = whole_number(n_starts, "n_starts", 1), whole_number(seed, "seed", 0)
    stages = stages_of(checkpoints, Reading(prefix, cell, nonlinearity, alpha, leak))
    held = held_input(stages[0].network, input)
    curve = losses_of(losses, checkpoints, [stage.step for stage in stages])
    given = None
    if starts is not None:
        size = stages[0].network.state_size
        given = as_rows(starts, "starts", size, dtype=torch.float64, device=stages[0].network.device)
    builder = _Builder(held, given, n_starts, seed, memory_budget)
    with stoppable() as stop, Progress("checkpoints", progress, total=len(stages), unit="checkpoint") as bar:
        for stage in bar.counting(stages):
            builder.add(stage)
            bar.note(fixed_points=len(builder.done[-1].rows))
    observations = tuple(_observed(stage, held) for stage in builder.done)
    return TrainingBifurcations(
        observations=observations,
        events=_events(observations, builder.done),
        losses=curve.at[: len(observations)],
        loss_steps=curve.steps,
        loss_curve=curve.values,
        units=_units(builder.done, held).cpu(),
        loss_name=curve.name,
        interrupted=bool(stop),
    )


@dataclass(frozen=True, eq=False)
class _Done:
    """A checkpoint whose fixed points are known, and how those before led to them."""

    stage: Stage
    system: HeldMap
    rows: list[InvariantSet]
    link: Link | None
    lines: bool
    """Whether there are lines or sheets of fixed points, so that no index sum applies."""


@dataclass
class _Builder:
    """The timeline up to some checkpoint; each is added whole or, on Ctrl-C, not at all."""

    held: Tensor
    starts: Tensor | None
    n_starts: int
    seed: int
    memory_budget: int
    done: list[_Done] = field(default_factory=list)

    def add(self, stage: Stage) -> None:
        """Search, follow and enter one more checkpoint."""
        system = HeldMap(stage.network, self.held)
        ahead = ahead_of(self.done[-1].system, system, self.done[-1].rows) if self.done else None
        points = self._found(system, ahead)
        if points.interrupted:
            raise KeyboardInterrupt  # a part of the points is no checkpoint
        rows = sets_of_points(points)
        link = None
        if ahead is not None:
            rows, link = linked(ahead, system, rows)
        grown = [*self.done, _Done(stage, system, rows, link, bool(points.continua))]
        self.done = _completed(grown)

    def _found(self, system: HeldMap, ahead: Ahead | None) -> FixedPoints:
        fresh = self._spread(system.network) if self.starts is None else self.starts
        known = [] if ahead is None else ahead.arrived_points
        return find_fixed_points(
            system,
            torch.cat([*(state[None] for state in known), fresh]),
            extra_starts=_FURTHER * len(fresh),
            memory_budget=self.memory_budget,
            seed=self.seed + len(self.done),
        )

    def _spread(self, network: DrivenMap) -> Tensor:
        """States along trajectories; of those that leave every bound, noise alone."""
        generator = torch.Generator().manual_seed(self.seed + len(self.done))
        size = (_SEQUENCES, _TIME, network.input_size)
        sequences = torch.randn(size, generator=generator, dtype=torch.float64)
        states = sample_states(network, sequences, self.n_starts, noise=_NOISE, seed=generator)
        noise = torch.randn(states.shape, generator=generator, dtype=torch.float64).to(states)
        return torch.where(states.isfinite().all(dim=-1, keepdim=True), states, noise)


def _units(done: list[_Done], held: Tensor) -> Tensor:
    states = [row.orbit for stage in done for row in stage.rows]
    if not states:
        return held.new_ones(done[0].system.state_size if done else 0)
    return walk_units(done[0].system, torch.cat(states).to(held))


def _completed(done: list[_Done]) -> list[_Done]:
    """Enter what was found late at the checkpoints where it was already, and link those anew."""
    done = list(done)
    last = lowest = len(done) - 1
    while lowest > 0:
        link = done[lowest].link
        assert link is not None
        earlier = done[lowest - 1]
        rows = with_sets(earlier.system, earlier.rows, [(1, state) for state in link.missed])
        if len(rows) == len(earlier.rows):
            break
        lowest -= 1
        done[lowest] = replace(earlier, rows=rows)
        if lowest > 0:
            done[lowest] = _linked_anew(done[lowest - 1], done[lowest])
    for index in range(lowest + 1, last + 1):
        done[index] = _linked_anew(done[index - 1], done[index])
    return done


def _linked_anew(earlier: _Done, later: _Done) -> _Done:
    rows, link = linked(ahead_of(earlier.system, later.system, earlier.rows), later.system, later.rows)
    return replace(later, rows=rows, link=link)


def _observed(done: _Done, held: Tensor) -> Observation:
    """The checkpoint as a tracker would have seen it that looks for fixed points alone."""
    total: int | None = None
    if done.rows and not done.lines:
        states = torch.cat([row.orbit for row in done.rows])
        total, _ = index_sum(done.system, states, torch.stack([row.multipliers for row in done.rows]))
    return Observation(
        step=done.stage.step,
        scalars=(),
        vaa=math.nan,
        n=0,
        horizon=0,
        held_input=held.cpu(),
        sets=table(done.rows),
        outcomes=(0, 0, 0, 0),
        n_fixed_points=len(done.rows),
        index_sum=total,
        passage=None if done.link is None else done.link.passage,
        seconds=math.nan,
        cut_off=False,
    )


def _events(observations: tuple[Observation, ...], done: Iterable[_Done]) -> tuple[Event, ...]:
    """Births and deaths as matching tells them, and every crossing; what no crossing explains stays unresolved."""
    if not observations:
        return ()
    identities = match(observations)
    events: list[Event] = []
    links = [stage.link for stage in done]
    for index in range(1, len(observations)):
        link = links[index]
        assert link is not None
        steps = observations[index - 1].step, observations[index].step
        crossings = crossing_events(link, (identities.labels[index - 1], identities.labels[index]), steps)
        explained = {event.identity for event in crossings if event.kind in ("stable", "unstable")}
        told = [
            event
            for event in identities.events
            if event.step == steps[1] and (event.kind not in ("stable", "unstable") or event.identity not in explained)
        ]
        events += sorted([*told, *crossings], key=lambda event: event.at if math.isfinite(event.at) else event.step)
    return tuple(events)
