"""The project's own recurrent modules, called as torch's are, and how the paper initialises them.

For developers: subclass ``RecurrentModule`` of ``base`` for a cell whose ``Layer`` is in ``systems/layers``.
"""

from .gated import BRC, MGU, NBRC
from .initialisation import chrono_initialise, initialise
from .leaky import DaleRNN, LeakyRNN
from .low_rank import LowRankRNN
from .parallel import Parallel
from .specification import SPEC_FORM, Specification, module_from_spec

__all__ = [
    "BRC",
    "MGU",
    "NBRC",
    "SPEC_FORM",
    "DaleRNN",
    "LeakyRNN",
    "LowRankRNN",
    "Parallel",
    "Specification",
    "chrono_initialise",
    "initialise",
    "module_from_spec",
]
