"""Tangent vectors carried along orbits, held or driven."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..progress import Progress, sign_of_life
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, DrivenMap, Pushforward

_BLOCK = 64
"""Steps whose Jacobians are made at once, if memory allows."""


def random_tangents(states: Tensor, k: int, seed: int) -> Tensor:
    """Orthonormal tangent vectors [r, n, k], the same at every one of the states [r, n]."""
    n = states.shape[-1]
    drawn = torch.randn(n, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.linalg.qr(drawn)[0].to(states).expand(len(states), n, k).contiguous()


def carry_tangents(
    system: AutonomousMap,
    states: Tensor,
    tangents: Tensor,
    steps: int,
    every: int = 1,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    bar: Progress | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Carry orbits [r, n] and tangent vectors [r, n, k] along.

    The orbits go a block of steps ahead, along which the map is then linearized all at once.

    Args:
        system, states, tangents: as named.
        steps: how far.
        every: steps between two orthonormalisations.
        memory_budget: bytes for Jacobians at a time.
        bar: moved on by every step.

    Returns:
        The orbits [steps, r, n], the last tangents, and ln |growth| per step of each stretch [stretches, r, k].
    """
    return _carried(_Autonomous(system), states, tangents, steps, every, memory_budget, bar)


def carry_driven_tangents(
    network: DrivenMap, inputs: Tensor, states: Tensor, tangents: Tensor, bar: Progress | None = None
) -> Tensor:
    """Carry tangents [r, n, k] from states [r, n] under inputs [steps, r, m]: ln |growth| by step, [steps, r, k]."""
    return _carried(_Driven(network, inputs), states, tangents, len(inputs), bar=bar)[2]


class _Steps(Protocol):
    """The maps of successive steps, the same or not."""

    @property
    def bytes_per_linearization(self) -> int: ...

    def path(self, states: Tensor, steps: range) -> Tensor:
        """The states [t + 1, r, n] before each of the steps and after the last, from states [r, n]."""
        ...

    def pushforward(self, path: Tensor, steps: range, vectors: int) -> Pushforward:
        """The derivatives at the states [t, r, n] before each of the steps, in their order."""
        ...

    def of(self, rows: slice) -> "_Steps":
        """Those of some of the r rows."""
        ...


@dataclass(frozen=True)
class _Autonomous:
    system: AutonomousMap

    @property
    def bytes_per_linearization(self) -> int:
        return self.system.bytes_per_linearization

    def path(self, states: Tensor, steps: range) -> Tensor:
        path = [states]
        for _ in steps:
            path.append(self.system(path[-1]))
        return torch.stack(path)

    def pushforward(self, path: Tensor, steps: range, vectors: int) -> Pushforward:  # noqa: ARG002
        return self.system.pushforward(path.flatten(0, 1), vectors)

    def of(self, rows: slice) -> "_Autonomous":  # noqa: ARG002
        return self


@dataclass(frozen=True)
class _Driven:
    network: DrivenMap
    inputs: Tensor  # [steps, r, m]

    @property
    def bytes_per_linearization(self) -> int:
        return self.network.bytes_per_linearization(self.inputs.element_size())

    def _inputs(self, steps: range) -> Tensor:
        return self.inputs[steps.start : steps.stop]

    def path(self, states: Tensor, steps: range) -> Tensor:
        return torch.cat([states[None], self.network.scan(self._inputs(steps).contiguous(), states)])

    def pushforward(self, path: Tensor, steps: range, vectors: int) -> Pushforward:
        return self.network.pushforward(path.flatten(0, 1), self._inputs(steps).flatten(0, 1), vectors)

    def of(self, rows: slice) -> "_Driven":
        return _Driven(self.network, self.inputs[:, rows])


def _carried(
    maps: _Steps,
    states: Tensor,
    tangents: Tensor,
    steps: int,
    every: int = 1,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    bar: Progress | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """See ``carry_tangents``; rows of which not all fit into memory follow one another."""
    rows = len(states)
    fitting = max(1, memory_budget // maps.bytes_per_linearization)
    if rows > fitting:
        slices = [slice(begin, begin + fitting) for begin in range(0, rows, fitting)]
        parts = [
            _carried(maps.of(part), states[part], tangents[part], steps, every, memory_budget, bar) for part in slices
        ]
        paths, lasts, rates = zip(*parts, strict=True)
        return torch.cat(paths, dim=1), torch.cat(lasts), torch.cat(rates, dim=1)
    block = min(_BLOCK, fitting // max(1, rows))
    path, growth, since = [states[None][:0]], [], 0
    for begin in range(0, steps, block):
        within = range(begin, min(begin + block, steps))
        ahead = maps.path(states, within)
        states = ahead[-1]
        path.append(ahead[1:])
        derivatives = maps.pushforward(ahead[:-1], within, tangents.shape[-1])
        for step in range(len(within)):
            tangents = derivatives.rows(slice(step * rows, (step + 1) * rows)).apply(tangents)
            since += 1
            if since == every or begin + step == steps - 1:
                tangents, logs = _orthonormal(tangents)
                growth.append(logs / since)
                since = 0
        if bar is not None:
            bar.update(len(within))
        else:
            sign_of_life()
    return torch.cat(path), tangents, torch.stack(growth) if growth else tangents.new_empty(0, *tangents.shape[::2])


def _orthonormal(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Q of the QR factorisation of vectors [r, n, k], and ln |diagonal of R| [r, k]; -708 stands for ln 0."""
    tiny = torch.finfo(vectors.dtype).tiny
    if vectors.shape[-1] == 1:
        lengths = vectors.norm(dim=-2, keepdim=True).clamp(min=tiny)
        return vectors / lengths, lengths.squeeze(-1).log()
    q, r = torch.linalg.qr(vectors.nan_to_num(posinf=0.0, neginf=0.0))
    logs = r.diagonal(dim1=-2, dim2=-1).abs().clamp(min=tiny).log()
    lost = ~vectors.isfinite().flatten(1).all(dim=-1, keepdim=True)
    return q, torch.where(lost, torch.nan, logs)
