"""Growth of time and memory with units and starts, from the results of ``python -m tests.benchmarks scaling``."""

import json
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rnn_dynamics.plotting import figure, save_figure, style
from rnn_dynamics.plotting.pages import write_caption

FOLDER = Path(__file__).parent
RESULTS = FOLDER.parent / "tests" / "benchmarks" / "results" / "scaling.json"
MARKERS = ("o", "^", "s", "D")
DASHES = ("-", (0, (4, 1.4)), (0, (1, 1)), (0, (5, 1.2, 1, 1.2)))
_MEMORY, _STEP, _SPREAD = "peak memory / MB", "ms a step: median", "ms a step: range"
_LIMIT = 2048
"""MB, of the memory that searches are to stay below."""

_MOST = 0.95
"""Of the starts, that have to converge for a marker to be filled."""

Row = dict[str, Any]


def stored() -> list[Row]:
    """A row for each number of units and of starts."""
    return json.loads(RESULTS.read_text())


def equal_work(rows: list[Row]) -> bool:
    """Whether times are those of single steps of Newton's method, with repeats; else they are of whole searches."""
    return all(_STEP in row for row in rows)


def time_of(rows: list[Row]) -> str:
    """The column of times."""
    return _STEP if equal_work(rows) else next(key for key in rows[0] if key.startswith("time"))


def _converged(row: Row) -> float:
    return float(row["starts that converge"].removesuffix("%")) / 100


def draw(ax: Axes, rows: list[Row], column: str, label: str) -> None:
    """A line for each number of starts; markers are open where many starts do not converge."""
    with style.styled():
        handles = []
        for index, starts in enumerate(sorted({row["starts"] for row in rows})):
            own = [row for row in rows if row["starts"] == starts]
            look: dict[str, Any] = {"color": style.qualitative(index), "linewidth": style.THICK}
            ax.plot([row["units"] for row in own], [row[column] for row in own], linestyle=DASHES[index], **look)
            for row in own:
                face = look["color"] if _converged(row) >= _MOST else "white"
                marks = {"marker": MARKERS[index], "markersize": 4, "markerfacecolor": face}
                ax.plot(row["units"], row[column], **marks, **look)
                if column == _STEP:
                    ax.plot([row["units"]] * 2, row[_SPREAD], **look)
            handles.append(
                Line2D(
                    [], [], linestyle=DASHES[index], marker=MARKERS[index], markersize=4, label=f"{starts:,}", **look
                )
            )
        ax.loglog()
        units = sorted({row["units"] for row in rows})
        ax.set_xticks(units, [str(n) for n in units])
        ax.minorticks_off()
        ax.set_xlabel("GRU units")
        ax.set_ylabel(label)
        ax.legend(
            handles=handles,
            title="starts",
            frameon=False,
            fontsize=style.SMALL,
            title_fontsize=style.SMALL,
            handlelength=3,
        )


def caption(rows: list[Row]) -> str:
    """What is drawn, and what it compares."""
    shares = [_converged(row) for row in rows]
    memory = max(row[_MEMORY] for row in rows)
    if equal_work(rows):
        time = f"""the time of one step of Newton's method for one start, the median of {rows[0]["repeats"]} searches
and
their range: equal work, however many steps starts take"""
    else:
        time = f"""the time of a whole search, one of each, relative to that with {rows[0]["units"]} units and
{rows[0]["starts"]} starts. The searches are not equal work: starts of one network take more steps than those of
another,
and {min(shares):.0%} to {max(shares):.0%} of them converge. Nor was any repeated. `python -m tests.benchmarks scaling`
measures the time of a step, with repeats; these rows are from before it did"""
    return f"""
**Growth with units and starts.** Searches for the fixed points of GRUs trained on the flip-flop, from so many starts.
*scaling_time*: {time}. *scaling_memory*: the peak memory of the whole process, {memory:,} MB at most; dashed: 2 GB.
Open markers: fewer than {_MOST:.0%} of the starts converge.
"""


def main() -> None:
    """Draw both panels."""
    rows = stored()
    label = "time of a step and start / ms" if equal_work(rows) else "time (16 units, 64 starts = 1)"
    panels = {"time": (time_of(rows), label), "memory": (_MEMORY, "peak memory of the process / MB")}
    for name, (column, label) in panels.items():
        drawing, ax = figure()
        draw(ax, rows, column, label)
        if name == "memory":
            ax.axhline(_LIMIT, color=style.GREY, linewidth=style.THIN, linestyle="--")
            ax.annotate("2 GB", (16, _LIMIT), textcoords="offset points", xytext=(0, 3), fontsize=style.SMALL)
            ax.set_ylim(100, 4000)
        save_figure(drawing, FOLDER / f"scaling_{name}")
    write_caption(FOLDER / "scaling.md", caption(rows))


if __name__ == "__main__":
    main()
