"""DF at many states, within the memory budget: eigenvalues, leading modes, and what the input does there."""

import torch
from torch import Tensor

from ..stability import Spectrum, spectrum
from ..systems import AutonomousMap

_MODES, _VECTORS = 32, 32 * 2**20
"""Eigenvectors kept per state where all of them, of all states, would take more than these bytes: so much a result may
hold and a file of it be. 27 points of 512 units have 226 MB of them, 14 MB with 32; 100 of 100 units keep all."""


def eigenvalues_of(system: AutonomousMap, states: Tensor, memory_budget: int) -> Tensor:
    """Of DF at states [k, n], on the host: [k, n], complex, by falling modulus."""
    parts = [system.linearize(states[part])[1].eigenvalues() for part in system.chunks(len(states), memory_budget)]
    if not parts:
        return torch.empty(0, system.state_size, dtype=torch.complex128)
    return torch.cat(parts).cpu().to(torch.complex128)


def modes_of(system: AutonomousMap, states: Tensor, memory_budget: int, modes: int | None = None) -> Spectrum:
    """Eigenvalues and the ``modes`` leading eigenvectors of DF at states [k, n]; by default all where memory allows."""
    n = system.state_size
    m = modes_kept(len(states), n, modes)
    parts = [Spectrum.empty(n, m)]
    for part in system.chunks(len(states), memory_budget):
        parts.append(spectrum(system.linearize(states[part])[1].dense(), m))
    return Spectrum.cat(parts)


def modes_kept(points: int, n: int, modes: int | None) -> int:
    """How many eigenvectors of each of some points with n units are kept."""
    if modes is None:
        modes = n if 2 * points * n**2 * torch.complex128.itemsize <= _VECTORS else _MODES
    return min(n, modes)


def input_jacobians_of(system: AutonomousMap, states: Tensor, memory_budget: int) -> Tensor | None:
    """dF/dx at states [k, n]: [k, n, m]; None for a map without input, or no states."""
    parts = [system.input_jacobian(states[part]) for part in system.chunks(len(states), memory_budget)]
    known = [part for part in parts if part is not None]
    return torch.cat(known) if known else None
