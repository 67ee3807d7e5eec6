"""Kinds of bifurcations of a branch, and the words for them."""

from enum import StrEnum


class BifurcationKind(StrEnum):
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

    def __new__(cls, word: str, label: str) -> "BifurcationKind":
        kind = str.__new__(cls, word)
        kind._value_ = word
        kind.label = label
        return kind

    def __repr__(self) -> str:
        return repr(self.value)

    @property
    def at_one(self) -> bool:
        """Whether an eigenvalue is +1 there."""
        return self in (BifurcationKind.FOLD, BifurcationKind.BRANCH_POINT)

    @property
    def continuable(self) -> bool:
        """Whether it lies on curves over two parameters, which ``continue_bifurcation`` follows."""
        return self in (BifurcationKind.FOLD, BifurcationKind.FLIP, BifurcationKind.NEIMARK_SACKER)
