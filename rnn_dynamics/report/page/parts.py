"""Results as parts of a page, each with its evidence, pictures, table and limits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...certificates import ProvedReach
from ...conditions import OverInputs
from ...multistability import Reachability
from ...results import Result
from .cells import PageTable, table_of
from .pictures import Picture, pictures_of
from .words import limits_of

_MOST_PARTS = 40
"""Sections of results within results; of more the page says so."""


@dataclass(frozen=True)
class Part:
    """A section of the page."""

    anchor: str
    title: str
    summary: str
    evidence: tuple[str, ...]
    warnings: tuple[str, ...]
    pictures: tuple[Picture, ...]
    table: PageTable | None
    limits: tuple[str, ...]
    settings: str | None
    """What it says of how it was computed, if it does."""


def parts_of(results: Mapping[str, Result], trajectories: Tensor | None) -> list[Part]:
    """A part for each result, and for each of those that it holds."""
    every = [pair for name, result in results.items() for pair in _with_inner(name, result)]
    parts = [_part(number, name, result, trajectories) for number, (name, result) in enumerate(every[:_MOST_PARTS])]
    if len(every) > _MOST_PARTS:
        left = f"{len(every) - _MOST_PARTS} more results are not shown on this page"
        last = parts[-1]
        parts[-1] = Part(**{**vars(last), "warnings": (*last.warnings, left)})
    return parts


def every_result(results: Mapping[str, Result]) -> list[Result]:
    """The results, and those that they hold."""
    return [result for name, outer in results.items() for _, result in _with_inner(name, outer)]


def _with_inner(name: str, result: Result) -> Iterator[tuple[str, Result]]:
    yield name, result
    inner: list[tuple[str, Any]] = []
    if isinstance(result, Reachability):
        inputs = (", ".join(f"{x:.4g}" for x in row[:6]) + ", ..." * (len(row) > 6) for row in result.inputs.tolist())
        inner = [
            (f"attractors under held input [{held}]", one) for held, one in zip(inputs, result.attractors, strict=False)
        ]
    elif isinstance(result, OverInputs):
        inner = [(held, one) for held, one in zip(result.conditions, result.results, strict=False)]
    elif isinstance(result, ProvedReach):
        inner = [(f"held input {row}", one) for row, one in enumerate(result.certificates)]
    for words, one in inner:
        yield f"{name}: {words}", one


def _part(number: int, name: str, result: Result, trajectories: Tensor | None) -> Part:
    verdict = getattr(result, "verdict", None)
    if verdict is None and hasattr(result, "completeness"):
        verdict = result.completeness.verdict  # pyright: ignore[reportAttributeAccessIssue]
    warnings = list(result.advice)
    if result.interrupted:
        warnings.insert(0, "interrupted: this is what there was by then")
    if result.notes:
        warnings.append(f"of a map with notes: {'; '.join(result.notes)}")
    said = [line for line in result._notes() if line not in result.advice and line != verdict]
    settings = getattr(result, "settings", None)
    return Part(
        anchor=f"part-{number + 1}",
        title=name,
        summary=result.summary(),
        evidence=(*([verdict] if isinstance(verdict, str) else []), *said),
        warnings=tuple(dict.fromkeys(warnings)),
        pictures=tuple(pictures_of(result, trajectories)),
        table=table_of(result),
        limits=tuple(limits_of(result)),
        settings=settings if isinstance(settings, str) else None,
    )
