"""The one door to LU factorisations: everything that solves linear systems or takes determinants goes through here.

torch's CPU kernel of a batched LU hands the matrices to several threads at once, and MKL's factorisation, called so,
returns garbage or nothing at all from 151 rows and columns on (torch 2.5 to 2.13 at least, https://github.com/pytorch/pytorch/issues/142815):
``solve`` raises or prints a line for each block, ``slogdet`` is wrong without a word. A single matrix is always right,
with any number of threads, and from several threads of the caller. So large matrices are taken one after the other
where that can happen; each is then spread over all threads by MKL itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor

_SMALL = 100
"""Up to this size a batch goes to torch whole: MKL does not split such matrices. The fault begins at 151 on the
processors measured (AVX-512), and from 100 on one after the other costs at most a sixth more than the batch."""


def solve(matrices: Tensor, rhs: Tensor) -> Tensor:
    """X of A X = B for A [..., n, n] and B [..., n, q]; a singular A gives inf or NaN, not an error.

    B may also be [n], for one matrix.
    """

    def one(*parts: Tensor) -> Tensor:
        return torch.linalg.solve_ex(*parts, check_errors=False).result

    if rhs.ndim == 1:
        return one(matrices, rhs)
    return _each(one, matrices, rhs) if _apart(matrices) else one(matrices, rhs)


def inverted(matrices: Tensor) -> Tensor:
    """The inverses of A [..., n, n]; a singular one gives inf or NaN, not an error."""
    identity = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    return solve(matrices, identity.expand_as(matrices))


def determinant_signs(matrices: Tensor) -> Tensor:
    """Sign of det A for real A [..., n, n]; 0 for a singular one."""

    def one(matrix: Tensor) -> Tensor:
        return torch.linalg.slogdet(matrix)[0]

    return _each(one, matrices) if _apart(matrices) else one(matrices)


def lu_factor(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """L and U in one, and the pivots counted from 1, of one matrix [n, n]; a singular one has a 0 in U's diagonal."""
    factors, pivots, _ = torch.linalg.lu_factor_ex(matrix, check_errors=False)
    return factors, pivots


def lu_solve(factors: Tensor, pivots: Tensor, rhs: Tensor) -> Tensor:
    """The solution [n] for one right-hand side [n], by ``lu_factor``; inf or NaN for a singular matrix."""
    return torch.linalg.lu_solve(factors, pivots, rhs.unsqueeze(-1)).squeeze(-1)


def _apart(matrices: Tensor) -> bool:
    """Whether torch may not be given these matrices [..., n, n] as one batch."""
    many = matrices.ndim > 2 and matrices[..., 0, 0].numel() > 1
    if not many or matrices.shape[-1] <= _SMALL or matrices.device.type != "cpu":
        return False
    threads = torch.get_num_threads()
    return threads > 1 and (torch.backends.mkl.is_available() or not _batches_right(threads))


@cache
def _batches_right(threads: int) -> bool:  # noqa: ARG001
    """Whether batched LU holds with another LAPACK and so many threads, tried once for each number.

    MKL is not tried, which would print what it finds wrong; with it, one after the other is what torch means to do too.
    """
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randn(8, 256, 256, generator=generator, dtype=torch.float64)
    try:
        solution = torch.linalg.solve_ex(matrices, matrices, check_errors=False).result
    except RuntimeError:
        return False
    identity = torch.eye(256, dtype=torch.float64)
    return bool(((solution - identity).abs() < 1e-6).all())


def _each(function: Callable[..., Tensor], *batches: Tensor) -> Tensor:
    """The function of matrix after matrix of batches [..., r, c], which have the same leading sizes."""
    leading = batches[0].shape[:-2]
    rows = zip(*(batch.expand(*leading, *batch.shape[-2:]).flatten(0, -3) for batch in batches), strict=True)
    results = [function(*row) for row in rows]
    return torch.stack(results).unflatten(0, leading)


@contextmanager
def without_tf32(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """While it lasts, products of float32 on a GPU keep all 24 bits; TF32, which cuDNN takes by default, keeps 11.

    Numbers rounded to three digits make fixed points where there are none. The settings are torch's own, one for all
    threads, and are put back; in float64, and on a CPU, nothing is set. Training and warmup keep the caller's choice.
    """
    places = _tf32_settings() if device.type == "cuda" and dtype == torch.float32 else []
    before = [getattr(place, name) for place, name, _ in places]
    try:
        for place, name, exact in places:
            setattr(place, name, exact)
        yield
    finally:
        for (place, name, _), value in zip(places, before, strict=True):
            setattr(place, name, value)


def _tf32_settings() -> list[tuple[Any, str, Any]]:
    """Where torch keeps them, under which name, and the value that turns TF32 off: the names are new since 2.9."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    if hasattr(matmul, "fp32_precision"):
        return [(place, "fp32_precision", "ieee") for place in (matmul, cudnn.conv, cudnn.rnn)]
    return [(place, "allow_tf32", False) for place in (matmul, cudnn)]
