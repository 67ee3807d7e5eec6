"""``certify``: what a search found, proved row by row."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, overload

import numpy as np
import torch
from torch import Tensor

from ..bifurcations import Branch
from ..checks import ArgumentError, ArrayLike, Count, Positive, Size, checked
from ..families import Family
from ..fixed_points import FixedPoints
from ..multistability import Reachability
from ..progress import each
from ..systems import AutonomousMap, DrivenMap
from .branches import BranchCertificates, certify_branch
from .claims import Found, claims_of
from .completeness import all_fixed_points
from .proved_reach import ProvedReach
from .results import Certificates

_TOLERANCE = 1e-6
"""Searches merge what is nearer than this: a state farther away is another than the one proved."""


@overload
def certify(
    system: AutonomousMap | DrivenMap | Family,
    found: Found,
    starts: ArrayLike | None = ...,
    *,
    complete: bool = ...,
    budget: Count | None = ...,
    steps: Size = ...,
    tolerance: Annotated[float, Positive()] = ...,
    progress: bool | None = ...,
) -> Certificates: ...


@overload
def certify(
    system: AutonomousMap | DrivenMap | Family,
    found: Reachability,
    *,
    steps: Size = ...,
    tolerance: Annotated[float, Positive()] = ...,
    progress: bool | None = ...,
) -> ProvedReach: ...


@overload
def certify(
    system: AutonomousMap | DrivenMap | Family,
    found: Branch,
    *,
    steps: Size = ...,
    tolerance: Annotated[float, Positive()] = ...,
    progress: bool | None = ...,
) -> BranchCertificates: ...


@checked
@torch.no_grad()
def certify(
    system: AutonomousMap | DrivenMap | Family,
    found: Found | Reachability | Branch,
    starts: ArrayLike | None = None,
    *,
    complete: bool = False,
    budget: Count | None = None,
    steps: Size = 10_000,
    tolerance: Annotated[float, Positive()] = _TOLERANCE,
    progress: bool | None = None,
) -> Certificates | ProvedReach | BranchCertificates:
    """Prove what was found: that it is there, alone, where, of which stability, and which starts go to it.

    Each fixed point or cycle x = F^k(x) is located by Krawczyk's operator in ball arithmetic, in which every rounding
    is contained; where 53 bits do not do, 106 and 212 are tried. What is proved holds for the map that the analysis
    runs, whose weights are the very floats that it holds, in real numbers: an orbit of floats is rounded besides. What
    cannot be proved is a row with a reason.

    Args:
        system: the map; for a ``Reachability`` the network that it is of, or the map if one input was held; for a
            ``Branch`` the family that it was followed in.
        found: what was found of it: ``FixedPoints``, ``Cycles``, ``Attractors``, ``Reachability`` or ``Branch``; or
            states [k, n] or [n], each of which is claimed to be a fixed point.
        starts: states [s, n] that are to be proved to go to one of the stable things found; those of a
            ``Reachability`` are its own.
        complete: of fixed points, also whether these are all: ``all_fixed_points`` proves it for small maps.
        budget: boxes that this may look at; see there.
        steps: the budget of each start: so many are followed. Slow networks need thousands, some ten milliseconds each
            at 64 units.
        tolerance: how far a state may be from the solution proved, in units of max(u_i, |h_i|): a millionth, as
            searches merge what is nearer.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        ``Certificates``, a row for each thing found; of a ``Reachability`` such a table for each held input; of a
        branch ``BranchCertificates``, a row for each segment and special point.

    Raises:
        ValueError: for states that do not fit, and for a network whose input is not held.

    Sources: Krawczyk 1969 (doi:10.1007/BF02234767), Rump 2010 (doi:10.1017/S096249291000005X), Johansson 2017
    (doi:10.1109/TC.2017.2690633).
    """
    if complete and not isinstance(found, FixedPoints | Tensor | np.ndarray | Sequence):
        raise ArgumentError("complete", f"asks of fixed points whether they are all, got {type(found).__name__}")
    if isinstance(found, Branch):
        return _of_branch(system, found, starts, tolerance, progress)
    if not isinstance(system, AutonomousMap | DrivenMap):
        raise ArgumentError("system", f"must be a map under a held input, network.hold(input), got {system!r}")
    if isinstance(found, Reachability):
        if starts is not None:
            raise ArgumentError("starts", "must be left out for a Reachability, which has its own")
        return _of_reach(system, found, steps, tolerance, progress)
    if not isinstance(system, AutonomousMap):
        raise ArgumentError("system", "must be a map under a held input, network.hold(input), got a network")
    begin = None if starts is None else system.as_states(starts, "starts")
    proof = _of_map(system, found, begin, steps, tolerance, progress)
    if not complete:
        return proof
    return replace(proof, census=all_fixed_points(system, proof.states, budget=budget, progress=progress))


def _of_map(
    system: AutonomousMap,
    found: Found,
    starts: Tensor | None,
    steps: int,
    tolerance: float,
    progress: bool | None,
) -> Certificates:
    from .ground import Ground  # which brings python-flint
    from .proving import prove

    claims = claims_of(system, found)
    begin = torch.empty(0, system.state_size) if starts is None else starts
    return prove(Certificates, Ground.of(system, claims), claims, begin.double().cpu(), steps, tolerance, progress)[0]


def _of_reach(
    system: AutonomousMap | DrivenMap, reach: Reachability, steps: int, tolerance: float, progress: bool | None
) -> ProvedReach:
    if isinstance(system, AutonomousMap):
        if len(reach.attractors) != 1:
            raise ArgumentError(
                "system", f"must be the network, as {len(reach.attractors)} inputs were held, got a map under one input"
            )
        maps = [system]
    else:
        maps = [system.hold(input) for input in reach.inputs]
    proofs: list[Certificates] = []
    for map, found in each(list(zip(maps, reach.attractors, strict=True)), "held inputs", progress, unit="input"):
        proofs.append(_of_map(map, found, map.as_states(reach.starts, "starts"), steps, tolerance, progress))
        if proofs[-1].interrupted:
            break
    return ProvedReach(reach.inputs[: len(proofs)], tuple(proofs), reach.count, reach.claimed)


def _of_branch(
    family: AutonomousMap | DrivenMap | Family,
    branch: Branch,
    starts: ArrayLike | None,
    tolerance: float,
    progress: bool | None,
) -> BranchCertificates:
    if starts is not None:
        raise ArgumentError("starts", "must be left out for a Branch: its fixed points are not of one map")
    if isinstance(family, AutonomousMap | DrivenMap):
        raise ArgumentError("system", "must be the family that the branch was followed in, as network.input_family(0)")
    return certify_branch(family, branch, tolerance, progress=progress)
