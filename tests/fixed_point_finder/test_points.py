"""The table of fixed points: each method as FixedPointFinder documents it."""

import itertools
from typing import Any

import numpy as np
import pytest

from rnn_dynamics.fixed_point_finder import FixedPoints

N, D, M = 4, 3, 2


def _table(**columns: Any) -> FixedPoints:
    """Four points on a diagonal, farther apart than the tolerance, each with a Jacobian of its own."""
    x = np.arange(N)[:, None] + np.zeros((N, D))
    jacobians = np.stack([np.diag([0.5, 0.1 + row, -0.2]) for row in range(N)])
    given = {
        "xstar": x,
        "x_init": x + 1,
        "inputs": np.zeros((N, M)),
        "F_xstar": x + 1e-9,
        "qstar": 1e-18 * np.arange(1.0, N + 1),
        "dq": np.zeros(N),
        "n_iters": np.arange(N),
        "J_xstar": jacobians,
        "cond_id": np.zeros(N, dtype=int),
        "dFdu": np.ones((N, D, M)),
    }
    return FixedPoints(**given | columns)


def test_sizes() -> None:
    fps = _table()
    assert (fps.n, len(fps), fps.n_states, fps.n_inputs) == (N, N, D, M)
    assert not fps.is_single_fixed_point
    assert fps[0].is_single_fixed_point
    nothing = FixedPoints()
    assert (nothing.n, len(nothing), nothing.n_states, nothing.n_inputs) == (None, 0, None, None)
    assert FixedPoints(J_xstar=np.zeros((2, 5, 5))).n_states == 5
    assert FixedPoints(inputs=np.zeros((2, 5))).n == 2


def test_columns_of_different_lengths_are_refused() -> None:
    for kind in (ValueError, AssertionError):
        with pytest.raises(kind, match="qstar must have 4 rows as other columns do, got 3"):
            _table(qstar=np.zeros(3))
    fps = _table()
    fps.dq = np.zeros(2)
    with pytest.raises(ValueError, match="dq must have 4 rows"):
        fps.assert_valid_shapes()


def test_tables_of_nan_have_room_for_every_column() -> None:
    fps = FixedPoints(do_alloc_nan=True, n=N, n_states=D, n_inputs=M, dtype=np.float32, dtype_complex=np.complex64)
    assert (fps.n, fps.n_states, fps.n_inputs) == (N, D, M)
    assert np.isnan(fps.J_xstar).all()
    assert fps.eigvec_J_xstar.dtype == np.complex64
    assert fps.dFdu.shape == (N, D, M)
    with pytest.raises(ValueError, match="do_alloc_nan needs n, n_states and n_inputs"):
        FixedPoints(do_alloc_nan=True, n=N)


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (2, [2]),
        (-1, [3]),
        (slice(1, 3), [1, 2]),
        ([3, 0], [3, 0]),
        (np.array([True, False, True, False]), [0, 2]),
        (np.array([], dtype=int), []),
        (np.int64(1), [1]),
    ],
)
def test_rows_are_chosen_with_all_their_columns(index: Any, rows: list[int]) -> None:
    fps = _table()
    fps.decompose_jacobians()
    chosen = fps[index]
    assert len(chosen) == len(rows)
    assert chosen.tol_unique == fps.tol_unique
    for name in ("xstar", "x_init", "inputs", "F_xstar", "qstar", "n_iters", "J_xstar", "is_stable", "dFdu"):
        np.testing.assert_array_equal(getattr(chosen, name), getattr(fps, name)[rows])
    np.testing.assert_array_equal(chosen.eigvec_J_xstar, fps.eigvec_J_xstar[rows])


def test_a_row_that_is_not_there_is_refused_and_a_loop_ends() -> None:
    with pytest.raises(IndexError):
        _table()[N]
    assert [int(point.n_iters[0]) for point in _table()] == [0, 1, 2, 3]


