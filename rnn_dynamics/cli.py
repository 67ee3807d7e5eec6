"""The command ``rnn-dynamics``."""

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from torch import Tensor, nn

from .fixed_points import FixedPoints, find_fixed_points_over_inputs
from .multistability import HORIZONS, reachability
from .report import print_reachability, print_report, write_reachability, write_report
from .store import save
from .systems import Checkpoint, DrivenMap, as_map, read_checkpoint, sample_states
from .training import train_flip_flop

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
console = Console(highlight=False)

CheckpointFile = Annotated[
    Path, typer.Argument(help="A state dict: .pt (read with weights_only=True) or .safetensors.", show_default=False)
]
Inputs = Annotated[
    Path | None,
    typer.Option(help="Input sequences [batch, time, m] (.npy) to start from.", show_default="Gaussian inputs"),
]
Prefix = Annotated[str | None, typer.Option(help="Which network, if the file holds several: 'encoder.rnn'.")]
Nonlinearity = Annotated[str, typer.Option(help="Of a plain RNN, which its weights do not tell: tanh or relu.")]


HELP = """Find out what a recurrent network learned: its fixed points and attractors, and which of them inputs reach.

Start here:

\b
rnn-dynamics demo               train a small network, find and draw its fixed points
rnn-dynamics analyze model.pt   fixed points of your checkpoint (RNN, GRU or LSTM weights),
                                which are stable, and whether any are missing
rnn-dynamics reach model.pt     what its inputs really reach: attractors of every kind,
                                beside what the published measure (VAA) claims
rnn-dynamics analyze model.pt --inputs x.npy --hold 0,0,1
                                from states that your inputs lead to, at a held input
"""


