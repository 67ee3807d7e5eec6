"""``rnn-dynamics demo``: from a network of its own to the page that reports on it."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from safetensors.torch import save_file
from torch import Tensor, nn

from ..certificates import certify
from ..files import replacing
from ..fixed_points import find_fixed_points
from ..multistability import reachability
from ..report import print_report, write_page, write_report
from ..results import Result
from ..systems import as_map, sample_states
from ..training import train_flip_flop
from .options import Options
from .shared import console, require_writable

_STARTS, _REACHED, _SHOWN = 1024, 256, 32
"""Starts of the search, states that inputs lead to, and trajectories that are drawn."""

_NOISE = 0.5

_PROVED = 64
"""Units, up to which proofs take ten seconds or so."""


@Options()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the page, figures, weights and the saved result.")] = Path(
        "demo"
    ),
    hidden: Annotated[int, typer.Option(min=2, help="GRU units.")] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 1500,
    seed: Annotated[int, typer.Option(help="Of weights, data and starts.")] = 0,
) -> None:
    """Train a GRU to hold three bits, and write a page of what it does: a minute or two."""
    require_writable(out)
    watched = sys.stderr.isatty()
    module, inputs = _trained(hidden, steps, seed, watched)
    network = as_map(module)
    system = network.hold()
    with torch.no_grad():
        trajectories = network.run(inputs[:_SHOWN])

    starts = sample_states(network, inputs, _STARTS, noise=_NOISE, seed=seed)
    points = find_fixed_points(system, starts, seed=seed, progress=watched)
    reach = reachability(network, inputs, torch.zeros(3), n=_REACHED, seed=seed, progress=watched)
    results: dict[str, Result] = {"Fixed points": points, "What inputs reach": reach}
    proof = None
    if len(points) and hidden <= _PROVED:
        proof = certify(system, points, progress=watched)
        results["Fixed points, proved"] = proof

    print_report(points, console, proof)
    if proof is not None:
        console.print(f"Proof: {proof.summary()}", soft_wrap=True, markup=False)
    console.print(f"Inputs: {reach.summary()}", soft_wrap=True, markup=False)
    files = [*_write_network(module, inputs, out), *write_report(points, trajectories, out, proof=proof)]
    console.print(f"Wrote {', '.join(str(file) for file in files)}", soft_wrap=True, markup=False)
    weights, sequences = files[:2]
    again = shlex.join(["rnn-dynamics", "report", str(weights), "--inputs", str(sequences)])
    page = write_page(
        results,
        out / "report.html",
        title="A GRU that learned to hold three bits",
        about={
            "network": f"GRU of {hidden} units, 3 inputs",
            "task": "hold the sign of the last pulse in each of three inputs",
            "held input": "0, 0, 0",
        },
        settings={
            "training": f"{steps} steps from seed {seed}",
            "starts": f"{_STARTS:,}, with noise of {_NOISE}",
            "states that inputs lead to": _REACHED,
            "the same of the weights": again,
        },
        trajectories=trajectories,
    )
    console.print(f"The same of weights in a file, yours too: {again}", soft_wrap=True, markup=False)
    sentence = f"Wrote {page}: open it in a browser, at {page.resolve().as_uri()}"
    console.print(sentence, style="bold", soft_wrap=True, markup=False)


def _trained(hidden: int, steps: int, seed: int, watched: bool) -> tuple[nn.GRU, Tensor]:
    """A GRU that was trained, and sequences [b, t, 3] that it has not seen."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.GRU(3, hidden, batch_first=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(
        1
    )  # so small a network trains faster on one, and far faster where other work shares the cores
    try:
        trained = train_flip_flop(module, seed=seed, steps=steps, progress=watched)
    finally:
        torch.set_num_threads(threads)
    console.print(
        f"Trained: {trained.accuracy:.2%} of held-out outputs have the right sign, "
        f"mean squared error {trained.mean_squared_error:.1e}",
        soft_wrap=True,
    )
    return module, trained.test_inputs


def _write_network(module: nn.Module, inputs: Tensor, out: Path) -> tuple[Path, Path]:
    """Weights and sequences, so that other commands can take them."""
    weights, sequences = out / "gru.safetensors", out / "inputs.npy"
    with replacing(weights) as temporary:
        save_file(module.state_dict(), temporary)
    with replacing(sequences) as temporary:
        np.save(temporary, inputs.numpy())
    return weights, sequences
