"""Recurrent layers as plain torch functions, with closed-form Jacobians.

For developers: subclass ``CellLayer`` (or ``Layer``, for weights of other names than torch's), implement its abstract
methods, and every analysis works on your cell.
"""

from .base import CellLayer, Layer, Slopes, rows_of
from .brc import BRCLayer, NBRCLayer
from .elman import ElmanLayer
from .gru import GRULayer
from .gru_reset_before import ResetBeforeGRULayer
from .lstm import LSTMLayer
from .mgu import MGULayer
from .parallel import ParallelLayer

__all__ = [
    "BRCLayer",
    "CellLayer",
    "ElmanLayer",
    "GRULayer",
    "LSTMLayer",
    "Layer",
    "MGULayer",
    "NBRCLayer",
    "ParallelLayer",
    "ResetBeforeGRULayer",
    "Slopes",
    "rows_of",
]
