"""How well an agent plays, one row a length."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from ..store import storable
from ..tables import Table

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class AgentEvaluation(Table, whole=("gamma", "stochasticity", "rollouts")):
    """Greedy episodes in T-Mazes of several lengths, for both goals, beside the known optimum."""

    _dimensions: ClassVar = dict.fromkeys(("steps", "returns", "discounted", "reached"), ("row", "goal"))

    lengths: Tensor
    """L, [rows]."""

    steps: Tensor
    """Of an episode, for goal up and goal down, [rows, 2]; means, as those below, over ``rollouts``."""

    returns: Tensor
    """Sums of rewards, [rows, 2]."""

    discounted: Tensor
    """Sums of gamma^t times rewards, [rows, 2]."""

    reached: Tensor
    """Share of episodes that ended at the goal, [rows, 2]."""

    optimal: Tensor | None
    """Whether both goals were reached in L + 1 steps with a return of 4, [rows]; None of mazes that draw."""

    optimum: Tensor
    """The most that can be expected of an episode, discounted, [rows]."""

    errors: Tensor
    """Standard errors of the mean discounted return, [rows]: 0 of mazes that draw nothing, NaN of one
    rollout."""

    gamma: float
    stochasticity: float
    rollouts: int
    """Episodes for each goal."""

    @property
    def discounted_returns(self) -> Tensor:
        """Means over both goals, which are equally likely, [rows]."""
        return self.discounted.mean(1)

    def summary(self) -> str:
        """One line."""
        mazes = f"agent in T-Mazes of {self._counted('length')}"
        if self.optimal is not None:
            best = self.lengths[self.optimal].tolist()
            told = f"optimal at {', '.join(str(length) for length in best)}" if best else "optimal at none"
            return f"{mazes}: {told}"
        ratios = zip(
            (self.discounted_returns / self.optimum).tolist(), (self.errors / self.optimum).tolist(), strict=True
        )
        shares = ", ".join(f"{share:.3g} ± {error:.1g}" for share, error in ratios)
        return f"{mazes}, actions slip with probability {self.stochasticity:g}: {shares} of the optimal return"

    def to_pandas(self) -> "pd.DataFrame":
        """One row a length."""
        import pandas as pd

        columns: dict[str, Any] = {"length": self.lengths}
        for goal, name in enumerate(("up", "down")):
            columns |= {f"return, goal {name}": self.returns[:, goal], f"steps, goal {name}": self.steps[:, goal]}
        columns |= {"discounted": self.discounted_returns, "optimum": self.optimum}
        columns |= {"standard error": self.errors} if self.optimal is None else {"optimal": self.optimal}
        return pd.DataFrame({name: column.numpy() for name, column in columns.items()})
