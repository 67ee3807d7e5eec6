"""What planted attractors are worth to agents: a T-Maze, three cells, five ways to begin."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import rnn_dynamics as rd
from rnn_dynamics import rl
from rnn_dynamics.plotting import style
from rnn_dynamics.plotting.pages import letter, page_legend

from ..looks import PLANTED
from ..runs import Plan, Row, run
from ..training.lengths import interval
from .ensembles import CELLS, STATES, VARIANTS, made, state_gradients
from .worth import ENOUGH, NAMES, draw_counts, draw_gradients, group, observed, shared_handles, survival

LONGER = (2, 5)
"""An agent of length L is tried in mazes of so many times L."""

_ASIDE = 3.0
"""Episodes between the intervals of two variants, which would hide one another."""

_EXPLORED = 8192
"""Transitions of exploration that networks are made for, and shown gradients on."""


@dataclass(frozen=True)
class Case:
    """Agents of a cell and of one of ``VARIANTS``, and of several seeds, in mazes of one length."""

    length: int
    cell: str
    variant: str
    hidden: int
    seeds: int
    episodes: int
    horizon: int
    warmup_steps: int

    def __str__(self) -> str:
        return f"T-Maze {self.length}, {self.cell} {self.variant}"


def measure(case: Case) -> list[Row]:
    """Train the agents; what they reach in the corridor before, half-way and after: a row for each seed."""
    maze = rl.TMaze(case.length)
    corridor = rl.held_input(maze, rl.Move.RIGHT, rl.Seen.CORRIDOR)
    explored = [rl.explore(maze, _EXPLORED, seed=seed) for seed in range(case.seeds)]
    models = [
        rd.SequenceModel(made(case, explored[seed], seed, corridor), len(rl.Move), seed=seed)
        for seed in range(case.seeds)
    ]
    trackers = [
        rd.AttractorTracker(
            sequences,
            hold=corridor,
            every=max(1, case.episodes // 2),
            effort=rd.Effort(n=STATES, horizon=case.horizon, fixed_points=False, settle=rd.Settle(horizon=1e5)),
            budget=None,
            time_limit=60.0,
            path_budget=0,
            seed=seed,
        )
        for seed, sequences in enumerate(explored)
    ]
    before = [gradient_norms(model, own, case.length) for model, own in zip(models, explored, strict=True)]
    runs = rl.train_agents(models, maze, settings=rl.AgentSettings(episodes=case.episodes), trackers=trackers)
    rows = []
    for run_, model, tracker, norms, own in zip(runs, models, trackers, before, explored, strict=True):
        history = tracker.history
        tested = rl.evaluate_agent(model, [times * case.length for times in (1, *LONGER)])
        assert tested.optimal is not None  # these mazes draw nothing
        rows.append(
            {
                "seed": run_.seed,
                "status": run_.status,
                "evaluations": run_.episodes.tolist(),
                "fractions": run_.optimal_fractions.tolist(),
                "solved": run_.solved,
                "optimal": tested.optimal.tolist(),
                "steps": history.steps.tolist(),
                "vaas": history.vaas.tolist(),
                "counts": history.counts.tolist(),
                "kinds": [o.sets.counts for o in history.observations],
                "cut_off": [o.cut_off for o in history.observations],
                "norms_before": norms.tolist(),
                "norms_after": gradient_norms(model, own, case.length).tolist(),
            }
        )
    return rows


def gradient_norms(model: rd.SequenceModel, explored: Sequence[torch.Tensor], length: int) -> torch.Tensor:
    """|d Q / d h_t|, Q the mean best value after as many steps as the corridor is long: [L]."""
    inputs = torch.stack([history[:length] for history in explored if len(history) >= length][:64])
    return state_gradients(model, inputs, lambda values: values[:, -1].amax(dim=-1).mean())


def draw(rows: list[Row]) -> Figure:
    """A row a cell: optimal runs while agents learn; attractors before, half-way and after; gradients through time."""
    cells = [cell for cell in CELLS if group(rows, cell=cell)]
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], 0.6 + 1.5 * len(cells)), layout="constrained")
        axes = figure.subplots(len(cells), 3, squeeze=False, width_ratios=(1.3, 1, 1))
        for cell, (left, middle, right) in zip(cells, axes, strict=True):
            mine = group(rows, cell=cell)
            for ax in (left, middle, right):
                style.dress(ax)
            _draw_optimal(left, mine)
            left.set_title(f"{cell}, L = {mine[0]['length']}", fontsize=style.SMALL, loc="left")
            draw_counts(middle, mine)
            draw_gradients(right, mine)
            right.set_ylabel("|∂Q/∂h|, start")
        axes[-1][0].set_xlabel("episode")
        axes[-1][1].set_xlabel("of the training")
        axes[-1][2].set_xlabel("steps before the end")
        handles = [PLANTED[v].entry(marker=PLANTED[v].marker, markersize=3) for v in VARIANTS if group(rows, variant=v)]
        page_legend(figure, [*handles, shared_handles()[0]], columns=3)
        letter([ax for row in axes for ax in row], left=24, up=1.5)
    return figure


def _draw_optimal(ax: Axes, rows: list[Row]) -> None:
    """Means over seeds, and their intervals at every second evaluation, side by side."""
    for index, variant in enumerate(VARIANTS):
        own = group(rows, variant=variant)
        if not own:
            continue
        episodes = np.array(own[0]["evaluations"])
        shares = np.array([row["fractions"] for row in own])
        means, lows, highs = zip(*(interval(column.tolist()) for column in shares.T), strict=True)
        color, aside = PLANTED[variant].color, episodes + _ASIDE * (index - (len(VARIANTS) - 1) / 2)
        look = {"color": color, "linestyle": PLANTED[variant].dashes, "linewidth": style.THICK}
        ax.plot(aside, means, marker=PLANTED[variant].marker, markersize=3, markevery=2, **look)
        if len(own) >= ENOUGH:
            for at, low, high in list(zip(aside, lows, highs, strict=True))[::2]:
                ax.plot([at, at], [low, high], color=color, linewidth=style.THIN, zorder=1.5)
    ax.set_ylim(-0.05, 1.05)
    ax.set_ylabel("optimal runs")
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def first_optimum(row: Row) -> float:
    """The episode of the first evaluation that was optimal throughout; infinite if none was."""
    reached = zip(row["evaluations"], row["fractions"], strict=True)
    return next((float(episode) for episode, fraction in reached if fraction == 1), float("inf"))


def table(rows: list[Row]) -> str:
    """A line for every ensemble."""
    head = ["L", "cell", "network", "optimal: L, " + ", ".join(f"{times} L" for times in LONGER)]
    head += ["episodes to the first optimum", "attractors: start, half, end", f"{STATES} VAA"]
    head += ["gradient at t = 1: start, end"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for cell in CELLS:
        for variant in VARIANTS:
            own = group(rows, cell=cell, variant=variant)
            if not own:
                continue
            known = sorted(value for value in map(first_optimum, own) if np.isfinite(value))
            when = f"{np.median(known):.0f} [{known[0]:.0f}, {known[-1]:.0f}]" if known else "none"
            parts = [
                str(own[0]["length"]),
                cell,
                NAMES[variant],
                ", ".join(str(sum(row["optimal"][i] for row in own)) for i in range(1 + len(LONGER)))
                + f" of {len(own)}",
                when + (f" ({len(known)} of {len(own)})" if 0 < len(known) < len(own) else ""),
                *observed(own),
            ]
            lines.append("| " + " | ".join(parts) + " |")
    return "\n".join(lines)


def comparisons(rows: list[Row]) -> str:
    """In whose favour the 95 % intervals of the mean share of optimal runs lie apart."""
    sentences = []
    for cell in CELLS:
        for other in ("plain", "warm"):
            pair = [group(rows, cell=cell, variant=v) for v in ("planted", other)]
            if min(map(len, pair)) < ENOUGH:
                continue
            mine, theirs = (interval([float(np.mean(row["fractions"])) for row in own]) for own in pair)
            verdict = "better" if mine[1] > theirs[2] else "worse" if mine[2] < theirs[1] else "not told apart"
            sentences.append(
                f"{cell}, planted against {NAMES[other]}: {verdict} ({mine[0]:.2g} against {theirs[0]:.2g})"
            )
    return ". ".join(sentences) or "Nothing to compare was measured"


def _seeds(rows: list[Row]) -> int:
    return len({row["seed"] for row in rows})


def caption(rows: list[Row]) -> str:
    """What is drawn, where intervals lie apart, and every number."""
    return f"""
