"""What a timeline is made of: the networks of a training by step, and its losses."""

import os
import pickle
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from ..checks import ArgumentError, ArrayLike, CannotFollow, as_vector
from ..families import between, frozen_network, named_weights
from ..systems import DrivenMap, Reading, read_as_told
from ..tracking import checkpoint_files

PathLike: TypeAlias = str | os.PathLike[str]
Checkpoints: TypeAlias = PathLike | Sequence[tuple[int, nn.Module | DrivenMap | PathLike]]
if TYPE_CHECKING:
    import pandas as pd

    Losses: TypeAlias = ArrayLike | Mapping[int, float] | pd.Series
else:  # at the door a Series passes as an array
    Losses = ArrayLike | Mapping[int, float]
"""At the checkpoints, [o]; or by step: pairs (step, loss), a mapping, a Series whose index is the step."""


@dataclass(frozen=True, eq=False)
class Stage:
    """One checkpoint."""

    step: int
    name: str
    network: DrivenMap  # frozen, float64


@dataclass(frozen=True, eq=False)
class LossCurve:
    """Losses over a whole training, and at its checkpoints."""

    steps: Tensor
    values: Tensor
    at: Tensor
    """At the checkpoints, [o]; NaN where it is not known."""

    name: str


def stages_of(checkpoints: Checkpoints, reading: Reading) -> list[Stage]:
    """The networks by rising step, all of one architecture and with finite weights."""
    if isinstance(checkpoints, str | os.PathLike):
        given: list[tuple[Any, Any]] = [(step, path) for step, path in checkpoint_files(seed_folder(checkpoints))]
    else:
        given = _pairs(checkpoints)
    stages = [_stage(step, network, reading) for step, network in given]
    for one, other in pairwise(stages):
        if other.step <= one.step:
            raise ValueError(f"steps of checkpoints must rise, got {other.step} after {one.step}")
    for stage in stages:
        try:
            between(stages[0].network, stage.network)
        except CannotFollow as error:
            first = stages[0].name
            raise ValueError(f"{stage.name} cannot be followed from {first} (before): {error}") from error
    return stages


def seed_folder(folder: PathLike) -> Path:
    """The folder of a run's only seed; any other folder as it is."""
    place = Path(folder)
    seeds = sorted(path for path in place.glob("seed-*") if path.is_dir() and re.fullmatch(r"seed-\d+", path.name))
    if not seeds or (place / "checkpoints").is_dir():
        return place
    if len(seeds) > 1:
        raise ValueError(f"{place} holds {len(seeds)} seeds: choose one, such as {seeds[0]}")
    return seeds[0]


def _pairs(checkpoints: Any) -> list[tuple[Any, Any]]:
    wanted = "checkpoints must be a folder or a sequence of (step, network or file) pairs"
    if not isinstance(checkpoints, Sequence):
        raise ValueError(f"{wanted}, got {type(checkpoints).__name__}")
    for pair in checkpoints:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ValueError(f"{wanted}, got one of {type(pair).__name__}")
    if not checkpoints:
        raise ArgumentError("checkpoints", "is empty: at least one (step, network) pair is needed")
    return [(pair[0], pair[1]) for pair in checkpoints]


def _stage(step: Any, given: Any, reading: Reading) -> Stage:
    whole = isinstance(step, int | np.integer | Tensor) and not isinstance(step, bool) and int(step) == step
    if not whole:
        raise ValueError(f"steps of checkpoints must be whole numbers, got {step!r}")
    name = str(given) if isinstance(given, str | os.PathLike) else f"the checkpoint of step {int(step)}"
    if isinstance(given, str | os.PathLike):
        given = read_as_told(Path(given), reading).network
    try:
        network = frozen_network(given, "the network")
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    for weight, values in named_weights(network, name)[0].items():
        if not bool(values.isfinite().all()):
            bad = int((~values.isfinite()).sum())
            raise ValueError(f"weights must be finite, but {weight} of {name} holds {bad} NaN or infinite entries")
    return Stage(int(step), name, network)


def losses_of(given: Losses | None, checkpoints: Checkpoints, steps: list[int]) -> LossCurve:
    """The losses that the caller gives, else those of the run's own record, else none."""
    if given is None:
        recorded = _recorded(seed_folder(checkpoints)) if isinstance(checkpoints, str | os.PathLike) else None
        if recorded is None:
            nothing = torch.empty(0, dtype=torch.float64)
            return LossCurve(nothing, nothing, torch.full((len(steps),), torch.nan, dtype=torch.float64), "")
        where, values, name = recorded
        at = _around(where, values, steps) if name == "training loss" else _between(where, values, steps)
        return LossCurve(torch.from_numpy(where), torch.from_numpy(values), torch.from_numpy(at), name)
    pairs = _loss_pairs(given)
    if pairs is None:
        values = _loss_values(given, len(steps))
        return LossCurve(torch.tensor(steps, dtype=torch.float64), values, values, "loss")
    where, values = pairs
    at = _between(where, values, steps)
    if not np.isfinite(at).any():
        raise ArgumentError(
            "losses",
            f"must overlap with the checkpoints of steps {steps[0]} to {steps[-1]}, got steps"
            f" {where[0]:g} to {where[-1]:g}",
        )
    return LossCurve(torch.from_numpy(where), torch.from_numpy(values), torch.from_numpy(at), "loss")


