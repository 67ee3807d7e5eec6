"""What ``rnn-dynamics train`` takes beside tasks with answers: the maze, and which options are for which."""

from typing import Any

from torch import Tensor

from ..tasks import TASK_NAMES, TASK_OPTIONS

MAZE = "tmaze"
"""What is no task with answers: agents act in it."""

NAMES = (*TASK_NAMES, MAZE)

OWN_OPTIONS = {
    **TASK_OPTIONS,
    "length": (*TASK_OPTIONS["length"], MAZE),
    "epochs": TASK_NAMES,
    "patience": TASK_NAMES,
    "episodes": (MAZE,),
}
"""Which tasks an option is for."""


def require_own(name: str, **options: Any) -> None:
    """Refuse another name of a task, and options that belong to other tasks.

    Raises:
        ValueError: naming what there is.
    """
    if name not in NAMES:
        raise ValueError(f"there is no task {name!r}; there are {', '.join(NAMES)}")
    for option, value in options.items():
        if value is not None and name not in OWN_OPTIONS[option]:
            raise ValueError(f"--{option} is for {', '.join(OWN_OPTIONS[option])}, not for {name}")


def maze_histories(length: int) -> list[Tensor]:
    """The inputs whose states are looked at: histories of the exploration policy, the same for every run."""
    from ..rl import TMaze, explore

    return explore(TMaze(length), seed=0)
