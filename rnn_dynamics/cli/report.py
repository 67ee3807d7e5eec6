"""``rnn-dynamics report``: one HTML page for a colleague, of a network or of results that were saved."""

import hashlib
import shlex
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from ..certificates import certify as prove
from ..fixed_points import find_fixed_points
from ..multistability import HORIZONS, horizons_up_to, reachability
from ..report import write_page
from ..results import Result
from ..store import holds_result, load
from ..systems import DrivenMap, Reading, sample_states
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
rnn-dynamics report model.pt                     its fixed points, and what its inputs reach
rnn-dynamics report model-reach/reach.safetensors model-bifurcations/bifurcations.safetensors
                                                 of results that other commands saved
rnn-dynamics report model.pt chart.safetensors --title "Our agent"
                                                 both on one page
"""

_SHOWN = 32
"""Trajectories behind fixed points and attractors."""


@Options(n="starts", starts=None, sequences="inputs", input="hold", horizons="horizon", path="out")
def report(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            help="A checkpoint, which is analysed; saved results, which are shown; or both.",
            metavar="CHECKPOINT|RESULT...",
            show_default=False,
        ),
    ],
    inputs: Inputs = None,
    hold: Annotated[
        str | None, typer.Option(help="The held input, as m numbers '0,1,0'.", show_default="zeros")
    ] = None,
    starts: Annotated[int, typer.Option(min=1, help="How many states to start from.")] = 512,
    noise: Annotated[
        float, typer.Option(min=0, help="Gaussian noise on starts for fixed points; finds saddles between memories.")
    ] = 0.5,
    horizon: Annotated[int, typer.Option(min=1, help="Steps of the published measure.")] = HORIZONS[-1],
    certify: Certify = False,
    title: Annotated[str | None, typer.Option(help="Of the page.", show_default="the file's name")] = None,
    prefix: Prefix = None,
    cell: CellName = None,
    nonlinearity: Nonlinearity = None,
    alpha: Alpha = None,
    leak: Leak = None,
    seed: Annotated[int, typer.Option(min=0, help="Of inputs, starts and searches.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The page.", show_default="FILE-report.html")] = None,
) -> None:
    """Write one HTML page that needs no other file: what was found, evidence, pictures, settings and limits."""
    saved = [file for file in files if holds_result(file)]
    checkpoints = [file for file in files if file not in saved]
    if len(checkpoints) > 1:
        names = ", ".join(str(file) for file in checkpoints)
        raise ValueError(f"report takes one checkpoint, and saved results beside it, got several: {names}")
    page = out or files[0].with_name(f"{files[0].stem}-report.html")
    require_writable(page.parent)
    results: dict[str, Result] = {}
    about: dict[str, object] = {}
    settings: dict[str, object] = {}
    trajectories: Tensor | None = None
    for file in checkpoints:
        read = read_network(file, Reading(prefix, cell, nonlinearity, alpha, leak))
        network = read.network
        sequences = sequences_from(inputs, network.input_size, seed)
        held = torch.zeros(network.input_size) if hold is None else numbers(hold, network.input_size)
        results = _found(network, sequences, held, starts, noise, horizon, certify, seed)
        with torch.no_grad():
            trajectories = network.run(sequences[:_SHOWN].to(network.dtype).to(network.device))
        about = {"network": str(read), "state": f"{network.state_size} numbers", "held input": held}
        settings = {
            "inputs": origin_of(sequences, inputs),
            "arithmetic": f"float64; the weights of the file are {str(network.dtype).removeprefix('torch.')}",
            **_settings(context),
        }
    results |= _loaded(saved)
    if saved and checkpoints:
        settings["results read from files"] = "were computed before, with settings that the files do not hold"
    about["command"] = shlex.join(["rnn-dynamics", *sys.argv[1:]])
    about |= {f"SHA-256 of {file.name}": _digest(file) for file in files if file.is_file()}
    name = title or f"{files[0].stem}: what this network does"
    write_page(results, page, title=name, about=about, settings=settings or None, trajectories=trajectories)
    for heading, result in results.items():
        console.print(f"{heading}: {result.summary()}", soft_wrap=True, markup=False)
    sentence = f"Wrote {page}: one file, to look at in a browser, to send or to print."
    console.print(sentence, style="bold", soft_wrap=True, markup=False)


def _found(
    network: DrivenMap,
    sequences: Tensor,
    held: Tensor,
    starts: int,
    noise: float,
    horizon: int,
    certify: bool,
    seed: int,
) -> dict[str, Result]:
    """Fixed points and what inputs reach, and what is proved of them."""
    watched = sys.stderr.isatty()
    begin = sample_states(network, sequences, starts, noise=noise, seed=seed)
    points = find_fixed_points(network.hold(held), begin, seed=seed, progress=watched)
    horizons = horizons_up_to(horizon)
    reach = reachability(network, sequences, held[None], n=starts, horizons=horizons, seed=seed, progress=watched)
    results: dict[str, Result] = {"Fixed points": points, "What inputs reach": reach}
    if certify:
        if len(points):
            results["Fixed points, proved"] = prove(network.hold(held), points, progress=watched)
        results["What inputs reach, proved"] = prove(network, reach, progress=watched)
    return results


def _loaded(files: list[Path]) -> dict[str, Result]:
    """Saved results under the names of their files, with as much of the way as tells them apart."""
    results: dict[str, Result] = {}
    for file in files:
        found = load(file)
        if not isinstance(found, Result):
            raise ValueError(f"report takes results with a table, but {file} holds a {type(found).__name__}")
        results[file.name if [one.name for one in files].count(file.name) == 1 else str(file)] = found
    return results


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _settings(context: typer.Context) -> dict[str, object]:
    """The options that decide numbers, as they were."""
    names = {name: value for name, value in context.params.items() if name not in ("files", "out", "title", "inputs")}
    return {f"--{name.replace('_', '-')}": value for name, value in names.items() if value is not None}
