"""From torch modules to driven maps."""

import inspect
from collections.abc import Callable
from typing import Annotated, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ..checks import ArgumentError, ArrayLike, CheckedInside, NotRecurrent, Size, checked
from .derived_weights import has_derived_weights, present, require_known
from .driven import DrivenMap
from .encoded import encoded
from .functions import FunctionMap
from .gradients import Step
from .layered import LayeredMap
from .layers import ElmanLayer, GRULayer, Layer, LSTMLayer
from .plain import require_plain, wraps


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
    box: tuple[ArrayLike | float, ArrayLike | float] | None = None,
    device: torch.device | str | None = None,
    encoder: nn.Module | Callable[[Tensor], Tensor] | None = None,
) -> DrivenMap:
    """See a recurrent module, or any function step(state, input) -> state, as a driven map.

    The map reads the module's own parameters, so it follows them through training and gradients flow into them;
    weights that a module computes from others (weight_norm, spectral_norm, parametrizations, pruning) are computed
    anew at every use. Nothing about the module is changed. Dropout between layers is off, as in ``module.eval()``, and
    forward hooks are not run.

    A module step(state, input) that does no more than call one cell, whatever else it holds, is taken for that cell:
    its map has the cell's Jacobian and box, and ``weights`` are the cell's. That it is so is found by comparing both
    at some hundred states and inputs of sizes up to 100, with these weights and with others. A step of any other kind
    must have its own gradients: when its input is held, they are compared with differences.

    Args:
        module: ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM`` (any layers, ``batch_first``, bias, ``proj_size``), one of the
            ``*Cell`` classes, one of ``rnn_dynamics.cells``, any module with a method ``recurrent_layers``, or a
            function (or module) step(state [n], input [m]) -> state [n].
        state_size, input_size: n and m, for a function; ``input_size=0`` for an autonomous one. With an encoder,
            ``input_size`` is what it takes, if its first layer does not tell.
        box: (lower, upper), each [n], for a function that is known to map this box into itself; the index sum needs it.
        device: where a plain function computes; the parameters' device for a module, else the CPU.
        encoder: what the input goes through before the module, a module or function [..., m] -> [..., m'] that treats
            rows independently: ``as_map(model.rnn, encoder=model.encoder)``. The map's inputs are then the encoder's.

    Raises:
        ValueError: for a bidirectional or unknown module, one that does more than its weights tell, NaN, infinite or
            complex weights, an encoder that does not fit.
    """
    if encoder is not None:
        if state_size is not None:
            raise ArgumentError("encoder", "is for a recurrent module: a step can call the encoder itself")
        return encoded(as_map(module), encoder, input_size)
    if state_size is not None:
        return _from_function(module, state_size, input_size, box, device)
    if not isinstance(module, nn.Module):
        what = "a function" if callable(module) else f"{type(module).__name__}"
        raise ValueError(f"as_map takes a torch module, or a function with state_size and input_size; got {what} alone")
    return _of_layers(module)


def _of_layers(module: nn.Module) -> LayeredMap:
    layers = recurrent_layers(module)
    for index, layer in enumerate(layers):
        for name, weight in layer.weights().items():
            if weight.is_complex():
                raise ValueError(f"{name} of layer {index} must be real: complex networks are not supported yet")
            if not weight.detach().isfinite().all():
                raise ValueError(f"{name} of layer {index} must be finite, but holds NaN or infinite entries")
    require_plain(module, layers)
    return LayeredMap(layers, (lambda: recurrent_layers(module)) if has_derived_weights(module) else None)


