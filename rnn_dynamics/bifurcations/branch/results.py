"""A branch of fixed points or cycles as a table."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import scipy
import torch
from torch import Tensor

from ...checks import ArgumentError, checked
from ...continuation import BifurcationKind
from ...results import Noted, evenly
from ...store import storable
from ...tables import Table, chosen_ends, renumbered
from .special_point import SpecialPoint

if TYPE_CHECKING:
    import pandas as pd


ENDS = {
    "span": "it leaves the span",
    "closed": "it closes upon itself",
    "bound": "it runs beyond the bound on |h|",
    "doubling": "it ends in the flip of a cycle of half its period",
    "steps": "max_steps ended it: continue_fixed_point(family, branch, span) goes on",
    "stalled": "no short step is safe: F has a kink, or two branches come nearer than rounding can tell",
    "interrupted": "Ctrl-C ended it: continue_fixed_point(family, branch, span) goes on",
    "chosen": "rows beyond were not chosen",
}
"""Why a branch ends where it does."""

OPEN_ENDS = ("steps", "stalled", "interrupted", "chosen")
"""Ends without a mathematical reason."""

Observable = Callable[[Tensor], Tensor] | int


@storable
@dataclass(frozen=True, eq=False)
class Branch(
    Table,
    Noted,
    whole=("special_points", "ends", "span", "period", "refused", "units", "notes"),
    in_order=True,
):
    """A curve of fixed points, or of cycles, over a parameter: one row each, in order along it; ``len`` counts rows.

    Special points are rows of their own, and two of them are never neighbours: so stability is constant between a
    special row and the next. ``branch[:40]``, ``branch[branch.stable]`` and the like are choices of rows (see
    ``tables.Table``), with the special points among them; what lay between two of its rows is no longer known.
    """

    _dimensions: ClassVar = {
        "states": ("row", "unit"),
        "orbits": ("row", "phase", "unit"),
        "eigenvalues": ("row", "mode"),
    }

    parameters: Tensor
    """[k]."""

    states: Tensor
    """[k, n]; of a cycle one phase."""

    orbits: Tensor
    """[k, period, n]: all phases of each row, ``states`` first."""

    residuals: Tensor
    """|F^period(h) - h|_2 of these very states, [k]."""

    tangents: Tensor
    """Unit tangents, [k, n + 1]: dh along the branch, then dp over the length of the span; the length of dh is
    |dh / u| / max(1, |h / u|) in ``units`` u."""

    eigenvalues: Tensor
    """The leading ones of DF^period, [k, m], complex, by falling modulus; NaN where fewer were needed."""

    n_unstable: Tensor
    """The number of eigenvalues outside the unit circle, [k]."""

    indices: Tensor
    """Sign det(I - DF^period), [k]; 0 at folds and branch points."""

    special_points: tuple[SpecialPoint, ...]
    """In order along the branch."""

    ends: tuple[str, str]
    """Why it ends at its first and last row: a key of ``ENDS``."""

    span: tuple[float, float]
    """The parameters it was followed between."""

    period: int = 1

    refused: int = 0
    """Steps that were refused and taken again, shorter."""

    units: Tensor = field(default_factory=lambda: torch.ones(0))
    """What is small in each coordinate, [n]: it was walked, and distances are measured, in these (``walk_units``); 1 in
    files from before 0.2."""

    def __post_init__(self) -> None:
        if not self.units.numel():
            object.__setattr__(self, "units", torch.ones(self.states.shape[-1]))

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        ends = chosen_ends(self.ends, rows, len(self))
        return {"special_points": renumbered(self.special_points, rows), "ends": ends}

    @property
    def spectral_radii(self) -> Tensor:
        """Max |lambda|, [k]."""
        return self.eigenvalues[:, 0].abs()

    @property
    def special_rows(self) -> Tensor:
        """Whether each row is a special point, [k]."""
        special = torch.zeros(len(self), dtype=torch.bool)
        special[[point.row for point in self.special_points]] = True
        return special

    @property
    def stable(self) -> Tensor:
        """Whether each row is stable, [k]; a special point is not."""
        return (self.n_unstable == 0) & ~self.special_rows

    @property
    def closed(self) -> bool:
        """Whether it is an isola: a closed curve."""
        return self.ends[0] == "closed"

    @property
    def complete(self) -> bool:
        """Whether both ends have a mathematical reason."""
        return not set(OPEN_ENDS) & set(self.ends)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it: its last row, or its first, is where it was then."""
        return "interrupted" in self.ends

    @checked
    def observed(self, observable: Observable | None = None) -> Tensor:
        """What is drawn of each state, [k]: a unit's number, or a function of states [k, n] -> [k]; |h| by default.

        Raises:
            ValueError: for a unit that does not exist, or a function whose result has another shape.
        """
        return observe(self.states, observable)

    def segments(self) -> list[tuple[slice, bool]]:
        """Stretches of constant stability, special points included at both ends of each, and whether each is stable."""
        if not len(self):
            return []
        cuts = [0, *(point.row for point in self.special_points), len(self) - 1]
        cuts = sorted(set(cuts))
        parts: list[tuple[slice, bool]] = []
        for begin, end in pairwise(cuts):
            stable = self.stable_beyond(begin)
            if parts and parts[-1][1] == stable and not self._turns(begin):
                parts[-1] = (slice(parts[-1][0].start, end + 1), stable)
            else:
                parts.append((slice(begin, end + 1), stable))
        return parts or [(slice(0, len(self)), self.stable_beyond(0))]

    def _turns(self, row: int) -> bool:
        return any(point.row == row and point.turns for point in self.special_points)

    @checked
    def near(self, parameter: float, stable_only: bool = False) -> Tensor:
        """Where the branch passes a parameter, [q, n], by Hermite's cubic between rows: a start for Newton's method."""
        rows = self.passing(parameter)
        found = [
            self._between(row, parameter) if row < len(self) - 1 else self.states[row]
            for row in rows
            if not stable_only or self.stable_beyond(row)
        ]
        return torch.stack(found) if found else self.states[:0]

    @checked
    def passing(self, parameter: float) -> list[int]:
        """The rows after which, or at which, the branch passes a parameter."""
        p = self.parameters
        rows = (((p[:-1] - parameter) * (p[1:] - parameter) < 0) | (p[:-1] == parameter)).nonzero().flatten().tolist()
        return rows + [len(self) - 1] * (float(p[-1]) == parameter and not self.closed)

    @checked
    def stable_beyond(self, row: int) -> bool:
        """Whether the branch is stable between a row and the next."""
        return int(self.n_unstable[self._ordinary_beside(row)]) == 0

    @checked
    def index_beyond(self, row: int) -> int:
        """The index between a row and the next."""
        return int(self.indices[self._ordinary_beside(row)])

    def _ordinary_beside(self, row: int) -> int:
        if not -len(self) <= row < len(self):
            raise ArgumentError("row", f"must lie from {-len(self)} to {len(self) - 1}, got {row}")
        return row + 1 if bool(self.special_rows[row]) and row + 1 < len(self) else row

    @checked
    def distance(self, state: Tensor, parameter: float) -> float:
        """How far a point lies from the curve, in the measure of its arclength: the span is 1, a state's size is 1.

        That size is max(1, |h / u|) in ``units`` u.
        """
        if state.shape != self.states.shape[1:]:
            raise ArgumentError("state", f"must have shape {list(self.states.shape[1:])}, got {list(state.shape)}")
        width = abs(self.span[1] - self.span[0])
        state = state.to(self.states) / self.units
        scale = max(1.0, float(state.norm()))
        measure = scale * self.units
        points = torch.cat([self.states / measure, self.parameters.unsqueeze(-1) / width], dim=-1)
        point = torch.cat([state / scale, state.new_tensor([parameter / width])])
        slopes = torch.cat([self.tangents[:, :-1] / measure, self.tangents[:, -1:]], dim=-1)
        nearest = int((points - point).norm(dim=-1).argmin())
        best = float((points[nearest] - point).norm())
        for row in (nearest - 1, nearest):
            if 0 <= row < len(self) - 1:
                chord = points[row + 1] - points[row]
                best = min(best, _distance_to(point, points[row : row + 2], chord.norm() * slopes[row : row + 2]))
        return best

    def _between(self, row: int, parameter: float) -> Tensor:
        """The state at ``parameter`` between a row and the next, on Hermite's cubic through both and their tangents."""
        begin, end = float(self.parameters[row]), float(self.parameters[row + 1])
        if begin == parameter:
            return self.states[row]
        width = abs(self.span[1] - self.span[0])
        chord = (self.states[row + 1] - self.states[row]) / self.units
        scale = max(1.0, float((self.states[row] / self.units).norm()))
        reach = math.hypot(float(chord.norm()) / scale, (end - begin) / width)
        first, last = (reach * self.tangents[r] for r in (row, row + 1))
        paces = float(first[-1]) * width, float(last[-1]) * width

        def place(u: float) -> float:
            a, b, c, d = hermite(u)
            return a * begin + b * paces[0] + c * end + d * paces[1] - parameter

        # Between rows the parameter runs one way, so both ends have different signs.
        u = scipy.optimize.brentq(place, 0.0, 1.0, xtol=1e-12)
        assert isinstance(u, float)  # for the type checker: without full_output there is nothing else
        a, b, c, d = hermite(u)
        return a * self.states[row] + b * first[:-1] + c * self.states[row + 1] + d * last[:-1]

    def to_pandas(self, observables: Mapping[str, Observable] | None = None) -> "pd.DataFrame":
        """One row per point; ``observables`` adds columns."""
        import pandas as pd

        names = {point.row: point.label for point in self.special_points}
        return pd.DataFrame(
            {
                "parameter": self.parameters.numpy(),
                **{name: self.observed(what).numpy() for name, what in (observables or {"norm": None}).items()},
                "spectral_radius": self.spectral_radii.numpy(),
                "n_unstable": self.n_unstable.numpy(),
                "stable": self.stable.numpy(),
                "index": self.indices.numpy(),
                "residual": self.residuals.numpy(),
                "special": [names.get(row, "") for row in range(len(self))],
            }
        )

    def summary(self) -> str:
        """One line: what of, from where to where, what it passes, and how it ends."""
        what = "fixed points" if self.period == 1 else f"cycles of period {self.period}"
        counts = [(kind, sum(point.kind == kind for point in self.special_points)) for kind in BifurcationKind]
        passed = ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts if count)
        low, high = map(float, self.parameters.aminmax()) if len(self) else (math.nan, math.nan)
        where = f"over [{low:.6g}, {high:.6g}], {self._counted('row')}"
        text = f"branch of {what} {where}: {passed or 'nothing passed'}"
        ends = dict.fromkeys(ENDS[end] for end in self.ends if end != "span")
        return text + "".join(f"; {end}" for end in ends)

    def _shown(self) -> "pd.DataFrame":
        return evenly(self.to_pandas())

    def _notes(self) -> Sequence[str]:
        return [repr(point) for point in self.special_points]


