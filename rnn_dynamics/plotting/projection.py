"""From states in n dimensions to two or three that can be drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, as_tensor

Onto: TypeAlias = ArrayLike | Sequence[int] | Mapping[str, ArrayLike | int]
"""Units by number, directions, or either by name."""

_SAME_LENGTH = 1e-9
"""Directions this near to orthonormal leave distances as they are."""


@dataclass(frozen=True, eq=False)
class Projection:
    """The linear map states -> (states - center) directions^T."""

    center: Tensor
    """[n]."""

    directions: Tensor
    """[d, n]."""

    labels: tuple[str, ...]
    """What each drawn axis shows."""

    def __call__(self, states: Tensor) -> np.ndarray:
        """Where states [..., n] are drawn: [..., d]."""
        return ((host(states) - self.center) @ self.directions.T).numpy()

    def seen(self, vectors: Tensor) -> np.ndarray:
        """How unit vectors [k, n] are seen: [k, d], of length 1 at most, shorter the more they leave the picture."""
        return (host(vectors) @ self.directions.T / torch.linalg.matrix_norm(self.directions, ord=2)).numpy()

    @property
    def isometric(self) -> bool:
        """Whether a step of 1 is equally long on all axes: of principal components and units, not of any directions."""
        shown = self.directions[self.directions.any(dim=1)]
        return bool((shown @ shown.T - torch.eye(len(shown), dtype=shown.dtype)).abs().max() <= _SAME_LENGTH)


_shown: WeakKeyDictionary[Axes, Projection] = WeakKeyDictionary()
"""What each axis shows, for what is drawn on it next."""


def projection_for(
    ax: Axes | None,
    onto: Onto | None,
    paths: list[Tensor],
    parts: list[Tensor],
    n: int,
    dimensions: int,
    *,
    fitted: bool,
) -> Projection:
    """Onto what is given as ``onto``; else onto those that ``ax`` shows already; else onto the best.

    That are the principal components of trajectories ``paths`` [batch, time, n] if there are any, else those of states
    ``parts``; but all units where there are no more than dimensions, unless it is to be ``fitted`` to these.

    Raises:
        ValueError: for units or directions that do not fit, or others than what was drawn on ``ax`` before.
    """
    before = _shown.get(ax) if isinstance(ax, Axes) and ax.has_data() else None
    if before is not None and before.directions.shape != (dimensions, n):
        d, m = before.directions.shape
        raise ArgumentError("ax", f"shows {d} directions of states of size {m}, got {dimensions} of states of size {n}")
    if onto is not None and fitted:
        raise ArgumentError("fitted_on", "chooses principal components, and onto other directions: give one of them")
    if onto is None and not fitted:
        if before is not None:
            return before
        if not paths and 1 < n <= dimensions:
            return _onto_units(n, dimensions)
    given = principal(paths or parts, dimensions) if onto is None else onto_given(onto, n, dimensions)
    if before is not None and not (
        torch.equal(before.directions, given.directions) and torch.equal(before.center, given.center)
    ):
        name = "fitted_on" if fitted else "onto"
        raise ArgumentError(
            "ax", f"shows other directions ({', '.join(before.labels)}): leave {name} out, or use another ax"
        )
    return given


def remember(ax: Axes, projection: Projection) -> None:
    """That ``ax`` shows ``projection``."""
    _shown[ax] = projection


def onto_given(onto: Onto, n: int, dimensions: int) -> Projection:
    """Onto given units, or directions [dimensions, n] as they are: neither centred nor made orthogonal."""
    names = list(map(str, onto)) if isinstance(onto, Mapping) else None
    if isinstance(onto, Mapping):
        rows = torch.stack([_direction(row, f"onto[{name!r}]", n) for name, row in onto.items()] or [torch.empty(0)])
    elif _are_units(onto):
        rows = torch.stack([_direction(unit, "onto", n) for unit in onto])
    else:
        rows = as_tensor(onto, "onto", dtype=torch.float64, device=torch.device("cpu"))
    if rows.shape != (dimensions, n):
        raise ArgumentError(
            "onto",
            f"must have shape [{dimensions}, {n}] for dimensions={dimensions} and states of size {n}, or be"
            f" {dimensions} units, got {list(rows.shape)}",
        )
    if not rows.any():
        raise ArgumentError("onto", "must not all be zero")
    labels = names or [_name(row, number) for number, row in enumerate(rows)]
    return Projection(torch.zeros(n, dtype=torch.float64), rows, tuple(labels))


def _are_units(onto: Any) -> bool:
    """Whether these are numbers of units rather than directions."""
    if isinstance(onto, Tensor | np.ndarray):
        whole = not (onto.is_floating_point() if isinstance(onto, Tensor) else onto.dtype.kind not in "iu")
        return onto.ndim == 1 and whole
    return isinstance(onto, Sequence) and len(onto) > 0 and all(isinstance(unit, Integral) for unit in onto)


def _direction(value: Any, name: str, n: int) -> Tensor:
    """A direction [n], given as such or as the number of a unit."""
    row = as_tensor(value, name, dtype=torch.float64, device=torch.device("cpu"))
    if row.ndim == 0:
        unit = float(row)
        if isinstance(value, bool) or not unit.is_integer() or not -n <= unit < n:
            raise ArgumentError(name, f"must be units from 0 to {n - 1}, or directions [{n}], got {value}")
        return torch.eye(n, dtype=torch.float64)[int(unit)]
    if row.shape != (n,):
        raise ArgumentError(name, f"must be a unit's number or a direction [{n}], got {list(row.shape)}")
    return row


def _name(row: Tensor, number: int) -> str:
    """A single unit by its number, another direction by its place."""
    unit = int(row.argmax())
    alone = row[unit] == 1 and int(row.count_nonzero()) == 1
    return _unit_name(unit) if alone else f"projection on direction {number}"


def _unit_name(unit: int) -> str:
    return f"unit {unit}"


def _onto_units(n: int, dimensions: int) -> Projection:
    units = torch.eye(n, dtype=torch.float64)[:dimensions]
    return Projection(torch.zeros(n, dtype=torch.float64), units, tuple(map(_unit_name, range(dimensions))))


def principal(parts: list[Tensor], dimensions: int) -> Projection:
    """Onto the principal components of states [..., n]; where they do not vary, onto the first units."""
    rows = torch.cat([host(part).flatten(0, -2) for part in parts])
    n = rows.shape[1]
    if n == 1:
        line = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
        return Projection(torch.zeros(1, dtype=torch.float64), line, ("state", ""))
    center = rows.mean(dim=0) if len(rows) else torch.zeros(n, dtype=torch.float64)
    centred = rows - center
    variances, vectors = torch.linalg.eigh(centred.T @ centred)
    total = float(variances.clamp(min=0).sum())
    if total <= 1e-24 * max(1.0, float(rows.square().sum())):
        return _onto_units(n, dimensions)
    components = vectors.T.flip(0)[:dimensions]
    # The sign is arbitrary; fixed, so that the same result gives the same picture.
    largest = components.gather(1, components.abs().argmax(dim=1, keepdim=True))
    shares = variances.flip(0)[:dimensions].clamp(min=0) / total
    labels = tuple(f"PC {k + 1} ({100 * share:.0f} %)" for k, share in enumerate(shares.tolist()))
    return Projection(center, components * largest.sign(), labels)


def host(states: Tensor) -> Tensor:
    """States as they are drawn: in float64, where NumPy finds them."""
    return states.detach().double().cpu()
