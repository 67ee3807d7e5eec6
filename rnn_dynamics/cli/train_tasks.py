"""The tasks that ``rnn-dynamics train`` knows by name."""

from pathlib import Path
from typing import NamedTuple

from ..tasks import CopyFirstInput, Denoising, FlipFlop, LabelledImages, PixelSequences, SequenceTask, digits, mnist

_TEST_SEQUENCES = 2000
_TEST_SEED = 1_000_003
"""Far from the seeds that training data are drawn with."""

_LENGTHS = {"copy": 50, "denoising": 100, "flip-flop": 60}
_IMAGES = {"rows": PixelSequences.by_row, "pixels": PixelSequences.by_pixel, "permuted": PixelSequences.permuted}
NAMES = (*_LENGTHS, *_IMAGES)


class NamedTask(NamedTuple):
    """A task to train on, one to test on, and what they are in words."""

    train: SequenceTask
    test: SequenceTask
    words: str


def task_by_name(
    name: str, *, length: int | None, pad: int, bits: int, blank: int, sequences: int, data: Path | None, seed: int
) -> NamedTask:
    """Make the task of a name.

    Raises:
        ValueError: for another name, or options that belong to other tasks.
    """
    if name not in NAMES:
        raise ValueError(f"there is no task {name!r}; there are {', '.join(NAMES)}")
    if name in _IMAGES:
        if length is not None:
            raise ValueError(f"--length is for {', '.join(_LENGTHS)}; {name} is as long as its images, plus --blank")
        return _of_images(name, blank, data)
    if data is not None or blank:
        raise ValueError(f"{'--data' if data is not None else '--blank'} is for {', '.join(_IMAGES)}, not for {name}")
    length = _LENGTHS[name] if length is None else length
    sizes = ((sequences, seed), (_TEST_SEQUENCES, _TEST_SEED + seed))
    if name == "copy":
        train, test = (CopyFirstInput(n, length, seed=own) for n, own in sizes)
    elif name == "denoising":
        train, test = (Denoising(n, length, pad, seed=own) for n, own in sizes)
    else:
        train, test = (FlipFlop(n, length, bits, seed=own) for n, own in sizes)
    return NamedTask(train, test, f"{name}, {sequences:,} sequences of {length} steps")


def _of_images(name: str, blank: int, data: Path | None) -> NamedTask:
    train, test = digits() if data is None else mnist(data)

    def read(part: LabelledImages) -> SequenceTask:
        return _IMAGES[name](*part, blank=blank)

    made = read(train)
    origin = "scikit-learn's digits" if data is None else str(data)
    words = f"{name} of {origin}, {len(made):,} sequences of {made.inputs.shape[1]} steps ({blank} of them blank)"
    return NamedTask(made, read(test), words)
