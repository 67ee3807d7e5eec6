"""The proof of a branch made again from what it holds."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ...enclosures import Enclosure, Unenclosed, trace
from ..existence import Located, located
from ..intervals import Evaluation, OverBalls
from ..keeping import function_of
from .cutting import Limits
from .law import Law, Maps
from .proving import BranchProof, Rows, prove_maps, unproved
from .rows import SEGMENT, BranchObstacle, BranchRows
from .special import SpecialProof
from .stored_family import StoredFamily

_LIKE = 8.0
"""Boxes of a special point are as small as rounding leaves them: the same within this factor."""

_CURVE = (BranchObstacle.NONE, BranchObstacle.UNREGULAR)
"""Where a segment is proved to be one curve."""


@torch.no_grad()
def proved_again(said: Rows, family: StoredFamily, bits: int) -> Rows:
    """What ``BranchCertificates.check`` returns."""
    maps = Maps(function_of(family.whole), function_of(family.ungated), said.branch.states.shape[-1])
    fresh = replace(unproved(type(said), said.branch, said.tolerance), family=family, notes=said.notes)

    def arithmetic(function: Law, size: int) -> Evaluation:
        return OverBalls.of(function, size, bits)

    places = {key: row for row, key in enumerate(_keys(said)) if int(said.reasons[row]) in _CURVE}
    limits = _limits(said, [places.get(key, -1) for key in _keys(fresh)])
    try:
        proof = prove_maps(maps, fresh, arithmetic, limits)
    except (Unenclosed, RuntimeError, TypeError) as error:  # of operations that a file was made to hold
        raise ValueError(f"the maps of a stored family cannot be followed: {error}") from error
    again, rows = proof.result, _rows_of(proof.result)
    reasons = again.reasons.clone()
    taken: list[int] = []
    for row, key in enumerate(_keys(said)):
        mine = rows.pop(key, None)
        if mine is None:  # a row of nothing that the branch has
            taken.append(-1)
            continue
        taken.append(mine)
        if int(reasons[mine]) in _CURVE and not _confirmed(said, row, proof, mine, bits):
            reasons[mine] = int(BranchObstacle.DISAGREES)
    again = replace(again, reasons=reasons)
    if said.chosen_from is not None:
        return again[[row for row in taken if row >= 0]]
    strangers = sum(row < 0 for row in taken)
    if not strangers and not rows:
        return again
    return replace(
        again,
        obstacle=f"the file lacks {len(rows)} rows that follow from its branch, and has {strangers} that do not",
    )


_Key = tuple[str, int, int, int]


def _keys(table: BranchRows) -> list[_Key]:
    """Of each row its kind, both its ends, and how many there were of these before."""
    seen: dict[tuple[str, int, int], int] = {}
    keys: list[_Key] = []
    for kind, (first, last) in zip(table.kinds, table.rows.tolist(), strict=True):
        count = seen[kind, first, last] = seen.get((kind, first, last), -1) + 1
        keys.append((kind, first, last, count))
    return keys


def _rows_of(table: BranchRows) -> dict[_Key, int]:
    return {key: row for row, key in enumerate(_keys(table))}


def _limits(said: BranchRows, rows: list[int]) -> Limits:
    """What is said of rows; nothing where there is none, of -1."""
    none = said.parameters.new_tensor([[-torch.inf, torch.inf]])
    radii = torch.cat([said.radii, none[0, 1:]])[rows]
    return Limits(radii, torch.cat([said.parameters, none])[rows])


def _confirmed(said: Rows, row: int, proof: BranchProof[Rows], mine: int, bits: int) -> bool:
    """Whether what is said of a row follows from a proof made anew."""
    again = proof.result
    claimed, reached = int(said.reasons[row]), int(again.reasons[mine])
    if claimed not in _CURVE:
        return True  # nothing is claimed
    if bool(said.regular[row]) and not bool(again.regular[mine]):
        return False
    if said.kinds[row] == SEGMENT:
        weaker = claimed == BranchObstacle.UNREGULAR or reached == BranchObstacle.NONE
        return weaker and bool(_limits(said, [row]).keep(again.radii[[mine]], again.parameters[[mine]]))
    sides = said.sides[row]
    same_sides = bool((sides == -1).all()) or torch.equal(sides, again.sides[mine])
    small = float(again.radii[mine]) <= _LIKE * float(said.radii[row])
    return same_sides and small and _located(proof, said.kinds[row], proof.specials[mine], said.parameters[row], bits)


def _located(proof: BranchProof[Rows], kind: str, special: SpecialProof, parameters: Tensor, bits: int) -> bool:
    """Whether the parameter of a special point, enclosed in balls of so many bits, lies between two floats."""
    law, size = proof.equations.law(kind)
    point = special.system.point
    place = located(
        Enclosure(trace(_as_map(law, special), (point,)), size), point[None], torch.ones(size).double(), bits
    )
    if not isinstance(place, Located):
        return False
    low, high = parameters.tolist()
    value = place.boxes[0][proof.equations.n, 0]
    return bool(value >= low) and bool(value <= high)


def _as_map(law: Law, special: SpecialProof) -> Callable[[Tensor], Tensor]:
    """A map of which the zeros of a special point's equations are the fixed points."""
    rows, ends = special.system.rows, special.system.ends
    return lambda row: row - torch.cat([law(row), rows @ row - ends])
