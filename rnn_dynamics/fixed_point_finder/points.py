"""The table of fixed points that FixedPointFinder's users know, in NumPy."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

from ..checks import ArgumentError, ArrayLike, as_tensor, checked, worded
from ..tables import chosen_rows
from .nearest import best_apart
from .refusals import MismatchError
from .spectra import decomposed
from .storage import read, write

if TYPE_CHECKING:
    from ..fixed_points import FixedPoints as NativeFixedPoints
    from ..fixed_points import FixedPointsOverInputs

Array: TypeAlias = np.ndarray[Any, Any]

COLUMNS = (
    "xstar",
    "x_init",
    "inputs",
    "F_xstar",
    "qstar",
    "dq",
    "n_iters",
    "J_xstar",
    "eigval_J_xstar",
    "eigvec_J_xstar",
    "is_stable",
    "cond_id",
    "dFdu",
)
"""One row a fixed point each."""

WHOLE = ("dtype", "dtype_complex", "tol_unique", "verbose", "do_alloc_nan", "output")
"""What all rows have in common."""


class FixedPoints:
    """Fixed points of x' = F(x, u), one row each, as arrays that may be read and written; ``len`` and ``n`` count them.

    Columns are None where they are not known. ``fps[3]``, slices, lists and masks are tables of these rows.

    Args:
        xstar: the points x, [n, n_states].
        x_init: the start that led to each, [n, n_states]; NaN where none of the starts did.
        inputs: the input u held at each, [n, n_inputs].
        F_xstar: F(x, u) at that very state, [n, n_states].
        qstar: q = |x - F(x, u)|^2 / 2, [n].
        dq: how much one further step of the solver would change q, [n].
        n_iters: steps taken, [n]; -1 where none of the starts led there.
        J_xstar: dF/dx, [n, n_states, n_states].
        eigval_J_xstar: its eigenvalues by falling modulus, [n, n_states].
        eigvec_J_xstar: its eigenvectors as columns, in that order, [n, n_states, n_states].
        is_stable: whether all |eigenvalues| are below 1, [n]; not where one is within 1e-6 of it.
        cond_id: the condition of each input, [n].
        dFdu: dF/du, [n, n_states, n_inputs].
        output: from where to where in a state lies what torch's module returns of a run, the h of its last layer; None
            where that is all of it, or not known.
        n, n_states, n_inputs: sizes, for ``do_alloc_nan`` alone.
        do_alloc_nan: fill all columns with NaN.
        tol_unique: two points are one where |(x, u) - (x', u')|_2 is not above this.
        dtype, dtype_complex: of columns that are made.
        verbose: whether saving and restoring is told.

    Raises:
        MismatchError: for columns of different lengths, a ``ValueError`` and an ``AssertionError``.
    """

    @checked
    def __init__(
        self,
        xstar: Array | None = None,
        x_init: Array | None = None,
        inputs: Array | None = None,
        F_xstar: Array | None = None,
        qstar: Array | None = None,
        dq: Array | None = None,
        n_iters: Array | None = None,
        J_xstar: Array | None = None,
        eigval_J_xstar: Array | None = None,
        eigvec_J_xstar: Array | None = None,
        is_stable: Array | None = None,
        cond_id: Array | None = None,
        n: int | None = None,
        n_states: int | None = None,
        n_inputs: int | None = None,
        do_alloc_nan: bool = False,
        tol_unique: float = 1e-3,
        dtype: Any = np.float64,
        dtype_complex: Any = np.complex128,
        verbose: bool = False,
        dFdu: Array | None = None,
        output: tuple[int, int] | None = None,
    ) -> None:
        self.xstar, self.x_init, self.inputs, self.F_xstar = xstar, x_init, inputs, F_xstar
        self.qstar, self.dq, self.n_iters, self.cond_id = qstar, dq, n_iters, cond_id
        self.J_xstar, self.dFdu, self.is_stable = J_xstar, dFdu, is_stable
        self.eigval_J_xstar, self.eigvec_J_xstar = eigval_J_xstar, eigvec_J_xstar
        self.tol_unique, self.verbose, self.do_alloc_nan = tol_unique, verbose, do_alloc_nan
        self.dtype, self.dtype_complex, self.output = dtype, dtype_complex, output
        self.native: NativeFixedPoints | FixedPointsOverInputs | None = None
        """What this library's search found, with its completeness; None for points that come from elsewhere."""
        if do_alloc_nan:
            self._fill_with_nan(n, n_states, n_inputs)
        self.assert_valid_shapes()

    def _fill_with_nan(self, n: int | None, n_states: int | None, n_inputs: int | None) -> None:
        if n is None or n_states is None or n_inputs is None:
            raise ArgumentError("do_alloc_nan", "needs n, n_states and n_inputs")
        rows, square = (n, n_states), (n, n_states, n_states)
        shapes = dict.fromkeys(COLUMNS, (n,)) | dict.fromkeys(("xstar", "x_init", "F_xstar", "eigval_J_xstar"), rows)
        shapes |= {"J_xstar": square, "eigvec_J_xstar": square, "inputs": (n, n_inputs)}
        shapes["dFdu"] = (n, n_states, n_inputs)
        for name, shape in shapes.items():
            kind = self.dtype_complex if name.startswith("eig") else self.dtype
            setattr(self, name, np.full(shape, np.nan, dtype=kind))

    @property
    def n(self) -> int | None:
        """The number of fixed points; None without any column."""
        return next((len(column) for column in self._known().values()), None)

    @property
    def n_states(self) -> int | None:
        """The size of a state, of an LSTM h and c together."""
        known = self._known()
        return next((known[name].shape[1] for name in ("xstar", "x_init", "F_xstar", "J_xstar") if name in known), None)

    @property
    def n_inputs(self) -> int | None:
        """The size of an input."""
        return None if self.inputs is None else self.inputs.shape[1]

    @property
    def is_single_fixed_point(self) -> bool:
        """Whether there is exactly one row."""
        return self.n == 1

    @property
    def has_decomposed_jacobians(self) -> bool:
        """Whether eigenvalues are known."""
        return self.eigval_J_xstar is not None

    @property
    def kwargs(self) -> dict[str, Any]:
        """The arguments that make a shallow copy."""
        return {name: getattr(self, name) for name in (*COLUMNS, *WHOLE) if name != "do_alloc_nan"}

    def _known(self) -> dict[str, Array]:
        return {name: column for name in COLUMNS if (column := getattr(self, name)) is not None}

    def __len__(self) -> int:
        return self.n or 0

    def __repr__(self) -> str:
        known = ", ".join(f"{name} {list(column.shape)}" for name, column in self._known().items())
        return f"FixedPoints: {len(self)} rows of {known or 'nothing'}"

    def __getitem__(self, index: Any) -> FixedPoints:
        rows = chosen_rows(index, len(self), "index")
        return self._with({name: column[rows] for name, column in self._known().items()})

    def _with(self, changes: Mapping[str, Any]) -> FixedPoints:
        """A table that differs in these columns, and is no result of a search."""
        return FixedPoints(**self.kwargs | dict(changes))

    def __setitem__(self, index: Any, fps: FixedPoints) -> None:
        """Overwrite rows with those of ``fps``; numbers that it does not know become NaN."""
        if not isinstance(fps, FixedPoints):
            raise MismatchError(f"fps must be FixedPoints, got {type(fps).__name__}")
        rows = chosen_rows(index, len(self), "index")
        new = fps._known()
        for name, column in self._known().items():
            if name not in new and column.dtype.kind not in "fc":
                raise MismatchError(f"fps must hold {name}, which these points have")
        if len(fps) not in (1, len(rows)):
            raise MismatchError(f"fps must hold one row, or {len(rows)} as index does, got {len(fps)}")
        for name, column in self._known().items():
            column[rows] = new.get(name, np.nan)

    def __contains__(self, fp: object) -> bool:
        return len(self.find(fp)) > 0

    def find(self, fp: object) -> Array:
        """The rows that match the one point ``fp``, [matches]; none for what is of another size, or no such table."""
        nothing = np.array([], dtype=int)
        if not isinstance(fp, FixedPoints) or (fp.n_states, fp.n_inputs) != (self.n_states, self.n_inputs):
            return nothing
        if self.xstar is None or fp.xstar is None:
            return nothing
        if len(fp) != 1:
            raise ArgumentError("fp", f"must hold one fixed point, got {len(fp)}")
        return np.flatnonzero(np.linalg.norm(self._where() - fp._where(), axis=1) <= self.tol_unique)

    def _where(self) -> Array:
        """(x, u), [n, n_states + n_inputs]."""
        if self.xstar is None:
            raise MismatchError("xstar must be known, but is None")
        parts = [self.xstar] if self.inputs is None else [self.xstar, self.inputs]
        return np.concatenate(parts, axis=1)

    def get_unique(self) -> FixedPoints:
        """The points of least q that are farther than ``tol_unique`` from one another; see ``nearest.best_apart``."""
        return self[self.unique_rows()]

    def unique_rows(self) -> Array:
        """The rows that ``get_unique`` keeps, in order."""
        cost = np.zeros(len(self)) if self.qstar is None else self.qstar
        return best_apart(self._where(), cost, self.tol_unique)

    @checked
    def transform(self, U: ArrayLike, offset: ArrayLike | float = 0.0) -> FixedPoints:
        """These points in other coordinates: states x U + offset, eigenvectors and dF/du along U; no Jacobians.

        Args:
            U: [n_states, k].
            offset: [k].
        """
        where: dict[str, Any] = {"dtype": torch.float64, "device": torch.device("cpu")}
        shift: Any = torch.tensor(offset) if isinstance(offset, float | int) else offset
        along, by = as_tensor(U, "U", **where).numpy(), as_tensor(shift, "offset", **where).numpy()
        if along.ndim != 2 or len(along) != self.n_states or by.shape not in ((), along.shape[1:]):
            got = f"U {list(along.shape)} and offset {list(by.shape)}"
            raise ArgumentError("U", f"must have shape [{self.n_states}, k], and offset [k], got {got}")
        changes: dict[str, Any] = {"J_xstar": None, "output": None}
        for name, column in self._known().items():
            if name in ("xstar", "x_init", "F_xstar"):
                changes[name] = column @ along + by
            elif name in ("eigvec_J_xstar", "dFdu"):
                changes[name] = along.T @ column  # a direction, which an offset does not move
        return self._with(changes)

    @checked
    def update(self, new_fps: FixedPoints) -> None:
        """Append the rows of another table, which must know the same columns.

        Raises:
            MismatchError: for other columns, or another dtype or tolerance.
        """
        if own := set(self._known()) ^ set(new_fps._known()):
            raise MismatchError(f"new_fps must know the same columns, but one of both lacks {', '.join(sorted(own))}")
        for name, column in FixedPoints.concatenate([self, new_fps])._known().items():
            setattr(self, name, column)
        self.native = None

    @staticmethod
    @checked
    def concatenate(fps_seq: Sequence[FixedPoints]) -> FixedPoints:
        """One table of the rows of all; columns that not all know are None.

        Raises:
            MismatchError: for none, states of different sizes, or another dtype or tolerance.
        """
        tables = list(fps_seq)
        if not tables:
            raise MismatchError("fps_seq must hold at least one FixedPoints, got none")
        for name in WHOLE:
            found = {str(getattr(table, name)) for table in tables}
            if len(found) > 1:
                raise MismatchError(f"fps_seq must agree in {name}, got {' and '.join(sorted(found))}")
        known = [table._known() for table in tables]
        shared = [name for name in COLUMNS if all(name in columns for columns in known)]
        return tables[0]._with(
            dict.fromkeys(COLUMNS) | {name: _joined([columns[name] for columns in known], name) for name in shared}
        )

    def decompose_jacobians(self, do_batch: bool = True, str_prefix: str = "") -> None:  # noqa: ARG002
        """Fill in eigenvalues, eigenvectors and stability from J_xstar; rows with NaN stay unknown.

        Args:
            do_batch, str_prefix: taken and not needed: the work is done one matrix at a time in any case, in silence.

        Raises:
            MismatchError: without Jacobians.
        """
        if self.has_decomposed_jacobians:
            return
        if self.J_xstar is None:
            raise MismatchError("J_xstar must be known, but is None")
        spectra = decomposed(self.J_xstar, self.dtype_complex)
        self.eigval_J_xstar, self.eigvec_J_xstar, self.is_stable = spectra

    @checked
    def save(self, save_path: str | os.PathLike[str]) -> None:
        """Write all but ``native`` into one file of NumPy's npz format, without pickles; ``rd.save`` keeps ``native``.

        Raises:
            ValueError: for a folder that cannot be written.
        """
        self.assert_valid_shapes()
        common = {"dtype": np.dtype(self.dtype).name, "dtype_complex": np.dtype(self.dtype_complex).name}
        common |= {name: getattr(self, name) for name in ("tol_unique", "verbose", "do_alloc_nan")}
        common |= {} if self.output is None else {"output": self.output}
        write(save_path, self._known(), common)
        if self.verbose:
            print(f"Saved {len(self)} fixed points in {save_path}.")

    @checked
    def restore(self, restore_path: str | os.PathLike[str]) -> None:
        """Become what ``save`` wrote, here or in FixedPointFinder: its pickles are read without running what they name.

        Raises:
            ValueError: for a missing or broken file, or a pickle that holds anything but arrays and numbers.
        """
        found = read(restore_path)
        arguments: dict[str, Any] = {name: found[name] for name in (*COLUMNS, *WHOLE) if name in found}
        for name in ("dtype", "dtype_complex"):
            if name in arguments:
                arguments[name] = np.dtype(arguments[name]).type
        if "output" in arguments:
            arguments["output"] = tuple(map(int, arguments["output"]))
        filled = bool(arguments.pop("do_alloc_nan", False))  # as it was made; the columns are there
        restored = FixedPoints(**arguments)
        vars(self).update(vars(restored), do_alloc_nan=filled)
        if self.verbose:
            print(f"Restored {len(self)} fixed points from {restore_path}.")

    def print_summary(self) -> None:
        """Print every column that tells how good the points are, the points, and their Jacobians."""
        titles = {
            "qstar": "q = |x - F(x)|^2 / 2",
            "dq": "Change of q in one further step",
            "n_iters": "Steps from the start",
            "xstar": "Fixed points x",
            "F_xstar": "F(x), which should equal x",
            "J_xstar": "Jacobians dF/dx",
        }
        known = self._known()
        for name, title in titles.items():
            if name in known:
                print(f"\n{title} ({name}):\n{known[name]}")

    def print_shapes(self) -> None:
        """Print the shape of every column."""
        for name in COLUMNS:
            column = getattr(self, name)
            print(f"{name}: {None if column is None else column.shape}")

    def assert_valid_shapes(self) -> None:
        """Refuse columns of different lengths.

        Raises:
            MismatchError: naming the first that differs.
        """
        for name, column in self._known().items():
            if not isinstance(column, np.ndarray) or not column.ndim:
                raise MismatchError(f"{name} must be an array with a row for each point, got {type(column).__name__}")
            if len(column) != self.n:
                raise MismatchError(f"{name} must have {self.n} rows as other columns do, got {len(column)}")


def _joined(parts: Sequence[Array], name: str) -> Array:
    """The rows of all of one column."""
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) > 1:
        raise MismatchError(f"fps_seq must agree in the size of {name}, got rows of {sorted(shapes)}")
    return np.concatenate(parts)


worded(FixedPoints, "fixed_point_finder.FixedPoints")
