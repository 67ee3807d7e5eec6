"""From settled rows to the result: who settled where, in an order that does not depend on the starts."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...fixed_points import Continuum, SlowPoints, describe, find_continua, merge, nearest_line, slow_points
from ...progress import doing
from ...roots import SpeedMinimizer, residual_norms
from ...stability import MARGINAL_TOLERANCE
from ...systems import HeldMap, ranks, relative
from ..outcomes import Fate
from ..results import KINDS, Attractors, Evidence
from .loop import Settled
from .periodic import Periodic
from .recurrent import MovingOrbit

_DESCENDED = 64
"""So many of the starts that still drift are followed down to the ghost below them."""


@dataclass(eq=False)
class _Entry:
    """One attractor and the starts on it."""

    kind: str
    orbit: Tensor
    evidence: Evidence
    rows: Tensor
    mean_period: float = math.nan

    def order(self, units: Tensor) -> tuple[int, int, list[float]]:
        return KINDS.index(self.kind), len(self.orbit), ranks(self.orbit[:1], units)[0]


@doing("evidence")
def assemble(settling: Settled, known: Attractors | None) -> Attractors:
    """The result of a settling that is over; rows of ``known`` come first, as they were."""
    kinds = () if known is None else known.kinds
    periodic = [row for row, kind in enumerate(kinds) if kind in ("fixed point", "cycle")]
    wandering = [row for row, kind in enumerate(kinds) if kind in ("circle", "torus", "chaotic")]
    cycles = [_periodic_entry(settling, index) for index in range(len(settling.cycles))]
    orbits = [_moving_entry(settling, index) for index in range(len(settling.orbits))]
    entries: dict[int, _Entry] = {}
    if known is not None:
        entries |= {row: _as_known(known, row, cycles[i].rows) for i, row in enumerate(periodic)}
        entries |= {row: _as_known(known, row, orbits[i].rows) for i, row in enumerate(wandering)}
        none = torch.empty(0, dtype=torch.long)
        entries |= {row: _as_known(known, row, none) for row, kind in enumerate(kinds) if kind == "continuum"}
    fresh = cycles[len(periodic) :] + orbits[len(wandering) :]
    fresh += _resting_entries(settling, [entry for _, entry in sorted(entries.items()) if entry.kind == "continuum"])
    fresh = sorted((entry for entry in fresh if len(entry.rows)), key=lambda entry: entry.order(settling.limits.units))
    return _result(settling, [entries[row] for row in sorted(entries)] + fresh)


def _as_known(known: Attractors, row: int, rows: Tensor) -> _Entry:
    period = float(known.mean_periods[row])
    return _Entry(known.kinds[row], known.orbits[row], known.evidence[row], rows, period)


def _periodic_entry(settling: Settled, index: int) -> _Entry:
    cycle = settling.cycles[index]
    others = [other.orbit for position, other in enumerate(settling.cycles) if position != index]
    return _Entry(
        "fixed point" if cycle.period == 1 else "cycle",
        cycle.orbit,
        _periodic_evidence(settling, cycle, torch.cat(others) if others else cycle.orbit[:0]),
        (settling.rows.cycle == index).nonzero().squeeze(-1),
        float(cycle.period),
    )


def _periodic_evidence(settling: Settled, cycle: Periodic, others: Tensor) -> Evidence:
    exponents = cycle.multipliers.abs().log() / cycle.period
    margin = float(1 - cycle.multipliers[0].abs()) / MARGINAL_TOLERANCE
    first = cycle.orbit[0]
    limits = settling.limits
    for apart in (others, cycle.orbit[1:]):
        if len(apart):
            nearest = float(relative(apart - first, first, limits.units).min())
            margin = min(margin, nearest / limits.merge_tolerance)
    return Evidence(
        residual=cycle.residual,
        multipliers=cycle.multipliers,
        exponents=exponents,
        exponent_errors=torch.zeros_like(exponents),
        weighted_exponents=exponents,
        dwell=cycle.trap.watched,
        matched="follows the linearisation",
        margin=margin,
    )


def _moving_entry(settling: Settled, index: int) -> _Entry:
    orbit = settling.orbits[index]
    rows = (settling.rows.orbit == index).nonzero().squeeze(-1)
    others = [other for other in settling.orbits if other is not settling.orbits[index] and other.kind is not None]
    return _Entry(str(orbit.kind), orbit.samples, _moving_evidence(orbit, others), rows, orbit.period)


def _moving_evidence(orbit: MovingOrbit, others: list[MovingOrbit]) -> Evidence:
    if orbit.known:  # one that was known before brings its evidence along
        none = torch.empty(0, dtype=torch.float64)
        return Evidence(torch.nan, none, none, none, none, 0, "", orbit.margin)
    spectrum = orbit.spectrum
    return Evidence(
        residual=torch.nan,
        multipliers=torch.empty(0, dtype=torch.complex128),
        exponents=spectrum.exponents[0].double(),
        exponent_errors=spectrum.errors[0].double(),
        weighted_exponents=spectrum.weighted[0].double(),
        dwell=orbit.total,
        matched="moves among its samples",
        margin=min([orbit.margin, *(orbit.separation(other) for other in others)]),
    )


def _resting_entries(settling: Settled, known: list[_Entry]) -> list[_Entry]:
    """Rows that came to rest where no multiplier attracts: lines and sheets of fixed points, marginal points."""
    rows = (settling.rows.rested & (settling.rows.fates < 0)).nonzero().squeeze(-1)
    if not len(rows):
        return []
    settling.rows.fates[rows] = Fate.SETTLED
    rows = _on_known_lines(settling, rows, known)
    states = settling.rows.states[rows]
    speeds = residual_norms(settling.system, states)
    entries = []
    lines = find_continua(settling.system, states, speeds)
    on_line = nearest_line(states, [states[line] for line in lines])
    for index, line in enumerate(lines):
        members = rows[(on_line == index).to(rows.device)]
        if len(members):
            entries.append(_continuum_entry(settling, describe(states[line], speeds[line], len(members)), members))
    alone = (on_line < 0).nonzero().squeeze(-1).to(rows.device)
    # Convergence to a degenerate root is slow, so that what rests near it is spread by far more than its residual.
    reach = torch.full_like(speeds[alone], 100 * settling.limits.merge_tolerance)
    flat = settling.rows.flat(states[alone])
    representative = merge(flat, speeds[alone], reach, settling.limits.merge_tolerance)
    for best in representative.unique().tolist():
        members = rows[alone[representative == best]]
        entries.append(_marginal_entry(settling, states[alone[best]], float(speeds[alone[best]]), members))
    return entries


def _on_known_lines(settling: Settled, rows: Tensor, known: list[_Entry]) -> Tensor:
    """Give resting rows to continua found before; returns the others."""
    states = settling.rows.states[rows]
    owner = nearest_line(states, [entry.orbit.to(states) for entry in known]).to(rows.device)
    for index, entry in enumerate(known):
        entry.rows = rows[owner == index]
    return rows[owner < 0]


def _continuum_entry(settling: Settled, continuum: Continuum, rows: Tensor) -> _Entry:
    middle = continuum.states[len(continuum.states) // 2]
    evidence = _rest_evidence(settling, middle, float(continuum.speeds.max()), torch.inf)
    return _Entry("continuum", continuum.states, evidence, rows)


def _marginal_entry(settling: Settled, state: Tensor, residual: float, rows: Tensor) -> _Entry:
    evidence = _rest_evidence(settling, state, residual, 1.0)
    return _Entry("fixed point", state.unsqueeze(0), evidence, rows, 1.0)


def _rest_evidence(settling: Settled, state: Tensor, residual: float, margin: float) -> Evidence:
    values = settling.system.linearize(state[None])[1].eigenvalues()[0].cpu().to(torch.complex128)
    exponents = values.abs().log()
    zero = torch.zeros_like(exponents)
    return Evidence(residual, values, exponents, zero, exponents, 1, "came to rest on it", margin)


def _result(settling: Settled, entries: list[_Entry]) -> Attractors:
    system, n = settling.system, settling.system.state_size
    labels = torch.full((len(settling.rows.states),), -1)
    for index, entry in enumerate(entries):
        labels[entry.rows.cpu()] = index
    slow, manifolds = _ghosts(settling)
    firsts = [entry.orbit[0] for entry in entries]
    return Attractors(
        kinds=tuple(entry.kind for entry in entries),
        periods=torch.tensor(
            [len(entry.orbit) if entry.kind in ("fixed point", "cycle") else 0 for entry in entries], dtype=torch.long
        ),
        mean_periods=torch.tensor([entry.mean_period for entry in entries], dtype=torch.float64),
        states=torch.stack(firsts) if firsts else settling.rows.states.new_empty(0, n),
        orbits=tuple(entry.orbit for entry in entries),
        evidence=tuple(entry.evidence for entry in entries),
        labels=labels,
        fates=settling.rows.fates.cpu(),
        ends=settling.rows.states,
        speeds=residual_norms(system, settling.rows.states).cpu(),
        times=settling.rows.times.cpu(),
        running=(settling.rows.running & (settling.rows.fates >= 0).unsqueeze(-1)).cpu(),
        slow=slow,
        slow_manifolds=tuple(manifolds),
        held_input=system.input if isinstance(system, HeldMap) and len(system.input) else None,
        work=(settling.rows.plain_work, settling.rows.implicit_work),
        interrupted=settling.interrupted,
    )


def _ghosts(settling: Settled) -> tuple[SlowPoints, list[Continuum]]:
    """The minima of the speed below rows that still drift, and the manifolds that these rows line up along."""
    drifting = settling.rows.states[settling.rows.fates == Fate.DRIFTING][:_DESCENDED]
    if not len(drifting):
        none = settling.rows.states.new_empty(0)
        return SlowPoints(settling.rows.states[:0], none, torch.empty(0, dtype=torch.long)), []
    budget, units = settling.limits.memory_budget, settling.limits.units
    result = SpeedMinimizer().solve(settling.system, drifting, max_steps=40, memory_budget=budget, units=units)
    return slow_points(settling.system, result, units, budget)
