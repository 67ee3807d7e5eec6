"""Whether what a vector field's map has depends on the length of its step."""

import torch
from torch import Tensor

from ..stability import n_unstable
from ..systems import AutonomousMap, relative, units_of
from .results import FixedPoints

_SAME = 1e-6
"""|F(h) - h| relative to h in steps half as long, of what is a fixed point in those too."""


@torch.no_grad()
def step_notes(system: AutonomousMap, points: FixedPoints, starts: Tensor) -> tuple[str, ...]:
    """What becomes of fixed points in steps half as long: one clause, of a vector field's map; none of others.

    Fixed points of the field stay; those that a long step made do not, and neither does a stability of its making.
    """
    halved = system.halved()
    if halved is None or not len(points):
        return ()
    states = points.states.to(system.device)
    value, linearization = halved.linearize(states)
    moved = (relative(value - states, states, units_of(system, starts)) > _SAME).cpu()
    outside = n_unstable(linearization.eigenvalues(), points.marginal_tolerance).cpu()
    other = ~moved & (outside != points.n_unstable)
    if not bool(moved.any() or other.any()):
        return ("in steps half as long its fixed points are the same, as stable as here",)
    parts = [f"points {_listed(moved)} are none"] if bool(moved.any()) else []
    parts += [f"points {_listed(other)} are not as stable as here"] if bool(other.any()) else []
    return (f"in steps half as long {' and '.join(parts)}: take a shorter dt",)


def _listed(rows: Tensor) -> str:
    return ", ".join(str(row) for row in rows.nonzero().flatten().tolist())
