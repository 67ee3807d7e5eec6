"""How a traced step becomes data, and is made of it again."""

import json
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx

from ..enclosures import Enclosure, Trace, Unenclosed, retraced
from .stored_step import StoredStep

_WORDS = {"dtype": torch.dtype, "layout": torch.layout, "memory_format": torch.memory_format}
"""Arguments of operations that are words of torch's."""


def stored(traced: Trace) -> StoredStep:
    """What is evaluated over balls, a function of one tensor, as data.

    Raises:
        Unenclosed: where an operation takes what is no number, tensor or word of torch's.
    """
    order = {node: place for place, node in enumerate(traced.module.graph.nodes)}
    lines = [
        [_name(node), _data(node.args, order), {key: _data(value, order) for key, value in node.kwargs.items()}]
        for node in traced.module.graph.nodes
        if node.op != "placeholder"
    ]
    (state,) = traced.arguments
    return StoredStep(json.dumps(lines), tuple(one.detach().cpu() for one in traced.constants), state.numel())


def _name(node: fx.Node) -> str:
    if node.op == "output":
        return "output"
    if node.target is operator.getitem:
        return "getitem"
    return str(node.target).removeprefix("aten.")


def _data(value: Any, order: dict[fx.Node, int]) -> Any:
    if isinstance(value, fx.Node):
        return {"at": order[value]}
    if isinstance(value, list | tuple):
        return [_data(one, order) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, torch.device):
        return {"device": "cpu"}
    for word, kind in _WORDS.items():
        if isinstance(value, kind):
            return {word: str(value).removeprefix("torch.")}
    raise Unenclosed(f"an operation of the step takes {value!r}, which cannot be kept in a file")


def restored(step: StoredStep) -> tuple[Enclosure, Callable[[Tensor], Tensor]]:
    """The map over balls again, and F of states [k, n] in floats.

    Raises:
        ValueError: for what no trace comes to.
    """
    with _readable():
        module = _module(step)
        traced = retraced(module, step.constants, (torch.zeros(step.state_size, dtype=torch.float64),))
    from torch.func import vmap

    return Enclosure(traced, step.state_size), vmap(lambda state: module(state, *step.constants))


def function_of(step: StoredStep) -> Callable[[Tensor], Tensor]:
    """F of one state [n] in floats.

    Raises:
        ValueError: for what no trace comes to.
    """
    with _readable():
        module = _module(step)
    return lambda state: module(state, *step.constants)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, RuntimeError, ValueError) as error:
        raise ValueError(f"the operations of a stored step cannot be read: {error}") from error


def _module(step: StoredStep) -> fx.GraphModule:
    graph = fx.Graph()
    nodes = [graph.placeholder(f"given_{place}") for place in range(1 + len(step.constants))]
    *lines, (last, image, _) = json.loads(step.operations)
    for name, args, kwargs in lines:
        operation = _operation(name)
        if set(kwargs) - _named(operation):  # torch writes a graph as Python: only names that it knows go there
            raise TypeError(f"{name} takes no {sorted(kwargs)}")
        named = {key: _value(one, nodes) for key, one in kwargs.items()}
        nodes.append(graph.call_function(operation, tuple(_value(one, nodes) for one in args), named))
    if last != "output":
        raise KeyError("output")
    graph.output(_value(image[0], nodes))
    return fx.GraphModule(torch.nn.Module(), graph)


def _named(operation: Any) -> set[str]:
    return set() if operation is operator.getitem else {one.name for one in operation._schema.arguments}


def _operation(name: str) -> Any:
    if name == "getitem":
        return operator.getitem
    packet, overload = name.split(".")
    operation = getattr(getattr(torch.ops.aten, packet), overload)
    if not isinstance(operation, torch._ops.OpOverload):
        raise TypeError(f"{name} is no operation")
    return operation


def _value(data: Any, nodes: list[fx.Node]) -> Any:
    if isinstance(data, list):
        return [_value(one, nodes) for one in data]
    if isinstance(data, str):
        raise TypeError(f"it takes the text {data[:40]!r}")
    if not isinstance(data, dict):
        return data
    ((word, value),) = data.items()
    if word == "at":
        return nodes[value]
    if word == "device":
        return torch.device("cpu")
    found = getattr(torch, value)
    if not isinstance(found, _WORDS[word]):
        raise TypeError(f"{value} is no {word}")
    return found
