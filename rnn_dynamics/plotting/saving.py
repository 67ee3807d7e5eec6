"""Figures to disk: format by extension, the width that a journal asks for, the same bytes for the same figure."""

import io
import math
import os
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import matplotlib as mpl
from matplotlib.figure import Figure, SubFigure

from ..checks import ArgumentError, CheckedInside, checked
from ..files import replacing
from .style import styled

_BOTH = ("pdf", "png")
"""What is written for a path without an extension: one to print, one to look at."""

_FORMATS = ("pdf", "svg", "eps", "ps", "png", "jpg", "jpeg", "tif", "tiff", "webp")

_REFUSED = ("ai", "avif", "bmp", "emf", "gif", "pgf", "raw", "rgba", "svgz", "wmf")
"""Other extensions of figures: with ".pdf" after them they would be a mistake, not a name."""

_DPI = 300

_MM = 25.4
"""Millimetres of an inch."""

_MOST_LINES = 400_000
"""Bytes of a drawing in lines that a page holds; one of more becomes an image of dots."""

_PAGE_DPI = 200

_DATED: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
"""What leaves the date out, so that the same figure is the same file."""

_DATE_AND_NAME = re.compile(rb"^%%(Title|CreationDate):.*\n", re.MULTILINE)
"""Where PostScript holds them; the name is that of a temporary file."""


@checked
def save_figure(
    figure: Annotated[Figure | SubFigure, CheckedInside()],
    path: Annotated[str | os.PathLike[str], CheckedInside()],
    formats: Annotated[str | Sequence[str] | None, CheckedInside()] = None,
    *,
    width_mm: Annotated[float | None, CheckedInside()] = None,
    height_mm: Annotated[float | None, CheckedInside()] = None,
) -> list[Path]:
    """Write a figure, each file whole or not at all: text stays text, images have 300 dpi, no file holds a date.

    Args:
        figure: from ``figure()``, or ``ax.figure`` of any plot.
        path: its extension decides the format, "graph.svg" and the like; without one PDF and PNG are written side by
            side. Missing folders are made.
        formats: "svg", ("pdf", "svg"), ...: each is written beside the others, its extension appended to ``path``.
        width_mm: of the page in millimetres, 85 and 176 being one and two columns; that of the figure by default. Fonts
            and lines keep their sizes.
        height_mm: in proportion to the width by default.

    Returns:
        The paths, one a format.

    Raises:
        ValueError: for something else than a figure, another format, an extension and formats
            at once, sizes that are not positive, or a folder that cannot be written.
    """
    if not isinstance(figure, Figure):
        raise ValueError(f"save_figure takes a matplotlib Figure (of a plot: ax.figure), got {type(figure).__name__}")
    paths = _paths(path, formats)
    for name, size in (("width_mm", width_mm), ("height_mm", height_mm)):
        if size is not None and (
            isinstance(size, bool) or not isinstance(size, int | float) or not 0 < size < math.inf
        ):
            raise ArgumentError(name, f"must be a positive number of millimetres, got {size!r}")
    with styled(), _resized(figure, width_mm, height_mm):
        _settle(figure)
        for file, kind in paths.items():
            with replacing(file) as temporary, _as_of_the_system():
                figure.savefig(temporary, dpi=_DPI, format=kind, metadata=_DATED.get(kind))
                if kind in ("eps", "ps"):
                    temporary.write_bytes(_DATE_AND_NAME.sub(b"", temporary.read_bytes()))
    return list(paths)


@checked
def embed_figure(figure: Annotated[Figure, CheckedInside()]) -> str:
    """A figure as a data URI, for a page that needs no other file: SVG, or PNG of 200 dpi where that would be large.

    Text becomes outlines, as the reader's machine may lack the fonts: ``<img alt="...">`` is to say what is to be read.

    Raises:
        ValueError: for something else than a figure.
    """
    if not isinstance(figure, Figure):
        raise ArgumentError(
            "figure", f"must be a matplotlib Figure (of a plot: ax.figure), got {type(figure).__name__}"
        )
    with styled(), mpl.rc_context({"svg.fonttype": "path"}):
        kind, content = "svg+xml", _bytes_of(figure, "svg", _DPI)
        if len(content) > _MOST_LINES:
            kind, content = "png", _bytes_of(figure, "png", _PAGE_DPI)
    return f"data:image/{kind};base64,{b64encode(content).decode()}"


def _bytes_of(figure: Figure, kind: str, dpi: int) -> bytes:
    file = io.BytesIO()
    _settle(figure)
    figure.savefig(file, dpi=dpi, format=kind, metadata=_DATED.get(kind))
    return file.getvalue()


def _settle(figure: Figure) -> None:
    """Let the layout come to rest: ticks that its first pass brings may need more room, which the second gives."""
    figure.draw_without_rendering()


@contextmanager
def _as_of_the_system() -> Iterator[None]:
    """What could not be written as an OSError, not as what a writer stumbled over in its wake."""
    try:
        yield
    except AttributeError as error:
        cause = error.__context__
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__context__
        if cause is None:
            raise
        raise cause from None


def _paths(path: str | os.PathLike[str], formats: str | Sequence[str] | None) -> dict[Path, str]:
    """Each file with its format."""
    try:
        stem = Path(path)
    except TypeError as error:
        raise ArgumentError("path", f"must be that of a file, got {type(path).__name__}") from error
    if not stem.name:
        raise ArgumentError("path", f"must end in the name of a file, got {str(path)!r}")
    extension = stem.suffix[1:].lower()
    if extension in _REFUSED:
        raise ArgumentError("path", f"must have an extension of {', '.join(_FORMATS)}, or none, got {stem.name}")
    if formats is None:
        # "figure.2" has no extension, as no format is called 2.
        return {stem: extension} if extension in _FORMATS else {_appended(stem, kind): kind for kind in _BOTH}
    if extension in _FORMATS:
        raise ArgumentError("path", f"must come without {stem.suffix} where formats are given: {stem}")
    kinds = [formats] if isinstance(formats, str) else list(formats)
    kinds = [str(kind).removeprefix(".").lower() for kind in kinds]
    if strange := [kind for kind in kinds if kind not in _FORMATS]:
        raise ArgumentError("formats", f"must be of {', '.join(_FORMATS)}, got {', '.join(strange)}")
    if not kinds:
        raise ArgumentError("formats", "must be at least one, got none")
    return {_appended(stem, kind): kind for kind in kinds}


def _appended(stem: Path, kind: str) -> Path:
    return stem.with_name(f"{stem.name}.{kind}")


@contextmanager
def _resized(figure: Figure, width_mm: float | None, height_mm: float | None) -> Iterator[None]:
    """The figure at another size in millimetres, in proportion if only one is given; afterwards at its own."""
    width, height = before = tuple(map(float, figure.get_size_inches()))
    new_width = width_mm / _MM if width_mm is not None else width * (height_mm / _MM / height if height_mm else 1.0)
    new_height = height_mm / _MM if height_mm is not None else height * new_width / width
    try:
        figure.set_size_inches(new_width, new_height, forward=False)
        yield
    finally:
        figure.set_size_inches(*before, forward=False)
