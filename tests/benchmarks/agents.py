"""Agents that learn side by side, against a plain loop that plays and replays one history at a time."""

import copy
import time
from collections import deque
from typing import TypeAlias

import numpy as np
import pandas as pd
import torch

import rnn_dynamics as rd
from rnn_dynamics.rl import AgentSettings, TMaze, as_world, q_network, train_agents
from rnn_dynamics.rl.exploring import fill
from rnn_dynamics.rl.members import AgentMembers
from rnn_dynamics.rl.playing import PLAYING, by_values, draws, episode_seed, played, straying
from rnn_dynamics.rl.replay import Replay

EPISODES, PLAYED, BUFFER, BATCH, UPDATES, EPSILON, GAMMA = 4, 10, 1024, 32, 10, 0.2, 0.98

READING = f"""\
T-Maze, GRU-32x2, the published settings (batches of {BATCH} whole histories, {UPDATES} updates an episode), but for
a buffer of {BUFFER} transitions; processor time on one thread. The plain loop is what a first implementation does, and
the reference with its targets: one maze, and for each history of a batch one pass of torch's GRU for the values and one
for the targets; it takes as many updates of the same size. All are per second, of all agents together; those
"/ plain" are ratios to the plain loop's. "steps" and "updates": of training, {EPISODES} episodes with their updates.
Alone, "explored": steps by the exploration policy, which takes no network; "played": steps of agents, {PLAYED} episodes
each: there one step of the program is one of every agent, so that few agents gain nothing, but training spends little
of its time on it.
What one agent gains is the padded batch, by torch's own kernel; many gain the steps of all in one program.
"""

Rates: TypeAlias = tuple[float, float, float, float]
"""Per second: explored steps, played steps; steps and updates of training."""

NAMES = ("explored", "played", "steps", "updates")


class Plain:
    """A DRQN as one would write it first."""

    def __init__(self, maze: TMaze, model: rd.SequenceModel, seed: int) -> None:
        self.maze, self.model, self.target = maze, model, copy.deepcopy(model)
        self.optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
        self.random = np.random.default_rng(seed)
        self.histories: deque[tuple[torch.Tensor, bool]] = deque()
        self.steps = 0

    def play(self, epsilon: float) -> None:
        """One episode; without the network if all is left to chance."""
        seen, _ = self.maze.reset(seed=int(self.random.integers(2**31)))
        inputs, state, over = [self._input(None, 0.0, int(seen))], None, False
        while not over:
            action = int(self.random.choice(4, p=self.maze.exploration_policy))
            if epsilon < 1:
                with torch.no_grad():
                    output, state = self.model.recurrent(inputs[-1].view(1, 1, -1), state)
                    best = int(self.model.readout(output).argmax())
                action = action if self.random.random() < epsilon else best
            seen, reward, terminated, truncated, _ = self.maze.step(np.int64(action))
            inputs.append(self._input(action, reward, int(seen)))
            over = terminated or truncated
            self.steps += 1
        self.histories.append((torch.stack(inputs), terminated))
        while self.transitions > BUFFER:
            self.histories.popleft()

    @property
    def transitions(self) -> int:
        return sum(len(history) - 1 for history, _ in self.histories)

    def update(self) -> None:
        """One step of Adam."""
        losses = []
        for index in self.random.integers(len(self.histories), size=BATCH):
            inputs, terminated = self.histories[index]
            values = self.model(inputs.unsqueeze(0))[0]
            with torch.no_grad():
                later = self.target(inputs.unsqueeze(0))[0, 1:].amax(dim=-1)
            if terminated:
                later[-1] = 0.0
            actions, rewards = inputs[1:, :4].argmax(dim=-1), inputs[1:, 4]
            chosen = values[:-1].gather(1, actions.unsqueeze(1)).squeeze(1)
            losses.append((chosen - rewards - GAMMA * later).square())
        self.optimiser.zero_grad()
        torch.cat(losses).mean().backward()
        self.optimiser.step()

    @staticmethod
    def _input(action: int | None, reward: float, seen: int) -> torch.Tensor:
        row = torch.zeros(9)
        if action is not None:
            row[action] = 1.0
        row[4], row[5 + seen] = reward, 1.0
        return row


def _plain(length: int) -> Rates:
    """One agent, one maze, one history at a time."""
    maze = TMaze(length)
    plain = Plain(maze, q_network(maze, "GRU-32x2"), 0)
    begin = time.process_time()
    while plain.transitions < BUFFER - maze.horizon:
        plain.play(1.0)
    explored = time.process_time()
    rate, before = plain.transitions / (explored - begin), plain.steps
    for _ in range(PLAYED):
        plain.play(EPSILON)
    played = (plain.steps - before) / (time.process_time() - explored)
    begin, before = time.process_time(), plain.steps
    for _ in range(EPISODES):
        plain.play(EPSILON)
        for _ in range(UPDATES):
            plain.update()
    took = time.process_time() - begin
    return rate, played, (plain.steps - before) / took, EPISODES * UPDATES / took


def _together(length: int, agents: int) -> Rates:
    """All agents in one program."""
    maze = TMaze(length)
    models = [q_network(maze, "GRU-32x2", seed=seed) for seed in range(agents)]
    world, replays = as_world(maze), [Replay(BUFFER, 9, torch.empty(0)) for _ in range(agents)]
    begin = time.process_time()
    fill(world, replays, range(agents), BUFFER, maze.horizon)
    explored = sum(replay.transitions for replay in replays) / (time.process_time() - begin)
    members, steps = AgentMembers(models, 1e-3, 2**30), 0
    begin = time.process_time()
    for number in range(PLAYED):
        chance = [draws(seed, PLAYING, number) for seed in range(agents)]
        first = world.reset([episode_seed(seed, PLAYING, number) for seed in range(agents)])
        choose = by_values(members, 1, straying(world, EPSILON, chance))
        steps += sum(history.steps for history in played(world, first, choose, maze.horizon))
    rate = steps / (time.process_time() - begin)
    sizes = {"updates": UPDATES, "batch_size": BATCH, "buffer": BUFFER, "evaluate_every": 10**6}
    took, lived = [], []
    for episodes in (1, 1 + EPISODES):  # exploration and the evaluations are in both
        begin = time.process_time()
        runs = train_agents(copy.deepcopy(models), maze, settings=AgentSettings(episodes, **sizes))
        took.append(time.process_time() - begin)
        lived.append(sum(int(run.episode_steps.sum()) for run in runs))
    seconds = took[1] - took[0]
    return explored, rate, (lived[1] - lived[0]) / seconds, agents * EPISODES * UPDATES / seconds


def run() -> pd.DataFrame:
    """Short and long mazes, one agent and more."""
    torch.set_num_threads(1)
    _together(2, 2)  # what is imported at the first update is not counted
    rows = []
    for length in (10, 20):
        plain = _plain(length)
        rows.append({"maze": length, "agents": "plain loop", **_named(plain)})
        print(rows[-1], flush=True)
        for agents in (1, 5, 10):
            faster = _together(length, agents)
            ratios = (round(own / other, 1) for own, other in zip(faster, plain, strict=True))
            named = zip((f"{name} / plain" for name in NAMES), ratios, strict=True)
            rows.append({"maze": length, "agents": agents, **_named(faster), **dict(named)})
            print(rows[-1], flush=True)
    return pd.DataFrame(rows).fillna("")


def _named(rates: Rates) -> dict[str, float]:
    return {name: round(rate) if rate > 100 else round(rate, 1) for name, rate in zip(NAMES, rates, strict=True)}
