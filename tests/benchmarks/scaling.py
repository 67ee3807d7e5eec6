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
STEPS = 2
"""Of Newton's method, all that a start takes when time is measured: equal work, whatever the networks are."""
REPEATS = 3
"""Of Newton's method from the same starts, as what else runs on a machine slows it a little."""

READING = """\
A step is one of Newton's method for one start, in the time of the processor on one core: equal work, as no start takes
more than two. With 1,024 starts it takes 2.8, 3.9, 3.4 and 5.2 times as long with twice the units, from 16 to 256,
towards the 8 of solving n x n systems. What is done once for all starts is shared: at 16 units a step takes 6.3 times
as long with 64 starts as with 1,024, at 128 and more no longer. Memory is bounded by the budget (512 MB for Jacobians
by default) on top of what torch itself takes: 4,096 starts at 512 units peak near 1.1 GB. Rows without a time are of an
earlier run, whose times were of whole searches and whose networks were trained by other code: their memory stands.
Rows that do not converge lie in valleys of the residual; they are followed to slow points where ``slow_points`` says
so, which is off here.
"""


UNIT = (16, 4096)
"""Units and starts of the step that times are given in."""
MEDIAN, RANGE = (f"time of a step, {UNIT[0]} units and {UNIT[1]:,} starts = 1: {what}" for what in ("median", "range"))
"""Columns: the processor's time for one step of one start."""


def peak_memory() -> float:
    """The high-water mark of this program in MB; getrusage would include the parent that started it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def _measure(path: str, n: int, k: int) -> None:
    torch.set_num_threads(1)  # the time of a process is then that of one core
    saved = torch.load(path, weights_only=True)
    module = nn.GRU(3, n)
    module.load_state_dict(saved["module"])
    network = rd.as_map(module)
    starts = rd.sample_states(network, saved["inputs"], k, noise=0.5)
    system, solver = network.hold(), rd.Newton(slow_points=0)
    before = peak_memory()
    points = rd.find_fixed_points(system, starts, solver, extra_starts=0)  # and with it what all need is loaded
    peak = peak_memory()
    each = []
    for _ in range(REPEATS):
        begin = time.process_time()
        steps = solver.solve(system, starts, max_steps=STEPS).steps
        each.append((time.process_time() - begin) / int(steps.sum()))
    print(peak, peak - before, len(points), points.outcomes.count("found"), *each)


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
                peak, growth, found, converged, *each = map(float, output)
                row = {"units": n, "starts": k, "repeats": REPEATS, MEDIAN: median(each), RANGE: [min(each), max(each)]}
                row |= {"peak memory / MB": round(peak), "of it for the search / MB": round(growth)}
                rows.append(row | {"points": int(found), "starts that converge": f"{converged / k:.0%}"})
                print(rows[-1], flush=True)
    unit = next(row[MEDIAN] for row in rows if (row["units"], row["starts"]) == UNIT)
    for row in rows:
        row[MEDIAN], *row[RANGE] = (float(f"{value / unit:.3g}") for value in (row[MEDIAN], *row[RANGE]))
    return pd.DataFrame(rows)


if __name__ == "__main__":
    _measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
