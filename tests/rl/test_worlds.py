"""Environments as agents meet them, however they are given."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers import FlattenObservation, TimeLimit
from problems.environments import TwoSteps

from rnn_dynamics.rl import HiddenVelocity, Move, TMaze, TMazeVector, as_world
from rnn_dynamics.rl.gymnasium_worlds import AsyncWorld, SeparateWorld
from rnn_dynamics.rl.maze_world import MazeWorld
from rnn_dynamics.rl.worlds import after, no_previous

MAZE, CART_POLE, HIDDEN = "rnn_dynamics/TMaze-v0", "CartPole-v1", "rnn_dynamics/HiddenVelocityCartPole-v0"
SEEDS = [3, 14, 15, 92]


def played(world, seeds: list[int], steps: int) -> list[list[Any]]:
    """What each row sees, under actions that follow from its seed."""
    drawn = [torch.randint(world.actions, (steps,), generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    told = [world.reset(seeds)]
    for chosen in torch.stack(drawn, dim=1):
        told += world.step(chosen)
    return [[part[row].tolist() for part in told] for row in range(len(seeds))]


def one_by_one(make: Callable[[], gym.Env], seeds: list[int], steps: int) -> list[list[Any]]:
    """The same by Gymnasium's own interface."""
    histories = []
    for seed in seeds:
        environment = make()
        space = environment.observation_space
        size = int(environment.action_space.n)
        moves = torch.randint(size, (steps,), generator=torch.Generator().manual_seed(seed)).tolist()
        seen = np.float32(gym.spaces.flatten(space, environment.reset(seed=seed)[0])).tolist()
        told, over = [seen], False
        for move in moves:
            if over:
                told += [seen, 0.0, False, False]
                continue
            observation, reward, terminated, truncated, _ = environment.step(move)
            seen = np.float32(gym.spaces.flatten(space, observation)).tolist()
            told += [seen, reward, terminated, truncated and not terminated]
            over = terminated or truncated
        histories.append(told)
    return histories


def maze(**options) -> gym.Env:
    return gym.make(MAZE, length=3, **options)


GIVEN: dict[str, tuple[Any, Callable[[], gym.Env], type]] = {
    "id": (MAZE, lambda: gym.make(MAZE), MazeWorld),
    "maze": (TMaze(3, 0.2), lambda: TMaze(3, 0.2), MazeWorld),
    "made maze": (maze(), maze, MazeWorld),
    "function": (lambda: TMaze(2), lambda: TMaze(2), MazeWorld),
    "fully observed maze": (TMaze(3, fully_observed=True), lambda: TMaze(3, fully_observed=True), MazeWorld),
    "maze vector": (TMazeVector(9, 3, 0.5), lambda: TMaze(3, 0.5), MazeWorld),
    "maze with less time": (maze(max_episode_steps=4), lambda: maze(max_episode_steps=4), SeparateWorld),
    "wrapped maze": (TimeLimit(TMaze(3), 2), lambda: TimeLimit(TMaze(3), 2), SeparateWorld),
    "CartPole": (CART_POLE, lambda: gym.make(CART_POLE), SeparateWorld),
    "made CartPole": (gym.make(CART_POLE), lambda: gym.make(CART_POLE), SeparateWorld),
    "no velocities": (HIDDEN, lambda: gym.make(HIDDEN), SeparateWorld),
    "unregistered": (TwoSteps(), TwoSteps, SeparateWorld),
    "SyncVectorEnv": (gym.make_vec(CART_POLE, 2, "sync"), lambda: gym.make(CART_POLE), SeparateWorld),
    "SyncVectorEnv of a generator": (
        SyncVectorEnv(partial(gym.make, CART_POLE) for _ in range(2)),
        lambda: gym.make(CART_POLE),
        SeparateWorld,
    ),
    "toy text": ("FrozenLake-v1", lambda: gym.make("FrozenLake-v1"), SeparateWorld),
    "tuple": ("Blackjack-v1", lambda: gym.make("Blackjack-v1"), SeparateWorld),
    "image": (
        lambda: gym.wrappers.ReshapeObservation(gym.make(CART_POLE), (2, 2)),
        lambda: gym.wrappers.ReshapeObservation(gym.make(CART_POLE), (2, 2)),
        SeparateWorld,
    ),
}


