"""Hostile arguments for every door of the library, and what became of each call.

``python tests/fuzzing.py 9000 1`` prints the figures of 9,000 calls with seed 1.
"""

import random
import re
import resource
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from doors import Door, attractors, doors, folder, history, module, network, points, reach, task
from torch import Tensor, nn

ACCEPTED, NAMED, UNNAMED, RAW, OVERTIME, MOVED = "accepted", "named", "unnamed", "raw", "time-out", "moved"

SECONDS = 10.0
"""Of the process's own time in one call: a hundred times what the slowest valid one takes."""

MEMORY = 6 * 2**30
"""Of address space, so that an absurd size fails in the allocator and does not fill the machine."""

_LIBRARY = str(Path(__file__).parent.parent / "rnn_dynamics")


@dataclass(frozen=True)
class Outcome:
    """One call, and how it ended."""

    door: str
    replaced: str
    kind: str
    words: str


class _Overtime(BaseException):
    pass


def _of_tensor(value: Tensor) -> dict[str, Callable[[], Any]]:
    """What a tensor may be mistaken for."""
    real = value.detach().double() if not value.is_complex() else value.detach().real
    filled = torch.full_like(real, 1.0)
    return {
        "sparse": real.to_sparse,
        "meta": lambda: real.to("meta"),
        "float16": real.half,
        "bfloat16": real.bfloat16,
        "float8": lambda: real.to(torch.float8_e4m3fn),
        "complex": lambda: real + 1j,
        "integer": real.long,
        "bool": real.bool,
        "quantised": lambda: torch.quantize_per_tensor(real.float(), 0.1, 0, torch.qint8),
        "nan": lambda: filled * torch.nan,
        "inf": lambda: filled * torch.inf,
        "huge": lambda: filled * 1e308,
        "tiny": lambda: filled * 1e-320,
        "rank + 1": lambda: real.unsqueeze(0),
        "rank - 1": lambda: real[0] if real.ndim and len(real) else real,
        "empty": lambda: real[:0] if real.ndim else real.new_zeros(0),
        "doubled": lambda: torch.cat([real, real], dim=-1) if real.ndim else real,
        "gradient": lambda: real.clone().requires_grad_(),
        "numpy": real.numpy,
        "numpy objects": lambda: real.numpy().astype(object),
        "numpy masked": lambda: np.ma.masked_array(real.numpy(), mask=real.numpy() > 0),
        "numpy strings": lambda: real.numpy().astype(str),
        "numpy float128": lambda: real.numpy().astype(np.longdouble),
        "list": real.tolist,
        "negative stride": lambda: np.flip(real.numpy(), 0) if real.ndim else real.numpy(),
        "expanded": lambda: real[:1].expand_as(real) if real.ndim else real,
    }


def _of_number(value: float) -> dict[str, Callable[[], Any]]:
    return {
        "tensor []": lambda: torch.tensor(value),
        "tensor [1]": lambda: torch.tensor([value]),
        "tensor [2]": lambda: torch.tensor([value, value]),
        "numpy []": lambda: np.array(value),
        "numpy [1]": lambda: np.array([value]),
        "numpy scalar": lambda: np.float64(value),
        "numpy int64": lambda: np.int64(value),
        "numpy float16": lambda: np.float16(value),
        "negative": lambda: -value,
        "half": lambda: value + 0.5,
        "text": lambda: str(value),
        "fraction": lambda: Fraction(int(value)),
        "decimal": lambda: Decimal(str(value)),
        "complex": lambda: complex(value),
        "list": lambda: [value],
    }


_NUMBERS: dict[str, Callable[[], Any]] = {
    "0": lambda: 0,
    "-1": lambda: -1,
    "1.5": lambda: 1.5,
    "True": lambda: True,
    "10**12": lambda: 10**12,
    "10**30": lambda: 10**30,
    "10**400": lambda: 10**400,
    "1e308": lambda: 1e308,
    "1e-320": lambda: 1e-320,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "np.int64(3)": lambda: np.int64(3),
    "np.array(3)": lambda: np.array(3),
    "np.bool": lambda: np.True_,
    "meta number": lambda: torch.empty((), device="meta"),
    "complex number": lambda: torch.tensor(1j),
}


def _linear() -> nn.Module:
    with torch.random.fork_rng():
        return nn.Linear(2, 2)


_THINGS: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "text": lambda: "nonsense",
    "empty text": lambda: "",
    "null byte": lambda: "a\0b",
    "long text": lambda: "x" * 300,
    "bytes": lambda: b"ab",
    "list": lambda: [1.0, 2.0],
    "empty list": lambda: [],
    "list of None": lambda: [None],
    "ragged list": lambda: [[1.0], [2.0, 3.0]],
    "list of lists": lambda: [[0.0, 1.0], [1.0, 0.0]],
    "list of texts": lambda: ["a", "b"],
    "list of tensors": lambda: [torch.zeros(2), torch.zeros(3)],
    "tuple": lambda: (1, 2, 3),
    "pair": lambda: (1.0, 1.0),
    "falling pair": lambda: (2, 1),
    "pair of nan": lambda: (float("nan"), 1.0),
    "dict": lambda: {"a": 1},
    "set": lambda: {1, 2},
    "range": lambda: range(3),
    "generator": lambda: (number for number in (1, 2)),
    "object": object,
    "class": lambda: int,
    "function": lambda: lambda *_: None,
    "function of states": lambda: lambda *values: values[0],
    "slice": lambda: slice(0, 2),
    "path": lambda: folder() / "nowhere" / "x",
    "folder": folder,
    "dtype": lambda: torch.float16,
    "device": lambda: torch.device("meta"),
    "torch generator": torch.Generator,
    "numpy generator": lambda: np.random.default_rng(0),
    "module": _linear,
    "recurrent module": module,
    "double module": lambda: module().double(),
    "network": network,
    "map": lambda: network().hold(),
    "larger map": lambda: _larger().hold(),
    "larger network": lambda: _larger(),
    "fixed points": points,
    "attractors": attractors,
    "reachability": reach,
    "history": history,
    "task": task,
    "structured array": lambda: np.zeros(2, dtype=[("a", float)]),
    "dates": lambda: np.array(["2020-01-01"], dtype="datetime64[D]"),
    "empty tensor": lambda: torch.zeros(0),
    "tensor of rank 5": lambda: torch.zeros(1, 1, 1, 1, 1),
    "matrix": lambda: torch.eye(3),
    "sparse matrix": lambda: torch.eye(2).to_sparse_csr(),
    "figure": lambda: plt.figure(),
    "3-D axis": lambda: plt.figure().add_subplot(projection="3d"),
    "axis": lambda: plt.figure().add_subplot(),
    "list of axes": lambda: [plt.figure().add_subplot()],
}


