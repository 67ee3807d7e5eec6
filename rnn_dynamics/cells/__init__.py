"""The project's own recurrent modules, called as torch's are, and how the paper initialises them.

For developers: subclass ``RecurrentModule`` for a cell whose ``Layer`` is in ``systems/layers``.
"""

from .gated import BRC, MGU, NBRC
from .initialisation import chrono_initialise, initialise
from .parallel import Parallel

__all__ = ["BRC", "MGU", "NBRC", "Parallel", "chrono_initialise", "initialise"]
