"""Whether diagrams are whole: random families, and audits from fresh random starts at parameters never searched."""

import time
from collections import Counter
from collections.abc import Callable, Iterator

import pandas as pd
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.families import Family

from .networks import trained

AUDITED, STARTS = 50, 128

READING = f"""\
Random GRU-16: Gaussian weights of gain 1 to 4 (standard deviation gain / sqrt(16)), biases of 0.3; over an input of -3
to 3 along a random direction, over the recurrent weights scaled by .2 to 1.5, and over the bias of the update gate
shifted by -3 to 3; 100 families each. Trained ones hold three bits. Each diagram comes from 64 uniform starts at 33
parameters and what follows from there; then Newton's method from {STARTS} fresh uniform starts at {AUDITED} random
parameters. "off branches": points so found that are on no branch (a branch was missed, or jumped off). "open ends":
branches that ended for lack of a safe step or of steps; "not traced": points that were found and could not be begun
from. "index sum 1": families whose sum is 1 over the whole span. "refused": share of attempted steps that were refused
and shortened. No family crashed and no branch stalled. The two points off branches are one pair, on an isola between
inputs -.095 and -.058 that lies between two of the searched parameters, .19 apart.
"""


def _random_gru(seed: int) -> nn.GRU:
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        module = nn.GRU(3, 16)
    gain = 1.0 + 3.0 * float(torch.rand((), generator=generator))
    with torch.no_grad():
        for name, weight in module.named_parameters():
            size = 0.3 if "bias" in name else gain / 4
            weight.copy_(size * torch.randn(weight.shape, generator=generator))
    return module


def _families(kind: str) -> Iterator[tuple[Family, tuple[float, float], int]]:
    for seed in range(100):
        module = _random_gru(seed)
        if kind == "input":
            direction = torch.randn(3, generator=torch.Generator().manual_seed(1000 + seed))
            yield rd.as_map(module).input_family(direction / direction.norm()), (-3.0, 3.0), 16
        elif kind == "weights scaled":
            yield rd.scaled(module, "weight_hh_l0"), (0.2, 1.5), 16
        else:
            yield rd.shifted(module, "bias_hh_l0", gate="z"), (-3.0, 3.0), 16


def _trained(kind: str, n: int) -> Iterator[tuple[Family, tuple[float, float], int]]:
    network, _ = trained(kind, n)
    for direction in range(3):
        yield network.input_family(direction), (-1.0, 1.0), network.state_size


def audit(diagram: rd.BifurcationDiagram, family: Family, n: int, seed: int) -> tuple[int, int]:
    """Points found from fresh starts, and how many of them are on no branch."""
    generator = torch.Generator().manual_seed(seed)
    low, high = diagram.span
    found = off = 0
    for _ in range(AUDITED):
        t = low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))
        starts = 2 * torch.rand(STARTS, n, generator=generator, dtype=torch.float64) - 1
        points = rd.find_fixed_points(family(t), starts, rd.Newton(slow_points=0), extra_starts=0)
        for state in points.states:
            found += 1
            off += not _on_a_branch(diagram, state, t)
    return found, off


def _on_a_branch(diagram: rd.BifurcationDiagram, state: Tensor, t: float) -> bool:
    # Between rows a branch is the cubic through both, whose error is some 1e-4, at sharp folds 1e-3 along the curve.
    for branch in diagram.branches:
        near = branch.near(t) if branch.period == 1 else branch.states[:0]
        if (len(near) and float((near - state).norm(dim=-1).min()) < 1e-4) or branch.distance(state, t) < 3e-4:
            return True
    return False


def _row(name: str, families: Callable[[], Iterator[tuple[Family, tuple[float, float], int]]]) -> dict[str, object]:
    total: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for number, (family, span, n) in enumerate(families()):
        starts = 2 * torch.rand(64, n, generator=torch.Generator().manual_seed(number), dtype=torch.float64) - 1
        total["families"] += 1
        begin = time.perf_counter()
        try:
            diagram = rd.bifurcation_diagram(family, starts, span, max_period=2, sections=0)
        except Exception as error:
            print(name, number, repr(error), flush=True)
            total["crashes"] += 1
            continue
        total["branches"] += len(diagram)
        total["rows"] += sum(map(len, diagram.branches))
        total["refused"] += sum(branch.refused for branch in diagram.branches)
        total["bifurcations"] += len(diagram.special_points)
        total["index sum 1"] += not diagram.missing
        total["not traced"] += len(diagram.missed)
        for branch in diagram.branches:
            ends.update(end for end in branch.ends if end in ("stalled", "steps"))
        found, off = audit(diagram, family, n, 5000 + number)
        total["audited"] += found
        total["off branches"] += off
        if off or diagram.missing or diagram.missed:
            print(name, number, off, diagram.missing, len(diagram.missed), flush=True)
        print(name, number, round(time.perf_counter() - begin, 1), diagram.summary(), flush=True)
    tried = total["rows"] + total["refused"]
    return {
        "families": name,
        "number": total["families"],
        "crashes": total["crashes"],
        "branches": total["branches"],
        "bifurcations": total["bifurcations"],
        "refused": f"{total['refused'] / max(1, tried):.1%}",
        "open ends": ", ".join(f"{count} {end}" for end, count in ends.items()) or "0",
        "not traced": total["not traced"],
        "index sum 1": f"{total['index sum 1']} of {total['families']}",
        "points audited": total["audited"],
        "off branches": total["off branches"],
    }


def run() -> pd.DataFrame:
    """Random families of three kinds, and trained networks over each of their inputs."""
    torch.set_num_threads(1)
    rows = [
        _row(f"random GRU-16, {kind}", lambda kind=kind: _families(kind))
        for kind in ("input", "weights scaled", "update gate's bias")
    ]
    for kind, n in (("GRU", 16), ("GRU", 64), ("LSTM", 16), ("tanh", 64), ("GRU 2 layers", 64)):
        rows.append(_row(f"trained {kind}, {n} units, input", lambda kind=kind, n=n: _trained(kind, n)))
    return pd.DataFrame(rows)
