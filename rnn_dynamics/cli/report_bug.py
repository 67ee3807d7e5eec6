"""``rnn-dynamics report-bug``: what a bug report needs, and no weights."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..files import replacing
from ..report import bug_report
from ..systems import Reading, read_as_told
from .options import Options
from .shared import Alpha, CellName, Leak, Nonlinearity, Prefix, console, require_writable

EXAMPLES = """Examples:

\b
rnn-dynamics report-bug              this machine alone
rnn-dynamics report-bug model.pt     and the network: classes, sizes, dtypes, operations; never a weight

Of a module in Python: print(rnn_dynamics.report.bug_report(rd.as_map(module)))
"""


@Options()
def report_bug(
    checkpoint: Annotated[Path | None, typer.Argument(help="Weights, as of analyze.", show_default=False)] = None,
    prefix: Prefix = None,
    cell: CellName = None,
    nonlinearity: Nonlinearity = None,
    alpha: Alpha = None,
    leak: Leak = None,
    out: Annotated[Path, typer.Option(help="The report, in Markdown.")] = Path("bug-report.md"),
) -> None:
    """Write versions and a description of a network that can be shared: no value of a weight is in it."""
    require_writable(out.parent)
    reading = Reading(prefix, cell, nonlinearity, alpha, leak)
    said = {f"--{name}": value for name, value in asdict(reading).items() if value is not None}
    read, refused = None, None
    if checkpoint is not None:
        try:
            read = read_as_told(checkpoint, reading)
        except ValueError as error:  # that the file is refused may be the very bug
            refused = str(error)
    network = None if read is None else read.network
    text = bug_report(network, read, options=said, refused=refused)
    with replacing(out) as temporary:
        temporary.write_text(text)
    console.print(text, markup=False, soft_wrap=True)
    console.print(f"Wrote {out}. Read it, then attach it: it has no weights in it.", markup=False, soft_wrap=True)
