"""Sweeps, drawn."""

from collections.abc import Sequence
from pathlib import Path

from ..sweeps import Sweep
from .figures import written


def write_sweep_figure(
    sweep: Sweep, path: Path, *, x: str | None, y: str | None, by: Sequence[str] | None
) -> list[Path]:
    """Write the figure of a measure over a parameter (PDF and PNG); returns the files."""
    from ..plotting import plot_sweep

    return written(plot_sweep(sweep, x=x, y=y, by=by), path)
