"""What is drawn of a sweep: means and single measurements, a colour for each combination of the other parameters."""

from typing import Any

import numpy as np
import pytest
from artists import legend_texts, path

import rnn_dynamics as rd


def swept(rows: list[tuple[Any, ...]], columns: tuple[str, ...], parameters: tuple[str, ...]) -> rd.Sweep:
    names = tuple(f"case-{number}" for number in range(len(rows)))
    done = tuple("waiting" if row[-1] is None else "done" for row in rows)
    return rd.Sweep(names, done, ("",) * len(rows), tuple(rows), columns, parameters, folder="here", versions=("0",))


ROWS = [
    (cell, length, seed, 10.0 * length + seed + 100 * (cell == "LSTM"))
    for cell in ("GRU", "LSTM")
    for length in (1, 3, 2)
    for seed in (0, 1, 2)
]
NUMBERS = swept(ROWS, ("cell", "length", "seed", "score"), ("cell", "length", "seed"))


def test_means_over_seeds_and_every_measurement() -> None:
    ax = rd.plot_sweep(NUMBERS)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("length", "score")
    assert legend_texts(ax) == ["GRU", "LSTM"]
    np.testing.assert_allclose(path(ax, "GRU"), [[1, 11], [2, 21], [3, 31]])
    np.testing.assert_allclose(path(ax, "LSTM"), [[1, 111], [2, 121], [3, 131]])
    points = [line.get_xydata() for line in ax.lines[1::2]]
    assert [len(one) for one in points] == [9, 9]
    assert {tuple(point) for point in np.concatenate(points)} == {(row[1], row[3]) for row in ROWS}
    assert ax.lines[0].get_color() == ax.lines[1].get_color() != ax.lines[2].get_color()
    assert ax.lines[0].get_linestyle() != ax.lines[2].get_linestyle()  # not by colour alone
    assert ax.lines[1].get_marker() != ax.lines[3].get_marker()


def test_words_stand_side_by_side_without_a_line() -> None:
    ax = rd.plot_sweep(NUMBERS, x="cell")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["GRU", "LSTM"]
    assert legend_texts(ax) == ["length 1", "length 3", "length 2"]
    assert all(line.get_linestyle() == "None" for line in ax.lines)
    assert ax.get_xlim() == (-0.5, 1.5)


def test_one_can_choose_what_is_drawn() -> None:
    ax = rd.plot_sweep(NUMBERS, x="seed", by=["length"], legend=False)
    assert ax.get_legend() is None
    np.testing.assert_allclose(path(ax, "length 2"), [[0, 70], [1, 71], [2, 72]])
    assert len(rd.plot_sweep(NUMBERS, x="length", by=[]).lines) == 2


def test_what_is_not_done_is_not_drawn() -> None:
    part = swept([("GRU", 1, 0.5), ("GRU", 2, None)], ("cell", "length", "score"), ("cell", "length"))
    ax = rd.plot_sweep(part, x="length")
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[1, 0.5]])


def test_what_cannot_be_drawn_is_refused() -> None:
    words = swept([(1, "a")], ("x", "word"), ("x",))
    with pytest.raises(ValueError, match="sweep must have a measure that is a number"):
        rd.plot_sweep(words)
    with pytest.raises(ValueError, match="y must hold numbers, as none do, got 'word'"):
        rd.plot_sweep(words, y="word")
    with pytest.raises(ValueError, match="x must be a column, got 'lenght': did you mean 'length'"):
        rd.plot_sweep(NUMBERS, x="lenght")
    with pytest.raises(ValueError, match="by must be a column, got 'cel'"):
        rd.plot_sweep(NUMBERS, by=["cel"])
