"""Cycles as solutions of one equation for all their states, which stays well posed where F^k is strongly expanding."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ..roots import Attempt, RootProblem, RootResult, RootSolver
from ..systems import AutonomousMap, Box, IteratedMap, Linearization, NoBox, relative

_DENSE = 96
"""Unknowns k n up to which the system is solved as it stands; beyond, all phases but one are eliminated first."""

_POLISHED = 5
"""Steps of Newton's method that a cycle may take to rounding; two or three are needed."""

_CLOSED = 1e-6
"""A start that is back after fewer steps to within this share of its size is taken round that shorter cycle: iterated
to the end, an unstable cycle would drift away from itself."""


_NEARLY = 1e-3
"""A start that comes back this near is near a cycle already, and its orbit the best guess."""


class PhaseMap(AutonomousMap):
    """G(h_0, ..., h_(k-1)) = (F(h_(k-1)), F(h_0), ..., F(h_(k-2))), whose fixed points are the cycles of F^k.

    det(I - DG) = det(I - DF^k). A residual of F^k is one of F times up to the largest multiplier, so that from
    multipliers of 1e5 on rounding alone exceeds any useful tolerance; a residual of G is one of F.
    """

    def __init__(self, system: AutonomousMap, period: int) -> None:
        self.system, self.period = system, period

    @property
    def state_size(self) -> int:
        return self.period * self.system.state_size

    @property
    def dtype(self) -> torch.dtype:
        return self.system.dtype

    @property
    def device(self) -> torch.device:
        return self.system.device

    @property
    def box(self) -> Box | NoBox:
        box = self.system.box
        if isinstance(box, NoBox):
            return box
        return replace(box, lower=box.lower.repeat(self.period), upper=box.upper.repeat(self.period))

    def phases(self, states: Tensor) -> Tensor:
        """States [..., k n] as [..., k, n]."""
        return states.unflatten(-1, (self.period, self.system.state_size))

    def __call__(self, states: Tensor) -> Tensor:
        return self.system(self.phases(states)).roll(1, dims=-2).flatten(-2)

    def linearize(self, states: Tensor) -> "tuple[Tensor, CyclicLinearization]":
        values, linearization = self.system.linearize(self.phases(states).flatten(0, 1))
        n = self.system.state_size
        turns = linearization.dense().view(len(states), self.period, n, n)
        return self.phases(values.view(len(states), -1)).roll(1, dims=-2).flatten(-2), CyclicLinearization(turns)

    @property
    def bytes_per_linearization(self) -> int:
        size = self.state_size if self.state_size <= _DENSE else 2 * self.system.state_size
        return self.period * self.system.bytes_per_linearization + 3 * self.dtype.itemsize * size**2

    def polished(self, orbits: Tensor) -> tuple[Tensor, Tensor]:
        """Cycles [r, k, n] by Newton's method from near ones, while it gains; and DF^k along them, [r, n, n]."""
        states = orbits.flatten(1)
        value, linearization = self.linearize(states)
        for _ in range(_POLISHED):
            residual = value - states
            trial = states + linearization.solve(-residual)
            better = (self(trial) - trial).norm(dim=-1) < residual.norm(dim=-1)
            states = torch.where(better.unsqueeze(-1), trial, states)
            value, linearization = self.linearize(states)
            if not bool(better.any()):
                break
        return self.phases(states), linearization.product

    def orbits(self, starts: Tensor, units: Tensor) -> Tensor:
        """First guesses [r, k n]: of every other start its orbit, of the rest other starts for the further phases.

        The former lead to cycles that orbits pass by, the latter to those that they do not: of 30 cycles of period 8
        of a steep network 2,048 orbits reached 10 and as many mixed guesses all, in Henon's map both all.
        """
        path = [starts]
        for _ in range(self.period):
            path.append(self.system(path[-1]))
        states = torch.stack(path, dim=-2)  # [r, k + 1, n]
        gaps = relative(states - states[:, :1], states[:, :1], units)
        guesses = states[:, :-1].clone()
        for length in reversed([d for d in range(1, self.period) if self.period % d == 0]):
            closed = gaps[:, length] <= _CLOSED
            guesses[closed] = states[closed, :length].repeat(1, self.period // length, 1)
        reach = 1e3 * torch.maximum(starts.abs().amax(dim=0), units)
        lost = ~(guesses.abs() <= reach).flatten(1).all(dim=-1)
        guesses[lost] = starts[lost].unsqueeze(1)
        mixed = (gaps[:, 1:].amin(dim=1) > _NEARLY) & (torch.arange(len(starts), device=starts.device) % 2 == 1)
        generator = torch.Generator().manual_seed(0)
        for phase in range(1, self.period):
            order = torch.randperm(len(starts), generator=generator).to(starts.device)
            guesses[mixed, phase] = starts[order][mixed]
        return guesses.flatten(1)


class CyclicLinearization(Linearization):
    """The derivative of a ``PhaseMap``, kept as the Jacobians J_i of F at the phases [r, k, n, n]."""

    def __init__(self, turns: Tensor) -> None:
        object.__setattr__(self, "turns", turns)

    turns: Tensor

    @cached_property
    def own(self) -> list[Tensor]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return [self.dense()]

    @property
    def feed(self) -> list[Tensor]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return []

    @property
    def product(self) -> Tensor:
        """DF^k = J_(k-1) ... J_0, [r, n, n]."""
        product = self.turns[:, 0]
        for turn in self.turns[:, 1:].unbind(1):
            product = turn @ product
        return product

    def dense(self) -> Tensor:
        r, k, n, _ = self.turns.shape
        whole = self.turns.new_zeros(r, k, n, k, n)
        for phase in range(k):
            whole[:, (phase + 1) % k, :, phase] = self.turns[:, phase]
        return whole.view(r, k * n, k * n)

    def rows(self, part: slice) -> "CyclicLinearization":
        return CyclicLinearization(self.turns[part])

    def apply(self, vectors: Tensor) -> Tensor:
        r, k, n, _ = self.turns.shape
        return (self.turns @ vectors.view(r, k, n, -1)).roll(1, dims=1).flatten(1, 2)

    def solve(self, rhs: Tensor, shift: Tensor | None = None) -> Tensor:
        r, k, n, _ = self.turns.shape
        if k * n <= _DENSE:
            return Linearization([self.dense()], []).solve(rhs, shift)
        shift = (rhs.new_ones(r) if shift is None else shift).view(r, 1, 1)
        sides = rhs.view(r, k, n, 1)
        # d_i = (J_(i-1) d_(i-1) - b_i) / s = A_i d_0 + c_i, and s d_0 = J_(k-1) d_(k-1) - b_0 closes the turn.
        matrix, offset = self.turns[:, 0], torch.zeros_like(sides[:, 0])
        for phase in range(1, k):
            turn = self.turns[:, phase]
            offset = (self.turns[:, phase - 1] @ offset if phase > 1 else offset) - sides[:, phase]
            offset = offset / shift
            matrix = turn @ (matrix / shift)
        known = sides[:, 0] - (self.turns[:, -1] @ offset if k > 1 else offset)
        steps = [Linearization([matrix], []).solve(known.squeeze(-1), shift.view(r)).unsqueeze(-1)]
        for phase in range(1, k):
            steps.append((self.turns[:, phase - 1] @ steps[-1] - sides[:, phase]) / shift)
        return torch.stack(steps, dim=1).view(r, k * n)

    def eigenvalues(self) -> Tensor:
        """All k-th roots of the multipliers."""
        k = self.turns.shape[1]
        multipliers = Linearization([self.product], []).eigenvalues().unsqueeze(-1)
        turns = torch.arange(k, device=multipliers.device) / k
        roots = torch.polar(multipliers.abs() ** (1 / k), multipliers.angle() / k + 2 * torch.pi * turns)
        return roots.flatten(-2)


@dataclass(frozen=True)
class Shooting(RootSolver):
    """Solves F^k(h) = h by the equation of all k states of the cycle at once (multiple shooting).

    Args:
        inner: solves that equation, from the orbits of the starts.

    Source: Ascher, Mattheij and Russell 1995, doi:10.1137/1.9781611971231, chapter 4.
    """

    inner: RootSolver

    def attempt(self, problem: RootProblem) -> Attempt:
        system = problem.system
        assert isinstance(system, IteratedMap)
        whole = PhaseMap(system.system, system.period)
        result = self.inner.solve(
            whole,
            whole.orbits(problem.starts, problem.units),
            max_steps=problem.max_steps,
            memory_budget=problem.memory_budget,
            progress=problem.progress,
            units=problem.units.repeat(system.period),
        )
        return Attempt(replace(result, states=result.states[:, : system.state_size].contiguous()))

    def judged(self, problem: RootProblem, attempt: Attempt) -> RootResult:  # noqa: ARG002
        """As ``inner`` judged the equation of all states: on F^k a residual is the rounding times the multipliers."""
        return attempt.result
