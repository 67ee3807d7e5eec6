"""From torch modules to driven maps."""

from collections.abc import Callable
from typing import Annotated, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ..checks import ArrayLike, CheckedInside, Size, checked
from .driven import DrivenMap
from .functions import FunctionMap, Step
from .layered import LayeredMap
from .layers import ElmanLayer, GRULayer, Layer, LSTMLayer


@runtime_checkable
class Layered(Protocol):
    """A module that says itself which layers it is made of: all that an analysis needs to know of it."""

    def recurrent_layers(self) -> list[Layer]:
        """Its layers, bottom first, on its own parameters."""
        ...


_SEQUENCE = {nn.RNN: ElmanLayer, nn.GRU: GRULayer, nn.LSTM: LSTMLayer}
_CELL = {nn.RNNCell: ElmanLayer, nn.GRUCell: GRULayer, nn.LSTMCell: LSTMLayer}


@checked
def as_map(
    module: Annotated[nn.Module | Step, CheckedInside()],
    state_size: Size | None = None,
    input_size: Size | None = None,
    *,
    box: tuple[ArrayLike, ArrayLike] | None = None,
    device: torch.device | str | None = None,
) -> DrivenMap:
    """See a recurrent module, or any function step(state, input) -> state, as a driven map.

    The map reads the module's own parameters, so it follows them through training and gradients flow into them;
    nothing about the module is changed. Dropout between layers is off, as in ``module.eval()``.

    Args:
        module: ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM`` (any layers, ``batch_first``, bias, ``proj_size``), one of the
            ``*Cell`` classes, one of ``rnn_dynamics.cells``, any module with a method ``recurrent_layers``, or a
            function (or module) step(state [n], input [m]) -> state [n].
        state_size, input_size: n and m, for a function only; ``input_size=0`` for an autonomous one.
        box: (lower, upper), each [n], for a function that is known to map this box into itself; the index sum needs it.
        device: where a plain function computes; the parameters' device for a module, else the CPU.

    Raises:
        ValueError: for a bidirectional or unknown module, and for NaN or infinite weights.
    """
    if state_size is not None:
        return _from_function(module, state_size, input_size, box, device)
    if not isinstance(module, nn.Module):
        what = "a function" if callable(module) else f"{type(module).__name__}"
        raise ValueError(f"as_map takes a torch module, or a function with state_size and input_size; got {what} alone")
    layers = recurrent_layers(module)
    for index, layer in enumerate(layers):
        for name, weight in layer.weights().items():
            if not weight.detach().isfinite().all():
                raise ValueError(f"{name} of layer {index} must be finite, but holds NaN or infinite entries")
    return LayeredMap(layers)


def _from_function(
    step: nn.Module | Step,
    state_size: int,
    input_size: int | None,
    box: tuple[ArrayLike, ArrayLike] | None,
    device: torch.device | str | None,
) -> DrivenMap:
    if not callable(step):
        raise ValueError(f"module must be a torch module or a function step(state, input), got {type(step).__name__}")
    if input_size is None:
        raise ValueError("a function needs input_size beside state_size (0 if it takes no input)")
    if state_size < 1 or input_size < 0:
        raise ValueError(f"state_size must be >= 1 and input_size >= 0, got {state_size} and {input_size}")
    return FunctionMap(step, state_size, input_size, box, device)


def recurrent_layers(module: nn.Module) -> list[Layer]:
    """The layers of a recurrent module, bottom first, on its own parameters; ``as_map`` says which are known."""
    if isinstance(module, Layered):
        return module.recurrent_layers()
    for kind, layer in _SEQUENCE.items():
        if isinstance(module, kind) and type(module).forward is kind.forward:
            if module.bidirectional:
                raise ValueError("a bidirectional module is no dynamical system: its backward half runs against time")
            return [_layer(layer, module, f"_l{index}") for index in range(int(module.num_layers))]  # pyright: ignore[reportArgumentType]
    for kind, layer in _CELL.items():
        if isinstance(module, kind) and type(module).forward is kind.forward:
            return [_layer(layer, module, "")]
    known = tuple(_SEQUENCE) + tuple(_CELL)
    inside = [name for name, child in module.named_modules() if name and isinstance(child, (*known, Layered))]
    hint = f"; it holds one at '.{inside[0]}': pass that" if inside else ""
    raise ValueError(
        f"{type(module).__name__} is not one of RNN, GRU, LSTM, RNNCell, GRUCell, LSTMCell, MGU, BRC, NBRC,"
        f" Parallel{hint} (any other cell: rd.as_map(step, state_size=n, input_size=m) of step(state, input))"
    )


def recurrent_module(model: nn.Module) -> nn.Module:
    """The recurrent module of a model: itself if ``as_map`` takes it, else the only one within that ``as_map`` takes.

    Raises:
        ValueError: if there is none, or several that do not lie within one another.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be a torch module, got {type(model).__name__}")
    found: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        within_found = any(not outer or name.startswith(f"{outer}.") for outer in found)
        if not within_found and _is_recurrent(module):
            found[name] = module
    if not found:
        raise ValueError(
            f"{type(model).__name__} holds no recurrent module that as_map takes; its parts are "
            + (", ".join(f"'.{name}' ({type(part).__name__})" for name, part in model.named_children()) or "none")
        )
    if len(found) > 1:
        listed = ", ".join(f"'.{name}' ({type(module).__name__})" for name, module in found.items())
        raise ValueError(f"{type(model).__name__} holds several recurrent modules, pass one of {listed}")
    return next(iter(found.values()))


def _is_recurrent(module: nn.Module) -> bool:
    try:
        return bool(recurrent_layers(module))
    except ValueError:
        return False


def _layer(kind: Callable[..., Layer], module: nn.Module, suffix: str) -> Layer:
    def weight(name: str) -> Tensor | None:
        return getattr(module, name + suffix, None)

    weights = {name: weight(name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    if kind is LSTMLayer:
        weights["weight_hr"] = weight("weight_hr")
    if kind is ElmanLayer:
        return kind(**weights, nonlinearity=module.nonlinearity)
    return kind(**weights)
