"""Thousands of T-Mazes, stepped side by side in one torch program."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from ..checks import ArgumentError, CheckedInside, Count, Share, checked, whole_number
from .draws import keys_of, signed, uniforms
from .maze import Length, Rendering, TMaze
from .maze_drawing import frame, text
from .maze_rules import EXPLORATION, GAMMA, GOALS, horizon
from .maze_tables import maze_tables


@dataclass(frozen=True, eq=False)
class MazeStep:
    """What one step did to every maze, on their device."""

    observations: Tensor
    """Numbers, int64 [n]; with the mode "SameStep" those of the next episode where one ended."""

    rewards: Tensor
    """float64 [n]."""

    terminated: Tensor
    """An arm was entered, [n]."""

    truncated: Tensor
    """The horizon was reached, and no arm entered, [n]."""

    last_observations: Tensor
    """What was seen at the step's end, [n], before any reset: the same, but with "SameStep" where an episode ended."""


@checked
class TMazeVector(VectorEnv):
    """Many mazes of ``TMaze``, step for step what those would do one at a time.

    Row i, reset with seed s, is a ``TMaze`` reset with s + i, as Gymnasium has it: the same goals and slips in every
    episode from there on. Arrays come and go by Gymnasium's contract; ``reset_tensors`` and ``step_tensors`` do the
    same on the device, with nothing copied to the host.

    ``gym.make_vec("rnn_dynamics.rl:rnn_dynamics/TMaze-v0", 4096, vectorization_mode="vector_entry_point")`` makes one.

    Attributes:
        lengths: L of each maze, [n].
        goals: 0 where it is up, 1 where down, [n].
    """

    gamma = GAMMA
    exploration_policy = EXPLORATION

    def __init__(
        self,
        num_envs: Count = 1,
        length: Length | Sequence[Length] = 10,
        stochasticity: Share = 0.0,
        *,
        fully_observed: bool = False,
        autoreset_mode: Annotated[str | AutoresetMode, CheckedInside()] = AutoresetMode.NEXT_STEP,
        device: torch.device | str | None = None,
        render_mode: Rendering | None = None,
    ) -> None:
        """Make the mazes.

        Args:
            num_envs: n.
            length: L, of all or of each: mazes of several lengths run in one program too.
            stochasticity, fully_observed, render_mode: as in ``TMaze``.
            autoreset_mode: what becomes of a maze whose episode has ended. "NextStep", Gymnasium's default: its next
                step resets it, whatever the action, with reward 0. "SameStep": it is reset at once, and its last
                observation is in ``infos["final_obs"]``. "Disabled": it rests, with rewards of 0, until it is reset;
                ``step`` then refuses to go on, ``step_tensors`` lets it rest.
            device: where they run; the CPU by default.

        Raises:
            ValueError: for lengths that are not as many as mazes, several lengths with ``fully_observed`` (their
                observations would not mean the same), and what ``TMaze`` refuses.
        """
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except (ValueError, TypeError) as error:
            modes = ", ".join(repr(mode.value) for mode in AutoresetMode)
            raise ArgumentError("autoreset_mode", f"must be one of {modes}, got {autoreset_mode!r}") from error
        several = [length] * num_envs if isinstance(length, int) else list(length)
        if len(several) != num_envs:
            raise ArgumentError("length", f"must be one number or {num_envs}, one a maze; got {len(several)}")
        kinds = sorted(set(several))
        if fully_observed and len(kinds) > 1:
            raise ArgumentError("fully_observed", f"needs mazes of one length, got lengths {kinds[:6]}")
        like = TMaze(kinds[-1], stochasticity, fully_observed=fully_observed)
        self.num_envs, self.render_mode = num_envs, render_mode
        self.metadata = {**TMaze.metadata, "autoreset_mode": self.autoreset_mode}
        self.stochasticity, self.fully_observed = stochasticity, fully_observed
        self.single_action_space, self.single_observation_space = like.action_space, like.observation_space
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

        self.device = torch.device("cpu" if device is None else device)
        tables = maze_tables(*kinds).to(self.device)
        self._shown, self._ends = tables.places if fully_observed else tables.seen, tables.ends
        # Of action after action: an index of another number of actions is out of range, and no state of a wrong row.
        self._next_states, self._rewards = tables.next_states.T.flatten(), tables.rewards.T.flatten()
        self.lengths = torch.tensor(several, device=self.device)
        self._horizons = torch.tensor([horizon(one) for one in several], device=self.device)
        self._firsts = tables.firsts[torch.tensor([kinds.index(one) for one in several], device=self.device)]
        self.goals, self._states = torch.zeros_like(self.lengths), self._firsts[:, 0].clone()
        self._steps, self._draws = torch.zeros_like(self.lengths), torch.zeros_like(self.lengths)
        self._over = torch.ones_like(self.lengths, dtype=torch.bool)
        self._keys: Tensor | None = None

    @checked
    def reset_tensors(
        self, *, seeds: Tensor | int | None = None, goals: Tensor | None = None, rows: Tensor | None = None
    ) -> Tensor:
        """Begin episodes.

        Args:
            seeds: of each maze's draws from here on, [n], or s for s, s + 1, ...; they go on by default.
            goals: 0 for up, 1 for down, [n]; drawn by default.
            rows: a mask [n] of the mazes to reset; all by default.

        Returns:
            Observations, int64 [n].

        Raises:
            ValueError: for tensors of another shape or type, and goals that are neither 0 nor 1.
        """
        if isinstance(seeds, Tensor):
            self._require("seeds", seeds, torch.int64)
        if rows is not None:
            self._require("rows", rows, torch.bool)
        if goals is not None:
            self._require("goals", goals, torch.int64)
            if goals.device.type == "cpu" and bool((goals >> 1).any()):
                raise ArgumentError("goals", "must be 0 for up or 1 for down, got others")
        chosen = torch.ones_like(self._over) if rows is None else rows.to(self.device)
        if seeds is None and self._keys is None:
            seeds = int(self.np_random.integers(2**62))
        if seeds is not None:
            if not isinstance(seeds, Tensor):
                seeds = torch.arange(self.num_envs, device=self.device) + signed(seeds)
            keys = keys_of(seeds.to(self.device))
            self._keys = keys if self._keys is None else torch.where(chosen, keys, self._keys)
            self._draws = self._draws.masked_fill(chosen, 0)
        self._begin(chosen, goals)
        return self._shown[self._states]

    @checked
    def step_tensors(self, actions: Tensor) -> MazeStep:
        """Take one step in every maze.

        Args:
            actions: int64 [n], from 0 to 3, on the mazes' device.

        Raises:
            ValueError: for other actions; on a GPU numbers beyond 3 fail there, as torch's indices do.
        """
        self._require("actions", actions, torch.int64)
        if actions.device.type != self.device.type:
            raise ArgumentError("actions", f"must be on {self.device}, got them on {actions.device}")
        before = self._over
        moves = self._slipped(actions, ~before) if self.stochasticity > 0 else actions
        entries = torch.add(self._states, moves, alpha=len(self._shown))
        try:
            after = self._next_states.index_select(0, entries)
        except IndexError as error:
            raise ArgumentError("actions", "must be from 0 to 3 (right, up, left, down), got others") from error
        rewards = self._rewards.index_select(0, entries).masked_fill(before, 0.0)
        self._states = torch.where(before, self._states, after)
        self._steps = self._steps + 1
        terminated = self._ends[self._states]
        truncated = (self._steps >= self._horizons) & ~terminated
        if self.autoreset_mode is AutoresetMode.DISABLED:
            terminated, truncated = terminated & ~before, truncated & ~before
            self._over = before | terminated | truncated
            seen = self._shown[self._states]
            return MazeStep(seen, rewards, terminated, truncated, seen)
        if self.autoreset_mode is AutoresetMode.NEXT_STEP:
            terminated, truncated = terminated & ~before, truncated & ~before
            self._over = terminated | truncated
            self._begin(before)
            seen = self._shown[self._states]
            return MazeStep(seen, rewards, terminated, truncated, seen)
        seen = self._shown[self._states]
        self._begin(terminated | truncated)
        return MazeStep(self._shown[self._states], rewards, terminated, truncated, seen)

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin episodes, of all mazes or of those in ``options["reset_mask"]``.

        Args:
            seed: s, for seeds s, s + 1, ... of the mazes, or one for each.
            options: "goal", "up" or "down" or an array of them, chooses goals; "reset_mask" mazes, as in Gymnasium.
        """
        options = options or {}
        goals, seeds = options.get("goal"), seed if seed is None or isinstance(seed, int) else self._seeds(seed)
        super().reset(seed=seed if isinstance(seed, int) else None)
        observations = self.reset_tensors(
            seeds=seeds,
            goals=None if goals is None else self._goal_numbers(goals),
            rows=None if "reset_mask" not in options else self._mask(options["reset_mask"]),
        )
        return observations.cpu().numpy(), {}

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take one step in every maze.

        Raises:
            ValueError: for what are no actions.
            gymnasium.error.ResetNeeded: before the first reset; with "Disabled" where an episode is over.
        """
        try:
            moves = np.asarray(actions.detach().cpu() if isinstance(actions, Tensor) else actions)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ArgumentError("actions", f"must be numbers, got {type(actions).__name__}: {error}") from error
        whole = moves.shape == (self.num_envs,) and moves.dtype.kind in "iu"
        if not whole or moves.min() < 0 or moves.max() > 3:
            words = f"must be {self.num_envs} whole numbers from 0 to 3 (right, up, left, down)"
            raise ArgumentError("actions", f"{words}, got {moves.dtype} {list(moves.shape)}: {str(moves)[:60]}")
        if self._keys is None or (self.autoreset_mode is AutoresetMode.DISABLED and bool(self._over.any())):
            raise gym.error.ResetNeeded("an episode is over, or none was begun: call reset()")
        done = self.step_tensors(torch.as_tensor(moves.astype(np.int64), device=self.device))
        infos: dict[str, Any] = {}
        ended = (done.terminated | done.truncated).cpu().numpy()
        if self.autoreset_mode is AutoresetMode.SAME_STEP and ended.any():
            last = np.full(self.num_envs, None, dtype=object)
            last[ended] = list(done.last_observations.cpu().numpy()[ended])
            infos = {"final_obs": last, "_final_obs": ended, "final_info": {}, "_final_info": ended}
        arrays = (done.observations, done.rewards, done.terminated, done.truncated)
        return *(array.cpu().numpy() for array in arrays), infos  # pyright: ignore[reportReturnType]

    def render(self) -> tuple[Any, ...] | None:
        """Each maze as text or as an image."""
        if self.render_mode is None:
            gym.logger.warn("render() draws nothing: the mazes were made without render_mode='ansi' or 'rgb_array'")
            return None
        draw = text if self.render_mode == "ansi" else frame
        places = (self._states - self._firsts.gather(1, self.goals.unsqueeze(1)).squeeze(1)).tolist()
        rows = zip(self.lengths.tolist(), places, self.goals.tolist(), strict=True)
        return tuple(
            draw(length, min(place, length), place - length - 1 if place > length else None, goal)
            for length, place, goal in rows
        )

    def _require(self, name: str, values: Tensor, dtype: torch.dtype) -> None:
        if values.shape != (self.num_envs,) or values.dtype != dtype:
            got = f"{values.dtype} {list(values.shape)}"
            raise ArgumentError(name, f"must be {dtype} [{self.num_envs}], got {got}")

    def _begin(self, rows: Tensor, goals: Tensor | None = None) -> None:
        """New episodes in the rows of a mask."""
        if self.device.type == "cpu" and not rows.any():
            return
        assert self._keys is not None
        self._draws = self._draws + rows.long()
        drawn = (uniforms(self._keys, self._draws) >= 0.5).long()
        self.goals = torch.where(rows, drawn if goals is None else goals.to(self.device), self.goals)
        first = self._firsts.gather(1, self.goals.unsqueeze(1)).squeeze(1)
        self._states = torch.where(rows, first, self._states)
        self._steps = self._steps.masked_fill(rows, 0)
        self._over = self._over & ~rows

    def _slipped(self, actions: Tensor, rows: Tensor) -> Tensor:
        """The actions that are taken: those of rows that slip are drawn."""
        assert self._keys is not None
        self._draws = self._draws + rows.long()
        u = uniforms(self._keys, self._draws)
        drawn = (4 * (u / self.stochasticity)).long().clamp(max=3)
        return torch.where(u < self.stochasticity, drawn, actions)

    def _seeds(self, seeds: Sequence[int]) -> Tensor:
        if len(seeds) != self.num_envs:
            raise ArgumentError("seed", f"must be one number or {self.num_envs}, one a maze; got {len(seeds)}")
        return torch.tensor([signed(whole_number(seed, "seed", 0)) for seed in seeds])

    def _goal_numbers(self, goals: Any) -> Tensor:
        named = np.broadcast_to(np.asarray(goals), (self.num_envs,)) if np.ndim(goals) == 0 else np.asarray(goals)
        if named.shape != (self.num_envs,) or not np.isin(named, GOALS).all():
            raise ArgumentError("options", f"must have goals 'up' or 'down', one or {self.num_envs}, got {goals!r}")
        return torch.as_tensor((named == GOALS[1]).astype(np.int64), device=self.device)

    def _mask(self, mask: Any) -> Tensor:
        if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != (self.num_envs,) or not mask.any():
            raise ArgumentError(
                "options", f"must have as reset_mask an array of {self.num_envs} bool, one or more True"
            )
        return torch.as_tensor(mask, device=self.device)
