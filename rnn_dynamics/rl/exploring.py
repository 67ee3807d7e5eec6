"""Histories of the exploration policy: what agents are warmed up on, and what they learn from at first."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..checks import Count, checked, whole_number
from .entry import Environment, as_world
from .playing import EXPLORING, draws, episode_seed, exploring, played
from .replay import Replay
from .worlds import World

_AT_FIRST = 8
"""Episodes of each seed side by side; then twice as many, and so on, so that at most about half are in vain."""


@checked
def explore(environment: Environment, transitions: Count = 8192, *, seed: int = 0) -> list[Tensor]:
    """Histories of an environment's exploration policy, as an agent of that seed begins with.

    Args:
        environment: as in ``train_agent``.
        transitions: of all histories together, as many as fit in whole episodes.
        seed: of the environment and the policy.

    Returns:
        For each episode of T steps its T + 1 inputs [T + 1, m]: previous action as one-hot, previous reward,
        observation. ``warm_up`` and ``AttractorTracker`` take them as sequences.

    Raises:
        ValueError: for an environment that agents cannot play in, or whose first episode is longer than that.
    """
    world = as_world(environment)
    replay = Replay(transitions, world.input_size, torch.empty(0))
    fill(world, [replay], [whole_number(seed, "seed", 0)], transitions, transitions + 1)
    return replay.sequences


def fill(world: World, replays: Sequence[Replay], seeds: Sequence[int], transitions: int, longest: int) -> None:
    """Fill the replay of each seed with the first histories of the exploration policy that fit.

    Raises:
        ValueError: if not even one does.
    """
    number, count, unfilled = 0, _AT_FIRST, list(range(len(seeds)))
    while unfilled:
        several = count if world.most is None else max(1, min(count, world.most // len(unfilled)))
        cases = [(row, number + k) for row in unfilled for k in range(several)]
        first = world.reset([episode_seed(seeds[row], EXPLORING, episode) for row, episode in cases])
        chance = [draws(seeds[row], EXPLORING, episode) for row, episode in cases]
        for (row, _), history in zip(cases, played(world, first, exploring(world, chance), longest), strict=True):
            if row in unfilled and replays[row].transitions + history.steps <= transitions:
                replays[row].add(history.inputs, history.terminated)
            elif row in unfilled:
                unfilled.remove(row)
                if not len(replays[row]):
                    raise ValueError(
                        f"the first episode took {history.steps} steps or more, which do not fit into {transitions} "
                        "transitions: explore more of them, or cut episodes off sooner"
                    )
        number, count = number + several, 2 * count
