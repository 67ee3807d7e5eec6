"""Fixed points under each of several held inputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from ..checks import ArrayLike, Size, as_rows, checked
from ..progress import each
from ..roots import RootSolver
from ..stability import MARGINAL_TOLERANCE
from ..store import storable
from ..systems import DEFAULT_MEMORY_BUDGET, DrivenMap, require_network
from ..tables import Table
from .results import FixedPoints
from .search import find_fixed_points

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class FixedPointsOverInputs(Table, whole=("inputs", "points"), in_order=True):
    """One ``FixedPoints`` per held input: ``over.points[2]`` are those of ``over.inputs[2]``; ``len`` counts points.

    ``over[over.labels == 2]`` and the like are choices of points (see ``tables.Table``); all inputs stay.
    """

    _dimensions: ClassVar = {"inputs": ("held_input", "input")}

    inputs: Tensor
    """[q, m]."""

    points: tuple[FixedPoints, ...]
    """For each input, its fixed points; fewer than inputs if the search was interrupted."""

    def __len__(self) -> int:
        return sum(map(len, self.points))

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early, in the search under the last of ``points``."""
        return any(points.interrupted for points in self.points)

    @property
    def advice(self) -> tuple[str, ...]:
        """What to do about starts that ended at no fixed point, with the row of the input."""
        return tuple(f"input {row}: {line}" for row, points in enumerate(self.points) for line in points.advice)

    @property
    def labels(self) -> Tensor:
        """For every fixed point, in order, the row of its input."""
        return torch.cat([torch.full((len(points),), row) for row, points in enumerate(self.points)])

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        firsts = [0, *accumulate(map(len, self.points))]
        within = [[row - first for row in rows if first <= row < end] for first, end in pairwise(firsts)]
        return {"points": tuple(points[own] for points, own in zip(self.points, within, strict=True))}

    def to_pandas(self) -> "pd.DataFrame":
        """One row per fixed point, with the row of its input in the column "input"."""
        import pandas as pd

        tables = [points.to_pandas().assign(input=row) for row, points in enumerate(self.points)]
        return pd.concat(tables, ignore_index=True)

    def summary(self) -> str:
        """One line: how many, under how many held inputs."""
        done, asked = len(self.points), len(self.inputs)
        text = f"{self._counted('fixed point')} under {done} held input{'s' * (done != 1)}"
        return text + (f" of {asked}" if done < asked else "")

    def _notes(self) -> Sequence[str]:
        return [
            f"input {row} {[round(x, 4) for x in held[:6]]}: {points.summary()}; {points.completeness.verdict}"
            for row, (held, points) in enumerate(zip(self.inputs.tolist(), self.points, strict=False))
        ]


@checked
def find_fixed_points_over_inputs(
    network: DrivenMap,
    inputs: ArrayLike,
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
        inputs: one held input per row.
        starts: [k, n], as for ``find_fixed_points``, which also explains what is not explained here.
        dtype: of the analysis.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.
    """
    require_network(network)
    held = as_rows(inputs, "inputs", network.input_size, dtype=dtype, device=network.device)
    base = as_rows(starts, "starts", network.state_size, dtype=dtype, device=network.device)
    results: list[FixedPoints] = []
    for row in each(held, "held inputs", progress, unit="input"):
        results.append(
            find_fixed_points(
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
        )
        if results[-1].interrupted:
            break
    return FixedPointsOverInputs(held, tuple(results))
