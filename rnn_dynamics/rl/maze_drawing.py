"""Pictures of a T-Maze: lines of text, and pixels."""

from collections.abc import Iterator

import numpy as np

CELL = 24
"""Pixels along a cell; fewer, but four at least, where the picture would be wider than ``WIDEST``."""

WIDEST = 1920

_WALL, _FLOOR = (58, 58, 66), (236, 233, 226)
_GOAL, _SIGN, _AGENT = (86, 162, 92), (214, 190, 122), (196, 78, 62)


def text(length: int, position: int, arm: int | None, goal: int) -> str:
    """Three lines: G the goal, the sign at the start as ^ or v, @ who walks."""
    rows = [[" "] * (length + 1) for _ in range(3)]
    rows[1] = ["."] * (length + 1)
    rows[0][length] = rows[2][length] = "."
    rows[2 * goal][length] = "G"
    rows[1][0] = "^v"[goal]
    row, column = _place(length, position, arm)
    rows[row][column] = "@"
    return "\n".join("".join(row).rstrip() for row in rows)


def frame(length: int, position: int, arm: int | None, goal: int) -> np.ndarray:
    """An image [height, width, 3] of uint8: floor, walls, goal, the sign at the start, and who walks."""
    cell = max(4, min(CELL, WIDEST // (length + 3)))
    picture = np.empty((5 * cell, (length + 3) * cell, 3), dtype=np.uint8)
    picture[:] = _WALL
    for row, column in _floor(length):
        edge = cell // 12
        _square(picture, row, column, cell)[edge:, edge:] = _FLOOR
    inside = slice(cell // 6, cell - cell // 6)
    _square(picture, 2 * goal, length, cell)[inside, inside] = _GOAL
    _square(picture, 1, 0, cell)[_arrow(cell, up=goal == 0)] = _SIGN
    _square(picture, *_place(length, position, arm), cell)[_disc(cell)] = _AGENT
    return picture


def _place(length: int, position: int, arm: int | None) -> tuple[int, int]:
    """Row and column of who walks."""
    return (1, position) if arm is None else (2 * arm, length)


def _floor(length: int) -> Iterator[tuple[int, int]]:
    yield from ((1, column) for column in range(length + 1))
    yield from ((0, length), (2, length))


def _square(picture: np.ndarray, row: int, column: int, cell: int) -> np.ndarray:
    """The pixels of a cell; a wall of one cell is all round."""
    return picture[(row + 1) * cell : (row + 2) * cell, (column + 1) * cell : (column + 2) * cell]


def _disc(cell: int) -> np.ndarray:
    across = (np.arange(cell) - (cell - 1) / 2) / cell
    return across[:, None] ** 2 + across[None, :] ** 2 <= 0.3**2


def _arrow(cell: int, *, up: bool) -> np.ndarray:
    """A triangle that points at the goal's arm."""
    down, across = (np.arange(cell) + 0.5) / cell, np.abs((np.arange(cell) + 0.5) / cell - 0.5)
    tall = down if up else 1 - down
    return (across[None, :] <= (tall[:, None] - 0.1) / 2) & (tall[:, None] <= 0.9)
