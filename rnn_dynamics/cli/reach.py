"""``rnn-dynamics reach``: what inputs reach, beside what the published measure claims."""

import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

from ..certificates import certify as prove
from ..multistability import HORIZONS, horizons_up_to, reachability
from ..report import print_certificates, print_reachability, write_certificates, write_reachability
from ..systems import Reading
from .options import Options
from .shared import (
    Alpha,
    CellName,
    Certify,
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


@Options(horizons="horizon", sequences="inputs")
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
    cell: CellName = None,
    nonlinearity: Nonlinearity = None,
    alpha: Alpha = None,
    leak: Leak = None,
    certify: Certify = False,
    seed: Annotated[int, typer.Option(help="Of inputs, states and held inputs.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for results.", show_default="CHECKPOINT-reach")] = None,
) -> None:
    """Say which attractors inputs reach, of which kind and how often, beside what the published VAA claims."""
    read = read_network(checkpoint, Reading(prefix, cell, nonlinearity, alpha, leak))
    network = read.network
    sequences = sequences_from(inputs, network.input_size, seed)
    held = [numbers(text, network.input_size) for text in hold or []]
    folder = out or checkpoint.with_name(f"{checkpoint.stem}-reach")
    require_writable(folder)
    console.print(f"{n} states along {origin_of(sequences, inputs)}", soft_wrap=True)
    result = reachability(
        network,
        sequences,
        torch.stack(held) if held else None,
        n=n,
        draws=draws,
        horizons=horizons_up_to(horizon),
        seed=seed,
        progress=sys.stderr.isatty(),
    )
    proof = prove(network, result, progress=sys.stderr.isatty()) if certify else None
    print_reachability(result, console, proof)
    with torch.no_grad():
        trajectories = network.run(sequences[:16].to(network.dtype).to(network.device))
    files = write_reachability(result, trajectories, folder, proof)
    if proof is not None:
        print_certificates(proof, console)
        files += write_certificates(proof, folder)
    console.print(f"Wrote {', '.join(str(file) for file in files)}", soft_wrap=True)
    console.print(f"[bold]{result.summary()}. Results are in {folder}/[/bold]", soft_wrap=True)
