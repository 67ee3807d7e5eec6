"""Anybody's folder of checkpoints as a training to be tracked."""

import math
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from ..checks import InputSequences, checked
from ..progress import Progress
from ..stopping import stoppable
from ..systems import Reading, read_as_told
from .history import TrackingHistory
from .tracker import AttractorTracker, TrackerOptions

_SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")


@checked
def checkpoint_files(folder: str | os.PathLike[str]) -> list[tuple[int, Path]]:
    """The files of weights in a folder, by their step: the last whole number in each name, "epoch=3-step=120.ckpt".

    Args:
        folder: that holds them, or that has a folder ``checkpoints`` which does. Names without a number ("best.pt",
            "last.pt") are passed over.

    Raises:
        ValueError: for a folder without checkpoints, or two of one step.
    """
    place = Path(folder)
    if not place.is_dir():
        raise ValueError(f"{place} is no folder of checkpoints")
    inner = place / "checkpoints"
    place = inner if inner.is_dir() else place
    found: dict[int, Path] = {}
    for path in sorted(place.iterdir()):
        numbers = re.findall(r"\d+", path.stem)
        if path.suffix not in _SUFFIXES or not numbers or path.name.startswith("."):
            continue
        step = int(numbers[-1])
        if step in found:
            raise ValueError(f"{place} holds two checkpoints of step {step}: {found[step].name} and {path.name}")
        found[step] = path
    if not found:
        kinds = ", ".join(_SUFFIXES)
        raise ValueError(f"{place} holds no checkpoint whose name ends in its step, like step-100.pt ({kinds})")
    return sorted(found.items())


@checked
def track_checkpoints(
    folder: str | os.PathLike[str],
    sequences: InputSequences,
    *,
    prefix: str | None = None,
    cell: str | None = None,
    nonlinearity: str | None = None,
    alpha: float | None = None,
    leak: str | None = None,
    tracker: AttractorTracker | None = None,
    progress: bool | None = None,
    **options: Unpack[TrackerOptions],
) -> TrackingHistory:
    """Look at every checkpoint of a folder, in the order of steps.

    What happened between two of them is located along the straight line between their weights, and no nearer than
    to the two: their steps are each event's bracket, their distance the ``resolutions`` of the history.

    Args:
        folder: see ``checkpoint_files``.
        sequences: as in ``AttractorTracker``.
        prefix, cell, nonlinearity, alpha, leak: of ``read_checkpoint``.
        tracker: one to show them to; otherwise one without a budget is made, with ``options``.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.
        options: of ``AttractorTracker``, as ``TrackerOptions`` names them.

    Returns:
        The history; Ctrl-C ends it early and keeps what was seen.

    Raises:
        ValueError: for a folder without checkpoints, or one that cannot be read.
    """
    files, reading = checkpoint_files(folder), Reading(prefix, cell, nonlinearity, alpha, leak)
    unlimited: TrackerOptions = {"budget": None, "time_limit": None}
    tracker = tracker or AttractorTracker(sequences, **(unlimited | options))
    with stoppable() as stop, Progress("checkpoints", progress, total=len(files), unit="checkpoint") as bar:
        for step, path in bar.counting(files):
            network = read_as_told(path, reading).network
            try:
                tracker.observe(step, network, force=True)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error
            bar.note(attractors=tracker.latest_count)
    # What went on between two checkpoints was no training.
    return replace(tracker.history, training_seconds=math.nan, interrupted=bool(stop))
