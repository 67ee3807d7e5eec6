"""Connecting orbits as fixed points of a map of whole orbits, for all that finds and follows fixed points."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..systems import AutonomousMap, Box, Linearization, NoBox
from .ends import Ends

_LATEST = 8
"""Maps that are kept: a corrector and the differences around it ask for the same ones."""

_KNOWN = 1e-3
"""Of the spans: saddles are kept for parameters no nearer to one another."""


class ConnectionMap(AutonomousMap):
    """X -> X + R(X) of orbits X = (x_0, ..., x_N), whose fixed points are the orbits from one saddle to another.

    R(X) = (W_s^T (x_0 - p), G(x_0) - x_1, ..., G(x_(N-1)) - x_N, W_u^T (x_N - q)): as many equations as unknowns where
    both saddles have as many unstable directions. DR is singular where the manifolds are tangent, so that folds of
    these fixed points are tangencies.

    Source: Beyn and Kleinkauf 1997, doi:10.1137/S0036142995281693; Khoshsiar Ghaziani, Govaerts, Kuznetsov and Meijer
    2009, doi:10.1080/10236190902766831 (MatContM).
    """

    def __init__(self, ends: Ends, steps: int) -> None:
        self.ends, self.steps = ends, steps
        self._returns = ends.source.returns

    def __repr__(self) -> str:
        return f"orbits of {self.steps} steps of {self._returns!r}"

    @property
    def state_size(self) -> int:
        return (self.steps + 1) * self._returns.state_size

    @property
    def dtype(self) -> torch.dtype:
        return self._returns.dtype

    @property
    def device(self) -> torch.device:
        return self._returns.device

    @property
    def box(self) -> Box | NoBox:
        return NoBox("a map of orbits has none")

    @property
    def bytes_per_linearization(self) -> int:
        return self.steps * self._returns.bytes_per_linearization + 3 * self.dtype.itemsize * self.state_size**2

    def orbits(self, states: Tensor) -> Tensor:
        """X [..., (N + 1) n] as [..., N + 1, n]."""
        return states.unflatten(-1, (self.steps + 1, self._returns.state_size))

    def __call__(self, states: Tensor) -> Tensor:
        orbit = self.orbits(states)
        return states + self._joined(self._returns(orbit[..., :-1, :]), orbit)

    def _joined(self, images: Tensor, orbit: Tensor) -> Tensor:
        first = (orbit[..., 0, :] - self.ends.source.state) @ self.ends.leaving
        last = (orbit[..., -1, :] - self.ends.target.state) @ self.ends.arriving
        return torch.cat([first, (images - orbit[..., 1:, :]).flatten(-2), last], dim=-1)

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        orbit = self.orbits(states)
        k, n, size = len(states), self._returns.state_size, self.state_size
        images, linearization = self._returns.linearize(orbit[:, :-1].flatten(0, 1))
        turns = linearization.dense().view(k, self.steps, n, n)
        matrix = torch.eye(size, dtype=states.dtype, device=states.device).repeat(k, 1, 1)
        stable = self.ends.leaving.shape[1]
        matrix[:, :stable, :n] += self.ends.leaving.mT
        for step in range(self.steps):
            rows, columns = slice(stable + step * n, stable + (step + 1) * n), step * n
            matrix[:, rows, columns : columns + n] += turns[:, step]
            matrix[:, rows, columns + n : columns + 2 * n].diagonal(dim1=-2, dim2=-1).sub_(1.0)
        matrix[:, size - self.ends.arriving.shape[1] :, size - n :] += self.ends.arriving.mT
        return states + self._joined(images.view(k, self.steps, n), orbit), Linearization([matrix], [])


class NoConnections(ConnectionMap):
    """Where the saddles are not there, or have lost a direction: NaN, so that no step gets there."""

    def __call__(self, states: Tensor) -> Tensor:
        return torch.full_like(states, torch.nan)

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        size = self.state_size
        matrix = states.new_full((len(states), size, size), torch.nan)
        return torch.full_like(states, torch.nan), Linearization([matrix], [])


class ConnectionFamily:
    """The maps of orbits of a family of maps, of one parameter or two; saddles are followed from the nearest known."""

    def __init__(
        self,
        family: Callable[..., AutonomousMap],
        ends: Ends,
        steps: int,
        at: tuple[float, ...],
        scale: tuple[float, ...],
    ) -> None:
        self._family, self._steps, self._scale = family, steps, scale
        self._known = [(at, ends)]
        self._latest: dict[tuple[float, ...], ConnectionMap] = {}

    def __call__(self, *parameters: float) -> ConnectionMap:
        if parameters not in self._latest:
            while len(self._latest) >= _LATEST:
                del self._latest[next(iter(self._latest))]
            self._latest[parameters] = self._made(parameters)
        return self._latest[parameters]

    def _made(self, parameters: tuple[float, ...]) -> ConnectionMap:
        system = self._family(*parameters)
        apart, ends = min(
            ((self._distance(parameters, at), known) for at, known in self._known), key=lambda pair: pair[0]
        )
        followed = ends.at(system) if isinstance(system, AutonomousMap) else None
        if followed is None:
            return NoConnections(ends, self._steps)
        if apart > _KNOWN:
            self._known.append((parameters, followed))
        return ConnectionMap(followed, self._steps)

    def _distance(self, one: tuple[float, ...], other: tuple[float, ...]) -> float:
        return max(abs(a - b) / scale for a, b, scale in zip(one, other, self._scale, strict=True))
