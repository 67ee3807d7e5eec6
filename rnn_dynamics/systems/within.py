"""Whether the recurrence of a model is that of one part alone: told by watching how the model calls the part."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map

from .derived_weights import device_of
from .interpretation import Interpretation, in_double
from .probing import watched
from .recognition import input_counts

_SHAPE = (2, 4)
"""Of sequences that a model is called with, whichever of its axes is time."""

_Call = tuple[list[Tensor], list[Tensor]]
"""The tensors that a part was given, and those that it returned."""


@torch.no_grad()
def seen_steps(model: nn.Module, path: str) -> bool:
    """Whether a model was seen to call its part ``path`` as a recurrence of its own.

    From one call to the next the part must be given back the state that it returned, and nothing else that depends on
    it. False where no call of the model could be made.

    Raises:
        ValueError: if something of the model comes between two calls of the part.
    """
    if type(model).forward is nn.Module.forward:  # a container: nothing is done between its parts
        return True
    try:
        twin = in_double(model)
        part = twin.get_submodule(path)
    except Exception:  # of any kind, in a caller's module
        return False
    for arguments in _arguments(twin):
        calls = _calls(twin, part, arguments, lambda one: one)
        if not calls:
            continue
        moved = _calls(twin, part, arguments, lambda one: one + 0.1)
        if len(calls) > 1 and len(moved) == len(calls):
            _require_alone(calls, moved, model, path)
        return True
    return False


def _arguments(model: nn.Module) -> Iterator[Tensor]:
    device, generator = device_of(model), torch.Generator().manual_seed(0)
    named, others = input_counts(model)
    for m in (*named, *others):
        for shape in (_SHAPE, _SHAPE[:1]):
            yield torch.randn(*shape, m, generator=generator, dtype=torch.float64).to(device)
    yield torch.zeros(_SHAPE, dtype=torch.long, device=device)  # words


def _calls(model: nn.Module, part: nn.Module, argument: Tensor, change: Callable[[Tensor], Tensor]) -> list[_Call]:
    """The calls of a part, the first of which returns something changed; none where the model does not take this."""
    calls: list[_Call] = []

    def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], returned: Any) -> Any:
        returned = returned if calls else tree_map(lambda x: change(x) if isinstance(x, Tensor) else x, returned)
        calls.append((_tensors((args, kwargs)), _tensors(returned)))
        return returned

    hook = part.register_forward_hook(note, with_kwargs=True)
    try:
        with watched(), Interpretation(torch.float64, frozen=True), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own, on kernels
            model(argument.clone())
    except Exception:  # of any kind, in a caller's module
        return []
    finally:
        hook.remove()
    return calls


def _tensors(value: Any) -> list[Tensor]:
    return [one.detach().clone() for one in tree_flatten(value)[0] if isinstance(one, Tensor)]


def _require_alone(calls: list[_Call], moved: list[_Call], model: nn.Module, path: str) -> None:
    """Refuse a part that is given what depends on its first call, and is not what it returned just before."""
    remedy = f"pass step(state, input) of the whole, or child='{path}' for the part alone"
    for call in range(1, len(calls)):
        given, given_moved, returned = calls[call][0], moved[call][0], moved[call - 1][1]
        depending = [other for one, other in zip(given, given_moved, strict=True) if not torch.equal(one, other)]
        if call == 1 and not depending:
            raise ValueError(
                f"{type(model).__name__} calls its part '.{path}' several times without handing its state on: {remedy}"
            )
        if not all(any(_is_same(state, back) for back in returned) for state in depending):
            raise ValueError(
                f"{type(model).__name__} does something with the state of its part '.{path}' between two steps of it "
                f"(feedback, normalisation, a residual?), so that the part alone is not its recurrence: {remedy}"
            )


def _is_same(state: Tensor, returned: Tensor) -> bool:
    """Whether a state is the one that was returned, whatever axes of length one it has."""
    return state.numel() == returned.numel() and torch.equal(state.flatten(), returned.flatten())
