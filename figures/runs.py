"""Figures of cases measured one by one, each kept as soon as it is done: their plan and their command line."""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from matplotlib.figure import Figure
from tqdm import tqdm

from rnn_dynamics.plotting import save_figure

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
    rows, missing = measured(plan, cases, path, 0 if options.draw_only else options.workers)
    save_figure(plan.draw(rows), options.out / plan.name)
    facts = f"Scale `{options.scale}`: {plan.extent(cases)}"
    if missing:
        facts += f" Not measured: {', '.join(map(str, missing))}."
    (options.out / f"{plan.name}.md").write_text(f"{plan.caption(rows).strip()}\n\n{facts}\n")


def measured(plan: Plan[Case], cases: Sequence[Case], path: Path, workers: int) -> tuple[list[Row], list[Case]]:
    """The rows of the cases, and which of them are missing: none, unless there are no workers."""
    done: dict[str, list[Row]] = {}
    if path.exists():
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            done[entry["case"]] = entry["rows"]
    missing = [case for case in cases if _key(case) not in done]
    if not workers:
        return [row for case in cases for row in done.get(_key(case), [])], missing
    with path.open("a") as file:
        results = tqdm(_each(plan, missing, workers), total=len(missing), desc=plan.name, disable=not missing)
        for case, rows in results:
            done[_key(case)] = [{**asdict(case), **row} for row in rows]  # pyright: ignore[reportArgumentType]
            file.write(json.dumps({"case": _key(case), "rows": done[_key(case)]}) + "\n")
            file.flush()
    return [row for case in cases for row in done[_key(case)]], []


def _each(plan: Plan[Case], cases: Sequence[Case], workers: int) -> Iterator[tuple[Case, list[Row]]]:
    if workers == 1:
        torch.set_num_threads(1)
        for case in cases:
            yield case, plan.measure(case)
        return
    with ProcessPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        futures = {pool.submit(plan.measure, case): case for case in cases}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _key(case: Any) -> str:
    """What a case is known by in the file of results."""
    return json.dumps(asdict(case))
