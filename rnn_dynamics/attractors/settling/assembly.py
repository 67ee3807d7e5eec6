"""From settled rows to the result: who settled where, in an order that does not depend on the starts."""

import torch

from ...fixed_points import Continuum, SlowPoints, slow_points
from ...progress import doing
from ...roots import SpeedMinimizer, residual_norms
from ...systems import HeldMap
from ..outcomes import Fate
from ..results import Attractors
from .detector import Entry
from .loop import Settled

_DESCENDED = 64
"""So many of the starts that still drift are followed down to the ghost below them."""


@doing("evidence")
def assemble(settled: Settled) -> Attractors:
    """The result of a settling that is over; attractors known before come first, as they were."""
    entries = [entry for detector in settled.detectors for entry in detector.entries()]
    known = {entry.known: entry for entry in entries if entry.known is not None}
    fresh = [entry for entry in entries if entry.known is None and len(entry.rows)]
    fresh.sort(key=lambda entry: entry.order(settled.limits.units))
    return _result(settled, [known[row] for row in sorted(known)] + fresh)


def _result(settled: Settled, entries: list[Entry]) -> Attractors:
    system, n = settled.system, settled.system.state_size
    labels = torch.full((len(settled.rows.states),), -1)
    for index, entry in enumerate(entries):
        labels[entry.rows.cpu()] = index
    slow, manifolds = _ghosts(settled)
    firsts = [entry.orbit[0] for entry in entries]
    return Attractors(
        kinds=tuple(entry.kind for entry in entries),
        periods=torch.tensor([len(entry.orbit) if entry.kind.periodic else 0 for entry in entries], dtype=torch.long),
        mean_periods=torch.tensor([entry.mean_period for entry in entries], dtype=torch.float64),
        states=torch.stack(firsts) if firsts else settled.rows.states.new_empty(0, n),
        orbits=tuple(entry.orbit for entry in entries),
        evidence=tuple(entry.evidence for entry in entries),
        labels=labels,
        fates=settled.rows.fates.cpu(),
        ends=settled.rows.states,
        speeds=residual_norms(system, settled.rows.states).cpu(),
        times=settled.rows.times.cpu(),
        running=(settled.rows.running & (settled.rows.fates >= 0).unsqueeze(-1)).cpu(),
        slow=slow,
        slow_manifolds=tuple(manifolds),
        held_input=system.input if isinstance(system, HeldMap) and len(system.input) else None,
        work=(settled.rows.plain_work, settled.rows.implicit_work),
        interrupted=settled.interrupted,
    )


def _ghosts(settled: Settled) -> tuple[SlowPoints, list[Continuum]]:
    """The minima of the speed below rows that still drift, and the manifolds that these rows line up along."""
    drifting = settled.rows.states[settled.rows.fates == Fate.DRIFTING][:_DESCENDED]
    if not len(drifting):
        none = settled.rows.states.new_empty(0)
        return SlowPoints(settled.rows.states[:0], none, torch.empty(0, dtype=torch.long)), []
    budget, units = settled.limits.memory_budget, settled.limits.units
    result = SpeedMinimizer().solve(settled.system, drifting, max_steps=40, memory_budget=budget, units=units)
    return slow_points(settled.system, result, units, budget)
