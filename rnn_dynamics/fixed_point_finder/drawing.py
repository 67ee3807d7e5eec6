"""Fixed points of FixedPointFinder's tables drawn in this library's style, by its arguments."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
from torch import Tensor

from ..checks import ArgumentError, CheckedInside, checked
from ..tables import chosen_rows
from .native import as_native
from .network import States, side_by_side
from .points import FixedPoints

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@checked
def plot_fps(
    fps: FixedPoints,
    state_traj: States | None = None,
    plot_batch_idx: Annotated[Sequence[int] | None, CheckedInside()] = None,
    plot_start_time: int = 0,
    plot_stop_time: int | None = None,
    mode_scale: float = 0.25,
    fig: Annotated[Any, CheckedInside()] = None,
) -> "Figure":
    """Draw fixed points by kind, their unstable modes and trajectories, on three principal components.

    The components are those of all trajectories if there are any, else of the points. States of two units are drawn as
    they are, of one along a line. A mode is a segment from x - s |lambda| v to x + s |lambda| v, with s ``mode_scale``;
    of a complex pair there are two, which span its plane.

    Args:
        fps: the points; those without eigenvalues are drawn as small dots.
        state_traj: trajectories [batch, time, n_states]; of an LSTM h and c side by side, or a pair (h, c). Or what
            torch's module returns of a run, h of its last layer: then that is all that is drawn.
        plot_batch_idx: which of them to draw; all by default.
        plot_start_time, plot_stop_time: from where to where in time; all by default.
        mode_scale: s, 0 or positive.
        fig: an empty matplotlib figure to draw in; a new one by default.

    Returns:
        The figure. It is not shown, nor is matplotlib's interactive mode switched on.

    Raises:
        ValueError: for shapes that do not fit, or a negative scale.
    """
    from ..plotting import figure, plot_fixed_points

    if fps.xstar is None:
        raise ArgumentError("fps", "must hold xstar, got None")
    if not mode_scale >= 0:
        raise ArgumentError("mode_scale", f"must be 0 or positive, got {mode_scale}")
    if fig is not None and not hasattr(fig, "add_subplot"):
        raise ArgumentError("fig", f"must be a matplotlib figure, got {type(fig).__name__}")
    states = torch.from_numpy(np.asarray(fps.xstar, dtype=float))
    shown = slice(0, states.shape[1])
    paths = torch.empty(0, 0, states.shape[1], dtype=torch.float64)
    if state_traj is not None:
        paths, shown = _paths(state_traj, fps)
    states = states[:, shown]
    axes, center = _axes(paths if paths.numel() else states)
    known = np.zeros(len(fps), dtype=bool)
    if (values := fps.eigval_J_xstar) is not None:
        known[:] = np.isfinite(values).all(axis=1)
    dimensions = len(axes)
    projection = "3d" if dimensions == 3 else None
    fig, ax = figure(projection=projection) if fig is None else (fig, fig.add_subplot(projection=projection))
    chosen = _chosen(paths, plot_batch_idx, slice(max(plot_start_time, 0), plot_stop_time))
    plot_fixed_points(
        as_native(fps, known, states[torch.from_numpy(known)] - center, shown),
        chosen - center if chosen.numel() else None,
        ax,
        onto=axes,
        dimensions=dimensions,
        directions=float(mode_scale),
    )
    rest = (states[torch.from_numpy(~known)] - center) @ torch.tensor(np.array(list(axes.values()))).T
    if len(rest):
        ax.plot(*rest.T.numpy(), "k.", label=f"not analysed ({len(rest)})")
    return fig


def _paths(state_traj: States, fps: FixedPoints) -> tuple[Tensor, slice]:
    """Trajectories [batch, time, d], and which d coordinates of a state they are: all, or the output of the module."""
    paths, n = side_by_side(state_traj, "state_traj"), fps.n_states or 0
    begin, end = fps.output or (0, n)
    if paths.ndim == 3 and 0 not in paths.shape:
        for part in (slice(0, n), slice(begin, end)):
            if paths.shape[2] == part.stop - part.start:
                return paths, part
    or_output = f", or {end - begin} of the module's output" if fps.output else ""
    raise ArgumentError("state_traj", f"must have shape [batch, time, {n}]{or_output}, got {list(paths.shape)}")


def _chosen(paths: Tensor, batch: Sequence[int] | None, time: slice) -> Tensor:
    if not paths.numel():
        return paths
    rows = (
        list(range(len(paths))) if batch is None else chosen_rows(batch, len(paths), "plot_batch_idx", "trajectories")
    )
    return paths[rows][:, time]


def _axes(rows: Tensor) -> tuple[dict[str, np.ndarray[Any, Any]], Tensor]:
    """What to draw states [..., d] on, by name, and the point in the middle: principal components, largest first."""
    flat = rows.reshape(-1, rows.shape[-1])
    d = flat.shape[1]
    if d == 1:
        return {"state": np.ones(1), "": np.zeros(1)}, torch.zeros(1, dtype=flat.dtype)
    if d == 2:
        return {"unit 0": np.array([1.0, 0.0]), "unit 1": np.array([0.0, 1.0])}, torch.zeros(2, dtype=flat.dtype)
    center = flat.mean(dim=0) if len(flat) else flat.new_zeros(d)
    variances, vectors = torch.linalg.eigh((flat - center).T @ (flat - center))
    leading = vectors.T.flip(0)[:3]
    leading = leading * leading.gather(1, leading.abs().argmax(dim=1, keepdim=True)).sign()
    shares = (variances.clamp(min=0) / variances.clamp(min=0).sum().clamp(min=1e-300)).flip(0)[:3]
    names = [f"PC {row + 1} ({100 * share:.0f} %)" for row, share in enumerate(shares.tolist())]
    return dict(zip(names, leading.numpy(), strict=True)), center
