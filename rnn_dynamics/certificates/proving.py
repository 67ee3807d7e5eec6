"""All claims about one map proved, one after the other."""

from collections.abc import Sequence

from torch import Tensor

from ..progress import each
from ..stopping import go_on, stoppable
from .assembly import Rows, assembled
from .claims import Claim
from .ground import Ground
from .obstacles import Obstacle
from .proofs import PRECISIONS, Proof, proof_of
from .reaching import Reached, reached


def prove(
    table: type[Rows],
    ground: Ground,
    claims: Sequence[Claim],
    starts: Tensor,
    steps: int,
    tolerance: float,
    progress: bool | None,
    precisions: tuple[int, ...] = PRECISIONS,
) -> tuple[Rows, list[Proof]]:
    """What is proved of each claim, and which of ``starts`` [s, n] are proved to go where."""
    proofs: list[Proof] = []
    ways: list[Reached] = []
    map = ground.map
    with stoppable() as stop:
        for claim in each(claims, "proofs", progress, unit="proof"):
            go_on()
            proofs.append(
                Proof(claim, Obstacle.NOT_TRACED)
                if map is None
                else proof_of(map, claim, ground.units, tolerance, precisions)
            )
        if len(starts) and map is not None:
            ways = reached(ground, [proof.capture for proof in proofs], starts, steps, progress)
    proofs += [Proof(claim, Obstacle.INTERRUPTED) for claim in claims[len(proofs) :]]
    result = assembled(table, ground, proofs, tolerance, starts[: len(ways)], ways, bool(stop))
    return result, proofs
