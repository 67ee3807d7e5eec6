"""Figure 4. One training in full: loss, attractors, and all births and deaths on the way."""

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.figure import Figure

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.plotting import save_figure, style
from rnn_dynamics.plotting.pages import gathered, letter, magnified, page_legend, spread, write_caption
from rnn_dynamics.tasks import FlipFlop

FOLDER = Path(__file__).parent
SCALES = {"smoke": (6, 96, 2, 1), "small": (32, 3200, 10, 20), "paper": (256, 48_000, 50, 500)}
"""Units, sequences, epochs, and updates between observations."""


def measure(hidden: int, sequences: int, epochs: int, every: int) -> rd.TrackingHistory:
    """Train a GRU on two bits of flip-flop, and look at it all along without any input."""
    task = FlipFlop(sequences, 40, 2, 0.15, seed=0)
    model = rd.SequenceModel(module_from_spec(f"GRU-{hidden}", 2, 0), 2)
    tracker = rd.AttractorTracker(task, hold=[0.0, 0.0], every=every, budget=None, time_limit=None)
    rd.train(model, task, settings=rd.TrainSettings(epochs=epochs, lr=3e-3, clip_norm=1.0), tracker=tracker)
    return tracker.history


def draw(history: rd.TrackingHistory) -> Figure:
    """The page that ``plot_tracking`` makes, beside the part of it in which the births and deaths are."""
    events = history.identities.events
    if not events:
        figure = rd.plot_tracking(history)[0].figure
        assert isinstance(figure, Figure)
        return figure
    first, last = min(event.before for event in events), max(event.step for event in events)
    margin = max(2.0, 0.2 * (last - first))
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], 6.6), layout="constrained")
        grid = figure.subplots(4, 2, sharey="row", sharex="col", height_ratios=(1, 1, 1.4, 1.4), width_ratios=(1.2, 1))
        for ax in grid.flat:
            style.dress(ax)
    rd.plot_tracking(history, list(grid[:, 1]), span=(first - margin, last + margin), legend=False)
    rd.plot_tracking(history, list(grid[:, 0]))
    for ax in grid[:, 1]:
        ax.set_ylabel("")
        ax.tick_params(labelleft=False)
        for line in ax.lines:
            line.set_clip_on(True)
    page_legend(figure, gathered(grid[:, 0]), columns=3)
    magnified(list(grid[:, 0]), first - margin, last + margin)
    spread(figure)
    letter(list(grid.T.flat), left=12, up=1)
    return figure


def caption(history: rd.TrackingHistory) -> str:
    """What happened, in numbers."""
    events = history.identities.to_pandas()
    births, deaths = events[events.kind == "birth"], events[events.kind == "death"]
    hows = ", ".join(f"{count} by {how}" for how, count in births.how.value_counts().items()) or "none"
    ends = ", ".join(f"{count} by {how}" for how, count in deaths.how.value_counts().items()) or "none"
    changes = events[events.kind.isin(["stable", "unstable"])]
    first, last = history.observations[0], history.observations[-1]
    losses = history.scalars("loss")
    known = losses[losses.isfinite()]
    indices = [o.index_sum for o in history.observations]
    right = sum(index == 1 for index in indices)
    turns = f"{len(changes)} change{'s' * (len(changes) != 1)} of stability"
    born = f"Births: {len(births)} ({hows}); deaths: {len(deaths)} ({ends}); {turns}"
    seen = set(torch.cat(history.identities.labels).tolist()) if len(history) else set()
    hidden = len(history.identities) - len(seen)
    widest = int(events.width.max()) if len(events) else 0
    located = f"Each lies between two weights {widest} update{'s' * (widest > 1)} apart or less" if widest else ""
    claim = "No attractor was born in this run."
    if len(births):
        steps = history.steps
        before = int(steps[steps <= int(births.before.min())].max())
        after = int(steps[steps >= int(births.step.max())].min())
        at = dict(zip(steps.tolist(), losses.tolist(), strict=True))
        falls, fall = at[before] / at[after], float(known[0] / known[-1])
        claim = (
            f"All births of this run fall between updates {before} and {after}, where the loss goes from "
            f"{at[before]:.2g} to {at[after]:.2g}: by a factor of {falls:.2g}, of {fall:,.0f} in all."
        )
    return f"""
**Figure 4. One training in full.** A GRU learns to hold two bits (flip-flop task; no input is held while it is looked
at). **a.** Loss. **b.** The number of attractors that the published VAA stands for and the number that the same
states reach, as they were at the last look. **c.** Growth per step of every fixed point and cycle (stable solid,
unstable dashed). **d.** Where each is, on the first principal component. Triangles up: births, down: deaths, placed
where following along the weights of all updates
between two observations found the bifurcation; a node and the saddle born with it share a colour.

**e** to **h.** The same, about the births and deaths: the shaded part; a bar through a triangle is its bracket,
where that is wider than a
pixel.

{len(history)} observations, {_apart(history)}. The loss falls from {known[0]:.2g} to {known[-1]:.2g}. Attractors
reached: {first.count} at first, {last.count} at the end; n VAA: {first.claimed:.3g} and {last.claimed:.3g}. {born}.
{located}; {hidden} of the {len(history.identities)} fixed points lived between two observations only. The indices of
all fixed points sum to 1, as they must, at {right} of {len(indices)} observations.

*The paper's claim* is that the loss falls when attractors become reachable. {claim} Figure 1 has the statistics.

{_told(events)}

One layer of {_units(history)} units, one seed: far smaller than the paper's 2 x 256.
"""


def _apart(history: rd.TrackingHistory) -> str:
    """How often it was looked at, and what was known in between."""
    gaps = sorted(set((history.steps[1:] - history.steps[:-1]).tolist()))
    known = sorted({int(r) for r in history.resolutions.tolist() if r == r})
    apart = f"{gaps[0]} to {gaps[-1]}" if len(gaps) > 1 else f"{gaps[0]}"
    every = "every update" if known == [1] else f"every {known[0]} to {known[-1]} updates"
    return f"{apart} updates apart; the weights of {every} were kept in between"


def _told(events: pd.DataFrame) -> str:
    """Births and deaths, each pair once."""
    pairs: Any = events[events.kind.isin(["birth", "death"]) & (events.partner < events.identity)]
    rows = [
        f"| {row.kind} | {row.how} | {row.before} to {row.step} | {row.identity}"
        f"{f', {row.partner}' if row.partner >= 0 else ''} |"
        for row in pairs.sort_values("at").itertuples()
    ]
    head = ["| event | bifurcation | between updates | fixed points |", "|---|---|---|---|"]
    return "\n".join([*head, *rows]) if rows else ""


def _units(history: rd.TrackingHistory) -> int:
    return history.observations[0].sets.orbits[0].shape[-1]


def main(arguments: list[str] | None = None) -> None:
    """Measure, unless it has been, and draw."""
    parser = argparse.ArgumentParser(prog="python -m figures.training.one_run")
    parser.add_argument("--scale", choices=list(SCALES), default="small")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of results and figures")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    path = options.out / f"one_run_{options.scale}.safetensors"
    history = rd.load(path) if path.exists() else measure(*SCALES[options.scale])
    rd.save(history, path)
    save_figure(draw(history), options.out / "one_run")
    write_caption(options.out / "one_run.md", caption(history))


if __name__ == "__main__":
    main()
