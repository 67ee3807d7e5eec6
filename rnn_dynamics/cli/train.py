"""``rnn-dynamics train``: networks trained on a task, with their attractors all along."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from torch import Tensor

from ..cells import Specification, module_from_spec
from ..report import TrainedSeed, print_training, training_sentence, write_tracking, write_training
from ..tasks import TASK_NAMES, SequenceTask, task_by_name
from ..tracking import AttractorTracker, Budget, Effort, TrackingHistory
from ..training import SequenceModel, Training, TrainSettings, evaluate, train_ensemble
from ..training import train as train_one
from ..warmup import warm_up
from .options import Options
from .run_record import is_begun, require_resumable, written_record
from .shared import console, numbers, require_writable

EXAMPLES = """Examples:

\b
rnn-dynamics train copy --hidden 64 --seeds 5 --warmup --parallel
rnn-dynamics train denoising --cell nBRC --layers 2 --pad 50 --attractors-only
rnn-dynamics train flip-flop --snapshot-every 100 --out runs/mine
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
            help=f"{', '.join(TASK_NAMES)}; the last three read scikit-learn's digits, or images of --data.",
            show_default=False,
        ),
    ],
    cell: Annotated[
        str, typer.Option(help="RNN, LSTM, GRU, MGU, BRC, nBRC, leaky, Dale, minGRU, minLSTM or chrono (an LSTM).")
    ] = "GRU",
    hidden: Annotated[int, typer.Option(min=1, help="Units of a layer.")] = 64,
    layers: Annotated[int, typer.Option(min=1, help="Layers.")] = 1,
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
        typer.Option(min=1, help="Steps of a sequence.", show_default="copy 50, denoising 100, flip-flop 60"),
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
    epochs: Annotated[int, typer.Option(min=1, help="How often each sequence is seen.")] = 10,
    batch_size: Annotated[int, typer.Option(min=1, help="Sequences in an update.")] = 32,
    lr: Annotated[float, typer.Option(help="Learning rate of Adam.")] = 1e-3,
    clip_norm: Annotated[float, typer.Option(min=0, help="The largest norm of a gradient; 0 for none.")] = 1.0,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many epochs without improvement.", show_default="never")
    ] = None,
    track_every: Annotated[
        int | None, typer.Option(min=0, help="Updates between two looks; 0 for none at all.", show_default="an epoch")
    ] = None,
    budget: Annotated[float, typer.Option(min=0, help="Share of the training time for looking; 0: no limit.")] = 0.1,
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
        int | None,
        typer.Option(min=1, help="Keep weights every so many updates, for `track`.", show_default="no"),
    ] = None,
    t_max: Annotated[float, typer.Option(help="Of chrono cells: longest time to bridge, in steps.")] = 600.0,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, with the same options; --epochs may grow.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for results.", show_default="runs/TASK-NETWORK")] = None,
) -> None:
    """Train networks on a task, and say all along which attractors they reach, what was born and what died."""
    options = dict(locals())
    with Options():  # here the argument "sequences" is the option
        named = task_by_name(task, length=length, pad=pad, bits=bits, blank=blank, sequences=sequences, data=data)
    spec = Specification.parse(f"{cell}+{cell}-{hidden}x{layers}" if parallel else f"{cell}-{hidden}x{layers}")
    # Between its pulses the flip-flop has no input: that is where it must remember.
    hold = ",".join("0" * named.train.input_size) if hold is None and task == "flip-flop" else hold
    held = None if hold is None else numbers(hold, named.train.input_size)
    settings = TrainSettings(epochs, batch_size, lr, clip_norm or None, patience)
    folder = out or Path("runs") / f"{task}-{spec}{'-warm' * warmup}"
    options |= {"network": str(spec), "hold": hold, "out": folder}
    if resume:
        require_resumable(folder, options)
    elif is_begun(folder):
        raise ValueError(f"{folder} holds a run already: go on with --resume, or choose another --out")
    each = list(range(seed, seed + seeds))
    models = [_model(spec, named.train, number, t_max, device) for number in each]
    every = -(-round(0.8 * len(named.train)) // batch_size) if track_every is None else track_every
    effort = Effort(n=n, horizon=horizon, fixed_points=fixed_points)
    watch = _Watch(every, budget, held, effort, folder, resume)
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
        histories = _histories(trackers)
        trained = [
            TrainedSeed(run.told(settings, _OPTIONS), *evaluate(model, named.test), history)
            for run, model, history in zip(runs, models, histories, strict=True)
        ]
        _write_tracking(histories, each, folder)
    except KeyboardInterrupt:
        _write_tracking(_histories(trackers), each, folder)
        console.print(
            f"Interrupted; what is done is in {folder}/, and the same command with --resume goes on from there.",
            style="bold",
            soft_wrap=True,
            markup=False,
        )
        raise typer.Exit(130) from None
    print_training(trained, console)
    write_training(trained, folder)
    console.print(_contents(folder, seed), soft_wrap=True, markup=False)
    stopped = any(run.interrupted for run in runs)
    advice = ", and the same command with --resume goes on" * stopped
    closing = f"{training_sentence(trained)}; results are in {folder}/{advice}."
    console.print(closing, style="bold", soft_wrap=True, markup=False)
    if stopped:
        raise typer.Exit(130)


@dataclass(frozen=True)
class _Watch:
    """How the networks are looked at while they train."""

    every: int
    """Updates; 0 for not at all."""

    budget: float
    hold: Tensor | None
    effort: Effort
    folder: Path
    resume: bool

    def trackers(self, task: SequenceTask, seeds: Sequence[int]) -> list[AttractorTracker | None]:
        """One for each seed; they share a budget."""
        account = Budget(self.budget or None)
        return [
            AttractorTracker(
                task,
                hold=self.hold,
                every=self.every,
                effort=self.effort,
                budget=account,
                seed=seed,
                folder=self.folder / f"seed-{seed}" / "tracking",
                resume=self.resume,
            )
            if self.every
            else None
            for seed in seeds
        ]

    def words(self) -> str:
        if not self.every:
            return "Tracking: none"
        what = "attractors and fixed points" if self.effort.fixed_points else "attractors alone"
        limit = f"at most {self.budget:.3g} of the training time" if self.budget else "whatever it takes"
        hold = "one input from N(0, I)" if self.hold is None else f"the input {self.hold.tolist()}"
        return f"Tracking: {what} under {hold}, every {self.every} updates, {limit}"


def _model(spec: Specification, task: SequenceTask, seed: int, t_max: float, device: str) -> SequenceModel:
    model = SequenceModel(module_from_spec(spec, task.input_size, seed, t_max), task.target_size, seed=seed)
    try:
        return model.to(device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"--device {device} cannot be used: {str(error).splitlines()[0]}") from error


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


def _histories(trackers: Sequence[AttractorTracker | None]) -> list[TrackingHistory | None]:
    return [None if tracker is None else tracker.history for tracker in trackers]


def _write_tracking(histories: Sequence[TrackingHistory | None], seeds: Sequence[int], folder: Path) -> None:
    for history, seed in zip(histories, seeds, strict=True):
        if history is not None and len(history):
            write_tracking(history, folder / f"seed-{seed}")


def _contents(folder: Path, seed: int) -> str:
    """What lies where, of the first seed."""
    own = folder / f"seed-{seed}"
    found = {path.name for path in own.iterdir()} if own.is_dir() else set()
    names = [name for name in ("best.safetensors", "last.safetensors", "history.csv") if name in found]
    names += ["tracking.{safetensors,csv,pdf,png}, events.csv"] if "tracking.csv" in found else []
    names += [f"checkpoints/ for `rnn-dynamics track {folder}`"] if "checkpoints" in found else []
    text = ", ".join(name for name in ("summary.csv", "run.json", "state.pt") if (folder / name).exists())
    return f"Wrote {folder}/: {text}" + (f"; in each seed-S/ {', '.join(names)}" if names else "")
