"""The evaluation that suits a map."""

from ...enclosures import enclose
from ...systems import AutonomousMap
from .duals import Unbounded
from .evaluation import Batches, Evaluation
from .over_balls import OverBalls


def evaluation_of(system: AutonomousMap) -> Evaluation:
    """Of a map: in batches, or in balls where those lack a rule.

    Raises:
        Unenclosed: where balls lack one too.
    """
    try:
        return Batches(system, system.state_size)
    except Unbounded:
        return OverBalls(enclose(system))
