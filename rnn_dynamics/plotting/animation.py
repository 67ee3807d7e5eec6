"""Pictures that follow one another: a landscape over a parameter, or over a training."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FFMpegWriter, PillowWriter
from matplotlib.axes import Axes

from ..checks import ArgumentError, ArrayLike, CheckedInside, Positive, Within, as_tensor, checked
from ..files import replacing
from ..progress import each
from ..stopping import go_on
from . import style

_DPI = 150


@checked
def animate(
    draw: Annotated[Callable[[Any, Axes], object], CheckedInside()],
    values: Annotated[Sequence[Any], CheckedInside()],
    path: Annotated[str | os.PathLike[str], CheckedInside()],
    *,
    fps: Annotated[float, Positive()] = 8.0,
    columns: int = 1,
    height: Annotated[float, Within(0.2, 40.0)] | None = None,
    projection: str | None = None,
    limits: ArrayLike | None = None,
    progress: bool | None = None,
) -> Path:
    """Write one picture for each value, one after the other, as a GIF or an MP4.

    Args:
        draw: called with a value and an empty axis in the house style: draws the picture, such as
            ``lambda p, ax: rd.plot_phase_portrait(family(p), ax, limits=limits)``.
        values: of a parameter, steps of a training with their networks, or whatever ``draw`` takes.
        path: ending in .gif, which needs nothing more, or in .mp4, which needs the program ffmpeg.
        fps: pictures in a second.
        columns: 1 (85 mm) or 2 (176 mm) wide.
        height: in inches, as in ``figure``.
        projection: None, or "3d".
        limits: of the axes, the same in all pictures: ((x0, x1), (y0, y1)), in space one pair more; by default each has
            its own.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        The path. The file appears only when whole; Ctrl-C leaves none.

    Raises:
        ValueError: for no values, another ending, no ffmpeg where it is needed, or limits that do not fit.
    """
    if not callable(draw):
        raise ArgumentError("draw", f"must be a function of a value and an axis, got {type(draw).__name__}")
    if not isinstance(values, Sequence | np.ndarray | torch.Tensor) or not np.size(values):
        raise ArgumentError("values", "must be a sequence of one value at least")
    frames = list(values)
    file, writer = _writer(path, fps)
    names = ("x", "y", "z") if projection == "3d" else ("x", "y")
    bounds = _bounds(limits, len(names))
    figure, ax = style.figure(columns, height, projection)
    try:
        with replacing(file) as temporary, style.styled(), writer.saving(figure, str(temporary), dpi=_DPI):
            for value in each(frames, "animation", progress, unit="picture"):
                figure.clear()
                ax = figure.add_subplot(projection=projection)
                style.dress(ax)
                draw(value, ax)
                for name, pair in zip(names, bounds, strict=False):
                    getattr(ax, f"set_{name}lim")(*pair)
                writer.grab_frame()
                go_on()
    finally:
        plt.close(figure)
    return file


def _bounds(limits: ArrayLike | None, axes: int) -> list[list[float]]:
    if limits is None:
        return []
    pairs = as_tensor(limits, "limits", dtype=torch.float64, device=torch.device("cpu"))
    if pairs.shape != (axes, 2) or not bool((pairs[:, 0] < pairs[:, 1]).all()):
        raise ArgumentError("limits", f"must be a lower and a higher number for each of {axes} axes")
    return pairs.tolist()


def _writer(path: str | os.PathLike[str], fps: float) -> tuple[Path, PillowWriter | FFMpegWriter]:
    try:
        file = Path(path)
    except TypeError as error:
        raise ArgumentError("path", f"must be that of a file, got {type(path).__name__}") from error
    kind = file.suffix.lower()
    if kind not in (".gif", ".mp4"):
        raise ArgumentError("path", f"must end in .gif or .mp4, got {file.name!r}")
    if kind == ".gif":
        return file, PillowWriter(fps=fps)  # pyright: ignore[reportArgumentType]
    if not FFMpegWriter.isAvailable():
        raise ArgumentError("path", "must end in .gif here: an MP4 needs the program ffmpeg, which is not installed")
    return file, FFMpegWriter(fps=fps)  # pyright: ignore[reportArgumentType]
