"""Recurrent layers as plain torch functions, with closed-form Jacobians.

For developers: subclass ``Layer``, implement its five methods, and every analysis works on your cell.
"""

from .base import Layer
from .elman import ElmanLayer
from .gru import GRULayer
from .lstm import LSTMLayer

__all__ = ["ElmanLayer", "GRULayer", "LSTMLayer", "Layer"]
