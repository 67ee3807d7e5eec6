"""``rnn-dynamics warmup``: warm a network up, and say what that made."""

import inspect
import sys
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from ..checks import MOST, generator_of
from ..files import is_there
from ..multistability import HORIZONS, horizons_up_to, reachability, soft_vaa
from ..planting import plant as planted
from ..report import Measure, print_warmup, write_history, write_outcome, write_planting
from ..store import save
from ..systems import DrivenMap, Reading
from ..warmup import Horizon, Warmup, warm_up
from .options import Options
from .shared import (
    Alpha,
    CellName,
    Leak,
    Nonlinearity,
    Prefix,
    console,
    origin_of,
    read_sequences,
    require_writable,
)
from .warmup_subject import from_checkpoint, from_spec, written

_SEQUENCES, _LENGTH = 1024, 50
"""Of the Gaussian inputs where none are given; T = 50 is where this project measured the published warmup."""


_OPTIONS = Options(
    through_trajectories="trajectories", sequences="inputs", horizons="measure_horizon", longest="horizon"
)
"""Of ``warmup``."""


@_OPTIONS
def warmup(
    network: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT|SPEC",
            help="A state dict (.pt or .safetensors), or a network to make: cell, units and layers, like GRU-64x2. "
            "Cells: RNN, LSTM, GRU, MGU, BRC, nBRC, leaky, Dale, chrono; GRU+GRU-64x2 puts two side by side and warms "
            "the first.",
            show_default=False,
        ),
    ],
    inputs: Annotated[
        Path | None,
        typer.Option(
            help="Input sequences [batch, time, m] (.npy) to warm up on.",
            show_default="Gaussian inputs, as in the copy task",
        ),
    ] = None,
    input_size: Annotated[
        int | None, typer.Option(min=1, help="m of a network to make, without --inputs.", show_default="1")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Updates of the weights.")] = 100,
    lr: Annotated[float, typer.Option(help="Learning rate of Adam.")] = 1e-2,
    batch_size: Annotated[int, typer.Option(help="Sequences in an update, 2 or more.")] = 32,
    target: Annotated[float, typer.Option(help="What VAA* is drawn to, up to 1.")] = 0.95,
    cells: Annotated[
        list[int] | None,
        typer.Option(help="Which of cells side by side to warm, from 0; give it again for several.", show_default="0"),
    ] = None,
    clip_norm: Annotated[
        float | None, typer.Option(help="The largest norm that a gradient may have.", show_default="none")
    ] = None,
    trajectories: Annotated[
        bool,
        typer.Option(
            "--trajectories/--no-trajectories",
            help="Let the gradient flow through the trajectories, or stop it at the sampled states.",
        ),
    ] = True,
    horizon: Annotated[int, typer.Option(min=1, help="Longest M, the held steps that states must stay apart.")] = 200,
    fixed_horizon: Annotated[
        bool, typer.Option("--fixed-horizon", help="M = --horizon in every update, not random and growing to it.")
    ] = False,
    n: Annotated[
        int,
        typer.Option("--n", min=2, max=MOST, help="How many states to measure before and after; VAA depends on it."),
    ] = 32,
    measure_horizon: Annotated[
        int, typer.Option(min=1, max=MOST, help="Steps of the published VAA; 10,000 in the paper.")
    ] = HORIZONS[-1],
    plant: Annotated[
        bool,
        typer.Option(
            "--plant", help="Instead of warming up, write weights with genuine attractors by construction; no updates."
        ),
    ] = False,
    blocks: Annotated[
        int | None,
        typer.Option(min=1, help="With --plant: bits that each cell holds.", show_default="searched on the inputs"),
    ] = None,
    input_scale: Annotated[
        float | None,
        typer.Option(
            help="With --plant: share of its fold that a unit of input drives a block with.",
            show_default="searched on the inputs",
        ),
    ] = None,
    prefix: Prefix = None,
    cell: CellName = None,
    nonlinearity: Nonlinearity = None,
    alpha: Alpha = None,
    leak: Leak = None,
    t_max: Annotated[float, typer.Option(help="Of chrono cells: longest time to bridge, in steps.")] = 600.0,
    seed: Annotated[int, typer.Option(help="Of new weights, batches, states and held inputs.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for results.", show_default="NAME-warmup, beside the checkpoint or here"),
    ] = None,
) -> None:
    """Warm a network up (maximise VAA*, as published) or plant attractors: which are there, beside what VAA claims."""
    _require_one_way(plant, locals())
    given = None if inputs is None else read_sequences(inputs, None)
    width = input_size if given is None else given.shape[2]
    if input_size not in (None, width):
        raise ValueError(f"--input-size is {input_size}, but {inputs} has {width} inputs")
    if is_there(Path(network)):
        subject = from_checkpoint(Path(network), width, inputs, Reading(prefix, cell, nonlinearity, alpha, leak))
    else:
        if prefix is not None:
            raise ValueError(f"--prefix is for a checkpoint, but there is no file {network}")
        if (cell, alpha, leak) != (None, None, None):
            raise ValueError(f"--cell, --alpha and --leak are for a checkpoint, but there is no file {network}")
        subject = from_spec(network, width or 1, seed, t_max, nonlinearity or "tanh")
    if cells is not None and not subject.parallel:
        raise ValueError(f"--cells is for cells side by side, which {network} has none of")
    width = subject.map.input_size
    sequences = given
    if sequences is None:
        sequences = torch.randn(_SEQUENCES, _LENGTH, width, generator=generator_of(seed))
    elif len(sequences) < 2:
        raise ValueError(f"{inputs} must hold 2 sequences or more: one state alone has VAA* = 1 whatever is done")
    schedule = Horizon(horizon, 0, horizon, random=False) if fixed_horizon else Horizon(longest=horizon)
    folder = out or subject.folder
    require_writable(folder)

    origin = "Gaussian inputs, as in the copy task" if inputs is None else inputs
    console.print(f"Inputs: {origin_of(sequences, Path(str(origin)))}", soft_wrap=True, markup=False)
    cold = subject.map.frozen(subject.map.dtype)
    progress = sys.stderr.isatty()
    if plant:
        planting = planted(
            subject.map,
            sequences,
            blocks=blocks,
            input_scale=input_scale,
            cells=cells or (0,),
            n=n,
            seed=seed,
            progress=progress,
        )
        files, done = write_planting(planting, folder), _capitalised(planting.summary())
        ended = planting.interrupted
        console.print("\n".join([done, *planting.advice]), soft_wrap=True, markup=False)
    else:
        history = warm_up(
            subject.map,
            sequences,
            steps,
            lr,
            batch_size,
            target,
            horizon=schedule,
            cells=cells or (0,),
            through_trajectories=trajectories,
            clip_norm=clip_norm,
            seed=seed,
            progress=progress,
        )
        files, done = write_history(history, folder), f"{len(history)} of {steps} updates made"
        ended = history.interrupted
        _announce(history.told(lr, clip_norm, horizon, _OPTIONS))
    warmed, refusal = written(subject, folder)
    files.insert(0, warmed)
    if not refusal:
        console.print(f"The network is in {warmed}; measuring it before and after.", soft_wrap=True, markup=False)

    before = after = None
    stopped = False
    try:
        horizons = horizons_up_to(measure_horizon)
        before = _measured("before", cold, sequences, None, n, horizons, horizon, seed)
        if before is not None:
            files.append(save(before.reach, folder / "before.safetensors"))
        if before is not None and before.interrupted:
            raise KeyboardInterrupt
        held = None if before is None or not width else before.reach.inputs
        after = _measured("after", subject.map, sequences, held, n, horizons, horizon, seed)
        if after is not None:
            files.append(save(after.reach, folder / "after.safetensors"))
            stopped = after.interrupted
    except KeyboardInterrupt:
        stopped = True
    if before is not None or after is not None:
        print_warmup(before, after, console)
    if before is not None and after is not None:
        files += write_outcome(before.reach, after.reach, folder)
    if stopped:
        console.print(
            f"Interrupted while measuring; the warmed network is whole, and `rnn-dynamics reach {warmed}` measures it.",
            style="bold",
            soft_wrap=True,
            markup=False,
        )
    console.print(f"Wrote {', '.join(str(file) for file in files)}", soft_wrap=True, markup=False)
    console.print(f"{done}. Results are in {folder}/", style="bold", soft_wrap=True, markup=False)
    if refusal:
        raise ValueError(f"{refusal}; its warmed weights alone are in {warmed}")
    if stopped or ended:
        raise typer.Exit(130)


