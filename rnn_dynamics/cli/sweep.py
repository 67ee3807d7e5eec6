"""``rnn-dynamics sweep``: the cases of a plan, computed, counted and put into one table."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ..report import write_sweep_figure
from ..sweeps import Sweep, SweepPlan, dask_client, gather
from ..sweeps import sweep as run_plan
from .commands import MANNERS
from .options import Options
from .shared import console

HELP = """Run the cases of a plan on one machine, a cluster or as a job array, and gather what they measured.

\b
rnn-dynamics sweep run plan.toml --workers 8       processes of this machine
rnn-dynamics sweep run plan.toml --dask            Dask's workers on this machine
rnn-dynamics sweep run plan.toml --scheduler tcp://10.0.0.1:8786
rnn-dynamics sweep run plan.toml --index $SLURM_ARRAY_TASK_ID
rnn-dynamics sweep status plan.toml
rnn-dynamics sweep gather plan.toml                one table, and a figure

A plan says which function is called with which parameters, and running it calls that function: run none that you have
not read. What is done is in files, and stays done: the same command goes on.
"""

app = typer.Typer(name="sweep", no_args_is_help=True, help=HELP, **MANNERS)

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan in TOML.", show_default=False)]

_OPTIONS = Options(plan=None, executor=None, path="out")
"""Of all three."""


@app.command()
@_OPTIONS
def run(
    plan: PlanFile,
    workers: Annotated[int, typer.Option(min=1, help="Processes of this machine; 1 is this one.")] = 1,
    dask: Annotated[bool, typer.Option("--dask", help="Compute by Dask, with --workers of this machine.")] = False,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a scheduler of Dask, whose workers see the plan's folder.")
    ] = None,
    index: Annotated[
        int | None, typer.Option(min=0, help="Compute this part of the plan alone: a job of an array, from 0.")
    ] = None,
    of: Annotated[
        int | None, typer.Option(min=1, help="Into how many parts --index cuts the plan.", show_default="a case each")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Compute what failed again.")] = False,
    gpus: Annotated[int, typer.Option(min=0, help="Let each worker see one of the first so many GPUs.")] = 0,
) -> None:
    """Compute what is not done."""
    read = SweepPlan.read(plan)
    with _executor(scheduler, dask, workers) as executor:
        found = run_plan(
            read,
            executor,
            workers=1 if executor is not None else workers,
            index=index,
            of=of,
            retry=retry,
            gpus=gpus,
            progress=sys.stderr.isatty(),
        )
    _tell(found)
    if found.interrupted:
        raise typer.Exit(130)
    if not found.finished:
        raise typer.Exit(1)
    if index is None:
        console.print(f"rnn-dynamics sweep gather {plan} makes the table.", soft_wrap=True, markup=False)


@app.command()
@_OPTIONS
def status(plan: PlanFile) -> None:
    """Say how many cases are done, failed, running, lost or waiting; nothing is changed."""
    read = SweepPlan.read(plan)
    found = gather(read)
    _tell(found)
    running = {
        name: reason
        for name, state, reason in zip(found.cases, found.statuses, found.reasons, strict=True)
        if state in ("running", "lost")
    }
    for name, reason in running.items():
        console.print(f"{name}: {reason}", soft_wrap=True, markup=False)
    count = len(read.all_cases)
    console.print(
        f"As a job array: sbatch --array=0-{count - 1}, with --index $SLURM_ARRAY_TASK_ID; or N jobs, --array=0-(N-1), "
        "with --of N too.",
        soft_wrap=True,
        markup=False,
    )


@app.command(name="gather")
@_OPTIONS
def gather_table(
    plan: PlanFile,
    out: Annotated[
        Path | None,
        typer.Option(help="The table: .csv, .parquet (pyarrow) or .nc (xarray).", show_default="FOLDER/table.csv"),
    ] = None,
    x: Annotated[str | None, typer.Option(help="Of the figure: the parameter.", show_default="the longest")] = None,
    y: Annotated[str | None, typer.Option(help="Of the figure: the measure.", show_default="the first")] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Of the figure: what has colours of its own; again for several.", show_default="the others"),
    ] = None,
    figure: Annotated[bool, typer.Option("--figure/--no-figure", help="Draw a measure over a parameter.")] = True,
) -> None:
    """Put what has been measured into one table, and draw it."""
    read = SweepPlan.read(plan)
    found = gather(read)
    files = [found.write(out or Path(read.folder) / "table.csv")]
    _tell(found)
    if figure and found.has_numbers:
        files += write_sweep_figure(found, files[0].with_suffix(""), x=x, y=y, by=by)
    console.print(f"Wrote {', '.join(map(str, files))}", soft_wrap=True, markup=False)


@contextmanager
def _executor(scheduler: str | None, dask: bool, workers: int) -> Iterator[Any]:
    if scheduler is None and not dask:
        yield None
        return
    with dask_client(scheduler, workers) as client:
        yield client


def _tell(found: Sweep) -> None:
    console.print(found.summary(), style="bold", soft_wrap=True, markup=False)
    for line in found.told("`rnn-dynamics sweep run --retry`"):
        console.print(line, style="yellow", soft_wrap=True, markup=False)
