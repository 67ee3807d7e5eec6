"""Basins of attraction on a plane through the state space."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, Size, checked, require_positive
from ..results import Result
from ..store import storable
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, require_system
from .method import Settle
from .results import Attractors
from .search import find_attractors

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class BasinMap(Result):
    """Where the states of a plane settle."""

    _dimensions: ClassVar = {
        "labels": ("y", "x"),
        "x": ("x",),
        "y": ("y",),
        "origin": ("unit",),
        "directions": ("direction", "unit"),
        "points": ("point", "direction"),
    }

    labels: Tensor
    """The row of each state's attractor, or -1, [rows, columns]; row i, column j is the state
    origin + x_j directions_0 + y_i directions_1."""

    x: Tensor
    """[columns]."""

    y: Tensor
    """[rows]."""

    origin: Tensor
    """[n]."""

    directions: Tensor
    """Orthonormal directions, [2, n]."""

    points: Tensor
    """Where the points that span the plane lie in it, [3, 2]."""

    attractors: Attractors
    """What the plane's states settled on; those known before keep their rows."""

    _formats = Attractors._formats

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early: states that had not settled by then are "unfinished"."""
        return self.attractors.interrupted

    @property
    def advice(self) -> tuple[str, ...]:
        """For each way in which states of the plane did not settle, how many did and what to do."""
        return self.attractors.advice

    @property
    def outcomes(self) -> tuple[tuple[str, ...], ...]:
        """For each state "settled", "slow", "diverged" or "unfinished", row by row."""
        rows, columns = self.labels.shape
        every = self.attractors.outcomes
        return tuple(every[row * columns : (row + 1) * columns] for row in range(rows))

    def states(self) -> Tensor:
        """The states of the plane, [rows, columns, n]."""
        return plane(self.origin, self.directions, self.x, self.y)

    def to_pandas(self) -> "pd.DataFrame":
        """One row per state, row by row: where in the plane, the row of its attractor or -1, and how it ended."""
        import pandas as pd

        rows, columns = self.labels.shape
        return pd.DataFrame(
            {
                "x": self.x.repeat(rows).cpu().numpy(),
                "y": self.y.repeat_interleave(columns).cpu().numpy(),
                "attractor": self.labels.flatten().cpu().numpy(),
                "outcome": self.attractors.outcomes,
            }
        )

    def summary(self) -> str:
        """One line: how many states, and what they settle on."""
        rows, columns = self.labels.shape
        return f"basins of {rows} x {columns} states of a plane: {self.attractors.summary()}"

    def _shown(self) -> "pd.DataFrame":
        return self.attractors.to_pandas()

    def _notes(self) -> Sequence[str]:
        return [self.attractors.verdict, *self.advice]


@checked
def basin_map(
    system: AutonomousMap,
    points: ArrayLike,
    known: Attractors | None = None,
    *,
    resolution: Size = 64,
    border: float = 0.25,
    settle: Settle | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> BasinMap:
    """Settle a grid of states of the plane through three points.

    The first axis leads from the first point to the second, the other is orthogonal to it.

    Args:
        system: the map.
        points: [3, n], for example three attractors, or two and the saddle between them.
        known: attractors whose rows the labels shall refer to.
        resolution: states along the longer side; the work grows as its square.
        border: how far the grid reaches beyond the points, as a share of their extent.
        settle: how starts settle, as in ``find_attractors``.
        memory_budget: bytes for Jacobians at a time.
        seed: of tangent vectors.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Raises:
        ValueError: for points of another shape, or on one line.
    """
    require_system(system)
    corners = system.as_states(points, "points")
    if len(corners) != 3:
        raise ArgumentError("points", f"must have shape [3, {system.state_size}], got {list(corners.shape)}")
    require_positive(resolution=resolution)
    if not 0 <= border < float("inf"):
        raise ArgumentError("border", f"must be 0 or positive and finite, got {border}")
    first, second = corners[1] - corners[0], corners[2] - corners[0]
    along = first / first.norm().clamp(min=torch.finfo(first.dtype).tiny)
    across = second - (second @ along) * along
    if not first.norm() > 0 or across.norm() <= 1e-9 * second.norm().clamp(min=1e-300):
        raise ArgumentError("points", "must not lie on one line: three that span a plane are needed")
    directions = torch.stack([along, across / across.norm()])
    flat = (corners - corners[0]) @ directions.T
    low, high = flat.amin(dim=0), flat.amax(dim=0)
    low, high = low - border * (high - low), high + border * (high - low)
    spacing = float((high - low).max()) / max(1, resolution - 1)
    columns, rows = (max(2, 1 + round(float(side) / spacing)) for side in high - low)
    x = torch.linspace(float(low[0]), float(high[0]), columns, dtype=directions.dtype, device=directions.device)
    y = torch.linspace(float(low[1]), float(high[1]), rows, dtype=directions.dtype, device=directions.device)
    states = plane(corners[0], directions, x, y)
    found = find_attractors(
        system,
        states.flatten(0, 1),
        known=known,
        seed=seed,
        progress=progress,
        settle=settle,
        memory_budget=memory_budget,
    )
    return BasinMap(found.labels.view(rows, columns), x, y, corners[0], directions, flat, found)


def plane(origin: Tensor, directions: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The states origin + x_j directions_0 + y_i directions_1, [rows, columns, n]."""
    return origin + x[None, :, None] * directions[0] + y[:, None, None] * directions[1]
