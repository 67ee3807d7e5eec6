"""A tracker's folder: every observation a file of its own, so that a kill loses none that was made."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..files import is_there, replacing
from ..store import load, save, storable
from ..systems import DrivenMap, LayeredMap
from .observation import Observation
from .ring import RecordedWeights

_SETTINGS, _ACCOUNT, _WEIGHTS = "settings.json", "account.json", "last_weights.safetensors"


@storable
@dataclass(frozen=True, eq=False)
class _LastWeights:
    """Of the network of the last observation."""

    step: int
    weights: tuple[Tensor, ...]


def _is_one(result: object) -> bool:
    return isinstance(result, Observation)


class Record:
    """A file for each observation, the weights of the last one, pieces of those since; settings and account as JSON."""

    def __init__(self, folder: Path, settings: dict[str, Any], resume: bool) -> None:
        self.folder = folder
        files = sorted(folder.glob("observation-*.safetensors"))
        if files and not resume:
            raise ValueError(
                f"{folder} holds a history of {len(files)} observations already: pass resume=True to go on from it, "
                "or another folder"
            )
        if files:
            self._require_same(settings)
        self.observations: list[Observation] = [load(file) for file in files]
        account = self._json(_ACCOUNT)
        try:
            self.spent = float(account.get("spent", 0.0))
            self.training_seconds = float(account.get("training_seconds", 0.0))
            self.skipped = int(account.get("skipped", 0))
            self.recording = float(account.get("recording", 0.0))
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{folder / _ACCOUNT} does not hold a time account: {error}") from error
        if strange := [file for file, one in zip(files, self.observations, strict=True) if not _is_one(one)]:
            raise ValueError(f"{strange[0]} does not hold an observation")
        self._count = len(files)
        if not files:
            self._write(_SETTINGS, settings)

    def add(self, observation: Observation, network: DrivenMap) -> None:
        """Write an observation, and the weights that the next one is followed from."""
        save(observation, self.folder / f"observation-{self._count:05d}.safetensors")
        self._count += 1
        if isinstance(network, LayeredMap):
            save(_LastWeights(observation.step, tuple(network.weights)), self.folder / _WEIGHTS)
        for piece in self._pieces():
            piece.unlink(missing_ok=True)

    def add_weights(self, piece: RecordedWeights) -> None:
        """Write weights since the last observation, from which a resumed run locates events as this one would."""
        save(piece, self.folder / f"since-{len(self._pieces()):05d}.safetensors")

    def weights_since(self) -> list[RecordedWeights]:
        """The weights since the last observation, up to the first piece that is missing or torn."""
        pieces: list[RecordedWeights] = []
        with suppress(ValueError):
            pieces.extend(load(path) for path in self._pieces())
        return pieces

    def _pieces(self) -> list[Path]:
        return sorted(self.folder.glob("since-*.safetensors"))

    def account(self, spent: float, training_seconds: float, skipped: int, recording: float) -> None:
        """Write what was spent so far."""
        numbers = {"spent": spent, "training_seconds": training_seconds, "skipped": skipped, "recording": recording}
        self._write(_ACCOUNT, numbers)

    def network_like(self, network: DrivenMap, step: int) -> DrivenMap | None:
        """The network of the observation at ``step``, of the shape of ``network``; None if it was not kept."""
        if not isinstance(network, LayeredMap):
            return None
        try:
            kept = load(self.folder / _WEIGHTS)
        except ValueError:
            return None  # what is missing or torn costs the identities of one step, and not the run
        if not isinstance(kept, _LastWeights):
            return None
        own = network.frozen(torch.float64)
        shapes = [[weight.shape for weight in weights] for weights in (kept.weights, own.weights)]
        if kept.step != step or shapes[0] != shapes[1]:
            return None
        return own.with_weights(weight.to(own.device) for weight in kept.weights)

    def _require_same(self, settings: dict[str, Any]) -> None:
        before = self._json(_SETTINGS)
        now = json.loads(json.dumps(settings))
        different = [f"{key} was {before.get(key)!r}, is {now[key]!r}" for key in now if before.get(key) != now[key]]
        if different:
            raise ValueError(f"{self.folder} holds a history under other settings: {'; '.join(different)}")

    def _json(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            found = json.loads(path.read_text()) if is_there(path) else {}
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"cannot read {path}: {error}") from error
        if not isinstance(found, dict):
            raise ValueError(f"{path} must hold an object, got a {type(found).__name__}")
        return found

    def _write(self, name: str, value: dict[str, Any]) -> None:
        with replacing(self.folder / name) as temporary:
            temporary.write_text(json.dumps(value, indent=1))
