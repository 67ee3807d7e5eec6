"""The proof of a branch: one curve through its rows, and its special points."""

from ...bifurcations import Branch
from ...families import Family
from ...progress import shown
from .results import BranchCertificates


@shown("proofs", unit="proof")
def certify_branch(
    family: Family,
    branch: Branch,
    tolerance: float,
    *,
    progress: bool | None = None,  # noqa: ARG001
) -> BranchCertificates:
    """Prove that a branch is one curve of fixed points, and its folds, flips and Neimark-Sacker points.

    Of a branch of cycles the fixed points are those of the iterate. What cannot be proved is a row with a reason.

    Args:
        family: that the branch was followed in.
        branch: its rows.
        tolerance: how far a row may be from the curve, in units of max(u_i, |h_i|) and of the span; special points ten
            times as far.
    """
    from .proving import prove_branch  # which brings python-flint

    return prove_branch(BranchCertificates, family, branch, tolerance)
