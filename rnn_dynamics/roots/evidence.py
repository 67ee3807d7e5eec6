"""Evidence that a state where F(h) - h rounds to zero is a root, and not a place where the map fades away.

``h + exp(-h)`` moves by less than any tolerance from h = 25 on and has no fixed point; saturated gates do the same.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..linear_algebra import solve
from ..systems import AutonomousMap, relative, sizes

_NUDGES, _RETURNS = (1e-4, 1e-7), 0.1
"""A root is regular if one Newton step from 1e-4 of its size beside it leads back, to within a tenth of that; or from
1e-7, where the map bends within less."""

_REACH = 4.0
"""A neutral state more than four times as far out as any start is not told from a place where the map fades."""

_ROUNDING = 512
"""A drift of 512 rounding units, 1e-13 in float64, is above rounding."""

_RISE = {torch.float64: 1e4, torch.float32: 10.0}
"""From there to this many times more, 1e-9, it is small all the same."""

_SHARP, _SLOW, _FAR = 2e-3, 0.05, 0.25
"""At a root the drift rises by that factor within 2e-3 of the size: at once at a simple one, within 1e-3 at a triple
one. Where a map fades it takes more, and a twentieth of the way to or from where the rise begins, or a quarter of the
size."""

_ONE_SIDED = 0.1
"""What the drift may be as far on the other side, as a share of what it rises to here."""

_STATIONS, _HALVINGS = 56, 24

_DRAWS = 2
"""Neutral directions that are tried, where there are several."""


@torch.no_grad()
def are_roots(equation: AutonomousMap, states: Tensor, starts: Tensor, units: Tensor, memory_budget: int) -> Tensor:
    """Whether states [k, n], at which G(h) - h is below tolerance, are near roots of it, [k].

    A row counts if Newton's method contracts to it from beside. Where it does not, since the root is degenerate or lies
    on a continuum, the drift along the neutral direction has to rise sharply, or not at all, on the way from it to the
    middle of the starts and on that to the origin; and it must not be far out.

    Args:
        equation: the map G.
        states: candidates.
        starts: where the search began, [s, n].
        units: of the coordinates, [n].
        memory_budget: bytes for Jacobians at a time.
    """
    roots = torch.ones(len(states), dtype=torch.bool, device=states.device)
    if not len(states):
        return roots
    rest = torch.arange(len(states), device=states.device)
    for nudge in _NUDGES:
        rest = rest[~_contracts(equation, states[rest], units, nudge, memory_budget)]
    reach = _REACH * sizes(starts.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0), units).amax(dim=0)
    far = (states[rest].abs() > reach).any(dim=-1)
    roots[rest[far]] = False
    rest = rest[~far]
    if not len(rest):
        return roots
    targets = [starts.nanmedian(dim=0).values, torch.zeros_like(units)]
    for part in rest.split(max(1, memory_budget // equation.bytes_per_linearization)):
        for neutral in _neutral(equation, states[part], units):
            for target in targets:
                roots[part[_fades(equation, states[part], neutral, target, units)]] = False
    return roots


def _contracts(equation: AutonomousMap, states: Tensor, units: Tensor, nudge: float, memory_budget: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    regular = torch.zeros(len(states), dtype=torch.bool, device=states.device)
    for part in equation.chunks(len(states), memory_budget):
        here = states[part]
        offset = torch.randn(here.shape, generator=generator, dtype=torch.float64).to(here)
        offset *= nudge * sizes(here, units)
        value, linearization = equation.linearize(here + offset)
        back = offset + linearization.solve(here + offset - value)
        regular[part] = relative(back, here, units) <= _RETURNS * relative(offset, here, units)
    return regular


def _neutral(equation: AutonomousMap, states: Tensor, units: Tensor) -> Tensor:
    """Left eigenvectors of DG in scaled coordinates [draws, k, n] of length 1, their eigenvalues the nearest to 1: what
    they pick of the residual, a displacement does not change to first order. By inverse iteration.
    """
    scale = sizes(states, units)
    matrix = equation.linearize(states)[1].dense() * scale.unsqueeze(-2) / scale.unsqueeze(-1)
    matrix.diagonal(dim1=-2, dim2=-1).sub_(1 + torch.finfo(states.dtype).eps ** 0.5)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(*states.shape, _DRAWS, generator=generator, dtype=torch.float64).to(states)
    for _ in range(2):
        drawn = solve(matrix.mT, drawn)
        drawn = torch.nn.functional.normalize(drawn, dim=-2)
    return drawn.movedim(-1, 0)


def _fades(equation: AutonomousMap, states: Tensor, neutral: Tensor, target: Tensor, units: Tensor) -> Tensor:
    """Whether the drift along ``neutral`` [k, n] rises slowly on the straight way from each of the states to ``target``
    [n], and not beyond.
    """

    def drift(states: Tensor) -> Tensor:
        scaled = (equation(states) - states) / sizes(states, units)
        return (scaled * neutral).sum(dim=-1).abs().nan_to_num(nan=torch.inf)

    low = (30 * drift(states)).clamp(min=_ROUNDING * torch.finfo(states.dtype).eps)
    high = _RISE[states.dtype] * low
    # The last station before the residual passes ``low``, and the first at which it has passed ``high``.
    before, after = states.clone(), states.clone()
    left, risen = states.new_zeros(len(states), dtype=torch.bool), states.new_zeros(len(states), dtype=torch.bool)
    for station in _way(states, target):
        speed = drift(station)
        left |= speed > low
        before[~left] = station[~left]
        now = ~risen & (speed > high)
        after[now] = station[now]
        risen |= now
    begin, end = _crossing(drift, before, after, low), _crossing(drift, before, after, high)
    gap = relative(end - begin, begin, units)
    way = torch.minimum((begin - states).norm(dim=-1), (begin - target).norm(dim=-1))
    slowly = (end - begin).norm(dim=-1) > _SLOW * way
    # At an isolated root, however degenerate, the drift rises on the other side as well.
    one_sided = drift(2 * states - end) <= _ONE_SIDED * high
    return risen & one_sided & ((slowly & (gap > _SHARP)) | (gap > _FAR))


def _crossing(drift: Callable[[Tensor], Tensor], below: Tensor, above: Tensor, level: Tensor) -> Tensor:
    """Where between two states the drift passes ``level``, by bisection."""
    for _ in range(_HALVINGS):
        middle = (below + above) / 2
        higher = (drift(middle) > level).unsqueeze(-1)
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
