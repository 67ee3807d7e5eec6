"""Recurrent networks as maps."""

from .autonomous import DEFAULT_MEMORY_BUDGET, AutonomousMap, Reduction, WrappedMap
from .boxes import Box, NoBox
from .checkpoints import Checkpoint, read_as_told, read_checkpoint
from .driven import DrivenMap, FirstState, HeldMap, InputFamily, require_network, require_system
from .encoded import EncodedMap
from .entry import as_map
from .functions import FunctionMap
from .in_units import MapInUnits
from .iterated import IteratedMap
from .layered import LayeredMap
from .layers import (
    LEAKS,
    NONLINEARITIES,
    BRCLayer,
    CellLayer,
    DaleLayer,
    ElmanLayer,
    GRULayer,
    Layer,
    LeakyLayer,
    LowRankLayer,
    LRULayer,
    LSTMLayer,
    MGULayer,
    MinGRULayer,
    MinLSTMLayer,
    NBRCLayer,
    ParallelLayer,
)
from .linearization import Linearization
from .modules import recurrent_layers, recurrent_module
from .pushforward import LayeredPushforward, Pushforward
from .readable_cells import CELLS, Reading
from .rectifiers import Rectifiers
from .sampling import bytes_kept, last_within, padded, sample_states, states_after
from .scales import apart, balancing_units, ranks, relative, scaled_norm, sizes, units_of, walk_units, warped
from .stroboscopic import DrivingFamily, StroboscopicMap, driving

__all__ = [
    "CELLS",
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
    "DrivingFamily",
    "ElmanLayer",
    "EncodedMap",
    "FirstState",
    "FunctionMap",
    "GRULayer",
    "HeldMap",
    "InputFamily",
    "IteratedMap",
    "LRULayer",
    "LSTMLayer",
    "Layer",
    "LayeredMap",
    "LayeredPushforward",
    "LeakyLayer",
    "Linearization",
    "LowRankLayer",
    "MGULayer",
    "MapInUnits",
    "MinGRULayer",
    "MinLSTMLayer",
    "NBRCLayer",
    "NoBox",
    "ParallelLayer",
    "Pushforward",
    "Reading",
    "Rectifiers",
    "Reduction",
    "StroboscopicMap",
    "WrappedMap",
    "apart",
    "as_map",
    "balancing_units",
    "bytes_kept",
    "driving",
    "last_within",
    "padded",
    "ranks",
    "read_as_told",
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
    "walk_units",
    "warped",
]
