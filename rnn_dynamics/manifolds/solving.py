"""Connecting orbits from guesses: Newton's method on all states at once, and how the manifolds meet along them."""

import torch
from torch import Tensor

from ..linear_algebra import solve
from .connection_map import ConnectionMap
from .ends import Ends
from .saddles import Saddle

_STEPS, _HALVINGS = 40, 8

_ENDS_WITHIN = 1e-5
"""Of max(1, |p|): an orbit is continued on the linear manifolds until its ends are so near; they err by 1e-10 there."""

_LONGEST = 2000
"""States of an orbit."""

_CONVERGED = 1e-11


def solved(ends: Ends, guess: Tensor) -> tuple[Tensor, float] | None:
    """The orbit [N + 1, n] near a guess [M + 1, n], its ends near the saddles, and |R|; None where none is found."""
    found = _newton(ConnectionMap(ends, len(guess) - 1), guess)
    for _ in range(3):
        if found is None:
            return None
        longer = _reaching(ends, found[0])
        if longer is None or len(longer) == len(found[0]):
            break
        found = _newton(ConnectionMap(ends, len(longer) - 1), longer)
    if found is None or not _leaves(ends, found[0]):
        return None
    return found


def _newton(system: ConnectionMap, guess: Tensor) -> tuple[Tensor, float] | None:
    state = guess.flatten()
    size = max(1.0, float(guess.norm(dim=-1).max()))
    for _ in range(_STEPS):
        values, linearization = system.linearize(state[None])
        residual = values[0] - state
        norm = float(residual.norm())
        if norm <= _CONVERGED * size:
            return system.orbits(state), norm
        matrix = linearization.dense()[0]
        matrix.diagonal().sub_(1.0)
        step = -solve(matrix, residual)
        for halving in range(_HALVINGS):
            trial = state + step / 2**halving
            if float((system(trial[None])[0] - trial).norm()) < norm:
                state = trial
                break
        else:
            return None
    return None


def _reaching(ends: Ends, orbit: Tensor) -> Tensor | None:
    """The orbit with states put before and behind it until both ends are near."""
    source, target = ends.source, ends.target
    before = _linear(source, orbit[0], stable=False)
    behind = _linear(target, orbit[-1], stable=True)
    if len(before) + len(orbit) + len(behind) > _LONGEST:
        return None
    return torch.cat([before.flip(0), orbit, behind])


def _linear(saddle: Saddle, state: Tensor, stable: bool) -> Tensor:
    """States [m, n] that the linear map has on from a state: forwards if it falls there, else backwards."""
    basis = saddle.basis(saddle.modes(stable))
    small = basis.mT @ saddle.jacobian @ basis
    part, path = basis.mT @ (state - saddle.state), []
    while float(part.norm()) > _ENDS_WITHIN * saddle.size and len(path) < _LONGEST:
        part = small @ part if stable else solve(small, part)
        path.append(saddle.state + basis @ part)
    return torch.stack(path) if path else state.new_empty(0, len(state))


def _leaves(ends: Ends, orbit: Tensor) -> bool:
    """Whether it is more than the saddle itself, at which every state of an orbit may rest."""
    apart = float((ends.source.state - ends.target.state).norm())
    far = float((orbit - ends.source.state).norm(dim=-1).max())
    return apart > 1e-6 or far > 1e3 * _ENDS_WITHIN * ends.source.size


def angles(ends: Ends, orbit: Tensor) -> Tensor:
    """The smallest angle between the tangents of the unstable and the stable manifold at each state, [N + 1].

    Tangents T of the unstable manifold are carried along by DG, normals N of the stable one back by DG^T; the singular
    values of N^T T are the sines.
    """
    returns, source = ends.source.returns, ends.source
    jacobians = returns.linearize(orbit[:-1])[1].dense()
    tangents = [source.basis(source.modes(stable=False))]
    for jacobian in jacobians:
        tangents.append(torch.linalg.qr(jacobian @ tangents[-1])[0])
    normals = [ends.arriving]
    for jacobian in jacobians.flip(0):
        normals.append(torch.linalg.qr(jacobian.mT @ normals[-1])[0])
    sines = [torch.linalg.svdvals(n.mT @ t)[-1] for n, t in zip(reversed(normals), tangents, strict=True)]
    return torch.stack(sines).clamp(max=1.0).arcsin().double().cpu()
