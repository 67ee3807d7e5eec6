"""Floor 4: figures of results, in one style; the only floor that imports matplotlib."""

from .fixed_points import plot_fixed_points
from .spectrum import plot_spectrum
from .style import figure, save_figure

__all__ = ["figure", "plot_fixed_points", "plot_spectrum", "save_figure"]
