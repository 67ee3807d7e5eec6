"""One GPU a worker: of those that this process may use, worker i sees the one of number i, and no other."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

VARIABLE = "CUDA_VISIBLE_DEVICES"
MOST_GPUS = 1024


def visible_gpus(count: int) -> tuple[str, ...]:
    """The names, as ``CUDA_VISIBLE_DEVICES`` has them, of the first GPUs that this process may use.

    Raises:
        ValueError: if the variable names fewer than ``count``.
    """
    said = os.environ.get(VARIABLE)
    names = tuple(str(number) for number in range(count)) if said is None else _split(said)
    if len(names) < count:
        raise ValueError(f"gpus is {count}, but {VARIABLE} is {said!r}")
    return names[:count]


def see_one(gpus: tuple[str, ...], worker: int) -> None:
    """Let this process see one of the GPUs, before CUDA begins; none given, all stays as it is.

    Raises:
        RuntimeError: if CUDA has begun, which does not look at the variable again.
    """
    if not gpus:
        return
    if torch.cuda.is_initialized():
        raise RuntimeError(f"{VARIABLE} is set too late: CUDA has begun in this process")
    os.environ[VARIABLE] = gpus[worker % len(gpus)]


@contextmanager
def seeing_one(gpus: tuple[str, ...], worker: int) -> Iterator[None]:
    """Let this process see one of the GPUs for as long as the block lasts; once CUDA has begun it sees no other."""
    before = os.environ.get(VARIABLE)
    see_one(gpus, worker)
    try:
        yield
    finally:
        if gpus and before is None:
            del os.environ[VARIABLE]
        elif gpus and before is not None:
            os.environ[VARIABLE] = before


def _split(said: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in said.split(",") if name.strip())
