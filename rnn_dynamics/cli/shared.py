"""What the commands share: options, and how files become networks and inputs."""

import tempfile
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import torch
import typer
from rich.console import Console
from torch import Tensor, nn

from ..checks import generator_of
from ..systems import CELLS, LEAKS, Checkpoint, Reading, read_as_told

console = Console(highlight=False)

CheckpointFile = Annotated[
    Path,
    typer.Argument(
        help="Weights: of torch.save (no code in it is run), safetensors, Keras, ONNX, NumPy, MATLAB, ...",
        show_default=False,
    ),
]
Inputs = Annotated[
    Path | None,
    typer.Option(help="Input sequences [batch, time, m] (.npy) to start from.", show_default="Gaussian inputs"),
]
Prefix = Annotated[str | None, typer.Option(help="Which network, if the file holds several: 'encoder.rnn'.")]
CellName = Annotated[
    str | None,
    typer.Option("--cell", help=f"What cell it is, if the file does not tell: {', '.join(CELLS)}; in any case."),
]
Nonlinearity = Annotated[
    str | None,
    typer.Option(
        help="Of a plain or leaky RNN, which its weights do not tell: tanh, relu, ...",
        show_default="the file's, or tanh",
    ),
]
Alpha = Annotated[
    float | None,
    typer.Option(help="Of a leaky RNN: the share dt / tau of its way in a step.", show_default="the file's"),
]
Leak = Annotated[
    str | None,
    typer.Option(help=f"Of a leaky RNN: {', '.join(LEAKS)}.", show_default="the file's, or outside"),
]
Certify = Annotated[
    bool, typer.Option("--certify/--no-certify", help="Prove what was found, in ball arithmetic, and save the proofs.")
]


def read_network(path: Path, reading: Reading) -> Checkpoint:
    """Read a checkpoint, and say what it was taken for."""
    read = read_as_told(path, reading)
    console.print(f"Read {read} from {path}", soft_wrap=True)
    if read.by_shape:
        console.print(
            f"Read as {read.cell} by the shapes of its weights; a module of your own would be rd.as_map(module).",
            soft_wrap=True,
            markup=False,
        )
    if read.preceding:
        console.print(
            f"Layers precede this RNN: {', '.join(read.preceding)}. Inputs here are the RNN's own: a zero input is not "
            "what such a layer makes of zeros.",
            soft_wrap=True,
            markup=False,
        )
    if read.cell == "RNN" and not read.told and reading.nonlinearity is None:
        console.print("Its weights do not tell tanh from ReLU: tanh is assumed; --nonlinearity relu if it is not.")
    return read


def origin_of(sequences: Tensor, path: Path | None) -> str:
    """How many input sequences, of what length, from where."""
    origin = "Gaussian inputs" if path is None else str(path)
    return f"{len(sequences)} sequences of {sequences.shape[1]} steps ({origin})"


def sequences_from(path: Path | None, width: int, seed: int) -> Tensor:
    """The sequences of a file for a network with ``width`` inputs, or Gaussian ones."""
    if path is None:
        return torch.randn(64, 100, width, generator=generator_of(seed))
    return read_sequences(path, width)


def read_sequences(path: Path, width: int | None) -> Tensor:
    """The sequences [batch, time, width] of a .npy file, finite and in float64; of any width if None."""
    shape = f"[batch, time, {'m' if width is None else width}]"
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"cannot read {path} as a .npy array: {error}") from error
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{path} must hold one array of real numbers {shape}")
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or width not in (None, array.shape[2]) or 0 in array.shape:
        raise ValueError(f"{path} must have shape {shape}, got {list(array.shape)}")
    if not np.isfinite(array).all():
        raise ValueError(f"{path} must be finite, but holds NaN or infinite entries")
    return torch.from_numpy(array.astype(np.float64))


def numbers(text: str, width: int, option: str = "--hold") -> Tensor:
    """An input [width] from an option's text like '0,1,0'."""
    try:
        values = [float(part) for part in text.replace(",", " ").split()]
    except ValueError as error:
        raise ValueError(f"{option} must be {width} numbers like '0,1,0', got {text!r}") from error
    if len(values) != width or not np.isfinite(values).all():
        raise ValueError(f"{option} must be {width} finite numbers, one per input, got {text!r}")
    return torch.tensor(values, dtype=torch.float64)


def require_writable(folder: Path) -> None:
    """Fail before the work, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".rnn-dynamics-"):  # of a name that no other process takes
            pass
    except OSError as error:
        raise ValueError(f"cannot write to the folder {folder}: {error.strerror or error}") from error


Module = TypeVar("Module", bound=nn.Module)


def on_device(module: Module, device: str) -> Module:
    """The module on the device of --device.

    Raises:
        ValueError: for one that torch does not know or the machine does not have.
    """
    try:
        return module.to(device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"--device {device} cannot be used: {str(error).splitlines()[0]}") from error


def interrupted_run(folder: Path) -> typer.Exit:
    """Say how a run that Ctrl-C ended goes on; the end of the command."""
    console.print(
        f"Interrupted; what is done is in {folder}/, and the same command with --resume goes on from there.",
        style="bold",
        soft_wrap=True,
        markup=False,
    )
    return typer.Exit(130)


def say_end(sentence: str, folder: Path, stopped: bool) -> None:
    """Say what came of a run and where it is; ``stopped`` by Ctrl-C it ends the command as one that can go on."""
    advice = ", and the same command with --resume goes on" * stopped
    console.print(f"{sentence}; results are in {folder}/{advice}.", style="bold", soft_wrap=True, markup=False)
    if stopped:
        raise typer.Exit(130)
