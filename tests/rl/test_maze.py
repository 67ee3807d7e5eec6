"""The T-Maze: its rules, its optimum, its form as a Gymnasium environment, its pictures."""

import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from problems.environments import maze_values, two_steps, two_steps_values

import rnn_dynamics as rd
from rnn_dynamics.rl import Move, Seen, TabularProblem, TMaze

RIGHT, UP, LEFT, DOWN = Move


def begun(length: int = 3, goal: str = "up", **options) -> TMaze:
    maze = TMaze(length, **options)
    maze.reset(seed=0, options={"goal": goal})
    return maze


def walked(maze: TMaze, *moves: int) -> list[tuple[int, float, bool, bool]]:
    return [tuple(maze.step(move)[:4]) for move in moves]


# --- Rules


@pytest.mark.parametrize(("goal", "right_arm", "wrong_arm"), [("up", UP, DOWN), ("down", DOWN, UP)])
def test_every_rule_once(goal: str, right_arm: int, wrong_arm: int) -> None:
    sign = Seen.GOAL_UP if goal == "up" else Seen.GOAL_DOWN
    maze = TMaze(2)
    assert maze.reset(seed=0, options={"goal": goal})[0] == sign
    # At the start every wall is a bump; the sign is seen there, and again after coming back.
    assert walked(maze, LEFT, UP, DOWN) == [(sign, -0.1, False, False)] * 3
    maze.reset(options={"goal": goal})
    assert walked(maze, RIGHT, LEFT) == [(Seen.CORRIDOR, 0.0, False, False), (sign, 0.0, False, False)]
    maze.reset(options={"goal": goal})
    assert walked(maze, RIGHT, UP, DOWN) == [(Seen.CORRIDOR, r, False, False) for r in (0.0, -0.1, -0.1)]
    assert walked(maze, RIGHT) == [(Seen.JUNCTION, 0.0, False, False)]
    assert walked(maze, right_arm) == [(Seen.JUNCTION, 4.0, True, False)]  # the fifth step: the horizon is no reason
    maze.reset(options={"goal": goal})
    assert walked(maze, RIGHT, RIGHT, RIGHT) == [
        (Seen.CORRIDOR, 0.0, False, False),
        (Seen.JUNCTION, 0.0, False, False),
        (Seen.JUNCTION, -0.1, False, False),
    ]
    assert walked(maze, wrong_arm) == [(Seen.JUNCTION, -0.1, True, False)]


def test_in_the_corridor_nothing_tells_the_goal() -> None:
    moves = [RIGHT, UP, RIGHT, DOWN, RIGHT, RIGHT, LEFT, LEFT]
    assert walked(begun(goal="up"), *moves) == walked(begun(goal="down"), *moves)


@pytest.mark.parametrize("length", [1, 2, 10])
def test_the_horizon(length: int) -> None:
    maze = begun(length)
    steps = walked(maze, *[LEFT] * (3 * length - 1))
    assert [truncated for *_, truncated in steps] == [False] * (3 * length - 2) + [True]
    assert not any(terminated for *_, terminated, _ in steps)


def test_a_step_between_episodes_is_refused() -> None:
    with pytest.raises(gym.error.ResetNeeded, match="call reset"):
        TMaze().step(RIGHT)
    maze = begun(1)
    walked(maze, RIGHT, UP)
    with pytest.raises(gym.error.ResetNeeded, match="the episode is over"):
        maze.step(RIGHT)


def test_goals_and_slips_follow_the_seed_and_are_as_likely_as_said() -> None:
    first, second, other = TMaze(4, 0.3), TMaze(4, 0.3), TMaze(4, 0.3)
    drawn = []
    for maze, seed in ((first, 7), (second, 7), (other, 8)):
        seen = [maze.reset(seed=seed)[0]]
        for _ in range(400):
            observation, reward, terminated, truncated, _ = maze.step(RIGHT)
            seen += [observation, reward]
            if terminated or truncated:
                seen.append(maze.reset()[0])
        drawn.append(seen)
    assert drawn[0] == drawn[1] != drawn[2]
    goals = [int(first.reset()[0]) for _ in range(4000)]
    assert abs(np.mean(goals) - 0.5) < 4 * 0.5 / np.sqrt(4000)
    # Of steps that mean to go right from x = 0 of a long maze, 3 p / 4 do not.
    stayed = 0
    for _ in range(4000):
        first.reset()
        stayed += first.step(RIGHT)[0] != Seen.CORRIDOR
    share = 0.75 * 0.3
    assert abs(stayed / 4000 - share) < 4 * np.sqrt(share * (1 - share) / 4000)


