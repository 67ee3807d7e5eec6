"""How well an agent plays the T-Maze, at the length that it was trained at and at others."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..checks import ArgumentError, Count, Share, checked
from ..training import SequenceModel
from .evaluation_results import AgentEvaluation
from .maze import Length, TMaze
from .maze_rules import GAMMA, REACHED, horizon
from .maze_world import MazeWorld
from .policies import Policy, RecurrentPolicy, require_maze_agent
from .worlds import after, no_previous


@checked
def evaluate_agent(
    policy: SequenceModel | Policy,
    lengths: Sequence[Length],
    *,
    gamma: Share = GAMMA,
    stochasticity: Share = 0.0,
    rollouts: Count = 1,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> AgentEvaluation:
    """Play T-Mazes of several lengths greedily, all in one batched run, and compare with the known optimum.

    A policy that draws nothing plays a maze that draws nothing always alike: one episode for each of both goals tells
    all. Its run is optimal if both reach the goal with a return of 4 in L + 1 steps.

    Args:
        policy: an object with ``step(inputs [B, 9], state) -> (values [B, 4], state)``, or a ``SequenceModel`` with
            nine inputs and four outputs.
        lengths: of the mazes: that of training, and others to see whether what was learned holds there.
        gamma: the discount factor of the returns; the published one by default.
        stochasticity: of the mazes.
        rollouts: episodes for each goal; more than one only of mazes that draw.
        seed: of what is drawn.
        device: where mazes run; that of a ``SequenceModel``, else the CPU, by default.

    Returns:
        A table with one row a length.

    Raises:
        ValueError: for rollouts that would be the same again, values of another shape, or values that are not finite.
    """
    if not lengths:
        raise ArgumentError("lengths", "is empty: at least one length is needed")
    if stochasticity == 0 and rollouts != 1:
        raise ArgumentError("rollouts", f"must be 1 where nothing is drawn: all are the same again, got {rollouts}")
    if isinstance(policy, SequenceModel):
        device = policy.readout.weight.device if device is None else device
        require_maze_agent(policy, "policy")
        policy = RecurrentPolicy(policy)
    each = 2 * rollouts
    rows = [int(length) for length in lengths for _ in range(each)]
    world = MazeWorld(rows, stochasticity, device=device)
    goals = torch.arange(2).repeat_interleave(rollouts).repeat(len(lengths))
    observations = world.reset_goals(goals, [seed + row for row in range(len(rows))])
    played = _played(policy, world, observations, gamma, horizon(max(rows)))
    columns = (column.double().cpu().view(len(lengths), 2, rollouts) for column in played)
    steps, returns, discounted, reached = columns
    known = torch.tensor(lengths)
    optimal = (returns == REACHED).flatten(1).all(1) & (steps == known.view(-1, 1, 1) + 1).flatten(1).all(1)
    optimum = [TMaze(int(length), stochasticity).optimal_return(gamma) for length in lengths]
    return AgentEvaluation(
        lengths=known,
        steps=steps.mean(2),
        returns=returns.mean(2),
        discounted=discounted.mean(2),
        reached=reached.mean(2),
        optimal=optimal if stochasticity == 0 else None,
        optimum=torch.tensor(optimum, dtype=torch.float64),
        errors=torch.zeros(len(lengths)).double() if stochasticity == 0 else _errors(discounted),
        gamma=gamma,
        stochasticity=stochasticity,
        rollouts=rollouts,
    )


@torch.no_grad()
def _played(
    policy: Policy, world: MazeWorld, observations: Tensor, gamma: float, longest: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Steps, returns, discounted returns and who reached the goal, of each row, on the device."""
    inputs, state, rows = no_previous(observations, world.actions), None, len(observations)
    over = torch.zeros(rows, dtype=torch.bool, device=inputs.device)
    reached = over.clone()
    finite = torch.ones((), dtype=torch.bool, device=inputs.device)
    steps = torch.zeros(rows, dtype=torch.int64, device=inputs.device)
    returns = torch.zeros(rows, dtype=torch.float64, device=inputs.device)
    discounted, weight = returns.clone(), 1.0
    often = 1 if inputs.device.type == "cpu" else 16  # to ask a GPU whether all are over is to wait for it
    for step in range(longest):
        try:
            values, state = policy.step(inputs, state)
        except Exception as error:
            raise ArgumentError("policy", f"must step, it raised {type(error).__name__}: {error}") from error
        if not isinstance(values, Tensor) or values.shape != (rows, world.actions):
            got = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise ArgumentError("policy", f"must give values [{rows}, {world.actions}], got {got}")
        values = values.to(inputs.device)
        finite = finite & values.isfinite().all()
        actions = values.argmax(dim=1)
        observations, rewards, terminated, truncated = world.step(actions)
        inputs = after(actions, rewards, observations, world.actions)
        steps = steps + ~over
        returns, discounted, weight = returns + rewards, discounted + weight * rewards, weight * gamma
        reached = reached | (rewards == REACHED)
        over = over | terminated | truncated
        if step % often == often - 1 and bool(over.all()):
            break
    if not bool(finite):
        raise ArgumentError("policy", "must give finite values of actions, got NaN or infinite ones")
    return steps, returns, discounted, reached


def _errors(discounted: Tensor) -> Tensor:
    """Standard errors of means over [rows, 2, rollouts], half of the episodes for each goal: variances add up."""
    rollouts = discounted.shape[2]
    if rollouts == 1:
        return torch.full_like(discounted[:, 0, 0], torch.nan)
    return (discounted.var(2).sum(1) / rollouts).sqrt() / 2
