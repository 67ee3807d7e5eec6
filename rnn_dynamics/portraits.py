"""Phase portraits: how a map moves the states of a line or a plane, and how far off the plane it takes them."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from torch import Tensor

from .checks import ArgumentError, ArrayLike, AtLeast, Bytes, Size, as_tensor, checked
from .fixed_points import FixedPoints, find_fixed_points
from .results import Result
from .store import storable
from .systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, Box, require_system

if TYPE_CHECKING:
    import pandas as pd

_BORDER = 0.1
"""Of what the points span: how far the picture reaches beyond them."""

_STARTS = 256

_NEAR_ROOT = 1.5
"""Grid steps: a gap so near to a fixed point is the point itself."""

_GHOSTLY = 0.1
"""Of the longest step of the picture: a gap above this is no channel."""


@storable
@dataclass(frozen=True, eq=False)
class PhasePortrait(Result):
    """Steps F(h) - h of the states of a line (n = 1) or of a plane through the state space."""

    _dimensions: ClassVar = {
        "x": ("x",),
        "y": ("y",),
        "steps": ("y", "x", "direction"),
        "off_plane": ("y", "x"),
        "origin": ("unit",),
        "directions": ("direction", "unit"),
        "ghosts": ("ghost", "column"),
    }

    x: Tensor
    """Along the first direction, [c]."""

    y: Tensor
    """Along the second, [r]; of a line only 0, [1]."""

    steps: Tensor
    """F(h) - h along the directions, [r, c, d]."""

    off_plane: Tensor
    """The length of what of F(h) - h leaves the plane, [r, c]."""

    origin: Tensor
    """The state at x = y = 0, [n]."""

    directions: Tensor
    """Orthonormal, [d, n]; d = 1 or 2."""

    labels: tuple[str, ...]
    """What each direction is."""

    points: FixedPoints | None
    """Fixed points; None where none were given or looked for."""

    ghosts: Tensor
    """Of a line: where the graph of F comes near to the diagonal without meeting it, its gap F(h) - h there, and the
    steps pi / sqrt(gap F''/2) that a passage takes, [g, 3]."""

    @property
    def speeds(self) -> Tensor:
        """|F(h) - h|, what leaves the plane included, [r, c]."""
        return (self.steps.square().sum(dim=-1) + self.off_plane.square()).sqrt()

    @property
    def leaving(self) -> Tensor:
        """The share of each step that leaves the plane, 0 to 1, [r, c]."""
        return self.off_plane / self.speeds.clamp(min=1e-300)

    @property
    def point_distances(self) -> Tensor:
        """How far each of ``points`` lies off the plane, [p]."""
        if self.points is None:
            return self.x.new_empty(0)
        gap = self.points.states.to(self.origin) - self.origin
        return (gap - gap @ self.directions.mT @ self.directions).norm(dim=-1)

    @property
    def whole(self) -> bool:
        """Whether line or plane are the whole state space."""
        return len(self.directions) == len(self.origin)

    def states(self) -> Tensor:
        """The states of the picture, [r, c, n]."""
        grid = torch.stack(torch.broadcast_tensors(self.x[None, :], self.y[:, None]), dim=-1)
        return self.origin + grid[..., : len(self.directions)] @ self.directions

    @property
    def advice(self) -> tuple[str, ...]:
        """How far the plane is from what it stands for."""
        if self.whole:
            return ()
        lines = [f"half of the steps leave the plane by {100 * float(self.leaving.median()):.0f} % of their length"]
        if self.points is not None and len(self.points):
            lines.append(f"fixed points lie up to {float(self.point_distances.max()):.3g} off the plane")
        return tuple(lines)

    def to_pandas(self) -> "pd.DataFrame":
        """One row per state: where it is, where it goes, and how far off the plane."""
        import pandas as pd

        rows, columns = self.off_plane.shape
        table = {"x": self.x.repeat(rows).cpu().numpy(), "y": self.y.repeat_interleave(columns).cpu().numpy()}
        for axis, name in enumerate(("dx", "dy")[: len(self.directions)]):
            table[name] = self.steps[..., axis].flatten().cpu().numpy()
        return pd.DataFrame(table | {"off_plane": self.off_plane.flatten().cpu().numpy()})

    def summary(self) -> str:
        """One line."""
        rows, columns = self.off_plane.shape
        where = f"{columns} states of a line" if rows == 1 else f"{rows} x {columns} states of a plane"
        text = f"phase portrait, {where} in {len(self.origin)} dimensions"
        return text if self.points is None else f"{text}, {len(self.points)} fixed points"


@checked
@torch.no_grad()
def phase_portrait(
    system: AutonomousMap,
    points: FixedPoints | None = None,
    *,
    plane: ArrayLike | None = None,
    states: ArrayLike | None = None,
    limits: ArrayLike | None = None,
    resolution: Annotated[int, AtLeast(2)] = 101,
    memory_budget: Bytes = DEFAULT_MEMORY_BUDGET,
    seed: Size = 0,
) -> PhasePortrait:
    """Measure how a map moves states of its line, its plane, or a plane through its states.

    Args:
        system: the map.
        points: its fixed points; of one or two dimensions they are looked for, from states of the picture.
        plane: three states [3, n], not on one line: the plane through them. Without it and n > 2, the first two
            principal components of ``states``, or else of ``points``.
        states: [k, n], for example of trajectories: their principal components, and by default how far it reaches.
        limits: ((x0, x1), (y0, y1)) along the directions, or (x0, x1) of a line; by default what the three states, the
            states or the points span and a tenth more, or else the map's box.
        resolution: states along each direction.
        memory_budget: bytes for the states at a time.
        seed: of the starts of the search.

    Returns:
        Steps along the plane, and what leaves it: ``off_plane``, ``leaving``, ``point_distances``, ``advice``. A plane
        through a larger state space shows what it shows of each state's first step only: orbits leave it.

    Raises:
        ValueError: for shapes that do not fit, three states on one line, or nothing to say how far to look.
    """
    require_system(system)
    n = system.state_size
    given = None if states is None else system.as_states(states, "states")
    if points is not None and points.states.shape[-1] != n:
        raise ArgumentError("points", f"must have states of size {n}, got {points.states.shape[-1]}")
    corners = None if plane is None else system.as_states(plane, "plane")
    if corners is not None and (len(corners) != 3 or n < 2):
        raise ArgumentError("plane", f"must be three states [3, {n}] of a map of two units or more")
    origin, directions, labels = _frame(system, corners, given, points)
    spans = _spans(system, origin, directions, limits, corners, given, points)
    x = torch.linspace(*spans[0], resolution, dtype=system.dtype, device=system.device)
    y = torch.linspace(*spans[1], resolution).to(x) if len(directions) == 2 else x.new_zeros(1)
    empty = x.new_empty(len(y), len(x), len(directions))
    portrait = PhasePortrait(x, y, empty, empty[..., 0], origin, directions, labels, points, x.new_empty(0, 3))
    rows = portrait.states().flatten(0, 1)
    size = max(1, memory_budget // (8 * n * rows.element_size()))
    moved = torch.cat([system(part) - part for part in rows.split(size)])
    along = moved @ directions.mT
    away = (moved - along @ directions).norm(dim=-1) if len(directions) < n else moved.new_zeros(len(moved))
    portrait = replace(portrait, steps=along.view(empty.shape), off_plane=away.view(empty.shape[:2]))
    if points is None and n <= 2:
        finite = rows[moved.isfinite().all(dim=-1)]
        starts = finite[torch.linspace(0, len(finite) - 1, min(_STARTS, len(finite))).long()]
        portrait = replace(portrait, points=find_fixed_points(system, starts, seed=seed, progress=False))
    return replace(portrait, ghosts=_ghosts(portrait)) if n == 1 else portrait


def _frame(
    system: AutonomousMap, corners: Tensor | None, states: Tensor | None, points: FixedPoints | None
) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    n = system.state_size
    zero = torch.zeros(n, dtype=system.dtype, device=system.device)
    if corners is not None:
        first, second = corners[1] - corners[0], corners[2] - corners[0]
        along = first / first.norm().clamp(min=1e-300)
        across = second - (second @ along) * along
        if not first.norm() > 0 or float(across.norm()) <= 1e-9 * float(second.norm()):
            raise ArgumentError("plane", "must not lie on one line: three states that span a plane are needed")
        directions = torch.stack([along, across / across.norm()])
        return corners[0], directions, ("distance from A towards B", "distance across, towards C")
    if n <= 2:
        return zero, torch.eye(n, dtype=zero.dtype, device=zero.device), ("h",) if n == 1 else ("unit 0", "unit 1")
    seen = states if states is not None else None if points is None else points.states.to(zero)
    if seen is None or len(seen) < 3:
        raise ArgumentError("plane", f"must be given for states of size {n}, or states or points that span one")
    center = seen.mean(dim=0)
    values, vectors = torch.linalg.svd(seen - center, full_matrices=False)[1:]
    if not float(values[1]) > 1e-9 * float(values[0]):
        raise ArgumentError("plane", "must be given, as states and points lie on one line")
    components = vectors[:2]
    largest = components.gather(1, components.abs().argmax(dim=1, keepdim=True))
    shares = 100 * values.square() / values.square().sum()
    labels = tuple(f"PC {k + 1} ({float(shares[k]):.0f} %)" for k in range(2))
    return center, components * largest.sign(), labels


def _spans(
    system: AutonomousMap,
    origin: Tensor,
    directions: Tensor,
    limits: ArrayLike | None,
    corners: Tensor | None,
    states: Tensor | None,
    points: FixedPoints | None,
) -> list[tuple[float, float]]:
    d = len(directions)
    if limits is not None:
        bounds = as_tensor(limits, "limits", dtype=torch.float64, device=torch.device("cpu"))
        bounds = bounds[None] if bounds.ndim == 1 and d == 1 else bounds
        if bounds.shape != (d, 2) or not bool((bounds[:, 0] < bounds[:, 1]).all()):
            raise ArgumentError("limits", f"must be a lower and a higher number for each of {d} directions")
        return [(low, high) for low, high in bounds.tolist()]
    shown = [part for part in (corners, states) if part is not None]
    box = system.box
    if not shown and d == system.state_size and isinstance(box, Box):
        shown = [torch.stack([box.lower, box.upper]).to(origin)]
    if not shown and points is not None:
        shown = [points.states.to(origin)]
    seen = torch.cat(shown) if shown else origin.new_empty(0, len(origin))
    flat = (seen - origin) @ directions.mT
    if len(flat) < 2 or not bool((flat.amax(dim=0) > flat.amin(dim=0)).any()):
        raise ArgumentError("limits", "are needed: neither a box, nor points, nor states say how far to look")
    low, high = flat.amin(dim=0), flat.amax(dim=0)
    margin = _BORDER * float((high - low).max())
    return [(float(a) - margin, float(b) + margin) for a, b in zip(low, high, strict=True)]


def _ghosts(portrait: PhasePortrait) -> Tensor:
    """Least gaps between the graph and the diagonal that are no fixed points: position, gap, steps of a passage."""
    gaps, x = portrait.steps[0, :, 0], portrait.x
    spacing = float(x[1] - x[0])
    sizes = gaps.abs()
    found = []
    roots = portrait.points.states[:, 0].to(x) if portrait.points is not None else x.new_empty(0)
    for k in range(1, len(x) - 1):
        least = bool(sizes[k] <= sizes[k - 1]) and bool(sizes[k] < sizes[k + 1])
        same = bool(gaps[k - 1] * gaps[k] > 0) and bool(gaps[k] * gaps[k + 1] > 0)
        if not (least and same) or float(sizes[k]) > _GHOSTLY * float(sizes.max()):
            continue
        # The vertex of the parabola through the three.
        slope, bend = float(gaps[k + 1] - gaps[k - 1]) / 2, float(gaps[k + 1] + gaps[k - 1] - 2 * gaps[k])
        if not bend * float(gaps[k]) > 0:
            continue
        where, gap = float(x[k]) - spacing * slope / bend, float(gaps[k]) - slope**2 / (2 * bend)
        near = len(roots) and float((roots - where).abs().min()) <= _NEAR_ROOT * spacing
        if gap * float(gaps[k]) > 0 and not near:
            found.append((where, gap, math.pi / math.sqrt(abs(gap * bend / (2 * spacing**2)))))
    return torch.tensor(found, dtype=torch.float64).reshape(-1, 3)
