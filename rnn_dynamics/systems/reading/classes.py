"""Classes of modules whose step is known, by the full names that files have of them."""

from collections.abc import Mapping
from typing import Any

_TORCH = {f"{cell}{kind}": cell for cell in ("RNN", "GRU", "LSTM") for kind in ("", "Cell")}
_OWN = {
    **{name: name for name in ("MGU", "BRC", "LRU")},
    **{"NBRC": "nBRC", "LeakyRNN": "leaky", "DaleRNN": "Dale", "LowRankRNN": "low-rank"},
    **{"MinGRU": "minGRU", "MinLSTM": "minLSTM"},
}
OPTIONS = {"nonlinearity": str, "leak": str, "positive": bool}
"""What modules keep that their weights do not tell."""


def cell_of(class_name: str) -> str | None:
    """The cell that a class computes; None for one that is not known."""
    module, _, name = class_name.rpartition(".")
    if module == "torch.nn.modules.rnn":
        return _TORCH.get(name)
    return _OWN.get(name) if module.startswith("rnn_dynamics.cells.") else None


def options_of(said: Mapping[Any, Any]) -> dict[str, Any]:
    """The options among what a module says or keeps, each of its type."""
    return {name: said[name] for name, kind in OPTIONS.items() if type(said.get(name)) is kind}
