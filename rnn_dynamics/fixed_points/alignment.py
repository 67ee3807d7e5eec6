"""How modes lie to what drives them and to what reads them: cosines with input and readout directions."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, as_rows

if TYPE_CHECKING:
    import pandas as pd

_HOST = torch.device("cpu")


def directions_of(
    n: int, input_jacobians: Tensor | None, inputs: ArrayLike | None, readout: ArrayLike | None
) -> dict[str, Tensor]:
    """Directions in the space of states by name: (dF/dx) x, [k, n], of each input x, and the readout's rows, [1, n].

    Raises:
        ValueError: for inputs of a map without input, for no direction at all, and for wrong shapes.
    """
    named: dict[str, Tensor] = {}
    if input_jacobians is not None and input_jacobians.shape[-1]:
        columns = input_jacobians.double().cpu()
        if inputs is not None:
            width = columns.shape[-1]
            columns = columns @ as_rows(inputs, "inputs", width, dtype=torch.float64, device=_HOST).T
        named |= {f"input_{column}": columns[..., column] for column in range(columns.shape[-1])}
    elif inputs is not None:
        raise ArgumentError("inputs", "must be left out: the map holds no input")
    if readout is not None:
        rows = as_rows(readout, "readout", n, dtype=torch.float64, device=_HOST)
        named |= {f"readout_{row}": rows[row : row + 1] for row in range(len(rows))}
    if not named:
        raise ArgumentError("readout", "must be given: the map holds no input that modes could be aligned with")
    return named


def cosines(vectors: Tensor, directions: Tensor) -> Tensor:
    """v^H b / (|v| |b|) of vectors [k, n] and directions [k, n] or [1, n]: [k]; NaN where one of both is 0."""
    return (vectors.conj() * directions).sum(dim=-1) / (vectors.norm(dim=-1) * directions.norm(dim=-1))


def alignment_table(
    eigenvalues: Tensor, rights: Tensor, lefts: Tensor, directions: dict[str, Tensor]
) -> "pd.DataFrame":
    """One row per point and mode of ``rights`` and ``lefts`` [p, n, m]: |cosines| with each of ``directions``."""
    import pandas as pd

    points, modes = rights.shape[0], rights.shape[-1]
    index = pd.MultiIndex.from_product([range(points), range(modes)], names=["point", "mode"])
    table = {"eigenvalue": eigenvalues[:, :modes].flatten().numpy()}
    for side, vectors in (("right", rights), ("left", lefts)):
        for name, direction in directions.items():
            each = [cosines(vectors[..., mode], direction.to(vectors.dtype)).abs() for mode in range(modes)]
            column = torch.stack(each, dim=1) if each else torch.empty(points, 0, dtype=torch.float64)
            table[f"{side}_{name}"] = column.flatten().numpy()
    return pd.DataFrame(table, index=index)
