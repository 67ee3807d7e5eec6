"""From states in n dimensions to two or three that can be drawn."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import ArrayLike, as_tensor


@dataclass(frozen=True, eq=False)
class Projection:
    """The linear map states -> (states - center) axes^T."""

    center: Tensor
    """[n]."""

    axes: Tensor
    """[d, n]."""

    labels: tuple[str, ...]
    """What each drawn axis shows."""

    def __call__(self, states: Tensor) -> np.ndarray:
        """Where states [..., n] are drawn: [..., d]."""
        return ((_host(states) - self.center) @ self.axes.T).numpy()

    def directions(self, vectors: Tensor) -> np.ndarray:
        """How unit vectors [k, n] are seen: [k, d], of length 1 at most, shorter the more they leave the picture."""
        return (_host(vectors) @ self.axes.T / torch.linalg.matrix_norm(self.axes, ord=2)).numpy()


def onto_axes(axes: ArrayLike, n: int, dimensions: int) -> Projection:
    """Onto given directions [dimensions, n], as they are: neither centred nor made orthogonal."""
    rows = as_tensor(axes, "axes", dtype=torch.float64, device=torch.device("cpu"))
    if rows.shape != (dimensions, n):
        raise ValueError(
            f"axes must have shape [{dimensions}, {n}] for dimensions={dimensions} and states of size {n},"
            f" got {list(rows.shape)}"
        )
    if not rows.any():
        raise ValueError("axes must not all be zero")
    return Projection(torch.zeros(n, dtype=torch.float64), rows, tuple(f"axis {k + 1}" for k in range(dimensions)))


def principal(parts: list[Tensor], dimensions: int) -> Projection:
    """Onto the principal components of states [..., n]; where they do not vary, onto the first units."""
    rows = torch.cat([_host(part).flatten(0, -2) for part in parts])
    n = rows.shape[1]
    if n == 1:
        line = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
        return Projection(torch.zeros(1, dtype=torch.float64), line, ("state", ""))
    center = rows.mean(dim=0) if len(rows) else torch.zeros(n, dtype=torch.float64)
    centred = rows - center
    variances, vectors = torch.linalg.eigh(centred.T @ centred)
    total = float(variances.clamp(min=0).sum())
    if total <= 1e-24 * max(1.0, float(rows.square().sum())):
        units = torch.eye(n, dtype=torch.float64)[:dimensions]
        return Projection(torch.zeros_like(center), units, tuple(f"state of unit {k + 1}" for k in range(dimensions)))
    axes = vectors.T.flip(0)[:dimensions]
    # The sign is arbitrary; fixed, so that the same result gives the same picture.
    largest = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True))
    shares = variances.flip(0)[:dimensions].clamp(min=0) / total
    labels = tuple(f"PC {k + 1} ({100 * share:.0f} %)" for k, share in enumerate(shares.tolist()))
    return Projection(center, axes * largest.sign(), labels)


def _host(states: Tensor) -> Tensor:
    return states.detach().double().cpu()