def test_a_chosen_goal_leaves_later_draws_as_they_are() -> None:
    chosen, drawn = TMaze(), TMaze()
    chosen.reset(seed=3, options={"goal": "down"})
    drawn.reset(seed=3)
    assert [chosen.reset()[0] for _ in range(50)] == [drawn.reset()[0] for _ in range(50)]


def test_draws_follow_a_generator_that_is_put_in_place() -> None:
    def goals(seed: int) -> list[int]:
        maze = TMaze()
        maze.np_random = np.random.default_rng(seed)
        return [int(maze.reset()[0]) for _ in range(50)]

    assert goals(0) == goals(0) != goals(1)


# --- The optimum


@pytest.mark.parametrize(("length", "known"), [(10, 3.268), (20, 2.670), (50, 1.457), (100, 0.530)])
def test_optimal_returns(length: int, known: float) -> None:
    maze = TMaze(length)
    assert maze.optimal_return() == pytest.approx(4 * 0.98**length, rel=1e-12)
    assert round(maze.optimal_return(), 3) == known
    assert maze.optimal_return(1.0) == 4.0
    # Backward induction over an episode knows nothing of the formula.
    within = maze.problem().values_within(0.98, maze.horizon)
    assert float(within[0]) == pytest.approx(maze.optimal_return(), rel=1e-12)
    assert float(maze.problem().values_within(0.98, length)[0]) == 0.0  # a step too few
    assert maze.gamma == 0.98
    assert maze.exploration_policy == (1 / 2, 1 / 6, 1 / 6, 1 / 6)


@pytest.mark.parametrize("length", [1, 2, 10, 40])
@pytest.mark.parametrize("gamma", [0.5, 0.98])
def test_value_iteration_gives_the_closed_form(length: int, gamma: float) -> None:
    values = TMaze(length).problem().action_values(gamma).view(2, length + 3, 4)
    assert torch.allclose(values[:, : length + 1], maze_values(length, gamma), rtol=0, atol=1e-11)
    assert not values[:, length + 1 :].any()


def test_value_iteration_on_two_steps_and_on_actions_that_slip() -> None:
    assert torch.allclose(two_steps().action_values(0.9), two_steps_values(0.9), rtol=0, atol=1e-12)
    # One state that pays 1 for action 0 and 0 for action 1, for ever: V = (1 - p / 2) / (1 - gamma) = 8.
    again = TabularProblem(torch.zeros(1, 2, dtype=torch.long), torch.eye(2).double()[:1], torch.tensor([False]), 0.4)
    values = again.action_values(0.9)
    assert torch.allclose(values, torch.tensor([[8.0, 7.4]], dtype=torch.float64), rtol=0, atol=1e-11)


def test_with_slips_the_optimum_is_what_the_best_policy_gets() -> None:
    maze, total, episodes = TMaze(4, 0.25), 0.0, 4000
    squares = 0.0
    for episode in range(episodes):
        goal = maze.reset(seed=episode)[0]
        arm, observation, weight, value, over = (UP, DOWN)[goal], goal, 1.0, 0.0, False
        while not over:
            observation, reward, terminated, truncated, _ = maze.step(arm if observation == Seen.JUNCTION else RIGHT)
            value, weight, over = value + weight * reward, weight * 0.98, terminated or truncated
        total, squares = total + value, squares + value**2
    mean = total / episodes
    error = np.sqrt((squares / episodes - mean**2) / episodes)
    assert abs(mean - maze.optimal_return()) < 4 * error
    assert error < 0.02


# --- Gymnasium


@pytest.mark.parametrize("options", [{}, {"length": 1}, {"stochasticity": 0.5}, {"fully_observed": True}])
def test_gymnasiums_own_checker_has_nothing_to_say(options) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make("rnn_dynamics/TMaze-v0", **options).unwrapped)


