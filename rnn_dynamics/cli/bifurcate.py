"""``rnn-dynamics bifurcate``: what changes in a network as an input or a weight moves, or as it was trained."""

import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer

from ..bifurcations import Walk, bifurcation_diagram
from ..certificates import certify as prove
from ..report import (
    print_bifurcations,
    print_branch_certificates,
    print_timeline,
    write_bifurcations,
    write_certificates,
    write_timeline,
)
from ..systems import Reading, sample_states
from ..timeline import seed_folder, training_bifurcations
from ..tracking import checkpoint_files
from .moves import read_move, shown
from .options import Options
from .shared import (
    Alpha,
    CellName,
    Certify,
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

EXAMPLES = """Examples:

\b
rnn-dynamics bifurcate model.pt --direction 0 --span -2 2
                                input 0 moves from -2 to 2, the others are held at 0
rnn-dynamics bifurcate model.pt --direction 0.5,0,-1 --offset 0,1,0
                                the input 0,1,0 + p (0.5,0,-1), p from -1 to 1
rnn-dynamics bifurcate model.pt --scale weight_hh_l0 --sections 17
                                recurrent weights times p, from 0 to 2; circles and chaos too
rnn-dynamics bifurcate model.pt --shift bias_hh_l0 --gate z --span -3 3
                                p is added to the bias of a GRU's update gate
rnn-dynamics bifurcate checkpoints/
                                all fixed points through a training, from checkpoint to checkpoint
"""

_OF_A_PARAMETER = (
    "direction",
    "offset",
    "scale",
    "shift",
    "gate",
    "span",
    "inputs",
    "noise",
    "searches",
    "sections",
    "max_period",
    "max_steps",
    "eigenvalues",
    "certify",
)
"""Options that mean nothing in a training, whose parameter is its step."""


@Options(n="starts", n_starts="starts", starts=None, sequences="inputs", input="hold")
def bifurcate(
    context: typer.Context,
    checkpoint: Annotated[
        Path,
        typer.Argument(
            help="A state dict: .pt (read with weights_only=True) or .safetensors. A folder of them, or a run of "
            "`train --snapshot-every`, is followed through its training instead.",
            show_default=False,
        ),
    ],
    direction: Annotated[
        str | None,
        typer.Option(help="What moves: the number of an input, or a direction '0.5,0,-1'.", show_default="input 0"),
    ] = None,
    offset: Annotated[str | None, typer.Option(help="The held input at p = 0, '0,1,0'.", show_default="zeros")] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Instead of an input, a weight or bias times p: weight_hh_l0; p = 1 leaves it as it is.",
        ),
    ] = None,
    shift: Annotated[
        str | None, typer.Option(metavar="NAME", help="Instead, p is added to all of a bias or weight: bias_hh_l0.")
    ] = None,
    gate: Annotated[
        str | None, typer.Option(help="With --scale or --shift: of one gate alone, z of a GRU, f of an LSTM or MGU.")
    ] = None,
    hold: Annotated[
        str | None,
        typer.Option(help="The held input while a weight moves, or of a training: '0,1,0'.", show_default="zeros"),
    ] = None,
    span: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="FROM TO", help="The parameters p from and to.", show_default="-1 1; with --scale 0 2"),
    ] = None,
    inputs: Inputs = None,
    starts: Annotated[int, typer.Option(min=1, help="How many states each search starts from.")] = 512,
    noise: Annotated[
        float, typer.Option(min=0, help="Gaussian noise on the starts; finds saddles between memories.")
    ] = 0.5,
    searches: Annotated[
        int, typer.Option(min=1, help="At how many p, evenly over the span, fixed points are searched for.")
    ] = 33,
    sections: Annotated[
        int,
        typer.Option(
            min=0,
            help="At how many p to look for circles, chaos and other cycles, which no branch shows; this may cost as "
            "much as all the rest, or more. 0 for none.",
        ),
    ] = 9,
    max_period: Annotated[
        int, typer.Option(min=1, help="Cycles that period doubling leads to, up to this period; 1 for none.")
    ] = 4,
    max_steps: Annotated[int, typer.Option(min=1, help="Of each branch, each way.")] = 2000,
    observable: Annotated[
        str | None,
        typer.Option(
            help="What the figure shows of a state: a unit's number, or 'norm'.",
            show_default="first principal component",
        ),
    ] = None,
    eigenvalues: Annotated[
        bool, typer.Option("--eigenvalues/--no-eigenvalues", help="A panel with the leading moduli of each branch.")
    ] = False,
    certify: Certify = False,
    prefix: Prefix = None,
    cell: CellName = None,
    nonlinearity: Nonlinearity = None,
    alpha: Alpha = None,
    leak: Leak = None,
    seed: Annotated[int, typer.Option(min=0, help="Of inputs, starts and searches.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for results.", show_default="CHECKPOINT-bifurcations")
    ] = None,
) -> None:
    """Follow fixed points and cycles as an input or weight moves: all bifurcations, and whether any are missing."""
    folder, reading = out or _beside(checkpoint), Reading(prefix, cell, nonlinearity, alpha, leak)
    if checkpoint.is_dir():
        given = [name for name in _OF_A_PARAMETER if _is_given(context, name)]
        if given:
            options = ", ".join("--" + name.replace("_", "-") for name in given)
            raise ValueError(
                f"{checkpoint} is a folder, which is followed through its training: no place for {options}"
            )
        _training(checkpoint, folder, hold, starts, observable, reading, seed)
        return
    read = read_network(checkpoint, reading)
    network = read.network
    move = read_move(network, direction, offset, scale, shift, gate, hold, span)
    drawn = _observable(observable, network.state_size)
    sequences = sequences_from(inputs, network.input_size, seed)
    states = sample_states(network, sequences, starts, noise=noise, seed=seed)
    require_writable(folder)
    console.print(move.words, soft_wrap=True, markup=False)
    console.print(f"{starts} starts from {origin_of(sequences, inputs)}", soft_wrap=True, markup=False)
    diagram = bifurcation_diagram(
        move.family,
        states,
        move.span,
        searches=searches,
        sections=sections,
        max_period=max_period,
        walk=Walk(max_steps=max_steps),
        seed=seed,
        progress=sys.stderr.isatty(),
    )
    proofs = [prove(move.family, one, progress=sys.stderr.isatty()) for one in diagram.branches] if certify else None
    print_bifurcations(diagram, console, proofs)
    files: list[Path] = []
    if len(diagram) or not diagram.interrupted:
        files = write_bifurcations(
            diagram, folder, observable=drawn, eigenvalues=eigenvalues, parameter=move.label, proofs=proofs
        )
    for number, proof in enumerate(proofs or ()):
        print_branch_certificates(proof, number, console)
        files += write_certificates(proof, folder, f"branch{number}_certificates")
    _finish(files, folder, "bifurcations", diagram.interrupted)


