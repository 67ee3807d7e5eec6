"""Growth of time and memory with units and starts, from the results of ``python -m tests.benchmarks scaling``."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rnn_dynamics.plotting import figure, save_figure, style
from rnn_dynamics.plotting.pages import write_caption
from tests.benchmarks.scaling import MEDIAN, RANGE, STEPS, UNIT

FOLDER = Path(__file__).parent
RESULTS = FOLDER.parent / "tests" / "benchmarks" / "results" / "scaling.json"
MARKERS = ("o", "^", "s", "D")
DASHES = ("-", (0, (4, 1.4)), (0, (1, 1)), (0, (5, 1.2, 1, 1.2)))
_MEMORY = "peak memory / MB"
_LIMIT = 2048
"""MB, of the memory that searches are to stay below."""

Row = dict[str, Any]


def stored() -> list[Row]:
    """A row for each number of units and of starts."""
    return json.loads(RESULTS.read_text())


def draw(ax: Axes, rows: list[Row], column: str, label: str, spread: str | None = None) -> None:
    """A line for each number of starts, with the range of the repeats where there is one."""
    with style.styled():
        handles = []
        for index, starts in enumerate(sorted({row["starts"] for row in rows})):
            own = [row for row in rows if row["starts"] == starts]
            units, values = [row["units"] for row in own], [row[column] for row in own]
            look: dict[str, Any] = {"color": style.qualitative(index), "linewidth": style.THICK}
            marks: dict[str, Any] = {"linestyle": DASHES[index], "marker": MARKERS[index], "markersize": 4}
            ax.plot(units, values, **marks, **look)
            if spread is not None:
                ax.vlines(units, *zip(*(row[spread] for row in own), strict=True), **look)
            handles.append(Line2D([], [], label=f"{starts:,}", **marks, **look))
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
    done = timed(rows)
    units = sorted({row["units"] for row in done})
    common = set.intersection(*({row["starts"] for row in done if row["units"] == n} for n in units))
    few, many = min(common), max(common)
    times = {(row["units"], row["starts"]): row[MEDIAN] for row in done}
    growth = [times[large, many] / times[small, many] for small, large in pairwise(units)]
    shared = [times[n, few] / times[n, many] for n in units]
    most = max(row[_MEMORY] for row in rows)
    left = _named([row for row in rows if row not in done])
    return f"""
**Growth with units and starts.** Searches for the fixed points of GRUs trained on the flip-flop, from so many starts.
*scaling_time*: the processor's time, on one core, for one step of Newton's method from one start: equal work, as no
start takes more than {STEPS} steps, however many it would need. Markers: the median of {done[0]["repeats"]} repeats;
bars: their range. The unit is the step with {UNIT[0]} units and {UNIT[1]:,} starts. With {many:,} starts a step takes
{_listed(growth)} times as long with twice the units, from {units[0]} to {units[-1]}; with {few} starts, which share
less of what is done once for all, it takes {_listed(shared)} times as long as with {many:,}.
*scaling_memory*: the peak memory of the whole process, which searches to the end: {most:,} MB at most; dashed: 2 GB.
{left}
"""


def timed(rows: list[Row]) -> list[Row]:
    """Those whose time was measured."""
    return [row for row in rows if row["repeats"]]


def _named(rows: list[Row]) -> str:
    """Rows without a time, by their units and starts."""
    if not rows:
        return ""
    names = ", ".join(f"{row['units']} units with {row['starts']:,} starts" for row in rows)
    return f"Not yet timed, and their memory that of an earlier run: {names}."


def _listed(values: Sequence[float]) -> str:
    *first, last = (f"{value:.2g}" for value in values)
    return f"{', '.join(first)} and {last}"


def main() -> None:
    """Draw both panels."""
    rows = stored()
    for name in ("time", "memory"):
        drawing, ax = figure()
        if name == "time":
            draw(ax, timed(rows), MEDIAN, f"time of a step ({UNIT[0]} units, {UNIT[1]:,} starts = 1)", RANGE)
        else:
            draw(ax, rows, _MEMORY, "peak memory of the process / MB")
            ax.axhline(_LIMIT, color=style.GREY, linewidth=style.THIN, linestyle="--")
            ax.annotate("2 GB", (16, _LIMIT), textcoords="offset points", xytext=(0, 3), fontsize=style.SMALL)
            ax.set_ylim(100, 4000)
        save_figure(drawing, FOLDER / f"scaling_{name}")
    write_caption(FOLDER / "scaling.md", caption(rows))


if __name__ == "__main__":
    main()
