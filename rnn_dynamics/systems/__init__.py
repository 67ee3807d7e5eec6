"""Recurrent networks as maps."""

from .autonomous import DEFAULT_MEMORY_BUDGET, AutonomousMap, Reduction, WrappedMap
from .boxes import Box, NoBox
from .checkpoints import Checkpoint, read_checkpoint
from .driven import DrivenMap, FirstState, HeldMap, InputFamily, require_network, require_system
from .encoded import EncodedMap
from .functions import FunctionMap
from .iterated import IteratedMap
from .layered import LayeredMap
from .layers import (
    LEAKS,
    NONLINEARITIES,
    BRCLayer,
    CellLayer,
    DaleLayer,
    GRULayer,
    Layer,
    LeakyLayer,
    LowRankLayer,
    LRULayer,
    MGULayer,
    MinGRULayer,
    MinLSTMLayer,
    NBRCLayer,
    ParallelLayer,
)
from .linearization import Linearization
from .modules import as_map, recurrent_layers, recurrent_module
from .pushforward import Pushforward
from .rectifiers import Rectifiers
from .sampling import bytes_kept, last_within, padded, sample_states, states_after
from .scales import ranks, relative, scaled_norm, sizes, units_of, warped

__all__ = [
    "DEFAULT_MEMORY_BUDGET",
    "LEAKS",
    "NONLINEARITIES",
    "AutonomousMap",
    "BRCLayer",
    "Box",
    "CellLayer",
    "Checkpoint",
    "DaleLayer",
    "DrivenMap",
    "EncodedMap",
    "FirstState",
    "FunctionMap",
    "GRULayer",
    "HeldMap",
    "InputFamily",
    "IteratedMap",
    "LRULayer",
    "Layer",
    "LayeredMap",
    "LeakyLayer",
    "Linearization",
    "LowRankLayer",
    "MGULayer",
    "MinGRULayer",
    "MinLSTMLayer",
    "NBRCLayer",
    "NoBox",
    "ParallelLayer",
    "Pushforward",
    "Rectifiers",
    "Reduction",
    "WrappedMap",
    "as_map",
    "bytes_kept",
    "last_within",
    "padded",
    "ranks",
    "read_checkpoint",
    "recurrent_layers",
    "recurrent_module",
    "relative",
    "require_network",
    "require_system",
    "sample_states",
    "scaled_norm",
    "sizes",
    "states_after",
    "units_of",
    "warped",
]
