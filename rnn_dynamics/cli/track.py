"""``rnn-dynamics track``: a folder of checkpoints, seen from its attractors."""

import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from torch import Tensor

from ..checks import InputSequences
from ..report import print_tracking, write_tracking
from ..systems import Checkpoint, Reading, read_as_told
from ..tracking import AttractorTracker, Effort, checkpoint_files, track_checkpoints
from .options import Options
from .run_record import read_record, recorded_sequences
from .shared import (
    Alpha,
    CellName,
    Leak,
    Nonlinearity,
    Prefix,
    console,
    numbers,
    origin_of,
    read_network,
    read_sequences,
    require_writable,
    sequences_from,
)

EXAMPLES = """Examples:

\b
rnn-dynamics track checkpoints/ --inputs x.npy --hold 0,0,0
rnn-dynamics track runs/mine    all seeds of a run of `train --snapshot-every`, on its own task
rnn-dynamics track runs/mine/seed-3 --n 200 --horizon 1000 --out closer
"""


@Options(sequences="inputs", folder="out")
def track(
    run: Annotated[
        Path,
        typer.Argument(
            help="A folder of checkpoints whose names end in their step (step-100.pt, epoch=3-step=120.ckpt), "
            "or what `rnn-dynamics train --snapshot-every` wrote, of one seed or several.",
            show_default=False,
        ),
    ],
    inputs: Annotated[
        Path | None,
        typer.Option(
            help="Input sequences [batch, time, m] (.npy) whose states to start from.",
            show_default="those a run of `train` was trained on; else Gaussian inputs",
        ),
    ] = None,
    hold: Annotated[
        str | None,
        typer.Option(help="The held input, as m numbers '0,1,0'.", show_default="as in the run, or drawn from N(0, I)"),
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
    cell: CellName = None,
    nonlinearity: Nonlinearity = None,
    alpha: Alpha = None,
    leak: Leak = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from what is in the folder for results.")] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, help="Of inputs, states, held input and searches.", show_default="that of the run's seed, or 0"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for results.", show_default="RUN-tracking; RUN/seed-S-tracking")
    ] = None,
) -> None:
    """Say what a network could reach at each of its checkpoints, what was born, what died, and in which bifurcation.

    When that was is known to within two neighbouring checkpoints, whose steps stand with each event; a tracker that is
    shown a training while it runs knows it to the update.
    """
    effort = Effort(n=n, horizon=horizon, fixed_points=fixed_points)
    look = _Look(effort, time_limit, Reading(prefix, cell, nonlinearity, alpha, leak), resume)
    seed_folders = _seed_folders(run)
    jobs = []
    for one in seed_folders or [run]:
        folder = one.with_name(f"{one.name}-tracking") if out is None else out / one.name if seed_folders else out
        jobs.append(_job(one, folder, inputs, hold, seed, look))
    for number, job in enumerate(jobs):
        if number or seed_folders:
            console.print(f"\n{job.run}", style="bold", markup=False)
        left = jobs[number + 1 :]
        if not job.done(look) and left:
            names = ", ".join(other.run.name for other in left)
            console.print(f"Not looked at: {names}", style="bold", soft_wrap=True, markup=False)
        if job.interrupted:
            raise typer.Exit(130)


@dataclass(frozen=True)
class _Look:
    """How checkpoints are looked at."""

    effort: Effort
    time_limit: float | None
    reading: Reading
    resume: bool


@dataclass
class _Job:
    """One folder of checkpoints."""

    run: Path
    folder: Path
    files: list[tuple[int, Path]]
    sequences: InputSequences
    tracker: AttractorTracker
    words: str
    interrupted: bool = False

    def done(self, look: _Look) -> bool:
        """Look at all of it, print and write; whether it came to its end."""
        read_network(self.files[0][1], look.reading)
        console.print(self.words, soft_wrap=True, markup=False)
        history = track_checkpoints(
            self.run,
            self.sequences,
            **asdict(look.reading),
            tracker=self.tracker,
            progress=sys.stderr.isatty(),
        )
        self.interrupted = history.interrupted
        if len(history):
            print_tracking(history, console)
            written = write_tracking(history, self.folder)
            console.print(f"Wrote {', '.join(str(file) for file in written)}", soft_wrap=True, markup=False)
        text = f"{history.summary()}; results are in {self.folder}/."
        if self.interrupted:
            missing = len(self.files) - len(history)
            seen = f"{missing} of {len(self.files)} checkpoints not seen" if missing else "the last look cut off"
            text = f"Interrupted, {seen}: --resume goes on. {text[0].upper()}{text[1:]}"
        console.print(text[0].upper() + text[1:], style="bold", soft_wrap=True, markup=False)
        return not self.interrupted


def _seed_folders(run: Path) -> list[Path]:
    """The folders seed-S of a whole run, in the order of seeds."""
    found = [path for path in run.glob("seed-*") if path.is_dir() and re.fullmatch(r"seed-\d+", path.name)]
    return sorted(found, key=lambda path: int(path.name.removeprefix("seed-")))


def _job(run: Path, folder: Path, inputs: Path | None, hold: str | None, seed: int | None, look: _Look) -> _Job:
    """Check all that can be checked before the work."""
    own = re.fullmatch(r"seed-(\d+)", run.resolve().name)
    record = read_record(run.resolve().parent) if own else None
    try:
        files = checkpoint_files(run)
    except ValueError as error:
        kept = "; train it with --snapshot-every" if record else ""
        raise ValueError(f"{error}{kept}") from error
    network = _require_one_architecture(files, look).network
    width = network.input_size
    number = seed if seed is not None else int(own[1]) if own and record else 0
    if record is not None and inputs is None:
        sequences, origin = recorded_sequences(record)
    else:
        sequences = sequences_from(None, width, number) if inputs is None else read_sequences(inputs, width)
        origin = origin_of(sequences, inputs)
    text = hold if hold is not None or record is None else record.get("hold")
    held: Tensor | None = None if text is None else numbers(text, width)
    require_writable(folder)
    if any((folder / "observations").glob("observation-*")) and not look.resume:
        raise ValueError(f"{folder} holds a tracking already: go on with --resume, or choose another --out")
    tracker = AttractorTracker(
        sequences,
        hold=held,
        effort=look.effort,
        budget=None,
        time_limit=look.time_limit,
        seed=number,
        folder=folder / "observations",
        resume=look.resume,
    )
    several = f"{len(files)} checkpoints, steps {files[0][0]} to {files[-1][0]}"
    words = several if len(files) > 1 else f"1 checkpoint, step {files[0][0]}"
    words += f"; {look.effort.n} states along {origin}; "
    words += "held: one input from N(0, I)" if held is None else f"held: the input {held.tolist()}"
    return _Job(run, folder, files, sequences, tracker, words)


def _require_one_architecture(files: list[tuple[int, Path]], look: _Look) -> Checkpoint:
    """The first checkpoint; all others must be of its cells and shapes."""
    first: Checkpoint | None = None
    for _, path in files:
        read = read_as_told(path, look.reading)
        first = first or read
        if _form(read) != _form(first):
            raise ValueError(f"{path} holds another network ({read}) than {files[0][1].name} ({first})")
    assert first is not None
    return first


def _form(read: Checkpoint) -> list[Any]:
    return [read.cell, *(layer.form() for layer in read.network.layers)]
