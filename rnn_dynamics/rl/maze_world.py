"""T-Mazes as agents meet them: all episodes in one program."""

import math
from collections.abc import Sequence

import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor
from torch.nn.functional import one_hot

from .draws import signed
from .maze import TMaze
from .maze_rules import EXPLORATION, GAMMA
from .maze_vector import TMazeVector
from .worlds import World


class MazeWorld(World):
    """Mazes of one length or, with a length for each row, of several."""

    def __init__(
        self,
        length: int | Sequence[int],
        stochasticity: float = 0.0,
        *,
        fully_observed: bool = False,
        device: torch.device | str | None = None,
    ) -> None:
        """Set up for mazes as ``TMaze`` takes them."""
        self._options = {"stochasticity": stochasticity, "fully_observed": fully_observed, "device": device}
        self._length = length
        self.actions, self.gamma = 4, GAMMA
        self.identity = f"TMaze(length={length}, stochasticity={stochasticity}, fully_observed={fully_observed})"
        self.exploration = torch.tensor(EXPLORATION, dtype=torch.float64)
        longest = length if isinstance(length, int) else max(length)
        self.observation_size = 2 * (longest + 1) if fully_observed else 4
        self.cases = 2 if stochasticity == 0 and isinstance(length, int) else None
        self._mazes: TMazeVector | None = None

    def reset(self, seeds: Sequence[int]) -> Tensor:
        """Begin an episode for each seed."""
        mazes = self._of(len(seeds))
        return self._encoded(mazes.reset_tensors(seeds=torch.tensor([signed(seed) for seed in seeds])))

    def optimal_return(self, gamma: float) -> float:
        """That of ``TMaze``, for both goals; NaN for several lengths."""
        return (
            TMaze(self._length, self._options["stochasticity"]).optimal_return(gamma)
            if isinstance(self._length, int)
            else math.nan
        )

    def reset_cases(self, copies: int = 1) -> Tensor:
        """Begin an episode for each goal, up first, copy after copy."""
        return self.reset_goals(torch.arange(2).repeat(copies), [0, 1] * copies)

    def reset_goals(self, goals: Tensor, seeds: Sequence[int]) -> Tensor:
        """Begin episodes whose goals are chosen, 0 for up; seeds are of what slips."""
        seeded = torch.tensor([signed(seed) for seed in seeds])
        return self._encoded(self._of(len(goals)).reset_tensors(seeds=seeded, goals=goals))

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """One step of every maze."""
        assert self._mazes is not None, "step comes after reset"
        done = self._mazes.step_tensors(actions)
        return self._encoded(done.observations), done.rewards, done.terminated, done.truncated

    def _of(self, rows: int) -> TMazeVector:
        if self._mazes is None or self._mazes.num_envs != rows:
            self._mazes = TMazeVector(rows, self._length, autoreset_mode=AutoresetMode.DISABLED, **self._options)
        return self._mazes

    def _encoded(self, observations: Tensor) -> Tensor:
        return one_hot(observations, self.observation_size).float()