@pytest.mark.parametrize(
    "program",
    [
        "import gymnasium as gym; maze = gym.make('rnn_dynamics.rl:rnn_dynamics/TMaze-v0', length=7)",
        "import gymnasium as gym, rnn_dynamics as rd; rd.rl; maze = gym.make('rnn_dynamics/TMaze-v0', length=7)",
    ],
)
def test_the_registered_id_is_found_in_both_ways(program: str) -> None:
    program += "; maze.reset(seed=0); print(type(maze.unwrapped).__name__, maze.unwrapped.length, maze.step(0)[0])"
    answer = subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, capture_output=True, text=True)
    assert answer.stdout.split() == ["TMaze", "7", "2"]


def test_full_observation_tells_goal_and_position() -> None:
    maze = TMaze(3, fully_observed=True)
    assert [maze.reset(seed=0, options={"goal": goal})[0] for goal in ("up", "down")] == [0, 4]
    assert [one[0] for one in walked(maze, RIGHT, RIGHT, LEFT, RIGHT, RIGHT, DOWN)] == [5, 6, 5, 6, 7, 7]
    assert maze.observation_space == gym.spaces.Discrete(8)


# --- Pictures


def test_text() -> None:
    maze = begun(3, "down", render_mode="ansi")
    assert maze.render() == "   .\n@...\n   G"
    walked(maze, RIGHT)
    assert maze.render() == "   .\nv@..\n   G"
    walked(maze, RIGHT, RIGHT, DOWN)
    assert maze.render() == "   .\nv...\n   @"


@pytest.mark.parametrize("length", [1, 6, 300])
def test_image(length: int) -> None:
    maze = begun(length, "up", render_mode="rgb_array")
    image = maze.render()
    height, width, _ = image.shape
    cell = height // 5
    assert image.dtype == np.uint8
    assert width == (length + 3) * cell <= 1920

    def centre(row: int, column: int) -> tuple[int, ...]:
        return tuple(image[(row + 1) * cell + cell // 2, (column + 1) * cell + cell // 2].tolist())

    agent, goal, wall, arm = centre(1, 0), centre(0, length), centre(-1, 0), centre(2, length)
    assert len({agent, goal, wall, arm}) == 4
    assert centre(0, length - 1) == wall
    walked(maze, *[RIGHT] * length, DOWN)
    image = maze.render()
    assert centre(2, length) == agent
    assert centre(0, length) == goal
    assert centre(1, length) == arm  # floor


def test_without_a_render_mode_it_says_so() -> None:
    maze = begun()
    with pytest.warns(UserWarning, match="made without render_mode"):
        assert maze.render() is None


# --- Bad input


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TMaze(0), "length must be a whole number of at least 1, got 0"),
        (lambda: TMaze(2.5), "length must be"),
        (lambda: TMaze(10, 1.5), r"stochasticity must lie in \[0, 1\]"),
        (lambda: TMaze(render_mode="human"), "render_mode must be 'ansi' or 'rgb_array'"),
        (lambda: begun().step(4), "action must be a whole number from 0 to 3"),
        (lambda: begun().step(-1), "action must be"),
        (lambda: begun().step(0.5), "action must be"),
        (lambda: begun(goal="left"), "must have goal 'up' or 'down', got 'left'"),
        (lambda: TMaze().optimal_return(1.1), r"gamma must lie in \[0, 1\]"),
        (lambda: TMaze().problem().action_values(1.0), "gamma must lie between 0 and 1"),
        (lambda: TabularProblem(torch.zeros(2, 2).long(), torch.zeros(2, 3), torch.zeros(2).bool()), r"\[S, A\]"),
        (lambda: TabularProblem(torch.full((2, 2), 2), torch.zeros(2, 2), torch.zeros(2).bool()), "of the 2 states"),
    ],
)
def test_what_is_refused(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_without_gymnasium_a_sentence_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['gymnasium'] = None; import rnn_dynamics as rd\n"
        "from rnn_dynamics import *\n"
        "try: rd.rl.TMaze\n"
        "except ImportError as error: print(error)"
    )
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert answer.strip() == 'rnn_dynamics.rl needs Gymnasium: pip install "rnn-dynamics[rl]"'


def test_agents_come_when_they_are_asked_for() -> None:
    program = "import sys, rnn_dynamics as rd; print('gymnasium' in sys.modules, rd.rl.TMaze(3).length)"
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert answer.split() == ["False", "3"]
    assert rd.rl.TMaze is TMaze
