"""What the figures of agents share: how a few agents are trained side by side, and what is measured of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

import rnn_dynamics as rd
from rnn_dynamics import rl
from rnn_dynamics.automata import MooreMachine

from ..runs import Row

VARIANTS = ("plain", "warm", "parallel")
TIMES = (1, 2, 3, 5, 10, 20)
"""An agent trained at length L plays mazes of so many times L."""


@dataclass(frozen=True)
class Case:
    """Agents of one architecture and of several seeds, in mazes of one length."""

    length: int
    cell: str
    hidden: int
    layers: int
    variant: str
    seeds: int
    episodes: int
    look_every: int
    """Episodes between two looks of the tracker."""

    horizon: int
    """M of VAA, in steps."""

    warmup_steps: int = 100

    def __str__(self) -> str:
        return f"{self.cell} {self.variant}, T-Maze {self.length}"


def measure_agents(case: Case) -> list[Row]:
    """Train the agents, follow what they can reach in the corridor, and test them in longer mazes: a row for each."""
    maze = rl.TMaze(case.length)
    cell = f"{case.cell}+{case.cell}" if case.variant == "parallel" else case.cell
    models = [rl.q_network(maze, f"{cell}-{case.hidden}x{case.layers}", seed=seed) for seed in range(case.seeds)]
    corridor = rl.held_input(maze, rl.Move.RIGHT, rl.Seen.CORRIDOR)
    trackers = [
        rd.AttractorTracker(
            rl.explore(maze, 2048, seed=seed),
            hold=corridor,
            every=case.look_every,
            effort=rd.Effort(horizon=case.horizon, fixed_points=False, settle=rd.Settle(horizon=1e5)),
            budget=None,
            time_limit=30.0,
            path_budget=0,
            seed=seed,
        )
        for seed in range(case.seeds)
    ]
    runs = rl.train_agents(
        models,
        maze,
        settings=rl.AgentSettings(episodes=case.episodes),
        warmup=None if case.variant == "plain" else rl.AgentWarmup(steps=case.warmup_steps),
        trackers=trackers,
    )
    lengths = [times * case.length for times in TIMES]
    rows = []
    for run, model, tracker in zip(runs, models, trackers, strict=True):
        history = tracker.history
        memory = rl.maze_memory(model, case.length, depth=lengths[-1], settle=rd.Settle(horizon=1e5))
        machine = rl.learned_automaton(model, depth=case.length + 1)
        tested = rl.evaluate_agent(model, lengths)
        assert tested.optimal is not None  # these mazes draw nothing
        rows.append(
            {
                "seed": run.seed,
                "status": run.status,
                "optimum": run.optimal_return,
                "evaluations": run.episodes.tolist(),
                "returns": run.evaluated_returns.tolist(),
                "fractions": run.optimal_fractions.tolist(),
                "solved": run.solved,
                "steps": history.steps.tolist(),
                "vaas": history.vaas.tolist(),
                "counts": history.counts.tolist(),
                "cut_off": [observation.cut_off for observation in history.observations],
                "n": history.observations[0].n,
                "lengths": lengths,
                "optimal": tested.optimal.tolist(),
                "discounted": tested.discounted_returns.tolist(),
                "optima": tested.optimum.tolist(),
                "verdict": memory.verdict,
                "kept": memory.kept,
                "settled": [outcome == "settled" for outcome in memory.attractors.outcomes],
                "time_constants": memory.time_constants.tolist(),
                "fails_at": memory.fails_at,
                "machine": {
                    "outputs": list(machine.outputs),
                    "transitions": machine.transitions.tolist(),
                    "depth": machine.depth,
                    "words": machine.words,
                    "agrees": machine.agrees,
                },
            }
        )
    return rows


def machine_of(row: Row) -> MooreMachine:
    """The automaton of a row."""
    own = row["machine"]
    return MooreMachine(
        letters=rl.maze_automaton().letters,
        outputs=tuple(own["outputs"]),
        transitions=torch.tensor(own["transitions"]),
        depth=own["depth"],
        words=own["words"],
        agrees=own["agrees"],
    )


def extent(cases: Sequence[Case]) -> str:
    """How much was trained, beside what the paper trains."""
    case = cases[0]
    episodes = " to ".join(f"{number:,}" for number in sorted({c.episodes for c in cases}))
    layers = "one layer" if case.layers == 1 else f"{case.layers} layers"
    return (
        f"{case.seeds} seeds of {layers} of {case.hidden} {case.cell} units, {episodes} episodes of 10 updates each, "
        "32 whole histories an update, Adam at 1e-3, gamma .98, epsilon .2, target network every 20 episodes; "
        f"evaluated every 20; VAA after {case.horizon:,} steps. The paper trains 2 layers of 32 units for 2,000 "
        "episodes."
    )


def cases(
    lengths: Sequence[int],
    hidden: int,
    layers: int,
    seeds: int,
    episodes: int,
    look_every: int,
    horizon: int,
    cells: Sequence[str] = ("GRU",),
    warmup_steps: int = 100,
) -> tuple[Case, ...]:
    """Every length, cell and variant."""
    return tuple(
        Case(length, cell, hidden, layers, variant, seeds, episodes, look_every, horizon, warmup_steps)
        for length in lengths
        for cell in cells
        for variant in VARIANTS
    )


SCALES = {
    "smoke": cases((3,), 6, 1, 2, 20, 10, 50, warmup_steps=3),
    "small": cases((10, 25), 32, 1, 5, 200, 50, 10_000),
    "paper": cases((20, 50, 100, 200), 32, 2, 5, 2000, 200, 10_000, ("LSTM", "chrono", "GRU", "MGU", "BRC", "nBRC")),
}
