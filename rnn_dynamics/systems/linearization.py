"""The derivative of a map at a batch of states, kept in the form that is cheapest to solve with."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..linear_algebra import solve


@dataclass(frozen=True, eq=False)
class Linearization:
    """The Jacobians J of a map at k states, as a cascade of layers (one layer: a plain matrix).

    Layer l sees its own state and the new output of layer l - 1, so J is block lower triangular: solving layer by layer
    costs a factor (number of layers)^2 less than the full matrix, and the eigenvalues are those of the diagonal blocks.
    """

    own: list[Tensor]
    """dF_l / d(state of l), [k, n_l, a_l]; where a_l < n_l the trailing coordinates of the state have no effect."""

    feed: list[Tensor]
    """dF_l / d(input of l) for l = 1, 2, ..., [k, n_l, m_l]; the input is the first m_l coordinates below."""

    def dense(self) -> Tensor:
        """J as one tensor [k, n, n]."""
        blocks = self._square_blocks()
        rows = [blocks[0]]
        for own, feed in zip(blocks[1:], self.feed, strict=True):
            rows.append(torch.cat([feed @ rows[-1][:, : feed.shape[-1]], own], dim=-1))
        n = rows[-1].shape[-1]
        return torch.cat([pad(row, (0, n - row.shape[-1])) for row in rows], dim=-2)

    def rows(self, part: slice) -> "Linearization":
        """Some of the k rows."""
        return Linearization([block[part] for block in self.own], [block[part] for block in self.feed])

    def in_units(self, units: Tensor) -> "Linearization":
        """The Jacobians of z -> F(u z) / u for units u [n]: J_ij u_j / u_i."""
        parts = units.split([block.shape[-2] for block in self.own])
        own = [
            block * (part[: block.shape[-1]] / part.unsqueeze(-1)) for block, part in zip(self.own, parts, strict=True)
        ]
        feed = [
            block * (below[: block.shape[-1]] / part.unsqueeze(-1))
            for block, below, part in zip(self.feed, parts[:-1], parts[1:], strict=True)
        ]
        return Linearization(own, feed)

    def apply(self, vectors: Tensor) -> Tensor:
        """J v for the columns v of ``vectors`` [k, n, q], layer by layer."""
        parts = vectors.split([block.shape[-2] for block in self.own], dim=-2)
        images = [self.own[0] @ parts[0][:, : self.own[0].shape[-1]]]
        for own, feed, part in zip(self.own[1:], self.feed, parts[1:], strict=True):
            images.append(own @ part[:, : own.shape[-1]] + feed @ images[-1][:, : feed.shape[-1]])
        return torch.cat(images, dim=-2)

    def solve(self, rhs: Tensor, shift: Tensor | None = None) -> Tensor:
        """The solutions d [k, n] of (J - shift I) d = rhs; a row whose matrix is singular holds inf or NaN.

        Args:
            rhs: [k, n].
            shift: [k]; 1 by default, as in Newton's method for F(h) = h.
        """
        shift = rhs.new_ones(len(rhs)) if shift is None else shift
        parts = rhs.split([block.shape[-2] for block in self.own], dim=-1)
        steps = [_solve_shifted(self.own[0], parts[0], shift)]
        for index, feed in enumerate(self.feed):
            # What the layer below passes on, J d, is its right-hand side plus the shift times its own step.
            passed = (parts[index] + shift.unsqueeze(-1) * steps[-1])[:, : feed.shape[-1], None]
            steps.append(_solve_shifted(self.own[index + 1], parts[index + 1] - (feed @ passed).squeeze(-1), shift))
        return torch.cat(steps, dim=-1)

    def eigenvalues(self) -> Tensor:
        """The eigenvalues of J [k, n], complex, by falling modulus."""
        values = torch.cat([torch.linalg.eigvals(block) for block in self._square_blocks()], dim=-1)
        return values.gather(-1, values.abs().argsort(dim=-1, descending=True, stable=True))

    def _square_blocks(self) -> list[Tensor]:
        return [pad(block, (0, block.shape[-2] - block.shape[-1])) for block in self.own]


def _solve_shifted(jacobian: Tensor, rhs: Tensor, shift: Tensor) -> Tensor:
    """Solve (J - shift I) d = rhs for J [k, n, a] whose columns beyond the a-th are zero."""
    active = jacobian.shape[-1]
    matrix = jacobian[:, :active].clone()
    matrix.diagonal(dim1=-2, dim2=-1).sub_(shift.unsqueeze(-1))
    lead = solve(matrix, rhs[:, :active].unsqueeze(-1)).squeeze(-1)
    if active == jacobian.shape[-2]:
        return lead
    trailing = (jacobian[:, active:] @ lead.unsqueeze(-1)).squeeze(-1) - rhs[:, active:]
    return torch.cat([lead, trailing / shift.unsqueeze(-1)], dim=-1)
