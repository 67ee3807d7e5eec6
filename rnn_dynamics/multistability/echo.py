"""Multistability under driving: how many stable responses one and the same input sequence has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import scipy
import torch
from torch import Tensor

from ..attractors import finite_time_exponents
from ..checks import ArgumentError, ArrayLike, Size, as_rows, as_tensor, checked, require_memory, require_positive
from ..progress import count, doing, expect, shown
from ..store import storable
from ..systems import Box, DrivenMap, require_network
from ..tables import Table

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class EchoIndex(Table, whole=("steps",)):
    """The number of stable responses to one input sequence, at each of several amplitudes; ``len`` counts them."""

    _dimensions: ClassVar = {"labels": ("row", "start")}

    amplitudes: Tensor
    """[a]."""

    counts: Tensor
    """Stable responses, [a]: groups of initial states whose states have come together, with a negative leading
    exponent."""

    responses: Tensor
    """All groups, unstable ones included, [a]."""

    halfway: Tensor
    """Groups after half of the sequence, [a]: if there were more, a longer sequence may bring more together."""

    exponents: tuple[Tensor, ...]
    """For each amplitude the leading finite-time Lyapunov exponent of each response, the most frequent first, [r]."""

    labels: Tensor
    """For each amplitude and initial state its group, the most frequent first, [a, k]."""

    robust: Tensor
    """Whether the groups stay the same if the tolerance moves by a factor of ten either way, [a]."""

    steps: int

    def to_pandas(self) -> "pd.DataFrame":
        """One row per amplitude."""
        import pandas as pd

        return pd.DataFrame(
            {
                "amplitude": self.amplitudes.numpy(),
                "stable_responses": self.counts.numpy(),
                "responses": self.responses.numpy(),
                "halfway": self.halfway.numpy(),
                "largest_exponent": [float(row.max()) for row in self.exponents],
                "robust": self.robust.numpy(),
            }
        )

    def summary(self) -> str:
        """One line."""
        return f"echo index over {self.steps:,} steps at {self._counted('amplitude')}"


@checked
@torch.no_grad()
@shown("echo index", unit="step")
def echo_index(
    network: DrivenMap,
    sequence: ArrayLike,
    amplitudes: Sequence[float] = (1.0,),
    *,
    starts: ArrayLike | None = None,
    n: Size = 64,
    tolerance: float = 1e-3,
    seed: int = 0,
    progress: bool | None = None,  # noqa: ARG001
) -> EchoIndex:
    """Count the stable responses of a network to one input sequence, from many initial states.

    An echo index of 1 means that the state becomes a function of the input alone (the echo state property); k means
    that the past before the sequence decides between k responses. It falls as the input grows.

    Args:
        network: the driven map.
        sequence: [time, m]; long enough for responses to come together.
        amplitudes: factors of the sequence.
        starts: initial states [k, n]; uniform in the network's box by default.
        n: how many, where they are drawn.
        tolerance: final states within this, times max(1, |h|), are one response.
        seed: of the initial states.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Raises:
        ValueError: for shapes that do not fit, or no starts where no box is known.

    Source: Ceni, Ashwin, Livi and Postlethwaite 2020, doi:10.1016/j.physd.2020.132609 (arXiv 2001.07694).
    """
    require_network(network)
    require_positive(n=n, tolerance=tolerance)
    where = {"dtype": torch.float64, "device": network.device}
    inputs = as_tensor(sequence, "sequence", **where)
    if inputs.ndim != 2 or inputs.shape[1] != network.input_size or not len(inputs):
        raise ArgumentError("sequence", f"must have shape [time, {network.input_size}], got {list(inputs.shape)}")
    factors = as_tensor(amplitudes, "amplitudes", **where)
    if factors.ndim != 1 or not len(factors):
        raise ArgumentError("amplitudes", f"must be a list of numbers, got shape {list(factors.shape)}")
    frozen = network.frozen(torch.float64)
    first = _starts(network, inputs, starts, n, seed)
    k = len(first)
    require_memory(8.0 * k * k, "the distances between states", "n" if starts is None else "starts", k)
    states = first.repeat(len(factors), 1)
    half = states
    expect(len(inputs))
    for time, input in enumerate(inputs):
        if time == len(inputs) // 2:
            half = states
        count()
        states = frozen.step(states, (factors[:, None] * input).repeat_interleave(k, dim=0))
    ends, halves = states.view(len(factors), k, -1), half.view(len(factors), k, -1)
    labels = torch.stack([_groups(end, tolerance) for end in ends])
    exponents, counts = [], []
    for factor, row in zip(factors, labels, strict=True):
        members = [int((row == group).nonzero()[0]) for group in range(int(row.max()) + 1)]
        driven = (factor * inputs).expand(len(members), -1, -1)
        with doing("exponents"):
            exponents.append(finite_time_exponents(network, driven, first[members], k=1).exponents[:, 0])
        counts.append(int((exponents[-1] < 0).sum()))
    finer, coarser = (torch.stack([_groups(end, tolerance * by) for end in ends]) for by in (0.1, 10.0))
    return EchoIndex(
        factors.cpu(),
        torch.tensor(counts),
        labels.amax(dim=1) + 1,
        torch.stack([_groups(end, tolerance) for end in halves]).amax(dim=1) + 1,
        tuple(exponents),
        labels,
        (finer == labels).all(dim=1) & (coarser == labels).all(dim=1),
        len(inputs),
    )


def _starts(network: DrivenMap, inputs: Tensor, starts: ArrayLike | None, n: int, seed: int) -> Tensor:
    if starts is not None:
        return as_rows(starts, "starts", network.state_size, dtype=torch.float64, device=network.device)
    box = network.frozen(torch.float64).box(inputs[0])
    if not isinstance(box, Box):
        raise ArgumentError("starts", f"are needed, since no box is known to draw them from: {box.reason}")
    return box.sample(n, torch.Generator().manual_seed(seed))


def _groups(states: Tensor, tolerance: float) -> Tensor:
    """The group of each state [k], the largest group first: single linkage at tolerance * max(1, |h|)."""
    if len(states) == 1:
        return torch.zeros(1, dtype=torch.long)
    rows = states.cpu().numpy()
    scale = max(1.0, float(np.median(np.linalg.norm(rows, axis=1))))
    tree = scipy.cluster.hierarchy.linkage(rows, method="single")
    flat = scipy.cluster.hierarchy.fcluster(tree, tolerance * scale, criterion="distance")
    _, first, inverse, sizes = np.unique(flat, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), dtype=int)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return torch.from_numpy(rank[inverse])