**What planted attractors are worth to agents.** Recurrent Q-networks in T-Mazes of corridor length L. Left: share of
optimal greedy runs while agents learn: mean over {_seeds(rows)} seeds and, at every second evaluation, its 95 %
interval (bootstrap), drawn side by side. Middle: attractors that {STATES} states really reach with the
corridor's input held, at the start, half-way and at the end of training, mean over seeds with its 95 % interval;
dashed, open: what the published VAA stands for; 0 lies below the
dotted break of the axis. Right: norm of the derivative of the best value by the state,
over steps before the end and relative to the last step, before training: medians and quartiles. What is compared is
the share of optimal runs, over the training and seeds; "better" and "worse" mean that 95 % intervals of the means do
not overlap, of {_seeds(rows)} seeds and several comparisons: some of that is chance.

{comparisons(rows)}. {survival(rows)}.

{table(rows)}
"""


def extent(measured: Sequence[Case]) -> str:
    """How much was trained."""
    case = measured[0]
    return (
        f"one layer of {case.hidden} units, {case.seeds} seeds, {case.episodes:,} episodes of 10 updates each, "
        "32 whole histories an update, Adam at 1e-3, gamma .98, epsilon .2; warmup, refining "
        f"{case.warmup_steps} steps on explored histories; planted with 2 units a block, input scale 0.2, under the "
        f"corridor's input; VAA after {case.horizon:,} steps. The paper trains 2 layers of 32 units for 2,000 episodes."
    )


def cases(
    lengths: Sequence[int], hidden: int, seeds: int, episodes: int, horizon: int, warmup_steps: int
) -> tuple[Case, ...]:
    """Every length, cell and variant; the slowest, refining, last."""
    return tuple(
        Case(length, cell, variant, hidden, seeds, episodes, horizon, warmup_steps)
        for length in lengths
        for variant in sorted(VARIANTS, key=lambda variant: variant == "refined")
        for cell in CELLS
    )


PLAN = Plan(
    folder="planted",
    name="maze",
    scales={
        "smoke": cases((3,), 8, 2, 20, 50, 2)[::3],
        "small": cases((20,), 32, 5, 200, 10_000, 100),
        "paper": cases((20, 50, 100, 200), 64, 5, 2000, 10_000, 100),
    },
    measure=measure,
    draw=draw,
    caption=caption,
    extent=extent,
)

if __name__ == "__main__":
    run(PLAN)
