"""The derivative of a map at a batch of states, kept in the form that is cheapest to solve with."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


class Linearization(ABC):
    """The Jacobians J of a map at k states, and the three things that analyses ask of them."""

    @abstractmethod
    def dense(self) -> Tensor:
        """The Jacobians as one tensor [k, n, n]."""

    @abstractmethod
    def solve(self, rhs: Tensor) -> Tensor:
        """The solutions d [k, n] of (J - I) d = rhs; a row whose matrix is singular may hold inf or NaN."""

    @abstractmethod
    def diagonal_blocks(self) -> list[Tensor]:
        """Square blocks whose eigenvalues together are those of J."""

    def eigenvalues(self) -> Tensor:
        """The eigenvalues [k, n], complex, by falling modulus."""
        values = torch.cat([torch.linalg.eigvals(block) for block in self.diagonal_blocks()], dim=-1)
        order = values.abs().argsort(dim=-1, descending=True, stable=True)
        return values.gather(-1, order)


def solve_shifted(matrices: Tensor, rhs: Tensor) -> Tensor:
    """Solve (matrices - I) d = rhs row by row, without raising on a singular row.

    ``matrices`` is overwritten: at 512 units a spare copy of the batch is what breaks the memory budget.
    """
    matrices.diagonal(dim1=-2, dim2=-1).sub_(1.0)
    return torch.linalg.solve_ex(matrices, rhs, check_errors=False).result


@dataclass(frozen=True)
class DenseLinearization(Linearization):
    """One matrix per state."""

    matrices: Tensor  # [k, n, n]

    def dense(self) -> Tensor:
        return self.matrices

    def solve(self, rhs: Tensor) -> Tensor:
        return solve_shifted(self.matrices.clone(), rhs)

    def diagonal_blocks(self) -> list[Tensor]:
        return [self.matrices]


@dataclass(frozen=True)
class CascadeLinearization(Linearization):
    """Stacked layers: layer l sees its own state and the new state of layer l - 1, so J is block lower triangular.

    Solving goes layer by layer, which costs a factor (number of layers)^2 less than the full matrix, and the
    eigenvalues are those of the diagonal blocks.
    """

    own: list[Tensor]  # dF_l / d(state l), [k, n_l, n_l]
    feed: list[Tensor]  # dF_l / d(input of l), [k, n_l, m_l], for l = 1, 2, ...; one fewer than ``own``
    # The first feed[l].shape[-1] coordinates of a layer's state are its output.

    def dense(self) -> Tensor:
        rows = [self.own[0]]
        for own, feed in zip(self.own[1:], self.feed, strict=True):
            below = feed @ rows[-1][:, : feed.shape[-1]]
            rows.append(torch.cat([below, own], dim=-1))
        n = rows[-1].shape[-1]
        return torch.cat([torch.nn.functional.pad(row, (0, n - row.shape[-1])) for row in rows], dim=-2)

    def solve(self, rhs: Tensor) -> Tensor:
        parts = rhs.split([block.shape[-1] for block in self.own], dim=-1)
        steps: list[Tensor] = []
        for index, (own, part) in enumerate(zip(self.own, parts, strict=True)):
            if index:
                feed = self.feed[index - 1]
                # (J d) of the layer below equals its right-hand side plus its own step.
                moved = parts[index - 1] + steps[-1]
                part = part - (feed @ moved[:, : feed.shape[-1], None]).squeeze(-1)
            steps.append(solve_shifted(own.clone(), part))
        return torch.cat(steps, dim=-1)

    def diagonal_blocks(self) -> list[Tensor]:
        return self.own
