"""One page of HTML that holds everything: what a user sends to a colleague."""

import base64
import io
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import matplotlib.pyplot as plt
from jinja2 import Environment, PackageLoader, select_autoescape

from ..attractors import Attractors
from ..checks import ArgumentError, CheckedInside, checked
from ..files import replacing
from ..fixed_points import FixedPoints
from ..plotting import plot_attractors, plot_fixed_points, plot_spectrum
from ..results import Result
from ..systems import DrivenMap

_PACKAGES = ("rnn-dynamics", "torch", "numpy", "scipy")

_BLIND = {
    FixedPoints: (
        "Fixed points that no start led to are not listed. Where the map takes a box into itself the sum of indices "
        "can show that some are missing; that it comes out right does not prove that none are."
    ),
    Attractors: (
        "Attractors whose basins no start lay in are not listed, and shares are shares of these starts. A drift slower "
        "than the horizon is called slow, and not an attractor."
    ),
}


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure within the page."""

    alt: str
    data: str


@dataclass(frozen=True, eq=False)
class Section:
    """One result as the page shows it."""

    title: str
    summary: str
    advice: Sequence[str]
    evidence: Sequence[str]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: int
    pictures: Sequence[Picture]
    limits: str


_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")

_MOST = 200
"""Rows of a table that are written; the page says how many there are."""


@checked
def write_page(
    results: Annotated[Sequence[Result], CheckedInside()],
    path: str | os.PathLike[str],
    *,
    title: str = "What was found in a recurrent network",
    settings: Annotated[Sequence[tuple[str, str]], CheckedInside()] = (),
) -> Path:
    """Write results as one page of HTML that needs no other file and no network.

    Args:
        results: any of this library; fixed points and attractors with pictures.
        path: of the page, which appears only when it is whole.
        title: of the page.
        settings: pairs of names and values: how the results were computed.

    Returns:
        The path.

    Raises:
        ValueError: for no results, things that are none, or a file that cannot be written.
    """
    results = list(results)
    if not results:
        raise ArgumentError("results", "must be one result or more, got none")
    for result in results:
        if not isinstance(result, Result):
            raise ArgumentError("results", f"must be results of this library, got {type(result).__name__}")
    environment = Environment(
        loader=PackageLoader("rnn_dynamics.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("page.html").render(
        title=title,
        sections=[_section(result) for result in results],
        settings=list(settings),
        versions=[("Python", platform.python_version()), *((name, version(name)) for name in _PACKAGES)],
    )
    path = Path(path)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _section(result: Result) -> Section:
    table = result.to_pandas()
    evidence = [result.completeness.verdict] if isinstance(result, FixedPoints) else []
    evidence += [result.verdict] if isinstance(result, Attractors) else []
    return Section(
        title=_CAMEL.sub(" ", type(result).__name__).capitalize(),
        summary=result.summary(),
        advice=[*result.advice, *(f"of the map: {note}" for note in result.notes)],
        evidence=evidence,
        columns=[str(name) for name in table.columns],
        rows=[[_text(value) for value in row] for row in table.head(_MOST).itertuples(index=False, name=None)],
        total=len(table),
        pictures=_pictures(result),
        limits=next((text for kind, text in _BLIND.items() if isinstance(result, kind)), ""),
    )


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _pictures(result: Result) -> list[Picture]:
    if isinstance(result, FixedPoints) and len(result):
        return [
            _picture(plot_fixed_points(result), f"Fixed points in the plane of most variance: {result.summary()}"),
            _picture(plot_spectrum(result), "Eigenvalues of the Jacobian at the fixed points, and the unit circle"),
        ]
    if isinstance(result, Attractors) and len(result):
        return [_picture(plot_attractors(result), f"Attractors in the plane of most variance: {result.summary()}")]
    return []


def _picture(ax: Any, alt: str) -> Picture:
    figure, file = ax.figure, io.BytesIO()
    try:
        figure.savefig(file, format="png", dpi=200)
    finally:
        plt.close(figure)
    return Picture(alt, base64.b64encode(file.getvalue()).decode("ascii"))


def settings_of(network: DrivenMap, seed: int, **others: object) -> list[tuple[str, str]]:
    """How results of a network were computed, for ``write_page``."""
    return [("network", repr(network)), ("seed", str(seed)), *((name, str(value)) for name, value in others.items())]
