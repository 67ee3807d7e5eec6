"""The cells that weights in a file can be read as, and what is said of a cell where its weights do not tell."""

from collections.abc import Callable
from dataclasses import dataclass

from ..checks import ArgumentError
from .layers import (
    LEAKS,
    NONLINEARITIES,
    BRCLayer,
    ElmanLayer,
    GRULayer,
    Layer,
    LSTMLayer,
    MGULayer,
    NBRCLayer,
    ResetBeforeGRULayer,
)

GATED: dict[str, Callable[..., Layer]] = {
    "RNN": ElmanLayer,
    "GRU": GRULayer,
    "GRU-reset-before": ResetBeforeGRULayer,
    "LSTM": LSTMLayer,
    "MGU": MGULayer,
    "BRC": BRCLayer,
    "nBRC": NBRCLayer,
}
"""Cells whose layers are made of weights of torch's names, and whose shapes may tell them."""

LEAKY = ("leaky", "Dale", "low-rank")
"""Cells with a share alpha, a non-linearity and a place of the leak; see ``named_cells``."""

CELLS = (*GATED, *LEAKY, "minGRU", "minLSTM", "LRU")
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
    alpha: float | None = None
    leak: str | None = None

    def __post_init__(self) -> None:
        if self.cell is not None:
            object.__setattr__(self, "cell", _known(self.cell))
        leaky = self.cell in LEAKY
        known = tuple(NONLINEARITIES) if leaky else ("tanh", "relu")
        if self.nonlinearity not in (None, *known):
            raise ArgumentError("nonlinearity", f"must be {_either(known)}, got {self.nonlinearity!r}")
        if self.leak not in (None, *LEAKS):
            raise ArgumentError("leak", f"must be {_either(LEAKS)}, got {self.leak!r}")
        if self.alpha is not None and not 0 < self.alpha <= 1:
            raise ArgumentError("alpha", f"must be above 0 and at most 1, got {self.alpha}")


def _either(words: tuple[str, ...]) -> str:
    *most, last = map(repr, words)
    return f"{', '.join(most)} or {last}"


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


def share(alpha: float | None, dt: float | None, tau: float | None) -> float | None:
    """Alpha, as given or from dt and tau.

    Raises:
        ValueError: for one of dt and tau without the other, or beside alpha.
    """
    if (dt is None) != (tau is None):
        raise ValueError(f"dt and tau must be given together, got dt={dt!r} and tau={tau!r}")
    if dt is None or tau is None:
        return alpha
    if alpha is not None:
        raise ArgumentError("alpha", "is dt / tau: give either alpha or both of these")
    if not 0 < dt <= tau:
        raise ArgumentError("tau", f"must be dt={dt} or more, and both positive, got {tau}")
    return dt / tau
