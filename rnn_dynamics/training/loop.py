"""The loop that trains one model or many."""

import math
import time
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from ..progress import Progress
from ..stopping import go_on, stoppable
from ..systems import recurrent_module
from ..tasks import SequenceTask
from .batches import asked_steps, epoch_order, means
from .interrupts import uninterrupted
from .member_log import MemberLog
from .members import Members, load_weights
from .run_folder import RunFolder
from .settings import TrainSettings
from .training_results import Training, training_advice

SECONDS_BETWEEN_STATES = 60.0
"""A state is written at least so often, so that little is lost where epochs are long."""

SECONDS_BETWEEN_FILES = 10.0
"""Files for people are written at most so often before the end: each costs a wait for the disk."""


class Tracker(Protocol):
    """What a training shows its network to."""

    every: int

    def observe(self, step: int, module: nn.Module, *, force: bool = False, **scalars: float) -> Any:
        """Look at the network after ``step`` updates."""
        ...


@runtime_checkable
class Recorder(Protocol):
    """A tracker that keeps the weights of all updates, to locate by them what happened between two looks."""

    def record(self, step: int, module: nn.Module) -> None:
        """Keep the weights after ``step`` updates, at which it does not look."""
        ...

    def flush(self) -> None:
        """Write what it keeps: the training is about to write its own state."""
        ...


