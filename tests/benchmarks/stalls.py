"""What ``find_attractors`` costs where it once stalled, in CPU time, against 10,000 plain steps of the same starts."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

import rnn_dynamics as rd

READING = """\
CPU time of one process on one thread, ours and plain steps one after the other. "16-cycle", "27-cycle": stable cycles
of a piecewise linear map of two coordinates, 500 starts; "limit cycle": 64 leaky tanh units (a step of .02), two of
which turn, 32 starts; "counter": an LSTM of two layers of 64 whose first cells count up by .76 a step for ever, 32
starts; "coded": a GRU of 64 units with one input, 32 states along random sequences. A cycle's evidence (Newton's method
on all its states, multipliers, the probed ball) costs the same for any number of starts, which is why two coordinates,
whose plain steps cost next to nothing, stand worst.
"""

_PLACES = [folder / "shared" / "data" / "coded_gru64.pt" for folder in Path(__file__).parents]
_CODED = next((place for place in _PLACES if place.exists()), None)


@dataclass(frozen=True)
class Case:
    """A map and its starts."""

    name: str
    system: rd.AutonomousMap
    starts: Tensor


def _drawn(k: int, n: int, scale: float) -> Tensor:
    return scale * torch.randn(k, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def _function(step: Callable[[Tensor], Tensor], n: int) -> rd.AutonomousMap:
    return rd.as_map(lambda state, _: step(state), state_size=n, input_size=0).hold()


def _piecewise(name: str, a: float, w1: float, w2: float) -> Case:
    diagonal = torch.tensor([a, 0.96461297], dtype=torch.float64)
    coupling = torch.tensor([[0.0, w1], [w2, 0.0]], dtype=torch.float64)
    offset = torch.tensor([0.37298253, -0.97931491], dtype=torch.float64)
    return Case(name, _function(lambda z: diagonal * z + z.clamp(min=0) @ coupling.T + offset, 2), _drawn(500, 2, 2.0))


def _limit_cycle() -> Case:
    n, rate = 64, 0.02
    weight = 0.5 * _drawn(n, n, n**-0.5)
    angle = torch.tensor(2 * torch.pi / 800 / rate, dtype=torch.float64)  # of what one time constant turns by
    weight[:2] = 0.0
    weight[:2, :2] = torch.stack([torch.ones(()), -angle, angle, torch.ones(())]).view(2, 2) * 1.5
    return Case("limit cycle", _function(lambda r: r + rate * (-r + torch.tanh(r @ weight.T)), n), _drawn(32, n, 1.0))


def _counter() -> Case:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.LSTM(1, 64, num_layers=2, dtype=torch.float64)
    with torch.no_grad():
        for weight in (module.weight_ih_l0, module.weight_hh_l0, module.bias_hh_l0):
            weight.zero_()
        module.bias_ih_l0.copy_(torch.tensor([50.0, 50, 1, 50]).double().repeat_interleave(64))
        module.weight_hh_l1.mul_(3)
    return Case("counter", rd.as_map(module).hold(), _drawn(32, 256, 0.5))


def _coded(path: Path) -> Case:
    weights = torch.load(path, weights_only=True)
    weights = next((value for value in weights.values() if isinstance(value, dict)), weights)
    weights = {name.rpartition(".")[2]: value for name, value in weights.items() if isinstance(value, Tensor)}
    module = nn.GRU(1, 64)
    module.load_state_dict({name: weights[name] for name in module.state_dict()})
    network = rd.as_map(module)
    sequences = torch.randn(64, 50, 1, generator=torch.Generator().manual_seed(1))
    return Case("coded", network.hold(), rd.sample_states(network, sequences, 32).double())


def _row(case: Case) -> dict[str, object]:
    rd.find_attractors(case.system, case.starts[:2], settle=rd.Settle(max_steps=32))  # what is loaded on first use
    begin = time.process_time()
    found = rd.find_attractors(case.system, case.starts)
    ours = time.process_time() - begin
    begin = time.process_time()
    case.system.iterate(case.starts, 1000)
    plain = 10 * (time.process_time() - begin)
    kinds = pd.Series(found.kinds, dtype=str).value_counts()
    return {
        "case": case.name,
        "starts": len(case.starts),
        "found": ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "no attractor",
        "settled": found.outcomes.count("settled"),
        "ours / 10,000 plain steps": f"{ours / plain:.2g}",
    }


def run() -> pd.DataFrame:
    """A row for each case."""
    cases = [
        _piecewise("16-cycle", 0.8688140511512756, -0.5981919765472412, 0.3502817153930664),
        _piecewise("27-cycle", 0.9777689, -0.14375, 0.52505308),
        _limit_cycle(),
        _counter(),
    ]
    if _CODED is not None:
        cases.append(_coded(_CODED))
    with torch.no_grad():
        return pd.DataFrame([_row(case) for case in cases])
