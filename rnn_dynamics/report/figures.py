"""How reports write figures."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from ..plotting import save_figure


def written(ax: Axes, path: Path) -> list[Path]:
    """Write an axis' figure and put it away: matplotlib warns when more than twenty are open."""
    files = save_figure(ax.figure, path)
    plt.close(ax.get_figure(root=True))
    return files
