"""``rnn-dynamics train``: networks trained on a task, with their attractors all along."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..cells import Specification, module_from_spec
from ..report import TrainedSeed, print_training, training_sentence, write_training
from ..tasks import SequenceTask, task_by_name
from ..tracking import AttractorTracker, Effort
from ..training import SequenceModel, Training, TrainSettings, evaluate, train_ensemble
from ..training import train as train_one
from ..warmup import warm_up
from .options import Options
from .run_record import is_begun, require_resumable, written_record
from .shared import console, interrupted_run, numbers, on_device, require_writable, say_end
from .train_maze import train_in_maze
from .train_tasks import MAZE, NAMES, require_own
from .watching import Watch, contents, histories, write_histories

EXAMPLES = """Examples:

\b
rnn-dynamics train copy --hidden 64 --seeds 5 --warmup --parallel
rnn-dynamics train denoising --cell nBRC --layers 2 --pad 50 --attractors-only
rnn-dynamics train flip-flop --snapshot-every 100 --out runs/mine
rnn-dynamics train tmaze --length 20 --cell gru --warmup
rnn-dynamics track runs/mine
"""


_OPTIONS = Options(
    hidden_size="hidden", num_layers="layers", every="track_every", steps="warmup_steps", folder="out", sequences=None
)
"""Of ``train``."""


@_OPTIONS
def train(
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK",
            help=f"{', '.join(NAMES)} (the last three read scikit-learn's digits, or images of --data), or {MAZE}, "
            "in which agents learn to act.",
            show_default=False,
        ),
    ],
    cell: Annotated[
        str, typer.Option(help="RNN, LSTM, GRU, MGU, BRC, nBRC, leaky, Dale, minGRU, minLSTM or chrono (an LSTM).")
    ] = "GRU",
    hidden: Annotated[int | None, typer.Option(min=1, help="Units of a layer.", show_default="64; tmaze 32")] = None,
    layers: Annotated[int | None, typer.Option(min=1, help="Layers.", show_default="1; tmaze 2")] = None,
    parallel: Annotated[
        bool, typer.Option("--parallel", help="Two cells of half the units side by side; warmup moves the first only.")
    ] = False,
    warmup: Annotated[bool, typer.Option("--warmup", help="Warm up before training, as published.")] = False,
    warmup_steps: Annotated[int, typer.Option(min=1, help="Updates of the warmup, which are steps -100 to 0.")] = 100,
    seeds: Annotated[int, typer.Option(min=1, help="How many networks, trained together in one program.")] = 1,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the first network; the others' follow. The data are always the same.")
    ] = 0,
    length: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Steps of a sequence, or of a maze's corridor.",
            show_default="copy 50, denoising 100, flip-flop 60, tmaze 10",
        ),
    ] = None,
    pad: Annotated[
        int | None, typer.Option(min=0, help="Denoising: last steps without a mark.", show_default="5")
    ] = None,
    bits: Annotated[int | None, typer.Option(min=1, help="Flip-flop: channels.", show_default="3")] = None,
    blank: Annotated[
        int | None, typer.Option(min=0, help="Images: blank steps before the answer.", show_default="0")
    ] = None,
    sequences: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Generated to train on, a fifth of them to validate; 2,000 more test.",
            show_default="10000",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder with MNIST's four files.", show_default="scikit-learn's digits")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="How often each sequence is seen.", show_default="10")
    ] = None,
    episodes: Annotated[
        int | None, typer.Option(min=1, help="Mazes that an agent walks through.", show_default="2000")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Sequences in an update.")] = 32,
    lr: Annotated[float, typer.Option(help="Learning rate of Adam.")] = 1e-3,
    clip_norm: Annotated[
        float | None,
        typer.Option(min=0, help="The largest norm of a gradient; 0 for none.", show_default="1; tmaze none"),
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many epochs without improvement.", show_default="never")
    ] = None,
    track_every: Annotated[
        int | None,
        typer.Option(
            min=0, help="Updates between two looks, of agents episodes; 0: none.", show_default="an epoch; 20"
        ),
    ] = None,
    budget: Annotated[float, typer.Option(min=0, help="Share of the training time for looking; 0: no limit.")] = 0.1,
    n: Annotated[int, typer.Option("--n", min=2, help="States of the published measure, which depends on it.")] = 32,
    horizon: Annotated[int, typer.Option(min=0, help="Steps of the published measure.")] = 10_000,
    hold: Annotated[
        str | None,
        typer.Option(
            help="The input held while looking, as m numbers '0,1,0'.",
            show_default="drawn from N(0, I); flip-flop: 0; tmaze: the corridor's",
        ),
    ] = None,
    fixed_points: Annotated[
        bool, typer.Option("--fixed-points/--attractors-only", help="Search for saddles too, or for attractors alone.")
    ] = True,
    snapshot_every: Annotated[
        int | None,
        typer.Option(min=1, help="Keep weights every so many updates or episodes, for `track`.", show_default="no"),
    ] = None,
    t_max: Annotated[float, typer.Option(help="Of chrono cells: longest time to bridge, in steps.")] = 600.0,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the run in --out, with the same options; --epochs or --episodes may grow."
        ),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for results.", show_default="runs/TASK-NETWORK")] = None,
) -> None:
    """Train networks on a task, and say all along which attractors they reach, what was born and what died."""
    options = dict(locals())
    own = {"length": length, "pad": pad, "bits": bits, "blank": blank, "sequences": sequences, "data": data}
    require_own(task, **own, epochs=epochs, patience=patience, episodes=episodes)
    usual = (32, 2) if task == MAZE else (64, 1)
    size = f"{hidden or usual[0]}x{layers or usual[1]}"
    spec = Specification.parse(f"{cell}+{cell}-{size}" if parallel else f"{cell}-{size}")
    if task == MAZE:
        train_in_maze(spec, options)
        return
    with Options():  # here the argument "sequences" is the option
        named = task_by_name(task, **own)
    epochs, clip_norm = epochs or 10, 1.0 if clip_norm is None else clip_norm  # agents have none as published
    # Between its pulses the flip-flop has no input: that is where it must remember.
    hold = ",".join("0" * named.train.input_size) if hold is None and task == "flip-flop" else hold
    held = None if hold is None else numbers(hold, named.train.input_size)
    settings = TrainSettings(epochs, batch_size, lr, clip_norm or None, patience)
    folder = out or Path("runs") / f"{task}-{spec}{'-warm' * warmup}"
    options |= {"network": str(spec), "hold": hold, "out": folder, "epochs": epochs, "clip_norm": clip_norm}
    if resume:
        require_resumable(folder, options)
    elif is_begun(folder):
        raise ValueError(f"{folder} holds a run already: go on with --resume, or choose another --out")
    each = list(range(seed, seed + seeds))
    models = [_model(spec, named.train, number, t_max, device) for number in each]
    every = -(-round(0.8 * len(named.train)) // batch_size) if track_every is None else track_every
    effort = Effort(n=n, horizon=horizon, fixed_points=fixed_points)
    watch = Watch(every, "updates", budget, held, effort, folder, resume)
    trackers = watch.trackers(named.train, each)
    require_writable(folder)
    written_record(folder, options)

    kinds = f"{seeds} seeds, {seed} to {each[-1]}" if seeds > 1 else f"seed {seed}"
    weights = sum(weight.numel() for weight in models[0].parameters())
    console.print(f"Task: {named.words}", soft_wrap=True, markup=False)
    warmed = f", warmed up for {warmup_steps} updates" if warmup else ""
    console.print(
        f"Network: {spec}, {weights:,} weights with the readout, {kinds}{warmed}", soft_wrap=True, markup=False
    )
    console.print(watch.words(), soft_wrap=True, markup=False)

    try:
        if warmup and not (resume and (folder / "state.pt").exists()):
            _warm_up(models, named.train, warmup_steps, each, trackers)
        keeping = {"folder": folder, "resume": resume, "snapshot_every": snapshot_every}
        runs = _trained(models, named.train, each, trackers, settings, keeping)
        kept = histories(trackers)
        trained = [
            TrainedSeed(run.told(settings, _OPTIONS), *evaluate(model, named.test), history)
            for run, model, history in zip(runs, models, kept, strict=True)
        ]
        write_histories(kept, each, folder)
    except KeyboardInterrupt:
        write_histories(histories(trackers), each, folder)
        raise interrupted_run(folder) from None
    print_training(trained, console)
    write_training(trained, folder)
    console.print(contents(folder, seed), soft_wrap=True, markup=False)
    say_end(training_sentence(trained), folder, any(run.interrupted for run in runs))


def _model(spec: Specification, task: SequenceTask, seed: int, t_max: float, device: str) -> SequenceModel:
    model = SequenceModel(module_from_spec(spec, task.input_size, seed, t_max), task.target_size, seed=seed)
    return on_device(model, device)


def _trained(
    models: Sequence[SequenceModel],
    task: SequenceTask,
    seeds: Sequence[int],
    trackers: Sequence[AttractorTracker | None],
    settings: TrainSettings,
    keeping: dict[str, Any],
) -> tuple[Training, ...]:
    options: dict[str, Any] = {**keeping, "settings": settings, "progress": sys.stderr.isatty()}
    if len(models) == 1:
        return (train_one(models[0], task, seed=seeds[0], tracker=trackers[0], **options),)
    return train_ensemble(models, task, seeds=seeds, trackers=trackers, **options)


def _warm_up(
    models: Sequence[SequenceModel],
    task: SequenceTask,
    steps: int,
    seeds: Sequence[int],
    trackers: Sequence[AttractorTracker | None],
) -> None:
    """Warm each network up; its tracker sees it at negative steps, so that training begins at 0."""
    said: dict[str, list[tuple[int, str]]] = {}
    for model, seed, tracker in zip(models, seeds, trackers, strict=True):

        def look(step: int, module: Any, tracker: AttractorTracker | None = tracker, **scalars: Any) -> None:
            if tracker is not None and step < steps:  # what is there in the end is seen as training begins
                tracker.observe(step - steps, module, **scalars)

        history = warm_up(model.recurrent, task, steps, seed=seed, callback=look, progress=sys.stderr.isatty())
        console.print(f"Seed {seed}: {history.summary()}", soft_wrap=True, markup=False)
        if history.interrupted:
            raise KeyboardInterrupt
        for line in history.advice:
            said.setdefault(re.sub(r"\d+", "", line), []).append((seed, line))
    for (seed, advice), *others in said.values():
        also = f" (and likewise of {', '.join(str(other) for other, _ in others)})" if others else ""
        console.print(f"Warmup of seed {seed}{also}: {advice}", style="yellow", soft_wrap=True, markup=False)