def _larger() -> Any:
    import rnn_dynamics as rd

    return rd.as_map(lambda h, x: torch.tanh(h) + x.sum(), 3, 2)


def hostile(value: Any, draw: random.Random) -> tuple[str, Any]:
    """A value to be given in the place of ``value``, and its name."""
    near: dict[str, Callable[[], Any]] = {}
    if isinstance(value, Tensor):
        near = _of_tensor(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        near = _of_number(value) | _NUMBERS
    elif isinstance(value, bool):
        near = _NUMBERS
    elif isinstance(value, list | tuple) and value and isinstance(value[0], int | float):
        near = _of_tensor(torch.tensor(value, dtype=torch.float64))
    pool = near if near and draw.random() < 0.6 else _THINGS | _NUMBERS
    name = draw.choice(sorted(pool))
    try:
        return name, pool[name]()
    except (RuntimeError, TypeError, ValueError, OverflowError, IndexError):  # no such thing of this value
        return "None", None


@contextmanager
def limited() -> Iterator[None]:
    """Keep the process's memory within bounds."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def attempt(door: Door, draw: random.Random) -> Outcome:
    """One call of a door with one or two arguments replaced."""
    arguments = door.make()
    chosen = draw.sample(list(arguments), min(len(arguments), 2 if draw.random() < 0.15 else 1))
    replaced = []
    for name in chosen:
        before = arguments[name]
        what, arguments[name] = hostile(before, draw)
        while door.of_result and _alike(before, arguments[name]):
            what, arguments[name] = hostile(before, draw)
        replaced.append(f"{name}={what}")
    state = torch.random.get_rng_state()
    kind, words = _ending(door.function, arguments)
    if not torch.equal(torch.random.get_rng_state(), state):
        torch.random.set_rng_state(state)
        kind, words = MOVED, f"the global random state was moved; {kind} {words}"
    plt.close("all")
    return Outcome(door.name, ", ".join(replaced), kind, words)


def _alike(before: Any, after: Any) -> bool:
    """Whether a value is of a field's own type, so that only its shape or size may be wrong."""
    if isinstance(before, Tensor) and isinstance(after, Tensor):
        return after.layout is torch.strided and after.device.type == "cpu" and after.dtype is not torch.bfloat16
    numbers = isinstance(before, int | float) and isinstance(after, int | float)
    return numbers or after is None or isinstance(after, type(before))


def _ending(function: Callable[..., Any], arguments: dict[str, Any]) -> tuple[str, str]:
    def stop(*_: object) -> None:
        raise _Overtime

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        function(**arguments)
    except _Overtime:
        return OVERTIME, f"more than {SECONDS:g} s: {_where()}"
    except ValueError as error:
        own = traceback.extract_tb(error.__traceback__)[-1].filename.startswith(_LIBRARY)
        named = any(_names(str(error), name, value) for name, value in arguments.items())
        return (NAMED if own and named else UNNAMED if own else RAW), f"{type(error).__name__}: {error} {_where()}"
    except BaseException as error:  # a raw error, whatever its kind
        if isinstance(error, KeyboardInterrupt):
            raise
        return RAW, f"{type(error).__name__}: {error} {_where()}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return ACCEPTED, ""


def _names(sentence: str, name: str, value: Any) -> bool:
    """Whether a refusal says which argument it is about: by its name, or by the text or path that it is."""
    shown = str(value) if isinstance(value, str | Path) else ""
    return (
        bool(re.search(rf"\b{name.removesuffix('s')}s?\b", sentence))
        or (shown.strip() not in ("", ".") and shown in sentence)
        or repr(value) in sentence
    )


def _where() -> str:
    """The last line of the library that was at work."""
    error = sys.exception()
    frames = traceback.extract_tb(error.__traceback__) if error else []
    own = [frame for frame in frames if frame.filename.startswith(_LIBRARY)]
    return f"({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""


def fuzzed(calls: int, seed: int, among: Callable[[str], bool] = lambda _: True) -> list[Outcome]:
    """So many hostile calls, spread evenly over all doors."""
    draw = random.Random(seed)
    every = [door for door in doors() if among(door.name)]
    with limited(), chdir(folder()):  # some calls write where they are
        return [attempt(every[number % len(every)], draw) for number in range(calls)]


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    plt.switch_backend("Agg")
    torch.set_num_threads(1)
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    outcomes = fuzzed(int(sys.argv[1]), int(sys.argv[2]), lambda name: only in name)
    print(Counter(outcome.kind for outcome in outcomes))
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.kind, outcome.door)):
        if outcome.kind not in (ACCEPTED, NAMED):
            print(f"{outcome.kind:9s} {outcome.door:26s} {outcome.replaced}: {outcome.words.splitlines()[0][:190]}")