@pytest.mark.parametrize("name", GIVEN)
def test_each_row_is_what_gymnasium_gives_for_its_seed(name: str) -> None:
    given, make, kind = GIVEN[name]
    world = as_world(given)
    assert type(world) is kind
    known = one_by_one(make, SEEDS, 40)
    assert played(world, SEEDS, 40) == known
    assert any(True in told for told in known)  # episodes end, and rows rest
    # Fewer and other rows afterwards, each as before.
    assert played(world, SEEDS[1::2], 40) == known[1::2]
    assert len(known[0][0]) == world.observation_size == world.input_size - world.actions - 1


def test_processes_of_their_own() -> None:
    environments = AsyncVectorEnv([lambda: gym.make(CART_POLE)] * 4)
    try:
        world = as_world(environments)
        assert type(world) is AsyncWorld
        known = one_by_one(lambda: gym.make(CART_POLE), SEEDS, 40)
        assert played(world, SEEDS, 40) == known
        assert played(world, SEEDS[:2], 40) == known[:2]
        with pytest.raises(ValueError, match="must have 5 rows or more for as many episodes, got 4"):
            world.reset(range(5))
    finally:
        environments.close()


def test_environments_of_a_vector_keep_their_rows() -> None:
    lengths = (1, 4)
    world = as_world(SyncVectorEnv([lambda length=length: TMaze(length) for length in lengths]))
    world.reset([0, 1, 2, 3])
    seen = world.step(torch.zeros(4, dtype=torch.long))[0].argmax(1)
    assert seen.tolist() == [3, 2, 3, 2]  # in mazes of one step the junction is reached


def test_actions_of_several_parts_are_numbered() -> None:
    class Parts(gym.Env):
        action_space, observation_space = gym.spaces.MultiDiscrete([2, 3]), gym.spaces.MultiDiscrete([2, 3])

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            return np.array([0, 0]), {}

        def step(self, action):
            assert self.action_space.contains(action)
            return action, 0.0, False, False, {}

    world = as_world(Parts())
    assert (world.actions, world.observation_size) == (6, 5)
    world.reset(range(6))
    seen = world.step(torch.arange(6))[0]
    assert [(one[:2].argmax().item(), one[2:].argmax().item()) for one in seen] == [
        (a, b) for a in range(2) for b in range(3)
    ]


def test_actions_that_do_not_begin_at_zero() -> None:
    class Shifted(gym.Env):
        action_space, observation_space = gym.spaces.Discrete(3, start=-1), gym.spaces.Discrete(3, start=5)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            return 5, {}

        def step(self, action):
            assert self.action_space.contains(action)
            return 6 + int(action), 0.0, False, False, {}

    world = as_world(Shifted)
    assert world.reset([0, 1, 2])[0].tolist() == [1, 0, 0]
    assert world.step(torch.arange(3))[0].tolist() == torch.eye(3).tolist()


def test_what_a_world_says() -> None:
    mazes = as_world(TMaze(5))
    assert (mazes.actions, mazes.input_size, mazes.gamma, mazes.cases) == (4, 9, 0.98, 2)
    assert mazes.exploration.tolist() == list(TMaze.exploration_policy)
    assert mazes.reset_cases().argmax(1).tolist() == [0, 1]
    assert mazes.step(torch.tensor([Move.UP, Move.RIGHT]))[0].argmax(1).tolist() == [0, 2]
    assert as_world(TMaze(5, 0.1)).cases is None
    pole = as_world(CART_POLE)
    assert (pole.gamma, pole.cases, pole.exploration.tolist()) == (None, None, [0.5, 0.5])
    same = [as_world(given).identity for given in (TMaze(5), gym.make(MAZE, length=5), TMazeVector(3, 5))]
    assert set(same) == {mazes.identity}
    assert len({as_world(given).identity for given in (CART_POLE, HIDDEN, MAZE, TMaze(5), TwoSteps())}) == 5
    assert as_world(mazes) is mazes


def test_what_a_network_sees() -> None:
    seen = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert no_previous(seen, 3).tolist() == [[0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]]
    then = after(torch.tensor([2, 0]), torch.tensor([0.5, -1.0], dtype=torch.float64), seen, 3)
    assert then.tolist() == [[0, 0, 1, 0.5, 1, 0], [1, 0, 0, -1, 0, 1]]


