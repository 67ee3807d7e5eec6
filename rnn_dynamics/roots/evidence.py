"""Evidence that a state where F(h) - h rounds to zero is a root, and not a place where the map fades away.

``h + exp(-h)`` moves by less than any tolerance from h = 25 on and has no fixed point; saturated gates do the same.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..systems import AutonomousMap, relative, scaled_norm, sizes

_NUDGE, _RETURNS = 1e-4, 0.1
"""A root is regular if one Newton step from 1e-4 of its size beside it leads back, to within a tenth of that."""

_ROUNDING = 512
"""A residual of 512 rounding units, 1e-13 in float64, is above rounding."""

_RISE = {torch.float64: 1e4, torch.float32: 10.0}
"""From there to this many times more, 1e-9, it is small all the same."""

_SHARP, _SLOW, _FAR = 2e-3, 0.05, 0.25
"""At a root the residual rises by that factor within 2e-3 of the size: at once at a simple one, within 1e-3 at a triple
one. Where a map fades it takes more, and a twentieth of the way to or from where the rise begins, or a quarter of the
size."""

_STATIONS, _HALVINGS = 56, 24


@torch.no_grad()
def are_roots(equation: AutonomousMap, states: Tensor, starts: Tensor, units: Tensor, memory_budget: int) -> Tensor:
    """Whether states [k, n], at which G(h) - h is below tolerance, are near roots of it, [k].

    A row counts if Newton's method contracts to it from beside. Where it does not, since the root is degenerate or lies
    on a continuum, the residual has to rise sharply, or not at all, on the way from it to the middle of the starts and
    on that to the origin.

    Args:
        equation: the map G.
        states: candidates.
        starts: where the search began, [s, n].
        units: of the coordinates, [n].
        memory_budget: bytes for Jacobians at a time.
    """
    roots = torch.ones(len(states), dtype=torch.bool, device=states.device)
    rest = (~_contracts(equation, states, units, memory_budget)).nonzero().squeeze(-1)
    targets = [starts.nanmedian(dim=0).values, torch.zeros_like(units)]
    for part in rest.split(max(1, memory_budget // equation.bytes_per_linearization)):
        for target in targets:
            roots[part[_fades(equation, states[part], target, units)]] = False
    return roots


def _contracts(equation: AutonomousMap, states: Tensor, units: Tensor, memory_budget: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    regular = torch.zeros(len(states), dtype=torch.bool, device=states.device)
    for part in equation.chunks(len(states), memory_budget):
        here = states[part]
        offset = torch.randn(here.shape, generator=generator, dtype=torch.float64).to(here)
        offset *= _NUDGE * sizes(here, units)
        value, linearization = equation.linearize(here + offset)
        back = offset + linearization.solve(here + offset - value)
        regular[part] = relative(back, here, units) <= _RETURNS * relative(offset, here, units)
    return regular


def _fades(equation: AutonomousMap, states: Tensor, target: Tensor, units: Tensor) -> Tensor:
    """Whether the residual rises slowly on the straight way from each of the states to ``target`` [n], not beyond."""
    low = (30 * _residual(equation, states, units)).clamp(min=_ROUNDING * torch.finfo(states.dtype).eps)
    high = _RISE[states.dtype] * low
    # The last station before the residual passes ``low``, and the first at which it has passed ``high``.
    before, after = states.clone(), states.clone()
    left, risen = states.new_zeros(len(states), dtype=torch.bool), states.new_zeros(len(states), dtype=torch.bool)
    for station in _way(states, target):
        residual = _residual(equation, station, units)
        left |= residual > low
        before[~left] = station[~left]
        now = ~risen & (residual > high)
        after[now] = station[now]
        risen |= now
    begin = _crossing(equation, before, after, low, units)
    end = _crossing(equation, before, after, high, units)
    gap = relative(end - begin, begin, units)
    way = torch.minimum((begin - states).norm(dim=-1), (begin - target).norm(dim=-1))
    slowly = (end - begin).norm(dim=-1) > _SLOW * way
    # At an isolated root, however degenerate, the residual rises on the other side as well.
    beyond = _residual(equation, 2 * states - end, units) <= low
    return risen & beyond & ((slowly & (gap > _SHARP)) | (gap > _FAR))


def _crossing(equation: AutonomousMap, below: Tensor, above: Tensor, level: Tensor, units: Tensor) -> Tensor:
    """Where between two states the residual passes ``level``, by bisection."""
    for _ in range(_HALVINGS):
        middle = (below + above) / 2
        higher = (_residual(equation, middle, units) > level).unsqueeze(-1)
        below, above = torch.where(higher, below, middle), torch.where(higher, middle, above)
    return above


def _way(states: Tensor, target: Tensor) -> Iterator[Tensor]:
    """Stations on the way, ever farther from the states up to halfway, then ever nearer to the target."""
    shares = torch.logspace(-9, -0.31, _STATIONS // 2, dtype=torch.float64).tolist()
    remaining = torch.logspace(-0.31, -32, _STATIONS - len(shares), dtype=torch.float64).tolist()
    for share in shares:
        yield states + share * (target - states)
    for share in remaining:
        yield target + share * (states - target)


def _residual(equation: AutonomousMap, states: Tensor, units: Tensor) -> Tensor:
    return scaled_norm(equation(states) - states, states, units)
