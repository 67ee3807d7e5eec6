"""What a detector is: one kind of evidence that starts are done, and the attractors that it shows."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ...systems import AutonomousMap, ranks
from ..kinds import AttractorKind
from ..results import Attractors, Evidence
from .starts import Limits, Rows, Stretch

_PARTS = 4
"""Parts in which as many plain steps again are taken, as long as rows come to attractors found late."""


@dataclass(eq=False)
class Entry:
    """One attractor and the starts on it."""

    kind: AttractorKind
    orbit: Tensor
    evidence: Evidence
    rows: Tensor
    mean_period: float = math.nan
    known: int | None = None
    """Its row among attractors found before."""

    @classmethod
    def restored(cls, known: Attractors, row: int, rows: Tensor) -> "Entry":
        """An attractor found before, as it was, with the starts that are on it now."""
        period = float(known.mean_periods[row])
        return cls(known.kinds[row], known.orbits[row], known.evidence[row], rows, period, row)

    def order(self, units: Tensor) -> tuple[int, int, list[float]]:
        """What fresh attractors are sorted by: it does not depend on the starts."""
        return [*AttractorKind].index(self.kind), len(self.orbit), ranks(self.orbit[:1], units)[0]


@dataclass(frozen=True, eq=False)
class Pause:
    """A moment between plain steps at which detectors look."""

    stretch: Stretch | None
    """What the steps before it showed; None before the first, and after the last, when no row comes nearer any more."""

    last: bool
    """Whether the steps are used up."""

    afresh: bool
    """Whether what is new may be followed; if not, rows only come in to what is known."""


class Detector(ABC):
    """One kind of evidence.

    For developers: implement ``restore``, ``look`` and ``entries``, name the ``kinds``, and put one into the tuple of
    ``loop``; ``settle`` and ``assemble`` do the rest. A row that is done gets a fate other than ``ACTIVE``.
    """

    kinds: ClassVar[tuple[AttractorKind, ...]]
    """Of attractors that it enters."""

    def __init__(self, system: AutonomousMap, rows: Rows, limits: Limits) -> None:
        self.system, self.rows, self.limits = system, rows, limits
        self.restored: list[tuple[Attractors, int]] = []
        """Attractors found before that are its own, each a result and the row there; the first of its entries."""

    @abstractmethod
    def restore(self, known: Attractors, row: int) -> None:
        """Enter an attractor found before; ValueError if it is none of this map."""

    @abstractmethod
    def look(self, pause: Pause) -> None:
        """See which active rows are done, and settle them."""

    def coming(self) -> Tensor:
        """Which rows [k] need more plain steps to come to an attractor found late; none by default."""
        return torch.zeros_like(self.rows.rested)

    def way_in(self) -> tuple[int, int]:
        """Steps that rows which are ``coming`` take between looks, and how many times, once all steps are used up."""
        return max(1, self.limits.settle.max_steps // _PARTS), _PARTS

    def confirm(self) -> bool:
        """Look once more at what was found; returns whether anything is withdrawn, its rows being active again."""
        return False

    @abstractmethod
    def entries(self) -> list[Entry]:
        """The attractors, those found before by ``Entry.restored``, be it without starts."""
