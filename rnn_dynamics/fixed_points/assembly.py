"""From a pool of distinct roots to the result: spectra, continua, slow points, labels."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..progress import doing
from ..roots import Reason, RootResult, Status, residual_norms
from ..stability import kinds, n_unstable
from ..systems import AutonomousMap, ranks
from .completeness import Completeness, Round, index_sum, unseen_estimate
from .continua import Continuum, describe, fades_out, find_continua
from .growing import DEGENERATE, grow_continua
from .kinks import on_kink
from .pool import Pool
from .results import FixedPoints
from .slow import slow_points
from .spectra import eigenvalues_of, input_jacobians_of, modes_of


@dataclass
class Analysis:
    """The continua among the pool, which of its points are isolated or on a kink, and the index sum."""

    lines: tuple[Continuum, ...]
    isolated: Tensor
    on_kink: Tensor
    index_sum: int | None
    reason: str

    @property
    def objects(self) -> tuple[int, int]:
        """How many isolated points, how many continua."""
        return int(self.isolated.sum()), len(self.lines)


@doing("continua and index sum")
def analyse(
    system: AutonomousMap,
    pool: Pool,
    tolerance: float,
    memory_budget: int,
    starts: Tensor,
    known: tuple[Continuum, ...] = (),
) -> Analysis:
    """What the pool holds, found from ``starts``; ``known`` continua are not walked again."""
    eigenvalues = eigenvalues_of(system, pool.states, memory_budget)
    neutral = ((eigenvalues - 1).abs() <= max(tolerance, 1e-5)).any(dim=-1)
    grown = grow_continua(system, pool.states, neutral, pool.units, memory_budget, starts, known)
    isolated = (grown.owner < 0) & ~grown.fading
    lines = grown.continua
    # Where DF - I has more neutral directions than the continuum has dimensions, none was walked: samples must do.
    rows = (isolated & neutral).nonzero().squeeze(-1)
    for group in find_continua(system, pool.states[rows], pool.residuals[rows]):
        members = rows[group.cpu()]
        isolated[members] = False
        if fades_out(pool.states[members], pool.residuals[members]):
            across = (pool.states[members] / pool.units).cpu()
            if bool((across.amax(dim=0) - across.amin(dim=0) <= DEGENERATE).all()):  # a root of high order
                isolated[members[pool.residuals[members].argmin().cpu()]] = True
        else:
            lines = (*lines, describe(pool.states[members], pool.residuals[members], 0, system))
    kinked = on_kink(system, pool.states, pool.units, memory_budget)
    total: int | None = None
    if lines:
        # Beside the samples themselves, what lies between them: a long continuum is thinned before it is examined.
        isolated[rows[nearest_line(pool.states[rows], [line.states for line in lines]) >= 0]] = False
        reason = "fixed points form a continuum, so indices are undefined"
    elif kinked.any():
        reason = "F has a kink at a fixed point, so its index is undefined"
    else:
        total, reason = index_sum(system, pool.states, eigenvalues, tolerance)
    return Analysis(lines, isolated, kinked, total, reason)


@doing("spectra and slow points")
def assemble(
    system: AutonomousMap,
    pool: Pool,
    analysis: Analysis,
    first: RootResult,
    rounds: tuple[Round, ...],
    tolerance: float,
    starts: Tensor,
    memory_budget: int,
    interrupted: bool,
    modes: int | None,
) -> FixedPoints:
    if len(analysis.isolated) != len(pool.states):  # Ctrl-C came between the two
        analysis = analyse(system, pool, tolerance, memory_budget, starts)
    rows = analysis.isolated.nonzero().squeeze(-1)
    states = pool.states[rows]
    leading = modes_of(system, states, memory_budget, modes)
    unstable = n_unstable(leading.eigenvalues, tolerance)
    # Stable first; within a class by coordinates, so that the order does not depend on the starts.
    coordinates = ranks(states, pool.units)
    order = sorted(range(len(rows)), key=lambda row: (int(unstable[row]), coordinates[row]))
    position = torch.tensor(order, dtype=torch.long)
    rows, states = rows[position], states[position.to(states.device)]

    labels = _labels(pool, rows)
    refused = (first.statuses == Status.FOUND) & (pool.ends < 0)
    hits = torch.bincount(labels[labels >= 0], minlength=len(rows))
    slow, slow_lines = slow_points(system, first, pool.units, memory_budget, tolerance)
    elsewhere = first.states[(first.statuses == Status.FOUND) & ~refused & (labels < 0).to(first.states.device)]
    on_line = nearest_line(elsewhere, [line.states for line in analysis.lines])
    continua = [replace(line, hits=int((on_line == index).sum())) for index, line in enumerate(analysis.lines)]
    return FixedPoints(
        states=states,
        residuals=residual_norms(system, states),
        eigenvalues=leading.eigenvalues[position],
        right_eigenvectors=leading.right_eigenvectors[position],
        left_eigenvectors=leading.left_eigenvectors[position],
        input_jacobians=input_jacobians_of(system, states, memory_budget),
        kinds=kinds(leading.eigenvalues[position], tolerance, analysis.on_kink[rows]),
        marginal_tolerance=tolerance,
        hits=hits,
        origins=tuple(pool.origins[row] for row in rows.tolist()),
        labels=labels,
        reasons=torch.where(refused, int(Reason.FADING), first.reasons).cpu(),
        slow=slow,
        continua=tuple(continua + slow_lines),
        completeness=Completeness(
            analysis.index_sum, analysis.reason, unseen_estimate(pool.times[rows]), rounds, interrupted
        ),
    )


def nearest_line(states: Tensor, lines: list[Tensor]) -> Tensor:
    """For each state the continuum that it lies on, no further from a sample than samples are apart; else -1."""
    owner = torch.full((len(states),), -1)
    best = torch.full((len(states),), torch.inf, dtype=states.dtype, device=states.device)
    for index, samples in enumerate(lines):
        spacing = samples.diff(dim=0).norm(dim=-1).max()
        parts = [torch.cdist(part, samples).min(dim=-1).values for part in states.split(4096)]
        distance = torch.cat(parts) if parts else best
        nearer = (distance <= spacing) & (distance < best)
        best = torch.where(nearer, distance, best)
        owner[nearer.cpu()] = index
    return owner


def _labels(pool: Pool, rows: Tensor) -> Tensor:
    """For each of the user's starts the place in ``rows`` [p] of the pool's point that it ended at, or -1."""
    place = torch.full((len(pool.states) + 1,), -1)
    place[rows] = torch.arange(len(rows))
    return place[pool.ends.cpu()]  # -1 is the last
