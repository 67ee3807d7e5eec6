"""The whole bifurcation diagram of trained flip-flop networks over an input's amplitude."""

import time

import pandas as pd
import torch

import rnn_dynamics as rd

from .bifurcation_audit import AUDITED, audit
from .networks import trained

READING = f"""\
Networks that hold three bits, over the amplitude of input 0 from -1 to 1, from 512 states along trajectories. "solves":
the time of the diagram in units of as many single Newton solves, one after the other, as there are fixed points without
input (27): each from a state .05 beside its point. So a diagram with every fold located costs what a plain grid of that
many parameter values would cost, which locates none, knows no unstable point that it was not given, and jumps at folds.
"walking": the share that tracing the branches takes; the rest is the searches at 33 parameters that seed them. "off
branches": of the points that Newton's method finds from fresh uniform starts at {AUDITED} random amplitudes.
"""


def run() -> pd.DataFrame:
    """One thread."""
    torch.set_num_threads(1)
    rows = []
    for kind, n in (("tanh", 64), ("GRU", 16), ("GRU", 64), ("GRU", 128), ("LSTM", 16)):
        network, inputs = trained(kind, n, steps=1500)
        starts = rd.sample_states(network, inputs, 512, noise=0.5)
        points = rd.find_fixed_points(network.hold(), starts)
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(points.states.shape, generator=generator, dtype=torch.float64)
        beside = points.states + 0.05 * torch.nn.functional.normalize(noise, dim=-1)
        system, solver = network.hold(), rd.Newton(slow_points=0)
        solver.solve(system, beside[:1])
        begin = time.perf_counter()
        for state in beside:
            solver.solve(system, state[None])
        solves = time.perf_counter() - begin
        begin = time.perf_counter()
        diagram = rd.bifurcation_diagram(network.input_family(0), starts, (-1.0, 1.0), sections=0)
        whole = time.perf_counter() - begin
        begin = time.perf_counter()
        for branch in diagram.branches:
            middle = len(branch) // 2
            if branch.period == 1 and not bool(branch.special_rows[middle]):
                at = float(branch.parameters[middle])
                rd.continue_fixed_point(network.input_family(0), branch.states[middle], (-1.0, 1.0), at=at)
        walking = time.perf_counter() - begin
        kinds = [point.kind for _, point in diagram.special_points]
        found, off = audit(diagram, network.input_family(0), network.state_size, 0)
        rows.append(
            {
                "network": f"{kind}-{n}",
                "points at 0": len(points),
                "branches": len(diagram),
                "isolas": sum(branch.closed for branch in diagram.branches),
                "folds": kinds.count("fold"),
                "others": len(kinds) - kinds.count("fold"),
                "rows": sum(map(len, diagram.branches)),
                "solves": round(whole / solves),
                "walking": f"{walking / whole:.0%}",
                "index sum 1": not diagram.missing,
                "audited": found,
                "off branches": off,
            }
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)
