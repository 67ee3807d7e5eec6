"""Fixed points under each of several held inputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..checks import ArrayLike, Size, as_rows, checked
from ..conditions import HeldInputs, OverInputs, held_inputs, under_each
from ..roots import RootSolver
from ..stability import MARGINAL_TOLERANCE
from ..store import storable
from ..systems import DEFAULT_MEMORY_BUDGET, DrivenMap, require_network
from .results import FixedPoints
from .search import find_fixed_points


@storable
@dataclass(frozen=True, eq=False)
class FixedPointsOverInputs(OverInputs[FixedPoints], whole=("inputs", "points", "conditions"), in_order=True):
    """One ``FixedPoints`` per held input: ``over.points[2]`` are those of ``over.inputs[2]``; ``len`` counts points.

    With names of conditions ``over.of("context A")`` are those of that condition. ``over[over.labels == 2]`` and the
    like are choices of points (see ``tables.Table``); all inputs stay.
    """

    _dimensions: ClassVar = {"inputs": ("held_input", "input")}
    _formats = FixedPoints._formats

    inputs: Tensor
    """[q, m]."""

    points: tuple[FixedPoints, ...]
    """For each input, its fixed points; fewer than inputs if the search was interrupted."""

    conditions: tuple[str, ...] = ()
    """What each input is called, q names."""

    @property
    def results(self) -> tuple[FixedPoints, ...]:
        """Its ``points``."""
        return self.points

    def summary(self) -> str:
        """One line: how many, under how many held inputs."""
        return self._counted("fixed point")

    def _notes(self) -> Sequence[str]:
        named = zip(self.conditions, self.points, strict=False)
        return [f"{name}: {points.summary()}; {points.completeness.verdict}" for name, points in named]


@checked
def find_fixed_points_over_inputs(
    network: DrivenMap,
    inputs: HeldInputs,
    starts: ArrayLike,
    solver: RootSolver | None = None,
    *,
    dtype: torch.dtype = torch.float64,
    extra_starts: Size | None = None,
    merge_tolerance: float = 1e-9,
    marginal_tolerance: float = MARGINAL_TOLERANCE,
    modes: int | None = None,
    max_steps: Size = 100,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> FixedPointsOverInputs:
    """Find the fixed points under each held input of ``inputs`` [q, m], from the same starts.

    A time-varying input is a set of inputs too: its rows give the instantaneous fixed points that the state chases.
    Ctrl-C returns the inputs searched so far, the last of them marked as interrupted.

    Args:
        network: the driven map.
        inputs: one held input per row; or a mapping from the names of conditions, such as context cues, to their held
            inputs [m]: result, table and figures then bear these names.
        starts: [k, n], as for ``find_fixed_points``, which also explains what is not explained here.
        dtype: of the analysis.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.
    """
    require_network(network)
    held, conditions = held_inputs(inputs, network, dtype)
    base = as_rows(starts, "starts", network.state_size, dtype=dtype, device=network.device)

    def search(row: Tensor) -> FixedPoints:
        return find_fixed_points(
            network.hold(row, dtype),
            base,
            solver,
            extra_starts=extra_starts,
            merge_tolerance=merge_tolerance,
            marginal_tolerance=marginal_tolerance,
            modes=modes,
            max_steps=max_steps,
            memory_budget=memory_budget,
            seed=seed,
        )

    return FixedPointsOverInputs(held, under_each(held, search, progress), conditions)
