"""The proof of a branch: one curve through its rows, and its special points."""

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import torch
from torch import Tensor

from ...bifurcations import Branch, SpecialPoint
from ...enclosures import Unenclosed, trace
from ...families import Family
from ...progress import count
from ...stopping import go_on, stoppable
from ..intervals import Evaluation, Intervals, evaluation_of_function, joined
from ..keeping import stored
from .cutting import Limits, Segments, proved_segments
from .law import Maps, iterate_of, require_law
from .rows import SEGMENT, BranchObstacle, BranchRows
from .special import Arithmetic, Equations, SpecialProof, special_proof
from .stored_family import StoredFamily
from .tubes import Nodes, nodes_at, tangents_at

_PROVABLE = ("fold", "flip", "Neimark-Sacker")

_CHECKED = 8
"""Rows at which the traced family is compared with the one given."""


Rows = TypeVar("Rows", bound=BranchRows)


@dataclass(frozen=True, eq=False)
class BranchProof(Generic[Rows]):
    """A proof with what is not told of it in a file."""

    result: Rows
    equations: Equations
    specials: dict[int, SpecialProof]
    """By their rows of the result."""


@torch.no_grad()
def prove_branch(table: type[Rows], family: Family, branch: Branch, tolerance: float) -> Rows:
    """What ``certify_branch`` returns."""
    result = unproved(table, branch, tolerance)
    if not len(result):
        return result
    family = iterate_of(family, branch.period)
    some = torch.linspace(0, len(branch) - 1, min(len(branch), _CHECKED)).long()
    maps = Maps.of(family, branch.states.shape[-1])
    try:
        require_law(family, branch.states[some], branch.parameters[some])
        result = replace(result, family=_kept(maps))
        return prove_maps(maps, result, evaluation_of_function).result
    except Unenclosed as error:
        return replace(result, obstacle=str(error))


def prove_maps(maps: Maps, result: Rows, arithmetic: Arithmetic, limits: Limits | None = None) -> BranchProof[Rows]:
    """The rows of a result, of which nothing is proved yet, proved; of segments what ``limits`` say.

    Raises:
        Unenclosed: for an operation without a rule.
    """
    branch, n, tolerance = result.branch, maps.size, result.tolerance
    law = arithmetic(maps.displacement, n + 1)
    equations = Equations(maps, arithmetic)
    centers = torch.cat([branch.states, branch.parameters.unsqueeze(-1)], dim=-1).to(torch.float64)
    first_special = len(result) - len(branch.special_points)
    sizes = torch.maximum(branch.units, branch.states.abs())
    width = abs(branch.span[1] - branch.span[0])
    room = tolerance * torch.cat([sizes, torch.full((len(branch), 1), width, dtype=torch.float64)], dim=-1)
    specials: dict[int, SpecialProof] = {}
    with stoppable() as stop:
        nodes = _only_near(nodes_at(law, centers, tangents_at(law, centers)), room)
        zones = [Intervals(*centers.new_zeros(2, 0, n + 1))]
        for number, point in enumerate(branch.special_points, first_special):
            go_on()
            given = torch.cat([point.state, point.state.new_tensor([point.parameter])]).to(torch.float64)
            reason, proof = _judged(equations, law, point, nodes, given, 10 * room[point.row])
            result = _with_special(result, number, reason, proof)
            if proof is not None:
                specials[number] = proof
            if reason == BranchObstacle.NONE and proof is not None and proof.zone is not None:
                zones.append(proof.zone)
            count()
        segments = proved_segments(law, nodes, result.rows[:first_special], joined(zones), limits)
        result = _with_segments(result, nodes, segments)
    return BranchProof(replace(result, interrupted=True) if stop else result, equations, specials)


def _kept(maps: Maps) -> StoredFamily | None:
    """The maps as data; None of what cannot be kept."""
    row = torch.full((maps.size + 1,), 0.5, dtype=torch.float64)
    try:
        return StoredFamily(*(stored(trace(map, (row,))) for map in (maps.whole, maps.ungated)))
    except Unenclosed:  # which proofs need not meet: words of an operation that no file can hold
        return None


