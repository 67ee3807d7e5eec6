"""What proofs stand on: the map over balls and in floats, its units and its box."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import torch
from flint import arb_mat
from torch import Tensor

from ..enclosures import Enclosure, Unenclosed, ball, enclose, exact, is_finite
from ..systems import AutonomousMap, Box, units_of
from .claims import Claim, states_of
from .intervals import Batches, Evaluation, OverBalls, Unbounded
from .keeping import restored, stored
from .rows import ProvedRows
from .stored_step import StoredStep

Step: TypeAlias = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Ground:
    """One map."""

    map: Enclosure | None
    """None for a map that could not be traced."""

    run: Step
    """F of states [k, n] in float64, to see where proofs may lead."""

    units: Tensor
    box: Tensor | None
    """A box that F takes into itself, [2, n]."""

    box_reason: str
    continuous: bool
    invariant: bool
    step: StoredStep | None
    refusal: str
    """Why the map could not be traced; empty where it could."""

    notes: tuple[str, ...]
    rows: Step
    """F of states [k, n], to be traced for many boxes at once."""

    @cached_property
    def evaluation(self) -> Evaluation | None:
        """F and DF over many boxes; None for a map that could not be traced."""
        if self.map is None:
            return None
        try:
            return Batches(self.rows, self.map.state_size)
        except (Unbounded, Unenclosed):
            return OverBalls(self.map)

    @classmethod
    def of(cls, system: AutonomousMap, claims: Sequence[Claim]) -> "Ground":
        """Of a map, in the units of the states that are claimed."""
        refusal = ""
        try:
            map = enclose(system)
            map.linearize(exact(torch.zeros(system.state_size)), _BITS)  # some operations tell what they lack when met
            step = stored(map.traced)
        except Unenclosed as error:
            map, step, refusal = None, None, str(error)
        box = system.box
        ends = torch.stack([box.lower, box.upper]).double().cpu() if isinstance(box, Box) else None

        def run(states: Tensor) -> Tensor:
            return system(states.to(system.device, system.dtype)).double().cpu()

        judged = _judged(map, ends)
        return cls(map, run, _units(system, claims), ends, box.reason, *judged, step, refusal, system.notes, system)

    @classmethod
    def kept(cls, proof: ProvedRows, step: StoredStep) -> "Ground":
        """Of the map that a certificate holds."""
        map, run = restored(step)
        judged = _judged(map, proof.box)
        return cls(map, run, proof.units, proof.box, proof.box_reason, *judged, step, "", proof.notes, run)


def _judged(map: Enclosure | None, box: Tensor | None) -> tuple[bool, bool]:
    """Whether F is continuous in a box [2, n], and takes it into itself, as far as one evaluation over balls tells."""
    if map is None or box is None or not bool(box.isfinite().all()):
        return False, False
    middle, half = (box[0] + box[1]) / 2, (box[1] - box[0]) / 2
    # A little wider, for what the two lose by rounding: what holds there holds in the box.
    values, slopes, _ = map.linearize(ball(middle, half * (1 + 2.0**-40) + 2.0**-40 * middle.abs()), _BITS)
    return is_finite(slopes), _within(values, box)


_BITS = 64


def _within(values: arb_mat, box: Tensor) -> bool:
    ends = zip(values.entries(), *box.tolist(), strict=True)
    return all(bool(value >= low) and bool(value <= high) for value, low, high in ends)


def _units(system: AutonomousMap, claims: Sequence[Claim]) -> Tensor:
    states = states_of(claims, system)
    if not len(states):
        return torch.ones(system.state_size, dtype=torch.float64)
    return units_of(system, states.to(system.device, system.dtype)).double().cpu()