@app.callback(help=HELP)
def about() -> None:
    """Keep ``demo``, ``analyze`` and ``reach`` as subcommands."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for figures and the saved result.")] = Path("demo"),
    hidden: Annotated[int, typer.Option(min=2, help="GRU units.")] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 1500,
    seed: Annotated[int, typer.Option(help="Of weights, data and starts.")] = 0,
) -> None:
    """Train a GRU on the 3-bit flip-flop task, then find and draw its fixed points (a minute or two)."""
    _require_writable(out)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.GRU(3, hidden, batch_first=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(
        1
    )  # so small a network trains faster on one, and far faster where other work shares the cores
    try:
        trained = train_flip_flop(module, seed=seed, steps=steps, progress=sys.stderr.isatty())
    finally:
        torch.set_num_threads(threads)
    console.print(
        f"Trained: {trained.accuracy:.2%} of held-out outputs have the right sign, "
        f"mean squared error {trained.mean_squared_error:.1e}"
    )
    network = as_map(module)
    points = _analyse(network, trained.test_inputs, [torch.zeros(3)], out, n_starts=1024, noise=0.5, seed=seed)[0]
    missing = {None: "cannot be checked for completeness", 1: "none known to be missing"}
    state = missing.get(points.index_sum, "some are certainly missing")
    console.print(f"[bold]{points.summary()}; {state}. Look at {out / 'fixed_points_2d.png'}.[/bold]", soft_wrap=True)


@app.command()
def analyze(
    checkpoint: CheckpointFile,
    inputs: Inputs = None,
    hold: Annotated[
        list[str] | None,
        typer.Option(help="The constant input, as m numbers '0,1,0'; give it again for several.", show_default="zeros"),
    ] = None,
    prefix: Prefix = None,
    nonlinearity: Nonlinearity = "tanh",
    starts: Annotated[int, typer.Option(min=1, help="How many states to start from.")] = 1024,
    noise: Annotated[
        float, typer.Option(min=0, help="Gaussian noise on the starts; finds saddles between memories.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(help="Of inputs, starts and search.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for results.", show_default="CHECKPOINT-analysis")] = None,
) -> None:
    """Find the fixed points of a trained RNN, GRU or LSTM, and write table, figures and result."""
    read = _read(checkpoint, prefix, nonlinearity)
    network = read.network
    sequences = _sequences(inputs, network.input_size, seed)
    console.print(f"Starts from {_described(sequences, inputs)}", soft_wrap=True)
    held = [_numbers(text, network.input_size) for text in hold or []] or [torch.zeros(network.input_size)]
    folder = out or checkpoint.with_name(f"{checkpoint.stem}-analysis")
    _require_writable(folder)
    results = _analyse(network, sequences, held, folder, n_starts=starts, noise=noise, seed=seed)
    console.print(f"[bold]Fixed points: {sum(map(len, results))}. Results are in {folder}/[/bold]", soft_wrap=True)


@app.command()
def reach(
    checkpoint: CheckpointFile,
    inputs: Inputs = None,
    hold: Annotated[
        list[str] | None,
        typer.Option(
            help="The held input, as m numbers '0,1,0'; give it again for several.", show_default="drawn from N(0, I)"
        ),
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="How many held inputs to draw, if none is given.")] = 1,
    n: Annotated[int, typer.Option("--n", min=1, help="How many states to start from; VAA depends on it.")] = 200,
    horizon: Annotated[
        int, typer.Option(min=1, help="Steps of the published measure; 10,000 in the paper.")
    ] = HORIZONS[-1],
    prefix: Prefix = None,
    nonlinearity: Nonlinearity = "tanh",
    seed: Annotated[int, typer.Option(help="Of inputs, states and held inputs.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for results.", show_default="CHECKPOINT-reach")] = None,
) -> None:
    """Say which attractors inputs reach, of which kind and how often, beside what the published VAA claims."""
    read = _read(checkpoint, prefix, nonlinearity)
    network = read.network
    sequences = _sequences(inputs, network.input_size, seed)
    held = [_numbers(text, network.input_size) for text in hold or []]
    folder = out or checkpoint.with_name(f"{checkpoint.stem}-reach")
    _require_writable(folder)
    console.print(f"{n} states along {_described(sequences, inputs)}", soft_wrap=True)
    result = reachability(
        network,
        sequences,
        torch.stack(held) if held else None,
        n=n,
        draws=draws,
        horizons=[*(step for step in HORIZONS if step < horizon), horizon],
        seed=seed,
        progress=sys.stderr.isatty(),
    )
    print_reachability(result, console)
    with torch.no_grad():
        trajectories = network.run(sequences[:16].to(network.dtype).to(network.device))
    files = write_reachability(result, trajectories, folder)
    console.print(f"Wrote {', '.join(str(file) for file in files)}", soft_wrap=True)
    console.print(f"[bold]{result.summary()}. Results are in {folder}/[/bold]", soft_wrap=True)


def _read(path: Path, prefix: str | None, nonlinearity: str) -> Checkpoint:
    read = read_checkpoint(path, prefix=prefix, nonlinearity=nonlinearity)
    console.print(f"Read {read} from {path}", soft_wrap=True)
    if read.cell == "RNN" and nonlinearity == "tanh":
        console.print("Its weights do not tell tanh from ReLU: tanh is assumed; --nonlinearity relu if it is not.")
    return read


def _described(sequences: Tensor, path: Path | None) -> str:
    origin = "Gaussian inputs" if path is None else str(path)
    return f"{len(sequences)} sequences of {sequences.shape[1]} steps ({origin})"


def _analyse(
    network: DrivenMap, sequences: Tensor, held: list[Tensor], folder: Path, *, n_starts: int, noise: float, seed: int
) -> list[FixedPoints]:
    begin = sample_states(network, sequences, n_starts, noise=noise, seed=seed)
    shown = sequences[:32].to(network.dtype)
    with torch.no_grad():
        trajectories = network.run(shown.to(network.device))
    found = find_fixed_points_over_inputs(network, torch.stack(held), begin, seed=seed, progress=sys.stderr.isatty())
    for row, points in enumerate(found.points):
        if len(held) > 1:
            console.print(f"\n[bold]Held input {row}: {held[row].tolist()}[/bold]")
        print_report(points, console)
        name = "fixed_points" if len(held) == 1 else f"fixed_points_input{row}"
        files = write_report(points, trajectories, folder, name)
        console.print(f"Wrote {', '.join(str(file) for file in files)}", soft_wrap=True)
    if len(held) > 1:
        console.print(f"Wrote {save(found, folder / 'all_inputs.safetensors')}", soft_wrap=True)
    return list(found.points)


def _sequences(path: Path | None, width: int, seed: int) -> Tensor:
    if path is None:
        return torch.randn(64, 100, width, generator=torch.Generator().manual_seed(seed))
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"cannot read {path} as a .npy array: {error}") from error
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{path} must hold one array of real numbers [batch, time, {width}]")
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[2] != width or 0 in array.shape:
        raise ValueError(f"{path} must have shape [batch, time, {width}], got {list(array.shape)}")
    if not np.isfinite(array).all():
        raise ValueError(f"{path} must be finite, but holds NaN or infinite entries")
    return torch.from_numpy(array.astype(np.float64))


def _numbers(text: str, width: int) -> Tensor:
    try:
        values = [float(part) for part in text.replace(",", " ").split()]
    except ValueError as error:
        raise ValueError(f"--hold must be {width} numbers like '0,1,0', got {text!r}") from error
    if len(values) != width or not np.isfinite(values).all():
        raise ValueError(f"--hold must be {width} finite numbers, one per input, got {text!r}")
    return torch.tensor(values, dtype=torch.float64)


def _require_writable(folder: Path) -> None:
    """Fail before the work, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".rnn-dynamics-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ValueError(f"cannot write to the folder {folder}: {error.strerror or error}") from error


def main() -> None:
    """Run the command; a user's mistake is one sentence and exit code 1."""
    try:
        app()
    except ValueError as error:
        Console(stderr=True, highlight=False).print(f"Error: {error}", soft_wrap=True, markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
