"""The evaluation that suits a map or function."""

from collections.abc import Callable

from torch import Tensor
from torch.func import vmap

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


def evaluation_of_function(function: Callable[[Tensor], Tensor], size: int) -> Evaluation:
    """Of a function of one state [m] -> [n], in the same way.

    Raises:
        Unenclosed: where balls lack a rule too.
    """
    try:
        return Batches(vmap(function), size)
    except Unbounded:
        return OverBalls.of(function, size)