def _training(
    run: Path,
    folder: Path,
    hold: str | None,
    starts: int,
    observable: str | None,
    reading: Reading,
    seed: int,
) -> None:
    """Follow fixed points from checkpoint to checkpoint of a folder."""
    place = seed_folder(run)
    checkpoints = checkpoint_files(place)
    network = read_network(checkpoints[0][1], reading).network
    drawn = _observable(observable, network.state_size)
    held = torch.zeros(network.input_size) if hold is None else numbers(hold, network.input_size)
    require_writable(folder)
    steps = f"{checkpoints[0][0]} to {checkpoints[-1][0]}"
    text = f"{len(checkpoints)} checkpoints in {place}, steps {steps}; held: the input {shown(held)}"
    console.print(text, soft_wrap=True, markup=False)
    timeline = training_bifurcations(
        place,
        input=held,
        n_starts=starts,
        **asdict(reading),
        seed=seed,
        progress=sys.stderr.isatty(),
    )
    print_timeline(timeline, console)
    files = write_timeline(timeline, folder, observable=drawn) if len(timeline) else []
    _finish(files, folder, "timeline", timeline.interrupted)


def _finish(files: list[Path], folder: Path, figure: str, interrupted: bool) -> None:
    if files:
        console.print(f"Wrote {', '.join(str(file) for file in files)}", soft_wrap=True, markup=False)
    picture = folder / f"{figure}.png"
    text = f"Results are in {folder}/" + (f"; look at {picture}" if picture in files else "")
    if interrupted:
        kept = f"what was finished is kept. {text}" if files else "nothing was finished that could be kept"
        text = f"Interrupted: {kept}"
    console.print(text, style="bold", soft_wrap=True, markup=False)
    if interrupted:
        raise typer.Exit(130)


def _observable(text: str | None, size: int) -> int | Literal["norm"] | None:
    if text is None or text == "norm":
        return text
    if not re.fullmatch(r"\d+", text) or int(text) >= size:
        raise ValueError(f"--observable must be a unit's number, 0 to {size - 1}, or 'norm'; got {text!r}")
    return int(text)


def _beside(checkpoint: Path) -> Path:
    place = checkpoint if checkpoint.name not in ("", "..") else checkpoint.resolve()
    return place.with_name(f"{place.name if place.is_dir() else place.stem}-bifurcations")


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
