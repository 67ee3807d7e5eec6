"""Rings round an unstable point in its unstable plane, carried on by the map: the making of a surface."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..stopping import go_on
from .growing import merged
from .saddles import Saddle

_FIRST_REACH, _LEAST_REACH = 0.1, 1e-7
"""Of max(1, |h|): radii of the first ring between which it is halved until it keeps the tolerance."""

_FIRST_POINTS = 16

_ROUNDS = 40

_CLOSE = 1e-12
"""Angles nearer than this cannot be parted by any digit of what they lead to."""


@dataclass(frozen=True, eq=False)
class Plane:
    """The unstable eigenspace at a point, in coordinates in which the return map is nearly that of its eigenvalues.

    h = center + V c; the map takes c to L c. For a complex pair V is its real and imaginary part, for two real ones
    both eigenvectors: the image of a circle of c then lies outside of it.
    """

    center: Tensor
    frame: Tensor
    """V, [n, 2]."""

    linear: Tensor
    """L, [2, 2]."""

    reach: float
    residual: float
    """The largest |G(V c) - V L c| on the ring |c| = reach."""

    def ring(self, angles: Tensor, share: float) -> Tensor:
        """Points [m, n] at angles [m] between the ring (share 0) and its image (share 1)."""
        circle = self.reach * torch.stack([angles.cos(), angles.sin()], dim=1).to(self.frame)
        return self.center + ((1 - share) * circle + share * circle @ self.linear.mT) @ self.frame.mT


def plane_at(saddle: Saddle, modes: list[int], tolerance: float) -> Plane:
    """The plane of two unstable modes, with the widest ring whose residual keeps the tolerance."""
    first, second = saddle.right(modes[0]), saddle.right(modes[1])
    pair = bool(saddle.eigenvalues[modes[0]].imag != 0)
    frame = torch.stack([first.real, first.imag] if pair else [first.real, second.real], dim=1).to(saddle.state)
    frame = frame / frame.norm(dim=0).max()
    linear = torch.linalg.lstsq(frame, saddle.jacobian @ frame).solution
    angles = torch.linspace(0, 2 * torch.pi, 33, dtype=torch.float64)[:-1]
    bound = max(tolerance, 64 * torch.finfo(frame.dtype).eps) * saddle.size
    reach = _FIRST_REACH * saddle.size
    while True:
        plane = Plane(saddle.state, frame, linear, reach, 0.0)
        residual = float((saddle.returns(plane.ring(angles, 0.0)) - plane.ring(angles, 1.0)).norm(dim=-1).max())
        if residual <= bound or reach <= _LEAST_REACH * saddle.size:
            return Plane(saddle.state, frame, linear, reach, residual)
        reach /= 2


@dataclass(frozen=True, eq=False)
class Ring:
    """One closed line of points, by angle in the first ring."""

    angles: Tensor
    """[m], rising within 0 to 2 pi."""

    states: Tensor
    """[m, n]."""

    age: int
    share: float

    @property
    def length(self) -> float:
        return float((self.states.roll(-1, 0) - self.states).norm(dim=-1).sum())


class Rings:
    """Rings one after the other, each refined until neighbours are no farther apart than the spacing."""

    def __init__(self, saddle: Saddle, plane: Plane, spacing: float, far: float) -> None:
        self._returns, self._plane, self._spacing, self._far = saddle.returns, plane, spacing, far

    def points(self, angles: Tensor, age: int, share: float) -> Tensor:
        states = self._plane.ring(angles, share)
        for _ in range(age):
            states = self._returns(states)
        return states

    def ring(self, angles: Tensor, states: Tensor, age: int, share: float, room: int) -> Ring:
        """A ring with points put in where it is wide, as long as there is room for them."""
        for _ in range(_ROUNDS):
            go_on()
            gaps = (states.roll(-1, 0) - states).norm(dim=-1).nan_to_num(nan=torch.inf)
            ahead = torch.cat([angles[1:], angles[:1] + 2 * torch.pi])
            inside = self.inside(states)
            wide = (gaps > self._spacing).cpu() & (ahead - angles > _CLOSE) & (inside | inside.roll(-1, 0)).cpu()
            left = wide.nonzero().flatten()
            if not len(left) or len(states) + len(left) > room:
                break
            middle = (angles[left] + ahead[left]) / 2
            states = merged(states, self.points(middle, age, share), left)
            angles = merged(angles, middle, left)
        return Ring(angles, states, age, share)

    def inside(self, states: Tensor) -> Tensor:
        return states.isfinite().all(dim=-1) & (states.norm(dim=-1) <= self._far)

    def apart(self, first: Ring, second: Ring) -> float:
        """The largest distance between two rings at one angle."""
        angles = first.angles if len(first.angles) >= len(second.angles) else second.angles
        one, two = (
            ring.states if ring.angles is angles else self.points(angles, ring.age, ring.share)
            for ring in (first, second)
        )
        inside = self.inside(one) & self.inside(two)
        return float((one - two).norm(dim=-1)[inside].max()) if bool(inside.any()) else 0.0

    def between(self, first: Ring, second: Ring, room: int, depth: int = 12) -> list[Ring]:
        """Rings put between two, the second of which ends the first's generation (share 1)."""
        if depth == 0 or room < len(first.angles) or self.apart(first, second) <= self._spacing:
            return []
        low = first.share
        high = 1.0 if second.age > first.age else second.share
        angles = first.angles if len(first.angles) >= len(second.angles) else second.angles
        few, share = angles[:: max(1, len(angles) // _FIRST_POINTS)], (low + high) / 2
        middle = self.ring(few, self.points(few, first.age, share), first.age, share, room)
        room -= len(middle.angles)
        inner = self.between(first, middle, room, depth - 1)
        room -= sum(len(ring.angles) for ring in inner)
        return [*inner, middle, *self.between(middle, second, room, depth - 1)]

    def first(self) -> Ring:
        angles = torch.linspace(0, 2 * torch.pi, _FIRST_POINTS + 1, dtype=torch.float64)[:-1]
        return self.ring(angles, self.points(angles, 0, 0.0), 0, 0.0, 10**9)

    def after(self, ring: Ring, room: int) -> Ring:
        """The image of a ring."""
        return self.ring(ring.angles, self._returns(ring.states), ring.age + 1, 0.0, room)


def strips(first: Ring, second: Ring, begin: int, behind: int) -> Tensor:
    """Triangles [t, 3] between two rings, whose points are numbered from ``begin`` and ``behind`` on.

    Both are walked round by angle at once; each step takes the side whose next point comes first.
    """
    m, k = len(first.angles), len(second.angles)
    one = torch.cat([first.angles[1:], torch.tensor([2 * torch.pi], dtype=torch.float64)]).tolist()
    two = torch.cat([second.angles[1:], torch.tensor([2 * torch.pi], dtype=torch.float64)]).tolist()
    i = j = 0
    faces = []
    while i < m or j < k:
        here, there = begin + i % m, behind + j % k
        if j == k or (i < m and one[i] <= two[j]):
            i += 1
            faces.append((here, begin + i % m, there))
        else:
            j += 1
            faces.append((here, behind + j % k, there))
    return torch.tensor(faces, dtype=torch.long)
