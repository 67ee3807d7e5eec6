"""From what FixedPointFinder takes for a network, and for its states, to a driven map and rows."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ..checks import ArgumentError, ArrayLike, NotRecurrent, as_rows, as_tensor
from ..systems import DrivenMap, as_map

Recurrent = Callable[..., Any]
"""A module, or a function f(input, state) -> (output, next state), as torch's are called."""


@runtime_checkable
class HasCells(Protocol):
    """An LSTM's states by name: TensorFlow's tuple holds c first."""

    @property
    def h(self) -> ArrayLike: ...

    @property
    def c(self) -> ArrayLike: ...


States = tuple[ArrayLike, ArrayLike] | HasCells | ArrayLike
"""Rows, or of an LSTM a pair (h, c)."""


def network_of(rnn: Recurrent | DrivenMap, state_size: int, input_size: int) -> DrivenMap:
    """The driven map of a network that is called as rnn(input, state) -> (output, next state).

    Modules that ``as_map`` knows have their closed form. Any other with ``batch_first`` is called with sequences of one
    step, input [b, 1, m] or [1, b, m] and state [1, b, n], and what has none with rows, [b, m] and [b, n].
    """
    if isinstance(rnn, DrivenMap):
        return rnn
    if isinstance(rnn, nn.Module):
        try:
            return as_map(rnn)
        except NotRecurrent:
            if isinstance(rnn, nn.RNNBase) and rnn.bidirectional:
                raise
        return as_map(_Step(rnn), state_size, input_size)
    return as_map(lambda state, input: _next_state(rnn, state, input), state_size, input_size)


class _Step(nn.Module):
    """A module step(state, input), so that its weights are copied and frozen with it."""

    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, state: Tensor, input: Tensor) -> Tensor:
        return _next_state(self.rnn, state, input)


def _next_state(rnn: Recurrent, state: Tensor, input: Tensor) -> Tensor:
    rows = state.reshape(-1, state.shape[-1])
    inputs = input.reshape(len(rows), input.shape[-1])
    batch_first = getattr(rnn, "batch_first", None)
    if batch_first is None:
        _, after = rnn(inputs, rows)
    else:
        _, after = rnn(inputs.unsqueeze(1 if batch_first else 0), rows.unsqueeze(0))
    return after.reshape(state.shape)


def side_by_side(states: States, name: str) -> Tensor:
    """States as one tensor [..., n] in float64; an LSTM's pair (h, c), or what has ``h`` and ``c``, as [h, c]."""
    return torch.cat(_parts(states, name), dim=-1)


def _parts(states: States, name: str) -> list[Tensor]:
    given = (states.h, states.c) if isinstance(states, HasCells) else states
    each = given if isinstance(given, tuple) else (given,)
    parts = [as_tensor(part, name, dtype=torch.float64, device=torch.device("cpu")) for part in each]
    if not parts or any(part.ndim < 1 or part.shape != parts[0].shape for part in parts):
        got = " and ".join(str(list(part.shape)) for part in parts)
        raise ArgumentError(name, f"must be one array, or of an LSTM h and c of the same shape, got {got or 'none'}")
    return parts


def output_of(rnn: Recurrent | DrivenMap, network: DrivenMap) -> tuple[int, int] | None:
    """From where to where in a state lies h of the last layer of torch's module; None where that is all of it."""
    if not isinstance(rnn, nn.RNN | nn.GRU | nn.LSTM | nn.LSTMCell):
        return None
    width = network.layer_sizes[-1]
    begin = network.state_size - width
    units = width // 2 if isinstance(rnn, nn.LSTM | nn.LSTMCell) else width
    if isinstance(rnn, nn.LSTM) and rnn.proj_size:
        units = rnn.proj_size
    return None if units == network.state_size else (begin, begin + units)


def start_states(network: DrivenMap, states: States, rnn: Recurrent | DrivenMap) -> Tensor:
    """Starts [k, n] in float64, from rows, from an LSTM's pair (h, c), from torch's [layers, k, units], or h alone.

    The cells of an LSTM of which only h is known, all that torch returns of a run, begin at h too: at a fixed point
    both have the same sign.
    """
    parts = _parts(states, "initial_states")
    where: dict[str, Any] = {"dtype": torch.float64, "device": network.device}
    if parts[0].ndim == 3:
        given = (parts[0], parts[1]) if len(parts) == 2 else parts[0]
        return network.first_states(given, parts[0].shape[1]).to(**where)
    rows = torch.cat(parts, dim=-1)
    if isinstance(rnn, nn.LSTM | nn.LSTMCell) and rows.ndim == 2 and 2 * rows.shape[1] == network.state_size:
        rows = torch.cat([rows, rows], dim=1)
    return as_rows(rows, "initial_states", network.state_size, **where)
