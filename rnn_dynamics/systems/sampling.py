"""Starts along the trajectories that inputs lead through."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..checks import (
    ArgumentError,
    HasSequences,
    InputSequences,
    Size,
    as_tensor,
    checked,
    generator_of,
    require_memory,
    require_positive,
)
from .driven import DrivenMap, FirstState, require_network

_KEPT, _KEPT_OF_INPUTS = 12, 4
"""Numbers that autograd keeps at each step, for each unit of a gated cell and for each input, rounded up.

Measured: 7.5 a unit in GRUs, 9 to 11 in LSTMs (torch's kernels), 5 to 7 in MGU and nBRC; 3 an input. Written out under
vmap: 9 in GRUs and LSTMs, 2 to 7 in the others.
"""


@checked
@torch.no_grad()
def sample_states(
    network: DrivenMap,
    sequences: InputSequences,
    n: Size,
    noise: float = 0.0,
    seed: int | torch.Generator = 0,
    *,
    distinct: bool = False,
    state: FirstState | None = None,
) -> Tensor:
    """Draw ``n`` states, uniformly over the sequences and their times, of the trajectories that they lead through.

    Args:
        network: the driven map.
        sequences: inputs [batch, time, m], or a list of [time_i, m] of different lengths, or a task.
        n: how many states.
        noise: standard deviation of Gaussian noise added to each coordinate, in units of the state. 0.5 spreads the
            starts of a tanh or gated network over its box, where saddles between memories are found too.
        seed: of the draw; the same seed gives the same states.
        state: where trajectories begin, a trained h0, say: [n] for all, [batch, n] for each sequence, or as torch's
            modules take it, of an LSTM (h, c). Zeros by default.
        distinct: take one state of each sequence, as the published VAA does, for as long as there are sequences.

    Returns:
        [n, state_size] in the network's dtype. Memory is that of one time step, however long the sequences.
    """
    require_network(network)
    require_positive(n=n)
    if not 0 <= noise < float("inf"):
        raise ArgumentError("noise", f"must be 0 or positive and finite, got {noise}")
    generator = generator_of(seed)
    if network.device.type == "cpu":  # drawn states, noise and those run, and what says where each comes from
        require_memory(n * (3 * network.dtype.itemsize * network.state_size + 40), "states", "n", n)
    inputs, lengths = padded(network, sequences)
    first = network.first_states(state, len(inputs))
    batch = torch.randint(len(inputs), (n,), generator=generator)
    if distinct:
        once = torch.randperm(len(inputs), generator=generator)[:n]
        batch[: len(once)] = once
    times = (torch.rand(n, generator=generator, dtype=torch.float64) * lengths[batch]).long()
    result = torch.empty(n, network.state_size, dtype=network.dtype, device=network.device)
    used, column = batch.unique(return_inverse=True)  # sequences that no draw fell on are not run
    order, ends = times.argsort(), times.bincount().cumsum(dim=0).tolist()  # draws by their times, and where each ends
    column, order, used = column[order].to(network.device), order.to(network.device), used.to(network.device)
    reached = first[used]
    for time, (begin, end) in enumerate(pairwise([0, *ends])):
        reached = network.step(reached, inputs[used, time])
        result[order[begin:end]] = reached[column[begin:end]]
    return result + noise * torch.randn(n, network.state_size, generator=generator).to(result)


def states_after(network: DrivenMap, inputs: Tensor, steps: Tensor, memory_budget: int) -> Tensor:
    """The state that each sequence leads to from h = 0 after its own number of steps, differentiable.

    All sequences run together from one end to the next, and each is dropped at its own: no step is taken in vain.

    Args:
        network: the driven map.
        inputs: [batch, time, m].
        steps: [batch], from 1 to time.
        memory_budget: bytes for what all of it keeps for its gradient; see ``last_within``.

    Returns:
        [batch, state_size].
    """
    order = steps.argsort(descending=True, stable=True)
    ends = steps[order]
    inputs, state = inputs[order.to(inputs.device)], inputs.new_zeros(len(inputs), network.state_size)
    cuts: list[int] = ends.unique().tolist()
    again = bytes_kept(int(ends.sum()), state.shape[-1], inputs.shape[-1], inputs.element_size()) > memory_budget
    done, begin = [], 0
    for end in cuts:
        stretch = inputs[: len(state), begin:end].transpose(0, 1).contiguous()
        state = last_within(network.last_states, stretch, state, memory_budget, again)
        remaining = int((ends > end).sum())
        done.append(state[remaining:])
        state, begin = state[:remaining], end
    return torch.cat(done[::-1])[order.argsort().to(inputs.device)]


def last_within(
    last_states: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    state: Tensor,
    memory_budget: int,
    again: bool = False,
) -> Tensor:
    """The states [batch, n] after the last of inputs [time, batch, m], within a memory budget.

    If what that keeps for its gradient exceeds the budget, it is cut into stretches whose inner states are computed
    again on the way back, so that memory is that of one stretch and the states between stretches.

    Args:
        last_states: from inputs [time, batch, m] and states [batch, n] to states [batch, n].
        inputs, state: its arguments.
        memory_budget: bytes for what one stretch keeps.
        again: compute again even what fits, as one of several that do not fit together.
    """
    time, batch, _ = inputs.shape
    stretches = min(
        time, -(-bytes_kept(time * batch, state.shape[-1], inputs.shape[-1], inputs.element_size()) // memory_budget)
    )
    if stretches == 1 and not again:
        return last_states(inputs, state)
    for stretch in inputs.split(-(-time // stretches)):
        state = checkpoint(last_states, stretch, state, use_reentrant=False, preserve_rng_state=False)
    return state


def bytes_kept(row_steps: int, state_size: int, input_size: int, itemsize: int) -> int:
    """Bytes that autograd keeps of so many steps, all rows counted."""
    return itemsize * row_steps * (_KEPT * state_size + _KEPT_OF_INPUTS * input_size)


def padded(network: DrivenMap, sequences: InputSequences) -> tuple[Tensor, Tensor]:
    """Inputs [batch, time, m] padded with zeros, and each sequence's length."""
    if isinstance(sequences, HasSequences):
        sequences = sequences.sequences
    m, kind = network.input_size, {"dtype": network.dtype, "device": network.device}
    if isinstance(sequences, Sequence) and len(sequences) and all(hasattr(s, "shape") for s in sequences):
        rows = [as_tensor(sequence, f"sequence {index}", **kind) for index, sequence in enumerate(sequences)]
        for index, row in enumerate(rows):
            if row.ndim != 2 or row.shape[1] != m or not len(row):
                raise ValueError(f"sequence {index} must have shape [time, {m}], got {list(row.shape)}")
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), torch.tensor([len(row) for row in rows])
    inputs = as_tensor(sequences, "sequences", **kind)
    if inputs.ndim != 3 or inputs.shape[2] != m or 0 in inputs.shape[:2]:
        raise ArgumentError("sequences", f"must have shape [batch, time, {m}], got {list(inputs.shape)}")
    return inputs, torch.full((len(inputs),), inputs.shape[1])