# --- Hidden velocities


def test_of_cart_pole_positions_are_seen() -> None:
    hidden, whole = gym.make(HIDDEN), gym.make(CART_POLE)
    first, known = hidden.reset(seed=0)[0], whole.reset(seed=0)[0]
    over = False
    while not over:
        assert np.array_equal(first, known[[0, 2]])
        assert first in hidden.observation_space
        first, reward, over, _, _ = hidden.step(1)
        known, *others, _, _ = whole.step(1)
        assert others == [reward, over]
    assert hidden.spec.max_episode_steps == whole.spec.max_episode_steps == 500


@pytest.mark.parametrize(
    ("name", "positions"), [("Acrobot-v1", [0, 1, 2, 3]), ("MountainCar-v0", [0]), ("Pendulum-v1", None)]
)
def test_of_others_positions_are_known_or_asked_for(name: str, positions: list[int] | None) -> None:
    environment = gym.make(name)
    if positions is None:
        with pytest.raises(ValueError, match="positions must say which entries are seen: those of PendulumEnv are not"):
            HiddenVelocity(environment)
        positions = [0, 1]
        hidden = HiddenVelocity(environment, positions=positions)
    else:
        hidden = HiddenVelocity(environment)
    assert np.array_equal(hidden.reset(seed=1)[0], gym.make(name).reset(seed=1)[0][positions])
    assert hidden.observation_space.shape == (len(positions),)


# --- A suite of memory tasks


PLAYABLE = [
    *("Autoencode", "Battleship", "Concentration", "CountRecall", "HigherLower", "MineSweeper", "MultiarmedBandit"),
    *("NoisyPositionOnlyCartPole", "PositionOnlyCartPole", "RepeatFirst", "RepeatPrevious", "VelocityOnlyCartpole"),
]


@pytest.mark.parametrize("name", PLAYABLE)
def test_popgyms_memory_tasks(name: str) -> None:
    pytest.importorskip("popgym")
    world = as_world(f"popgym-{name}Easy-v0")
    first = played(world, [0, 1, 0], 20)
    assert first[0] == first[2] != first[1]
    assert first == played(world, [0, 1, 0], 20)
    assert len(first[0][0]) == world.observation_size


def test_popgyms_control_tasks_are_refused() -> None:
    pytest.importorskip("popgym")
    with pytest.raises(ValueError, match="must have numbered actions, a Discrete space, got Box"):
        as_world("popgym-PositionOnlyPendulumEasy-v0")


# --- Bad input


class _Uncopied(TwoSteps):
    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("a lock")


class _Unfixed(TwoSteps):
    observation_space = property(lambda self: gym.spaces.Sequence(gym.spaces.Discrete(2)), lambda self, space: None)


class _Strange(TwoSteps):
    exploration_policy = (0.5, 0.2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: as_world("Pendulum-v1"), "environment must have numbered actions"),
        (lambda: as_world("NoSuch-v0"), "environment must be the id of an environment, got 'NoSuch-v0'"),
        (lambda: as_world("nowhere:NoSuch-v0"), "environment must be the id of an environment"),
        (lambda: as_world(3), "environment must be an id, an environment or a function, got 3"),
        (lambda: as_world(lambda: 3), "environment must make an environment, got int"),
        (lambda: as_world(_Uncopied()).reset([0, 1]), "must be copied, which _Uncopied cannot be: pass a function"),
        (lambda: as_world(_Unfixed()), "environment must have observations of a fixed size"),
        (lambda: as_world(_Strange()), "environment must explore with 2 probabilities"),
        (lambda: as_world(gym.make_vec(CART_POLE, 2, "vector_entry_point")), "which a CartPoleVectorEnv is not"),
        (lambda: HiddenVelocity(TMaze()), r"env must have observations in a Box \[k\]"),
        (lambda: HiddenVelocity(gym.make(CART_POLE), positions=[4]), "positions must be entries from 0 to 3"),
        (lambda: HiddenVelocity(gym.make(CART_POLE), positions=[]), "positions must be entries from 0 to 3"),
        (lambda: HiddenVelocity(FlattenObservation(TMaze())), "positions must say which entries"),
    ],
)
def test_what_is_refused(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