class Loop:
    """Epochs of updates and validations, for the members still in training."""

    def __init__(
        self,
        members: Members,
        models: Sequence[nn.Module],
        seeds: Sequence[int],
        task: SequenceTask,
        validation: SequenceTask,
        settings: TrainSettings,
        trackers: Sequence[Tracker | None],
        folder: RunFolder | None,
        memory_budget: int,
        identity: dict[str, Any],
    ) -> None:
        self._members, self._models, self._trackers = members, models, trackers
        self._task, self._validation, self._settings = task, validation, settings
        self._folder, self._identity = folder, identity
        self._logs = [MemberLog(seed, members.weights(row)) for row, seed in enumerate(seeds)]
        self._active = list(range(len(seeds)))  # the member in each row
        self._epoch = self._position = self._step = 0  # position: batches done in the epoch
        self._observed = [-1] * len(seeds)
        self._networks: dict[int, nn.Module] = {}  # of members, within their models
        self._saved_at = self._filed_at = -math.inf
        size = members.bytes_per_sequence(validation.inputs.shape[1])
        self._validation_rows = int(max(1, min(memory_budget // size, 512)))

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from what ``_state`` gave; the members have not been trained yet."""
        self._epoch, self._position, self._step = state["epoch"], state["position"], state["step"]
        self._logs = [MemberLog.unpacked(packed) for packed in state["members"]]
        for row, log in enumerate(self._logs):
            more = self._epoch < self._settings.epochs
            if log.status == "interrupted" or (log.status == "finished" and more):
                log.end("")
            if not log.status:
                self._members.load(row, log.last, log.moments)
                log.last, log.moments = {}, {}
        self._active = [row for row, log in enumerate(self._logs) if not log.status]
        self._members.keep(self._active)
        # A kill or Ctrl-C may have come before the present step was shown.
        self._observed = list(state.get("observed", [self._step] * len(self._logs)))

    def run(self, progress: bool | None) -> tuple[Training, ...]:
        """Train to the end, or to what ends it before."""
        batches = -(-len(self._task) // self._settings.batch_size)
        bar = Progress("training", progress, total=self._settings.epochs * batches, initial=self._step, unit="update")
        try:
            # A caller may be within no_grad().
            with torch.enable_grad(), self._members.borrowed(), bar:
                with stoppable() as stop:
                    if self._active:
                        self._save(self._step == 0)
                        if self._position < batches:  # else the end of the epoch comes first
                            self._look()
                    while self._active:
                        if self._position < batches:
                            self._update()
                            bar.update()
                            self._show(bar)
                        if self._position == batches:
                            self._end_epoch()
                        self._look()
                        go_on()
                        self._retire()
                        self._save(self._position == 0 or not self._active)
                if stop:
                    for log in self._logs:
                        if not log.status:
                            self._end(log, "interrupted")
                    self._retire()
                    self._save(True)
        finally:
            self._hand_over()
        return tuple(self._result(log) for log in self._logs)

    def _update(self) -> None:
        first = self._position * self._settings.batch_size
        orders = [epoch_order(len(self._task), self._logs[i].seed, self._epoch) for i in self._active]
        rows = [order[first : first + self._settings.batch_size] for order in orders]
        with uninterrupted():
            losses = self._members.differentiate(self._task, rows, self._step)
            norms = self._members.gradient_norms()
            numbers: list[list[float]] = torch.stack([losses, norms]).tolist()
            finite = [row for row, pair in enumerate(zip(*numbers, strict=True)) if all(map(math.isfinite, pair))]
            if len(finite) < len(self._active):
                for row in set(range(len(self._active))) - set(finite):
                    self._end(self._logs[self._active[row]], "not finite")
                self._retire()
                norms = norms[finite]
            if not finite:
                return
            clip = self._settings.clip_norm
            self._members.update(None if clip is None else (clip / (norms + 1e-6)).clamp(max=1.0))
            self._step += 1
            self._position += 1
            for row, i in zip(finite, self._active, strict=True):
                self._logs[i].updated(numbers[0][row], numbers[1][row], asked_steps(self._task, rows[row]))

    def _end_epoch(self) -> None:
        validation = self._validation
        losses, scores = means(validation, self._validation_rows, lambda rows: self._members.evaluate(validation, rows))
        with uninterrupted():
            self._epoch += 1
            self._position = 0
            for row, i in enumerate(self._active):
                log = self._logs[i]
                if log.validated(losses[row], scores[row]):
                    log.best = self._members.weights(row)
                patience = self._settings.patience
                if not math.isfinite(losses[row]):
                    self._end(log, "not finite")
                elif patience is not None and self._epoch - 1 - log.best_epoch >= patience:
                    log.end("stopped early")  # before "finished", which more epochs would go on from
                elif self._epoch == self._settings.epochs:
                    log.end("finished")

    def _look(self) -> None:
        """Write the snapshots, and show the trackers what they ask for."""
        every, first = None if self._folder is None else self._folder.snapshot_every, self._step == 0
        for row, i in enumerate(self._active):
            log, tracker = self._logs[i], self._trackers[i]
            ends = log.status in ("finished", "stopped early")
            if self._observed[i] == self._step or log.status == "not finite":
                continue
            if self._folder is not None and every is not None and (first or ends or self._step % every == 0):
                self._folder.write_snapshot(log.seed, self._step, self._members.weights(row))
            self._observed[i] = self._step  # a tracker keeps what Ctrl-C cuts off
            if tracker is None:
                continue
            due = first or ends or self._step % tracker.every == 0
            if due or isinstance(tracker, Recorder):
                network = self._recurrent(row, i)
                if not due:
                    tracker.record(self._step, network)  # pyright: ignore[reportAttributeAccessIssue]
                # Weights that are not finite will end the training at the next loss.
                elif all(bool(weight.isfinite().all()) for weight in network.parameters()):
                    tracker.observe(self._step, network, force=first or ends, **log.scalars())

    def _recurrent(self, row: int, i: int) -> nn.Module:
        """The recurrent module of a member, with its present weights; sought once, since every update asks for it."""
        model = self._members.module(row)
        if i not in self._networks:
            self._networks[i] = recurrent_module(model)
        return self._networks[i]

    def _retire(self) -> None:
        """Part with the members that have ended."""
        rows = [row for row, i in enumerate(self._active) if not self._logs[i].status]
        if len(rows) == len(self._active):
            return
        with uninterrupted():
            for row, i in enumerate(self._active):
                if row not in rows:
                    self._logs[i].last, self._logs[i].moments = self._members.weights(row), self._members.moments(row)
            self._active = [self._active[row] for row in rows]
            self._members.keep(rows)

    def _save(self, due: bool) -> None:
        now = time.monotonic()
        if self._folder is None or not (due or now - self._saved_at >= SECONDS_BETWEEN_STATES):
            return
        present = dict(zip(self._active, range(len(self._active)), strict=True))
        packed = []
        for i, log in enumerate(self._logs):
            packed.append(log.packed())
            if i in present:
                packed[-1]["last"] = self._members.weights(present[i])
                packed[-1]["moments"] = self._members.moments(present[i])
        if self._step and (not self._active or now - self._filed_at >= SECONDS_BETWEEN_FILES):
            for log, state in zip(self._logs, packed, strict=True):
                self._folder.write_member(log.seed, self._result(log), log.best, state["last"], self._step)
            self._filed_at = time.monotonic()
        for tracker in self._trackers:
            if isinstance(tracker, Recorder):
                tracker.flush()
        at = {"epoch": self._epoch, "position": self._position, "step": self._step, "observed": list(self._observed)}
        self._folder.write_state({**at, "identity": self._identity, "members": packed})
        self._saved_at = time.monotonic()

    def _hand_over(self) -> None:
        """Leave each model with its best weights."""
        for i, log in enumerate(self._logs):
            if i not in self._active:
                load_weights(self._models[i], log.final(log.last))
        for row, i in enumerate(self._active):  # after an error
            load_weights(self._models[i], self._logs[i].final(self._members.weights(row)))

    def _result(self, log: MemberLog) -> Training:
        return log.result(self._task.score_name, self._validation.baseline)

    def _show(self, bar: Progress) -> None:
        if bar.silent or not self._active:
            return
        losses = [self._logs[i].losses[-1] for i in self._active]
        shown: dict[str, Any] = {"loss": f"{sum(losses) / len(losses):.1e}"}
        if len(self._models) > 1:
            shown["members"] = len(losses)
        counts = [getattr(self._trackers[i], "latest_count", None) for i in self._active]
        known = sorted({count for count in counts if count is not None})
        if known:
            shown["attractors"] = f"{known[0]}-{known[-1]}" if len(known) > 1 else known[0]
        bar.note(**shown)

    def _end(self, log: MemberLog, status: str) -> None:
        log.end(status, training_advice(status, self._step, self._settings))
