"""Which recurrent layers a torch module is made of."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from ..checks import ArgumentError, NotRecurrent
from .derived_weights import has_derived_weights, present, require_known
from .layers import ElmanLayer, GRULayer, Layer, LSTMLayer


@runtime_checkable
class Layered(Protocol):
    """A module that says itself which layers it is made of: all that an analysis needs to know of it."""

    def recurrent_layers(self) -> list[Layer]:
        """Its layers, bottom first, on its own parameters."""
        ...


_SEQUENCE = {nn.RNN: ElmanLayer, nn.GRU: GRULayer, nn.LSTM: LSTMLayer}
_CELL = {nn.RNNCell: ElmanLayer, nn.GRUCell: GRULayer, nn.LSTMCell: LSTMLayer}


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
        f" Parallel{hint} (any cell: rd.as_map(step, state_size=n, input_size=m) of step(state, input))"
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
        if not within_found and is_recurrent(module):
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


def is_recurrent(module: nn.Module) -> bool:
    """Whether its layers are known."""
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
