"""Starts along the trajectories that inputs lead through."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..checks import ArrayLike, as_tensor, require_positive
from .driven import DrivenMap, require_network

_STRETCHES = 8
"""Of a batch of trajectories that end at different times."""

_KEPT = 16
"""Numbers that autograd keeps for each unit and step of a gated cell: gates, products and their like."""


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
    inputs, lengths = padded(network, sequences)
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


def states_after(network: DrivenMap, inputs: Tensor, steps: Tensor, memory_budget: int) -> Tensor:
    """The state that each sequence leads to from h = 0 after its own number of steps, differentiable.

    Sequences are dropped as they end, in ``_STRETCHES`` stretches, so that about half of the work is saved.

    Args:
        network: the driven map.
        inputs: [batch, time, m].
        steps: [batch], from 1 to time.
        memory_budget: bytes for what a stretch keeps for its gradient; see ``scan_within``.

    Returns:
        [batch, state_size].
    """
    order = steps.argsort(descending=True)
    ends = steps[order]
    inputs, state = inputs[order.to(inputs.device)], inputs.new_zeros(len(inputs), network.state_size)
    done, begin = [], 0
    for end in (
        ends.double().quantile(torch.linspace(0, 1, _STRETCHES + 1).double()[1:]).ceil().long().unique().tolist()
    ):
        stretch = inputs[: len(state), begin:end].transpose(0, 1).contiguous()
        remaining = int((ends > end).sum())
        # Those that end within the stretch are picked from all of its states, the others go on from its last.
        picks = (ends[: len(state)].clamp(max=end) - begin - 1).to(state.device)
        state = scan_within(network.scan, stretch, state, memory_budget, picks)
        done.append(state[remaining:])
        state, begin = state[:remaining], end
    return torch.cat(done[::-1])[order.argsort().to(inputs.device)]


def scan_within(
    scan: Callable[[Tensor, Tensor], Tensor],
    drives: Tensor,
    state: Tensor,
    memory_budget: int,
    picks: Tensor | None = None,
) -> Tensor:
    """The states that a scan leads to, row i after step picks[i] (the last, by default), within a memory budget.

    If what the scan would keep for its gradient exceeds the budget, it is cut into stretches whose inner states are
    computed again on the way back, so that memory is that of one stretch and the states between stretches.

    Args:
        scan: from drives [time, batch, d] and states [batch, n] to states [time, batch, n].
        drives, state: its arguments.
        memory_budget: bytes for what one stretch keeps.
        picks: [batch], from 0 to time - 1.

    Returns:
        [batch, n].
    """
    time, batch, _ = drives.shape
    needed = drives.element_size() * time * batch * (_KEPT * state.shape[-1] + drives.shape[-1])
    stretches = min(time, -(-needed // memory_budget)) if torch.is_grad_enabled() else 1
    picks = torch.full((batch,), time - 1, device=state.device) if picks is None else picks
    size, rows = -(-time // stretches), torch.arange(batch, device=state.device)

    def stretch(drives: Tensor, state: Tensor, picks: Tensor) -> tuple[Tensor, Tensor]:
        states = scan(drives, state)
        return states[picks.clamp(0, len(states) - 1), rows], states[-1]

    result = state
    for begin in range(0, time, size):
        arguments = (drives[begin : begin + size], state, picks - begin)
        if stretches == 1:
            return stretch(*arguments)[0]
        picked, state = checkpoint(stretch, *arguments, use_reentrant=False, preserve_rng_state=False)
        result = torch.where((picks >= begin).unsqueeze(-1), picked, result)
    return result


def padded(network: DrivenMap, sequences: ArrayLike | Sequence[Tensor]) -> tuple[Tensor, Tensor]:
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
