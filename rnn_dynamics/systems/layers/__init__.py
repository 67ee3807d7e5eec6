"""Recurrent layers as plain torch functions, with closed-form Jacobians.

For developers: subclass ``CellLayer`` (or ``Layer``, for weights of other names than torch's), implement its abstract
methods, and every analysis works on your cell.
"""

from .base import CellLayer, Layer, Slopes, changed
from .brc import BRCLayer, NBRCLayer
from .elman import ElmanLayer
from .gru import GRULayer
from .gru_reset_before import ResetBeforeGRULayer
from .leaky import LEAKS, DaleLayer, LeakingLayer, LeakyLayer
from .low_rank import LowRankLayer
from .lru import LRULayer
from .lstm import LSTMLayer
from .mgu import MGULayer
from .minimal import MinGRULayer, MinLSTMLayer
from .nonlinearities import NONLINEARITIES
from .parallel import ParallelLayer

__all__ = [
    "LEAKS",
    "NONLINEARITIES",
    "BRCLayer",
    "CellLayer",
    "DaleLayer",
    "ElmanLayer",
    "GRULayer",
    "LRULayer",
    "LSTMLayer",
    "Layer",
    "LeakingLayer",
    "LeakyLayer",
    "LowRankLayer",
    "MGULayer",
    "MinGRULayer",
    "MinLSTMLayer",
    "NBRCLayer",
    "ParallelLayer",
    "ResetBeforeGRULayer",
    "Slopes",
    "changed",
]
