"""Growth of time and memory with units and starts, from the results of ``python -m tests.benchmarks scaling``."""

import json
from pathlib import Path

from rnn_dynamics.plotting import figure, save_figure
from rnn_dynamics.plotting.style import styled

FOLDER = Path(__file__).parent
RESULTS = FOLDER.parent / "tests" / "benchmarks" / "results" / "scaling.json"
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
MARKERS = ("o", "^", "s", "D")


def main() -> None:
    """Draw both panels."""
    rows = json.loads(RESULTS.read_text())
    time = next(key for key in rows[0] if key.startswith("time"))
    panels = {
        "time": (time, "time (16 units, 64 starts = 1)"),
        "memory": ("peak memory / MB", "peak memory of the process (MB)"),
    }
    for name, (column, label) in panels.items():
        drawing, ax = figure()
        with styled():
            for starts, colour, marker in zip((64, 256, 1024, 4096), COLOURS, MARKERS, strict=True):
                line = [(row["units"], row[column]) for row in rows if row["starts"] == starts]
                ax.loglog(
                    *zip(*line, strict=True),
                    color=colour,
                    marker=marker,
                    markersize=4,
                    linewidth=1,
                    label=f"{starts:,}",
                )
            if name == "memory":
                ax.axhline(2048, color="0.4", linewidth=0.8, linestyle="--")
                ax.annotate("2 GB", (16, 2048), textcoords="offset points", xytext=(0, 3), fontsize=7)
                ax.set_ylim(100, 4000)
            units = sorted({row["units"] for row in rows})
            ax.set_xticks(units, [str(n) for n in units])
            ax.minorticks_off()
            ax.set_xlabel("GRU units")
            ax.set_ylabel(label)
            ax.legend(title="starts", frameon=False, fontsize=7, title_fontsize=7)
        save_figure(drawing, FOLDER / f"scaling_{name}")


if __name__ == "__main__":
    main()
