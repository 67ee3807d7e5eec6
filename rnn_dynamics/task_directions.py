"""Directions of states along which task variables are told: targeted dimensionality reduction."""

from collections.abc import Mapping

import torch
from torch import Tensor

from .checks import ArgumentError, ArrayLike, Count, as_tensor, checked

_ZERO = 1e-10
"""A direction that is shorter, as a share of the states, or of itself before the others were taken out, is none."""


@checked
def targeted_directions(
    states: ArrayLike, variables: Mapping[str, ArrayLike], *, components: Count | None = None
) -> dict[str, Tensor]:
    """One orthonormal direction for each task variable, by regression of the states on all of them at once.

    At each time t, over trials k, by least squares::

        h_t(k) = beta_t,0 + sum over v of beta_t,v x_v(k) + rest

    For each variable v the beta_t,v of the largest norm over t is taken, and QR makes them orthonormal in the order
    given: each direction keeps what of its beta is not in those before it, and points where its variable grows. As
    published, but for states that are not z-scored, as all units of a network have one scale.

    Args:
        states: [trials, n], or [trials, time, n].
        variables: for each name its values, [trials], such as choice, coherence and context; for a product of two, such
            as coherence x context, give that as another one.
        components: project the betas on so many principal components of the states first, which takes noise away (12
            as published); by default on none, as the states of a network without noise have none.

    Returns:
        For each name its direction, [n], float64: what ``onto=`` of plots takes, together with others such as
        ``{"readout": weights}``.

    Raises:
        ValueError: for values that do not fit the trials, do not vary or follow from one another; for a variable on
            which the states do not depend, or do so only along the directions of those before it.

    Source: Mante et al. 2013, doi:10.1038/nature12742, supplementary information.
    """
    where = {"dtype": torch.float64, "device": torch.device("cpu")}
    rows = as_tensor(states, "states", **where)
    if rows.ndim not in (2, 3) or 0 in rows.shape:
        raise ArgumentError("states", f"must have shape [trials, n] or [trials, time, n], got {list(rows.shape)}")
    rows = rows.reshape(len(rows), -1, rows.shape[-1])
    trials, times, n = rows.shape
    slopes = torch.linalg.lstsq(_design(variables, trials, n), rows.flatten(1), driver="gelsd").solution[1:]
    betas = slopes.reshape(len(variables), times, n)
    centred = rows - rows.mean(dim=0)
    if components is not None:
        betas = betas @ _projector((rows - rows.mean(dim=(0, 1))).reshape(-1, n), components)
    largest = betas[range(len(betas)), betas.norm(dim=2).argmax(dim=1)]  # [v, n]
    size = float(centred.norm(dim=2).max())
    # A variable in another unit has another beta: what counts is how far it moves the states.
    spans = torch.stack([_values(values, name, trials).std() for name, values in variables.items()])
    directions, triangle = torch.linalg.qr(largest.T)
    for name, beta, span, left in zip(variables, largest, spans, triangle.diagonal().abs(), strict=True):
        if float(beta.norm() * span) <= _ZERO * size or size == 0:
            raise ArgumentError("variables", f"must be ones on which the states depend: they do not on {name!r}")
        if float(left) <= _ZERO * float(beta.norm()):
            raise ArgumentError(
                "variables", f"must move the states along directions of their own: {name!r} does so along those before"
            )
    return dict(zip(variables, directions.T * triangle.diagonal().sign()[:, None], strict=True))


def _design(variables: Mapping[str, ArrayLike], trials: int, n: int) -> Tensor:
    """The regressors, [trials, 1 + v], the constant first."""
    if not 0 < len(variables) <= n:
        raise ArgumentError("variables", f"must be 1 to {n}, as many as states have coordinates, got {len(variables)}")
    columns = [_values(values, name, trials) for name, values in variables.items()]
    design = torch.stack([torch.ones(trials, dtype=torch.float64), *columns], dim=1)
    scaled = design / design.norm(dim=0).clamp(min=torch.finfo(torch.float64).tiny)
    rank = int(torch.linalg.matrix_rank(scaled, rtol=_ZERO))
    if rank < design.shape[1]:
        raise ArgumentError(
            "variables",
            f"must vary over the trials and not follow from one another: {len(variables)} and a constant have rank"
            f" {rank} over {trials} trials",
        )
    return design


def _values(values: ArrayLike, name: str, trials: int) -> Tensor:
    row = as_tensor(values, f"variables[{name!r}]", dtype=torch.float64, device=torch.device("cpu"))
    if row.shape != (trials,):
        raise ArgumentError(f"variables[{name!r}]", f"must have shape [{trials}], one a trial, got {list(row.shape)}")
    return row


def _projector(centred: Tensor, components: int) -> Tensor:
    """Onto the leading principal components of ``centred`` [k, n]: [n, n]."""
    leading = torch.linalg.svd(centred, full_matrices=False).Vh[:components]
    return leading.T @ leading
