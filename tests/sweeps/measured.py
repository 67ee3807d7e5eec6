"""Functions that the plans of these tests name."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch


def product(x: int, y: int = 1, calls: str = "", wait: float = 0.0) -> dict[str, Any]:
    """A row; each call is noted in a folder, so that tests can count them."""
    if calls:
        note(calls, f"{x}-{y}")
    time.sleep(wait)
    if (x, y) == (2, 2):
        raise ValueError("two and two is too much")
    return {"z": x * y, "word": "odd" if x % 2 else "even"}


def note(calls: str, what: str) -> None:
    """One file a call: no two processes write into one."""
    Path(calls).mkdir(parents=True, exist_ok=True)
    (Path(calls) / f"{what}.{os.getpid()}.{time.monotonic_ns()}").touch()


def noted(calls: Path) -> list[str]:
    """What was called, in the order of names."""
    return sorted(path.name.partition(".")[0] for path in calls.iterdir()) if calls.exists() else []


def sums(a: list[int], base: int) -> list[dict[str, int]]:
    """A row for each of packed values."""
    return [{"a": value, "total": base + value} for value in a]


def forgetful(a: list[int]) -> list[dict[str, int]]:
    return [{"a": value} for value in a[1:]]


def drawn(seed: int, folder: Path) -> dict[str, float]:
    """Numbers that follow from the seed, and a file; it goes on with what a killed attempt left."""
    begun = folder / "begun"
    resumed = begun.exists()
    begun.touch()
    time.sleep(0.0 if resumed else 0.3)
    values = torch.randn(1000, generator=torch.Generator().manual_seed(seed))
    (folder / "values.txt").write_text("\n".join(map(str, values.tolist())))
    return {"mean": float(values.mean())}


def surroundings(x: int) -> dict[str, Any]:
    return {"gpu": os.environ.get("CUDA_VISIBLE_DEVICES"), "threads": torch.get_num_threads()}


def deadly(x: int) -> dict[str, Any]:
    """Its worker dies of one of the cases, always."""
    if x == 1:
        os._exit(9)
    return {"y": x}


def nested(x: int) -> list[dict[str, Any]]:
    return [{"curve": [x, [x + 1.0]], "counts": {"one": x}}]


def nothing(x: int) -> None:
    return None


def stopped(x: int) -> dict[str, int]:
    if x == 2:
        raise KeyboardInterrupt
    return {"y": x}


@dataclass(frozen=True)
class Careful:
    """Refuses at the door what it does not take."""

    x: int

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError(f"x must be 0 or more, got {self.x}")

    def __call__(self) -> dict[str, int]:
        return {"y": self.x}
