"""Growth of time and memory with units and starts; each case in a process of its own, for its peak memory."""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import pandas as pd
import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.training import train_flip_flop

UNITS = (16, 32, 64, 128, 256, 512)
STARTS = (64, 256, 1024, 4096)
REPEATS = 5
"""Of each search, as others may use the machine too."""
FIGURE = Path(__file__).parents[2] / "figures"

READING = """\
A step is one of Newton's method for one start: equal work, however many steps starts take, in the mean over a whole
search. Time grows in proportion to the starts, and with units faster as the solving of n x n systems takes over,
towards n^3. Memory is bounded by the budget (512 MB for Jacobians by default) on top of what torch itself takes: 4,096
starts at 512 units peak near 1.1 GB. Rows that do not converge lie in valleys of the residual; they are followed to
slow points where ``slow_points`` says so, which is off here.
"""


def peak_memory() -> float:
    """The high-water mark of this program in MB; getrusage would include the parent that started it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def _measure(path: str, n: int, k: int) -> None:
    saved = torch.load(path, weights_only=True)
    module = nn.GRU(3, n)
    module.load_state_dict(saved["module"])
    network = rd.as_map(module)
    starts = rd.sample_states(network, saved["inputs"], k, noise=0.5)
    system = network.hold()
    before = peak_memory()
    solver, seconds = rd.Newton(slow_points=0), []
    for _ in range(1 + REPEATS):
        begin = time.perf_counter()
        points = rd.find_fixed_points(system, starts, solver, extra_starts=0)
        seconds.append(time.perf_counter() - begin)
    peak = peak_memory()
    steps = int(solver.solve(system, starts).steps.sum())
    print(
        peak, peak - before, len(points), points.outcomes.count("found"), steps, *seconds[1:]
    )  # the first loads what all need


def run() -> pd.DataFrame:
    """GRUs trained on the flip-flop; no further rounds, so that the starts are all the work."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n in UNITS:
            with torch.random.fork_rng():
                torch.manual_seed(0)
                module = nn.GRU(3, n)
            inputs = train_flip_flop(module, steps=400).test_inputs
            path = Path(folder) / f"{n}.pt"
            torch.save({"module": module.state_dict(), "inputs": inputs}, path)
            for k in STARTS:
                command = [sys.executable, "-m", "tests.benchmarks.scaling", str(path), str(n), str(k)]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
                peak, growth, found, converged, steps, *seconds = map(float, output)
                each = [1000 * value / steps for value in seconds]
                rows.append(
                    {
                        "units": n,
                        "starts": k,
                        "seconds": median(seconds),
                        "repeats": REPEATS,
                        "ms a step: median": median(each),
                        "ms a step: range": [min(each), max(each)],
                        "peak memory / MB": round(peak),
                        "of it for the search / MB": round(growth),
                        "points": int(found),
                        "starts that converge": f"{converged / k:.0%}",
                    }
                )
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    table.insert(2, "time, 16 units and 64 starts = 1", (table["seconds"] / table["seconds"][0]).round(1))
    return table.drop(columns="seconds")


if __name__ == "__main__":
    _measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
