"""A training as a bifurcation problem: the fixed points of a network that learns to hold two bits."""

import tempfile
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.plotting import style
from rnn_dynamics.plotting.pages import gathered, letter, magnified, page_legend, spread, zoom
from rnn_dynamics.tasks import FlipFlop

from .page import run

_BITS = 2

_STARTS = 128
"""Of the search at each checkpoint: with one at every update, what is known is a better start than any other."""


def measure(hidden: int, sequences: int, epochs: int, every: int) -> rd.TrainingBifurcations:
    """Train a GRU on the flip-flop task, keep its weights on the way, and follow all fixed points through them."""
    task = FlipFlop(sequences, 40, _BITS, 0.15, seed=0)
    model = rd.SequenceModel(module_from_spec(f"GRU-{hidden}", _BITS, 0), _BITS)
    with tempfile.TemporaryDirectory() as folder:
        rd.train(
            model,
            task,
            settings=rd.TrainSettings(epochs=epochs, lr=3e-3, clip_norm=1.0),
            folder=folder,
            snapshot_every=every,
        )
        return rd.training_bifurcations(folder, n_starts=_STARTS)


def draw(result: rd.TrainingBifurcations) -> Figure:
    """The page that ``plot_timeline`` makes of a training, beside the part of it in which the bifurcations are."""
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], 5.6), layout="constrained")
        grid = figure.subplots(3, 2, sharey="row", sharex="col", height_ratios=(1, 0.8, 1.7), width_ratios=(1.2, 1))
        for ax in grid.flat:
            style.dress(ax)
    for column in (1, 0):
        rd.plot_timeline(result, list(grid[:, column]))
    page_legend(figure, gathered(list(grid.flat)), columns=4)
    events = result.bifurcations
    first, last = (events[0].before, events[-1].step) if events else (int(result.steps[0]), int(result.steps[-1]))
    margin = max(2.0, 0.2 * (last - first))
    for ax in grid[:, 1]:
        zoom(ax, first - margin, last + margin)
        ax.set_ylabel("")
        ax.tick_params(labelleft=False)
    magnified(list(grid[:, 0]), first - margin, last + margin)
    spread(figure)
    letter(list(grid.T.flat), left=12, up=1)
    return figure


def caption(result: rd.TrainingBifurcations) -> str:
    """What happened, in numbers."""
    units = result.observations[0].sets.orbits[0].shape[-1]
    steps, losses = result.steps.tolist(), result.losses
    at = dict(zip(steps, losses.tolist(), strict=True))
    rows = [
        f"| {event.how} | {event.at:.2f} | {at[event.before]:.3f} | {at[event.step]:.3f} |"
        f" {', '.join(map(str, event.identities))} |"
        for event in result.bifurcations
    ]
    known = losses[losses.isfinite()]  # of the last update's weights there may be none
    counts, stable = result.counts.tolist(), result.stable_counts.tolist()
    return f"""
**A training as a bifurcation problem.** A GRU of {units} units learns to hold {_BITS} bits; no input is held while it
is looked at. **a.** Its loss; ticks are bifurcations. **b.** How many fixed points it has. **c.** Where each is, on
the first principal component; stable solid, unstable dashed; triangles up are births, down deaths, squares folds that a
fixed point passes within one update. What is born together has one colour. **d**, **e**, **f.** The same, where the
bifurcations are: the shaded part.

{len(result)} checkpoints of steps {steps[0]} to {steps[-1]}; between two of them the weights are taken along a
straight line, on which every fixed point is followed and every bifurcation located: each lies between two
checkpoints {_apart(steps)} apart. Births: {_count(result, "birth")}; deaths: {_count(result, "death")}. The loss falls
from
{float(known[0]):.3g} to {float(known[-1]):.3g}, the fixed points grow from {counts[0]} ({stable[0]} stable) to
{counts[-1]} ({stable[-1]} stable). {result.verdict} {_claim(result)}

| bifurcation | at step | loss at the checkpoint before | after | fixed points |
|---|---|---|---|---|
{chr(10).join(rows)}

One network, one seed.{_batches(steps)}
"""


def _apart(steps: list[int]) -> str:
    gaps = sorted({later - earlier for earlier, later in pairwise(steps)})
    return f"{gaps[-1]} update{'s' * (gaps[-1] > 1)}" if len(gaps) == 1 else f"{gaps[0]} to {gaps[-1]} updates"


def _batches(steps: list[int]) -> str:
    single = all(later - earlier == 1 for earlier, later in pairwise(steps))
    return " The losses are those of single batches, which scatter." if single else ""


def _count(result: rd.TrainingBifurcations, kind: str) -> int:
    return sum(event.kind == kind for event in result.events)


def _claim(result: rd.TrainingBifurcations) -> str:
    """Whether the loss jumps where bifurcations are, with what speaks against it."""
    told = result.coincidence()
    claim = (
        "*The claim* of Eisenmann, Monfared, Goering and Durstewitz (arXiv 2310.17561) is that bifurcations go with"
        " jumps of"
        " the loss."
    )
    events = result.bifurcations
    if not events:
        return f"{claim} This training passes no bifurcation."
    steps, losses = result.steps.tolist(), result.losses
    begin, end = steps.index(min(event.before for event in events)), steps.index(max(event.step for event in events))
    logs = losses[losses.isfinite()].log()
    inside = float(logs[begin] - logs[end]) / (steps[end] - steps[begin])
    whole = float(logs[0] - logs[-1]) / (steps[len(logs) - 1] - steps[0])
    steepest = int((logs[1:] - logs[:-1]).argmin())
    hit = "one with" if int(told.numbers[steepest]) else "one without"
    changes, numbers = told.changes, told.numbers
    alone = f"{int((numbers > 0).sum())} of {len(told)} intervals have a bifurcation"
    quiet, least = changes[numbers == 0].abs(), float(changes[numbers > 0].abs().min())
    more = int((quiet >= least).sum())
    return (
        f"{claim} Here all {len(events)} fall between steps {steps[begin]} and {steps[end]}, where the loss goes from"
        f" {float(losses[begin]):.3g} to {float(losses[end]):.3g}: its logarithm falls by {100 * inside:.2f} per 100"
        f" steps,"
        f" over the whole training by {100 * whole:.2f}. The steepest fall is from step {steps[steepest]} to"
        f" {steps[steepest + 1]}, {hit} a bifurcation. Coincidence: {told.summary()}; {alone}, and {more} of the"
        f" others move"
        " the loss by as much as the least of those. With events this few, all in one stretch, that is one coincidence"
        " rather than many: the loss falls faster while the memories are born, and there is no jump at each of them."
    )


SCALES = {"smoke": partial(measure, 6, 96, 2, 1), "small": partial(measure, 32, 3200, 5, 1)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, unless it has been, and draw."""
    run("training", SCALES, draw, caption, arguments)


if __name__ == "__main__":
    main()
