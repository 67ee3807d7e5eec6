"""Limit cycles: orbits that move like a flow and close on themselves after a turn of many steps.

Plain steps of one orbit show the turn and its convergence; tangents are carried round it only once.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ....systems import AutonomousMap, sizes
from ...lyapunov import LyapunovSpectrum, carry_tangents, random_tangents
from ...results import FLOW_LIKE
from ..starts import Limits
from .orbit import EVERY, EXPONENTS, MovingOrbit
from .samples import as_curve, compare_turn

_FIRST, _LONGEST = 1024, 8
"""Steps that are looked at first, half as many again each time, up to eight times ``max_steps``: of one row only."""

_NEAR = 0.2
"""Crossings of the section within this share of the extent are returns."""

_TURNS, _LOOPS = 3, 8
"""Turns that must agree; a turn may go round up to eight times before it closes."""

_IN_VAIN = 32
"""Returns after which an orbit that has not closed is left to its exponents."""

_CLOSED, _SETTLED = 1e-4, 1e-3
"""A turn closes if it misses by this share of the extent, and all turns to come, at this rate, will move by no more."""

_ATTRACTS, _NEUTRAL = 0.01, 1e-3
"""A limit cycle attracts if one turn takes 1 % of a distance away at least; less than a thousandth is neither."""

_FEWEST, _KEPT = 256, 2048
"""Samples of a limit cycle."""


@dataclass(frozen=True)
class Turn:
    """How an orbit returns to where it is."""

    steps: float
    """Of one turn."""

    closed: bool
    returns: int
    """Crossings of the section near the last state."""

    left: float
    """By what share of the extent all turns to come will move, at the present rate."""

    rate: float = 0.0
    """What a turn leaves of how far the one before missed; 0 where that is too little to be seen."""


def last_turn(path: Tensor) -> Turn | None:
    """The turn that ends at the last state of ``path`` [t, n], in units of each coordinate; None if it is no flow's.

    Returns are where the path crosses, forwards and near by, the plane through the last state across the last step.
    """
    here, velocity = path[-1], path[-1] - path[-2]
    away = (path - here).norm(dim=-1)
    extent = float(away[len(away) // 2 :].max())
    speeds = path[len(path) // 2 :].diff(dim=0).norm(dim=-1)
    if not 0 < float(speeds.max()) < 4 * math.pi * extent / FLOW_LIKE or not float(velocity.norm()) > 0:
        return None
    ahead = (path - here) @ (velocity / velocity.norm())
    crosses = (ahead[1:-2] < 0) & (ahead[2:-1] >= 0) & (away[1:-2] <= _NEAR * extent)
    crossings = (crosses.nonzero().squeeze(-1) + 1).flip(0)[: 4 * _IN_VAIN]
    if not len(crossings):
        return Turn(math.inf, False, 0, math.inf)
    shares, points, doubts = _interpolated(path, ahead, crossings)
    times = torch.cat([crossings.new_tensor([len(path) - 1]).double(), crossings.double() + shares])
    points = torch.cat([here[None], points])
    floor = 1e-9 + 2 * float(doubts.max()) / extent
    for loops in range(1, _LOOPS + 1):
        if _TURNS * loops >= len(times):
            break
        steps = float(times[0] - times[loops])
        if steps < FLOW_LIKE:
            continue
        misses = (points[: (_TURNS - 1) * loops + 1 : loops] - points[loops::loops][:_TURNS]).norm(dim=-1) / extent
        last, before = float(misses[0]), float(misses[1])
        rate = min(last / max(before, 1e-300), 1.0)
        left = 0.0 if last <= floor else last * rate / max(1 - rate, 1e-12)
        if last <= max(_CLOSED, floor) and left <= _SETTLED and float(misses[1:].max()) <= 10 * _CLOSED:
            return Turn(steps, True, len(crossings), max(left, floor), rate if last > floor else 0.0)
    return Turn(float(times[0] - times[1]), False, len(crossings), math.inf)


def _interpolated(path: Tensor, ahead: Tensor, crossings: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where between steps t and t + 1 the cubic through four steps crosses, [c], the states there, [c, n], and by how
    much these differ from the parabola's, [c].
    """
    around = crossings.unsqueeze(1) + torch.arange(-1, 3, device=crossings.device)
    heights, states = ahead[around], path[around]
    low, high = torch.zeros_like(heights[:, 0]), torch.ones_like(heights[:, 0])
    for _ in range(40):
        middle = (low + high) / 2
        below = (_cubic(middle) * heights).sum(dim=1) < 0
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    third = states[:, 3] - 3 * states[:, 2] + 3 * states[:, 1] - states[:, 0]
    doubts = ((low + 1) * low * (1 - low) / 6).abs() * third.norm(dim=-1)
    return low.double(), (_cubic(low).unsqueeze(-1) * states).sum(dim=1), doubts


