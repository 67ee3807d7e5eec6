"""One search under one held input, as rows of FixedPointFinder's two tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..fixed_points import FixedPoints as NativeFixedPoints
from ..fixed_points import find_fixed_points
from ..roots import Attempt, Newton, RootProblem, RootResult, RootSolver, Status
from ..systems import HeldMap
from .approach import Approach
from .points import FixedPoints


@dataclass(frozen=True)
class _Keeping(RootSolver):
    """A solver that keeps what it returned: the search tells no more of a start than its point."""

    solver: RootSolver
    kept: list[RootResult] = field(default_factory=list)

    @property
    def tolerance(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]  # is only read
        return self.solver.tolerance

    def attempt(self, problem: RootProblem) -> Attempt:
        return self.solver.attempt(problem)

    def judged(self, problem: RootProblem, attempt: Attempt) -> RootResult:
        self.kept.append(self.solver.judged(problem, attempt))
        return self.kept[-1]

    def without_slow_points(self) -> RootSolver:
        return self.solver.without_slow_points()


@dataclass(frozen=True)
class Rows:
    """What is told of states x in both tables, before they are judged unique."""

    x: Tensor
    """[r, n]."""

    starts: Tensor
    """Which of the starts led to each, [r]; -1 for none of them."""


@dataclass(frozen=True, eq=False)
class HeldSearch:
    """The search under one input: what it found, and where each start ended."""

    system: HeldMap
    starts: Tensor
    """[k, n]."""

    native: NativeFixedPoints
    """Of the starts, and of what was added to them."""

    ends: RootResult
    """Of the starts alone."""

    @classmethod
    def run(cls, system: HeldMap, starts: Tensor, begin: Approach, **options: Any) -> "HeldSearch":
        """Search with the options of ``find_fixed_points``.

        Args:
            system: the map.
            starts: [k, n].
            begin: where the search begins: the first k rows at or beyond the starts, then what is added to them.
            options: passed on.
        """
        keeping = _Keeping(Newton())
        native = find_fixed_points(system, begin.states, keeping, **options)
        ends = keeping.kept[0][: len(starts)]
        return cls(system, starts, native, replace(ends, steps=ends.steps + begin.steps[: len(starts)]))

    def all_rows(self) -> Rows:
        """Where each start ended, found or not."""
        return Rows(self.ends.states, torch.arange(len(self.starts)))

    def candidates(self, tolerance: float) -> Rows:
        """What may count as a fixed point: isolated ones, and states of least speed whose q is at most ``tolerance``.

        The latter are ends of starts on lines, rings and sheets of fixed points, and slow points, then samples of the
        continua that no start ended at. Ends that failed are none of them, however small their q is.
        """
        labels = self.native.labels[: len(self.starts)]
        alone = (labels < 0) & (self.ends.statuses.cpu() != Status.FAILED)
        alone &= (self.ends.residuals.cpu().square() / 2) <= tolerance
        ends = alone.nonzero().squeeze(-1)
        sampled = [each.states[each.speeds.square() / 2 <= tolerance] for each in self.native.continua]
        samples = torch.cat([self.starts[:0], *(states.to(self.starts) for states in sampled)])
        states = torch.cat([self.native.states.to(self.starts), self.ends.states[ends.to(self.starts.device)], samples])
        return Rows(states, torch.cat([self._best_starts(), ends, torch.full((len(samples),), -1)]))

    def _best_starts(self) -> Tensor:
        """For each isolated point the start that ended nearest to it by its residual, [p]; -1 for none."""
        best = torch.full((len(self.native),), -1)
        order = self.ends.residuals.cpu().argsort(descending=True, stable=True)
        labels = self.native.labels[: len(self.starts)][order]
        best[labels[labels >= 0]] = order[labels >= 0]  # of several the last, which is the best, stays
        return best

    def table(self, rows: Rows, conditions: np.ndarray[Any, Any], common: Mapping[str, Any]) -> FixedPoints:
        """The columns of ``rows``, all but Jacobians, evaluated in float64 at the states as they are returned.

        Args:
            rows: states and the starts that led to them.
            conditions: of each start, [k].
            common: what the table's rows have in common, dtype and tolerance.
        """
        kind = np.dtype(common["dtype"])
        x = rows.x.cpu().numpy().astype(kind)
        states = torch.from_numpy(x).to(self.starts)
        image = self.system(states)
        q = _q(states, image)
        led = (rows.starts >= 0).numpy()
        starts = rows.starts.numpy()
        init = np.where(led[:, None], self.starts.cpu().numpy()[starts], np.nan)
        return FixedPoints(
            xstar=x,
            x_init=init.astype(kind),
            inputs=self.system.input.cpu().numpy()[None].repeat(len(x), axis=0).astype(kind),
            F_xstar=image.cpu().numpy().astype(kind),
            qstar=q.cpu().numpy().astype(kind),
            dq=(q - self._q_after_a_step(states)).abs().cpu().numpy().astype(kind),
            n_iters=np.where(led, self.ends.steps.cpu().numpy()[starts], -1),
            cond_id=np.where(led, conditions[starts], conditions[0]),
            **common,
        )

    def _q_after_a_step(self, states: Tensor) -> Tensor:
        distinct, place = states.unique(dim=0, return_inverse=True)  # most starts end where others did
        after = Newton(slow_points=0).solve(self.system, distinct, max_steps=1).states
        return _q(after, self.system(after))[place]

    def jacobians(self, table: FixedPoints) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """dF/dx [r, n, n] and dF/du [r, n, m] at the states of a table."""
        assert table.xstar is not None
        states, n, m = torch.from_numpy(table.xstar).to(self.starts), self.system.state_size, len(self.system.input)
        if not len(states):
            return np.empty((0, n, n), table.dtype), np.empty((0, n, m), table.dtype)
        by_input = self.system.input_jacobian(states)
        by_input = states.new_empty(len(states), n, 0) if by_input is None else by_input
        by_state = self.system.jacobian(states)
        return by_state.cpu().numpy().astype(table.dtype), by_input.cpu().numpy().astype(table.dtype)


def _q(states: Tensor, image: Tensor) -> Tensor:
    return (image - states).square().sum(dim=-1) / 2
