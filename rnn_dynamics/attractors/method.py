"""How starts are settled."""

from dataclasses import asdict, dataclass
from typing import Annotated

from ..checks import OrInfinite, Size, checked, require_positive


@checked
@dataclass(frozen=True)
class Settle:
    """Budgets and tolerances by which ``find_attractors`` settles starts, and all that settles starts by it.

    Args:
        max_steps: plain steps for each start at most; the published measure uses 10,000.
        horizon: steps of F for which a slow drift is followed; a drift that lasts longer is *slow*, not an attractor.
        tolerance: an orbit rests when |F(h) - h| <= tolerance in every coordinate i, in units of max(u_i, |h_i|). The
            unit u_i is what is typical of the starts (of the box, or of F where they are zero), so that a large
            coordinate hides no small one.
        merge_tolerance: fixed points and cycles nearer than this, in the same units, are one.
        exponent_tolerance: a Lyapunov exponent within this of 0 counts as 0. Orbits are followed until theirs are ten
            times larger or smaller, if ``max_steps`` allow.
        exponent_error: the relative standard error to which the leading exponent of chaos is sharpened, at most by
            32 orbits for 8,192 steps. The work grows as its inverse square; 1 % tells kinds and dimensions apart.

    Raises:
        ValueError: for a budget or tolerance that is not positive.
    """

    max_steps: Size = 10_000
    horizon: Annotated[float, OrInfinite()] = 1e6
    tolerance: float = 1e-11
    merge_tolerance: float = 1e-6
    exponent_tolerance: float = 1e-4
    exponent_error: float = 0.01

    def __post_init__(self) -> None:
        require_positive(**asdict(self))