def _loss_pairs(given: Losses) -> tuple[np.ndarray, np.ndarray] | None:
    """Losses by step, in order; None for losses at the checkpoints."""
    import pandas as pd

    if isinstance(given, pd.Series):
        raw: Any = list(zip(given.index, given.to_numpy(), strict=True))
    elif isinstance(given, Mapping):
        raw = list(given.items())
    else:
        raw = given.detach().cpu() if isinstance(given, Tensor) else given
    try:
        table = np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentError("losses", f"must be numbers or (step, loss) pairs: {error}") from error
    by_step = isinstance(given, pd.Series | Mapping)
    if table.size == 0:
        raise ArgumentError("losses", "is empty: pass None for none")
    if not by_step and table.ndim == 1:
        return None
    if table.ndim != 2 or table.shape[1] != 2:
        raise ArgumentError(
            "losses", f"must have shape [checkpoints], or [k, 2] of (step, loss), got {list(table.shape)}"
        )
    order = table[:, 0].argsort(kind="stable")
    where, values = table[order, 0].copy(), table[order, 1].copy()
    if not np.isfinite(where).all() or (np.diff(where) <= 0).any():
        raise ArgumentError("losses", "must have one value for each step: a step came twice, or is not finite")
    return where, values


def _loss_values(given: Losses, count: int) -> Tensor:
    values = torch.as_tensor(np.asarray(given, dtype=np.float64)).clone()
    if values.shape != (count,):
        raise ArgumentError(
            "losses",
            f"must have one entry for each of the {count} checkpoints, got {len(values)}; losses of other steps"
            " are given as pairs (step, loss)",
        )
    return values


def _between(where: np.ndarray, values: np.ndarray, steps: list[int]) -> np.ndarray:
    """At the steps, linear between records; NaN outside of them."""
    return np.interp(np.array(steps, dtype=np.float64), where, values, left=np.nan, right=np.nan)


def _around(where: np.ndarray, values: np.ndarray, steps: list[int]) -> np.ndarray:
    """The mean over the updates nearer to each step than half of the way to the checkpoint beside it.

    Batches differ more than neighbouring weights do, so that a single one would tell little.
    """
    marks = np.array(steps, dtype=np.float64)
    gaps = np.diff(marks)
    before, after = np.append(gaps[:1], gaps), np.append(gaps, gaps[-1:])
    half = 0.5 * np.minimum(before, after) if len(gaps) else np.array([0.5])
    result = np.full(len(steps), np.nan)
    for index, (mark, reach) in enumerate(zip(marks, half, strict=True)):
        near = np.abs(where - mark) <= reach
        if near.any():
            result[index] = values[near].mean()
    return result


def _recorded(folder: Path) -> tuple[np.ndarray, np.ndarray, str] | None:
    """Steps, losses and what they are, from what ``train`` left beside the checkpoints."""
    updates = _updates(folder)
    if updates is not None and len(updates):
        # The loss of update i is that of the weights after i updates, on the next batch.
        return np.arange(len(updates), dtype=np.float64), updates, "training loss"
    import pandas as pd

    try:
        table = pd.read_csv(folder / "history.csv")
        where, values = (table[name].to_numpy(dtype=np.float64, copy=True) for name in ("step", "validation_loss"))
    except (OSError, ValueError, KeyError):
        return None
    return (where, values, "validation loss") if len(where) else None


def _updates(folder: Path) -> np.ndarray | None:
    """The loss of every update of the run's ``state.pt``; None where there is none that can be read."""
    seed = re.fullmatch(r"seed-(\d+)", folder.resolve().name)
    if not seed:
        return None
    try:
        state = torch.load(folder.resolve().parent / "state.pt", map_location="cpu", weights_only=True)
        member = next(member for member in state["members"] if member["seed"] == int(seed[1]))
        return (
            as_vector(
                member["losses"], "losses", len(member["losses"]), dtype=torch.float64, device=torch.device("cpu")
            )
            .clone()
            .numpy()
        )  # what was read is mapped from the file
    except (
        OSError,
        RuntimeError,
        ValueError,
        LookupError,
        TypeError,
        StopIteration,
        EOFError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ):
        return None
