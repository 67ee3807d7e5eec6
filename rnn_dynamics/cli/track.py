"""``rnn-dynamics track``: a folder of checkpoints, seen from its attractors."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..report import print_tracking, write_tracking
from ..tracking import AttractorTracker, checkpoint_files, track_checkpoints
from .shared import Inputs, Nonlinearity, Prefix, console, numbers, read_network, require_writable, sequences_from


def track(
    run: Annotated[
        Path,
        typer.Argument(
            help="A folder of checkpoints whose names end in their step (step-100.pt, epoch=3-step=120.ckpt), "
            "or what `rnn-dynamics train --snapshot-every` wrote, of one seed or several.",
            show_default=False,
        ),
    ],
    inputs: Inputs = None,
    hold: Annotated[
        str | None, typer.Option(help="The held input, as m numbers '0,1,0'.", show_default="one drawn from N(0, I)")
    ] = None,
    n: Annotated[int, typer.Option("--n", min=2, help="How many states to start from; VAA depends on it.")] = 32,
    horizon: Annotated[int, typer.Option(min=0, help="Steps of the published measure; 10,000 in the paper.")] = 10_000,
    fixed_points: Annotated[
        bool, typer.Option("--fixed-points/--attractors-only", help="Search for saddles too, or for attractors alone.")
    ] = True,
    time_limit: Annotated[
        float | None, typer.Option(help="Seconds for each checkpoint, after which it is cut off.", show_default="none")
    ] = None,
    prefix: Prefix = None,
    nonlinearity: Nonlinearity = "tanh",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from what is in the folder for results.")] = False,
    seed: Annotated[int, typer.Option(help="Of inputs, states, held input and searches.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for results.", show_default="RUN-tracking")] = None,
) -> None:
    """Say what a network could reach at each of its checkpoints, what was born, what died, and in which bifurcation."""
    runs = sorted(path for path in run.glob("seed-*") if re.fullmatch(r"seed-\d+", path.name)) or [run]
    for one in runs:
        beside = one.with_name(f"{one.name}-tracking")
        folder = beside if out is None else out / one.name if len(runs) > 1 else out
        _track(one, folder, inputs, hold, n, horizon, fixed_points, time_limit, prefix, nonlinearity, resume, seed)


def _track(
    run: Path,
    folder: Path,
    inputs: Path | None,
    hold: str | None,
    n: int,
    horizon: int,
    fixed_points: bool,
    time_limit: float | None,
    prefix: str | None,
    nonlinearity: str,
    resume: bool,
    seed: int,
) -> None:
    files = checkpoint_files(run)
    first = read_network(files[0][1], prefix, nonlinearity)
    console.print(f"{len(files)} checkpoints, steps {files[0][0]} to {files[-1][0]}")
    width = first.network.input_size
    require_writable(folder)
    tracker = AttractorTracker(
        sequences := sequences_from(inputs, width, seed),
        hold=None if hold is None else numbers(hold, width),
        n=n, horizon=horizon, budget=None, fixed_points=fixed_points, time_limit=time_limit, seed=seed,
        folder=folder / "observations", resume=resume,
    )  # fmt: skip
    history = track_checkpoints(
        run, sequences, prefix=prefix, nonlinearity=nonlinearity, tracker=tracker, progress=sys.stderr.isatty()
    )
    print_tracking(history, console)
    written = write_tracking(history, folder)
    console.print(f"Wrote {', '.join(str(file) for file in written)}", soft_wrap=True, markup=False)
    console.print(f"{history.summary()}. Results are in {folder}/", style="bold", soft_wrap=True, markup=False)
    if len(history) < len(files):
        console.print("Interrupted; --resume goes on from here.", style="bold")
        raise typer.Exit(130)
