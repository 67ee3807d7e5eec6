"""``rnn-dynamics certify``: what a saved result says, proved; and certificates proved again."""

import sys
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from ..attractors import Attractors, Cycles
from ..certificates import BranchCertificates, Certificates, FixedPointCensus, ProvedReach
from ..certificates import certify as prove
from ..fixed_points import FixedPoints
from ..multistability import Reachability
from ..report import print_certificates, print_proof, write_certificates
from ..store import load
from ..systems import DrivenMap, Reading
from .options import Options
from .shared import Alpha, CellName, Leak, Nonlinearity, Prefix, console, numbers, read_network, require_writable

EXAMPLES = """Examples:

\b
rnn-dynamics certify model-analysis/fixed_points.safetensors --of model.pt
rnn-dynamics certify model-reach/reach.safetensors --of model.pt
rnn-dynamics certify model-analysis/certificates.safetensors     a certificate, proved again from the file alone
"""


@Options(found="result", system="of")
def certify(
    result: Annotated[
        Path,
        typer.Argument(
            help="A saved result of analyze or reach, or certificates, which are proved again.", show_default=False
        ),
    ],
    of: Annotated[Path | None, typer.Option(help="The checkpoint that a result is of; certificates need none.")] = None,
    hold: Annotated[
        str | None, typer.Option(help="The input held for fixed points, '0,1,0'.", show_default="zeros")
    ] = None,
    precision: Annotated[int, typer.Option(min=24, help="Bits that certificates are proved again with.")] = 106,
    steps: Annotated[int, typer.Option(min=1, help="How many steps each start may take to a capture ball.")] = 10_000,
    prefix: Prefix = None,
    cell: CellName = None,
    nonlinearity: Nonlinearity = None,
    alpha: Alpha = None,
    leak: Leak = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for certificates.", show_default="that of the result")
    ] = None,
) -> None:
    """Prove a saved result in ball arithmetic: what is there, alone, stable or not, and what is reached."""
    found = load(result)
    folder = out or result.parent
    require_writable(folder)
    watched = sys.stderr.isatty()
    if isinstance(found, Certificates | ProvedReach | FixedPointCensus | BranchCertificates):
        if of is not None:
            raise ValueError(f"--of is for results: {result} holds certificates, which hold their map themselves")
        proof = found.check(precision=precision, progress=watched)
        console.print(f"Proved again from {result}, with {precision} bits and more", soft_wrap=True, markup=False)
        if isinstance(proof, Certificates | ProvedReach):
            print_certificates(proof, console)
        else:
            print_proof(proof, console)
        return
    if of is None:
        raise ValueError(f"--of is needed: the checkpoint that {result} is a result of")
    network = read_network(of, Reading(prefix, cell, nonlinearity, alpha, leak)).network
    proof = _proved(network, found, hold, steps, watched)
    print_certificates(proof, console)
    files = write_certificates(proof, folder, f"{result.stem}_certificates")
    console.print(f"Wrote {', '.join(str(file) for file in files)}", soft_wrap=True)


def _proved(network: DrivenMap, found: Any, hold: str | None, steps: int, progress: bool) -> Certificates | ProvedReach:
    if isinstance(found, Reachability):
        return prove(network, found, steps=steps, progress=progress)
    if not isinstance(found, FixedPoints | Attractors | Cycles):
        raise ValueError(
            f"certify takes fixed points, attractors, cycles, what reach saves, or certificates, got"
            f" {type(found).__name__}"
        )
    if hold is not None:
        held = numbers(hold, network.input_size)
    elif isinstance(found, Attractors) and found.held_input is not None:
        held = found.held_input
    else:
        held = torch.zeros(network.input_size)
    return prove(network.hold(held), found, steps=steps, progress=progress)
