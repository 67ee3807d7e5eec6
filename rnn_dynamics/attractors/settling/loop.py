"""The settling of many starts: plain steps, and at each pause every kind of evidence that a row is done."""

from dataclasses import dataclass

from torch import Tensor

from ...progress import Progress
from ...stopping import stoppable
from ...systems import AutonomousMap
from ..outcomes import Fate
from ..results import Attractors
from .detector import Detector, Pause
from .periodic import PeriodicDetector
from .recurrent import RecurrentDetector
from .slow import SlowDetector
from .starts import ACTIVE, Limits, Rows

_PAUSES = (32, 32, 64, 128, 256)
"""Steps before each of the first pauses; 512 before each further one."""

_LATER = 512


@dataclass(frozen=True, eq=False)
class Settled:
    """What the settling leaves to be put together."""

    system: AutonomousMap
    limits: Limits
    rows: Rows
    detectors: tuple[Detector, ...]
    interrupted: bool


def settled(system: AutonomousMap, states: Tensor, limits: Limits, known: Attractors | None, bar: Progress) -> Settled:
    """Settle every row, or say why not; Ctrl-C keeps what has settled."""
    settling = _Settling(system, states, limits, known)
    return Settled(system, limits, settling.rows, settling.detectors, settling.run(bar))


class _Settling:
    def __init__(self, system: AutonomousMap, states: Tensor, limits: Limits, known: Attractors | None) -> None:
        self.system, self.limits = system, limits
        self.rows = rows = Rows(states, limits)
        periodic = PeriodicDetector(system, rows, limits)
        self.detectors: tuple[Detector, ...] = (
            periodic,
            SlowDetector(system, rows, limits, periodic),
            RecurrentDetector(system, rows, limits, periodic),
        )
        if known is not None:
            for row, kind in enumerate(known.kinds):
                next(detector for detector in self.detectors if kind in detector.kinds).restore(known, row)

    def run(self, bar: Progress) -> bool:
        """Settle the rows; returns whether this was interrupted."""
        rows, most = self.rows, self.limits.settle.max_steps
        pauses = list(_PAUSES)
        with stoppable() as stop:
            self._look(Pause(None, last=False, afresh=True))
            while len(rows.active) and rows.done < most:
                self._advance(pauses.pop(0) if pauses else _LATER, most, afresh=True)
                bar.to(int((rows.fates != ACTIVE).sum()))
            self._come_in()
            rows.conclude()
            withdrawn = [detector.confirm() for detector in self.detectors]
            if any(withdrawn):
                self._advance_to(rows.done + most)
                rows.conclude()
        if stop:
            rows.fates[rows.active] = Fate.INTERRUPTED
        return bool(stop)

    def _look(self, pause: Pause) -> None:
        for detector in self.detectors:
            detector.look(pause)

    def _advance(self, steps: int, end: int, *, afresh: bool) -> None:
        """Move active rows on, not beyond ``end``, and look for those that are done."""
        stretch = self.rows.advance(self.system, min(steps, end - self.rows.done))
        self._look(Pause(stretch, last=self.rows.done >= end, afresh=afresh))

    def _advance_to(self, end: int) -> None:
        while len(self.rows.active) and self.rows.done < end:
            self._advance(_LATER, end, afresh=False)

    def _come_in(self) -> None:
        """Let rows that are on their way to an attractor found late come to it."""
        for detector in self.detectors:
            steps, times = detector.way_in()
            for _ in range(times):
                if not (len(self.rows.active) and bool(detector.coming()[self.rows.active].any())):
                    break
                self._advance_to(self.rows.done + steps)
            else:
                detector.look(Pause(None, last=True, afresh=True))
