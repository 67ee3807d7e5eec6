"""``chart``: what orbits do over a plane of two parameters, in cells that are small where it changes."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from ..attractors import Attractors, Settle, find_attractors
from ..checks import ArgumentError, ArrayLike, AtLeast, Size, Told, checked, require_positive, whole_number
from ..families import InputPlane, PlaneFamily, Rectangle, checked_rectangle, corner_of
from ..progress import Progress
from ..stopping import go_on, stoppable
from ..store import load, save
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, units_of
from .cells import Cells
from .measures import Exponent, Measure, Reading
from .orbits import Orbits, rows_within, watched
from .results import Chart
from .watch import Watch

_MOST_ROWS = 4096
"""Orbits in a batch: more gain nothing, and what Ctrl-C costs stays small."""

_MOST_PIXELS = 2**24
"""Cells of the smallest size in all."""


_SAME = 1e-6
"""Exponents of cycles come out within this in batches of another size."""

_ALIKE = 0.75
"""The share of cells that do, if a file holds the same chart: where transients are long, rounding decides."""


@checked
@torch.no_grad()
def chart(
    family: PlaneFamily,
    starts: ArrayLike,
    spans: Rectangle,
    measure: Measure | None = None,
    *,
    resolution: Annotated[tuple[Size, Size], Told("two whole numbers, each 2 or more")] = (32, 32),
    depth: Annotated[int, AtLeast(0, 12)] = 2,
    watch: Watch | None = None,
    settle: Settle | None = None,
    path: str | os.PathLike[str] | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> Chart:
    """Measure at the middle of every cell of a grid what orbits do, and cut cells in four where neighbours differ.

    With a family of inputs (``input_plane``) the orbits of all cells go on side by side, each under its own parameters;
    of any other function (p, q) -> map one cell comes after the other.

    Args:
        family: ``input_plane(network)``, or a function (p, q) -> map.
        starts: [k, n], the same in every cell; one state, but for ``Count``.
        spans: ((p0, p1), (q0, q1)).
        measure: ``charts.Exponent()`` by default, ``Period()``, ``Rotation(...)``, ``Count()`` or ``Reached(...)``.
        resolution: columns and rows of the grid to begin with.
        depth: how often a cell is cut at most; each time borders are twice as sharp, at about twice the cost.
        watch: how long orbits are watched, and by which tolerances.
        settle: how ``Count`` and ``Reached`` settle orbits that are no cycles, as in ``find_attractors``.
        path: a file to keep what is done in, after every batch; if it is there it is gone on with.
        memory_budget: bytes for derivatives at a time.
        seed: of tangent vectors.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        A row for each cell; Ctrl-C ends it early and keeps the batches that are done.

    Raises:
        ValueError: for starts that do not fit, spans that are no rectangle, or a file of another chart.
    """
    spans = checked_rectangle(family, spans)
    try:
        columns, rows = resolution
    except (TypeError, ValueError) as error:
        raise ArgumentError("resolution", f"must be two whole numbers (columns, rows), got {resolution!r}") from error
    shape = (whole_number(columns, "resolution", 2), whole_number(rows, "resolution", 2))
    if shape[0] * shape[1] * 4**depth > _MOST_PIXELS:
        raise ArgumentError("depth", f"must leave {_MOST_PIXELS:,} smallest cells at most, got {depth} for {shape}")
    require_positive(memory_budget=memory_budget)
    measure, watch = measure or Exponent(), watch or Watch()
    system = corner_of(family, spans)
    states = measure.starts_of(system.as_states(starts, "starts"), system)
    measure.turning(system)
    watch.lengths(system.state_size)
    settings = f"{measure!r}, {watch!r}, {settle or Settle()!r}, seed {seed}"
    work = _Work(family, system, states, measure, watch, settle, memory_budget, seed)
    result = _blank(spans, shape, depth, measure, settings, states, system.notes)
    file = None if path is None else Path(path)
    if file is not None and file.exists():
        result = _gone_on_with(file, result, work)
    with stoppable() as stop, Progress("chart", progress, total=len(result), unit="cell") as bar:
        bar.update(int(result.done.sum()))
        while True:
            for batch in work.batches((~result.done).nonzero().flatten()):
                result = work.measured(result, batch)
                go_on()
                if file is not None:
                    save(result, file)
                bar.update(len(batch))
            result = _refined(result)
            bar.total = len(result)
            if bool(result.done.all()):
                break
    return replace(result, interrupted=bool(stop))


class _Work:
    """The maps of cells, and what is measured of them."""

    def __init__(
        self,
        family: PlaneFamily,
        system: AutonomousMap,
        states: Tensor,
        measure: Measure,
        watch: Watch,
        settle: Settle | None,
        memory_budget: int,
        seed: int,
    ) -> None:
        self.family, self.states, self.measure, self.watch = family, states, measure, watch
        self.settle, self.memory_budget, self.seed = settle, memory_budget, seed
        self.units = units_of(system, states)
        rows = min(_MOST_ROWS, rows_within(system, memory_budget))
        self.size = max(1, rows // len(states)) if isinstance(family, InputPlane) else 1

    def batches(self, cells: Tensor) -> list[Tensor]:
        """The cells in groups that are computed at once."""
        return list(cells.split(self.size))

    def measured(self, chart: Chart, cells: Tensor) -> Chart:
        """The chart with some more of its cells."""
        parameters = chart.parameters[cells]
        orbits, reading = self.read(parameters)
        each = len(self.states)
        first = slice(None, None, each)
        changes = {
            "values": reading.values,
            "classes": reading.classes,
            "unsettled": reading.unsettled,
            "conducts": orbits.conducts[first],
            "periods": orbits.periods[first],
            "exponents": orbits.exponents[first],
            "errors": orbits.errors[first],
        }
        columns = {name: getattr(chart, name).clone() for name in changes}
        for name, values in changes.items():
            columns[name][cells] = values.to(columns[name])
        return replace(chart, **columns)

    def read(self, parameters: Tensor) -> tuple[Orbits, Reading]:
        """What is measured at parameters [c, 2]."""
        each = len(self.states)
        if isinstance(self.family, InputPlane):
            system = self.family.rows(parameters.repeat_interleave(each, dim=0))
        else:
            system = self._system(parameters[0])
        orbits = watched(
            system,
            self.states.repeat(len(parameters), 1),
            self.watch,
            self.units,
            memory_budget=self.memory_budget,
            seed=self.seed,
            turning=self.measure.turning(system),
        )

        def search(cell: int, states: Tensor) -> Attractors:
            one = self._system(parameters[cell])
            options = {"settle": self.settle, "memory_budget": self.memory_budget, "seed": self.seed}
            found = find_attractors(one, states.to(self.states), **options)
            go_on()  # what was cut off tells of no attractor
            return found

        return orbits, self.measure.read(orbits, each, self.watch, self.units, search)

    def _system(self, parameters: Tensor) -> AutonomousMap:
        p, q = parameters.tolist()
        return self.family(p, q)


def _blank(
    spans: Rectangle,
    shape: tuple[int, int],
    depth: int,
    measure: Measure,
    settings: str,
    starts: Tensor,
    notes: tuple[str, ...],
) -> Chart:
    cells = Cells.coarse(spans, shape)
    return _with_new(
        Chart(
            parameters=cells.parameters[:0],
            levels=cells.levels[:0],
            places=cells.places[:0],
            **_unknown(0),
            spans=spans,
            shape=shape,
            depth=depth,
            measure=repr(measure),
            label=measure.label,
            settings=settings,
            starts=starts.cpu(),
            notes=notes,
        ),
        cells,
        torch.zeros(0, dtype=torch.bool),
    )


def _unknown(count: int) -> dict[str, Any]:
    number = {name: torch.full((count,), torch.nan, dtype=torch.float64) for name in ("values", "exponents", "errors")}
    code = {name: torch.full((count,), -1) for name in ("classes", "conducts", "periods", "unsettled")}
    return number | code


def _with_new(chart: Chart, cells: Cells, kept: Tensor) -> Chart:
    """The chart on other cells, of which those that are ``kept`` come first."""
    new = _unknown(len(cells.levels) - int(kept.sum()))
    columns = {name: torch.cat([getattr(chart, name)[kept], values]) for name, values in new.items()}
    return replace(chart, parameters=cells.parameters, levels=cells.levels, places=cells.places, **columns)


def _refined(chart: Chart) -> Chart:
    """With the cells in four that lie beside one of another class."""
    cut = chart.cells.to_cut(chart.classes, chart.depth)
    return _with_new(chart, *chart.cells.without(cut)) if len(cut) else chart


def _gone_on_with(file: Path, blank: Chart, work: _Work) -> Chart:
    """What a file holds of the same chart.

    Raises:
        ValueError: for a file of something else, or of other settings, starts or maps.
    """
    found = load(file)
    if not isinstance(found, Chart):
        raise ArgumentError("path", f"{file} holds a {type(found).__name__}, no chart to go on with")
    for name in ("spans", "shape", "depth", "settings"):
        before, now = getattr(found, name), getattr(blank, name)
        if before != now:
            raise ArgumentError("path", f"{file} holds a chart of other {name}: {before}, not {now}"[:400])
    if not torch.equal(found.starts, blank.starts):
        raise ArgumentError("path", f"{file} holds a chart from other starts")
    done = found.done.nonzero().flatten()[: work.size]
    if len(done):
        again = work.read(found.parameters[done])[0]
        first = slice(None, None, len(work.states))
        if not _alike(again.exponents[first], again.errors[first], found.exponents[done], found.errors[done]):
            raise ArgumentError("path", f"{file} holds a chart of another family: its first cells come out otherwise")
    return replace(found, interrupted=False)


def _alike(values: Tensor, errors: Tensor, before: Tensor, errors_before: Tensor) -> bool:
    """Whether exponents are those of the same maps, but for what rounding makes of chaos in other batches."""
    bounds = _SAME + 10 * (errors + errors_before)
    same = ((values - before).abs() <= bounds) | (values.isnan() & before.isnan())
    return float(same.double().mean()) >= _ALIKE