def test_rows_are_overwritten() -> None:
    fps, other = _table(), _table(xstar=np.full((N, D), 7.0), J_xstar=None)
    fps[1] = other[0]
    assert fps.xstar[:, 0].tolist() == [0, 7, 2, 3]
    assert np.isnan(fps.J_xstar[1]).all()  # not known of the new one
    assert not np.isnan(fps.J_xstar[[0, 2, 3]]).any()
    fps[[0, 2]] = other[2:]
    assert fps.xstar[:, 0].tolist() == [7, 7, 7, 3]
    assert fps.n_iters.tolist() == [2, 0, 3, 3]
    with pytest.raises(ValueError, match="fps must hold n_iters"):
        fps[0] = _table(n_iters=None)[0]
    with pytest.raises(ValueError, match="fps must hold one row, or 2"):
        fps[:2] = other[:3]
    with pytest.raises(AssertionError, match="fps must be FixedPoints, got int"):
        fps[0] = 3


def test_a_table_of_nan_is_filled_row_by_row() -> None:
    fps = FixedPoints(do_alloc_nan=True, n=N, n_states=D, n_inputs=M)
    for row, point in enumerate(_table()):
        fps[row] = point
    np.testing.assert_array_equal(fps.xstar, _table().xstar)
    assert np.isnan(fps.eigval_J_xstar).all()


def test_find_and_in_compare_states_and_inputs() -> None:
    fps = _table(tol_unique=1e-3)
    assert fps.find(fps[2]).tolist() == [2]
    near, far = _table(xstar=fps.xstar + 5e-4), _table(xstar=fps.xstar + 6e-4)  # times sqrt(3)
    assert near[1] in fps
    assert far[1] not in fps
    assert fps.find(far[1]).dtype == int
    assert _table(inputs=np.ones((N, M)))[1] not in fps
    assert fps[1] not in _table(inputs=np.zeros((N, 1)))
    assert "a word" not in fps
    assert FixedPoints(x_init=np.zeros((1, D))) not in fps
    with pytest.raises(ValueError, match="fp must hold one fixed point, got 2"):
        fps.find(fps[:2])
    alone = FixedPoints(xstar=np.zeros((2, 1)))
    assert alone.find(alone[0]).tolist() == [0, 1]


def test_of_near_points_the_one_of_least_q_stays() -> None:
    x = np.array([[0.0], [0.0005], [1.0], [1.0004]])
    unique = FixedPoints(xstar=x, qstar=np.array([3.0, 1, 2, 4])).get_unique()
    assert unique.xstar[:, 0].tolist() == [0.0005, 1.0]


def test_unique_points_do_not_depend_on_the_order() -> None:
    """Theirs keep one point or five of such a chain, as the rows lie."""
    x = 0.0007 * np.arange(6.0)[:, None]
    q = np.array([2.0, 1, 1, 3, 0, 5])
    results = set()
    for order in itertools.permutations(range(6)):
        rows = list(order)
        unique = FixedPoints(xstar=x[rows], qstar=q[rows]).get_unique()
        results.add(tuple(sorted(unique.xstar[:, 0])))
    assert len(results) == 1
    kept = np.array(next(iter(results)))
    assert np.diff(kept).min() > 1e-3
    assert np.abs(x - kept).min(axis=1).max() <= 1e-3


def test_a_line_of_points_keeps_one_in_every_stretch() -> None:
    x = np.linspace(0, 1, 201)[:, None]
    unique = FixedPoints(xstar=x, qstar=np.zeros(201), tol_unique=0.01).get_unique()
    assert 50 <= len(unique) <= 100


def test_unique_points_without_q_or_inputs_and_with_nan() -> None:
    assert len(FixedPoints(xstar=np.array([[0.0], [0.0], [np.nan]])).get_unique()) == 2
    same = np.zeros((2, 1))
    assert len(FixedPoints(xstar=same, inputs=np.array([[0.0], [1.0]])).get_unique()) == 2
    with pytest.raises(ValueError, match="xstar must be known"):
        FixedPoints(x_init=same).get_unique()


def test_update_appends() -> None:
    fps = _table()
    fps.update(_table(xstar=np.full((N, D), 9.0)))
    assert fps.n == 2 * N
    assert fps.xstar[:, 0].tolist() == [0, 1, 2, 3, 9, 9, 9, 9]
    assert fps.J_xstar.shape == (2 * N, D, D)
    for kind in (ValueError, AssertionError):
        with pytest.raises(kind, match="the same columns, but one of both lacks J_xstar"):
            fps.update(_table(J_xstar=None))
    with pytest.raises(ValueError, match=r"agree in tol_unique, got 0.001 and 0.1"):
        fps.update(_table(tol_unique=0.1))
    assert fps.n == 2 * N


