"""What was drawn, as tests look at it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D


def legend_texts(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def line(ax: Axes, label: str) -> Line2D:
    (artist,) = (artist for artist in ax.lines if artist.get_label() == label)
    return artist


def path(ax: Axes, label: str) -> np.ndarray:
    return np.asarray(line(ax, label).get_xydata())


def markers(ax: Axes) -> dict[str, PathCollection]:
    return {str(artist.get_label()): artist for artist in ax.collections if isinstance(artist, PathCollection)}


def edge(artist: PathCollection) -> str:
    return to_hex(np.asarray(artist.get_edgecolor())[0])


def face(artist: PathCollection) -> str:
    return to_hex(np.asarray(artist.get_facecolor())[0])
