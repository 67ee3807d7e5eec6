"""What is asked of a network before it is taken for a map: sizes, values, and the order of its arguments."""

import torch
from torch import Tensor, nn

from ..checks import ArgumentError
from .gradients import Step
from .recognition import arguments_of, time_refused


def require_sizes(state_size: int | None, input_size: int | None) -> None:
    """Refuse sizes that are none."""
    if state_size is not None and state_size < 1:
        raise ArgumentError("state_size", f"must be >= 1, got {state_size}")
    if input_size is not None and input_size < 0:
        raise ArgumentError("input_size", f"must be >= 0, got {input_size}")


def require_order(step: nn.Module | Step, state_size: int, input_size: int, protocol: str | None = None) -> None:
    """Refuse a step in the order of torch's cells, and one that takes the time."""
    arguments = arguments_of(step)
    names = arguments.names
    if arguments.time is not None and len(names) > 1:
        raise ArgumentError("step", time_refused(getattr(step, "__name__", type(step).__name__), arguments.time))
    if protocol is not None:
        return
    torchs = ("input", "inputs", "x") if isinstance(step, nn.RNNBase | nn.RNNCellBase) else ("input", "inputs")
    first, second = (*names, "", "")[:2]
    is_torchs = first in torchs and second not in ("input", "inputs", "")
    if is_torchs or input_first(step, state_size, input_size):
        raise ArgumentError(
            "step",
            f"must take (state, input), but takes ({first}, {second}) as torch's cells do: pass "
            "lambda state, input: step(input, state), or protocol='state, input' if the names mislead",
        )


def input_first(step: nn.Module | Step, state_size: int, input_size: int) -> bool:
    """Whether names alone tell that the input comes first, since the sizes would not."""
    return input_size in (1, state_size) and arguments_of(step).input_first


def require_values(weight: Tensor, what: str) -> None:
    """Refuse weights without values, and NaN or infinite ones."""
    if nn.parameter.is_lazy(weight) or weight.is_meta:
        raise ValueError(f"{what} must have values, but has none yet: call the lazy module once, or load its weights")
    values = weight.detach() if weight.layout is torch.strided else weight.detach().to_dense()
    if not values.isfinite().all():
        raise ValueError(f"{what} must be finite, but holds NaN or infinite entries")
