"""``write_page``: results as one page that is sent to a colleague."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from ...checks import ArgumentError, ArrayLike, CheckedInside, as_tensor, checked
from ...files import replacing
from ...results import Result
from ...version import __version__
from .words import NO_PROOF, sources_of

_PACKAGES = ("torch", "numpy", "scipy", "matplotlib")

_ENDINGS = (".html", ".htm")

Results = Result | Sequence[Result] | Mapping[str, Result]


@checked
def write_page(
    results: Annotated[Results, CheckedInside()],
    path: str | os.PathLike[str],
    *,
    title: str = "What this network does",
    about: Annotated[Mapping[str, object] | None, CheckedInside()] = None,
    settings: Annotated[Mapping[str, object] | None, CheckedInside()] = None,
    trajectories: ArrayLike | None = None,
) -> Path:
    """Write one HTML page of results that needs no other file, opens offline, and prints.

    It holds what was found, the evidence, pictures, tables (each whole as a CSV file within the page, every digit
    behind the numbers that are printed), how it was computed, what it cannot tell, versions, and how to cite. Nothing
    of it is a script, and nothing is loaded from elsewhere.

    Args:
        results: one, several, or under the headings that they are to have.
        path: of the page, which ends in .html; it appears only when whole.
        title: its heading.
        about: what the results are of, as names and values: the network, its file, the held input.
        settings: how they were computed, seeds among them; results that were saved do not hold it.
        trajectories: [b, t, n], drawn behind fixed points and attractors.

    Returns:
        The path.

    Raises:
        ValueError: for something that is no result, for none at all, a path that does not end in .html or cannot be
            written, and trajectories of another shape.
    """
    from .parts import every_result, parts_of  # and with them matplotlib, which help does without

    path = Path(path)
    if path.suffix.lower() not in _ENDINGS:
        raise ArgumentError("path", f"must end in .html, got {path.name!r}")
    named = _named(results)
    paths = None
    if trajectories is not None:
        paths = as_tensor(trajectories, "trajectories", dtype=torch.float64, device=torch.device("cpu"))
        if paths.ndim != 3:
            raise ArgumentError("trajectories", f"must have shape [b, t, n], got {list(paths.shape)}")
    every = every_result(named)
    parts = parts_of(named, paths)
    held = {part.title: part.settings for part in parts if part.settings}
    page = _template().render(
        title=title,
        day=date.today().isoformat(),
        parts=parts,
        about=_written(about, "about"),
        settings={**_written(settings, "settings"), **held},
        versions=_versions(),
        machine=f"{platform.system()} {platform.machine()}",
        no_proof=NO_PROOF,
        sources=sources_of(every),
        release=__version__,
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _versions() -> dict[str, str]:
    others = {name: version(name) for name in _PACKAGES}
    return {"rnn_dynamics": __version__, "Python": platform.python_version(), **others}


def _named(results: Results) -> dict[str, Result]:
    """Results under headings: their own, or the words of their class, with numbers where there are several."""
    if isinstance(results, Mapping):
        pairs = [(str(name), result) for name, result in results.items()]
    else:
        several = [results] if isinstance(results, Result) else list(results) if isinstance(results, Sequence) else None
        if several is None:
            raise ArgumentError("results", f"must be results of this library, got {type(results).__name__}")
        pairs = [(_words(result), result) for result in several]
    if not pairs:
        raise ArgumentError("results", "must be one result or more, got none")
    named: dict[str, Result] = {}
    for name, result in pairs:
        if not isinstance(result, Result):
            raise ArgumentError("results", f"must be results of this library, got a {type(result).__name__}")
        own, count = name, 1
        while own in named:
            count += 1
            own = f"{name} ({count})"
        named[own] = result
    return named


def _words(result: object) -> str:
    """FixedPoints: "Fixed points"."""
    name = type(result).__name__
    return "".join(f" {letter.lower()}" if letter.isupper() and place else letter for place, letter in enumerate(name))


def _written(pairs: Mapping[str, object] | None, argument: str) -> dict[str, str]:
    if pairs is None:
        return {}
    if not isinstance(pairs, Mapping):
        raise ArgumentError(argument, f"must be names with values, got {type(pairs).__name__}")
    return {str(name): _value(value) for name, value in pairs.items()}


def _value(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return ", ".join(f"{x:.6g}" for x in value.flatten().tolist())
    return str(value)


def _template() -> Template:
    folder = FileSystemLoader(Path(__file__).parent)
    options = {"autoescape": True, "undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    return Environment(loader=folder, **options).get_template("page.html")
