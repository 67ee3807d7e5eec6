"""``invariant_surface``: two-dimensional unstable manifolds as meshes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from torch import Tensor

from ..attractors import Cycles
from ..checks import ArgumentError, ArrayLike, AtLeast, Count, Positive, checked
from ..fixed_points import FixedPoints
from ..progress import count, shown
from ..results import Interruptible, Noted
from ..stopping import go_on, stoppable
from ..store import storable
from ..systems import AutonomousMap, require_system
from .lines import distances_to_line
from .rings import Ring, Rings, plane_at, strips
from .saddles import saddles_of

if TYPE_CHECKING:
    import pandas as pd

_FAR = 1e6
_GENERATIONS = 2000

_RESTED = 0.05
"""Of the spacing: a ring all of whose points lie this near to the line of the ring before it has come to rest."""


@storable
@dataclass(frozen=True, eq=False)
class InvariantSurface(Interruptible, Noted):  # pyright: ignore[reportIncompatibleVariableOverride]
    """A two-dimensional unstable manifold: points in rings round the one that they leave, and triangles."""

    _dimensions: ClassVar = {"states": ("point", "unit"), "triangles": ("triangle", "corner")}

    states: Tensor
    """[v, n]; the first is the fixed point itself."""

    triangles: Tensor
    """Numbers of three points each, [t, 3]."""

    rings: Tensor
    """For each point the number of its ring, 0 for the fixed point, [v]."""

    generations: Tensor
    """For each point how many steps of the return map took it there from the first annulus, [v]."""

    edges: Tensor
    """The longest edge of each triangle, [t]."""

    eigenvalues: Tensor
    """Of DF^k, [n], complex, by falling modulus."""

    spacing: float

    residual: float
    """|G(h) - L h| at most on the first ring, whose images all others are."""

    end: str
    """"reach" (a ring got so far), "rest" (rings come to rest), "away", "points", "steps" or "interrupted"."""

    @property
    def area(self) -> float:
        """The sum of the triangles' areas."""
        a, b, c = (self.states[self.triangles[:, corner]] for corner in range(3))
        one, two = b - a, c - a
        squares = one.square().sum(-1) * two.square().sum(-1) - (one * two).sum(-1).square()
        return float(squares.clamp(min=0).sqrt().sum() / 2)

    @property
    def advice(self) -> tuple[str, ...]:
        """Where it ended too early, or edges are longer than wanted."""
        lines = []
        if self.end == "points":
            lines.append("it ended at max_points: raise it, or the spacing")
        long = int((self.edges > 2 * self.spacing).sum())
        if long:
            lines.append(f"{long} of {len(self.edges)} triangles have edges longer than twice the spacing")
        return tuple(lines)

    def to_pandas(self) -> "pd.DataFrame":
        """One row per ring: its generation, points and length."""
        import pandas as pd

        rows = []
        for ring in range(1, int(self.rings.max()) + 1 if len(self.rings) else 0):
            mask = self.rings == ring
            states = self.states[mask.to(self.states.device)]
            length = float((states.roll(-1, 0) - states).norm(dim=-1).sum())
            rows.append([int(self.generations[mask][0]), len(states), length])
        return pd.DataFrame(rows, columns=["generation", "points", "length"])

    def summary(self) -> str:
        """One line."""
        text = f"unstable surface, {len(self.states)} points, {len(self.triangles)} triangles, area {self.area:.4g}"
        return f"{text}, end: {self.end}"


