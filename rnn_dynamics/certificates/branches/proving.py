"""The proof of a branch: one curve through its rows, and its special points."""

from dataclasses import replace

import torch
from torch import Tensor

from ...bifurcations import Branch, SpecialPoint
from ...enclosures import Unenclosed
from ...families import Family
from ...progress import count
from ...stopping import go_on, stoppable
from ..intervals import Batches, Intervals, Unbounded, joined
from .cutting import Segments, proved_segments
from .law import displacement, iterate_of, require_law
from .results import SEGMENT, BranchCertificates, BranchObstacle
from .special import Equations, SpecialProof, special_proof
from .tubes import Nodes, nodes_at, tangents_at

_PROVABLE = ("fold", "flip", "Neimark-Sacker")

_CHECKED = 8
"""Rows at which the traced family is compared with the one given."""


@torch.no_grad()
def prove_branch(family: Family, branch: Branch, tolerance: float) -> BranchCertificates:
    """What ``certify_branch`` returns."""
    n = branch.states.shape[-1]
    centers = torch.cat([branch.states, branch.parameters.unsqueeze(-1)], dim=-1).to(torch.float64)
    pairs = [(row, row + 1) for row in range(len(branch) - 1)]
    pairs += [(len(branch) - 1, 0)] * (branch.closed and len(branch) > 2)
    kinds = (SEGMENT,) * len(pairs) + tuple(point.kind for point in branch.special_points)
    rows = torch.tensor([*pairs, *((point.row, point.row) for point in branch.special_points)]).reshape(-1, 2)
    result = _nothing(branch, kinds, rows, tolerance)
    if not len(rows):
        return result
    family = iterate_of(family, branch.period)
    some = torch.linspace(0, len(branch) - 1, min(len(branch), _CHECKED)).long()
    try:
        require_law(family, branch.states[some], branch.parameters[some])
        law = Batches(displacement(family, n), n + 1)
    except (Unenclosed, Unbounded) as error:
        return replace(result, obstacle=f"there is no rule for {error}" if isinstance(error, Unbounded) else str(error))
    sizes = torch.maximum(branch.units, branch.states.abs())
    width = abs(branch.span[1] - branch.span[0])
    room = tolerance * torch.cat([sizes, torch.full((len(branch), 1), width, dtype=torch.float64)], dim=-1)
    with stoppable() as stop:
        nodes = _only_near(nodes_at(law, centers, tangents_at(law, centers)), room)
        equations = Equations(family, n)
        zones = [Intervals(*centers.new_zeros(2, 0, n + 1))]
        for number, point in enumerate(branch.special_points, len(pairs)):
            go_on()
            given = torch.cat([point.state, point.state.new_tensor([point.parameter])]).to(torch.float64)
            reason, proof = _judged(equations, law, point, nodes, given, 10 * room[point.row])
            result = _with_special(result, number, reason, proof)
            if reason == BranchObstacle.NONE and proof is not None and proof.zone is not None:
                zones.append(proof.zone)
            count()
        segments = proved_segments(law, nodes, rows[: len(pairs)], joined(zones))
        result = _with_segments(result, nodes, segments)
    return replace(result, interrupted=True) if stop else result


def _only_near(nodes: Nodes, room: Tensor) -> Nodes:
    """Nodes whose point may be farther from the row than it may be are none."""
    near = (nodes.radii <= room).all(dim=-1, keepdim=True)
    return replace(nodes, radii=torch.where(near, nodes.radii, torch.inf))


def _judged(
    equations: Equations, law: Batches, point: SpecialPoint, nodes: Nodes, given: Tensor, room: Tensor
) -> tuple[BranchObstacle, SpecialProof | None]:
    if point.kind not in _PROVABLE:
        return BranchObstacle.KIND, None
    try:
        proof = special_proof(equations, law, point.kind, nodes[torch.tensor([point.row])], given, point.eigenvalue)
    except Unbounded:
        return BranchObstacle.NOT_TRACED, None
    if proof is None:
        return BranchObstacle.POINT, None
    if not bool((proof.box.hull(Intervals.exactly(given)).width <= room).all()):
        return BranchObstacle.MOVED, proof
    return (BranchObstacle.NONE if proof.on_curve else BranchObstacle.APART), proof


def _nothing(branch: Branch, kinds: tuple[str, ...], rows: Tensor, tolerance: float) -> BranchCertificates:
    q = len(kinds)
    given = branch.parameters[rows] if q else branch.parameters.new_zeros(0, 2)
    return BranchCertificates(
        kinds=kinds,
        rows=rows,
        reasons=torch.full((q,), int(BranchObstacle.INTERRUPTED)),
        parameters=given.sort(dim=-1).values.to(torch.float64),
        radii=torch.full((q,), torch.inf, dtype=torch.float64),
        pieces=torch.zeros(q, dtype=torch.long),
        regular=torch.zeros(q, dtype=torch.bool),
        sides=torch.full((q, 2), -1),
        tolerance=tolerance,
        notes=branch.notes,
    )


def _with_special(
    result: BranchCertificates, number: int, reason: BranchObstacle, proof: SpecialProof | None
) -> BranchCertificates:
    reasons, parameters, radii = result.reasons.clone(), result.parameters.clone(), result.radii.clone()
    regular, sides = result.regular.clone(), result.sides.clone()
    reasons[number] = int(reason)
    if proof is not None:
        parameters[number] = torch.cat([proof.box.lower[-1:], proof.box.upper[-1:]])
        radii[number] = (proof.box.width / 2).max()
        regular[number] = True
        sides[number] = torch.tensor(proof.sides)
    return replace(result, reasons=reasons, parameters=parameters, radii=radii, regular=regular, sides=sides)


def _with_segments(result: BranchCertificates, nodes: Nodes, segments: Segments) -> BranchCertificates:
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
