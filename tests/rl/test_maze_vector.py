"""Many mazes in one program: step for step what they are one at a time."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rnn_dynamics.rl import Move, TMaze, TMazeVector
from rnn_dynamics.rl.draws import key_of, keys_of, uniform, uniforms

MODES = ["NextStep", "SameStep", "Disabled"]


def actions(n: int, steps: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(4, (steps, n), p=TMaze.exploration_policy)


# --- Draws


def test_draws_in_a_batch_are_those_one_at_a_time() -> None:
    seeds = [0, 1, 2, 2**63 - 1, -1, 12345678901234567]
    keys = keys_of(torch.tensor(seeds))
    assert [key % 2**64 for key in keys.tolist()] == [key_of(seed) for seed in seeds]
    for count in (1, 2, 1000):
        assert uniforms(keys, torch.tensor(count)).tolist() == [uniform(key_of(seed), count) for seed in seeds]


def test_draws_are_those_of_splitmix64() -> None:
    """From its authors' program: the first outputs with state 1234567."""
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    assert [uniform(1234567, count) for count in range(1, 6)] == [(z >> 11) / 2**53 for z in known]


def test_draws_of_neighbours_are_even_and_independent() -> None:
    n = 20_000
    keys = keys_of(torch.arange(n))
    for count in range(1, 4):
        u = uniforms(keys, torch.tensor(count))
        assert float(u.min()) >= 0 and float(u.max()) < 1  # noqa: PT018
        shares = torch.histc(u, 16, 0, 1) / n
        assert float((shares - 1 / 16).abs().max()) < 4 * np.sqrt(1 / 16 / n)
        for other in (u.roll(1), uniforms(keys, torch.tensor(count + 1))):
            assert abs(float(torch.corrcoef(torch.stack([u, other]))[0, 1])) < 4 / np.sqrt(n)


# --- The same as one at a time


@pytest.mark.parametrize("mode", MODES[:2])
@pytest.mark.parametrize(
    "options",
    [
        {"length": 3},
        {"length": 1, "stochasticity": 0.3},
        {"length": 4, "stochasticity": 1.0},
        {"length": 3, "fully_observed": True},
    ],
)
def test_step_for_step_as_gymnasiums_own_vector(mode: str, options) -> None:
    n = 7
    name = "rnn_dynamics/TMaze-v0"
    ours = gym.make_vec(name, n, "vector_entry_point", autoreset_mode=mode, **options)
    theirs = gym.make_vec(name, n, "sync", vector_kwargs={"autoreset_mode": AutoresetMode(mode)}, **options)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.metadata["autoreset_mode"] is AutoresetMode(mode)
    ended = 0
    for seed in (5, None):
        first, second = ours.reset(seed=seed), theirs.reset(seed=seed)
        assert np.array_equal(first[0], second[0])
        for chosen in actions(n, 150):
            one, other = ours.step(chosen), theirs.step(chosen)
            for mine, known in zip(one[:4], other[:4], strict=True):
                assert mine.dtype == known.dtype
                assert np.array_equal(mine, known)
            assert one[0] in ours.observation_space
            assert set(one[4]) == set(other[4])
            if "final_obs" in other[4]:
                assert np.array_equal(one[4]["_final_obs"], other[4]["_final_obs"])
                assert one[4]["final_obs"].tolist() == other[4]["final_obs"].tolist()
            ended += int((one[2] | one[3]).sum())
    assert ended > 4 * n


def test_without_autoreset_mazes_rest_until_they_are_reset() -> None:
    n, options = 6, {"length": 2, "stochasticity": 0.2}
    mazes = TMazeVector(n, autoreset_mode="Disabled", **options)
    alone = [TMaze(**options) for _ in range(n)]
    for episode in range(5):
        seed = None if episode else 3
        seen = mazes.reset(seed=seed)[0]
        assert seen.tolist() == [one.reset(seed=None if episode else 3 + row)[0] for row, one in enumerate(alone)]
        over = np.zeros(n, dtype=bool)
        for chosen in actions(n, 5, episode):
            done = mazes.step_tensors(torch.as_tensor(chosen))
            for row, one in enumerate(alone):
                known = (done.observations[row], 0.0, False, False) if over[row] else one.step(chosen[row])[:4]
                columns = (done.observations, done.rewards, done.terminated, done.truncated)
                assert tuple(column[row].item() for column in columns) == tuple(known)
            over |= (done.terminated | done.truncated).numpy()
        assert over.all()
    with pytest.raises(gym.error.ResetNeeded, match="an episode is over"):
        mazes.step(chosen)


def test_some_mazes_are_reset_and_the_others_go_on() -> None:
    mazes = TMazeVector(4, 3)
    mazes.reset(seed=0, options={"goal": "up"})
    mazes.step([0, 0, 0, 0])
    mask = np.array([True, False, True, False])
    seen, _ = mazes.reset(options={"reset_mask": mask, "goal": ["down"] * 4})
    assert seen.tolist() == [1, 2, 1, 2]
    assert mazes.goals.tolist() == [1, 0, 1, 0]
    assert mazes.step([0, 0, 0, 0])[0].tolist() == [2, 2, 2, 2]
    assert mazes.step([0, 0, 0, 0])[0].tolist() == [2, 3, 2, 3]


