"""A report for whoever mends a bug: versions, and a network described without a single number of its weights."""

import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby

import torch

from ..checks import ArgumentError
from ..enclosures import Unenclosed, enclose
from ..families import named_weights
from ..systems import Box, Checkpoint, DrivenMap
from ..version import __version__

_PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "pandas",
    "matplotlib",
    "safetensors",
    "python-flint",
    "gymnasium",
    "h5py",
    "onnx",
)
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "PYTORCH_ENABLE_MPS_FALLBACK")
_FRACTION = re.compile(r"[-+]?(\d*\.\d+|\d+\.)(e[-+]?\d+)?|[-+]?\d+e[-+]?\d+|\b(nan|inf)\b", re.IGNORECASE)


def bug_report(
    network: DrivenMap | None = None,
    read: Checkpoint | None = None,
    *,
    options: dict[str, object] | None = None,
    refused: str | None = None,
) -> str:
    """What can be shared about this machine and about a network, in Markdown.

    Of the network: its class, sizes, dtypes, notes, and the operations of one step, in order. Weights are told by name,
    shape and dtype; no value of one appears, and fractions in sentences, which might be one, are left out as "…".

    Args:
        network: as ``rd.as_map`` gives it; None for the machine alone.
        read: the checkpoint that it comes from.
        options: how it was to be read, as the user said.
        refused: the sentence with which the file was refused, if it was.
    """
    parts = ["### Versions", *_versions()]
    if options:
        parts += ["", "### Options", *(f"- {name}: {value}" for name, value in options.items())]
    if refused:
        parts += ["", "### Refused", without_fractions(refused)]
    if read is not None:
        parts += ["", "### File", *_file(read)]
    if network is not None:
        parts += ["", "### Map", *_map(network), "", "### Weights", *_weights(network), "", "### Operations of a step"]
        parts += _operations(network)
    return "\n".join(parts) + "\n"


def without_fractions(sentence: str) -> str:
    """A sentence without the numbers in it that may be those of weights; whole ones, such as sizes, stay."""
    return _FRACTION.sub("…", sentence)


def _versions() -> Iterator[str]:
    yield f"- rnn_dynamics {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield f"- {', '.join(filter(None, map(_version, _PACKAGES)))}"
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    yield f"- threads {torch.get_num_threads()}, default dtype {torch.get_default_dtype()}"
    yield f"- CUDA {torch.version.cuda}, card: {card}"
    yield from (f"- {name}={os.environ[name]}" for name in _VARIABLES if name in os.environ)
    yield f"- in a notebook: {'ipykernel' in sys.modules}"


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""


def _file(read: Checkpoint) -> Iterator[str]:
    yield f"- format {read.source.suffix or 'without extension'}, read as {without_fractions(str(read))}"
    yield f"- cell known {'by shapes alone' if read.by_shape else 'since it was said'}"
    if read.computed:
        yield f"- computed weights: {', '.join(read.computed)}"
    if read.preceding:
        yield f"- layers before it: {', '.join(read.preceding)}"


def _map(network: DrivenMap) -> Iterator[str]:
    layers = ", ".join(type(layer).__name__ for layer in getattr(network, "layers", ()))
    yield f"- {type(network).__name__}" + (f" of {layers}" if layers else "")
    yield f"- {network.state_size} coordinates {list(network.layer_sizes)}, {network.input_size} inputs"
    time = "a vector field in steps, or with a time constant" if network.dt else "no unit of time"
    yield f"- {network.dtype} on {network.device.type}, {time}"
    box = network.hold().box
    yield f"- box: {'known' if isinstance(box, Box) else 'none'}, {without_fractions(box.reason)}"
    yield from (f"- note: {without_fractions(note)}" for note in network.notes)


def _weights(network: DrivenMap) -> Iterator[str]:
    try:
        weights, _ = named_weights(network, "network")
    except ArgumentError:
        yield "- not known: it is a function"
        return
    for name, weight in weights.items():
        yield f"- {name}: {list(weight.shape)} {weight.dtype}"


def _operations(network: DrivenMap) -> Iterator[str]:
    try:
        nodes = enclose(network.hold()).traced.module.graph.nodes
    except Unenclosed as why:
        yield f"not traced: {without_fractions(str(why))}"
        return
    names = [str(getattr(node.target, "__name__", node.target)) for node in nodes if node.op == "call_function"]
    runs = [(name, len(list(same))) for name, same in groupby(names)]
    yield ", ".join(name if count == 1 else f"{name} x {count}" for name, count in runs)
