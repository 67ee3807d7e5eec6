"""The project's own recurrent modules, called as torch's are, and how the paper initialises them.

For developers: subclass ``RecurrentModule`` of ``base`` for a cell whose ``Layer`` is in ``systems/layers``.
"""

from .dale import DaleRNN
from .gated import BRC, MGU, NBRC
from .initialisation import chrono_initialise, initialise
from .leaky import LeakyRNN
from .low_rank import LowRankRNN
from .lru import LRU
from .minimal import MinGRU, MinLSTM
from .parallel import Parallel
from .specification import CELL_NAMES, SPEC_FORM, Specification, module_from_spec

__all__ = [
    "BRC",
    "CELL_NAMES",
    "LRU",
    "MGU",
    "NBRC",
    "SPEC_FORM",
    "DaleRNN",
    "LeakyRNN",
    "LowRankRNN",
    "MinGRU",
    "MinLSTM",
    "Parallel",
    "Specification",
    "chrono_initialise",
    "initialise",
    "module_from_spec",
]
