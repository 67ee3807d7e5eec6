"""T-Mazes stepped in one batched program, against one at a time."""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from gymnasium.vector import SyncVectorEnv

from rnn_dynamics.rl import TMaze, TMazeVector

LENGTH, STEPS = 20, 200

READING = f"""\
Mazes of L = {LENGTH} under the exploration policy, reset where episodes end, one thread; {STEPS} steps of every maze,
the fastest of five by the process's own time, as others used the machine meanwhile. "alone" is one ``TMaze`` in a
Python loop, without Gymnasium's wrappers; "Gymnasium's" is its ``SyncVectorEnv`` over such mazes. "tensors" stays on
the device, as agents use it; "arrays" goes through NumPy, by Gymnasium's contract. A few mazes are stepped faster in a
loop; from 64 on the program wins, at thousands by 39 times and more. On a GPU nothing was measured: none was at hand.
"""


def _seconds(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    times = []
    for _ in range(5):
        begin = clock()
        work()
        times.append(clock() - begin)
    return min(times)


def _moves(n: int, steps: int = STEPS) -> np.ndarray:
    return np.random.default_rng(0).choice(4, (steps, n), p=TMaze.exploration_policy)


def _alone() -> float:
    """Steps per second of one maze."""
    maze, moves = TMaze(LENGTH), _moves(1, 10_000)[:, 0]
    maze.reset(seed=0)

    def work() -> None:
        for move in moves:
            _, _, terminated, truncated, _ = maze.step(move)
            if terminated or truncated:
                maze.reset()

    return len(moves) / _seconds(work)


def _gymnasiums(n: int) -> float:
    mazes = SyncVectorEnv([lambda: TMaze(LENGTH)] * n)
    mazes.reset(seed=0)
    moves = _moves(n, 20)
    return moves.size / _seconds(lambda: [mazes.step(row) for row in moves])


def _arrays(n: int) -> float:
    mazes, moves = TMazeVector(n, LENGTH), _moves(n)
    mazes.reset(seed=0)
    return moves.size / _seconds(lambda: [mazes.step(row) for row in moves])


def _tensors(n: int, device: str) -> float:
    mazes = TMazeVector(n, LENGTH, autoreset_mode="SameStep", device=device)
    mazes.reset_tensors(seeds=0)
    moves = torch.as_tensor(_moves(n), device=device)

    def work() -> None:
        for row in moves:
            mazes.step_tensors(row)
        if device == "cuda":
            torch.cuda.synchronize()

    work()
    return moves.numel() / _seconds(work, time.process_time if device == "cpu" else time.perf_counter)


def run() -> pd.DataFrame:
    """From one maze to many thousands; a GPU too, where there is one."""
    torch.set_num_threads(1)
    rows = []
    for n in (1, 16, 64, 256, 1024, 4096, 32768):
        alone, ways = _alone(), {"arrays": _arrays(n), "tensors": _tensors(n, "cpu")}
        if n <= 1024:
            ways["Gymnasium's"] = _gymnasiums(n)
        if torch.cuda.is_available():
            ways["tensors, GPU"] = _tensors(n, "cuda")
        row = {"mazes": n, "alone, steps/s": f"{alone:.2g}", "tensors, steps/s": f"{ways['tensors']:.2g}"}
        rows.append(row | {f"{way} / alone": f"{ways[way] / alone:.2g}" if way in ways else "" for way in _ways()})
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def _ways() -> list[str]:
    return ["Gymnasium's", "arrays", "tensors"] + ["tensors, GPU"] * torch.cuda.is_available()
