"""Linear systems and determinants are right with any number of threads, from several threads, and without a word."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from rnn_dynamics import linear_algebra
from rnn_dynamics.linear_algebra import determinant_signs, lu_factor, lu_solve, solve

PACKAGE = Path(linear_algebra.__file__).parent
LU = {"solve", "solve_ex", "solve_triangular_ex", "tensorsolve", "tensorinv"}
LU |= {"lu", "lu_factor", "lu_factor_ex", "lu_solve", "inv", "inv_ex", "det", "slogdet"}
LU_METHODS = {"inverse", "slogdet", "logdet", "det", "lu_solve"}

BEGIN = """
import sys, threading
import numpy as np
import torch
from rnn_dynamics import linear_algebra

def check(n, rows, seed=0):
    rng = np.random.default_rng([n, rows, seed])
    a, b = rng.standard_normal((rows, n, n)) / n**0.5, rng.standard_normal((rows, n, 2))
    x = linear_algebra.solve(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    right = np.linalg.solve(a, b)
    scale = np.abs(right).max(axis=(1, 2), keepdims=True)
    assert (np.abs(x - right) <= 1e-7 * scale).all(), (n, rows, "solve")
    signs = linear_algebra.determinant_signs(torch.from_numpy(a)).numpy()
    assert (signs == np.linalg.slogdet(a)[0]).all(), (n, rows, "signs")
"""


def run(code: str, threads: int = 1) -> subprocess.CompletedProcess[str]:
    # Threads that wait must not spin: there may be more of them than cores, and others' work beside.
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "passive",
        "OPENBLAS_NUM_THREADS": "1",
    }
    environment.pop("MKL_NUM_THREADS", None)
    return subprocess.run(
        [sys.executable, "-c", BEGIN + code], env=environment, capture_output=True, text=True, check=False
    )


def silent(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == ""
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_right_with_any_number_of_threads(threads: int) -> None:
    silent(
        run(f"""
torch.set_num_threads({threads})
for n, rows in ((64, 64), (101, 8), (160, 1), (160, 2), (160, 32), (192, 8), (256, 2), (512, 2)):
    check(n, rows)
""")
    )


def test_right_when_the_number_changes_later_and_from_several_threads() -> None:
    silent(
        run("""
check(192, 8)
torch.set_num_threads(2)
check(192, 8)
failures = []
def work(seed):
    torch.set_num_threads(2)
    try:
        for round in range(4):
            check(192, 4, seed)
    except BaseException as error:
        failures.append(error)
workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
[worker.start() for worker in workers]
[worker.join() for worker in workers]
assert not failures, failures
torch.set_num_threads(1)
check(192, 8)
""")
    )


def test_a_singular_row_is_not_finite_and_leaves_the_others_alone() -> None:
    silent(
        run("""
torch.set_num_threads(2)
a = torch.randn(4, 200, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
a[1] = 0
a[2, :, 7] = 0
b = torch.ones(4, 200, 1, dtype=torch.float64)
x = linear_algebra.solve(a, b)
assert x.isfinite().flatten(1).all(dim=1).tolist() == [True, False, False, True]
assert float((a[[0, 3]] @ x[[0, 3]] - 1).abs().max()) < 1e-9
assert linear_algebra.determinant_signs(a).tolist()[1:3] == [0, 0]
""")
    )


def _garbage(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(b)


def _raising(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    raise RuntimeError("Pivots given to lu_solve must all be greater or equal to 1")


@pytest.mark.parametrize(("answer", "right"), [(torch.linalg.solve, True), (_garbage, False), (_raising, False)])
def test_another_lapack_is_tried_once_for_each_number_of_threads(
    answer: Callable[..., torch.Tensor], right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Played: MKL itself, called as it must not be, may not only answer wrongly but never return."""
    asked, threads = [], 2

    def solve_ex(a: torch.Tensor, b: torch.Tensor, check_errors: bool) -> SimpleNamespace:
        asked.append(threads)
        return SimpleNamespace(result=answer(a, b))

    monkeypatch.setattr(linear_algebra, "_batches_right", cache(linear_algebra._batches_right.__wrapped__))
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(torch.linalg, "solve_ex", solve_ex)
    a = torch.ones(8, 192, 192, dtype=torch.float64)
    for threads in (2, 2, 1, 4, 4, 2):
        assert linear_algebra._apart(a) is (threads > 1 and not right)
    assert asked == [2, 4]


def test_fixed_points_of_two_hundred_units_with_two_threads() -> None:
    silent(
        run("""
from rnn_dynamics.systems import as_map
from rnn_dynamics import find_fixed_points
torch.set_num_threads(2)
n = 200
generator = torch.Generator().manual_seed(0)
orthogonal = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=torch.float64))[0]
slopes = torch.linspace(-.9, .9, n, dtype=torch.float64)
slopes[-1] = 1.5
weight = orthogonal @ torch.diag(slopes) @ orthogonal.T
def step(h, _):
    return (h @ weight) / (1 + h.square().sum(-1, keepdim=True))
system = as_map(step, state_size=n, input_size=0).hold()
starts = torch.randn(8, n, generator=generator, dtype=torch.float64) * .3
points = find_fixed_points(system, starts, extra_starts=0)
axis = orthogonal[:, -1] * .5 ** .5   # where |h|^2 = 1.5 - 1
expected = torch.stack([torch.zeros_like(axis), axis, -axis])
distance = torch.cdist(points.states, expected).min(dim=1).values
assert len(points) and float(distance.max()) < 1e-9, (points.states.shape, distance)
""")
    )


@pytest.mark.slow
def test_the_command_on_two_hundred_units_with_two_threads(tmp_path: Path) -> None:
    """What ``demo --hidden 200`` ended in a traceback at, without its training."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(torch.nn.GRU(3, 200).state_dict(), tmp_path / "model.pt")
    done = run(
        f"""
from rnn_dynamics.cli import main
folder = {str(tmp_path)!r}
sys.argv = ["rnn-dynamics", "analyze", folder + "/model.pt", "--starts", "16", "--out", folder + "/out"]
main()
""",
        threads=2,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "oneMKL" not in done.stdout + done.stderr
    assert "index sum 1, as it must be" in done.stdout


def test_one_factorisation_solves_and_keeps_the_determinant() -> None:
    a = torch.randn(7, 7, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    factors, pivots = lu_factor(a)
    b = torch.arange(7, dtype=torch.float64)
    torch.testing.assert_close(a @ lu_solve(factors, pivots, b), b)
    torch.testing.assert_close(factors.diagonal().prod().abs(), torch.linalg.det(a).abs())
    assert not bool(lu_solve(*lu_factor(torch.zeros(3, 3)), torch.ones(3)).isfinite().any())


@pytest.mark.parametrize("apart", [False, True])
def test_shapes_are_those_of_torch(apart: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_algebra, "_apart", lambda matrices: apart and matrices.ndim > 2)
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(2, 3, 5, 5, generator=generator, dtype=torch.float64)
    b = torch.randn(2, 3, 5, 4, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(solve(a, b), torch.linalg.solve(a, b))
    torch.testing.assert_close(solve(a[0, 0], b[0, 0]), torch.linalg.solve(a[0, 0], b[0, 0]))
    torch.testing.assert_close(solve(a[0, 0], b[0, 0, :, 0]), torch.linalg.solve(a[0, 0], b[0, 0, :, 0]))
    torch.testing.assert_close(determinant_signs(a), torch.linalg.det(a).sign())


def test_no_rows_are_no_trouble() -> None:
    assert solve(torch.zeros(0, 200, 200), torch.zeros(0, 200, 1)).shape == (0, 200, 1)
    assert determinant_signs(torch.zeros(0, 200, 200)).shape == (0,)


def lu_calls(source: str) -> list[str]:
    """Every use of torch's LU functions and methods, ``from`` imports included."""
    tree = ast.parse(source)
    calls = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            of_torch = text.startswith(("torch.", "linalg."))
            if of_torch and node.attr in LU | LU_METHODS:
                calls.append(text)
        method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args
        if method and node.func.attr in LU_METHODS:
            calls.append(ast.unparse(node.func))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch"):
            calls += [alias.name for alias in node.names if alias.name in LU | {"linalg"}]
    return calls


def test_nothing_else_factorises() -> None:
    assert lu_calls("import torch\ntorch.linalg.inv(a)\na.inverse()\nfrom torch.linalg import solve_ex") != []
    assert lu_calls("torch.linalg.qr(a)\nsolver.solve(a)\nlinearization.solve(b)") == []
    found = {
        str(path.relative_to(PACKAGE)): calls
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "linear_algebra.py" and (calls := lu_calls(path.read_text()))
    }
    assert found == {}
