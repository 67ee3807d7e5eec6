"""The stacked bands of basins over a parameter."""

from functools import cache

import numpy as np
import pytest
import torch
from matplotlib.collections import PolyCollection

import rnn_dynamics as rd
from rnn_dynamics.landscapes import LifeEvent
from rnn_dynamics.plotting import plot_basin_fractions


@cache
def shares() -> rd.BasinFractions:
    """h' = tanh(2 h + b), whose two attractors have shares of about a third and two thirds at b = 0.3."""
    network = rd.as_map(lambda h, b: torch.tanh(2 * h + b), 1, 1)
    starts = torch.linspace(-0.95, 1, 40, dtype=torch.float64)[:, None]
    return rd.basin_fractions(network.input_family(0), starts, [0.1, 0.3, 0.7])


def heights(ax: object) -> np.ndarray:
    """The height of each band at each value, [bands, values], read off the drawn areas."""
    bands = [artist for artist in ax.collections if isinstance(artist, PolyCollection)]  # pyright: ignore
    result = []
    for band in bands:
        corners = band.get_paths()[0].vertices
        result.append([np.ptp(corners[np.isclose(corners[:, 0], x), 1]) for x in shares().parameters.tolist()])
    return np.array(result)


def test_bands_are_the_shares_and_fill_the_axis() -> None:
    ax = plot_basin_fractions(shares(), xlabel="held input")
    drawn = heights(ax)
    assert np.allclose(drawn, shares().fractions.numpy().T)
    assert np.allclose(drawn.sum(axis=0), 1)
    assert ax.get_xlabel() == "held input"
    assert ax.get_ylim() == (0, 1)


def test_bands_are_told_by_more_than_colour() -> None:
    ax = plot_basin_fractions(shares())
    hatches = [artist.get_hatch() for artist in ax.collections]
    assert len(set(hatches)) == len(hatches) == 2
    assert [text.get_text() for text in ax.texts] == ["0", "1"]
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["attractor 0", "attractor 1"]


def test_events_are_dotted_lines() -> None:
    ax = plot_basin_fractions(shares())
    (death,) = [event for event in shares().events if isinstance(event, LifeEvent)]
    dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
    assert [line.get_xdata()[0] for line in dotted] == pytest.approx([death.at])  # pyright: ignore


def test_what_has_no_band_of_its_own() -> None:
    ax = plot_basin_fractions(shares(), most=1)
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["attractor 1", "1 more"]
    assert np.allclose(heights(ax).sum(axis=0), 1)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="fractions must be"):
        plot_basin_fractions(torch.zeros(3))  # pyright: ignore[reportArgumentType]
