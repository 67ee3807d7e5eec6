"""``rnn-dynamics train``: networks trained on a task, with their attractors all along."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..cells import Specification, module_from_spec
from ..files import replacing
from ..report import TrainedSeed, cli_advice, print_training, write_tracking, write_training
from ..tasks import SequenceTask
from ..tracking import AttractorTracker, Budget
from ..training import SequenceModel, evaluate, train_ensemble, warm_up
from ..training import train as train_one
from .shared import console, numbers, require_writable
from .train_tasks import NAMES, task_by_name


def train(
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK",
            help=f"{', '.join(NAMES)}; the last three read digits, or images of --data.",
            show_default=False,
        ),
    ],
    cell: Annotated[str, typer.Option(help="RNN, LSTM, GRU, MGU, BRC, nBRC or chrono.")] = "GRU",
    hidden: Annotated[int, typer.Option(min=1, help="Units of a layer.")] = 64,
    layers: Annotated[int, typer.Option(min=1, help="Layers.")] = 1,
    parallel: Annotated[
        bool, typer.Option("--parallel", help="Two cells of half the units side by side; warmup moves the first only.")
    ] = False,
    warmup: Annotated[bool, typer.Option("--warmup", help="Warm up before training, as published.")] = False,
    warmup_steps: Annotated[int, typer.Option(min=1, help="Updates of the warmup.")] = 100,
    seeds: Annotated[int, typer.Option(min=1, help="How many networks, trained together in one program.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The first network's; the others' follow.")] = 0,
    length: Annotated[
        int | None, typer.Option(min=1, help="Steps T.", show_default="copy 50, denoising 100, flip-flop 60")
    ] = None,
    pad: Annotated[int, typer.Option(min=0, help="Denoising: last steps without a mark.")] = 5,
    bits: Annotated[int, typer.Option(min=1, help="Flip-flop: channels.")] = 3,
    blank: Annotated[int, typer.Option(min=0, help="Images: blank steps before the answer.")] = 0,
    sequences: Annotated[int, typer.Option(min=2, help="To train on; a fifth of them validates.")] = 10_000,
    data: Annotated[
        Path | None, typer.Option(help="Folder with MNIST's four files.", show_default="scikit-learn's digits")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="How often each sequence is seen.")] = 10,
    batch_size: Annotated[int, typer.Option(min=1, help="Sequences in an update.")] = 32,
    lr: Annotated[float, typer.Option(help="Learning rate of Adam.")] = 1e-3,
    clip_norm: Annotated[float, typer.Option(min=0, help="The largest norm of a gradient; 0 for none.")] = 1.0,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many epochs without improvement.", show_default="never")
    ] = None,
    track_every: Annotated[
        int | None, typer.Option(min=0, help="Updates between observations; 0 for none.", show_default="an epoch")
    ] = None,
    budget: Annotated[float, typer.Option(min=0, help="Share of the training time for observing; 0: no limit.")] = 0.1,
    n: Annotated[int, typer.Option("--n", min=2, help="States of the published measure, which depends on it.")] = 32,
    horizon: Annotated[int, typer.Option(min=0, help="Steps of the published measure.")] = 10_000,
    hold: Annotated[
        str | None,
        typer.Option(
            help="The input held while looking, as m numbers '0,1,0'.", show_default="drawn from N(0, I); flip-flop: 0"
        ),
    ] = None,
    fixed_points: Annotated[
        bool, typer.Option("--fixed-points/--attractors-only", help="Search for saddles too, or for attractors alone.")
    ] = True,
    snapshot_every: Annotated[
        int | None, typer.Option(min=1, help="Also keep the weights of each so many updates.", show_default="no")
    ] = None,
    t_max: Annotated[float, typer.Option(help="Of chrono cells: longest time to bridge, in steps.")] = 600.0,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from what is in --out.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for results.", show_default="runs/TASK-NETWORK")] = None,
) -> None:
    """Train networks on a task, and say at every epoch which attractors they reach, what was born and what died."""
    options = dict(locals())
    named = task_by_name(
        task, length=length, pad=pad, bits=bits, blank=blank, sequences=sequences, data=data, seed=seed
    )
    spec = str(Specification.parse(f"{cell}+{cell}-{hidden}x{layers}" if parallel else f"{cell}-{hidden}x{layers}"))
    folder = out or Path("runs") / f"{task}-{spec}{'-warm' * warmup}"
    if not resume and (folder / "state.pt").exists():
        raise ValueError(f"{folder} holds a training already: go on with --resume, or choose another --out")
    require_writable(folder)
    each = list(range(seed, seed + seeds))
    console.print(f"Task: {named.words}", soft_wrap=True, markup=False)
    console.print(f"Network: {spec}, {_count(seeds, 'seed')}{', warmed up' * warmup}", soft_wrap=True, markup=False)

    models = [_model(spec, named.train, number, t_max, device) for number in each]
    account = Budget(budget or None)
    width = named.train.input_size
    # Between its pulses the flip-flop has no input: that is where it must remember.
    hold = ",".join(["0"] * width) if hold is None and task == "flip-flop" else hold
    held = None if hold is None else numbers(hold, width)
    every = -(-int(0.8 * len(named.train)) // batch_size) if track_every is None else track_every
    trackers = [
        AttractorTracker(
            named.train, hold=held, n=n, horizon=horizon, every=every, budget=account, fixed_points=fixed_points,
            seed=number,            folder=folder / f"seed-{number}" / "tracking", resume=resume,
        )
        if every
        else None
        for number in each
    ]  # fmt: skip
    if warmup and not (resume and (folder / "state.pt").exists()):
        _warm_up(models, named.train, warmup_steps, each, trackers)
    settings: dict[str, Any] = {
        "epochs": epochs, "batch_size": batch_size, "lr": lr, "clip_norm": clip_norm or None, "patience": patience,
        "folder": folder, "resume": resume, "snapshot_every": snapshot_every, "progress": sys.stderr.isatty(),
    }  # fmt: skip
    if seeds == 1:
        runs = (train_one(models[0], named.train, seed=seed, tracker=trackers[0], **settings),)
    else:
        runs = train_ensemble(models, named.train, seeds=each, trackers=trackers, **settings)

    trained = []
    for run, model, tracker in zip(runs, models, trackers, strict=True):
        history = None if tracker is None else tracker.history
        trained.append(TrainedSeed(run, evaluate(model, named.test)[1], history))
        if history is not None and len(history):
            write_tracking(history, folder / f"seed-{run.seed}")
    print_training(trained, console)
    write_training(trained, folder)
    with replacing(folder / "run.json") as temporary:
        kept = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
        temporary.write_text(json.dumps({**kept, "network": spec}, indent=1))
    console.print(
        f"{folder}/: summary.csv, run.json, state.pt; seed-S/: best and last weights, history.csv, "
        "tracking.csv, events.csv, tracking.pdf",
        soft_wrap=True, markup=False,
    )  # fmt: skip
    console.print(f"{_closing(trained)} Results are in {folder}/", style="bold", soft_wrap=True, markup=False)
    if any(run.status == "interrupted" for run in runs):
        raise typer.Exit(130)


def _model(spec: str, task: SequenceTask, seed: int, t_max: float, device: str) -> SequenceModel:
    model = SequenceModel(module_from_spec(spec, task.input_size, seed, t_max), task.target_size, seed=seed)
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"--device {device} cannot be used: {str(error).splitlines()[0]}") from error


def _warm_up(
    models: Sequence[SequenceModel],
    task: SequenceTask,
    steps: int,
    seeds: Sequence[int],
    trackers: Sequence[AttractorTracker | None],
) -> None:
    """Warm each network up; its tracker sees it at negative steps, so that training begins at 0."""
    for model, seed, tracker in zip(models, seeds, trackers, strict=True):

        def look(step: int, module: Any, tracker: AttractorTracker | None = tracker, **scalars: Any) -> None:
            if tracker is not None and step < steps:
                tracker.observe(step - steps, module, **scalars)

        history = warm_up(
            model.recurrent, task, steps, seed=seed, callback=look, progress=sys.stderr.isatty()
        )  # fmt: skip
        console.print(f"Seed {seed}: {history.summary()}", soft_wrap=True, markup=False)
        if history.status == "interrupted":
            raise KeyboardInterrupt
        if history.advice:
            console.print(cli_advice(history), style="bold red", soft_wrap=True, markup=False)


def _closing(trained: list[TrainedSeed]) -> str:
    worse = sum(not seed.training.finished for seed in trained)
    if worse:
        return f"{worse} of {_count(len(trained), 'seed')} did not finish."
    counts = [seed.tracking.counts[-1].item() for seed in trained if seed.tracking is not None and len(seed.tracking)]
    if not counts:
        return "Trained."
    low, high = min(counts), max(counts)
    return f"Trained; attractors reached at the end: {low}{f' to {high}' * (high > low)}."


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
