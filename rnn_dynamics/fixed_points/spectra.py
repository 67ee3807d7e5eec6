"""DF at many states, within the memory budget: eigenvalues, leading modes, and what the input does there."""

import torch
from torch import Tensor

from ..stability import Spectrum, spectrum
from ..systems import AutonomousMap

_MODES = 32
"""Eigenvectors kept per state; all of them up to 32 units."""


def eigenvalues_of(system: AutonomousMap, states: Tensor, memory_budget: int) -> Tensor:
    """Of DF at states [k, n], on the host: [k, n], complex, by falling modulus."""
    parts = [system.linearize(states[part])[1].eigenvalues() for part in system.chunks(len(states), memory_budget)]
    if not parts:
        return torch.empty(0, system.state_size, dtype=torch.complex128)
    return torch.cat(parts).cpu().to(torch.complex128)


def modes_of(system: AutonomousMap, states: Tensor, memory_budget: int) -> Spectrum:
    """Eigenvalues and the leading eigenvectors of DF at states [k, n]."""
    n, m = system.state_size, min(system.state_size, _MODES)
    parts = [Spectrum.empty(n, m)]
    for part in system.chunks(len(states), memory_budget):
        parts.append(spectrum(system.linearize(states[part])[1].dense(), m))
    return Spectrum.cat(parts)


def input_jacobians_of(system: AutonomousMap, states: Tensor, memory_budget: int) -> Tensor | None:
    """dF/dx at states [k, n]: [k, n, m]; None for a map without input, or no states."""
    parts = [system.input_jacobian(states[part]) for part in system.chunks(len(states), memory_budget)]
    known = [part for part in parts if part is not None]
    return torch.cat(known) if known else None