@checked
@torch.no_grad()
@shown("invariant surface", unit="generation")
def invariant_surface(
    system: AutonomousMap,
    saddle: ArrayLike | FixedPoints | Cycles,
    *,
    period: Count = 1,
    reach: Annotated[float, Positive()] = 2.0,
    spacing: Annotated[float, Positive()] = 0.1,
    tolerance: Annotated[float, Positive()] = 1e-8,
    max_points: Annotated[int, AtLeast(64)] = 20_000,
    progress: bool | None = None,  # noqa: ARG001
) -> InvariantSurface:
    """Grow the two-dimensional unstable manifold of a fixed point or cycle as a mesh of rings.

    Within the unstable plane, where |G(V c) - V L c| keeps the tolerance, the annulus between a circle of c and its
    image is a fundamental domain: every other point of the surface is an image of one in it, G^m(c). Rings of it are
    carried on; points are put into a ring where two are farther apart than the spacing, rings between two where these
    are, all of them from the first annulus on, so that errors across the surface shrink.

    Args:
        system: the map.
        saddle: a fixed point [n], near which one must be, or one row of ``find_fixed_points`` or ``find_cycles``.
        period: k, of a state of a cycle; ``Cycles`` know theirs. The surface is that of the phase given.
        reach: how far from the fixed point rings are followed, in the state's own unit.
        spacing: of neighbours at most, as long as there is room for points.
        tolerance: of the first annulus, times max(1, |h|).
        max_points: in all.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        The mesh. Ctrl-C ends it early and keeps the rings that are whole.

    Raises:
        ValueError: for a state at which nothing rests, a marginal one, or another number of unstable directions than 2.

    Source: Krauskopf and Osinga 1998, doi:10.1063/1.166450, for rings; Hobson 1993, doi:10.1006/jcph.1993.1002, for
    fundamental domains.
    """
    require_system(system)
    found = saddles_of(system, saddle, period)[0]
    modes = found.modes(stable=False)
    if len(modes) != 2:
        more = ": use invariant_manifold" if len(modes) == 1 else ""
        raise ArgumentError("saddle", f"must have two unstable directions, got {len(modes)}{more}")
    plane = plane_at(found, modes, tolerance)
    maker = Rings(found, plane, spacing, _FAR * found.size)
    rings, end = [maker.first()], "interrupted"
    with stoppable() as stop:
        end = _grown(maker, rings, found.state, reach, spacing, max_points)
    return _mesh(rings, found.state, found.eigenvalues, spacing, plane.residual, end, bool(stop), system.notes)


def _grown(maker: Rings, rings: list[Ring], center: Tensor, reach: float, spacing: float, most: int) -> str:
    """Rings put behind the first, and why they ended."""
    for _ in range(_GENERATIONS):
        last = rings[-1]
        room = most - 1 - sum(len(ring.angles) for ring in rings)
        if room < len(last.angles):
            return "points"
        following = maker.after(last, room)
        if not bool(maker.inside(following.states).all()):
            return "away"
        between = maker.between(last, following, room - len(following.angles))
        rings += [*between, following]
        go_on()
        count()
        if float((following.states - center).norm(dim=-1).max()) >= reach:
            return "reach"
        nearest = distances_to_line(following.states, torch.cat([last.states, last.states[:1]]))
        if last.age and float(nearest.max()) <= _RESTED * spacing and following.length >= spacing:
            return "rest"
    return "steps"


def _mesh(
    rings: list[Ring],
    center: Tensor,
    eigenvalues: Tensor,
    spacing: float,
    residual: float,
    end: str,
    interrupted: bool,
    notes: tuple[str, ...],
) -> InvariantSurface:
    begins = [1]
    for ring in rings:
        begins.append(begins[-1] + len(ring.angles))
    first = torch.arange(1, begins[1])
    faces = [torch.stack([torch.zeros_like(first), first, first % (begins[1] - 1) + 1], dim=1)]
    for number in range(len(rings) - 1):
        faces.append(strips(rings[number], rings[number + 1], begins[number], begins[number + 1]))
    triangles = torch.cat(faces)
    states = torch.cat([center[None], *(ring.states for ring in rings)])
    corners = states[triangles.to(states.device)]
    edges = (corners - corners.roll(1, dims=1)).norm(dim=-1).amax(dim=1)
    sizes = torch.tensor([1, *(len(ring.angles) for ring in rings)])
    return InvariantSurface(
        states=states,
        triangles=triangles,
        rings=torch.arange(len(sizes)).repeat_interleave(sizes),
        generations=torch.tensor([0, *(ring.age for ring in rings)]).repeat_interleave(sizes),
        edges=edges.double().cpu(),
        eigenvalues=eigenvalues,
        spacing=spacing,
        residual=residual,
        end=end,
        interrupted=interrupted,
        notes=notes,
    )
