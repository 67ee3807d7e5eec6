"""What the command line shows and writes: a table, the figures, the saved result."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.axes import Axes
from rich.console import Console
from rich.table import Table
from torch import Tensor

from .fixed_points import FixedPoints
from .plotting import plot_fixed_points, plot_spectrum, save_figure
from .plotting.style import figure
from .store import save

_MOST_ROWS = 60


def print_report(points: FixedPoints, console: Console) -> None:
    """The table of fixed points, the completeness check, and what became of the other starts."""
    table = Table(title=points.summary(), title_justify="left", title_style="bold", header_style="bold", pad_edge=False)
    table.add_column("#", justify="right")
    table.add_column("kind")
    headings = ("spectral radius", "unstable directions", "time constant", "residual", "share of starts")
    for heading in headings:
        table.add_column(heading, justify="right")
    table.add_column("found from")
    rows = points.to_pandas()
    for row in rows.head(_MOST_ROWS).itertuples():
        table.add_row(
            str(row.Index),
            str(row.kind),
            f"{row.spectral_radius:.4f}",
            str(row.n_unstable),
            f"{row.time_constant:.1f}",
            f"{row.residual:.0e}",
            f"{row.share:.1%}",
            str(row.origin),
        )
    console.print(table)
    if len(rows) > _MOST_ROWS:
        console.print(f"... and {len(rows) - _MOST_ROWS} more, in the saved result")
    check = points.completeness
    searched = sum(round_.starts for round_ in check.rounds)
    lines = [f"Completeness: {check.verdict}"]
    if check.index_sum is not None:
        lines.append(f"  it applies because {check.reason}")
    lines.append(f"  {searched:,} starts in all, {len(points.labels):,} of them given")
    console.print("\n".join([*lines, *(f"  {line}" for line in points.advice())]), markup=False, soft_wrap=True)


def write_report(points: FixedPoints, trajectories: Tensor, folder: Path, name: str = "fixed_points") -> list[Path]:
    """Write the saved result, the table (CSV) and the figures (PDF and PNG) into ``folder``; returns the files."""
    files = [save(points, folder / f"{name}.safetensors")]
    points.to_pandas().to_csv(folder / f"{name}.csv", index_label="row")
    files.append(folder / f"{name}.csv")
    if not len(points) and not points.continua and not len(points.slow):
        return files

    def draw(stem: str, plot: Callable[[Axes], Axes], projection: str | None = None) -> None:
        drawing, ax = figure(projection=projection)
        plot(ax)
        files.extend(save_figure(drawing, folder / f"{name}_{stem}"))

    if points.states.shape[-1] > 1:
        draw("2d", lambda ax: plot_fixed_points(points, trajectories, ax))
    if points.states.shape[-1] > 2:
        draw("3d", lambda ax: plot_fixed_points(points, trajectories, ax, dimensions=3), "3d")
    if len(points):
        draw("spectrum", lambda ax: plot_spectrum(points, ax))
    return files
