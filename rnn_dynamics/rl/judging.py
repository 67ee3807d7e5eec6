"""How agents do while they are trained: greedy episodes, the same at every evaluation."""

import math
from dataclasses import dataclass

from torch import Tensor

from .members import AgentMembers
from .playing import EVALUATING, History, by_values, episode_seed, played
from .worlds import World

_EPISODES = 10
"""Of an evaluation where neither the settings nor the environment say how many are enough."""


@dataclass(frozen=True)
class Judge:
    """Where agents are evaluated, and against what."""

    world: World
    gamma: float
    evaluated: int | None
    """Episodes that were asked for; None for as many as tell all, where the environment draws nothing."""

    longest: int
    """Steps after which an episode is cut off."""

    @property
    def cases(self) -> int | None:
        """How many episodes tell all that there is to know of a greedy agent; None if none do."""
        return self.world.cases if self.evaluated is None else None

    @property
    def episodes(self) -> int:
        """How many an evaluation plays."""
        return self.cases or self.evaluated or _EPISODES

    @property
    def optimal_return(self) -> float:
        """That of every single episode of the best policy; NaN if nobody knows it, or chance has a part in it."""
        return math.nan if self.world.cases is None else self.world.optimal_return(self.gamma)

    def evaluate(self, members: AgentMembers) -> list[list[History]]:
        """The greedy episodes of each agent, all played side by side."""
        agents = len(members)
        if self.cases is not None:
            return self._played(self.world.reset_cases(agents), members)
        seeds = [episode_seed(0, EVALUATING, number) for number in range(self.episodes)]
        size = self.episodes if self.world.most is None else max(1, self.world.most // agents)
        histories: list[list[History]] = [[] for _ in range(agents)]
        for begin in range(0, self.episodes, size):
            first = self.world.reset(seeds[begin : begin + size] * agents)
            for own, more in zip(histories, self._played(first, members), strict=True):
                own += more
        return histories

    def _played(self, first: Tensor, members: AgentMembers) -> list[list[History]]:
        each = len(first) // len(members)
        histories = played(self.world, first, by_values(members, each), self.longest)
        return [histories[row : row + each] for row in range(0, len(histories), each)]
