"""The boundary between two basins, followed to the saddle that lies in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..checks import ArrayLike, Size, checked, require_positive
from ..progress import count, expect, shown
from ..results import Interruptible
from ..roots import Status
from ..stability import kinds, n_unstable
from ..stopping import go_on, stoppable
from ..store import storable
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, require_system
from .method import Settle
from .results import Attractors
from .search import find_attractors
from .settling import propose_points

if TYPE_CHECKING:
    import pandas as pd

_SECTIONS = 15
"""States between the two ends that are settled at a time: sixteen times nearer with each batch."""

_APART = 1e-3
"""The two orbits are brought together again when they are this far apart, as a share of their first distance."""

_LONGEST = 64
"""Steps between two looks."""


@storable
@dataclass(frozen=True, eq=False)
class BasinBoundary(Interruptible):
    """A state on the boundary between two basins, and the set that the boundary's own orbits go to."""

    _dimensions: ClassVar = {"path": ("row", "unit"), "saddle": ("unit",)}

    labels: tuple[int, int]
    """The rows of the attractors on either side."""

    path: Tensor
    """States on the boundary, as they were followed along it, [t, n]."""

    saddle: Tensor | None
    """The fixed point that they lead to, [n]; None if they led to none (the edge state is a cycle or chaotic)."""

    residual: float
    """|F(h) - h| there."""

    eigenvalues: Tensor
    """Of DF there, [n], by falling modulus; empty where there is no saddle."""

    kind: str
    """"saddle", "saddle flip", ...; "moving" where there is no fixed point."""

    width: float
    """How far apart the last two states were that settle on either side."""

    attractors: Attractors
    """Which the labels refer to."""

    @property
    def n_unstable(self) -> int:
        """Unstable directions of the saddle: 1 where the boundary is a smooth wall between two basins."""
        return int(n_unstable(self.eigenvalues))

    def to_pandas(self) -> "pd.DataFrame":
        """One row: between which attractors it lies, what it leads to, and how closely it was followed."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "first": self.labels[0],
                    "second": self.labels[1],
                    "kind": self.kind,
                    "n_unstable": self.n_unstable,
                    "largest_multiplier": float("nan") if self.saddle is None else float(self.eigenvalues[0].abs()),
                    "residual": self.residual,
                    "width": self.width,
                    "states": len(self.path),
                }
            ]
        )

    def summary(self) -> str:
        """One line: between which attractors, and where it leads."""
        directions = f"{self.n_unstable} unstable direction{'s' * (self.n_unstable != 1)}"
        where = f"leads to a {self.kind} with {directions}, residual {self.residual:.0e}"
        where = where if self.saddle is not None else "leads to no fixed point"
        where = "interrupted before it was followed to its end" if self.interrupted else where
        return f"boundary between attractors {self.labels[0]} and {self.labels[1]}: {where}"


@checked
@torch.no_grad()
@shown("basin boundary", unit="round")
def basin_boundary(
    system: AutonomousMap,
    first: ArrayLike,
    second: ArrayLike,
    known: Attractors | None = None,
    *,
    width: float = 1e-8,
    max_rounds: Size = 50,
    settle: Settle | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,  # noqa: ARG001
) -> BasinBoundary:
    """Track the edge between the basins that two states lie in: bisect, step, bisect again.

    Two states on either side of the boundary, very close, follow its own orbits until they part; then the segment
    between them is bisected anew. So the pair ends at what attracts within the boundary, as a rule a saddle with one
    unstable direction.

    Args:
        system: the map.
        first, second: states [n] that settle on different attractors, for example the attractors themselves.
        known: attractors whose rows the labels shall refer to.
        width: to what distance the segment is bisected, as a share of max(1, |h|).
        max_rounds: of bisecting and stepping.
        settle: how starts settle, as in ``find_attractors``.
        memory_budget: bytes for Jacobians at a time.
        seed: of tangent vectors.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        The saddle, if the boundary leads to one. If a third basin lies between, the boundary is that between the first
        state's basin and the next one on the way. Ctrl-C keeps the path by then.

    Raises:
        ValueError: for states that settle on the same attractor, or on none.

    Source: Skufca, Yorke and Eckhardt 2006, doi:10.1103/PhysRevLett.96.174101.
    """
    require_system(system)
    require_positive(width=width, max_rounds=max_rounds)
    ends = torch.cat([system.as_states(first, "first")[:1], system.as_states(second, "second")[:1]])
    known = find_attractors(system, ends, known=known, seed=seed, settle=settle, memory_budget=memory_budget)
    if known.interrupted:
        raise KeyboardInterrupt  # there is no boundary yet to keep
    labels = known.labels.tolist()
    for name, label in zip(("first", "second"), labels, strict=True):
        if label < 0:
            raise ValueError(f"the {name} state settles on no attractor ({known.outcomes[labels.index(label)]})")
    if labels[0] == labels[1]:
        raise ValueError(
            f"both states settle on attractor {labels[0]}: there is no boundary between first and second to track"
        )

    def sides_of(states: Tensor) -> list[int]:
        found = find_attractors(system, states, known=known, seed=seed, settle=settle, memory_budget=memory_budget)
        go_on()  # starts that were cut off lie on no side
        return found.labels.tolist()

    extent = float((ends[1] - ends[0]).norm())
    path: list[Tensor] = []
    expect(max_rounds)
    found = None
    with stoppable() as stop:
        for _ in range(max_rounds):
            ends, labels = _bisected(sides_of, ends, labels, width)
            middle = ends.mean(dim=0)
            path.append(middle)
            found = _saddle(system, middle, path)
            if found is not None:
                break
            count()
            for _ in range(_LONGEST):
                ends = system(ends)
                if _gap(ends) > _APART * extent:
                    break
    saddle, residual, values = found or (None, torch.nan, torch.empty(0, dtype=torch.complex128))
    return BasinBoundary(
        (labels[0], labels[1]),
        torch.stack(path) if path else ends[:0],
        saddle,
        residual,
        values,
        "moving" if saddle is None else kinds(values[None])[0],
        _gap(ends),
        known,
        interrupted=bool(stop),
    )


def _gap(ends: Tensor) -> float:
    return float((ends[1] - ends[0]).norm())


def _bisected(
    sides_of: Callable[[Tensor], list[int]], ends: Tensor, labels: list[int], width: float
) -> tuple[Tensor, list[int]]:
    """The two ends [2, n] brought together, still on two sides."""
    shares = torch.arange(1, _SECTIONS + 1, dtype=ends.dtype, device=ends.device)[:, None] / (_SECTIONS + 1)
    while _gap(ends) > width * max(1.0, float(ends[0].norm())):
        between = ends[0] + shares * (ends[1] - ends[0])
        row = torch.cat([ends[:1], between, ends[1:]])
        sides = [labels[0], *sides_of(between), labels[1]]
        # The first that settles elsewhere; one that settles nowhere lies on the boundary itself, and is passed over.
        other = next(index for index, side in enumerate(sides) if side not in (labels[0], -1))
        last = max(index for index in range(other) if sides[index] == labels[0])
        ends, labels = row[[last, other]], [labels[0], sides[other]]
        if other - last > 1:
            break  # no state between them settles: they are as close as can be told
    return ends, labels


def _saddle(system: AutonomousMap, middle: Tensor, path: list[Tensor]) -> tuple[Tensor, float, Tensor] | None:
    """The unstable fixed point that the boundary's orbit has come near to, if it has."""
    result = propose_points(system, middle[None], memory_budget=DEFAULT_MEMORY_BUDGET)
    if int(result.statuses[0]) != Status.FOUND:
        return None
    point = result.states[0]
    values = system.linearize(point[None])[1].eigenvalues()[0].cpu().to(torch.complex128)
    distance = float((middle - point).norm())
    # Near a saddle an orbit of its stable manifold comes closer; one that happens to pass by does not stay.
    before = float((path[-2] - point).norm()) if len(path) > 1 else torch.inf
    near = distance <= 1e-2 * max(1.0, float(point.norm())) and distance <= before
    if not near or not bool(values[0].abs() > 1):
        return None
    return point, float(result.residuals[0]), values
