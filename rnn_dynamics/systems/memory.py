"""Whether a module keeps something from call to call on which its next step depends."""

from collections import deque
from typing import Any

import torch
from torch import Tensor, nn

from .derived_weights import device_of
from .gradients import Step
from .interpretation import Interpretation, in_double
from .probing import watched

_CALLS = 12
"""Before the one that is looked at: a queue of past states is then full of others."""

_FAR = 1_000_003
"""What counters are put on by: beyond any warm-up."""


@torch.no_grad()
def require_no_memory(step: Step, n: int, m: int) -> None:
    """Refuse a module whose step depends on what its calls write down in it: a counter, past states, fast weights.

    A copy is called with other states, whatever changed at the last call is moved, and it must still step as a fresh
    copy does. What is only written, or made once, is no memory.

    Raises:
        ValueError: that names what it depends on.
    """
    if not isinstance(step, nn.Module):
        return
    device = device_of(step)
    generator = torch.Generator().manual_seed(7)
    rows = [
        torch.randn(_CALLS + 1, width, generator=generator, dtype=torch.float64).to(device) for width in (n, m)
    ]  # each [calls + 1, width]
    try:
        fresh, used = in_double(step), in_double(step)
        with watched(), Interpretation(torch.float64, frozen=True):
            expected = fresh(rows[0][-1].clone(), rows[1][-1].clone())
            before: dict[tuple[str, str], Any] = {}
            for call in range(_CALLS):
                before = _kept(used) if call == _CALLS - 1 else before
                used(rows[0][call].clone(), rows[1][call].clone())
            written = [key for key, value in _kept(used).items() if not _equal(value, before.get(key))]
            if not written:
                return
            for path, name in written:
                _move(used.get_submodule(path), name)
            after = used(rows[0][-1].clone(), rows[1][-1].clone())
    except Exception:  # of any kind, in a caller's module; the probing says what it was
        return
    if torch.allclose(after, expected, rtol=1e-9, atol=1e-9, equal_nan=True):
        return
    listed = ", ".join(f"'{path + '.' if path else ''}{name}'" for path, name in written[:6])
    raise ValueError(
        f"what a step leads to depends on what calls before it wrote into the module ({listed}): its state is more "
        "than what it is given; give step(state, input) of a state that holds this too"
    )


def _kept(module: nn.Module) -> dict[tuple[str, str], Any]:
    """Copies of the numbers, tensors and lists of a module and its parts, by path and name."""
    kept: dict[tuple[str, str], Any] = {}
    for path, part in module.named_modules():
        for name, value in {**vars(part), **part._parameters, **part._buffers}.items():
            if name not in ("_parameters", "_buffers", "_modules", "training"):
                kept[path, name] = _copy(value)
    return kept


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, list | deque | tuple):
        return [_copy(one) for one in value]
    if isinstance(value, dict):
        return {key: _copy(one) for key, one in value.items()}
    return value if isinstance(value, int | float) else None


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return type(one) is type(other) and not isinstance(one, Tensor) and one == other


def _move(part: nn.Module, name: str) -> None:
    """Change a number or tensor that a call wrote; a list is left as the calls left it."""
    owner: Any = next((o for o in (part._parameters, part._buffers, vars(part)) if name in o), None)
    if owner is None:
        return
    value: Any = owner[name]
    if isinstance(value, Tensor):
        moved = value.detach() + (1 if value.is_floating_point() or value.is_complex() else _FAR)
        owner[name] = nn.Parameter(moved, requires_grad=False) if isinstance(value, nn.Parameter) else moved
    elif isinstance(value, int | float) and not isinstance(value, bool):
        owner[name] = value + _FAR
