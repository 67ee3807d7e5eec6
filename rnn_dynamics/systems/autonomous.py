"""The autonomous map h -> F(h): the one thing that every analysis asks questions of."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, Size, as_rows, checked
from ..progress import sign_of_life
from ..stability import Spectrum
from .boxes import Box, NoBox
from .linearization import Linearization
from .pushforward import LayeredPushforward, Pushforward
from .rectifiers import Rectifiers

DEFAULT_MEMORY_BUDGET = 512 * 2**20
"""Bytes that one analysis may use for Jacobians at a time: a quarter of a 2 GB machine."""


class AutonomousMap(ABC):
    """A map F from R^n to itself, evaluated and differentiated in batches."""

    @property
    @abstractmethod
    def state_size(self) -> int: ...

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype: ...

    @property
    @abstractmethod
    def device(self) -> torch.device: ...

    @abstractmethod
    def __call__(self, states: Tensor) -> Tensor:
        """F of states [..., n], row by row."""

    @abstractmethod
    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        """F and its derivative at states [k, n], all rows at once."""

    def pushforward(self, states: Tensor, vectors: int) -> Pushforward:  # noqa: ARG002
        """What carries ``vectors`` tangent vectors at each of states [k, n] at the least cost."""
        return self.linearize(states)[1]

    def shared_products(self, states: Tensor) -> LayeredPushforward | None:  # noqa: ARG002
        """What carries tangent vectors by products with weights that all of states [k, n] share, if anything does."""
        return None

    @property
    @abstractmethod
    def bytes_per_linearization(self) -> int:
        """Peak memory of linearizing one row and solving with it."""

    @property
    @abstractmethod
    def box(self) -> Box | NoBox:
        """A box that F takes into itself, or why none is known."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of how the map was made of a module or function, a clause each."""
        return ()

    @property
    def dt(self) -> float | None:
        """The time that a step takes, in the user's unit; None where it was not told."""
        return None

    def halved(self) -> "AutonomousMap | None":
        """Of a vector field's steps, the map of steps half as long; None for any other map."""
        return None

    @property
    def acting(self) -> Tensor | None:
        """Which coordinates F depends on, [n]; None where it is all of them."""
        return None

    def ungated(self) -> "AutonomousMap":
        """A map with the same fixed points, on which root search does better; itself unless gates can be removed."""
        return self

    def reduced(self) -> "Reduction | None":
        """A map of fewer dimensions with the same fixed points, to search for them there; None where none is known."""
        return None

    def rectifiers(self) -> Rectifiers | None:
        """The equation of the fixed points, if ReLUs are all that bends the map."""
        return None

    def companions(self, roots: Tensor) -> Tensor:
        """The states [i, p, n] that are fixed points since each of ``roots`` [p, n] is; none but for iterates."""
        return roots.new_empty(0, *roots.shape)

    @property
    def known_roots(self) -> Tensor | None:
        """Fixed points [p, n] that are known before they are searched for."""
        return None

    def input_jacobian(self, states: Tensor) -> Tensor | None:  # noqa: ARG002
        """dF/d(held input) at states [k, n]: [k, n, m]; None for a map that holds no input."""
        return None

    def chunks(self, rows: int, memory_budget: int) -> Iterator[slice]:
        """Slices of ``rows`` rows, each small enough to be linearized within ``memory_budget`` bytes."""
        size = max(1, memory_budget // self.bytes_per_linearization)
        for begin in range(0, rows, size):
            sign_of_life()
            yield slice(begin, min(begin + size, rows))

    @checked
    def jacobian(self, states: Tensor, memory_budget: int = DEFAULT_MEMORY_BUDGET) -> Tensor:
        """The Jacobians dF/dh at states [k, n] (or one state [n]).

        Returns:
            [k, n, n] (or [n, n]); the result itself is not counted in ``memory_budget``, the work for it is.
        """
        rows = self.as_states(states)
        parts = [self.linearize(rows[part])[1].dense() for part in self.chunks(len(rows), memory_budget)]
        result = torch.cat(parts)
        return result if states.ndim == 2 else result[0]

    @checked
    def iterate(self, states: Tensor, steps: Size) -> Tensor:
        """F applied ``steps`` times to states [..., n]."""
        if not states.ndim or states.shape[-1] != self.state_size:
            raise ArgumentError("states", f"must have shape [..., {self.state_size}], got {list(states.shape)}")
        for _ in range(steps):
            states = self(states)
        return states

    def as_states(self, states: ArrayLike, name: str = "states") -> Tensor:
        """States [k, n] checked and moved to this map's dtype and device."""
        return as_rows(states, name, self.state_size, dtype=self.dtype, device=self.device)


class WrappedMap(AutonomousMap):
    """A map made from another on the same states; a subclass says how it evaluates and linearizes."""

    def __init__(self, system: AutonomousMap) -> None:
        self.system = system

    @property
    def state_size(self) -> int:
        return self.system.state_size

    @property
    def notes(self) -> tuple[str, ...]:
        return self.system.notes

    @property
    def dtype(self) -> torch.dtype:
        return self.system.dtype

    @property
    def device(self) -> torch.device:
        return self.system.device

    @property
    def acting(self) -> Tensor | None:
        return self.system.acting

    @property
    def box(self) -> Box | NoBox:
        return self.system.box

    @property
    def bytes_per_linearization(self) -> int:
        return self.system.bytes_per_linearization


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
