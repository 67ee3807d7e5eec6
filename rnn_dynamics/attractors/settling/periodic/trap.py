"""Evidence that an orbit has been captured by a stable fixed point or cycle: it follows the linearisation there."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ....systems import AutonomousMap, sizes

_STEPS = 32
"""Steps over which an orbit is compared with the linearisation, at least one period."""

_ONE_TURN, _ALL_TURNS = 0.1, 0.25
"""What the nonlinear part of an orbit's own moves may be, as shares of the contraction, over the last turn and all."""

_AXES, _RANDOM = 32, 64
"""Directions in which the ball is probed: its longest and its shortest axes, both ways, and random ones."""

_RADII = 26
"""Radii that are probed, each a quarter of the one before; the largest ball's shortest axis is four times the state."""

_DOUBLINGS = 40


@dataclass(frozen=True, eq=False)
class Trap:
    """The surroundings of a stable cycle h_0, h_1, ..., h_(k-1) (k = 1: a fixed point) in a norm that F^k contracts.

    With A = DF^k(h_0), radius rho < s < 1 and P = sum_j (A^T)^j A^j / s^(2 j), |A x|_P <= s |x|_P for every x, however
    far from normal A is (Lyapunov). Every coordinate of x is in units of its ``size`` on the cycle.
    """

    orbit: Tensor
    """[k, n]."""

    size: Tensor
    """[n]."""

    turn: Tensor
    """A, [n, n]."""

    turns: Tensor
    """A^q, q turns being what an orbit is watched for, [n, n]."""

    metric: Tensor
    """P, [n, n]."""

    radius: float
    """Of the ball |x|_P <= radius, at every probed state of which F^k contracts at least half as much as A does. An
    orbit inside it comes ever nearer."""

    rest: float
    """Nearer than this an orbit is on the attractor, as far as rounding allows to see."""

    @classmethod
    def build(cls, system: AutonomousMap, orbit: Tensor, turn: Tensor, rest: float, units: Tensor) -> "Trap":
        """The trap of a stable cycle of ``system`` from its states [k, n] and multiplier matrix DF^k [n, n]."""
        size = sizes(orbit, units).amax(dim=0)
        turn = turn * size / size.unsqueeze(-1)
        radius = float(torch.linalg.eigvals(turn).abs().max())
        rate = (1 + radius) / 2
        metric = torch.eye(len(turn), dtype=turn.dtype, device=turn.device)
        power = turn / rate
        for _ in range(_DOUBLINGS):
            metric = metric + power.T @ metric @ power
            power = power @ power
            if power.norm() < 1e-8:
                break
        metric = (metric + metric.T) / 2
        turns = torch.linalg.matrix_power(turn, cls.count(len(orbit)))
        probed = _probed_radius(system, orbit, size, turn, metric, rate)
        return cls(orbit, size, turn, turns, metric, probed, rest)

    @staticmethod
    def count(period: int) -> int:
        """Turns that an orbit is watched for."""
        return -(-_STEPS // period)

    @property
    def period(self) -> int:
        return len(self.orbit)

    @property
    def watched(self) -> int:
        """Steps that ``captures`` moves an orbit by, up to the first phase not counted."""
        return self.period * self.count(self.period)

    def captures(self, system: AutonomousMap, states: Tensor) -> tuple[Tensor, Tensor]:
        """Watch the orbits of states [r, n] for some turns.

        Returns:
            Whether each is captured, [r], and where it is then, [r, n].
        """
        states = self._to_first(system, states)
        almost = system.iterate(states, self.watched - self.period)
        last = system.iterate(almost, self.period)
        here, before, after = ((each - self.orbit[0]) / self.size for each in (states, almost, last))
        one = self._strays(before, after, self.turn) <= _ONE_TURN
        all_turns = self._strays(here, after, self.turns) <= _ALL_TURNS
        at_rest = (here.abs().amax(dim=-1) <= self.rest) & (after.abs().amax(dim=-1) <= self.rest)
        inside = self._norm(before) <= self.radius
        return (inside & one & all_turns) | at_rest, last

    def _to_first(self, system: AutonomousMap, states: Tensor) -> Tensor:
        """Each state moved on until the phase of the cycle that it is nearest to comes to the first."""
        if self.period == 1:
            return states
        wait = -torch.cdist(states / self.size, self.orbit / self.size).argmin(dim=1) % self.period
        result = states.clone()
        for step in range(1, self.period):
            states = system(states)
            result = torch.where((wait == step).unsqueeze(-1), states, result)
        return result

    def _strays(self, before: Tensor, after: Tensor, matrix: Tensor) -> Tensor:
        """|x' - A x|_P / (|x|_P - |A x|_P): the nonlinear part of a move as a share of the linear contraction."""
        linear = before @ matrix.T
        gap = self._norm(before) - self._norm(linear)
        return self._norm(after - linear) / gap.clamp(min=torch.finfo(gap.dtype).tiny)

    def _norm(self, rows: Tensor) -> Tensor:
        return _norm(rows, self.metric)


def _norm(rows: Tensor, metric: Tensor) -> Tensor:
    return ((rows @ metric) * rows).sum(dim=-1).clamp(min=0).sqrt()


def _probed_radius(
    system: AutonomousMap, orbit: Tensor, size: Tensor, turn: Tensor, metric: Tensor, rate: float
) -> float:
    """The largest radius up to which every probe x, |x|_P = q, has |F^k(h + x) - h - A x|_P <= (1 - rate) q / 2."""
    values, axes = torch.linalg.eigh(metric)  # rising, so that the longest axes come first
    unit = axes / values.clamp(min=torch.finfo(values.dtype).tiny).sqrt()
    chosen = torch.cat([unit.T[:_AXES], unit.T[_AXES:][-_AXES:]])
    drawn = torch.randn(_RANDOM, len(values), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mixed = torch.nn.functional.normalize(drawn.to(unit), dim=-1) @ unit.T
    probes = torch.cat([chosen, -chosen, mixed])
    scale, largest = max(1.0, float((orbit[0] / size).norm())), float(values[-1]) ** 0.5
    # What rounding alone makes of the comparison.
    floor = 64 * torch.finfo(values.dtype).eps * scale * largest
    passed = 0.0
    for step in reversed(range(_RADII)):
        radius = 4.0 * scale * largest * 0.25**step
        offsets = radius * probes
        images = system.iterate(orbit[0] + offsets * size, len(orbit))
        away = (images - orbit[0]) / size - offsets @ turn.T
        if not bool((_norm(away, metric) <= (1 - rate) * radius / 2 + floor).all()):
            break
        passed = radius
    return passed
