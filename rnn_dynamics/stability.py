"""What the eigenvalues of the Jacobian DF say about a fixed point of h' = F(h)."""

from dataclasses import dataclass, fields

import numpy as np
import scipy
import torch
from torch import Tensor

MARGINAL_TOLERANCE = 1e-6
"""How near to 1 a modulus may be before stability is left undecided: what an error of 1e-12 in the state can shift an
eigenvalue by when it is as ill-conditioned as 1e6."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues and leading modes of k Jacobians, by falling modulus."""

    eigenvalues: Tensor
    """[k, n], complex."""

    right_eigenvectors: Tensor
    """[k, n, m], complex, columns of norm 1: DF v = lambda v for the m leading eigenvalues."""

    left_eigenvectors: Tensor
    """[k, n, m], complex, columns scaled so that w^H v = 1: w^H DF = lambda w^H."""

    @classmethod
    def empty(cls, n: int, n_modes: int) -> "Spectrum":
        """No rows."""
        vectors = torch.empty(0, n, n_modes, dtype=torch.complex128)
        return cls(torch.empty(0, n, dtype=torch.complex128), vectors, vectors)

    @classmethod
    def cat(cls, parts: list["Spectrum"]) -> "Spectrum":
        """The rows of all ``parts``."""
        return cls(*(torch.cat([getattr(part, f.name) for part in parts]) for f in fields(cls)))


def spectrum(jacobians: Tensor, n_modes: int) -> Spectrum:
    """Eigenvalues of all, eigenvectors of the ``n_modes`` leading modes, of Jacobians [k, n, n].

    Computed on the host by LAPACK, one matrix at a time: fixed points are few, and left eigenvectors from the same
    factorisation stay right where inverting the right ones would not.
    """
    values, rights, lefts = [], [], []
    for matrix in jacobians.double().cpu().numpy():
        value, left, right = scipy.linalg.eig(matrix, left=True, right=True)
        order = np.argsort(-np.abs(value), kind="stable")
        left, right = left[:, order[:n_modes]], right[:, order[:n_modes]]
        overlap = np.sum(left.conj() * right, axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            lefts.append(left / overlap.conj())  # infinite for a defective eigenvalue, which has no such pair
        values.append(value[order])
        rights.append(right)
    return Spectrum(*(torch.from_numpy(np.stack(part).astype(np.complex128)) for part in (values, rights, lefts)))


def n_unstable(eigenvalues: Tensor, tolerance: float = MARGINAL_TOLERANCE) -> Tensor:
    """How many of the eigenvalues [..., n] lie outside the unit circle, |lambda| > 1 + tolerance, [...]."""
    return (eigenvalues.abs() > 1 + tolerance).sum(dim=-1)


def attracts(eigenvalues: Tensor, tolerance: float = MARGINAL_TOLERANCE) -> Tensor:
    """Whether all of the eigenvalues [..., n] lie inside, |lambda| < 1 - tolerance, [...]."""
    return (eigenvalues.abs() < 1 - tolerance).all(dim=-1)


def kinds(eigenvalues: Tensor, tolerance: float = MARGINAL_TOLERANCE, on_kink: Tensor | None = None) -> tuple[str, ...]:
    """The kind of each fixed point from its eigenvalues [k, n], sorted by falling modulus.

    "stable": all |lambda| < 1; "unstable": all > 1; "saddle": some of each; "marginal": one within ``tolerance`` of 1.
    Then the shape of the leading mode: "node" (real, positive), "focus" (complex pair), "flip" (real, negative). A
    saddle with a real, positive leading eigenvalue is just a "saddle": "saddle node" names a bifurcation. A point where
    DF jumps (``on_kink``, [k]: a ReLU at its corner) is a "marginal kink", whatever the eigenvalues of one side.
    """
    names = []
    for row, values in enumerate(eigenvalues):
        moduli, lead = values.abs(), values[0]
        shape = "focus" if lead.imag != 0 else "flip" if lead.real < 0 else "node"
        if on_kink is not None and on_kink[row]:
            names.append("marginal kink")
        elif ((moduli - 1).abs() <= tolerance).any():
            names.append(f"marginal {shape}")
        elif (moduli < 1).all():
            names.append(f"stable {shape}")
        elif (moduli > 1).all():
            names.append(f"unstable {shape}")
        else:
            names.append("saddle" if shape == "node" else f"saddle {shape}")
    return tuple(names)


def time_constants(eigenvalues: Tensor) -> Tensor:
    """Steps for each mode to shrink (positive) or grow (negative) by e: -1 / ln |lambda|; infinite at |lambda| = 1."""
    return -1.0 / eigenvalues.abs().log()


def fixed_point_index(eigenvalues: Tensor, tolerance: float = MARGINAL_TOLERANCE) -> Tensor:
    """Sign det(I - DF) of each fixed point, [k]: +1 or -1, and 0 where an eigenvalue is within ``tolerance`` of 1.

    Complex pairs and negative eigenvalues contribute positive factors, so only real eigenvalues above 1 count.
    """
    above = (eigenvalues.imag == 0) & (eigenvalues.real > 1)
    degenerate = ((eigenvalues - 1).abs() <= tolerance).any(dim=-1)
    sign = 1 - 2 * (above.sum(dim=-1) % 2)
    return torch.where(degenerate, 0, sign)
