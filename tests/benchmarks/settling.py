"""Cost of ``find_attractors`` by kind of dynamics, units and starts, against 10,000 plain steps of the same starts."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.training import train_flip_flop

from .scaling import peak_memory
from .warmed import warmed

PLAIN = 10_000

READING = """\
Each case in a process of its own, on one thread. Plain steps are timed over some hundreds and scaled to 10,000, which
is what the published measure runs, in float64 as ours. "fixed points": a GRU trained on the flip-flop; "circle": tanh
units of which two turn by a radian a step; "chaotic": random tanh weights of gain 2.5, sixteen exponents and more for
the dimension included; the warmed networks are those of brute_force. Memory follows the budget and not the starts.
Rows that go to strong attractors cost far less than plain steps; slow ones cost up to as much, and reach a million
steps for it; chaotic sets cost a fixed amount, for exponents of 1 %. The random network of 16 units is not chaotic:
it has two cycles of period 7, and circles of tiny basins beside them, nearly resonant, which took long to tell (of
three reported, two are a symmetric pair; another run on the same starts gave two and left nine starts unfinished). In
the GRU of 256 units memories decay over 70,000 steps: most starts still drift at the horizon, and are called slow.
"""


def _weights(kind: str, n: int) -> nn.RNN:
    generator = torch.Generator().manual_seed(n)
    random = torch.randn(n, n, generator=generator, dtype=torch.float64) / n**0.5
    module = nn.RNN(1, n, dtype=torch.float64)
    with torch.no_grad():
        module.bias_ih_l0.zero_()
        module.bias_hh_l0.zero_()
        if kind == "chaotic":
            module.weight_hh_l0.copy_(2.5 * random)
        else:
            angle = torch.tensor(1.0, dtype=torch.float64)
            turn = 1.3 * torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2)
            module.weight_hh_l0.copy_(0.3 * random)
            module.weight_hh_l0[:2] *= 0.1
            module.weight_hh_l0[:2, :2] = turn
    return module


def _case(kind: str, n: int, k: int, path: str) -> tuple[rd.DrivenMap, torch.Tensor]:
    sequences = torch.randn(64, 50, 1, generator=torch.Generator().manual_seed(1))
    if kind == "fixed points":
        saved = torch.load(path, weights_only=True)
        module = nn.GRU(3, n)
        module.load_state_dict(saved["module"])
        sequences = saved["inputs"]
    elif kind.startswith("warmed"):
        module = warmed(kind.split()[1])
    else:
        module = _weights(kind, n)
    network = rd.as_map(module)
    return network, rd.sample_states(network, sequences.to(network.dtype), k, noise=0.1, seed=1)


def _measure(kind: str, n: int, k: int, path: str) -> None:
    torch.set_num_threads(1)
    network, starts = _case(kind, n, k, path)
    system = network.hold()
    starts = starts.double()
    rd.find_attractors(system, starts[:4], settle=rd.Settle(max_steps=512))
    before = peak_memory()
    begin = time.perf_counter()
    found = rd.find_attractors(system, starts)
    ours = time.perf_counter() - begin
    peak = peak_memory()
    steps = max(20, min(500, int(2e9 / (k * n * n))))
    with torch.no_grad():
        system.iterate(starts, 5)
        begin = time.perf_counter()
        system.iterate(starts, steps)
    plain = (time.perf_counter() - begin) / steps * PLAIN
    kinds = ", ".join(f"{count} {name}" for name, count in found.counts.items())
    print("|".join(map(str, [ours, plain, peak, peak - before, kinds, float(found.settled.double().mean())])))


def run() -> pd.DataFrame:
    """By kind, units and starts."""
    kinds = ("fixed points", "circle", "chaotic")
    cases = [(kind, n, k) for kind in kinds for n in (16, 64) for k in (128, 1024)]
    cases += [("fixed points", 256, 128), ("circle", 256, 128), ("circle", 512, 128), ("circle", 512, 4096)]
    cases += [("chaotic", 256, 128)]
    warm = {"GRU-32x1": 32, "GRU-64x1": 64, "GRU-64x2": 128, "LSTM-32x2": 128}
    cases += [(f"warmed {name}", n, 128) for name, n in warm.items()]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, n, k in cases:
            path = Path(folder) / f"{n}.pt"
            if kind == "fixed points" and not path.exists():
                with torch.random.fork_rng():
                    torch.manual_seed(0)
                    module = nn.GRU(3, n)
                inputs = train_flip_flop(module, steps=400).test_inputs
                torch.save({"module": module.state_dict(), "inputs": inputs}, path)
            command = [sys.executable, "-m", "tests.benchmarks.settling", kind, str(n), str(k), str(path)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().split("|")
            ours, plain, peak, growth = map(float, output[:4])
            rows.append(
                {
                    "dynamics": kind,
                    "units": n,
                    "starts": k,
                    "10,000 plain steps / ours": round(plain / ours, 1),
                    "seconds": ours,
                    "peak memory / MB": round(peak),
                    "of it for the search / MB": round(growth),
                    "attractors": output[4],
                    "starts that settle": f"{float(output[5]):.0%}",
                }
            )
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    table.insert(3, "time, first row = 1", (table["seconds"] / table["seconds"][0]).round(1))
    return table.drop(columns="seconds")


if __name__ == "__main__":
    _measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
