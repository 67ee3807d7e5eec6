"""How reports write figures."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def written(ax: "Axes", path: Path) -> list[Path]:
    """Write an axis' figure and put it away: matplotlib warns when more than twenty are open."""
    import matplotlib.pyplot as plt

    from ..plotting import save_figure

    files = save_figure(ax.figure, path)
    plt.close(ax.get_figure(root=True))
    return files