def test_concatenate_joins_what_all_know() -> None:
    whole = FixedPoints.concatenate([_table(), _table(cond_id=None)[:2], _table()[:0]])
    assert len(whole) == N + 2
    assert whole.cond_id is None
    assert whole.dFdu.shape == (N + 2, D, M)
    assert whole.tol_unique == _table().tol_unique
    for wrong, words in [
        ([], "at least one"),
        ([_table(), _table(dtype=np.float32)], "agree in dtype"),
        ([_table(), _table(inputs=np.zeros((N, 5)))], "agree in the size of inputs"),
    ]:
        with pytest.raises(AssertionError, match=words):
            FixedPoints.concatenate(wrong)
    with pytest.raises(ValueError, match=r"fps_seq must hold fixed_point_finder\.FixedPoints at each place, got 3"):
        FixedPoints.concatenate([_table(), 3])


def test_spectra_fall_in_modulus_and_say_what_is_stable() -> None:
    fps = _table()
    fps.J_xstar[3] = np.nan
    fps.J_xstar[0] = [[0, -1.2, 0], [1.2, 0, 0], [0, 0, 3]]
    fps.decompose_jacobians(do_batch=False, str_prefix="\t")
    assert fps.has_decomposed_jacobians
    np.testing.assert_allclose(np.abs(fps.eigval_J_xstar[:3]), [[3, 1.2, 1.2], [1.1, 0.5, 0.2], [2.1, 0.5, 0.2]])
    assert np.isnan(fps.eigval_J_xstar[3]).all()
    assert fps.is_stable.tolist() == [False, False, False, False]
    vectors = fps.eigvec_J_xstar[:3]
    np.testing.assert_allclose(fps.J_xstar[:3] @ vectors, vectors * fps.eigval_J_xstar[:3, None], atol=1e-12)
    before = fps.eigval_J_xstar
    fps.decompose_jacobians()  # once is enough
    assert fps.eigval_J_xstar is before


def test_neutral_is_not_stable() -> None:
    moduli = [0.5, 1 - 1e-9, 1.0, 1.5]
    fps = FixedPoints(J_xstar=np.array(moduli)[:, None, None])
    fps.decompose_jacobians()
    assert fps.is_stable.tolist() == [True, False, False, False]
    with pytest.raises(ValueError, match="J_xstar must be known"):
        FixedPoints(xstar=np.zeros((1, 1))).decompose_jacobians()


def test_transform_moves_states_and_turns_directions() -> None:
    fps = _table()
    fps.decompose_jacobians()
    basis = np.array([[1.0, 0], [0, 2], [0, 0]])
    seen = fps.transform(basis, offset=np.array([10.0, 20]))
    np.testing.assert_allclose(seen.xstar, fps.xstar[:, :2] * [1, 2] + [10, 20])
    np.testing.assert_allclose(seen.F_xstar, fps.F_xstar[:, :2] * [1, 2] + [10, 20])
    np.testing.assert_allclose(seen.eigvec_J_xstar, basis.T @ fps.eigvec_J_xstar)
    assert seen.dFdu.shape == (N, 2, M)
    assert seen.J_xstar is None
    with pytest.raises(ValueError, match=r"U must have shape \[3, k\], and offset \[k\], got U \[2, 3\]"):
        fps.transform(basis.T)
    np.testing.assert_array_equal(seen.is_stable, fps.is_stable)


def test_kwargs_make_a_copy() -> None:
    fps = _table(tol_unique=0.25)
    copy = FixedPoints(**fps.kwargs)
    assert copy.xstar is fps.xstar
    assert copy.tol_unique == 0.25


def test_summary_and_shapes_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    _table().print_summary()
    said = capsys.readouterr().out
    assert all(name in said for name in ("qstar", "dq", "n_iters", "xstar", "F_xstar", "J_xstar"))
    assert "1.e-18" in said
    FixedPoints(xstar=np.zeros((1, 1))).print_summary()
    assert "qstar" not in capsys.readouterr().out
    _table().print_shapes()
    said = capsys.readouterr().out
    assert "J_xstar: (4, 3, 3)" in said
    assert "is_stable: None" in said
