"""From the fixed points of a reduced map to those of the whole one."""

from dataclasses import replace

import torch
from torch import Tensor

from ..roots import residual_norms
from ..stability import kinds, n_unstable
from ..systems import AutonomousMap, Reduction, ranks
from .continua import Continuum, transverse_radii
from .results import FixedPoints
from .slow import described
from .slow_table import SlowPoints
from .spectra import input_jacobians_of, modes_kept


def lifted(
    small: FixedPoints,
    reduction: Reduction,
    system: AutonomousMap,
    units: Tensor,
    memory_budget: int,
    modes: int | None,
) -> FixedPoints:
    """The points of ``system`` that those of ``reduction.system`` stand for, with spectra of the whole map.

    What the search says of starts, hits and missing points holds for both: fixed points correspond one to one, and the
    other eigenvalues, 1 - alpha, change no index.
    """
    tolerance = small.marginal_tolerance
    states = reduction.lift(small.states)
    n = system.state_size
    spectrum = reduction.spectrum(states, modes_kept(len(states), n, modes))
    unstable, coordinates = n_unstable(spectrum.eigenvalues, tolerance), ranks(states, units)
    order = torch.tensor(
        sorted(range(len(states)), key=lambda row: (int(unstable[row]), coordinates[row])), dtype=torch.long
    )
    states = states[order.to(states.device)]
    place = torch.full((len(states) + 1,), -1)  # one more, which -1 points at
    place[order] = torch.arange(len(states))
    eigenvalues = spectrum.eigenvalues[order]
    where = f"searched in {small.states.shape[1]} dimensions instead of {n}, which is exact"
    return replace(
        small,
        states=states,
        residuals=residual_norms(system, states),
        eigenvalues=eigenvalues,
        right_eigenvectors=spectrum.right_eigenvectors[order],
        left_eigenvectors=spectrum.left_eigenvectors[order],
        input_jacobians=input_jacobians_of(system, states, memory_budget),
        kinds=kinds(eigenvalues, tolerance, _kinked(small.kinds)[order]),
        hits=small.hits[order],
        origins=tuple(small.origins[row] for row in order.tolist()),
        labels=place[small.labels],
        slow=_slow(small.slow, reduction, system, memory_budget, modes),
        continua=tuple(_continuum(one, reduction, system, memory_budget) for one in small.continua),
        completeness=replace(small.completeness, reason=f"{small.completeness.reason}; {where}"),
    )


def _slow(
    small: SlowPoints, reduction: Reduction, system: AutonomousMap, memory_budget: int, modes: int | None
) -> SlowPoints:
    states = reduction.lift(small.states)
    speeds = residual_norms(system, states)
    near = int(small.analysed.sum())  # the slowest, so the first
    spectrum = reduction.spectrum(states[:near], modes_kept(near, system.state_size, modes))
    nearest = (spectrum.eigenvalues - 1).abs().argmin(dim=-1) if near else small.drift_modes[:0]
    drifts = torch.where(small.drift_modes[:near] >= 0, nearest, -1)
    kinked, tolerance = _kinked(small.kinds[:near]), small.marginal_tolerance
    return described(system, states, speeds, small.hits, spectrum, drifts, kinked, memory_budget, tolerance)


def _kinked(names: tuple[str, ...]) -> Tensor:
    """Where the small map has a kink, which the whole one has too."""
    return torch.tensor([name.endswith("kink") for name in names], dtype=torch.bool)


def _continuum(small: Continuum, reduction: Reduction, system: AutonomousMap, memory_budget: int) -> Continuum:
    states = reduction.lift(small.states)
    crossings = None if small.crossings is None else reduction.lift(small.crossings)
    if reduction.rest is None or small.transverse is None:
        across = transverse_radii(system, states, small.dimension, memory_budget)
    else:
        across = small.transverse.clamp(min=abs(reduction.rest))
    speeds = residual_norms(system, states)
    return replace(small, states=states, speeds=speeds, transverse=across, crossings=crossings)
