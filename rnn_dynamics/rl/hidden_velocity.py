"""Environments with their velocities hidden: where things are is seen, how fast they move is for a memory to find."""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.classic_control import AcrobotEnv, CartPoleEnv, MountainCarEnv
from gymnasium.spaces import Box

from ..checks import ArgumentError, checked

POSITIONS: dict[type, tuple[int, ...]] = {CartPoleEnv: (0, 2), AcrobotEnv: (0, 1, 2, 3), MountainCarEnv: (0,)}
"""Entries of an observation that are positions: of the cart and the angle; sines and cosines of the angles; of the
car."""


@checked
class HiddenVelocity(gym.ObservationWrapper[Any, Any, Any]):
    """An environment of which some entries of the observation are seen, and the others are not.

    CartPole so is a usual test of memory: ``gym.make("rnn_dynamics.rl:rnn_dynamics/HiddenVelocityCartPole-v0")`` is
    CartPole-v1, of which the cart's position and the pole's angle are seen.
    """

    def __init__(self, env: gym.Env[Any, Any], *, positions: Sequence[int] | None = None) -> None:
        """Wrap an environment.

        Args:
            env: with observations in a Box [k].
            positions: entries that are seen; known for CartPole, Acrobot and MountainCar.

        Raises:
            ValueError: for other observations, entries that are not there, or none given where they are not known.
        """
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, Box) or len(space.shape) != 1:
            raise ArgumentError("env", f"must have observations in a Box [k], got {space}")
        if positions is None:
            known = next((seen for kind, seen in POSITIONS.items() if isinstance(env.unwrapped, kind)), None)
            if known is None:
                name = type(env.unwrapped).__name__
                raise ArgumentError("positions", f"must say which entries are seen: those of {name} are not known")
            positions = known
        if not positions or not all(0 <= entry < space.shape[0] for entry in positions):
            raise ArgumentError("positions", f"must be entries from 0 to {space.shape[0] - 1}, got {list(positions)}")
        self.positions = np.array(positions)
        self.observation_space = Box(space.low[self.positions], space.high[self.positions], dtype=space.dtype.type)

    def observation(self, observation: Any) -> Any:
        """The entries that are seen."""
        return observation[self.positions]


def hidden_velocity_cart_pole(**options: Any) -> HiddenVelocity:
    """CartPole without its velocities, to be registered."""
    return HiddenVelocity(CartPoleEnv(**options))
