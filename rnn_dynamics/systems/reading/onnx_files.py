"""Files of ONNX: the recurrent nodes of their graph, by the initialisers that they take."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .contents import Contents, FileContents, Told
from .conversion import ONNX

_UNWRITABLE = "it is ONNX: save the weights as a torch state dict"
_CELLS = {"RNN": 1, "GRU": 3, "LSTM": 4}
_ACTIVATIONS = {"GRU": ["sigmoid", "tanh"], "LSTM": ["sigmoid", "tanh", "tanh"]}
_PASSING = ("Squeeze", "Unsqueeze", "Transpose", "Reshape", "Identity", "Dropout", "Cast")
"""Operations that hand on all numbers, so that what reads their result reads the layer below."""


def read_onnx(path: Path) -> FileContents:
    """The recurrent nodes under torch's names, a stack of equal ones as one network.

    Raises:
        ValueError: if it is no ONNX file, or onnx is not there to read it.
    """
    try:
        import onnx
    except ImportError as error:
        raise ValueError(
            "it is ONNX, which onnx reads: pip install 'rnn-dynamics[files]', or save the state dict of the model that "
            "it was exported from"
        ) from error
    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except Exception as error:  # of protobuf's own types
        raise ValueError("it is cut short, damaged, or no ONNX file") from error
    constants = {one.name: one for one in graph.initializer}
    held = [(node.output[0], one) for node in graph.node if node.op_type == "Constant" for one in node.attribute]
    constants |= {name: one.t for name, one in held if one.name == "value"}
    found = FileContents(Contents(), unwritable=_UNWRITABLE)
    makers = {output: node for node in graph.node for output in node.output if output}
    stacks: dict[int, tuple[str, int, Told]] = {}
    for number, node in enumerate(graph.node):
        if node.op_type not in _CELLS:
            continue
        told, weights = _cell(node, constants, onnx.numpy_helper.to_array)
        below = stacks.get(id(_below(node, makers)))
        if below is not None and below[2] == told:
            prefix, layer = below[0], below[1] + 1
        else:
            prefix, layer = _prefix(node, number), 0
        stacks[id(node)] = prefix, layer, told
        found.modules["", prefix] = told
        found.tensors |= {("", f"{prefix}{name}_l{layer}"): weight for name, weight in weights.items()}
    return found


def _prefix(node: Any, number: int) -> str:
    name = node.name.strip("/").replace("/", ".") or f"{node.op_type}_{number}"
    return f"{name}."


def _below(node: Any, makers: dict[str, Any]) -> Any:
    """The node whose numbers a recurrent node reads, through what only hands them on."""
    maker = makers.get(node.input[0])
    while maker is not None and maker.op_type in _PASSING and maker.input:
        maker = makers.get(maker.input[0])
    return maker


def _cell(node: Any, constants: dict[str, Any], array_of: Any) -> tuple[Told, dict[str, Tensor]]:
    """What a node is, and its weights by torch's names; without weights, why there are none."""
    cell, blocks = node.op_type, _CELLS[node.op_type]
    attributes = {one.name: one for one in node.attribute}
    if obstacle := _obstacle(node, attributes):
        return Told(f"ONNX's {cell}", cell, obstacle=obstacle), {"weight_hh": torch.empty(0, device="meta")}
    inputs = dict(zip(("X", "W", "R", "B"), node.input, strict=False))
    missing = [name for name in ("W", "R", "B") if inputs.get(name) and inputs[name] not in constants]
    outside = [name for name in ("W", "R", "B") if name in inputs and _is_outside(constants.get(inputs[name]))]
    if missing or outside or not inputs.get("W") or not inputs.get("R"):
        where = "a file beside it" if outside and not missing else "other nodes: export it with constants folded"
        obstacle = f"takes its weights from {where}"
        return Told(f"ONNX's {cell}", cell, obstacle=obstacle), {"weight_hh": torch.empty(0, device="meta")}
    weight, recurrent = (torch.from_numpy(array_of(constants[inputs[name]]).copy())[0] for name in ("W", "R"))
    bias = torch.from_numpy(array_of(constants[inputs["B"]]).copy())[0] if inputs.get("B") else None
    if cell == "GRU" and not _whole(attributes, "linear_before_reset"):
        cell = "GRU-reset-before"
    weights = {"weight_ih": ONNX.ours(cell, weight), "weight_hh": ONNX.ours(cell, recurrent)}
    if bias is not None:
        of_input, of_state = (ONNX.ours(cell, part) for part in bias.split(blocks * recurrent.shape[1]))
        both = {"bias_ih": of_input, "bias_hh": of_state}
        weights |= {"bias_ih": of_input + of_state} if cell == "GRU-reset-before" else both
    options = {"nonlinearity": _activations(attributes, ["tanh"])[0]} if cell == "RNN" else {}
    return Told(f"ONNX's {node.op_type}", cell, options), weights


def _obstacle(node: Any, attributes: dict[str, Any]) -> str | None:
    """What of a node no layer here computes, in words."""
    if "direction" in attributes and attributes["direction"].s != b"forward":
        return "does not run forward in time alone, and so is no dynamical system"
    usual = _ACTIVATIONS.get(node.op_type)
    if usual and (given := _activations(attributes, usual)) != usual:
        return f"has activations {', '.join(given)}, not {', '.join(usual)}"
    if "clip" in attributes or _whole(attributes, "input_forget"):
        return "clips its states or couples its gates, which is not read"
    if len(node.input) > 7 and node.input[7]:
        return "has peepholes, which are not read"
    return None


def _activations(attributes: dict[str, Any], usual: list[str]) -> list[str]:
    given = attributes.get("activations")
    return usual if given is None else [one.decode(errors="replace").lower() for one in given.strings]


def _whole(attributes: dict[str, Any], name: str) -> int:
    return attributes[name].i if name in attributes else 0


def _is_outside(tensor: Any) -> bool:
    return tensor is not None and tensor.data_location == 1
