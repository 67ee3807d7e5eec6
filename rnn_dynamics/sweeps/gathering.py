"""What the files of a plan say: one table, which nothing is computed for."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..checks import checked
from .cases import Case, Folder, Row
from .claims import holder
from .plan import PlanLike, SweepPlan, as_plan
from .results import Status, Sweep

CASES = "cases"
"""The folder of the cases' folders."""


@checked
def gather(plan: PlanLike) -> Sweep:
    """The table of what a plan's cases have measured so far; whoever else runs it, nothing is computed or changed.

    Raises:
        ValueError: for a plan that is none.
    """
    plan = as_plan(plan)
    return gathered(plan, plan.all_cases)


@checked
def measured_rows(plan: PlanLike) -> list[list[Row] | None]:
    """Of each case the rows as its function returned them, with whatever is nested in them; None of one not done.

    Raises:
        ValueError: for a plan that is none, or a result that is broken.
    """
    plan = as_plan(plan)
    return [Folder(Path(plan.folder) / CASES / case.name).rows() for case in plan.all_cases]


def gathered(plan: SweepPlan, cases: Sequence[Case], *, interrupted: bool = False) -> Sweep:
    """The table of some of a plan's cases."""
    entries = [entry for case in cases for entry in _entries(case, Path(plan.folder) / CASES / case.name)]
    measures = dict.fromkeys(name for _, _, _, row, _ in entries for name in row)
    columns = tuple(dict.fromkeys([*plan.parameters, *measures]))
    versions = sorted({version for *_, version in entries if version})
    return Sweep(
        cases=tuple(name for name, *_ in entries),
        statuses=tuple(status for _, status, *_ in entries),
        reasons=tuple(reason for _, _, reason, *_ in entries),
        rows=tuple(tuple(_held(row.get(column)) for column in columns) for *_, row, _ in entries),
        columns=columns,
        parameters=plan.parameters,
        folder=str(plan.folder),
        versions=tuple(versions),
        interrupted=interrupted,
    )


def _entries(case: Case, path: Path) -> Iterator[tuple[str, Status, str, Row, str]]:
    """Of a case's rows name, status, reason, what is known, and version; of one that is not done, one of each pack."""
    folder = Folder(path)
    try:
        rows = folder.rows()
        failure = folder.failure() if rows is None else None
    except ValueError as error:
        yield case.name, "failed", str(error), dict(case.parameters), ""
        return
    if rows is not None:
        version = folder.version()
        for row in rows:
            yield case.name, "done", "", {**case.parameters, **row}, version
        return
    held = holder(path)
    if held is not None:
        owner, alive = held
        who = "an owner that cannot be told" if owner is None else str(owner)
        status, reason = ("running", f"by {who}") if alive else ("lost", f"{who} has died; run the plan to go on")
    elif failure is not None:
        status, reason = "failed", failure.sentence
    else:
        status, reason = "waiting", ""
    for point in case.points():
        yield case.name, status, reason, point, ""


def _held(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value)
    return tuple(_held(item) for item in value) if isinstance(value, list) else value
