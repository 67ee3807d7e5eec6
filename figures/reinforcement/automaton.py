"""Figure 3. The automaton of the T-Maze, and those that agents have learned."""

from dataclasses import replace

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from rnn_dynamics import rl
from rnn_dynamics.plotting import plot_automaton, style
from rnn_dynamics.plotting.pages import letter

from ..runs import Row, run
from . import learning
from .agents import machine_of
from .learning import NAMES

_LARGEST = 16
"""States of a machine that can still be read in a panel."""


def chosen(rows: list[Row]) -> dict[str, Row]:
    """Of those whose machine can be read: the smallest of one that solved its maze, the largest of one that did not."""
    readable = [row for row in rows if row["machine"]["agrees"] and len(row["machine"]["outputs"]) <= _LARGEST]
    result = {}
    if solved := [row for row in readable if row["solved"]]:
        result["optimal"] = min(solved, key=lambda row: len(row["machine"]["outputs"]))
    if failed := [row for row in readable if not row["solved"]]:
        result["not optimal"] = max(failed, key=lambda row: len(row["machine"]["outputs"]))
    return result


def draw(rows: list[Row]) -> Figure:
    """The maze's machine beside one of an agent that fails, and below them one of an agent that is optimal."""
    picked = chosen(rows)
    wide = "optimal" in picked
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], 4.6 if wide else 2.4), layout="constrained")
        grid = figure.add_gridspec(1 + wide, 2)
        places = {"the maze's own": grid[0, 0], "not optimal": grid[0, 1]} | ({"optimal": grid[1, :]} if wide else {})
        places = {name: place for name, place in places.items() if name == "the maze's own" or name in picked}
        axes = {name: figure.add_subplot(place) for name, place in places.items()}
    plot_automaton(rl.maze_automaton(), axes["the maze's own"])
    for name, row in picked.items():
        plot_automaton(machine_of(row), axes[name], legend=False)
    legend = axes["the maze's own"].get_legend()
    assert legend is not None
    handles = [handle for handle in legend.legend_handles if handle is not None]
    letters = [text.get_text() for text in legend.get_texts()]
    legend.remove()  # one for all panels
    with style.styled():
        for name, ax in axes.items():
            row = picked.get(name)
            told = f": {NAMES[row['variant']]}, L = {row['length']}, seed {row['seed']}" if row else ""
            ax.set_title(f"{name}{told}", fontsize=style.SMALL)
        look = {"ncols": len(letters), "frameon": False, "fontsize": style.SMALL, "handlelength": 2.4}
        figure.legend(handles, letters, loc="outside upper center", **look)
        letter([axes[name] for name in places], left=0, up=3)
    return figure


def caption(rows: list[Row]) -> str:
    """Which agents have the maze's machine."""
    maze = rl.maze_automaton()
    machines = [(row, machine_of(row)) for row in rows]
    same = [row for row, machine in machines if machine.agrees and machine.difference(maze) is None]
    solved = [row for row in rows if row["solved"]]
    both = sum(row["solved"] for row in same)
    sizes = sorted(len(machine_of(row)) for row in solved)
    told = f" Machines of agents that solved their maze have {sizes[0]} to {sizes[-1]} states." if sizes else ""
    lines = []
    for name, row in chosen(rows).items():
        machine = machine_of(row)
        word = machine.difference(maze)
        how = "the same as the maze's" if word is None else f"first wrong after {' '.join(word) or 'nothing'}"
        lines.append(
            f"{name} ({NAMES[row['variant']]}, L = {row['length']}, seed {row['seed']}): {len(machine)} states, {how}, "
            f"exact for all {machine.words} histories of up to {machine.depth} observations. "
            f"{row['verdict'].capitalize()}"
        )
    return f"""
**Figure 3. What an agent has learned, as an automaton.** States put out the action that is written in them; arrows are
observations; the thick border is the beginning. **a.** The maze's own machine, the smallest that is optimal in mazes of
every length. **b.** That of an agent which is not optimal, and, if any can be read,
**c.** of one which is. Of {len(rows)} agents, {len(same)} have that very machine for
corridors of up to the length of their
training, {both} of the {len(solved)} that solved their maze among them: where the junction comes sooner than in
training, nobody told them what to do, and many count their first steps.{told} {". ".join(lines)}.

An automaton is what an agent does, not how: a drift that is slow enough has the same one as two attractors, until the
corridor is longer than the histories that were tried.
"""


PLAN = replace(learning.PLAN, name="automaton", draw=draw, caption=caption, results="learning")

if __name__ == "__main__":
    run(PLAN)
