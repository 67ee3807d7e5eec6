"""FixedPointFinder itself beside our module of its interface: the same networks, starts and calls, its own defaults."""

import contextlib
import copy
import importlib
import io
import os
import subprocess
import sys
import tempfile
import time
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from rnn_dynamics import as_map
from rnn_dynamics.fixed_point_finder import FixedPointFinder

from ..trained import trained

READING = """\
1,024 starts with noise 0.5 along the trajectories, drawn alike by both. On GRUs FixedPointFinder's descent does not end
within its 5,000 steps: nearly every start is reported as a unique point, of which at most 10 have q < 1e-12. Ours takes
a forty-seventh to a ninety-seventh of its time there. On tanh networks both find the same points, ours 1.5 and 5.1
times faster with the search for missing points. An LSTM and stacked layers end theirs in the error named. "theirs: of
ours": of our points those that theirs has within .01.
"""

_ADDRESS, _COMMIT = "https://github.com/mattgolub/fixed-point-finder", "1a30417"

_CASES = [
    *(("tanh-64", seed) for seed in range(2)),
    *(("GRU-16", seed) for seed in range(3)),
    *(("GRU-64", seed) for seed in range(2)),
    ("LSTM-16", 0),
    ("GRU-2x32", 0),
]


@cache
def original() -> type:
    """FixedPointFinder's class for torch, from the clone that FIXED_POINT_FINDER names, or from one made now."""
    folder = os.environ.get("FIXED_POINT_FINDER")
    if folder is None:
        folder = tempfile.mkdtemp()
        subprocess.run(["git", "clone", "--quiet", _ADDRESS, folder], check=True)
        subprocess.run(["git", "-C", folder, "checkout", "--quiet", _COMMIT], check=True)
    sys.path.insert(0, folder)
    return importlib.import_module("FixedPointFinderTorch").FixedPointFinderTorch


def searched(finder: Any, states: np.ndarray, starts: int | None = None) -> tuple[Any, float]:
    """The unique points from 1,024 noisy starts along ``states``, or the first of them, and what seconds it took."""
    drawn = finder.sample_states(states, 1024, noise_scale=0.5)[:starts]
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        unique, _ = finder.find_fixed_points(drawn, np.zeros((1, 3)))
    return unique, time.perf_counter() - begin


def states_of(module: nn.RNNBase, inputs: torch.Tensor) -> np.ndarray:
    """What the module returns of every step, [batch, time, units]; of stacked layers the full state."""
    if module.num_layers > 1:
        return as_map(module).run(inputs).detach().numpy()
    with torch.no_grad():
        return module(inputs.transpose(0, 1))[0].transpose(0, 1).numpy()


def run() -> pd.DataFrame:
    """Both on each network, ours first; theirs on a copy, since it leaves a network frozen."""
    rows = []
    for name, seed in _CASES:
        module, inputs = trained(name, seed).module, trained(name, seed).test_inputs
        states = states_of(module, inputs)
        searched(FixedPointFinder(module, verbose=False), states, 64)
        ours, own_seconds = searched(FixedPointFinder(module, verbose=False), states)
        row = {"network": name, "seed": seed, "ours: unique points": len(ours), "index sum": ours.native.index_sum}
        row |= {"ours: largest q": f"{ours.qstar.max():.0e}"}
        try:
            theirs, seconds = searched(original()(copy.deepcopy(module), verbose=False), states)
        except (IndexError, RuntimeError) as error:
            row |= {"theirs: unique points": type(error).__name__, "theirs: q < 1e-12": "", "theirs: largest q": ""}
            row |= {"theirs: of ours": "", "times faster": ""}
        else:
            distances = np.linalg.norm(ours.xstar[:, None] - theirs.xstar, axis=2)
            row |= {
                "theirs: unique points": len(theirs),
                "theirs: q < 1e-12": int((theirs.qstar < 1e-12).sum()),
                "theirs: largest q": f"{theirs.qstar.max():.0e}",
                "theirs: of ours": int((distances.min(axis=1) < 1e-2).sum()),
                "times faster": round(seconds / own_seconds, 1),
            }
        rows.append(row)
        print(row, flush=True)
    return pd.DataFrame(rows)
