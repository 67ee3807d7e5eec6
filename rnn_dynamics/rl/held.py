"""Inputs that are held to see what an agent remembers while nothing new comes."""

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, as_vector, checked
from .entry import Environment, as_world


@checked
def held_input(environment: Environment, action: int, observation: int | ArrayLike, *, reward: float = 0.0) -> Tensor:
    """What an agent sees at a step: the input [m] of which ``hold`` makes an autonomous map.

    In the corridor of the T-Maze an agent that goes on sees the same at every step,
    ``held_input(maze, Move.RIGHT, Seen.CORRIDOR)``: which of the goals it was shown must be kept under that input.

    Args:
        environment: as in ``train_agent``.
        action: the one before, a number from 0.
        observation: its number in a ``Discrete`` space, or the vector [k] that the world makes of one.
        reward: the one before.

    Returns:
        [action as one-hot, reward, observation], float64.

    Raises:
        ValueError: for an action or observation that the environment does not have.
    """
    world = as_world(environment)
    if not 0 <= action < world.actions:
        raise ArgumentError("action", f"must be a number from 0 to {world.actions - 1}, got {action}")
    seen = torch.zeros(world.input_size, dtype=torch.float64)
    seen[action], seen[world.actions] = 1.0, reward
    if isinstance(observation, int):
        if not 0 <= observation < world.observation_size:
            raise ArgumentError(
                "observation", f"must be a number from 0 to {world.observation_size - 1}, got {observation}"
            )
        seen[world.actions + 1 + observation] = 1.0
    else:
        like = {"dtype": seen.dtype, "device": seen.device}
        seen[world.actions + 1 :] = as_vector(observation, "observation", world.observation_size, **like)
    return seen
