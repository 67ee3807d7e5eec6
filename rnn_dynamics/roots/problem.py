"""What a root solver is asked: F(h) = h, from where, and what it may cost."""

from dataclasses import dataclass

from torch import Tensor

from ..systems import AutonomousMap


@dataclass(frozen=True, eq=False)
class RootProblem:
    """A map whose fixed points are sought from many starts at once."""

    system: AutonomousMap
    """F."""

    starts: Tensor
    """First guesses [k, n], of the map's size and precision."""

    units: Tensor
    """Of each coordinate, [n]."""

    max_steps: int
    """Per start."""

    memory_budget: int
    """Bytes for Jacobians at a time."""

    progress: bool | None
    """Whether to show a bar; None: in notebooks only, after ten seconds."""

    known: Tensor | None = None
    """Roots [p, n] that were found before: what is led to one of them need go no further."""
