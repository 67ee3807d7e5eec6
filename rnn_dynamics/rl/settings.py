"""How an agent learns."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from ..checks import ArgumentError, AtLeast, Count, OrInfinite, Positive, Share, Told, checked
from ..warmup import Horizon


@checked
@dataclass(frozen=True)
class AgentSettings:
    """How ``train_agent`` and ``train_agents`` train; the defaults are those of arXiv 2106.01001.

    Args:
        episodes: that an agent plays and learns from.
        updates: of the weights after each episode.
        batch_size: whole histories in an update, drawn from the buffer with replacement.
        lr: of Adam.
        gamma: the discount of a step's future; that of the environment by default, .98 where it has none.
        epsilon: how often an agent that plays takes its next action from the environment's exploration policy.
        buffer: transitions that are kept; the oldest histories make room.
        explored: transitions played by the exploration policy alone before the first episode, as many as fit into the
            buffer by default. Warmup is done on their histories.
        target_every: episodes after which the target network takes the weights over.
        evaluate_every: episodes between two evaluations, which are greedy.
        evaluated: episodes of an evaluation; by default those that the environment says are enough, 10 if it says
            nothing.
        double: let the network that learns choose the action that the target network values (double Q-learning, arXiv
            1509.06461), instead of the target network both.
        longest: steps after which an episode is cut off, whatever the environment says: not every one ever ends. It
            is then learned from as one that was truncated. By default half the published buffer, so that two fit.
        clip_norm: c > 0 scales a gradient g by min(1, c / (|g| + 1e-6)); none by default.

    Raises:
        ValueError: for a setting out of range.
    """

    episodes: Count = 2000
    updates: Count = 10
    batch_size: Count = 32
    lr: Annotated[float, Positive()] = 1e-3
    gamma: Share | None = None
    epsilon: Share = 0.2
    buffer: Count = 8192
    explored: Count | None = None
    target_every: Count = 20
    evaluate_every: Count = 20
    evaluated: Count | None = None
    double: bool = False
    longest: Count = 4096
    clip_norm: Annotated[float, OrInfinite(), Positive(), Told("positive, or None")] | None = None

    def __post_init__(self) -> None:
        if self.explored is not None and self.explored > self.buffer:
            raise ArgumentError("explored", f"must fit into the buffer of {self.buffer}, got {self.explored}")

    def deciding(self) -> dict[str, Any]:
        """Those that a resumed training must share with its beginning: all but ``episodes``, which may grow."""
        return {name: value for name, value in asdict(self).items() if name != "episodes"}


@checked
@dataclass(frozen=True)
class AgentWarmup:
    """How an agent is warmed up on the histories of its exploration, before it plays; as published by default.

    Args:
        steps, lr, batch_size, horizon, cells, clip_norm: as in ``warm_up``.

    Raises:
        ValueError: for a setting out of range.
    """

    steps: Count = 100
    lr: Annotated[float, Positive()] = 1e-2
    batch_size: Annotated[int, AtLeast(2)] = 32
    horizon: Horizon | None = None
    cells: Annotated[tuple[int, ...], Told("whole numbers in a tuple")] = (0,)
    clip_norm: Annotated[float, OrInfinite(), Positive(), Told("positive, or None")] | None = None
