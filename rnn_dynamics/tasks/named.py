"""Tasks by name, as the command line and plans of sweeps have them: what is trained on, and what tests."""

from pathlib import Path
from typing import Any, NamedTuple

from ..checks import ArgumentError, checked
from .base import SequenceTask
from .copy_first_input import CopyFirstInput
from .denoising import Denoising
from .flip_flop import FlipFlop
from .images import digits, mnist
from .pixels import PixelSequences

_SEQUENCES, _TEST_SEQUENCES = 10_000, 2000
_SEED, _TEST_SEED = 0, 1_000_003
"""Of the data: the same for every run, so that networks of several runs can be compared."""

_LENGTHS = {"copy": 50, "denoising": 100, "flip-flop": 60}
_IMAGES = {"rows": PixelSequences.by_row, "pixels": PixelSequences.by_pixel, "permuted": PixelSequences.permuted}
TASK_NAMES = (*_LENGTHS, *_IMAGES)

TASK_OPTIONS = {
    "length": tuple(_LENGTHS),
    "sequences": tuple(_LENGTHS),
    "pad": ("denoising",),
    "bits": ("flip-flop",),
    "blank": tuple(_IMAGES),
    "data": tuple(_IMAGES),
}
"""Which tasks an option is for."""


class NamedTask(NamedTuple):
    """A task to train on, one to test on, and what they are in words."""

    train: SequenceTask
    test: SequenceTask
    words: str


@checked
def task_by_name(name: str, **options: Any) -> NamedTask:
    """Make the task of a name; ``options`` as in ``TASK_OPTIONS``, None for what was not given.

    Raises:
        ValueError: for another name, options that belong to other tasks, or data that cannot be made or read.
    """
    if name not in TASK_NAMES:
        raise ValueError(f"there is no task {name!r}; there are {', '.join(TASK_NAMES)}")
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if name not in TASK_OPTIONS[option]:
            raise ArgumentError(option, f"is for {', '.join(TASK_OPTIONS[option])}, not for {name}")
    if name in _IMAGES:
        return _of_images(name, given.get("blank", 0), given.get("data"))
    length, n = given.get("length", _LENGTHS[name]), given.get("sequences", _SEQUENCES)
    try:
        train, test = (
            _made(name, size, length, given, seed) for size, seed in ((n, _SEED), (_TEST_SEQUENCES, _TEST_SEED))
        )
    except ArgumentError as error:
        raise ArgumentError("sequences" if error.argument == "n" else error.argument, error.refusal) from error
    except (RuntimeError, MemoryError) as error:  # what torch's allocator raises
        raise ValueError(f"cannot make {n:,} sequences of {length:,} steps: {error}".splitlines()[0]) from error
    return NamedTask(
        train, test, f"{name}, {n:,} sequences of {length} steps{_width(train)}; {len(test):,} others test"
    )


def _made(name: str, n: int, length: int, given: dict[str, Any], seed: int) -> SequenceTask:
    if name == "copy":
        return CopyFirstInput(n, length, seed=seed)
    if name == "denoising":
        return Denoising(n, length, given.get("pad", 5), seed=seed)
    return FlipFlop(n, length, given.get("bits", 3), seed=seed)


def _of_images(name: str, blank: int, data: Path | None) -> NamedTask:
    train, test = (_IMAGES[name](*part, blank=blank) for part in (digits() if data is None else mnist(data)))
    origin = "scikit-learn's digits" if data is None else str(data)
    steps = f"{train.inputs.shape[1]} steps{_width(train)}" + (f", {blank} of them blank" if blank else "")
    words = f"{name} of {origin}, {len(train):,} sequences of {steps}; {len(test):,} others test"
    return NamedTask(train, test, words)


def _width(task: SequenceTask) -> str:
    return f" with {task.input_size} input{'s' * (task.input_size > 1)}"