@storable
@dataclass(frozen=True, eq=False)
class Join:
    """Two branches that meet in a branch point or flip."""

    branches: tuple[int, int]

    parameter: float

    state: Tensor
    """[n]."""


def _distance_to(point: Tensor, ends: Tensor, slopes: Tensor) -> float:
    """From a point to Hermite's cubic through two others [2, n] with given slopes [2, n]."""

    def apart(u: float) -> float:
        a, b, c, d = hermite(u)
        return float((a * ends[0] + b * slopes[0] + c * ends[1] + d * slopes[1] - point).norm())

    found = scipy.optimize.minimize_scalar(apart, bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-9})
    return float(found.fun)


def hermite(u: float) -> tuple[float, float, float, float]:
    """The weights of value and slope at 0, then of those at 1, of the cubic through both at u."""
    return (1 + 2 * u) * (1 - u) ** 2, u * (1 - u) ** 2, u**2 * (3 - 2 * u), -(u**2) * (1 - u)


def reversed_branch(branch: Branch) -> Branch:
    """The same branch, its rows in the other order."""
    last = len(branch) - 1
    return replace(
        branch,
        **{name: getattr(branch, name).flip(0) for name in _COLUMNS if name != "tangents"},
        tangents=-branch.tangents.flip(0),
        special_points=tuple(
            replace(point, row=last - point.row, before=point.after, after=point.before)
            for point in reversed(branch.special_points)
        ),
        ends=(branch.ends[1], branch.ends[0]),
    )


