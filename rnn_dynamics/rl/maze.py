"""The T-Maze as a Gymnasium environment."""

from typing import Annotated, Any, Literal

import gymnasium as gym
import numpy as np

from ..checks import ArgumentError, AtLeast, Share, checked
from .draws import key_of, uniform
from .maze_drawing import frame, text
from .maze_rules import EXPLORATION, GAMMA, GOALS, LONGEST, horizon, moved, seen
from .maze_tables import maze_tables
from .tabular import TabularProblem

Length = Annotated[int, AtLeast(1, LONGEST)]
Rendering = Literal["ansi", "rgb_array"]


@checked
class TMaze(gym.Env[np.int64, np.int64]):
    """A corridor of L steps whose start shows a sign, and at its end two arms, one of which the sign meant.

    Actions are right, up, left and down (``Move``); observations goal up, goal down, corridor and junction (``Seen``),
    as numbers: a ``Discrete`` space says that there are four and no more, which an automaton needs and a Box of one-hot
    vectors would not say; networks get them one-hot from ``InputEncoding``. Rewards are +4 for the goal, -0.1 for the
    other arm and for a wall, else 0. Either arm terminates an episode; after 3 L - 1 steps it is truncated.

    The best policy gets 4 gamma^L, on step L + 1. Draws are counted (``draws``): with the same seeds ``TMazeVector``
    has the same goals and slips.

    ``gym.make("rnn_dynamics/TMaze-v0", length=10)`` makes one once ``rnn_dynamics.rl`` has been imported;
    ``gym.make("rnn_dynamics.rl:rnn_dynamics/TMaze-v0")`` imports it.

    After Bakker 2001, with the numbers of arXiv 2106.01001.
    """

    metadata = {"render_modes": ["ansi", "rgb_array"], "render_fps": 8}  # noqa: RUF012  # as Gymnasium has it

    gamma = GAMMA
    """The discount factor that the published results are for."""

    exploration_policy = EXPLORATION
    """Probabilities of right, up, left and down while exploring."""

    def __init__(
        self,
        length: Length = 10,
        stochasticity: Share = 0.0,
        *,
        fully_observed: bool = False,
        render_mode: Rendering | None = None,
    ) -> None:
        """Make a maze.

        Args:
            length: L, steps from the sign to the junction.
            stochasticity: with this probability an action is replaced by one of all four, drawn evenly.
            fully_observed: observe g (L + 1) + x, goal and position, of 2 (L + 1): no memory is needed then, and the
                values of actions are known, ``problem().action_values(gamma)``.
            render_mode: "ansi" for text, "rgb_array" for an image.

        Raises:
            ValueError: for a length below 1, and for what is no probability.
        """
        self.length, self.stochasticity, self.fully_observed = length, stochasticity, fully_observed
        self.horizon = horizon(length)
        self.render_mode = render_mode
        self.action_space = gym.spaces.Discrete(4)
        self.observation_space = gym.spaces.Discrete(2 * (length + 1) if fully_observed else 4)
        self._key: int | None = None
        self._draws = 0
        self._goal, self._position, self._arm = 0, 0, None
        self._steps: int | None = None  # of the episode; None between episodes

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: of all draws from here on.
            options: {"goal": "up"} or {"goal": "down"} to choose the goal, which is drawn else.
        """
        super().reset(seed=seed)
        if seed is not None or self._key is None:
            self._begin_draws()
        drawn = int(self._drawn() >= 0.5)  # drawn always, so that a chosen goal leaves later draws as they are
        goal = (options or {}).get("goal")
        if goal not in (None, *GOALS):
            raise ArgumentError("options", f"must have goal 'up' or 'down', got {goal!r}")
        self._goal = drawn if goal is None else GOALS.index(goal)
        self._position, self._arm, self._steps = 0, None, 0
        return self._observation(), {}

    def step(self, action: Any) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        """Take one step.

        Raises:
            ValueError: for what is no action.
            gymnasium.error.ResetNeeded: if no episode is under way.
        """
        if not self.action_space.contains(action):
            raise ArgumentError("action", f"must be a whole number from 0 to 3 (right, up, left, down), got {action!r}")
        if self._steps is None:
            raise gym.error.ResetNeeded("the episode is over, or none was begun: call reset()")
        move = int(action)
        if self.stochasticity > 0 and (u := self._drawn()) < self.stochasticity:
            move = min(int(4 * (u / self.stochasticity)), 3)
        self._position, self._arm, reward = moved(self._position, move, self._goal, self.length)
        self._steps += 1
        terminated = self._arm is not None
        truncated = not terminated and self._steps >= self.horizon
        if terminated or truncated:
            self._steps = None
        return self._observation(), reward, terminated, truncated, {}

    def render(self) -> Any:
        """The maze as text or as an image [height, width, 3] of uint8."""
        if self.render_mode is None:
            gym.logger.warn("render() draws nothing: the maze was made without render_mode='ansi' or 'rgb_array'")
            return None
        draw = text if self.render_mode == "ansi" else frame
        return draw(self.length, self._position, self._arm, self._goal)

    def problem(self) -> TabularProblem:
        """The maze as seen by one who sees goal and position, its states in the order of ``maze_tables``."""
        return maze_tables(self.length).problem(self.stochasticity)

    @checked
    def optimal_return(self, gamma: Share | None = None) -> float:
        """The most that can be expected of an episode, discounted: 4 gamma^L, or by induction if actions may slip.

        Args:
            gamma: the discount factor; ``self.gamma`` by default.
        """
        gamma = self.gamma if gamma is None else gamma
        if self.stochasticity == 0:
            return 4.0 * gamma**self.length
        return float(self.problem().values_within(gamma, self.horizon)[0])

    def _begin_draws(self) -> None:
        # A generator that a caller put in place has no seed that is known; then it gives one.
        known = self.np_random_seed
        self._key = key_of(int(self.np_random.integers(2**63)) if known in (None, -1) else known)
        self._draws = 0

    def _drawn(self) -> float:
        assert self._key is not None
        self._draws += 1
        return uniform(self._key, self._draws)

    def _observation(self) -> np.int64:
        if self.fully_observed:
            return np.int64(self._goal * (self.length + 1) + self._position)
        return np.int64(seen(self._position, self._goal, self.length))
