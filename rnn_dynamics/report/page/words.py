"""What each kind of result cannot see, and whose work it rests on."""

from collections.abc import Callable
from typing import Any

from ...attractors import Attractors, LyapunovSpectrum
from ...bifurcations import BifurcationDiagram
from ...certificates import Certificates, ProvedReach
from ...charts import Chart, Crisis, OrbitDiagram
from ...fixed_points import FixedPoints
from ...landscapes import BasinFractions, Resilience
from ...multistability import EchoIndex, Reachability
from ...results import Result
from ...timeline import TrainingBifurcations
from ...tracking import TrackingHistory

_MISSED = 0.05
"""The probability of not having seen a basin, below which the page speaks of it."""


def _of_points(_: FixedPoints) -> list[str]:
    return [
        "Fixed points under this one held input: under others there may be others.",
        "A search finds what its starts lead to. Unless a proof says so, further fixed points are not excluded.",
        "Cycles, circles and chaos are no fixed points, and are not in this table.",
    ]


def _of_attractors(found: Attractors) -> list[str]:
    starts = len(found.labels)
    if not starts:
        return ["No start was followed."]
    share = 1.0 - _MISSED ** (1.0 / starts)
    return [
        f"{starts:,} starts were followed: an attractor that holds less than {share:.2%} of states drawn as they were "
        f"is missed with a probability above {_MISSED:.0%}, and one that no such state leads to always.",
        "Shares are of these starts, not of the whole state space.",
    ]


def _of_reach(reach: Reachability) -> list[str]:
    return [
        f"Of {len(reach.inputs)} held input{'s' * (len(reach.inputs) != 1)}: while an input changes, a network has no "
        "attractors of this kind."
    ]


def _of_chart(chart: Chart) -> list[str]:
    columns, rows = (side * 2**chart.depth for side in chart.shape)
    (p0, p1), (q0, q1) = chart.spans
    width, height = abs(p1 - p0) / columns, abs(q1 - q0) / rows
    return [
        f"Each cell is computed at its middle alone: what is narrower than {width:.3g} x {height:.3g}, the smallest "
        "cell, may lie between.",
        "A cell is refined only where a neighbour differs: an island inside a cell of level 0 is not seen.",
        "One start tells of one attractor; others may be beside it."
        if len(chart.starts) == 1
        else f"{len(chart.starts)} starts tell of no more attractors than they reach.",
    ]


def _of_crisis(crisis: Crisis) -> list[str]:
    return [
        f"Before it no orbit of {crisis.orbits:,} was seen to leave in {crisis.steps:,} steps: one that leaves more "
        "rarely would not have been seen."
    ]


_LIMITS: tuple[tuple[type[Result], Callable[[Any], list[str]]], ...] = (
    (FixedPoints, _of_points),
    (Attractors, _of_attractors),
    (Reachability, _of_reach),
    (Chart, _of_chart),
    (Crisis, _of_crisis),
    (OrbitDiagram, lambda _: ["Orbits show attractors alone, at the values that were computed, from these starts."]),
    (BifurcationDiagram, lambda _: ["Branches that no search came upon and that meet no branch known are missing."]),
    (BasinFractions, lambda _: ["Between two values of the parameter nothing was computed."]),
    (Resilience, lambda _: ["The smallest shock found is an upper bound of the smallest there is."]),
    (TrainingBifurcations, lambda _: ["Between checkpoints weights go along a line, which training did not."]),
    (TrackingHistory, lambda _: ["What came and went between two observations is not seen."]),
)

NO_PROOF = (
    "Numbers were computed in floating point. They are evidence and no proof, except where a certificate says that "
    "something is proved."
)


def limits_of(result: Result) -> list[str]:
    """What such a result cannot tell, a sentence each."""
    return [line for kind, say in _LIMITS if isinstance(result, kind) for line in say(result)]


_SOURCES: tuple[tuple[tuple[type[Result], ...], str], ...] = (
    ((FixedPoints,), "Fixed points of trained networks: Sussillo and Barak 2013, doi:10.1162/NECO_a_00409."),
    ((Reachability,), "VAA, the published measure: Lambrechts et al., arXiv 2106.01001."),
    (
        (LyapunovSpectrum, Attractors, Chart, OrbitDiagram),
        "Lyapunov exponents: Benettin et al. 1980, doi:10.1007/BF02128236.",
    ),
    ((Attractors,), "Dimension: Kaplan and Yorke 1979, doi:10.1007/BFb0064319."),
    ((Crisis,), "Crises: Grebogi, Ott and Yorke 1983, doi:10.1016/0167-2789(83)90126-4."),
    ((BasinFractions,), "Basin fractions: Datseris, Luiz Rossi and Wagemakers 2023, doi:10.1063/5.0159675."),
    ((Resilience,), "Minimal shocks: Halekotte and Feudel 2020, doi:10.1038/s41598-020-68805-6."),
    ((EchoIndex,), "Echo index: Ceni, Ashwin, Livi and Postlethwaite 2020, doi:10.1016/j.physd.2020.132609."),
    ((Certificates, ProvedReach), "Existence and uniqueness: Krawczyk 1969, doi:10.1007/BF02234767."),
)


def sources_of(results: list[Result]) -> list[str]:
    """Whose work these results rest on."""
    return [text for kinds, text in _SOURCES if any(isinstance(result, kinds) for result in results)]
