"""``multistability_map``: how many attractors there are over a grid of two parameters."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Annotated

import torch
from torch import Tensor

from ...attractors import AttractorKind, Attractors, Settle, find_attractors
from ...checks import ArgumentError, ArrayLike, Size, Told, checked, whole_number
from ...families import PlaneFamily, checked_rectangle, corner_of
from ...progress import Progress
from ...stopping import go_on, stoppable
from ...systems import DEFAULT_MEMORY_BUDGET, AutonomousMap
from .grid_results import MultistabilityMap, blank_map

Cell = tuple[int, int]
"""Row (of q) and column (of p)."""


@checked
def multistability_map(
    family: PlaneFamily,
    starts: ArrayLike,
    spans: tuple[tuple[float, float], tuple[float, float]],
    *,
    resolution: Annotated[tuple[Size, Size], Told("two whole numbers, each 2 or more")] = (33, 33),
    settle: Settle | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> MultistabilityMap:
    """Count the attractors at every point of a grid over two parameters.

    At each cell the user's starts, and one state of each attractor of the cells beside it that are done, settle by
    ``find_attractors``. The grid is swept forth and back like a field that is ploughed, then once more in reverse,
    where attractors that a cell lacks and one beside it has are tried. So an attractor with a small basin, once found,
    is kept for as long as it lasts, which starts alone would miss.

    Args:
        family: (p, q) -> map.
        starts: [k, n], used at every cell, for example ``sample_states``. Their number decides the cost, and how small
            a basin is found at first.
        spans: ((p0, p1), (q0, q1)).
        resolution: columns and rows, the ends of the spans included; 33 halves to 17 and 9, so that a coarse map lies
            on a fine one.
        settle: how every start settles, as in ``find_attractors``.
        memory_budget: bytes for Jacobians at a time.
        seed: of tangent vectors.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        The counts, and counts by kind; Ctrl-C ends it early and keeps the cells that are done.

    Raises:
        ValueError: for starts that do not fit the maps, spans that are no rectangle, or fewer than 2 columns or rows.
    """
    spans = checked_rectangle(family, spans)
    try:
        columns, rows = resolution
    except (TypeError, ValueError) as error:
        raise ArgumentError("resolution", f"must be two whole numbers (columns, rows), got {resolution!r}") from error
    size = (whole_number(columns, "resolution", 2), whole_number(rows, "resolution", 2))
    seed = whole_number(seed, "seed", 0)
    system = corner_of(family, spans)
    states = system.as_states(starts, "starts")
    result = blank_map(spans, size, len(states))
    sweep = _Sweep(
        family, states, result, partial(find_attractors, settle=settle, memory_budget=memory_budget, seed=seed)
    )
    with stoppable() as stop, Progress("cells", progress, total=2 * size[0] * size[1], unit="cell") as bar:
        for cell in _ploughed(size):
            sweep.settle(cell)
            bar.update()
        for cell in reversed(list(_ploughed(size))):
            sweep.complete(cell)
            bar.update()
    return replace(result, interrupted=bool(stop))


def _ploughed(size: tuple[int, int]) -> Iterator[Cell]:
    columns, rows = size
    for row in range(rows):
        order = range(columns) if row % 2 == 0 else reversed(range(columns))
        yield from ((row, column) for column in order)


class _Sweep:
    """The attractors of the cells done so far."""

    def __init__(
        self, family: PlaneFamily, starts: Tensor, result: MultistabilityMap, find: Callable[..., Attractors]
    ) -> None:
        self._family, self._starts, self._result, self._find = family, starts, result, find
        self._found: dict[Cell, Attractors] = {}

    def settle(self, cell: Cell) -> None:
        """Settle the starts and what the neighbours have."""
        seeds = self._seeds(cell)
        found = self._find(self._system(cell), torch.cat([self._starts, seeds]))
        go_on()  # what was cut off is no count
        count = len(self._starts)
        reached = set(found.labels[:count].tolist()) - {-1}
        row, column = cell
        self._result.unsettled[row, column] = int((~found.settled[:count]).sum())
        self._note(cell, found, len(found) - len(reached))

    def complete(self, cell: Cell) -> None:
        """Try what the neighbours have where their numbers of attractors, of any kind, are others."""
        known = self._found[cell]
        if all(self._found[beside].counts == known.counts for beside in self._beside(cell)):
            return
        # Not as ``known``, which a cell right on a bifurcation, with an attractor that is hardly stable, would refuse.
        own = known.states.to(self._starts)
        found = self._find(self._system(cell), torch.cat([own, self._seeds(cell)]))
        go_on()
        extra = len(found) - len(known)
        if extra > 0:
            self._note(cell, found, int(self._result.added[cell]) + extra)

    def _note(self, cell: Cell, found: Attractors, added: int) -> None:
        self._found[cell] = found
        row, column = cell
        counts = [found.kinds.count(AttractorKind(kind)) for kind in self._result.kinds]
        self._result.by_kind[:, row, column] = torch.tensor(counts)
        self._result.added[row, column] = added
        self._result.counts[row, column] = len(found)  # last, as a cell with a count is one that is done

    def _system(self, cell: Cell) -> AutonomousMap:
        row, column = cell
        return self._family(float(self._result.first[column]), float(self._result.second[row]))

    def _beside(self, cell: Cell) -> list[Cell]:
        row, column = cell
        beside = [(row, column - 1), (row, column + 1), (row - 1, column), (row + 1, column)]
        return [other for other in beside if other in self._found]

    def _seeds(self, cell: Cell) -> Tensor:
        seeds = [self._found[other].states.to(self._starts) for other in self._beside(cell)]
        return torch.cat([self._starts[:0], *seeds])
