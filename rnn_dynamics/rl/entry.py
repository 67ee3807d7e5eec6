"""From an environment, however it is given, to the world that agents meet."""

import copy
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeAlias

import gymnasium as gym
import torch
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker

from ..checks import ArgumentError, CheckedInside, checked
from .gymnasium_worlds import AsyncWorld, SeparateWorld
from .maze import TMaze
from .maze_vector import TMazeVector
from .maze_world import MazeWorld
from .worlds import World

Environment: TypeAlias = World | str | gym.Env[Any, Any] | VectorEnv | Callable[[], gym.Env[Any, Any]]


@checked
def as_world(
    environment: Annotated[Environment, CheckedInside()], *, device: torch.device | str | None = None
) -> World:
    """The world of an environment: episodes side by side, as many as seeds, with observations as vectors.

    Mazes run in one batched program on the device; of other environments each row has one of its own.

    Args:
        environment: a world; a registered id; an environment, which is copied (one from ``gymnasium.make`` is made
            anew); a function that makes one; a ``SyncVectorEnv``, whose row i is the environment of row i (and again
            from the first), or an ``AsyncVectorEnv``, for as many rows as it has. Actions must be ``Discrete`` or
            ``MultiDiscrete``, whose combinations are numbered; observations ``Discrete``, ``Box`` or what Gymnasium can
            flatten.
        device: of the tensors; the CPU by default.

    Raises:
        ValueError: for other spaces, an unknown id, and what cannot be copied or seeded row by row.
    """
    where = torch.device("cpu" if device is None else device)
    if isinstance(environment, World):
        return environment
    if isinstance(environment, str):
        environment = _made(environment)
    if isinstance(environment, TMazeVector):
        several = environment.lengths.unique().tolist()
        length = several[0] if len(several) == 1 else environment.lengths.tolist()
        return _mazes(environment, length, where)
    if isinstance(environment, SyncVectorEnv):
        return SeparateWorld(_makers_of(environment), where)
    if isinstance(environment, AsyncVectorEnv):
        return AsyncWorld(environment, where)
    if isinstance(environment, VectorEnv):
        raise ArgumentError(
            "environment",
            f"must be seeded row by row, which a {type(environment).__name__} is not: pass its id, or one environment",
        )
    if isinstance(environment, gym.Env):
        maze = _plain_maze(environment)
        return SeparateWorld(_copies(environment), where) if maze is None else _mazes(maze, maze.length, where)
    if not callable(environment):
        raise ArgumentError("environment", f"must be an id, an environment or a function, got {environment!r}")
    try:
        made = environment()
    except Exception as error:
        raise ArgumentError(
            "environment", f"must make an environment when called, it raised {type(error).__name__}: {error}"
        ) from error
    if not isinstance(made, gym.Env):
        raise ArgumentError("environment", f"must make an environment, got {type(made).__name__}")
    maze = _plain_maze(made)
    return SeparateWorld(lambda _: environment(), where) if maze is None else _mazes(maze, maze.length, where)


def _made(name: str) -> gym.Env[Any, Any]:
    try:
        return gym.make(name, disable_env_checker=True)
    except (gym.error.Error, ImportError) as error:
        raise ArgumentError("environment", f"must be the id of an environment, got {name!r}: {error}") from error


def _plain_maze(environment: gym.Env[Any, Any]) -> TMaze | None:
    """The maze, if nothing round it changes what it does."""
    while isinstance(environment, OrderEnforcing | PassiveEnvChecker):
        environment = environment.env
    return environment if type(environment) is TMaze else None


def _mazes(like: TMaze | TMazeVector, length: Any, device: torch.device) -> MazeWorld:
    return MazeWorld(length, like.stochasticity, fully_observed=like.fully_observed, device=device)


def _makers_of(environment: SyncVectorEnv) -> Callable[[int], gym.Env[Any, Any]]:
    """Makes the environment of a row."""
    given: Any = environment.env_fns
    if isinstance(given, Sequence):
        return lambda row: given[row % len(given)]()
    # A generator, which is used up: gymnasium.make_vec of Gymnasium 1.1 and 1.2 passes one.
    copies = [_copies(one) for one in environment.envs]
    return lambda row: copies[row % len(copies)](row)


def _copies(environment: gym.Env[Any, Any]) -> Callable[[int], gym.Env[Any, Any]]:
    """Makes more of the same."""
    if environment.spec is not None:
        spec = copy.deepcopy(environment.spec)
        return lambda _: gym.make(spec, disable_env_checker=True)

    def copied(_: int) -> gym.Env[Any, Any]:
        try:
            return copy.deepcopy(environment)
        except Exception as error:
            name = type(environment.unwrapped).__name__
            raise ArgumentError(
                "environment", f"must be copied, which {name} cannot be: pass a function that makes one ({error})"
            ) from error

    return copied
