"""Agents that learn side by side, against a plain loop that plays and replays one history at a time."""

import copy
import time
from collections import deque

import numpy as np
import pandas as pd
import torch

import rnn_dynamics as rd
from rnn_dynamics.rl import AgentSettings, TMaze, as_world, q_network, train_agents
from rnn_dynamics.rl.exploring import fill
from rnn_dynamics.rl.replay import Replay

EPISODES, BUFFER, BATCH, UPDATES, EPSILON, GAMMA = 10, 2048, 32, 10, 0.2, 0.98

READING = f"""\
T-Maze, GRU-32x2, the published settings (batches of {BATCH} whole histories, {UPDATES} updates an episode), but for
a buffer of {BUFFER} transitions; {EPISODES} episodes after the exploration that fills it, without evaluations;
processor time on one thread. The plain loop is what a first implementation does, and the reference with its targets:
one maze, and for each history of a batch one pass of torch's GRU for the values and one for the targets; it takes the
same number of updates of the same size. "explored steps / s": of mazes, by the exploration policy, for all agents
together. "updates / s": of all agents together, over the whole training, exploration and episodes included. "times
plain" are the ratios. What is gained with one agent is the padded batch, by torch's own kernel; with more of them, the
steps of all in one program.
"""


class Plain:
    """A DRQN as one would write it first."""

    def __init__(self, maze: TMaze, model: rd.SequenceModel, seed: int) -> None:
        self.maze, self.model, self.target = maze, model, copy.deepcopy(model)
        self.optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
        self.random = np.random.default_rng(seed)
        self.histories: deque[tuple[torch.Tensor, bool]] = deque()

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


def _plain(length: int) -> tuple[float, float]:
    """Explored steps and updates per second."""
    maze = TMaze(length)
    plain = Plain(maze, q_network(maze, "GRU-32x2"), 0)
    begin = time.process_time()
    while plain.transitions < BUFFER - maze.horizon:
        plain.play(1.0)
    explored = plain.transitions / (time.process_time() - begin)
    for _ in range(EPISODES):
        plain.play(EPSILON)
        for _ in range(UPDATES):
            plain.update()
    return explored, EPISODES * UPDATES / (time.process_time() - begin)


def _together(length: int, agents: int) -> tuple[float, float]:
    """Explored steps and updates per second, of all agents together."""
    maze = TMaze(length)
    world, replays = as_world(maze), [Replay(BUFFER, 9, torch.empty(0)) for _ in range(agents)]
    begin = time.process_time()
    fill(world, replays, range(agents), BUFFER, maze.horizon)
    explored = sum(replay.transitions for replay in replays) / (time.process_time() - begin)
    models = [q_network(maze, "GRU-32x2", seed=seed) for seed in range(agents)]
    settings = AgentSettings(EPISODES, UPDATES, BATCH, buffer=BUFFER, evaluate_every=10**6)
    begin = time.process_time()
    train_agents(models, maze, settings=settings)
    return explored, agents * EPISODES * UPDATES / (time.process_time() - begin)


def run() -> pd.DataFrame:
    """Short and long mazes, one agent and more."""
    torch.set_num_threads(1)
    _together(2, 2)  # what is imported at the first update is not counted
    rows = []
    for length in (10, 20, 50):
        plain = _plain(length)
        rows.append({"maze": length, "agents": "plain loop", **_named(plain)})
        for agents in (1, 5, 10):
            faster = _together(length, agents)
            steps, updates = (round(own / other, 1) for own, other in zip(faster, plain, strict=True))
            ratios = {"steps, times plain": steps, "updates, times plain": updates}
            rows.append({"maze": length, "agents": agents, **_named(faster), **ratios})
            print(rows[-1], flush=True)
    return pd.DataFrame(rows).fillna("")


def _named(rates: tuple[float, float]) -> dict[str, float]:
    return {"explored steps / s": round(rates[0]), "updates / s": round(rates[1], 2)}
