"""What a GPU brings: the same work on it and on the CPU of the same machine, as a ratio.

``make gpu`` runs this after the tests of the GPU. To add a benchmark: a ``Case`` in ``CASES``.
"""

import argparse
import copy
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import CopyFirstInput, FlipFlop

RESULT = Path(__file__).parent / "results" / "gpu.json"

READING = """\
"CPU / GPU": how many times faster; the CPU with as many threads as torch takes by itself. Each is run on toys for
warming, then timed once. Of searches and settling, whose time grows as the starts, the CPU takes an eighth of the
starts, of the ensemble a tenth of the seeds, and its time is multiplied. "loop / ensemble" and "share" are of the GPU
alone. Searches and settling are of float64, warmup and training of float32.
"""


@dataclass(frozen=True)
class Size:
    """How large the benchmarks are."""

    units: int = 512
    starts: int = 4096
    warmed: int = 256
    time: int = 300
    ahead: int = 100
    seeds: int = 50
    updates: int = 20
    tracked: int = 300


MINUTES = 5
"""After so long no further case is begun: with what is installed and tested before, eight minutes must do."""

TOY = Size(units=8, starts=16, warmed=8, time=6, ahead=4, seeds=2, updates=2, tracked=4)


@dataclass(frozen=True)
class Case:
    """A benchmark: ``make`` prepares it on a device and gives what is timed.

    Where ``against`` is given, what it prepares is timed on the GPU in place of the same work on the CPU, which may be
    given a ``share`` of it, by the size named, and its time is multiplied.
    """

    name: str
    unit: str
    make: Callable[[str, Size], Callable[[], Any]]
    against: Callable[[str, Size], Callable[[], Any]] | None = None
    share: tuple[str, int] | None = None


def _module(kind: Callable[..., nn.Module], *sizes: int, **options: Any) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind(*sizes, **options)


def _normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def _search(device: str, size: Size) -> Callable[[], Any]:
    system = rd.as_map(_module(nn.GRU, 1, size.units).to(device)).hold()
    starts = _normal(size.starts, size.units).double().to(device)
    return lambda: rd.find_fixed_points(system, starts, rd.Newton(slow_points=0), extra_starts=0, max_steps=10)


def _settling(device: str, size: Size) -> Callable[[], Any]:
    system = rd.as_map(_module(nn.GRU, 1, size.units).to(device)).hold()
    starts = _normal(size.starts, size.units).double().to(device)
    return lambda: rd.find_attractors(system, starts, settle=rd.Settle(max_steps=512))


def _warmup(device: str, size: Size) -> Callable[[], Any]:
    module = _module(nn.GRU, 1, size.warmed, num_layers=2).to(device)
    sequences = _normal(32, size.time, 1).to(device)
    horizon = rd.Horizon(start=size.ahead, growth=0, longest=size.ahead, random=False)
    return lambda: rd.warm_up(module, sequences, 4, horizon=horizon)


def _models(device: str, count: int) -> list[rd.SequenceModel]:
    return [rd.SequenceModel(module_from_spec("GRU-64", 1, seed), 1, seed=seed).to(device) for seed in range(count)]


def _task(size: Size) -> CopyFirstInput:
    return CopyFirstInput(32 * size.updates, 50, seed=0)


ONCE = rd.TrainSettings(epochs=1, clip_norm=1.0)


def _ensemble(device: str, size: Size) -> Callable[[], Any]:
    models, task = _models(device, size.seeds), _task(size)
    return lambda: rd.train_ensemble(models, task, settings=ONCE)


def _loop(device: str, size: Size) -> Callable[[], Any]:
    models, task = _models(device, size.seeds), _task(size)
    return lambda: [rd.train(model, task, settings=ONCE, seed=seed) for seed, model in enumerate(models)]


