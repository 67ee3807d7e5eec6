"""``run.json``: with which options a run was made, so that it is gone on with, and tracked, under the same."""

import json
from pathlib import Path
from typing import Any

from ..checks import InputSequences
from ..files import replacing
from ..tasks import TASK_OPTIONS, task_by_name
from .train_tasks import MAZE, OWN_OPTIONS, maze_histories

_NAME = "run.json"

_FREE = (
    "epochs",
    "episodes",
    "track_every",
    "budget",
    "snapshot_every",
    "device",
    "resume",
    "out",
    "cell",
    "hidden",
    "layers",
)
"""What may change from one part of a run to the next, or is told by the network's name."""


_TEXTS = ("task", "network", "hold", "data")


def written_record(folder: Path, options: dict[str, Any]) -> Path:
    """Write the options of a run."""
    path = folder / _NAME
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(_plain(options), indent=1))
    return path


def read_record(folder: Path) -> dict[str, Any] | None:
    """The options of the run in a folder; None if it is not one of ``rnn-dynamics train``.

    Raises:
        ValueError: for a file that cannot be read.
    """
    path = folder / _NAME
    if not path.is_file():
        return None
    try:
        options = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    if not isinstance(options, dict) or not all(isinstance(options.get(name), str) for name in ("task", "network")):
        raise ValueError(f"{path} does not hold the options of a run")
    for name, value in options.items():
        kind = str if name in _TEXTS else int if name in OWN_OPTIONS else None
        if kind is not None and value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise ValueError(f"{path} does not hold the options of a run: {name} is {value!r}"[:300])
    return options


def recorded_sequences(options: dict[str, Any]) -> tuple[InputSequences, str]:
    """The inputs that a run was trained on, or explored, and what they are in words."""
    if options["task"] == MAZE:
        length = options["length"]
        return maze_histories(length), f"histories of exploration in a T-Maze of length {length}"
    own = {name: options.get(name) for name in TASK_OPTIONS}
    own["data"] = None if own["data"] is None else Path(own["data"])
    named = task_by_name(options["task"], **own)
    return named.train, named.words.split(";")[0]


def is_begun(folder: Path) -> bool:
    """Whether a folder holds something to go on from: the state of a training, or observations of its warmup."""
    return (folder / "state.pt").exists() or any(folder.glob("seed-*/tracking/observation-*.safetensors"))


def require_resumable(folder: Path, options: dict[str, Any]) -> None:
    """Refuse to go on with a run under other options.

    Raises:
        ValueError: naming them.
    """
    before = read_record(folder) if is_begun(folder) else None
    if before is None:
        return
    differing = [
        f"--{name.replace('_', '-')} was {before[name]}, is now {value}"
        for name, value in _plain(options).items()
        if name in before and name not in _FREE and before[name] != value
    ]
    if differing:
        raise ValueError(f"cannot go on with the run in {folder} under other options: {'; '.join(differing)}")


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
