"""The loop that trains agents: play, replay, and look at how they do."""

import math
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ..progress import Progress
from ..stopping import go_on, stoppable
from ..systems import recurrent_module
from ..training import Recorder, RunFolder, Tracker, load_weights, uninterrupted
from ..warmup import Warmup
from .agent_log import AgentLog
from .agent_results import AgentTraining, agent_advice
from .differences import TemporalDifferences
from .judging import Judge
from .members import AgentMembers
from .playing import PLAYING, REPLAYING, by_values, draws, episode_seed, played, straying
from .replay import Replay, together
from .settings import AgentSettings
from .worlds import World

SECONDS_BETWEEN_STATES = 60.0
"""A state is written at most so often before the end: it holds all that was replayed."""


class AgentLoop:
    """Episodes, each with its updates, for the agents still in training.

    All that chance gives to an episode follows from the agent's seed and the episode's number, and between two episodes
    no environment is under way: weights, target networks and replay are all that a resumed training needs.
    """

    def __init__(
        self,
        members: AgentMembers,
        models: Sequence[nn.Module],
        world: World,
        settings: AgentSettings,
        judge: Judge,
        replays: Sequence[Replay],
        seeds: Sequence[int],
        trackers: Sequence[Tracker | None],
        warmups: Sequence[Warmup | None],
        folder: RunFolder | None,
        identity: dict[str, Any],
    ) -> None:
        self._members, self._models, self._world, self._settings = members, models, world, settings
        self._judge, self._gamma = judge, judge.gamma
        self._replays, self._trackers, self._warmups = list(replays), trackers, list(warmups)
        self._folder, self._identity = folder, identity
        self._logs = [AgentLog(seed, members.weights(row)) for row, seed in enumerate(seeds)]
        self._active = list(range(len(seeds)))  # the agent in each row
        self._episode = 0
        self._observed = [-1] * len(seeds)
        self._saved_at = -math.inf

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from what ``_save`` wrote; the agents have not been trained yet."""
        self._episode = state["step"]
        self._logs = [AgentLog.unpacked(packed) for packed in state["members"]]
        for row, log in enumerate(self._logs):
            if log.status == "interrupted" or (log.status == "finished" and self._episode < self._settings.episodes):
                log.end("")
            if not log.status:
                self._members.load(row, log.last, log.moments)
                self._members.load_target(row, log.target)
                log.last, log.moments, log.target = {}, {}, {}
            self._replays[row].load(state["replays"][row])
        self._active = [row for row, log in enumerate(self._logs) if not log.status]
        self._members.keep(self._active)
        self._observed = list(state["observed"])

    def run(self, progress: bool | None) -> tuple[AgentTraining, ...]:
        """Train to the end, or to what ends it before."""
        if any(warmup is not None and warmup.interrupted for warmup in self._warmups):
            for log in self._logs:
                self._end(log, "interrupted")
            return tuple(self._result(i) for i in range(len(self._logs)))
        bar = Progress("training", progress, total=self._settings.episodes, initial=self._episode, unit="episode")
        try:
            # A caller may be within no_grad().
            with torch.enable_grad(), bar:
                with stoppable() as stop:
                    if any(not self._logs[i].episodes for i in self._active):
                        with uninterrupted():
                            self._evaluate()
                    self._look()
                    self._save(self._episode == 0)
                    while self._active:
                        with uninterrupted():
                            self._play()
                            for number in range(self._settings.updates):
                                self._update(number)
                            self._end_episode()
                        bar.update()
                        self._show(bar)
                        self._look()
                        go_on()
                        self._retire()
                        self._save(not self._active)
                if stop:
                    for log in self._logs:
                        if not log.status:
                            self._end(log, "interrupted")
                    self._retire()
                    self._save(True)
        finally:
            self._hand_over()
        return tuple(self._result(i) for i in range(len(self._logs)))

    def _play(self) -> None:
        """One episode of each agent."""
        seeds = [self._logs[i].seed for i in self._active]
        generators = [draws(seed, PLAYING, self._episode) for seed in seeds]
        choose = by_values(self._members, 1, straying(self._world, self._settings.epsilon, generators))
        first = self._world.reset([episode_seed(seed, PLAYING, self._episode) for seed in seeds])
        histories = played(self._world, first, choose, self._settings.longest)
        for i, history in zip(self._active, histories, strict=True):
            self._replays[i].add(history.inputs, history.terminated)
            self._logs[i].played(history, self._gamma)
        size = (self._settings.updates, self._settings.batch_size)
        chance = [draws(seed, REPLAYING, self._episode) for seed in seeds]
        self._drawn = {
            i: torch.from_numpy(own.integers(len(self._replays[i]), size=size))
            for i, own in zip(self._active, chance, strict=True)
        }

    def _update(self, number: int) -> None:
        if not self._active:
            return
        batches = [self._replays[i].batch(self._drawn[i][number]) for i in self._active]
        inputs, lengths, terminated = together(batches)
        values = self._members.target_values(inputs)
        lesson = TemporalDifferences(inputs, lengths, terminated, values, self._gamma, self._settings.double)
        losses = self._members.differentiate(lesson, range(len(self._active)), number)
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
        for row, i in zip(finite, self._active, strict=True):
            self._logs[i].updated(numbers[0][row], numbers[1][row])

    def _end_episode(self) -> None:
        self._episode += 1
        settings = self._settings
        if not self._active:
            return
        if self._episode % settings.target_every == 0:
            self._members.refresh_targets()
        if self._episode % settings.evaluate_every == 0 or self._episode == settings.episodes:
            self._evaluate()
        if self._episode == settings.episodes:
            for i in self._active:
                self._logs[i].end("finished")

    def _evaluate(self) -> None:
        """Greedy episodes of all agents, side by side."""
        for row, (i, histories) in enumerate(zip(self._active, self._judge.evaluate(self._members), strict=True)):
            if self._logs[i].evaluated(histories, self._gamma, self._judge.optimal_return):
                self._logs[i].best_weights = self._members.weights(row)

    def _look(self) -> None:
        """Write the snapshots, and show the trackers what they ask for; steps are episodes."""
        every, first = None if self._folder is None else self._folder.snapshot_every, self._episode == 0
        for row, i in enumerate(self._active):
            log, tracker = self._logs[i], self._trackers[i]
            ends = log.status == "finished"
            if self._observed[i] == self._episode or log.status == "not finite":
                continue
            if self._folder is not None and every is not None and (first or ends or self._episode % every == 0):
                self._folder.write_snapshot(log.seed, self._episode, self._members.weights(row))
            self._observed[i] = self._episode  # a tracker keeps what Ctrl-C cuts off
            if tracker is None:
                continue
            due = first or ends or self._episode % tracker.every == 0
            if due or isinstance(tracker, Recorder):
                network = recurrent_module(self._members.module(row))
                if not due:
                    tracker.record(self._episode, network)  # pyright: ignore[reportAttributeAccessIssue]
                elif all(bool(weight.isfinite().all()) for weight in network.parameters()):
                    tracker.observe(self._episode, network, force=first or ends, **log.scalars())

    def _retire(self) -> None:
        """Part with the agents that have ended."""
        rows = [row for row, i in enumerate(self._active) if not self._logs[i].status]
        if len(rows) == len(self._active):
            return
        with uninterrupted():
            for row, i in enumerate(self._active):
                if row not in rows:
                    log = self._logs[i]
                    log.last, log.moments = self._members.weights(row), self._members.moments(row)
                    log.target = self._members.target(row)
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
                packed[-1]["target"] = self._members.target(present[i])
        for i, (log, state) in enumerate(zip(self._logs, packed, strict=True)):
            self._folder.write_member(log.seed, self._result(i), log.best_weights, state["last"], self._episode)
        for tracker in self._trackers:
            if isinstance(tracker, Recorder):
                tracker.flush()
        at = {"step": self._episode, "observed": list(self._observed)}
        replays = [replay.packed() for replay in self._replays]
        self._folder.write_state({**at, "identity": self._identity, "members": packed, "replays": replays})
        self._saved_at = time.monotonic()

    def _hand_over(self) -> None:
        """Leave each model with the weights of its best evaluation."""
        for log, model in zip(self._logs, self._models, strict=True):
            load_weights(model, log.best_weights)

    def _result(self, i: int) -> AgentTraining:
        judge = self._judge
        shared = {"evaluated": judge.episodes, "gamma": judge.gamma, "optimal_return": judge.optimal_return}
        return self._logs[i].result({**shared, "updates": self._settings.updates}, self._warmups[i])

    def _show(self, bar: Progress) -> None:
        if bar.silent or not self._active:
            return
        logs = [self._logs[i] for i in self._active]
        shown: dict[str, Any] = {"return": f"{sum(log.evaluated_returns[-1] for log in logs) / len(logs):.3g}"}
        if len(self._models) > 1:
            shown["agents"] = len(logs)
        bar.note(**shown)

    def _end(self, log: AgentLog, status: str) -> None:
        log.end(status, agent_advice(status, len(log.losses), self._settings))
