"""A smaller map that has the same fixed points: where to search instead."""

from abc import ABC, abstractmethod

from torch import Tensor

from ..stability import Spectrum
from .autonomous import AutonomousMap


class Reduction(ABC):
    """What a map F on R^n comes to on R^r, r < n: fixed points correspond one to one, with indices and stability."""

    system: AutonomousMap
    """The map on R^r."""

    rest: float | None
    """The eigenvalue of DF in all the n - r other directions; None where they have several."""

    @abstractmethod
    def lower(self, states: Tensor) -> Tensor:
        """Where on R^r to begin from states [k, n]: [k, r]."""

    @abstractmethod
    def lift(self, states: Tensor) -> Tensor:
        """The states [k, n] of F that states [k, r] stand for."""

    @abstractmethod
    def spectrum(self, states: Tensor, modes: int) -> Spectrum:
        """Of DF at states [k, n]: all eigenvalues and the eigenvectors of the ``modes`` leading ones."""