def test_mazes_of_several_lengths_are_each_as_alone() -> None:
    lengths = [5, 1, 3, 5]
    mazes = TMazeVector(4, lengths, 0.1)
    alone = SyncVectorEnv([lambda length=length: TMaze(length, 0.1) for length in lengths])
    assert np.array_equal(mazes.reset(seed=[9, 8, 7, 6])[0], alone.reset(seed=[9, 8, 7, 6])[0])
    for chosen in actions(4, 200):
        for mine, known in zip(mazes.step(chosen)[:4], alone.step(chosen)[:4], strict=True):
            assert np.array_equal(mine, known)


def test_a_row_does_as_it_would_beside_others() -> None:
    few, many = TMazeVector(2, 3, 0.2), TMazeVector(64, 3, 0.2)
    few.reset(seed=40), many.reset(seed=0)
    for chosen in actions(64, 60):
        assert np.array_equal(few.step(chosen[40:42])[1], many.step(chosen)[1][40:42])


def test_the_same_in_pictures() -> None:
    for mode in ("ansi", "rgb_array"):
        mazes = TMazeVector(3, 2, render_mode=mode)
        alone = [TMaze(2, render_mode=mode) for _ in range(3)]
        mazes.reset(seed=0)
        for row, maze in enumerate(alone):
            maze.reset(seed=row)
        for chosen in ([0, 0, 0], [0, 2, 0], [1, 0, 3]):  # the last ends the first and the third in an arm
            mazes.step(chosen)
            for row, maze in enumerate(alone):
                maze.step(chosen[row])
            assert all(np.array_equal(one, maze.render()) for one, maze in zip(mazes.render(), alone, strict=True))


def test_make_vec_says_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        name = "rnn_dynamics.rl:rnn_dynamics/TMaze-v0"
        assert isinstance(gym.make_vec(name, num_envs=2), TMazeVector)
        mazes = gym.make_vec("rnn_dynamics/TMaze-v0", num_envs=4096, vectorization_mode="vector_entry_point")
        assert isinstance(mazes, TMazeVector)
        assert mazes.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
        seen, _ = mazes.reset()
        mazes.step(mazes.action_space.sample())
    assert abs(seen.mean() - 0.5) < 4 * 0.5 / 64
    assert (mazes.gamma, mazes.exploration_policy) == (0.98, TMaze.exploration_policy)


# --- On the device


def test_tensors_are_what_arrays_are() -> None:
    arrays, tensors = TMazeVector(50, 4), TMazeVector(50, 4)
    assert np.array_equal(arrays.reset(seed=1)[0], tensors.reset_tensors(seeds=1).numpy())
    for chosen in actions(50, 60):
        done = tensors.step_tensors(torch.as_tensor(chosen))
        columns = (done.observations, done.rewards, done.terminated, done.truncated)
        assert all(
            np.array_equal(mine, known.numpy()) for mine, known in zip(arrays.step(chosen)[:4], columns, strict=True)
        )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("mode", MODES)
def test_on_a_gpu_as_on_the_cpu_and_without_copies(mode: str) -> None:
    host = TMazeVector(500, 4, 0.2, autoreset_mode=mode)
    device = TMazeVector(500, 4, 0.2, autoreset_mode=mode, device="cuda")
    assert torch.equal(host.reset_tensors(seeds=2), device.reset_tensors(seeds=2).cpu())
    for chosen in torch.as_tensor(actions(500, 100)):
        moves = chosen.cuda()
        torch.cuda.set_sync_debug_mode("error")
        try:
            there = device.step_tensors(moves)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        here = host.step_tensors(chosen)
        for name in ("observations", "rewards", "terminated", "truncated", "last_observations"):
            assert torch.equal(getattr(here, name), getattr(there, name).cpu())


# --- Bad input


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TMazeVector(0), "num_envs must be a whole number of at least 1"),
        (lambda: TMazeVector(3, [4, 5]), "length must be one number or 3, one a maze; got 2"),
        (lambda: TMazeVector(2, [4, 0]), "length must"),
        (lambda: TMazeVector(2, [4, 5], fully_observed=True), r"needs mazes of one length, got lengths \[4, 5\]"),
        (lambda: TMazeVector(2, autoreset_mode="never"), "autoreset_mode must be one of 'NextStep', 'SameStep'"),
        (lambda: begun().step([0, 0, 4]), "actions must be 3 whole numbers from 0 to 3"),
        (lambda: begun().step([0, 0]), r"actions must be .* got int64 \[2\]"),
        (lambda: begun().step([0.0, 0.0, 0.0]), "actions must be .* got float64"),
        (lambda: begun().step_tensors(torch.tensor([0, -1, 0])), "actions must be from 0 to 3"),
        (lambda: begun().step_tensors(torch.tensor([0])), r"actions must be torch.int64 \[3\], got torch.int64 \[1\]"),
        (lambda: begun().step_tensors(torch.zeros(3)), "got torch.float32"),
        (lambda: begun().reset(options={"goal": ["up"]}), "goals 'up' or 'down', one or 3"),
        (lambda: begun().reset(options={"goal": "left"}), "goals 'up' or 'down'"),
        (lambda: begun().reset(options={"reset_mask": [True] * 3}), "reset_mask"),
        (lambda: begun().reset(options={"reset_mask": np.zeros(3, dtype=bool)}), "reset_mask"),
        (lambda: begun().reset(seed=[1, 2]), "seed must be one number or 3"),
    ],
)
def test_what_is_refused(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def begun() -> TMazeVector:
    mazes = TMazeVector(3)
    mazes.reset(seed=0)
    return mazes


def test_before_the_first_reset_a_step_is_refused() -> None:
    with pytest.raises(gym.error.ResetNeeded, match="call reset"):
        TMazeVector(2).step([Move.RIGHT, Move.RIGHT])
