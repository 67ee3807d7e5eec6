"""Warmed networks: what the published measure counts, what ``find_attractors`` says, and a million plain steps."""

import time
from typing import Any

import pandas as pd
import torch

import rnn_dynamics as rd
from rnn_dynamics.multistability import Reachability

from .warmed import SPECS, warmed

STEPS, N = 1_000_000, 32

READING = """\
The networks come from the published warmup procedure (tests/benchmarks/warmed.py). VAA is the published measure at
10,000 steps; n VAA is the number of attractors that it stands for. After a million plain steps in float64 every state
lies on the attractor that ``find_attractors`` had named from a few hundred steps and Jacobians ("off" is the largest
distance left, as a share of the attractor's size; samples of a circle are some hundredths of it apart).
"""


def against_plain_steps(network: rd.DrivenMap, reach: Reachability) -> dict[str, Any]:
    """What was found from the states of ``reach``, and where a million plain steps take them."""
    system, starts = network.hold(reach.inputs[0]), reach.starts.double()
    begin = time.perf_counter()
    found = rd.find_attractors(system, starts)
    ours = time.perf_counter() - begin
    begin = time.perf_counter()
    with torch.no_grad():
        ends = system.iterate(starts, STEPS)
    plain = time.perf_counter() - begin
    off, agree = 0.0, 0
    for label, orbit in enumerate(found.orbits):
        mine = found.labels == label
        size = float(torch.pdist(orbit).max()) if len(orbit) > 1 else float(orbit.norm())
        distance = torch.cdist(ends[mine], orbit).amin(dim=1) / size
        off, agree = max(off, float(distance.max())), agree + int((distance < 0.05).sum())
    return {
        "held input": round(float(reach.inputs[0, 0]), 3),
        "VAA": round(reach.vaa, 3),
        "n VAA": round(reach.claimed, 1),
        "attractors": ", ".join(f"{count} {kind}" for kind, count in found.counts.items()),
        "starts that agree": f"{agree} of {len(starts)}",
        "off": f"{off:.0e}",
        "leading exponent": f"{float(found.largest_exponents[0]):.1e}",
        "plain steps a start": round(found.work[0] / len(starts)),
        "a million steps / ours": round(plain / ours),
    }


def run() -> pd.DataFrame:
    """One held input for each network, two for the smallest."""
    rows = []
    sequences = torch.randn(400, 50, 1, generator=torch.Generator().manual_seed(1))
    for name in SPECS:
        network = rd.as_map(warmed(name))
        for held in (0.0, 1.0) if name == "GRU-32x1" else (0.0,):
            reach = rd.reachability(network, sequences, hold=[held], n=N)
            rows.append({"network": name, **against_plain_steps(network, reach)})
            print(rows[-1], flush=True)
    return pd.DataFrame(rows)