def _from_function(
    step: nn.Module | Step,
    state_size: int,
    input_size: int | None,
    box: tuple[ArrayLike | float, ArrayLike | float] | None,
    device: torch.device | str | None,
) -> DrivenMap:
    if not callable(step):
        raise ArgumentError(
            "module", f"must be a torch module or a function step(state, input), got {type(step).__name__}"
        )
    if input_size is None:
        raise ValueError("a function needs input_size beside state_size (0 if it takes no input)")
    if state_size < 1:
        raise ArgumentError("state_size", f"must be >= 1, got {state_size}")
    if input_size < 0:
        raise ArgumentError("input_size", f"must be >= 0, got {input_size}")
    if isinstance(step, nn.RNNBase | nn.RNNCellBase) and _is_recurrent(step):
        # Called as step(state, input) it would take one for the other.
        network = _of_layers(step)
        if (network.state_size, network.input_size) != (state_size, input_size):
            raise ValueError(
                f"a {type(step).__name__} tells its sizes itself, {network.state_size} state units and "
                f"{network.input_size} inputs, but state_size={state_size} and input_size={input_size} were given"
            )
        return network
    _require_order(step)
    if isinstance(step, nn.Module) and box is None:
        for name, part in step.named_modules():
            if _is_recurrent(part) and wraps(step, name, state_size, input_size, recurrent_layers):
                return _of_layers(part)
    return FunctionMap(step, state_size, input_size, box, device)


def _require_order(step: nn.Module | Step) -> None:
    """Refuse a step in the order of torch's cells: where n = m nothing else would tell."""
    try:
        names = [*inspect.signature(step.forward if isinstance(step, nn.Module) else step).parameters]
    except (TypeError, ValueError):  # what is written in C tells no names
        return
    torchs = ("input", "inputs", "x") if isinstance(step, nn.RNNBase | nn.RNNCellBase) else ("input", "inputs")
    if len(names) > 1 and names[0] in torchs and names[1] not in ("input", "inputs"):
        raise ArgumentError(
            "step",
            f"must take (state, input), but takes ({names[0]}, {names[1]}) as torch's cells do: pass "
            "lambda state, input: step(input, state)",
        )


def recurrent_layers(module: nn.Module) -> list[Layer]:
    """The layers of a recurrent module, bottom first, on its own parameters; ``as_map`` says which are known."""
    if has_derived_weights(module):
        module = present(module)
    if isinstance(module, Layered):
        return module.recurrent_layers()
    for kind, layer in _SEQUENCE.items():
        if isinstance(module, kind) and type(module).forward is kind.forward:
            if module.bidirectional:
                raise NotRecurrent("a bidirectional module is no dynamical system: its backward half runs against time")
            return [_layer(layer, module, f"_l{index}") for index in range(int(module.num_layers))]  # pyright: ignore[reportArgumentType]
    for kind, layer in _CELL.items():
        if isinstance(module, kind) and type(module).forward is kind.forward:
            return [_layer(layer, module, "")]
    known = tuple(_SEQUENCE) + tuple(_CELL)
    inside = [name for name, child in module.named_modules() if name and isinstance(child, (*known, Layered))]
    hint = f"; it holds one at '.{inside[0]}': pass that" if inside else ""
    raise NotRecurrent(
        f"{type(module).__name__} is not one of RNN, GRU, LSTM, RNNCell, GRUCell, LSTMCell, MGU, BRC, NBRC,"
        f" Parallel{hint} (any other cell: rd.as_map(step, state_size=n, input_size=m) of step(state, input))"
    )


def recurrent_module(model: nn.Module) -> nn.Module:
    """The recurrent module of a model: itself if ``as_map`` takes it, else the only one within that ``as_map`` takes.

    Raises:
        ValueError: if there is none, or several that do not lie within one another.
    """
    if not isinstance(model, nn.Module):
        raise ArgumentError("model", f"must be a torch module, got {type(model).__name__}")
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
    except NotRecurrent:
        return False


def _layer(kind: Callable[..., Layer], module: nn.Module, suffix: str) -> Layer:
    def weight(name: str) -> Tensor | None:
        found = getattr(module, name + suffix, None)
        if found is not None:
            require_known(module, name + suffix, found)
        return found

    weights = {name: weight(name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    if kind is LSTMLayer:
        weights["weight_hr"] = weight("weight_hr")
    if kind is ElmanLayer:
        return kind(**weights, nonlinearity=module.nonlinearity)
    return kind(**weights)
