"""A whole bifurcation diagram: its branches, how they meet, and whether any are missing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from ...continuation import BifurcationKind
from ...results import Interruptible
from ...store import storable
from ...tables import Table
from ..branch import Branch, Join, SpecialPoint, special_table
from .continuum_branch import ContinuumBranch

if TYPE_CHECKING:
    import pandas as pd

_SAME = 1e-6
"""Of the span: a point where branches meet is known on each to this."""


@storable
@dataclass(frozen=True, eq=False)
class Section:
    """An attractor that is no fixed point, at one parameter."""

    parameter: float

    kind: str
    """"cycle", "circle", "torus", "chaotic" or "continuum"."""

    period: int
    """Of a cycle; 0 for others."""

    states: Tensor
    """Samples of its orbit, [q, n]."""

    exponent: float
    """Its largest Lyapunov exponent, per step."""

    share: float
    """Of the starts that settled on it."""


_OF_THE_SPAN = ("searched", "n_searched", "sectioned", "intervals", "counts", "stable_counts", "index_sums")
"""What is known of all branches together."""


@storable
@dataclass(frozen=True, eq=False)
class BifurcationDiagram(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible,
    Table,
    whole=(
        *("span", "joins", "missed", "sections", "continua", "limited", "interrupted"),
        *_OF_THE_SPAN,
        *("expected_index", "index_reason", "index_valid"),
    ),
):
    """All branches that were found over a span, and the evidence that there are no more; ``len`` counts branches.

    ``diagram[2]``, ``diagram[:3]`` and the like are choices of branches (see ``tables.Table``), with the joins among
    them; continua, sections and index sums, which are of the whole, are left out.
    """

    _dimensions: ClassVar = {
        **dict.fromkeys(("searched", "n_searched"), ("search",)),
        "intervals": ("interval", "end"),
        **dict.fromkeys(("counts", "stable_counts", "index_sums", "index_valid"), ("interval",)),
    }

    span: tuple[float, float]

    branches: tuple[Branch, ...]
    """Of fixed points first, then of cycles that they double to."""

    joins: tuple[Join, ...]

    searched: Tensor
    """The parameters at which fixed points were searched for, [q]."""

    n_searched: Tensor
    """How many fixed points are known there, on all branches, [q]."""

    missed: tuple[tuple[float, Tensor], ...]
    """Fixed points that a search found but no branch could be traced through: parameter and state [n]."""

    intervals: Tensor
    """Between parameters at which the number of fixed points changes, [i, 2], in order."""

    counts: Tensor
    """How many fixed points the branches have there, [i]."""

    stable_counts: Tensor
    """How many of them are stable, [i]."""

    index_sums: Tensor
    """The sum of their indices sign det(I - DF), [i]."""

    expected_index: int | None
    """1 if every map of the span takes a box into itself (Brouwer degree); None if that is not known, when the sum must
    still stay the same from each interval to the next."""

    sections: tuple[Section, ...]
    """Attractors that are no fixed points."""

    sectioned: Tensor
    """The parameters at which those were looked for, [r]."""

    continua: tuple[ContinuumBranch, ...] = ()
    """Lines, rings and sheets of fixed points, which are no branches, by the parameter at which they begin."""

    index_reason: str = ""
    """The box that justifies the index sum, or why there is none."""

    index_valid: Tensor | None = None
    """Whether the index sum says something in each interval, [i]: not where there is a continuum, nor where a fixed
    point is on the wall of a declared box."""

    limited: bool = False
    """Whether ``max_branches`` ended the search."""

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        place = {row: number for number, row in reversed([*enumerate(rows)])}
        joins = tuple(
            replace(join, branches=(place[join.branches[0]], place[join.branches[1]]))
            for join in self.joins
            if set(join.branches) <= set(place)
        )
        nothing = {name: getattr(self, name)[:0] for name in (*_OF_THE_SPAN, "missed", "sections", "continua")}
        return nothing | {"joins": joins, "expected_index": None, "index_reason": "", "index_valid": None}

    @property
    def special_points(self) -> tuple[tuple[int, SpecialPoint], ...]:
        """Branch number and point, by rising parameter; a point where branches meet is listed on each."""
        pairs = [(number, point) for number, branch in enumerate(self.branches) for point in branch.special_points]
        return tuple(sorted(pairs, key=lambda pair: pair[1].parameter))

    @property
    def distinct_points(self) -> tuple[tuple[tuple[int, ...], SpecialPoint], ...]:
        """The special points by rising parameter, each once, with the numbers of all branches that meet in it."""
        near = _SAME * abs(self.span[1] - self.span[0])
        points: list[tuple[list[int], SpecialPoint]] = []
        for number, point in self.special_points:
            for numbers, other in points:
                meet = any(
                    number in join.branches
                    and bool(set(join.branches) & set(numbers))
                    and abs(join.parameter - other.parameter) <= near
                    for join in self.joins
                )
                if meet and point.kind == other.kind and abs(point.parameter - other.parameter) <= near:
                    numbers.append(number)
                    break
            else:
                points.append(([number], point))
        return tuple((tuple(numbers), point) for numbers, point in points)

    @property
    def missing(self) -> tuple[tuple[float, float], ...]:
        """Intervals whose index sum shows that a branch is missing."""
        rows = ((self.index_sums != self._wanted) & self._valid).nonzero().flatten().tolist()
        return tuple((float(self.intervals[row, 0]), float(self.intervals[row, 1])) for row in rows)

    @property
    def _valid(self) -> Tensor:
        return torch.ones_like(self.index_sums, dtype=torch.bool) if self.index_valid is None else self.index_valid

    @property
    def verdict(self) -> str:
        """Whether branches are missing, in one sentence."""
        if self.chosen_from is not None:
            return f"A choice of {self._counted('branch', 'branches')}: index sums belong to all."
        if self.interrupted:
            return "Interrupted: the branches are those finished by then, others may be missing."
        if self.limited:
            return "max_branches ended the search: there are more branches."
        if self.missing:
            shown = ", ".join(f"[{low:.6g}, {high:.6g}]" for low, high in self.missing[:6])
            return f"A branch is missing: the indices do not sum to {self._wanted} for parameters in {shown}."
        open_ended = [number for number, branch in enumerate(self.branches) if not branch.complete]
        if not self._valid.any():
            text = "The index sum does not apply"
        elif self.expected_index is None:
            reason = self.index_reason or "no box is known that would say which it must be"
            text = f"The index sum is the same all over the span ({reason})"
        else:
            inside = " in the declared box" if "declared" in self.index_reason else " of all fixed points"
            text = f"The indices{inside} sum to {self._wanted} all over the span"
        if self._valid.any() and not self._valid.all():
            text += " where it applies"
        if self.continua:
            where = ", ".join("[{:.6g}, {:.6g}]".format(*continuum.range) for continuum in self.continua)
            text += f"; not where fixed points form a continuum, {where}"
        if not self._valid.all() and not self.continua:
            text += "; not where a fixed point lies on the wall of the declared box: declare a wider one"
        if self.missed:
            text += f"; {len(self.missed)} fixed points were found that no branch could be traced through"
        if open_ended:
            text += f"; branches {', '.join(map(str, open_ended))} end early"
        return text + "."

    @property
    def _wanted(self) -> int:
        if self.expected_index is not None:
            return self.expected_index
        sums = self.index_sums[self._valid]
        return int(sums.mode().values) if len(sums) else 0

    def to_pandas(self) -> "pd.DataFrame":
        """One row per special point."""
        return special_table(list(self.special_points))

    def counts_table(self) -> "pd.DataFrame":
        """One row per interval between bifurcations: how many fixed points, how many stable, and the index sum."""
        import pandas as pd

        low, high = self.intervals.T.tolist() if len(self.intervals) else ([], [])
        columns = {"fixed_points": self.counts, "stable": self.stable_counts, "index_sum": self.index_sums}
        return pd.DataFrame({"from": low, "to": high, **{name: value.numpy() for name, value in columns.items()}})

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of its branches."""
        return self.branches[0].notes if self.branches else ()

    def summary(self) -> str:
        """One line: how many branches, special points and sections."""
        cycles = sum(branch.period > 1 for branch in self.branches)
        text = f"{len(self) - cycles} branch{'es' * (len(self) - cycles != 1)} of fixed points"
        text += f" and {cycles} of cycles" if cycles else ""
        closed = sum(branch.closed for branch in self.branches)
        text += f" ({closed} isola{'s' * (closed != 1)})" if closed else ""
        text += f" over [{min(self.span):g}, {max(self.span):g}]"
        points = [point for _, point in self.distinct_points]
        counts = [(kind, sum(point.kind == kind for point in points)) for kind in BifurcationKind]
        found = ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts if count)
        text += f": {found or 'no bifurcation'}"
        shapes = [" / ".join(continuum.shapes) for continuum in self.continua]
        text += "".join(f"; a {shape} of fixed points" for shape in shapes)
        kinds = dict.fromkeys(section.kind for section in self.sections)
        return text + (f"; other attractors: {', '.join(kinds)}" if kinds else "")

    def _notes(self) -> Sequence[str]:
        return [*(continuum.summary() for continuum in self.continua), self.verdict]
