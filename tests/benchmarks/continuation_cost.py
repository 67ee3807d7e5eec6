"""What continuation costs as networks grow: one branch, its steps, its eigenvalues, against single Newton solves."""

import statistics
import time
from collections.abc import Callable

import pandas as pd
import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.continuation.crossings import eigenvalues_at
from rnn_dynamics.families.protocol import Span

UNITS = (16, 32, 64, 128, 256, 512)

READING = """\
A GRU with one input and two planted modes beside random weights, so that at every size there are nine fixed points
or so without input, on one or two winding branches over an input of -2 to 2. "row / Newton solve": the time of a row (a
step with its evidence, eigenvalues and what they crossed) in units of one single Newton solve at that size, from a
state .1 beside the fixed point; "eigenvalues / row": the time of those at the first point as a share of a mean row (at
512 units Arnoldi's method needs more there than on the way). "row, 16 units = 1": growth. A step solves two or three
bordered systems of n + 1 by LU, so the growth tends to n^3; up to 300 units all eigenvalues are computed (faster than
Arnoldi's method there), beyond that the leading ones. "diagram / branch": ``bifurcation_diagram`` with
nine searches from 64 starts, in units of the time of walking that branch alone: the rest is the searches.
"""


def _network(n: int) -> rd.DrivenMap:
    generator = torch.Generator().manual_seed(n)
    with torch.random.fork_rng():
        module = nn.GRU(1, n)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            scale = 0.0 if "bias" in name else 0.1 if "ih" in name else 0.5 / n**0.5
            weight.copy_(scale * torch.randn(weight.shape, generator=generator))
        modes, _ = torch.linalg.qr(torch.randn(n, 2, generator=generator))
        module.weight_hh_l0[2 * n :] += 5.0 * modes @ modes.T
        module.weight_ih_l0[2 * n :, 0] += 0.35 * n**0.5 * modes[:, 0]
    return rd.as_map(module)


def _timed(call: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def run() -> pd.DataFrame:
    """One thread; medians of three branches at each size."""
    torch.set_num_threads(1)
    rows = []
    base: float | None = None
    for n in UNITS:
        network = _network(n)
        family, span = network.input_family(0), (-2.0, 2.0)
        generator = torch.Generator().manual_seed(0)
        starts = 2 * torch.rand(64, n, generator=generator, dtype=torch.float64) - 1
        points = rd.find_fixed_points(family(0.0), starts, rd.Newton(slow_points=0), extra_starts=0)
        state = points.states[int(points.spectral_radii.argmin())]
        beside = state + 0.1 * torch.nn.functional.normalize(starts[0], dim=0)
        newton = _timed(lambda beside=beside, family=family: rd.Newton().solve(family(0.0), beside[None]), 7)
        branch = rd.continue_fixed_point(family, state, span, at=0.0)
        whole = _timed(
            lambda state=state, family=family, span=span: rd.continue_fixed_point(family, state, span, at=0.0), 3
        )
        inner = Span(family, *span)
        spectrum = _timed(lambda state=state, inner=inner: eigenvalues_at(inner, state, inner.inner(0.0)), 5)
        row = whole / len(branch)
        base = base or row
        begin = time.perf_counter()
        diagram = rd.bifurcation_diagram(family, starts, span, searches=9, sections=0, max_period=1)
        diagram_time = time.perf_counter() - begin
        rows.append(
            {
                "units": n,
                "rows": len(branch),
                "refused": branch.refused,
                "special points": len(branch.special_points),
                "row / Newton solve": round(row / newton, 1),
                "eigenvalues / row": round(spectrum / row, 2),
                "row, 16 units = 1": round(row / base, 1),
                "diagram: branches": len(diagram),
                "diagram: bifurcations": len(diagram.special_points),
                "diagram / branch": round(diagram_time / whole, 1),
                "index sum 1": not diagram.missing,
            }
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)