def _only_near(nodes: Nodes, room: Tensor) -> Nodes:
    """Nodes whose point may be farther from the row than it may be are none."""
    near = (nodes.radii <= room).all(dim=-1, keepdim=True)
    return replace(nodes, radii=torch.where(near, nodes.radii, torch.inf))


def _judged(
    equations: Equations, law: Evaluation, point: SpecialPoint, nodes: Nodes, given: Tensor, room: Tensor
) -> tuple[BranchObstacle, SpecialProof | None]:
    if point.kind not in _PROVABLE:
        return BranchObstacle.KIND, None
    try:
        proof = special_proof(equations, law, point.kind, nodes[torch.tensor([point.row])], given, point.eigenvalue)
    except Unenclosed:
        return BranchObstacle.NOT_TRACED, None
    if proof is None:
        return BranchObstacle.POINT, None
    if not bool((proof.box.hull(Intervals.exactly(given)).width <= room).all()):
        return BranchObstacle.MOVED, proof
    return (BranchObstacle.NONE if proof.on_curve else BranchObstacle.APART), proof


def unproved(table: type[Rows], branch: Branch, tolerance: float) -> Rows:
    """A row for each segment and special point, with nothing proved."""
    pairs = [(row, row + 1) for row in range(len(branch) - 1)]
    pairs += [(len(branch) - 1, 0)] * (branch.closed and len(branch) > 2)
    rows = torch.tensor([*pairs, *((point.row, point.row) for point in branch.special_points)]).reshape(-1, 2)
    q = len(rows)
    given = branch.parameters[rows] if q else branch.parameters.new_zeros(0, 2)
    return table(
        kinds=(SEGMENT,) * len(pairs) + tuple(point.kind for point in branch.special_points),
        rows=rows,
        reasons=torch.full((q,), int(BranchObstacle.INTERRUPTED)),
        parameters=given.sort(dim=-1).values.to(torch.float64),
        radii=torch.full((q,), torch.inf, dtype=torch.float64),
        pieces=torch.zeros(q, dtype=torch.long),
        regular=torch.zeros(q, dtype=torch.bool),
        sides=torch.full((q, 2), -1),
        tolerance=tolerance,
        branch=branch,
        notes=branch.notes,
    )


def _with_special(result: Rows, number: int, reason: BranchObstacle, proof: SpecialProof | None) -> Rows:
    reasons, parameters, radii = result.reasons.clone(), result.parameters.clone(), result.radii.clone()
    regular, sides = result.regular.clone(), result.sides.clone()
    reasons[number] = int(reason)
    if proof is not None:
        parameters[number] = torch.cat([proof.box.lower[-1:], proof.box.upper[-1:]])
        radii[number] = (proof.box.width / 2).max()
        regular[number] = True
        sides[number] = torch.tensor(proof.sides)
    return replace(result, reasons=reasons, parameters=parameters, radii=radii, regular=regular, sides=sides)


def _with_segments(result: Rows, nodes: Nodes, segments: Segments) -> Rows:
    q = len(segments.curve)
    there = nodes.proved[result.rows[:q]].all(dim=-1)
    reasons, parameters = result.reasons.clone(), result.parameters.clone()
    radii, pieces, regular = result.radii.clone(), result.pieces.clone(), result.regular.clone()
    reasons[:q] = torch.where(
        segments.regular,
        int(BranchObstacle.NONE),
        torch.where(
            segments.curve,
            int(BranchObstacle.UNREGULAR),
            torch.where(there, int(BranchObstacle.SEGMENT), int(BranchObstacle.NODE)),
        ),
    )
    held = torch.stack([segments.box.lower[:, -1], segments.box.upper[:, -1]], dim=-1)
    parameters[:q] = torch.where(segments.curve.unsqueeze(-1), held, parameters[:q])
    radii[:q] = torch.where(segments.curve, segments.radii, torch.inf)
    pieces[:q], regular[:q] = segments.pieces, segments.regular
    return replace(result, reasons=reasons, parameters=parameters, radii=radii, pieces=pieces, regular=regular)
