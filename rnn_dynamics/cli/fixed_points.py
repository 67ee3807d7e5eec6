"""``rnn-dynamics analyze``: the fixed points of a network."""

import sys
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from ..certificates import certify as prove
from ..fixed_points import FixedPoints, find_fixed_points_over_inputs
from ..report import print_certificates, print_report, write_certificates, write_report
from ..store import save
from ..systems import DrivenMap, Reading, sample_states
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


@Options(n="starts", starts=None, sequences="inputs", inputs="hold")
def analyze(
    checkpoint: CheckpointFile,
    inputs: Inputs = None,
    hold: Annotated[
        list[str] | None,
        typer.Option(help="The constant input, as m numbers '0,1,0'; give it again for several.", show_default="zeros"),
    ] = None,
    prefix: Prefix = None,
    cell: CellName = None,
    nonlinearity: Nonlinearity = None,
    alpha: Alpha = None,
    leak: Leak = None,
    starts: Annotated[int, typer.Option(min=1, help="How many states to start from.")] = 1024,
    noise: Annotated[
        float, typer.Option(min=0, help="Gaussian noise on the starts; finds saddles between memories.")
    ] = 0.5,
    certify: Certify = False,
    seed: Annotated[int, typer.Option(help="Of inputs, starts and search.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for results.", show_default="CHECKPOINT-analysis")] = None,
) -> None:
    """Find the fixed points of a trained recurrent network, and write table, figures and result."""
    read = read_network(checkpoint, Reading(prefix, cell, nonlinearity, alpha, leak))
    network = read.network
    sequences = sequences_from(inputs, network.input_size, seed)
    console.print(f"Starts from {origin_of(sequences, inputs)}", soft_wrap=True)
    held = [numbers(text, network.input_size) for text in hold or []] or [torch.zeros(network.input_size)]
    folder = out or checkpoint.with_name(f"{checkpoint.stem}-analysis")
    require_writable(folder)
    results = _analyse(network, sequences, held, folder, n_starts=starts, noise=noise, seed=seed, certify=certify)
    console.print(f"[bold]Fixed points: {sum(map(len, results))}. Results are in {folder}/[/bold]", soft_wrap=True)


def _analyse(
    network: DrivenMap,
    sequences: Tensor,
    held: list[Tensor],
    folder: Path,
    *,
    n_starts: int,
    noise: float,
    seed: int,
    certify: bool = False,
) -> list[FixedPoints]:
    begin = sample_states(network, sequences, n_starts, noise=noise, seed=seed)
    shown = sequences[:32].to(network.dtype)
    with torch.no_grad():
        trajectories = network.run(shown.to(network.device))
    found = find_fixed_points_over_inputs(network, torch.stack(held), begin, seed=seed, progress=sys.stderr.isatty())
    for row, points in enumerate(found.points):
        number = f" {row}" if len(held) > 1 else ""
        console.print(f"\n[bold]Held input{number}: {held[row].tolist()}[/bold]", soft_wrap=True)
        proof = None
        if certify and len(points):
            proof = prove(network.hold(held[row]), points, progress=sys.stderr.isatty())
        print_report(points, console, proof)
        suffix = "" if len(held) == 1 else f"_input{row}"
        files = write_report(points, trajectories, folder, f"fixed_points{suffix}", proof)
        if proof is not None:
            print_certificates(proof, console)
            files += write_certificates(proof, folder, f"certificates{suffix}")
        console.print(f"Wrote {', '.join(str(file) for file in files)}", soft_wrap=True)
    if len(held) > 1:
        console.print(f"Wrote {save(found, folder / 'all_inputs.safetensors')}", soft_wrap=True)
    return list(found.points)
