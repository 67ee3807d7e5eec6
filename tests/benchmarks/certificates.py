"""Proofs of all fixed points of trained networks: shares, radii and time beside that of the search; growth with units.

``python -m tests.benchmarks.certificates thousand`` holds the certificates of a thousand random GRUs against 60 digits.
"""

import sys
import time
from pathlib import Path
from statistics import median

import pandas as pd
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.training import train_flip_flop

NETWORKS = {
    "GRU-16": lambda: nn.GRU(3, 16),
    "LSTM-16": lambda: nn.LSTM(3, 16),
    "tanh-64": lambda: nn.RNN(3, 64),
    "GRU-64": lambda: nn.GRU(3, 64),
    "LSTM-64": lambda: nn.LSTM(3, 64),
    "GRU-2x64": lambda: nn.GRU(3, 64, num_layers=2),
    "tanh-256": lambda: nn.RNN(3, 256),
    "GRU-256": lambda: nn.GRU(3, 256),
}
UNITS = (16, 32, 64, 128, 256, 512)
STARTS, STEPS = 1024, 400

READING = """\
Flip-flop networks of 3 bits after 400 updates, 1,024 starts, one thread, CPU time. "proved": exactly one fixed point in
a box, of all that the search returned; "decided": of these, the spectral radius is proved below 1, or an eigenvalue
outside the circle. "alone within" and "captures" are medians over points, in units of the state. "proof / search" is
the time of ``certify`` over that of ``find_fixed_points``. Last the one fixed point of untrained GRUs, to 512 units.
"""


def _row(name: str, system: rd.AutonomousMap, starts: Tensor) -> dict[str, object]:
    begin = time.process_time()
    points = rd.find_fixed_points(system, starts)
    searched = time.process_time() - begin
    rd.certify(system, points.states[0])  # traces once: torch's tracer takes seconds to be imported
    begin = time.process_time()
    proof = rd.certify(system, points)
    seconds = time.process_time() - begin
    captures = proof.capture_radii[proof.capture_radii > 0]
    return {
        "network": name,
        "points": len(points),
        "proved": f"{proof.count} of {len(points)}",
        "decided": sum(word != "undecided" for word in proof.stability),
        "stable": int(proof.attracting.sum()),
        "index sum": str(proof.index_sum),
        "enclosure": f"{float(proof.enclosure_radii.max()):.0e}",
        "alone within": f"{median(proof.radii.tolist()):.0e}",
        "captures": f"{median(captures.tolist()):.0e}" if len(captures) else "",
        "bits": int(proof.precisions.max()),
        "CPU time a point / s": round(seconds / max(1, len(points)), 3),
        "proof / search": round(seconds / searched, 1),
    }


def run() -> pd.DataFrame:
    """Trained networks, then single points of untrained ones."""
    torch.set_num_threads(1)
    rows = []
    for name, make in NETWORKS.items():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            module = make()
        inputs = train_flip_flop(module, steps=STEPS).test_inputs
        network = rd.as_map(module)
        starts = rd.sample_states(network, inputs, STARTS, noise=0.5)
        rows.append(_row(name, network.hold(), starts))
        print(rows[-1], flush=True)
    for n in UNITS:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = rd.as_map(nn.GRU(3, n))
        rows.append(_row(f"GRU-{n}, untrained", network.hold(), torch.zeros(16, n)))
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def thousand() -> None:
    """None of a thousand networks' certificates may be contradicted."""
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "certificates")]
    from gru import contradictions

    total, wrong = 0, []
    for seed in range(1000):
        proved, found = contradictions(seed)
        total += proved
        wrong += found
        print(f"{seed + 1} networks, {total} points proved, contradicted: {wrong or 'none'}", flush=True)


if __name__ == "__main__" and sys.argv[1:] == ["thousand"]:
    thousand()
