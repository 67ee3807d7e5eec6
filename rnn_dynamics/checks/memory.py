"""What memory there is, so that what cannot fit is refused before it is asked for."""

import math
import os
from pathlib import Path

try:
    import resource
except ImportError:  # on Windows, where no such limits are set
    resource = None

_NO_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "Storage size calculation overflowed",
    "Unable to allocate",
)

_SHARE = 0.8
"""Of the memory that is free: what else runs needs some."""


def available_memory() -> float:
    """Bytes that this process may still take: of the machine, and within a limit on its addresses; infinite if unknown.

    Linux counts what its caches would give back as available; elsewhere all of the machine's memory counts.
    """
    return min(_of_machine(), _of_addresses())


class OutOfMemory(ValueError, MemoryError):
    """Of a call that memory did not do for: a refusal, in a sentence."""


def require_memory(needed: float, what: str, name: str, number: int) -> None:
    """Refuse a size whose arrays do not fit.

    Args:
        needed: bytes, which grow in proportion to ``number``.
        what: takes them, for the sentence.
        name, number: the argument that asks for them.

    Raises:
        ValueError: naming the argument, what it needs, and what fits.
    """
    there = _SHARE * available_memory()
    if needed > there:
        most = int(number * (there / needed))
        raise OutOfMemory(
            f"{name} = {number:,} needs {in_words(needed)} for {what}, of which {in_words(there)} can be had: "
            f"{name} can be at most {most:,}"
        )


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not do: of torch's allocators too, whose errors have no class."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY)


def in_words(number: float) -> str:
    """Bytes in a unit that leaves a short number."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            return f"{number:.3g} {unit}"
        number /= 1000
    raise AssertionError("unreachable")


def _of_machine() -> float:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (OSError, ValueError, AttributeError):
        return math.inf


def _of_addresses() -> float:
    if resource is None:
        return math.inf
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return math.inf
    try:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        taken = 0
    return max(0.0, float(limit - taken))
