"""Many starts under many inputs brought to fixed points in one batch, before each input is searched by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..roots import Newton, Reason, RootProblem
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, DrivenMap, Linearization, NoBox, units_of

_LEAST = 16
"""Of starts under each input: a single one finds a single point, and tells little of how large states are."""


class _Paired(AutonomousMap):
    """(h, x) -> (F(h, x), x): every row has an input of its own, which no step changes."""

    def __init__(self, network: DrivenMap) -> None:
        self.network = network

    @property
    def state_size(self) -> int:
        return self.network.state_size + self.network.input_size

    @property
    def dtype(self) -> torch.dtype:
        return torch.float64

    @property
    def device(self) -> torch.device:
        return self.network.device

    @property
    def acting(self) -> Tensor | None:
        acting = self.network.acting
        return None if acting is None else torch.cat([acting, acting.new_ones(self.network.input_size)])

    @property
    def bytes_per_linearization(self) -> int:
        return self.network.bytes_per_linearization(self.dtype.itemsize)

    @property
    def box(self) -> NoBox:
        return NoBox("inputs have none")

    def ungated(self) -> "_Paired":
        return _Paired(self.network.ungated())

    def _parts(self, states: Tensor) -> tuple[Tensor, ...]:
        return states.split([self.network.state_size, self.network.input_size], dim=-1)

    def __call__(self, states: Tensor) -> Tensor:
        h, x = self._parts(states)
        return torch.cat([self.network.step(h, x), x], dim=-1)

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        """As if the inputs came from a layer that nothing moves, so that a step leaves them where they are."""
        h, x = self._parts(states)
        value, linearization, _ = self.network.linearize(h, x)
        still = x.new_zeros(*x.shape, 1)
        own, feed = [*linearization.own, still], [*linearization.feed, still]
        return torch.cat([value, x], dim=-1), Linearization(own, feed)


@dataclass(frozen=True)
class Approach:
    """Where rows are before their input is searched: at what Newton's method converged to, else at their start."""

    states: Tensor
    """[k, n]."""

    steps: Tensor
    """Taken so far, [k]."""


def approached(
    network: DrivenMap, starts: Tensor, inputs: Tensor, groups: Sequence[Tensor], max_steps: int
) -> list[Approach]:
    """Newton's method from the starts of each input, and from others where these are few, all rows at once.

    Args:
        network: the driven map.
        starts: [k, n].
        inputs: [q, m].
        groups: for each input the numbers of its starts.
        max_steps: Newton steps.

    Returns:
        For each input its starts, then the others that converged.
    """
    rows = [_with_others(own, len(starts)) for own in groups]
    chosen = starts[torch.cat(rows).to(starts.device)]
    held = inputs.to(starts).repeat_interleave(torch.tensor([len(each) for each in rows]).to(starts.device), dim=0)
    units = torch.cat([units_of(network.hold(inputs[0]), starts), held.new_ones(inputs.shape[1])])
    paired, pairs = _Paired(network.frozen(torch.float64)), torch.cat([chosen, held], dim=1)
    attempt = Newton(slow_points=0).attempt(
        RootProblem(paired, pairs, units, max_steps, DEFAULT_MEMORY_BUDGET, progress=None)
    )
    there = attempt.result.reasons == Reason.CONVERGED
    states = torch.where(there.unsqueeze(1), attempt.result.states[:, : network.state_size], chosen)
    steps = torch.where(there, attempt.result.steps, 0)
    approaches = []
    parts = zip(*(column.split([len(each) for each in rows]) for column in (states, steps, there)), strict=True)
    for own, (ends, taken, converged) in zip(groups, parts, strict=True):
        kept = converged.clone()
        kept[: len(own)] = True  # of the others those that came to nothing would only fail again
        approaches.append(Approach(ends[kept], taken[kept]))
    return approaches


def _with_others(own: Tensor, count: int) -> Tensor:
    """These of ``count`` rows, and others evenly spread up to ``_LEAST``."""
    others = torch.ones(count, dtype=torch.bool)
    others[own] = False
    rest = others.nonzero().squeeze(-1)
    missing = min(max(_LEAST - len(own), 0), len(rest))
    return torch.cat([own, rest[torch.arange(missing) * len(rest) // max(missing, 1)]])
