"""The cells that weights in a file can be read as, and what is said of a cell where its weights do not tell."""

from collections.abc import Callable
from dataclasses import dataclass

from ..checks import ArgumentError
from .layers import BRCLayer, ElmanLayer, GRULayer, Layer, LSTMLayer, MGULayer, NBRCLayer, ResetBeforeGRULayer

CELLS: dict[str, Callable[..., Layer]] = {
    "RNN": ElmanLayer,
    "GRU": GRULayer,
    "GRU-reset-before": ResetBeforeGRULayer,
    "LSTM": LSTMLayer,
    "MGU": MGULayer,
    "BRC": BRCLayer,
    "nBRC": NBRCLayer,
}
TWO_BIASES = ("RNN", "GRU", "LSTM")
"""Cells with a second bias, beside the recurrent weights; the others need one alone."""

_SHAPED_AS = {"GRU-reset-before": "GRU"}
"""Cells whose weights have the shapes of another, which is what they are taken for unless said otherwise."""


@dataclass(frozen=True)
class Reading:
    """How a file is to be read, the arguments of ``read_checkpoint``; None leaves a thing to the file.

    Raises:
        ArgumentError: for a cell or an option that there is not.
    """

    prefix: str | None = None
    cell: str | None = None
    nonlinearity: str | None = None

    def __post_init__(self) -> None:
        if self.cell is not None:
            object.__setattr__(self, "cell", _known(self.cell))
        if self.nonlinearity not in (None, "tanh", "relu"):
            raise ArgumentError("nonlinearity", f"must be 'tanh' or 'relu', got {self.nonlinearity!r}")


def _known(name: str) -> str:
    """A cell by its name, in whatever case and however hyphenated."""
    plain = {cell.casefold().replace("-", ""): cell for cell in CELLS}
    found = plain.get(name.casefold().replace("-", "").replace("_", ""))
    if found is None:
        raise ArgumentError("cell", f"must be one of {', '.join(map(repr, CELLS))}, got {name!r}")
    return found


def read_as(shape: str, named: str | None) -> str:
    """The cell that weights are read as: ``named``, if it is one with the shapes of the cell ``shape``."""
    return named if named is not None and _SHAPED_AS.get(named) == shape else shape