def _announce(history: Warmup) -> None:
    if history.finished:
        return
    words = {"not finite": "Warmup ended early: a loss or gradient was not finite", "interrupted": "Interrupted"}
    done = f"after {len(history)} update{'s' * (len(history) != 1)}" if len(history) else "before the first update"
    console.print(f"{words[history.status]}, {done}.", style="bold red", soft_wrap=True)
    console.print("\n".join(history.advice), soft_wrap=True, markup=False)


def _require_one_way(plant: bool, options: dict[str, Any]) -> None:
    """Refuse options of the way that is not gone: of updates with --plant, of blocks without."""
    if not plant and (given := [name for name in ("blocks", "input_scale") if options[name] is not None]):
        raise ValueError(f"{' and '.join(map(_flag, given))} can be given with --plant only")
    defaults = {name: parameter.default for name, parameter in inspect.signature(warmup).parameters.items()}
    updates = ("steps", "lr", "batch_size", "target", "clip_norm", "trajectories", "horizon", "fixed_horizon")
    given = [name for name in updates if plant and options[name] != defaults[name]]
    if given:
        raise ValueError(f"{' and '.join(map(_flag, given))} set updates, which --plant makes none of")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _capitalised(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _measured(
    when: str,
    network: DrivenMap,
    sequences: Tensor,
    held: Tensor | None,
    n: int,
    horizons: list[int],
    soft_horizon: int,
    seed: int,
) -> Measure | None:
    try:
        reach = reachability(network, sequences, held, n=n, horizons=horizons, seed=seed, progress=sys.stderr.isatty())
    except ValueError as error:  # the settings are sound by now: states overflow
        console.print(f"Cannot measure {when}: {error}", style="bold red", soft_wrap=True, markup=False)
        return None
    return Measure(reach, _soft_vaas(network, reach.starts, reach.inputs[0], soft_horizon), soft_horizon)


@torch.no_grad()
def _soft_vaas(network: DrivenMap, states: Tensor, held: Tensor, steps: int) -> Tensor:
    """VAA* of each layer's part of the states that the whole network is moved to under one held input."""
    system = network.hold(held, dtype=network.dtype)
    for _ in range(steps):
        states = system(states)
    parts = states.split(list(network.layer_sizes), dim=-1)
    values = [float(soft_vaa(part)) if bool(part.isfinite().all()) else torch.nan for part in parts]
    return torch.tensor(values, dtype=torch.float64)