def joined(first: Branch, second: Branch) -> Branch:
    """A branch and its continuation, in order."""
    moved = tuple(replace(point, row=point.row + len(first)) for point in second.special_points)
    return replace(
        first,
        **{name: torch.cat([getattr(first, name), getattr(second, name)]) for name in _COLUMNS},
        special_points=first.special_points + moved,
        ends=(first.ends[0], second.ends[1]),
        refused=first.refused + second.refused,
    )


_COLUMNS = ("parameters", "states", "orbits", "residuals", "tangents", "eigenvalues", "n_unstable", "indices")


def observe(states: Tensor, observable: Observable | None) -> Tensor:
    """``Branch.observed`` of any states [k, n]."""
    if observable is None:
        return states.norm(dim=-1)
    if isinstance(observable, int):
        if not -states.shape[-1] <= observable < states.shape[-1]:
            raise ArgumentError(
                "observable", f"must be the number of a unit below {states.shape[-1]}, got {observable}"
            )
        return states[:, observable]
    try:
        values = torch.as_tensor(observable(states)).detach()
    except (TypeError, ValueError, RuntimeError, AttributeError, LookupError) as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ArgumentError("observable", f"must be a function of states [{len(states)}, n]: {what}") from error
    if values.shape != (len(states),):
        raise ArgumentError(
            "observable",
            f"must give one number per state, [{len(states)}] of [{len(states)}, n]; got {list(values.shape)}",
        )
    return values.to(torch.float64)
