"""The attractors that starts settled on, as a table of tensors with the evidence for each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import scipy
import torch
from torch import Tensor

from ..checks import ArgumentError, checked
from ..fixed_points import Continuum, SlowPoints
from ..results import Interruptible, Noted
from ..store import storable
from ..tables import Table
from .kinds import AttractorKind
from .lyapunov import kaplan_yorke_dimension
from .outcomes import Fate

if TYPE_CHECKING:
    import pandas as pd

_ZERO = 1e-3
"""An exponent of a circle, torus or continuum that is no farther from 0 counts for its dimension."""

FLOW_LIKE = 24.0
"""A circle with more steps to a turn moves like the limit cycle of a flow."""

SURE = 10.0
"""A count is called robust if every tolerance could move by this factor without changing it."""

FORMATS = {
    "share": "{:.1%}".format,
    "share_low": "{:.1%}".format,
    "share_high": "{:.1%}".format,
    "exponent": "{:.4g}".format,
    "exponent_error": "{:.0e}".format,
    "dimension": "{:.2f}".format,
    "mean_period": "{:.6g}".format,
    "residual": "{:.0e}".format,
    "margin": "{:.0e}".format,
}

_OF_STARTS = ("fates", "ends", "speeds", "times", "running")
_BESIDE = ("slow", "slow_manifolds", "held_input", "work", "interrupted", "notes")
"""Fields of ``Attractors`` that are not columns, ``labels`` apart."""


@storable
@dataclass(frozen=True, eq=False)
class Evidence:
    """Why one attractor is believed to be one, and of its kind."""

    residual: float
    """|F^k(h) - h| of the very state that is returned, for fixed points and cycles; NaN for others."""

    multipliers: Tensor
    """Eigenvalues of DF^k, [n], complex, by falling modulus; empty for circles, tori, chaos and continua."""

    exponents: Tensor
    """Lyapunov exponents per step, [q]: ln |multiplier| / k, or by QR along an orbit."""

    exponent_errors: Tensor
    """Standard errors from block averages, [q]; 0 where multipliers give them."""

    weighted_exponents: Tensor
    """Weighted Birkhoff averages, [q], which decide between circle and chaos."""

    dwell: int
    """Steps for which an orbit was seen to stay on it."""

    matched: str
    """How starts were assigned to it."""

    margin: float
    """By what factor the nearest tolerance could move before kind or count would change."""


@storable
@dataclass(frozen=True, eq=False)
class Attractors(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Noted, Table, whole=(*_OF_STARTS, *_BESIDE), pointers=("labels",)
):
    """What starts settled on, one row per attractor, and where every start went; ``len`` counts attractors.

    ``found[0]``, ``found[found.periods > 1]`` and the like are choices of rows (see ``tables.Table``): labels of starts
    on other attractors are then -1, and ghosts and slow manifolds are left out.
    """

    _formats = FORMATS

    _dimensions: ClassVar = {
        "states": ("row", "unit"),
        "orbits": ("row", "", "unit"),
        **dict.fromkeys(("labels", "fates", "speeds", "times"), ("start",)),
        **dict.fromkeys(("ends", "running"), ("start", "unit")),
    }

    kinds: tuple[AttractorKind, ...]
    """"fixed point", "cycle", "circle" (quasi-periodic: a limit cycle of no whole number of steps), "torus"
    (two frequencies or more), "chaotic"; or "continuum": a line, ring or sheet of fixed points, which is one object."""

    periods: Tensor
    """1 for fixed points, k for cycles, 0 otherwise, [a]."""

    states: Tensor
    """One state on each, [a, n]."""

    orbits: tuple[Tensor, ...]
    """[k, n] each: all states of a cycle in order; samples of a circle, torus, chaotic set or continuum."""

    evidence: tuple[Evidence, ...]
    """Residuals, multipliers, exponents, margins."""

    labels: Tensor
    """For each start the row of its attractor, or -1, [k]."""

    fates: Tensor
    """For each start its ``Fate`` code, [k]."""

    ends: Tensor
    """The state that each start was last seen at, [k, n]."""

    speeds: Tensor
    """|F(h) - h|_2 there, [k]."""

    times: Tensor
    """Steps of F from each start to there, [k]; implicit steps count as the steps they stand for."""

    running: Tensor
    """For each start which coordinates run away, [k, n], all False unless it diverged."""

    slow: SlowPoints
    """Ghosts: minima of the speed below the starts that still drift."""

    slow_manifolds: tuple[Continuum, ...]
    """Where starts that still drift line up along a curve or sheet."""

    held_input: Tensor | None
    """The input that the map holds, [m], if it holds one."""

    work: tuple[int, int]
    """Plain steps and implicit steps, each times the number of rows that took them."""

    mean_periods: Tensor = field(default_factory=lambda: torch.empty(0))
    """Steps of one turn on the average, [a]: the periods of fixed points and cycles; on a circle 2 pi by the mean
    rotation a step, of which one step makes half a turn at most, NaN where no turn can be made out; NaN otherwise, and
    in files of before they were measured."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", tuple(AttractorKind(kind) for kind in self.kinds))  # words, if from a file
        if len(self.mean_periods) != len(self.kinds):
            unknown = torch.full((len(self.kinds),), torch.nan, dtype=torch.float64)
            object.__setattr__(self, "mean_periods", unknown)

    def _of_a_choice(self, _: list[int], /) -> dict[str, Any]:
        return {"slow": self.slow[:0], "slow_manifolds": ()}

    @property
    def outcomes(self) -> tuple[str, ...]:
        """For each start "settled", "slow", "diverged" or "unfinished"."""
        return tuple(Fate(code).outcome for code in self.fates.tolist())

    @property
    def settled(self) -> Tensor:
        """Whether each start settled, [k]."""
        return self.fates == Fate.SETTLED

    @property
    def hits(self) -> Tensor:
        """How many starts settled on each, [a]."""
        return torch.bincount(self.labels[self.labels >= 0], minlength=len(self))

    @property
    def fractions(self) -> Tensor:
        """The share of all starts that settled on each, [a]: its basin, as the starts sample it."""
        return self.hits.double() / max(1, len(self.labels))

    @checked
    def fraction_intervals(self, confidence: float = 0.95) -> Tensor:
        """Wilson's confidence intervals of ``fractions``, [a, 2] (doi:10.1080/01621459.1927.10502953)."""
        return wilson_intervals(self.hits, len(self.labels), confidence)

    @property
    def margins(self) -> Tensor:
        """By what factor the nearest tolerance could move before the kind or count of each would change, [a]."""
        return torch.tensor([row.margin for row in self.evidence], dtype=torch.float64)

    @property
    def largest_exponents(self) -> Tensor:
        """The leading Lyapunov exponent of each, per step, [a].

        Weighted averages, except in chaos, where they converge more slowly than plain ones.
        """
        best = [
            row.exponents if kind == "chaotic" else row.weighted_exponents
            for kind, row in zip(self.kinds, self.evidence, strict=True)
        ]
        return torch.tensor([float(values[0]) for values in best], dtype=torch.float64)

    @property
    def kaplan_yorke_dimensions(self) -> Tensor:
        """Of each attractor, [a]; NaN where too few exponents are known."""
        n = self.states.shape[-1]
        known = [kaplan_yorke_dimension(row.exponents, n) for row in self.evidence]
        # Zero exponents come out zero up to their errors only, whose signs may not decide.
        zeros = [float((row.weighted_exponents.abs() <= _ZERO).sum()) for row in self.evidence]
        # On a slow limit cycle attraction may be as slow.
        zeros = [1.0 if kind == "circle" else zero for kind, zero in zip(self.kinds, zeros, strict=True)]
        values = [
            zero if kind.smooth else float(value) for kind, value, zero in zip(self.kinds, known, zeros, strict=True)
        ]
        return torch.tensor(values, dtype=torch.float64)

    @property
    def counts(self) -> dict[AttractorKind, int]:
        """How many of each kind there are, kinds that occur only."""
        return {kind: self.kinds.count(kind) for kind in AttractorKind if kind in self.kinds}

    @property
    def verdict(self) -> str:
        """Whether the tolerances decide anything, in one sentence."""
        unsure = [row for row, margin in enumerate(self.margins.tolist()) if margin < SURE]
        if not len(self):
            return "no attractor was reached"
        if not unsure:
            return f"every kind and count stays the same if any tolerance moves by a factor of {SURE:.0f}"
        listed = ", ".join(f"{row} ({self.kinds[row]}, by {self.evidence[row].margin:.1g})" for row in unsure[:12])
        return f"depends on tolerances, which a factor below {SURE:.0f} would upset: attractors {listed}"

    def to_pandas(self) -> "pd.DataFrame":
        """One row per attractor."""
        import pandas as pd

        low, high = self.fraction_intervals().T.tolist() if len(self) else ([], [])
        return pd.DataFrame(
            {
                "kind": self.kinds,
                "period": self.periods.numpy(),
                "mean_period": self.mean_periods.numpy(),
                "hits": self.hits.numpy(),
                "share": self.fractions.numpy(),
                "share_low": low,
                "share_high": high,
                "exponent": self.largest_exponents.numpy(),
                "exponent_error": [float(row.exponent_errors[0]) for row in self.evidence],
                "dimension": self.kaplan_yorke_dimensions.numpy(),
                "residual": [row.residual for row in self.evidence],
                "dwell": [row.dwell for row in self.evidence],
                "margin": self.margins.numpy(),
                "matched": [row.matched for row in self.evidence],
            }
        )

    def summary(self) -> str:
        """One line: how many of which kind, and what became of the other starts."""
        parts = []
        for kind, count in self.counts.items():
            periods = sorted({p for p, k in zip(self.periods.tolist(), self.kinds, strict=True) if k == "cycle"})
            name = str(kind) if count == 1 else kind.plural
            name += f" (period {', '.join(map(str, periods))})" if kind == "cycle" else ""
            name += self._turns() if kind == "circle" else ""
            parts.append(f"{count} {name}")
        text = self._counted("attractor") + (f": {', '.join(parts)}" if parts else "")
        if self.chosen_from is not None:
            return text
        others = [(name, self.outcomes.count(name)) for name in ("slow", "diverged", "unfinished")]
        text += "".join(f"; {count} of {len(self.labels)} starts {name}" for name, count in others if count)
        return text + ("; interrupted" if self.interrupted else "")

    def _turns(self) -> str:
        """The mean periods of the limit cycles, flow-like circles that take many steps a turn."""
        circles = [p for p, k in zip(self.mean_periods.tolist(), self.kinds, strict=True) if k == "circle"]
        slow = sorted(f"{period:,.5g}" for period in circles if period >= FLOW_LIKE)
        if not slow:
            return ""
        return f" (limit cycle{'s' * (len(slow) != 1)} of mean period {', '.join(slow)} steps)"

    @property
    def advice(self) -> tuple[str, ...]:
        """For each way in which starts did not settle, how many did and what to do; nothing for a choice of rows."""
        if self.chosen_from is not None:
            return ()
        codes, counts = self.fates.unique(return_counts=True)
        lines = [
            f"{count} of {len(self.fates)} starts: {Fate(code).advice}"
            for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
            if Fate(code) is not Fate.SETTLED
        ]
        drifting = self.speeds[self.fates == Fate.DRIFTING]
        if len(drifting):
            lines.append(f"speeds of the drifting starts: {drifting.min():.1e} to {drifting.max():.1e} a step")
        lines += [f"drifting along a {manifold!r}" for manifold in self.slow_manifolds]
        if len(self.slow):
            noun = "ghost" if len(self.slow) == 1 else "ghosts"
            lines.append(f"{len(self.slow)} {noun}, of speed {self.slow.speeds.min():.1e} and more")
        running = self.running.any(dim=0).nonzero().flatten().tolist()
        if running:
            shown = ", ".join(map(str, running[:12])) + (" ..." if len(running) > 12 else "")
            lines.append(f"coordinates that run away: {shown}")
        return tuple(lines)

    def _notes(self) -> Sequence[str]:
        return [self.verdict, *self.advice]


def wilson_intervals(hits: Tensor, n: int, confidence: float = 0.95) -> Tensor:
    """Wilson's intervals of the shares hits / n, [a, 2]."""
    if not 0 < confidence < 1:
        raise ArgumentError("confidence", f"must lie between 0 and 1, got {confidence}")
    rows = [scipy.stats.binomtest(int(hit), n).proportion_ci(confidence, method="wilson") for hit in hits.tolist()]
    return torch.tensor([[row.low, row.high] for row in rows], dtype=torch.float64).reshape(-1, 2)
