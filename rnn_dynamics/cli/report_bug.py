"""``rnn-dynamics report-bug``: what others need to know of a machine and a map, and no weight."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import torch
import typer

from ..enclosures import Unenclosed, trace
from ..systems import DrivenMap, Reading
from ..version import __version__
from .options import Options
from .shared import Alpha, CellName, Leak, Nonlinearity, Prefix, console, read_network

_PACKAGES = ("torch", "numpy", "scipy", "pandas", "matplotlib", "safetensors", "python-flint")


@Options(checkpoint=None)
def report_bug(
    checkpoint: Annotated[
        Path | None, typer.Argument(help="The file of weights that it is about, if it is about one.")
    ] = None,
    prefix: Prefix = None,
    cell: CellName = None,
    nonlinearity: Nonlinearity = None,
    alpha: Alpha = None,
    leak: Leak = None,
) -> None:
    """Print versions and the shape of a network's map, for an issue: kinds, sizes, operations, and no weight."""
    lines = versions()
    if checkpoint is not None:
        lines += shape_of(read_network(checkpoint, Reading(prefix, cell, nonlinearity, alpha, leak)).network)
    console.print("\n".join(lines), soft_wrap=True, markup=False)


def versions() -> list[str]:
    """Of this library, Python, the system and the packages that results depend on."""
    found = [
        f"rnn-dynamics {__version__}",
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}",
    ]
    return found + [f"{name} {_version(name)}" for name in _PACKAGES]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def shape_of(network: DrivenMap) -> list[str]:
    """What kind of map it is: sizes, dtype, notes, the operations of its step. Constants of the graph are left out."""
    system = network.hold()
    lines = [repr(network), f"state {network.state_size}, inputs {network.input_size}, analysed in {system.dtype}"]
    lines += [f"note: {note}" for note in network.notes]
    try:
        graph = trace(system, (torch.zeros(1, network.state_size, dtype=torch.float64),)).module.graph
    except Unenclosed:  # whose sentence may quote what a caller's own code raised
        return [*lines, "its step cannot be traced into operations"]
    names = [str(node.target) for node in graph.nodes if node.op == "call_function"]
    return [*lines, f"operations: {', '.join(dict.fromkeys(names))}" if names else "no operations"]
