"""Which input flips a bit: the folds of a trained flip-flop network over its input, and pulses that test them.

The stored result is of a network from before `train_flip_flop` went through `train`; a new run trains another one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter
from scipy.optimize import brentq
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.plotting import style
from rnn_dynamics.plotting.pages import gathered, letter, zoom
from rnn_dynamics.store import storable
from rnn_dynamics.training import train_flip_flop

from .page import run
from .pulses import Memories, Pulses, memories, pulses

DURATIONS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)

_CLEARLY = 1.5
"""Times the excess that was foretold, from which on a memory is named in the caption."""

_UP, _DOWN = style.qualitative(0), style.qualitative(1)
"""Memories whose bit 0 is raised, and those whose is lowered."""


@storable
@dataclass(frozen=True, eq=False)
class FlipFlopFolds:
    """A trained network's diagram over input 0, its memories, and the pulses that flip them."""

    diagram: rd.BifurcationDiagram
    memories: Memories
    pulses: Pulses
    weight: Tensor
    """Of the trained readout, [bits, n]."""
    bias: Tensor
    """[bits]."""
    accuracy: float


def measure(bits: int, hidden: int, steps: int, starts: int, durations: Sequence[int], seed: int = 0) -> FlipFlopFolds:
    """Train a GRU, continue all its fixed points over the amplitude of input 0, and try pulses on its memories."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.GRU(bits, hidden, batch_first=True)
    trained = train_flip_flop(module, seed=seed, steps=steps)
    weight, bias = trained.readout.weight.detach().double(), trained.readout.bias.detach().double()
    network = rd.as_map(module).frozen(torch.float64)
    states = rd.sample_states(network, trained.test_inputs, starts, noise=0.5)
    diagram = rd.bifurcation_diagram(network.input_family(0), states, (-1, 1))
    with torch.no_grad():
        known = memories(diagram, network, weight, bias)
        tried = pulses(network, known, weight, bias, durations)
    return FlipFlopFolds(diagram, known, tried, weight, bias, trained.accuracy)


def draw(result: FlipFlopFolds) -> Figure:
    """The diagram through the readout of bit 0; the pulse needed by its duration; and the normal form's forecast."""
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], 2.75), layout="constrained")
        axes = list(figure.subplots(1, 3, width_ratios=(1.45, 1, 1)))
        for ax in axes:
            style.dress(ax)
        _draw_diagram(axes[0], result)
        _draw_needed(axes[1], result)
        _draw_forecast(axes[2], result)
        letter(axes, left=26, up=3)
    return figure


def _draw_diagram(ax: Axes, result: FlipFlopFolds) -> None:
    known = result.memories
    handles = []
    for up, color, way, hatch in ((True, _UP, "rising", None), (False, _DOWN, "falling", "//////")):
        folds = known.folds[(known.bits[:, 0] < 0) == up]
        look = {
            "facecolor": style.tint(color, 0.18),
            "edgecolor": style.tint(color, 0.4),
            "linewidth": 0,
            "hatch": hatch,
        }
        ax.axvspan(float(folds.min()), float(folds.max()), zorder=0, **look)
        handles.append(Patch(label=f"memories end, {way}", **look))
    rd.plot_diagram(
        result.diagram,
        ax,
        observable=partial(_readout, result),
        labels=False,
        parameter="input 0, held",
        observable_label="readout of bit 0",
    )
    zoom(ax, -_reach(result), _reach(result))
    style.add_legend(ax, style.side_by_side(gathered([ax]), handles))
    text: dict[str, Any] = {"fontsize": style.SMALL, "transform": ax.transAxes}
    ax.text(0.97, 0.97, "bit 0 = +1", ha="right", va="top", **text)
    ax.text(0.03, 0.03, "bit 0 = \N{MINUS SIGN}1", ha="left", va="bottom", **text)


def _reach(result: FlipFlopFolds) -> float:
    """The input up to which panel a shows."""
    return 1.6 * float(result.memories.folds.abs().max())


def _readout(result: FlipFlopFolds, states: Tensor) -> Tensor:
    return states @ result.weight[0] + result.bias[0]


def _marker(up: bool) -> dict[str, Any]:
    return {"marker": "^" if up else "v", "markersize": 3.2, "markeredgewidth": 0.6, "markerfacecolor": "white"}


_FOLD: dict[str, Any] = {"linewidth": style.THIN, "linestyle": (0, (3, 2))}


def _flips(**line: Any) -> list[Line2D]:
    """The entries of the two ways in which bit 0 flips."""
    return [
        Line2D([], [], color=_UP, label="bit 0: \N{MINUS SIGN}1 to +1", **line, **_marker(True)),
        Line2D([], [], color=_DOWN, label="bit 0: +1 to \N{MINUS SIGN}1", **line, **_marker(False)),
    ]


