"""The small mark of what is proved."""

from collections.abc import Sequence
from typing import TypeAlias

import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..bifurcations import Branch
from ..certificates import BranchCertificates, Certificates
from ..checks import ArgumentError
from . import style
from .projection import Projection
from .special_points import Mark

Proofs: TypeAlias = Sequence[BranchCertificates]
"""Of each branch of a diagram."""

_LOOK = {"linestyle": "none", "marker": ".", "markersize": 3.0, "markeredgewidth": 0.4}


def draw_proved(ax: Axes, certificates: Certificates | None, project: Projection) -> list[Line2D]:
    """A white dot on each state that is proved to be there, once for each; returns the legend's entry."""
    if certificates is None:
        return []
    state_size = project.directions.shape[1]
    if len(certificates.units) != state_size:
        raise ArgumentError(
            "certificates", f"must be of states of {state_size} units, got those of {len(certificates.units)}"
        )
    rows = torch.nonzero(certificates.proved & certificates.distinct).flatten().tolist()
    look = {**_LOOK, "color": "white", "markeredgecolor": style.BLACK}
    if rows:
        ax.plot(*project(torch.cat([certificates.orbits[row] for row in rows])).T, zorder=6, **look)
    return [Line2D([], [], label=f"proved ({len(rows)})", **look)]


def proved_points(branches: Sequence[Branch], certificates: Proofs | None) -> set[int] | None:
    """The identities of the special points of branches that are proved; None where nothing was to be.

    Raises:
        ArgumentError: where the proofs are not of these branches.
    """
    if certificates is None:
        return None
    if not isinstance(certificates, Sequence) or not all(isinstance(one, BranchCertificates) for one in certificates):
        raise ArgumentError("certificates", "must be the BranchCertificates of each branch, by certify")
    counts = [len(branch.special_points) for branch in branches]
    given = [int((~proof.segments).sum()) for proof in certificates]
    if counts != given:
        raise ArgumentError(
            "certificates", f"must be those of each branch, with {counts} special points, got some with {given}"
        )
    return {
        id(point)
        for branch, proof in zip(branches, certificates, strict=True)
        for point, proved in zip(branch.special_points, proof.proved[~proof.segments].tolist(), strict=True)
        if proved
    }


def draw_proved_points(ax: Axes, marks: Sequence[Mark], proved: set[int] | None) -> list[Line2D]:
    """A white dot on each special point that is proved to be there, on its branch; returns the legend's entry."""
    if proved is None:
        return []
    own = [mark for mark in marks if id(mark.point) in proved]
    look = {**_LOOK, "color": "white", "markeredgecolor": style.BLACK}
    if own:
        ax.plot([mark.x for mark in own], [mark.y for mark in own], zorder=6, clip_on=False, **look)
    return [Line2D([], [], label=f"proved ({len(own)})", **look)]
