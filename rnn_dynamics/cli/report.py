"""``rnn-dynamics report``: a checkpoint, or results that were saved, as one page of HTML."""

import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

from ..attractors import find_attractors
from ..fixed_points import find_fixed_points
from ..report import settings_of, write_page
from ..results import Result
from ..store import load
from ..systems import Reading, sample_states
from .options import Options
from .shared import (
    Alpha,
    CellName,
    CheckpointFile,
    Inputs,
    Leak,
    Nonlinearity,
    Prefix,
    console,
    numbers,
    origin_of,
    read_network,
    require_writable,
    sequences_from,
)


@Options(n="starts", starts=None, sequences="inputs", inputs="hold", path="out")
def report(
    checkpoint: CheckpointFile,
    inputs: Inputs = None,
    hold: Annotated[
        str | None, typer.Option(help="The constant input, as m numbers '0,1,0'.", show_default="zeros")
    ] = None,
    prefix: Prefix = None,
    cell: CellName = None,
    nonlinearity: Nonlinearity = None,
    alpha: Alpha = None,
    leak: Leak = None,
    starts: Annotated[int, typer.Option(min=1, help="How many states to start from.")] = 256,
    noise: Annotated[float, typer.Option(min=0, help="Gaussian noise on the starts of the search.")] = 0.5,
    seed: Annotated[int, typer.Option(help="Of inputs, starts and search.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The page.", show_default="CHECKPOINT-report.html")] = None,
) -> None:
    """Write fixed points and attractors of a network, or results that were saved, as one page of HTML to send."""
    page = out or checkpoint.with_name(f"{checkpoint.stem}-report.html")
    require_writable(page.parent)
    saved = _saved(checkpoint)
    if saved is not None:
        settings = [("result", str(checkpoint))]
        write_page([saved], page, title=f"What was found: {checkpoint.stem}", settings=settings)
        console.print(f"[bold]{saved.summary()}. The page is {page}[/bold]", soft_wrap=True)
        return
    network = read_network(checkpoint, Reading(prefix, cell, nonlinearity, alpha, leak)).network
    sequences = sequences_from(inputs, network.input_size, seed)
    held = torch.zeros(network.input_size) if hold is None else numbers(hold, network.input_size)
    system, shown = network.hold(held), sys.stderr.isatty()
    begin = sample_states(network, sequences, starts, noise=noise, seed=seed)
    points = find_fixed_points(system, begin, seed=seed, progress=shown)
    found = find_attractors(system, sample_states(network, sequences, starts, seed=seed), seed=seed, progress=shown)
    settings = settings_of(
        network,
        seed,
        file=checkpoint,
        held_input=held.tolist(),
        starts=f"{starts} states along {origin_of(sequences, inputs)}; noise {noise} for fixed points",
    )
    write_page([points, found], page, title=f"What was found in {checkpoint.name}", settings=settings)
    console.print(f"[bold]{points.summary()}; {found.summary()}. The page is {page}[/bold]", soft_wrap=True)


def _saved(path: Path) -> Result | None:
    """The result that a file holds; None for weights."""
    if path.suffix != ".safetensors":
        return None
    try:
        result = load(path)
    except ValueError as error:
        if "but not a result saved by" in str(error):
            return None
        raise
    return result if isinstance(result, Result) else None