def _draw_needed(ax: Axes, result: FlipFlopFolds) -> None:
    known, tried = result.memories, result.pulses
    for memory, amplitudes in enumerate(tried.needed):
        up = bool(known.bits[memory, 0] < 0)
        color = _UP if up else _DOWN
        ax.axhline(abs(float(known.folds[memory])), color=color, zorder=1, **_FOLD)
        ax.plot(tried.durations, amplitudes, color=color, linewidth=style.THICK, **_marker(up))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(FixedLocator([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("duration of the pulse (steps)")
    ax.set_ylabel("|pulse| that flips bit 0")
    fold = Line2D([], [], color=style.GREY, label="fold of the memory", **_FOLD)
    style.add_legend(ax, [*_flips(linewidth=style.THICK), fold], columns=1)


def _draw_forecast(ax: Axes, result: FlipFlopFolds) -> None:
    known = result.memories
    for memory in range(len(known.folds)):
        up = bool(known.bits[memory, 0] < 0)
        color = _UP if up else _DOWN
        ax.plot(_times(result)[memory], _excesses(result)[memory], color=color, linestyle="none", **_marker(up))
    seen = _excesses(result)
    seen = seen[seen.isfinite() & (seen > 0)].numpy()
    excess = np.geomspace(seen.min() / 2, seen.max() * 2, 200)
    ax.plot(passage(excess), excess, color=style.BLACK, linewidth=style.THICK, zorder=2.5)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("scaled duration $d\\,\\sqrt{a\\alpha p_\\mathrm{f}}$")
    ax.set_ylabel("excess $p/p_\\mathrm{f} - 1$ of the pulse")
    law = Line2D([], [], color=style.BLACK, linewidth=style.THICK, label="normal form, not fitted")
    style.add_legend(ax, [*_flips(linestyle="none"), law], columns=1)


def passage(excess: np.ndarray) -> np.ndarray:
    """The time, in units of (a alpha p_f)^(-1/2), that x' = x + alpha (p - p_f) + a x^2 takes at p = (1 + excess) p_f.

    From the memory to the saddle that it has at p = 0, x = -+ (alpha p_f / a)^(1/2), with steps taken as a flow.
    """
    root = np.sqrt(excess)
    return 2 * np.arctan(1 / root) / root


def _times(result: FlipFlopFolds) -> Tensor:
    known = result.memories
    return (known.rates * known.folds.abs()).sqrt()[:, None] * result.pulses.durations


def _excesses(result: FlipFlopFolds) -> Tensor:
    return result.pulses.needed / result.memories.folds.abs()[:, None] - 1


def forecast(result: FlipFlopFolds) -> Tensor:
    """The amplitude that the normal form asks for, [k, d], by what is known of each fold alone."""
    times = _times(result).numpy()
    excess = np.vectorize(lambda time: brentq(lambda u: float(passage(np.exp(u))) - time, -40, 40))(times)
    return result.memories.folds.abs()[:, None] * (1 + torch.from_numpy(np.exp(excess)))


def caption(result: FlipFlopFolds) -> str:
    """What was found, in numbers."""
    known, tried, diagram = result.memories, result.pulses, result.diagram
    up = known.bits[:, 0] < 0
    bits, units = result.weight.shape
    return f"""
**Which input flips a bit.** A GRU of {units} units, trained to hold {bits} bits ({100 * result.accuracy:.2f} % of its
outputs have the right sign), under a held input 0.

**a.** All fixed points over that input, seen through the trained readout of bit 0; stable ones solid, saddles dashed.
{diagram.summary()}; at most {int(diagram.counts.max())} fixed points at once, {int(diagram.stable_counts.max())} of
them stable. {diagram.verdict} {_beyond(result)} As input 0 rises, each of the
{int(up.sum())} memories with bit 0 = -1 meets a saddle in a fold, at {_range(known.folds[up])} (the band at the right).
**Held** above its fold, an input flips the bit; held below it, it does not. As input 0 falls, the
{int((~up).sum())} memories with bit 0 = +1 end at {_range(-known.folds[~up], sign="-")} (the band at the left).

**b.** A test by simulation. From each memory a pulse of so many steps, then no input for 3000 steps: the least
|pulse| after which bit 0 has changed its sign, bisected to 2.4e-8. A pulse of one step, as in training, must be of
{_range(tried.needed[:, 0])}, where the task's are 1: its margin is what the folds leave room for. The longer the
pulse, the nearer it comes to the fold of its memory (dashed).{_exceptions(result)}

**c.** The same pulses beside what the normal form x' = x + a x^2 + alpha (p - p_f) says, a and alpha computed at the
fold p_f and nothing fitted: a pulse must last for the passage through the bottleneck that the fold leaves behind, d
(a alpha p_f)^(1/2) = 2 atan(u^(-1/2)) / u^(1/2) with u = p / p_f - 1. This is a law of long pulses; for short ones p
is far from the fold, and a normal form has no say.{_slow(result)}

| steps | least pulse, -1 to +1 | least pulse, +1 to -1 | the normal form's pulse is off by up to |
|---|---|---|---|
{_table(result)}

One network, one seed.
"""


def _beyond(result: FlipFlopFolds) -> str:
    """What the axis of panel a leaves out."""
    count = sum(abs(point.parameter) > _reach(result) for _, point in result.diagram.special_points)
    return f"Only inputs near 0 are shown; {count or 'no'} bifurcations lie beyond, up to 1 and -1."


def _table(result: FlipFlopFolds) -> str:
    up, tried = result.memories.bits[:, 0] < 0, result.pulses
    off = (forecast(result) / tried.needed - 1).abs().max(dim=0).values
    return "\n".join(
        f"| {duration} | {_range(tried.needed[up, column])} | {_range(tried.needed[~up, column])}"
        f" | {f'{100 * off[column]:.2g} %' if off[column] < 1 else f'a factor of {1 + off[column]:.1f}'} |"
        for column, duration in enumerate(tried.durations.tolist())
    )


def _exceptions(result: FlipFlopFolds) -> str:
    """Where a longer pulse must be larger, where more than one threshold was seen, and where other bits change."""
    tried, text = result.pulses, ""
    rising = (tried.needed[:, 1:] > 1.001 * tried.needed[:, :-1]).any(dim=1).nonzero().flatten().tolist()
    for memory in rising:
        later = (tried.needed[memory, 1:] > 1.001 * tried.needed[memory, :-1]).nonzero().flatten() + 1
        first, last = int(later[0]) - 1, int(later[-1])
        ends = tried.ends[memory, first : last + 1]
        text += (
            f" Not so for memory {_name(result, memory)} and pulses of {int(tried.durations[first])} to"
            f" {int(tried.durations[last])} steps, which must be of"
            f" {_range(tried.needed[memory, first : last + 1])}: the"
            f" readout has then changed its sign as the least of them end, to {float(ends.min()):.2f} to"
            f" {float(ends.max()):.2f}, yet what ends there with a smaller pulse comes back."
        )
    several = int((tried.switches > 1).sum())
    text += f" At {several} of {tried.switches.numel()} pairs of memory and duration the outcome changes more than once"
    text += " over the amplitudes tried up to 1.5, elsewhere once."
    spoilt = [_name(result, memory) for memory in (tried.spoilt > 0).any(dim=1).nonzero().flatten().tolist()]
    shortest = tried.durations[(tried.spoilt > 0).any(dim=0)].tolist()
    if spoilt:
        text += (
            f" Some pulses of {shortest[0]} steps or more change another bit too, from memories {', '.join(spoilt)}."
        )
    return text


def _slow(result: FlipFlopFolds) -> str:
    """Which memories need clearly more than was foretold at the longest pulses, and their second multipliers."""
    known, duration = result.memories, int(result.pulses.durations[-1])
    ratios = _excesses(result)[:, -1] / (forecast(result)[:, -1] / known.folds.abs() - 1)
    usual = ratios[(ratios > 0) & (ratios <= _CLEARLY)]
    text = f" At {duration} steps u is {float(usual.min()):.2f} to {float(usual.max()):.2f} times the forecast's"
    text += "" if len(usual) == len(ratios) else f" for {len(usual)} of the {len(ratios)} memories"
    for memory in (ratios > _CLEARLY).nonzero().flatten().tolist():
        second = float(known.seconds[memory])
        text += (
            f"; for {_name(result, memory)} it is {float(ratios[memory]):.1f} times, where the fold's second"
            f" multiplier, {second:.5f}, belongs to a direction that takes {-1 / math.log(second):.0f} steps to relax"
        )
    for memory in (ratios <= 0).nonzero().flatten().tolist():
        below = -float(_excesses(result)[memory].min())
        text += (
            f"; {_name(result, memory)} is lost already at an input {100 * below:.2g} % short of its fold, as what it"
            " has become there lies in another basin once the pulse ends: no bottleneck is passed, and it is not in c"
        )
    late = " The normal form takes it for granted that all other directions have relaxed."
    return text + "." + late * bool((ratios > _CLEARLY).any())


def _name(result: FlipFlopFolds, memory: int) -> str:
    return "(" + ", ".join(f"{bit:+.0f}" for bit in result.memories.bits[memory].tolist()) + ")"


def _range(values: Tensor, sign: str = "") -> str:
    known = values[values.isfinite()]
    return f"{sign}{float(known.min()):.4f} to {sign}{float(known.max()):.4f}" if len(known) else "more than 1.5"


SCALES: dict[str, Callable[[], FlipFlopFolds]] = {
    "smoke": partial(measure, 2, 12, 300, 128, (1, 5, 40)),
    "small": partial(measure, 3, 64, 1500, 512, DURATIONS),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, unless it has been, and draw."""
    run("flip_flop", SCALES, draw, caption, arguments)


if __name__ == "__main__":
    main()
