"""Classes of modules whose step is known, by the full names that files have of them."""

_CELLS = {
    **{f"torch.nn.modules.rnn.{cell}{kind}": cell for cell in ("RNN", "GRU", "LSTM") for kind in ("", "Cell")},
    **{f"rnn_dynamics.cells.gated.{name}": cell for name, cell in (("MGU", "MGU"), ("BRC", "BRC"), ("NBRC", "nBRC"))},
    **{f"rnn_dynamics.cells.leaky.{name}": cell for name, cell in (("LeakyRNN", "leaky"), ("DaleRNN", "Dale"))},
    "rnn_dynamics.cells.low_rank.LowRankRNN": "low-rank",
}


def cell_of(class_name: str) -> str | None:
    """The cell that a class computes; None for one that is not known."""
    return _CELLS.get(class_name)
