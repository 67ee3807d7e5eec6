"""Figures of cases measured one by one in a sweep, here or on a cluster: their plan and their command line."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from matplotlib.figure import Figure

import rnn_dynamics as rd
from rnn_dynamics.plotting import save_figure
from rnn_dynamics.plotting.pages import write_caption
from rnn_dynamics.sweeps import dask_client, measured_rows

_FEW = 12
"""Cases that are named, if they are missing; of more their number is told."""

Row = dict[str, Any]
Case = TypeVar("Case")


@dataclass(frozen=True)
class Plan(Generic[Case]):
    """A figure: its cases, dataclasses, at each scale; how one is measured; and what is made of the rows."""

    folder: str
    name: str
    scales: dict[str, tuple[Case, ...]]
    measure: Callable[[Case], list[Row]]
    draw: Callable[[list[Row]], Figure]
    caption: Callable[[list[Row]], str]
    extent: Callable[[Sequence[Case]], str]
    """How much is measured, in words."""

    results: str | None = None
    """Of which figure the measurements are; this one's own by default."""


def run(plan: Plan[Any], arguments: Sequence[str] | None = None) -> None:
    """The command line of one figure."""
    parser = argparse.ArgumentParser(prog=f"python -m figures.{plan.folder}.{plan.name}")
    parser.add_argument("--scale", choices=list(plan.scales), default="small")
    parser.add_argument("--workers", type=int, default=2, help="processes, of one thread each; 1 is this one")
    parser.add_argument("--scheduler", help="address of a scheduler of Dask, whose workers measure instead")
    parser.add_argument("--index", type=int, help="measure this part alone, and draw nothing: a job of an array")
    parser.add_argument("--of", type=int, help="into how many parts --index cuts; a case each by default")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / plan.folder, help="folder of results and figures"
    )
    parser.add_argument(
        "--draw-only", action="store_true", help="draw what has been measured; the caption names the rest"
    )
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    cases = plan.scales[options.scale]
    path = options.out / f"{plan.results or plan.name}_{options.scale}.jsonl"
    if missing := measured(cases, path)[1]:
        swept = _sweep(plan, missing, path)
        found = None if options.draw_only else _swept(swept, options)
        if options.index is not None:
            return
        _gather(missing, swept, path)
        if found is not None and not found.finished:
            raise SystemExit(repr(found))
    rows, _ = measured(cases, path)
    save_figure(plan.draw(rows), options.out / plan.name)
    write_caption(options.out / f"{plan.name}.md", told(plan, options.scale, path))


def told(plan: Plan[Any], scale: str, path: Path) -> str:
    """The caption of what a file of results holds of a plan's cases, and what it lacks."""
    cases = plan.scales[scale]
    rows, missing = measured(cases, path)
    facts = f"Scale `{scale}`: {plan.extent(cases)}"
    if missing:
        named = ", ".join(map(str, missing)) if len(missing) <= _FEW else f"{len(missing)} of {len(cases)} cases"
        facts += f" Not measured: {named}."
    return f"{plan.caption(rows).strip()}\n\n{facts}"


def measured(cases: Sequence[Case], path: Path) -> tuple[list[Row], list[Case]]:
    """The rows of the cases in a file, and which of them are missing."""
    done = _stored(path)
    return [row for case in cases for row in done.get(_key(case), [])], [c for c in cases if _key(c) not in done]


def measured_case(figure: str, **parameters: Any) -> list[Row]:
    """What a figure, "training.lengths", measures of one case: the function of its sweep."""
    plan = import_module(f"figures.{figure}").PLAN
    return plan.measure(type(next(iter(plan.scales.values()))[0])(**parameters))


def _sweep(plan: Plan[Any], missing: Sequence[Any], path: Path) -> rd.SweepPlan:
    """Of the cases that the file has not."""
    return rd.SweepPlan(
        path.parent / f"{path.stem}-sweep",
        cases=[asdict(case) for case in missing],
        fixed={"figure": f"{plan.folder}.{plan.results or plan.name}"},
        function=measured_case,
    )


def _swept(swept: rd.SweepPlan, options: argparse.Namespace) -> rd.Sweep:
    part: dict[str, Any] = {"index": options.index, "of": options.of, "progress": True}
    if options.scheduler is None:
        return rd.sweep(swept, workers=options.workers, **part)
    with dask_client(options.scheduler) as client:
        return rd.sweep(swept, client, **part)


def _gather(missing: Sequence[Any], swept: rd.SweepPlan, path: Path) -> None:
    """Add to the file what the sweep's folder holds, of runs that were killed too."""
    with path.open("a") as file:
        for case, rows in zip(missing, measured_rows(swept), strict=True):
            if rows is not None:
                whole = [{**asdict(case), **row} for row in rows]
                file.write(json.dumps({"case": _key(case), "rows": whole}) + "\n")


def _stored(path: Path) -> dict[str, list[Row]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return {entry["case"]: entry["rows"] for entry in map(json.loads, lines)}


def _key(case: Any) -> str:
    """What a case is known by in the file of results."""
    return json.dumps(asdict(case))
