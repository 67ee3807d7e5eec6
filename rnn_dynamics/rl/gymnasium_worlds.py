"""Any Gymnasium environment with numbered actions, as agents meet it."""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces import Box, Discrete, MultiDiscrete, Space
from gymnasium.vector import AsyncVectorEnv, AutoresetMode
from gymnasium.vector.utils import iterate
from torch import Tensor

from ..checks import ArgumentError
from .worlds import World


class _GymnasiumWorld(World):
    """What follows from an environment's spaces."""

    def __init__(self, actions: Space[Any], observations: Space[Any], like: Any, device: torch.device) -> None:
        if not isinstance(actions, Discrete | MultiDiscrete):
            raise ArgumentError("environment", f"must have numbered actions, a Discrete space, got {actions}")
        if not observations.is_np_flattenable:
            raise ArgumentError("environment", f"must have observations of a fixed size, as Box, got {observations}")
        self.actions = int(np.prod(actions.nvec)) if isinstance(actions, MultiDiscrete) else int(actions.n)
        self._actions = actions
        self.observation_size = gym.spaces.flatdim(observations)
        self.gamma = getattr(like, "gamma", None)
        policy = getattr(like, "exploration_policy", [1 / self.actions] * self.actions)
        self.exploration = torch.as_tensor(policy, dtype=torch.float64)
        if self.exploration.shape != (self.actions,) or abs(float(self.exploration.sum()) - 1) > 1e-6:
            raise ArgumentError("environment", f"must explore with {self.actions} probabilities, got {policy}")
        self._space, self._device = observations, device
        self.identity = _identity(like)

    def _taken(self, number: int) -> Any:
        """An action as the environment takes it; those of several parts are numbered, the last part's fastest."""
        if isinstance(self._actions, Discrete):
            return self._actions.start + number
        parts = np.array(np.unravel_index(number, self._actions.nvec.flatten()))
        return (parts.reshape(self._actions.shape) + self._actions.start).astype(self._actions.dtype)

    def _encoded(self, observations: Sequence[Any]) -> Tensor:
        """Vectors [B, k]."""
        if isinstance(self._space, Box):
            flat = np.stack(observations).reshape(len(observations), -1)
        else:
            for one in observations:
                if not self._space.contains(one):
                    raise ValueError(
                        f"the environment gave an observation that is not in its {self._space}: {one!r:.80}"
                    )
            flat = np.stack([np.asarray(gym.spaces.flatten(self._space, one)) for one in observations])
        if not np.isfinite(flat).all():
            raise ValueError("the environment gave an observation that is not finite")
        return torch.as_tensor(flat.astype(np.float32), device=self._device)

    def _flags(self, values: Sequence[bool] | np.ndarray) -> Tensor:
        return torch.as_tensor(np.asarray(values, dtype=bool), device=self._device)


def _identity(like: Any) -> str:
    """Id and arguments where they are known, else the class and its spaces."""
    if like.spec is not None:
        options = ", ".join(f"{name}={value!r}" for name, value in sorted(like.spec.kwargs.items()))
        return f"{like.spec.id}({options})"
    return f"{type(like).__qualname__}({like.observation_space}, {like.action_space})"


class SeparateWorld(_GymnasiumWorld):
    """One environment a row, stepped one after the other."""

    def __init__(self, make: Callable[[int], gym.Env[Any, Any]], device: torch.device) -> None:
        self._make, self._environments = make, [make(0)]
        first = self._environments[0]
        super().__init__(first.action_space, first.observation_space, first.unwrapped, device)

    def reset(self, seeds: Sequence[int]) -> Tensor:
        while len(self._environments) < len(seeds):
            self._environments.append(self._make(len(self._environments)))
        self._live = [True] * len(seeds)
        self._last = [one.reset(seed=seed)[0] for one, seed in zip(self._environments, seeds, strict=False)]
        return self._encoded(self._last)

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rewards, terminated, truncated = (np.zeros(len(self._live), dtype) for dtype in (np.float64, bool, bool))
        for row, action in enumerate(actions.tolist()):
            if self._live[row]:
                answer = self._environments[row].step(self._taken(action))
                if len(answer) != 5:
                    what = "(observation, reward, terminated, truncated, info)"
                    raise ValueError(f"the environment's step must return {what}, got {len(answer)} values")
                self._last[row], rewards[row], terminated[row], truncated[row], _ = answer
                if not np.isfinite(rewards[row]):
                    raise ValueError(f"the environment gave a reward that is not finite: {rewards[row]}")
                self._live[row] = not (terminated[row] or truncated[row])
        ends = self._flags(terminated), self._flags(truncated & ~terminated)
        return self._encoded(self._last), torch.as_tensor(rewards, device=self._device), *ends


class AsyncWorld(_GymnasiumWorld):
    """Environments in processes of their own: as many rows as there are, or fewer."""

    def __init__(self, environments: AsyncVectorEnv, device: torch.device) -> None:
        if environments.metadata["autoreset_mode"] is not AutoresetMode.NEXT_STEP:
            mode = environments.metadata["autoreset_mode"].value
            raise ArgumentError(
                "environment", f"must be an AsyncVectorEnv with autoreset_mode 'NextStep', got {mode!r}"
            )
        self._environments, self.most = environments, environments.num_envs
        spaces = environments.single_action_space, environments.single_observation_space
        like = environments.env_fns[0]()  # those of the processes do not show their discount and policy
        super().__init__(*spaces, like.unwrapped, device)
        like.close()

    def reset(self, seeds: Sequence[int]) -> Tensor:
        count = self._environments.num_envs
        if len(seeds) > count:
            raise ArgumentError("environment", f"must have {len(seeds)} rows or more for as many episodes, got {count}")
        idle = [None] * (count - len(seeds))
        observations, _ = self._environments.reset(seed=[*seeds, *idle])
        self._live = np.array([True] * len(seeds) + [False] * len(idle))
        self._rows = len(seeds)
        self._last = list(iterate(self._environments.observation_space, observations))
        return self._encoded(self._last[: self._rows])

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        idle = [0] * (self._environments.num_envs - self._rows)  # rows that nobody plays must be told something
        chosen = np.stack([self._taken(number) for number in [*actions.tolist(), *idle]])
        observations, rewards, terminated, truncated, _ = self._environments.step(chosen)
        for row, one in enumerate(iterate(self._environments.observation_space, observations)):
            if self._live[row]:
                self._last[row] = one
        rows, live = slice(self._rows), self._live.copy()
        self._live = live & ~(terminated | truncated)
        paid = torch.as_tensor((rewards * live)[rows].astype(np.float64), device=self._device)
        ends = self._flags((terminated & live)[rows]), self._flags((truncated & ~terminated & live)[rows])
        return self._encoded(self._last[rows]), paid, *ends