def _tracked(device: str, size: Size) -> Callable[[], Any]:
    model = rd.SequenceModel(module_from_spec("GRU-64", 3, 0), 3).to(device)
    task = FlipFlop(32 * size.tracked, 40, 3, 0.15, seed=0)

    def run() -> dict[str, str]:
        effort = rd.Effort(horizon=1000) if size is not TOY else rd.Effort(n=4, horizon=5, searched=8)
        tracker = rd.AttractorTracker(task, hold=[0.0] * 3, effort=effort, every=size.tracked // 2)
        rd.train(copy.deepcopy(model), task, settings=ONCE, tracker=tracker)
        return {"share": f"{tracker.history.overhead:.1%}"}

    return run


CASES: list[Case] = [
    Case("search", "starts x units, 10 iterations", _search, share=("starts", 8)),
    Case("settling", "starts x units, 512 steps", _settling, share=("starts", 8)),
    Case("warmup", "4 updates, two layers, 32 sequences of 300 steps", _warmup),
    Case("ensemble", "GRU-64, 20 updates", _ensemble, share=("seeds", 10)),
    Case("ensemble against a loop", "GRU-64, both on the GPU", _ensemble, against=_loop),
    Case("tracker", "GRU-64 on the flip-flop", _tracked),
]
"""For developers: agents and certificates add theirs here."""


def run(device: str, size: Size) -> pd.DataFrame:
    """All cases; each is tried on toys first, so that what is made once is not timed."""
    rows, began = [], time.perf_counter()
    for case in CASES:
        if time.perf_counter() - began > MINUTES * 60:
            rows.append({"what": case.name, "of": f"not reached within {MINUTES} minutes"})
            continue
        told, there = _timed(case.make, device, size)
        here = _beside(case, device, size)
        rows.append(
            {
                "what": case.name,
                "of": case.unit,
                "seconds": round(there, 3),
                "loop / ensemble" if case.against else "CPU / GPU": round(here / there, 2),
                **(told if isinstance(told, dict) else {}),
            }
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows).astype(object).fillna("-")


def _beside(case: Case, device: str, size: Size) -> float:
    """Seconds of what the GPU is compared with."""
    if case.against is not None:
        return _timed(case.against, device, size)[1]
    if case.share is None or size is TOY:
        return _timed(case.make, "cpu", size)[1]
    name, part = case.share
    return part * _timed(case.make, "cpu", replace(size, **{name: getattr(size, name) // part}))[1]


def _timed(make: Callable[[str, Size], Callable[[], Any]], device: str, size: Size) -> tuple[Any, float]:
    make(device, TOY)()
    work = make(device, size)
    _wait(device)
    begin = time.perf_counter()
    told = work()
    _wait(device)
    return told, time.perf_counter() - begin


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def card(device: str) -> str:
    """The name of the GPU, or of the processor that stands in for it."""
    return torch.cuda.get_device_name() if device == "cuda" else f"no GPU: {platform.processor() or platform.machine()}"


def main(arguments: list[str] | None = None) -> int:
    """Run them all and write ``results/gpu.json``, from which the page takes its GPU column."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="on the CPU, at toy size, to try the script itself")
    parser.add_argument("--out", type=Path, default=None, help="where to write; nothing is written by a dry run alone")
    given = parser.parse_args(arguments)
    device = "cpu" if given.dry_run else "cuda"
    if device == "cuda" and not torch.cuda.is_available():
        print(missing())
        return 1
    table = run(device, TOY if given.dry_run else Size())
    out = given.out or (None if given.dry_run else RESULT)
    if out is not None:
        told = {"card": card(device), "torch": torch.__version__, "rows": table.to_dict(orient="records")}
        out.write_text(json.dumps(told, indent=1) + "\n")
    return 0


def missing() -> str:
    """Why there is no GPU to be had, and what to do."""
    built = torch.version.cuda
    if built is None:
        index = "https://download.pytorch.org/whl/cu130"
        return f"torch {torch.__version__} is built without CUDA: `make gpu TORCH_INDEX={index}` installs one with it"
    return (
        f"torch {torch.__version__} is built with CUDA {built} and finds no GPU: `nvidia-smi` must list one, with a "
        "driver for that version; for an older driver `make gpu TORCH_INDEX=https://download.pytorch.org/whl/cu126`"
    )


if __name__ == "__main__":
    raise SystemExit(main())
