"""Moore machines as graphs: what an agent with memory has learned."""

from collections import Counter
from math import inf
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..automata import MooreMachine
from ..checks import checked
from . import style
from .arrows import draw_arrow, draw_loop, half_width

_DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))
"""Of the arrows of each letter: colours alone do not tell all readers apart."""

_REACH = 11.0
"""How far from the middle of a state loops end, in points."""

_BEND = 0.16

_NARROW = 4
"""So many letters deep a machine fits one column."""

_APART = 0.75
"""Inches from one column of states to the next, at least: a box and an arrow."""


@checked
def plot_automaton(machine: MooreMachine, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw a Moore machine: its states with what they put out, and an arrow for each letter.

    States stand in columns by the number of letters that lead to them first; the initial one has a thick border.
    Arrows have the colour and the dashes of their letter. A state in which histories end stands below those that count
    steps, whose number makes a figure wider than two columns of a journal.

    Args:
        machine: of ``rd.rl.learned_automaton`` or ``rd.rl.maze_automaton``.
        ax: where to draw; a new figure by default, one column of a journal wide, two for long histories, or more.
        legend: whether to add the legend of letters, which stands above the axis.

    Returns:
        The axis.
    """
    where = _places(machine)
    if ax is None:
        figure, ax = style.figure(columns=1 if where[:, 0].max() <= _NARROW else 2)
        if (width := _APART * (where[:, 0].max() + 1)) > style.COLUMN_WIDTHS[2]:
            figure.set_figwidth(width)
    ax = style.axis_for(ax, dimensions=2)
    with style.styled():
        for state, (output, (x, y)) in enumerate(zip(machine.outputs, where, strict=True)):
            strength = style.THICK * (1.6 if state == 0 else 0.8)
            box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": style.BLACK, "linewidth": strength}
            ax.text(x, y, output, ha="center", va="center", fontsize=style.SMALL, zorder=4, bbox=box)
            ax.scatter(x, y, s=0)  # words alone do not widen the axis
        handles = _draw_transitions(ax, machine, where)
        ax.set_axis_off()
        ax.margins(0.15, 0.45)
        if legend:
            style.add_legend(ax, handles or [style.nothing("no letters")], columns=4)
    return ax


def _draw_transitions(ax: Axes, machine: MooreMachine, where: np.ndarray) -> list[Line2D]:
    """The arrows; returns a handle for each letter that has any."""
    looks: dict[str, dict[str, Any]] = {
        letter: {"color": style.qualitative(row), "linestyle": _DASHES[row % len(_DASHES)], "linewidth": style.THICK}
        for row, letter in enumerate(machine.letters)
    }
    middle, table = where.mean(axis=0), machine.transitions.tolist()
    seen: Counter[tuple[int, int]] = Counter()
    handles: dict[str, Line2D] = {}
    for source, row in enumerate(table):
        for letter, target in zip(machine.letters, row, strict=True):
            if target < 0:
                continue
            look, order, way = looks[letter], seen[source, target], where[target] - where[source]
            seen[source, target] += 1
            handles[letter] = Line2D([], [], label=letter, **look)
            if source == target:
                outwards = np.array([0.0, 1.0 if where[source][1] >= middle[1] else -1.0])
                draw_loop(ax, where[source], outwards, order, _REACH, 1.0, **look)
            else:
                # Arrows there and back bend to opposite sides; those in one direction only spread to both.
                back = source in table[target]
                bend = _BEND * (1 + order) if back else (order - (row.count(target) - 1) / 2) * _BEND
                gaps = half_width(machine.outputs[source], way), half_width(machine.outputs[target], way)
                draw_arrow(ax, where[source], where[target], bend, gaps, 1.0, **look)
    return [handles[letter] for letter in machine.letters if letter in handles]


def _places(machine: MooreMachine) -> np.ndarray:
    """[states, 2]: a column for each number of letters that lead to a state first, its states one below the other.

    A state in which histories end stands below all rows if it is alone in its column: in a chain of states that count
    steps it would hide their arrows.
    """
    table = machine.transitions.tolist()
    distance = [0.0] + [inf] * (len(machine) - 1)
    for source, row in enumerate(table):  # states are in the order of a breadth-first walk
        for target in row:
            if target >= 0:
                distance[target] = min(distance[target], distance[source] + 1)
    rows, seen = Counter(distance), Counter[float]()
    lowest = -(max(rows.values()) - 1) / 2
    places = []
    for state, column in enumerate(distance):
        ends = all(target < 0 for target in table[state])
        within = ends and rows[column] == 1 and column < max(distance)
        places.append((column, lowest - 1 if within else (rows[column] - 1) / 2 - seen[column]))
        seen[column] += 1
    return np.array(places)
