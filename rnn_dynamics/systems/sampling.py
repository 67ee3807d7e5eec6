"""Starts along the trajectories that inputs lead through."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..checks import ArrayLike, as_tensor, require_positive
from .driven import DrivenMap, require_network


@torch.no_grad()
def sample_states(
    network: DrivenMap,
    sequences: ArrayLike | Sequence[Tensor],
    n: int,
    noise: float = 0.0,
    seed: int | torch.Generator = 0,
    *,
    distinct: bool = False,
) -> Tensor:
    """Draw ``n`` states, uniformly over the sequences and their times, of trajectories from h = 0.

    Args:
        network: the driven map.
        sequences: inputs [batch, time, m], or a list of [time_i, m] of different lengths.
        n: how many states.
        noise: standard deviation of Gaussian noise added to each coordinate, in units of the state. 0.5 spreads the
            starts of a tanh or gated network over its box, where saddles between memories are found too.
        seed: of the draw; the same seed gives the same states.
        distinct: take one state of each sequence, as the published VAA does, for as long as there are sequences.

    Returns:
        [n, state_size] in the network's dtype. Memory is that of one time step, however long the sequences.
    """
    require_network(network)
    require_positive(n=n)
    if not 0 <= noise < float("inf"):
        raise ValueError(f"noise must be 0 or positive and finite, got {noise}")
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    inputs, lengths = _padded(network, sequences)
    batch = torch.randint(len(inputs), (n,), generator=generator)
    if distinct:
        once = torch.randperm(len(inputs), generator=generator)[:n]
        batch[: len(once)] = once
    times = (torch.rand(n, generator=generator, dtype=torch.float64) * lengths[batch]).long()
    result = torch.empty(n, network.state_size, dtype=network.dtype, device=network.device)
    used, column = batch.unique(return_inverse=True)  # sequences that no draw fell on are not run
    used, column, times = used.to(network.device), column.to(network.device), times.to(network.device)
    state = result.new_zeros(len(used), network.state_size)
    for time in range(int(times.max()) + 1):
        state = network.step(state, inputs[used, time])
        now = times == time
        result[now] = state[column[now]]
    return result + noise * torch.randn(n, network.state_size, generator=generator).to(result)


def _padded(network: DrivenMap, sequences: ArrayLike | Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Inputs [batch, time, m] padded with zeros, and each sequence's length."""
    m, kind = network.input_size, {"dtype": network.dtype, "device": network.device}
    if isinstance(sequences, Sequence) and len(sequences) and all(hasattr(s, "shape") for s in sequences):
        rows = [as_tensor(sequence, f"sequence {index}", **kind) for index, sequence in enumerate(sequences)]
        for index, row in enumerate(rows):
            if row.ndim != 2 or row.shape[1] != m or not len(row):
                raise ValueError(f"sequence {index} must have shape [time, {m}], got {list(row.shape)}")
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), torch.tensor([len(row) for row in rows])
    inputs = as_tensor(sequences, "sequences", **kind)
    if inputs.ndim != 3 or inputs.shape[2] != m or 0 in inputs.shape[:2]:
        raise ValueError(f"sequences must have shape [batch, time, {m}], got {list(inputs.shape)}")
    return inputs, torch.full((len(inputs),), inputs.shape[1])
