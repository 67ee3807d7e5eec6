"""What landscapes cost, beside settling the same states once or the plainest way to the same numbers; CPU time."""

import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.training import train_flip_flop

STARTS, VALUES, TRIALS, STEPS = 256, 13, 50, 200

READING = f"""\
Flip-flop networks of 3 bits (8 memories, 400 updates), one thread. "in settlings": the time over that of
``find_attractors`` from the same {STARTS:,} starts. Plain ways: ``basin_fractions`` against {VALUES} calls of
``find_attractors``, which tell shares but neither who is who nor where attractors vanish; ``escape_times`` ({TRIALS}
trials of each of two wells, {STEPS} steps) against a loop that settles the trials after every step;
``invariant_manifold`` by the points that it returns, against one step of the map for as many.
"""


def run() -> pd.DataFrame:
    """Each function on a trained network, or on the map that is known best."""
    torch.set_num_threads(1)
    return pd.DataFrame([*_networks(16), _escapes(), *_curves()])


def _row(what: str, system: str, settlings: float | None, plain: float | None) -> dict[str, str]:
    row = {"what": what, "system": system}
    row["in settlings"] = "" if settlings is None else f"{settlings:.3g}"
    row["in plain ways"] = "" if plain is None else f"{plain:.3g}"
    print(row, flush=True)
    return row


def _seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.process_time()
    result = call()
    return time.process_time() - begin, result


def _networks(units: int) -> list[dict[str, str]]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.GRU(3, units)
    inputs = train_flip_flop(module, steps=400).test_inputs
    network = rd.as_map(module)
    system, starts = network.hold(), rd.sample_states(network, inputs, STARTS, noise=0.3)
    rd.find_attractors(system, starts)  # what is imported once
    settling, found = _seconds(lambda: rd.find_attractors(system, starts))
    name = f"GRU-{units}, {len(found)} attractors"
    shocks, _ = _seconds(lambda: rd.resilience(system, found, starts))
    family = network.input_family(0)
    values = torch.linspace(0, 0.3, VALUES).tolist()
    shares, _ = _seconds(lambda: rd.basin_fractions(family, starts, (0.0, 0.3), resolution=VALUES))
    plain, _ = _seconds(lambda: [rd.find_attractors(family(value), starts) for value in values])
    alpha, _ = _seconds(lambda: rd.uncertainty_exponent(system, found, starts))
    return [
        _row("resilience", name, shocks / settling, None),
        _row("basin_fractions", name, shares / settling, shares / plain),
        _row("uncertainty_exponent, 7 distances", name, alpha / settling, None),
    ]


def _escapes() -> dict[str, str]:
    system = rd.as_map(lambda h, _: torch.tanh(1.5 * h + 0.05), 1, 0).hold()
    found = rd.find_attractors(system, [[-1.0], [1.0]])
    generator = torch.Generator().manual_seed(0)

    def plain() -> Tensor:
        states = found.states.repeat_interleave(TRIALS, dim=0)
        own = torch.arange(2).repeat_interleave(TRIALS)
        for _ in range(STEPS):
            noise = torch.randn(states.shape, generator=generator, dtype=torch.float64)
            states = system(states) + 0.4 * noise
            stay = rd.find_attractors(system, states, known=found).labels == own
            states, own = states[stay], own[stay]
            if not len(states):
                break
        return own

    fast, _ = _seconds(lambda: rd.escape_times(system, found, 0.4, trials=TRIALS, max_steps=STEPS))
    slow, _ = _seconds(plain)
    return _row("escape_times", "tanh(1.5 h + 0.05), noise 0.4", None, fast / slow)


def _curves() -> list[dict[str, str]]:
    def henon(h: Tensor, _: Tensor) -> Tensor:
        return torch.stack([1 - 1.4 * h[..., 0] ** 2 + 0.3 * h[..., 1], h[..., 0]], dim=-1)

    system = rd.as_map(henon, 2, 0).hold()
    rows = []
    for length in (5.0, 20.0, 80.0):
        took, curve = _seconds(lambda length=length: rd.invariant_manifold(system, [0.6314, 0.6314], length=length))
        points = torch.cat(list(curve.states))
        step, _ = _seconds(lambda points=points: system.iterate(points, 100))
        rows.append(
            _row(f"invariant_manifold, length {length:g}", f"Henon, {len(points):,} points", None, 100 * took / step)
        )
    return rows
