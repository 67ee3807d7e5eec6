"""What a training leaves on disk, so that it can be gone on with and looked at."""

import io
import os
import pickle
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from ..checks import AdvisedError, ArgumentError, whole_number
from ..files import is_there, replacing
from ..results import Result
from .members import Weights
from .saved_state import fault_of

FORMAT = 1

_PARTS = {"identity", "members", "step"}

_UNREADABLE = (
    OSError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What ``zipfile`` and ``torch.load`` raise for a file that is damaged or another."""


class RunFolder:
    """``state.pt``, and for each seed a folder of weights and history.

    Every file is written whole beside its name and then takes it, so that a kill or a full disk leaves the one before.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        resume: bool,
        snapshot_every: int | None,
        fault: Callable[[Any], str | None] = fault_of,
    ) -> None:
        """Set up; ``fault`` says what is wrong with a state that was read, None for one that can be gone on with."""
        self.path, self.snapshot_every, self._resume = Path(path), snapshot_every, resume
        self._fault_of = fault
        self.state_path = self.path / "state.pt"
        self._good_step: int | None = None

    def begin(self) -> dict[str, Any] | None:
        """The state to go on from; None for a training that starts anew.

        Raises:
            ValueError: for a state that is not to be resumed, or cannot be read.
        """
        try:
            found = is_there(self.state_path)
        except OSError as error:
            raise ValueError(f"cannot use folder {self.path}: {error}") from error
        if not found:
            return None
        if not self._resume:
            raise ValueError(f"{self.path} holds a training already: go on with resume=True, or choose another folder")
        try:
            content = io.BytesIO(self.state_path.read_bytes())  # at once: another process may replace the file
            with zipfile.ZipFile(content) as archive:
                damaged = archive.testzip()  # torch.load takes a flipped bit for a number
            if damaged is not None:
                raise ValueError(f"its part {damaged} is damaged")
            content.seek(0)
            state = torch.load(content, map_location="cpu", weights_only=True)
        except _UNREADABLE as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            if isinstance(error, pickle.UnpicklingError):  # torch would have it loaded without weights_only
                reason = "it is not what a training wrote"
            raise ValueError(f"cannot read {self.state_path}: {reason}") from error
        if not isinstance(state, dict) or state.get("format") != FORMAT or not state.keys() >= _PARTS:
            raise ValueError(f"{self.state_path} is not a training of format {FORMAT}")
        if (fault := self._fault_of(state)) is not None:
            raise ValueError(f"{self.state_path} is not what a training wrote: {fault}")
        self._good_step = state["step"]
        return state

    def require_same(self, before: dict[str, Any], now: dict[str, Any], done: int, wanted: int, noun: str) -> None:
        """Refuse to go on with other settings, data or shapes than ``before``, or to fewer epochs than are done.

        Raises:
            ValueError: that names what differs.
        """
        differing = []
        for name, value in now.items():
            if before.get(name) != value:
                short = name.endswith("data") or isinstance(value, dict)
                differing.append(f"the {name} differ" if short else f"{name} was {before.get(name)}, is now {value}")
        if done > wanted:
            differing.append(f"{noun} is now {wanted}, but {done} are done")
        if differing:
            raise ValueError(f"cannot go on with the training in {self.path}: {'; '.join(differing)}")

    def write_state(self, state: dict[str, Any]) -> None:
        """Replace the state that ``resume`` goes on from."""
        buffer = io.BytesIO()
        torch.save({"format": FORMAT, **state}, buffer)
        self._write(self.state_path, buffer.getbuffer(), state["step"])
        self._good_step = state["step"]

    def write_member(self, seed: int, history: Result, best: Weights, last: Weights, step: int) -> None:
        """Write ``best.safetensors``, ``last.safetensors`` and ``history.csv`` of a seed."""
        folder = self._of(seed)
        self._write(folder / "best.safetensors", _packed(best), step)
        self._write(folder / "last.safetensors", _packed(last), step)
        self._write(folder / "history.csv", history.to_pandas().to_csv().encode(), step)

    def write_snapshot(self, seed: int, step: int, weights: Weights) -> None:
        """Write a seed's weights after ``step`` updates, for ``read_checkpoint``."""
        self._write(self._of(seed) / "checkpoints" / f"step-{step:08d}.safetensors", _packed(weights), step)

    def _of(self, seed: int) -> Path:
        return self.path / f"seed-{seed}"

    def _write(self, path: Path, content: bytes | memoryview, step: int) -> None:
        # From memory, so that whatever fails is an OSError that names its cause.
        try:
            with replacing(path) as temporary:
                temporary.write_bytes(content)
        except ValueError as error:
            if self._good_step is None:
                raise ValueError(f"{error}; nothing was trained") from error
            raise AdvisedError(
                f"training stopped at step {step}: {error}; the last good checkpoint is from step {self._good_step}, "
                "go on from it with",
                "resume",
                True,
            ) from error


def kept_in(
    folder: str | os.PathLike[str] | None,
    resume: bool,
    snapshot_every: int | None,
    fault: Callable[[Any], str | None] = fault_of,
) -> RunFolder | None:
    """Where a training keeps what it does; None if it keeps nothing.

    Raises:
        ValueError: for what cannot be done without a folder.
    """
    if snapshot_every is not None:
        whole_number(snapshot_every, "snapshot_every", 1)
    if folder is not None:
        return RunFolder(folder, resume, snapshot_every, fault)
    if resume or snapshot_every is not None:
        raise ArgumentError("resume" if resume else "snapshot_every", "needs a folder")
    return None


def _packed(weights: Weights) -> bytes:
    return safetensors.torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()})
