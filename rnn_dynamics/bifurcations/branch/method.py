"""How branches and curves are walked."""

from dataclasses import asdict, dataclass

from ...checks import Size, checked, require_positive
from ...continuation import OUT_OF_SIGHT


@checked
@dataclass(frozen=True)
class Walk:
    """Tolerance, budget and lengths of steps of a walk along a branch, or along a curve over two parameters.

    Args:
        tolerance: of |F(h) - h| / max(1, |h|), each coordinate in its own unit u (``systems.walk_units``), which is 1
            for networks whose units fire between -1 and 1.
        max_steps: attempted steps each way.
        longest_step: in arclength, where the whole span is 1 and a state's own size is 1. Shorter steps draw smoother
            curves and cost more; at 0.05 a branch across the span has 20 rows or more.
        max_norm: a branch whose |h / max(1, u)| exceeds this is not followed further: one that runs off to infinity is
            within 1e-6 of its limit at 1e6.

    Raises:
        ValueError: for a number that is not positive.
    """

    tolerance: float = 1e-11
    max_steps: Size = 2000
    longest_step: float = 0.05
    max_norm: float = OUT_OF_SIGHT

    def __post_init__(self) -> None:
        require_positive(**asdict(self))
