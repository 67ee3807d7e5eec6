"""Kinds of bifurcations of a branch, and the words for them."""

from ..kinds import Kind


class BifurcationKind(Kind):
    """What happens at a special point, in the order in which results list them; each equals its word."""

    FOLD = "fold", "LP"
    """+1: the branch turns (limit point)."""

    BRANCH_POINT = "branch point", "BP"
    """+1: the branch goes on, another crosses it."""

    FLIP = "flip", "PD"
    """-1: period doubling."""

    NEIMARK_SACKER = "Neimark-Sacker", "NS"
    """A complex pair."""

    BORDER_COLLISION = "border collision", "BC"
    """The branch meets a kink of F, where eigenvalues jump."""

    label: str
    """The field's short name."""

    def __init__(self, _: str, label: str) -> None:
        self.label = label

    @property
    def at_one(self) -> bool:
        """Whether an eigenvalue is +1 there."""
        return self in (BifurcationKind.FOLD, BifurcationKind.BRANCH_POINT)

    @property
    def continuable(self) -> bool:
        """Whether it lies on curves over two parameters, which ``continue_bifurcation`` follows."""
        return self in (BifurcationKind.FOLD, BifurcationKind.FLIP, BifurcationKind.NEIMARK_SACKER)
