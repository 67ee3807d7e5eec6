"""Lyapunov exponents of a map, with their errors, and what follows from them."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, Size, as_tensor, checked, require_positive
from ..linear_algebra import without_tf32
from ..progress import Progress
from ..results import Noted
from ..store import storable
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, DrivenMap, require_network, require_system
from ..tables import Table
from .tangents import carry_driven_tangents, carry_tangents, random_tangents

if TYPE_CHECKING:
    import pandas as pd

_PARTS = 16
"""Blocks whose means give the standard error; each must be long against the correlations of the growth rates."""


@storable
@dataclass(frozen=True, eq=False)
class LyapunovSpectrum(Table, Noted, whole=("n", "steps", "notes")):
    """The leading Lyapunov exponents of k orbits, by falling value, in nats per step."""

    _dimensions: ClassVar = dict.fromkeys(("exponents", "errors", "weighted"), ("row", "number"))

    exponents: Tensor
    """Means of ln |growth| over the orbit, [k, q]."""

    errors: Tensor
    """Their standard errors, from the scatter of 16 block means, [k, q]."""

    weighted: Tensor
    """The same by weighted Birkhoff averages, [k, q]: on a smooth invariant circle they converge faster than any power
    of the number of steps, so that a zero can be told from a small positive exponent
    (Sander and Meiss 2020, doi:10.1016/j.physd.2020.132569)."""

    n: int
    """The dimension of the state; q = n is the whole spectrum."""

    steps: int

    @property
    def kaplan_yorke_dimensions(self) -> Tensor:
        """Of each orbit, [k]; NaN where the q exponents do not reach far enough to tell."""
        return torch.stack([kaplan_yorke_dimension(row, self.n) for row in self.exponents])

    def to_pandas(self) -> "pd.DataFrame":
        """One row per orbit and exponent."""
        import pandas as pd

        k, q = self.exponents.shape
        columns = {"exponent": self.exponents, "error": self.errors, "weighted": self.weighted}
        return pd.DataFrame(
            {
                "orbit": torch.arange(k).repeat_interleave(q).numpy(),
                "number": torch.arange(q).repeat(k).numpy(),
                **{name: values.flatten().numpy() for name, values in columns.items()},
            }
        )

    def summary(self) -> str:
        """One line: of how many orbits, and the leading exponents of the first eight."""
        leading = zip(self.exponents[:8, 0].tolist(), self.errors[:8, 0].tolist(), strict=True)
        listed = ", ".join(f"{value:.4g} ± {error:.1g}" for value, error in leading)
        text = f"Lyapunov exponents per step of {self._counted('orbit')}, {self.steps:,} steps"
        return text + (f"; the leading: {listed}" if listed else "") + ", ..." * (len(self) > 8)


@checked
def kaplan_yorke_dimension(exponents: Tensor, n: Size | None = None) -> Tensor:
    """D = j + (lambda_1 + ... + lambda_j) / |lambda_(j+1)|, j the last for which the sum is not negative.

    Args:
        exponents: [q], falling.
        n: the dimension of the state, if q is fewer: D is NaN where the sum of all q is still positive and q < n.

    Source: Kaplan and Yorke 1979, doi:10.1007/BFb0064319.
    """
    if exponents.ndim != 1 or not len(exponents) or not exponents.is_floating_point():
        raise ArgumentError("exponents", f"must be numbers [q], got {exponents.dtype} {list(exponents.shape)}")
    sums = exponents.cumsum(dim=0)
    held = int((sums >= 0).long().cumprod(dim=0).sum())
    if held == len(exponents):
        return exponents.new_tensor(float(held) if n in (None, held) else torch.nan)
    return (sums[held - 1] if held else exponents.new_zeros(())) / exponents[held].abs() + held


@checked
def lyapunov_spectrum(
    system: AutonomousMap,
    start: ArrayLike,
    k: int | None = None,
    steps: Size = 10_000,
    *,
    transient: Size = 1000,
    every: Size = 1,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> LyapunovSpectrum:
    """Estimate the k leading Lyapunov exponents along the orbit of each start.

    k tangent vectors are carried along, DF v, and made orthonormal by QR; the exponents are the mean logarithms of
    R's diagonal.

    Args:
        system: the map.
        start: [n], or [r, n] for r orbits at once.
        k: how many; all n by default. Work per step grows as k n^2, memory as n^2 per orbit.
        steps: over which the mean is taken. The error of a chaotic exponent falls as 1 / sqrt(steps).
        transient: steps before, in which the orbit reaches its attractor and the tangent vectors turn to their
            directions.
        every: steps between two QR factorisations; 1 is safe, a few are cheaper where no exponent is large.
        memory_budget: bytes for Jacobians at a time.
        seed: of the first tangent vectors.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        A row per orbit, with standard errors. An orbit that leaves every bound gives NaN.

    Raises:
        ValueError: for starts of the wrong shape, k outside 1..n, or numbers of steps that are not positive.

    Source: Benettin et al. 1980, doi:10.1007/BF02128236.
    """
    require_system(system)
    states = system.as_states(start, "start")
    n = system.state_size
    k = n if k is None else k
    if not 1 <= k <= n:
        raise ArgumentError("k", f"must lie in 1..{n}, the dimension of the state, got {k}")
    require_positive(steps=steps, every=every, memory_budget=memory_budget)
    if transient < 0:
        raise ArgumentError("transient", f"must be 0 or more, got {transient}")
    tangents = random_tangents(states, k, seed)
    bar = Progress("Lyapunov exponents", progress, total=transient + steps, unit="step")
    with torch.no_grad(), without_tf32(system.device, system.dtype), bar:
        path, tangents, _ = carry_tangents(system, states, tangents, transient, every, memory_budget, bar)
        states = path[-1] if transient else states
        growth = carry_tangents(system, states, tangents, steps, every, memory_budget, bar)[2]
    return replace(spectrum_of(growth, n, steps), notes=system.notes)


@checked
def finite_time_exponents(
    network: DrivenMap,
    inputs: ArrayLike,
    state: ArrayLike | None = None,
    k: int | None = None,
    *,
    seed: int = 0,
    progress: bool | None = None,
) -> LyapunovSpectrum:
    """The k leading finite-time Lyapunov exponents along driven trajectories h_t = F(h_(t-1), x_t).

    A negative leading exponent means that the response to this sequence forgets where it started.

    Args:
        network: the driven map.
        inputs: [batch, time, m] (or [time, m]).
        state: the first states [batch, n] (or [n]); zeros by default.
        k: how many; all n by default.
        seed: of the first tangent vectors.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        A row per sequence; with fewer than 16 steps the errors are NaN.

    Raises:
        ValueError: for shapes that do not fit.
    """
    require_network(network)
    frozen = network.frozen(torch.float64)
    where = {"dtype": torch.float64, "device": network.device}
    sequences = as_tensor(inputs, "inputs", **where)
    sequences = sequences.unsqueeze(0) if sequences.ndim == 2 else sequences
    if sequences.ndim != 3 or sequences.shape[2] != network.input_size or 0 in sequences.shape[:2]:
        raise ArgumentError(
            "inputs", f"must have shape [batch, time, {network.input_size}], got {list(sequences.shape)}"
        )
    n, batch = network.state_size, len(sequences)
    first = sequences.new_zeros(batch, n) if state is None else as_tensor(state, "state", **where)
    first = first.expand(batch, n) if first.shape == (n,) else first
    if first.shape != (batch, n):
        raise ArgumentError("state", f"must have shape [{batch}, {n}], got {list(first.shape)}")
    k = n if k is None else k
    if not 1 <= k <= n:
        raise ArgumentError("k", f"must lie in 1..{n}, the dimension of the state, got {k}")
    tangents = random_tangents(first, k, seed)
    with torch.no_grad(), Progress("finite-time exponents", progress, total=sequences.shape[1], unit="step") as bar:
        growth = carry_driven_tangents(frozen, sequences.transpose(0, 1), first, tangents, bar)
    return replace(spectrum_of(growth, n, sequences.shape[1]), notes=network.notes)


def spectrum_of(growth: Tensor, n: int, steps: int) -> LyapunovSpectrum:
    """Means, block errors and weighted means of growth rates [t, r, k]."""
    growth = growth.cpu()
    order = growth.mean(dim=0).nan_to_num(-torch.inf).argsort(dim=-1, descending=True, stable=True)
    growth = growth.gather(-1, order.expand_as(growth))
    length = len(growth) // _PARTS
    if length:
        means = growth[: length * _PARTS].unflatten(0, (_PARTS, length)).mean(dim=1)
        errors = means.std(dim=0) / _PARTS**0.5
    else:
        errors = torch.full_like(growth[0], torch.nan)
    weights = birkhoff_weights(len(growth)).to(growth)
    weighted = torch.einsum("t,trk->rk", weights, growth)
    return LyapunovSpectrum(growth.mean(dim=0), errors, weighted, n, steps)


def birkhoff_weights(count: int) -> Tensor:
    """The bump exp(-1 / (u (1 - u))) at ``count`` times u in (0, 1), scaled to sum 1."""
    u = (np.arange(count) + 0.5) / count
    bump = np.exp(-1.0 / (u * (1 - u)) + 4.0)
    return torch.from_numpy(bump / bump.sum())