def _cubic(u: Tensor) -> Tensor:
    """Lagrange's weights of the values at -1, 0, 1 and 2 for the value at u [c], [c, 4]."""
    return torch.stack(
        [
            -u * (u - 1) * (u - 2) / 6,
            (u + 1) * (u - 1) * (u - 2) / 2,
            -(u + 1) * u * (u - 2) / 2,
            (u + 1) * u * (u - 1) / 6,
        ],
        dim=1,
    )


class TurnSearch:
    """One orbit whose plain steps are looked at, ever longer, until it closes or shows that it will not."""

    def __init__(self, state: Tensor, limits: Limits) -> None:
        held = limits.memory_budget // (8 * len(state) * (torch.finfo(state.dtype).bits // 8))
        self.units, self.most = limits.units, min(_LONGEST * limits.settle.max_steps, held)
        self._parts = [state[None]]
        self.steps = 0
        self.turn: Turn | None = None
        self.over = False

    def run_on(self, system: AutonomousMap, steps: int) -> int:
        """Go on to ``steps`` in all; returns how many were taken."""
        begin = self.steps
        while not self.over and self.steps < steps:
            count = max(_FIRST, self.steps // 2)
            self._extend(system, count)
            path = self.path
            if not path[-1].isfinite().all():
                self.over = True
                break
            size = sizes(path[len(path) // 2 :], self.units).amax(dim=0)
            self.turn = last_turn(path / size)
            self.over = self.turn is None or self.turn.closed or self.turn.returns > _IN_VAIN
            self.over |= self.steps >= self.most
        return self.steps - begin

    def _extend(self, system: AutonomousMap, count: int) -> None:
        state, states = self._parts[-1][-1:], []
        for _ in range(count):
            state = system(state)
            states.append(state)
        self._parts.append(torch.cat(states))
        self.steps += count

    @property
    def path(self) -> Tensor:
        return torch.cat(self._parts)

    @property
    def closed(self) -> bool:
        return self.turn is not None and self.turn.closed


def closed_orbit(system: AutonomousMap, search: TurnSearch, limits: Limits) -> MovingOrbit:
    """The limit cycle that an orbit has closed on, with its exponents from one turn.

    Its kind is "circle"; "contracting" if the turn itself contracts, as on a cycle of that many steps; "neutral" if it
    neither attracts nor repels; None if neither is clear.
    """
    turn, path = search.turn, search.path
    assert turn is not None
    steps = math.ceil(turn.steps)
    state = path[-1]
    size = sizes(path[-steps:], search.units).amax(dim=0)
    velocity = (system(state[None]) - state[None]) / size
    count = min(len(state), EXPONENTS)
    others = random_tangents(state[None], count, limits.seed)
    first = torch.linalg.qr(torch.cat([velocity.unsqueeze(-1), others], dim=-1)[..., :count])[0]
    tangents = first * size.unsqueeze(-1)
    ahead, tangents, _ = carry_tangents(system, state[None], tangents, steps, EVERY, limits.memory_budget)
    whole = math.floor(turn.steps)
    more, tangents, growth = carry_tangents(system, ahead[-1], tangents, whole, EVERY, limits.memory_budget)
    after, tangents, rest = carry_tangents(system, more[-1], tangents, 1, 1, limits.memory_budget)
    lengths = torch.full((len(growth), 1), float(EVERY), dtype=growth.dtype, device=growth.device)
    lengths[-1] = whole - EVERY * (len(growth) - 1)
    # The turn need not end with a whole step.
    total = (lengths * growth[:, 0]).sum(dim=0) + (turn.steps - whole) * rest[0, 0]
    mean = (total / turn.steps).cpu().sort(descending=True).values.unsqueeze(0)
    zero = float(mean[0, mean[0].abs().argmin()])
    if turn.rate > 0 and mean.shape[1] > 1:
        # Tangents may need more than a turn to find the slowest direction; the orbit itself has come in along it.
        mean[0, 1] = torch.clamp(mean[0, 1], min=math.log(turn.rate) / turn.steps)
    # That the flow's own direction neither grows nor shrinks over a turn is known: what it does is the error.
    errors = torch.full_like(mean, abs(zero))
    curve = _spread(more[:, 0], size, turn.left)
    orbit = MovingOrbit(after[-1, 0], tangents[0], curve, search.units)
    orbit.refined = LyapunovSpectrum(mean, errors, mean, len(state), steps)
    orbit.total = search.steps + steps + whole + 1
    orbit.period = turn.steps
    _judge(orbit, mean[0].tolist(), limits.settle.exponent_tolerance, turn.steps)
    orbit.halves = as_curve(orbit.cloud, compare_turn(orbit.cloud))
    return orbit


def _judge(orbit: MovingOrbit, values: list[float], threshold: float, steps: float) -> None:
    rest = values[1] if len(values) > 1 else -math.inf
    if values[0] < -threshold and values[0] * steps < -_ATTRACTS:
        orbit.kind, orbit.margin = "contracting", -values[0] / threshold
    elif abs(values[0]) <= threshold and rest * steps < -_ATTRACTS:
        orbit.kind = "circle"
        orbit.margin = min(threshold / max(abs(values[0]), 1e-300), -rest * steps / _ATTRACTS)
    elif abs(values[0]) <= threshold and abs(rest * steps) <= _NEUTRAL:
        orbit.kind = "neutral"


def _spread(curve: Tensor, size: Tensor, left: float) -> Tensor:
    """States of one turn [t, n] in order, as many by time as by length, so that fast parts are not left out.

    So few that chords between them are off the curve by more than it may still move, or what has come nearer to the
    true one would not lie on it.
    """
    count = int(min(max(_FEWEST, math.pi / math.sqrt(max(left, 1e-12))), _KEPT))
    if len(curve) <= count:
        return curve
    lengths = (curve / size).diff(dim=0).norm(dim=-1).cumsum(dim=0)
    along = torch.cat([lengths.new_zeros(1), lengths / lengths[-1]])
    along = along + torch.linspace(0, 1, len(curve), dtype=along.dtype, device=along.device)
    wanted = torch.linspace(0, 2, count, dtype=along.dtype, device=along.device)
    return curve[torch.searchsorted(along, wanted).clamp(max=len(curve) - 1).unique()]


def mean_turn(path: Tensor) -> float:
    """Steps of one turn on an invariant circle, from consecutive states [t, n]; NaN if no plane shows it unfolded.

    The mean rotation about the mean state in the plane of the two leading principal components, at most half a turn a
    step. A curve that does not go round that state exactly once, each angle having one state, is not measured.
    """
    centred = path - path.mean(dim=0)
    plane = torch.linalg.svd(centred, full_matrices=False)[2][:2]
    if len(plane) < 2:
        return math.nan
    flat = centred @ plane.T
    angle = torch.atan2(flat[:, 1], flat[:, 0])
    order = angle.argsort()
    gaps = (centred[order] - centred[order].roll(-1, 0)).norm(dim=-1)
    if float(gaps.max()) > _NEAR * 2 * float(centred.norm(dim=-1).max()):
        return math.nan
    rotation = angle.diff()
    middle = torch.atan2(rotation.sin().mean(), rotation.cos().mean())
    about = torch.remainder(rotation - middle + math.pi, 2 * math.pi) - math.pi
    # Weighted as in Birkhoff averages of exponents: a plain mean would err by a turn over all steps.
    u = (torch.arange(len(about), dtype=about.dtype, device=about.device) + 0.5) / len(about)
    weights = torch.exp(-1 / (u * (1 - u)))
    mean = float(middle + (weights * about).sum() / weights.sum())
    mean = math.remainder(mean, 2 * math.pi)
    return 2 * math.pi / abs(mean) if mean else math.nan
