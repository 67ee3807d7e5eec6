"""FixedPointFinder: its constructor, its draws of starts and its search, on this library's."""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, AtLeast, CheckedInside, Count, OrInfinite, Positive, as_tensor, checked
from ..fixed_points import FixedPoints as NativeFixedPoints
from ..fixed_points import FixedPointsOverInputs
from ..systems import DrivenMap
from .approach import Approach, approached
from .draws import drawn_rows, noisy
from .network import Recurrent, States, network_of, output_of, side_by_side, start_states
from .outliers import distance_non_outliers, q_non_outliers, q_outliers
from .points import FixedPoints
from .refusals import MismatchError
from .search import HeldSearch
from .settings import DEFAULTS, notice_unused

Array = np.ndarray[Any, Any]

_MOST_STEPS = 100
"""Newton's method needs some ten; what has not ended by then does not end."""

_EXTRA_STARTS = 16_384
"""The least budget of further starts, as ``rd.find_fixed_points`` has it; inputs share it."""

_A_ROUND = 256
"""Fewer further starts an input than a round of the search takes are not worth its while."""


class FixedPointFinder:
    """Find the fixed points of x' = F(x, u), F a recurrent network and u its held input, from many starts.

    The interface is FixedPointFinder's (Golub and Sussillo, doi:10.21105/joss.01003); the search is
    ``rd.find_fixed_points``: Newton's method in float64 on a frozen copy of the network, then a search for what the
    starts missed. The network is left as it was.

    Args:
        rnn: a module or map that ``as_map`` takes, any other module with ``batch_first`` that is called as
            ``nn.GRU`` is, or a function f(input [k, n_inputs], state [k, n_states]) -> (output, next state).
        lr_init, lr_patience, lr_factor, lr_cooldown: of a descent that is not made: one warning tells which were given.
        tol_dq, method, do_rerun_q_outliers, outlier_q_scale, n_iters_per_print_update: of the same descent.
        tol_q: slow points, and points of lines and sheets of fixed points, count up to this q = |x - F(x)|^2 / 2.
            Isolated points all have q near 1e-30.
        max_iters: Newton steps from each start; more than 100 are never taken.
        do_exclude_distance_outliers: drop points far from the starts from the unique ones, and say how many. False,
            where theirs is True: far points are fixed points too.
        outlier_distance_scale: how far: of the starts' mean distance to their centroid.
        tol_unique: points, with their inputs, that are no farther apart count once.
        max_n_unique: of more unique points so many are kept, drawn by chance.
        do_compute_jacobians, do_decompose_jacobians: whether the unique points have ``J_xstar`` and ``dFdu``, and
            eigenvalues, eigenvectors and ``is_stable``.
        dtype: of the arrays that are returned, "float64" or "float32"; F and q are evaluated in float64 at the states
            as they are returned.
        random_seed: of the draws of starts, which are FixedPointFinder's own, of ``max_n_unique`` and of the search.
        verbose: print what is searched and what was found.
        super_verbose: show a bar of progress.

    Raises:
        ValueError: for settings out of range, naming what was expected.
    """

    @checked
    def __init__(
        self,
        rnn: Annotated[Recurrent | DrivenMap, CheckedInside()],
        lr_init: float = 1.0,
        lr_patience: int = 5,
        lr_factor: float = 0.95,
        lr_cooldown: int = 0,
        *,
        tol_q: Annotated[float, Positive()] = DEFAULTS["tol_q"],
        tol_dq: float = DEFAULTS["tol_dq"],
        max_iters: Annotated[int, AtLeast(0)] = DEFAULTS["max_iters"],
        method: Literal["joint", "sequential"] = DEFAULTS["method"],
        do_rerun_q_outliers: bool = DEFAULTS["do_rerun_q_outliers"],
        outlier_q_scale: float = DEFAULTS["outlier_q_scale"],
        do_exclude_distance_outliers: bool = DEFAULTS["do_exclude_distance_outliers"],
        outlier_distance_scale: Annotated[float, Positive()] = DEFAULTS["outlier_distance_scale"],
        tol_unique: Annotated[float, Positive()] = DEFAULTS["tol_unique"],
        max_n_unique: Annotated[float, OrInfinite(), Positive()] = DEFAULTS["max_n_unique"],
        do_compute_jacobians: bool = DEFAULTS["do_compute_jacobians"],
        do_decompose_jacobians: bool = DEFAULTS["do_decompose_jacobians"],
        dtype: Annotated[Any, CheckedInside()] = DEFAULTS["dtype"],
        random_seed: Annotated[int, AtLeast(0, 2**32 - 1)] = DEFAULTS["random_seed"],
        verbose: bool = DEFAULTS["verbose"],
        super_verbose: bool = DEFAULTS["super_verbose"],
        n_iters_per_print_update: Count = DEFAULTS["n_iters_per_print_update"],
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in ("self", "rnn")}
        if not callable(rnn) and not isinstance(rnn, DrivenMap):
            raise ArgumentError("rnn", f"must be a recurrent module or a function, got {type(rnn).__name__}")
        notice_unused(given)
        self.rnn = rnn
        self.lr_init, self.lr_patience, self.lr_factor, self.lr_cooldown = lr_init, lr_patience, lr_factor, lr_cooldown
        self.tol_q, self.tol_dq, self.max_iters, self.method = tol_q, tol_dq, max_iters, method
        self.do_rerun_q_outliers, self.outlier_q_scale = do_rerun_q_outliers, outlier_q_scale
        self.do_exclude_distance_outliers = do_exclude_distance_outliers
        self.outlier_distance_scale = outlier_distance_scale
        self.tol_unique, self.max_n_unique = tol_unique, max_n_unique
        self.do_compute_jacobians, self.do_decompose_jacobians = do_compute_jacobians, do_decompose_jacobians
        self.dtype, self.np_dtype = dtype, _number_type(dtype)
        self.verbose, self.super_verbose = verbose, super_verbose
        self.n_iters_per_print_update = n_iters_per_print_update
        self.random_seed = random_seed
        self.rng = np.random.RandomState(random_seed)  # the same seed draws what it drew there

    @classmethod
    def default_hps(cls) -> dict[str, Any]:
        """The settings and their defaults, as a dictionary of one's own."""
        return dict(DEFAULTS)

    @checked
    def sample_states(
        self,
        state_traj: States,
        n_inits: Count,
        valid_bxt: ArrayLike | None = None,
        noise_scale: float = 0.0,
    ) -> Array:
        """Draw states along trajectories, with replacement and independent normal noise.

        Args:
            state_traj: [batch, time, n_states], or of an LSTM a pair (h, c) of these.
            n_inits: how many to draw.
            valid_bxt: which of them may be drawn, [batch, time]; all by default.
            noise_scale: its standard deviation.

        Returns:
            [n_inits, n_states].

        Raises:
            ValueError: for shapes that do not fit, numbers that are not finite, negative noise.
        """
        states = _trajectories(state_traj, "state_traj")
        rows = drawn_rows(self.rng, valid_bxt, states.shape[:2], n_inits)
        return noisy(self.rng, states.reshape(-1, states.shape[2])[rows], _scale(noise_scale))

    @checked
    def sample_inputs_and_states(
        self,
        inputs: ArrayLike,
        state_traj: States,
        n_inits: Count,
        valid_bxt: ArrayLike | None = None,
        noise_scale: float = 0.0,
    ) -> tuple[Array, Array]:
        """Draw states as ``sample_states`` does, each with the input [batch, time, n_inputs] at its place, unchanged.

        Returns:
            Inputs [n_inits, n_inputs] and states [n_inits, n_states].
        """
        states, given = _trajectories(state_traj, "state_traj"), _trajectories(inputs, "inputs")
        if given.shape[:2] != states.shape[:2]:
            raise MismatchError(
                f"inputs must have the batch and time of state_traj, {list(states.shape[:2])}, got"
                f" {list(given.shape[:2])}"
            )
        scale = _scale(noise_scale)
        rows = drawn_rows(self.rng, valid_bxt, states.shape[:2], n_inits)
        drawn = states.reshape(-1, states.shape[2])[rows]
        return given.reshape(-1, given.shape[2])[rows], noisy(self.rng, drawn, scale)

    @checked
    @torch.no_grad()
    def find_fixed_points(
        self, initial_states: States, inputs: ArrayLike, cond_ids: ArrayLike | None = None
    ) -> tuple[FixedPoints, FixedPoints]:
        """Find the fixed points that starts lead to, and those that they missed.

        Args:
            initial_states: [k, n_states]; of an LSTM h and c side by side, a pair (h, c), or h alone.
            inputs: [1, n_inputs], held for all starts, or [k, n_inputs], for each its own; one search an input.
            cond_ids: a number for the condition of each start, [k]; by default one for each different input.

        Returns:
            The unique points, with Jacobians, and a row for each start, with the state where it ended, be it a fixed
            point or not. Points that none of the starts led to are unique ones with ``x_init`` NaN and ``n_iters`` -1.
            After Ctrl-C both are of the inputs that were searched by then.
            ``native`` of both is what ``rd.find_fixed_points`` found: kinds, slow points, lines and sheets of fixed
            points, how each start ended, and whether points are missing; with several inputs
            ``fixed_points.FixedPointsOverInputs``.

        Raises:
            ValueError: for shapes that do not fit, and networks that ``as_map`` refuses.
        """
        held = _held(inputs)
        width = side_by_side(initial_states, "initial_states").shape[-1]
        network = network_of(self.rnn, width, held.shape[1])
        starts = start_states(network, initial_states, self.rnn)
        if len(held) not in (1, len(starts)):
            raise MismatchError(f"inputs must have 1 or {len(starts)} rows as initial_states have, got {len(held)}")
        each, group = _distinct(held.expand(len(starts), -1))
        conditions = (group if cond_ids is None else _whole(cond_ids)).numpy()
        if conditions.shape != (len(starts),):
            raise MismatchError(f"cond_ids must have shape [{len(starts)}], got {list(conditions.shape)}")
        self._say(f"Searching from {len(starts)} starts under {len(each)} input{'s' * (len(each) != 1)}.")

        common: dict[str, Any] = {"tol_unique": self.tol_unique, "dtype": self.np_dtype.type}
        common["output"] = output_of(self.rnn, network)
        common["dtype_complex"] = np.result_type(self.np_dtype, np.complex64).type
        searches: list[HeldSearch] = []
        found: list[FixedPoints] = []
        ended: list[FixedPoints] = []
        max_steps = min(max(self.max_iters, 1), _MOST_STEPS)
        extra_starts = max(16 * len(starts), _EXTRA_STARTS) // len(each)
        order = group.argsort(stable=True)
        groups = order.split(group.bincount().tolist())
        begins = [Approach(starts[rows.to(starts.device)], torch.zeros(len(rows)).long()) for rows in groups]
        if len(each) > 1:
            begins = approached(network, starts, each, groups, max_steps)
        for input, rows, begin in zip(each, groups, begins, strict=True):
            search = HeldSearch.run(
                network.hold(input),
                starts[rows.to(starts.device)],
                begin,
                max_steps=max_steps,
                extra_starts=extra_starts if extra_starts >= _A_ROUND else 0,
                seed=self.random_seed,
                progress=self.super_verbose or None,
            )
            searches.append(search)
            found.append(search.table(search.candidates(self.tol_q), conditions[rows.numpy()], common))
            ended.append(search.table(search.all_rows(), conditions[rows.numpy()], common))
            if search.native.completeness.interrupted:
                break
        order = order[: sum(len(table) for table in ended)]
        every, candidates = FixedPoints.concatenate(ended)[order.argsort()], FixedPoints.concatenate(found)
        of_search = np.repeat(np.arange(len(searches)), [len(table) for table in found])
        kept = self._kept(candidates, starts.cpu().numpy())
        unique = candidates[kept]
        if self.do_compute_jacobians:
            by_both = [search.jacobians(unique[of_search[kept] == number]) for number, search in enumerate(searches)]
            unique.J_xstar, unique.dFdu = (np.concatenate(parts) for parts in zip(*by_both, strict=True))
            if self.do_decompose_jacobians:
                unique.decompose_jacobians()
        natives = tuple(search.native for search in searches)
        native = natives[0] if len(each) == 1 else FixedPointsOverInputs(each.to(starts), natives)
        unique.native = every.native = native
        self._say(f"{len(unique)} unique fixed points.\n{_told(native)}")
        return unique, every

    def _kept(self, candidates: FixedPoints, starts: Array) -> Array:
        """The rows that are returned as unique, in order."""
        kept = candidates.unique_rows()
        if self.do_exclude_distance_outliers:
            near = distance_non_outliers(candidates[kept], starts, self.outlier_distance_scale)
            self._say(f"{len(kept) - len(near)} of {len(kept)} points left out as far from the starts.")
            kept = kept[near]
        if len(kept) > self.max_n_unique:
            most = int(self.max_n_unique)
            self._say(f"{most} of {len(kept)} points kept, drawn by chance.")
            kept = np.sort(self.rng.choice(kept, most, replace=False))
        return kept

    def _say(self, words: str) -> None:
        if self.verbose:
            print(words)

    identify_q_outliers = staticmethod(q_outliers)
    identify_q_non_outliers = staticmethod(q_non_outliers)
    identify_distance_non_outliers = staticmethod(distance_non_outliers)


def _number_type(dtype: Any) -> np.dtype[Any]:
    for kind in (np.dtype(np.float64), np.dtype(np.float32)):
        if dtype in (kind, kind.name, kind.type):
            return kind
    raise ArgumentError("dtype", f"must be 'float64' or 'float32', got {dtype!r}")


def _told(native: NativeFixedPoints | FixedPointsOverInputs) -> str:
    if isinstance(native, FixedPointsOverInputs):
        missing = sum(points.index_sum not in (1, None) for points in native.points)
        return f"Points are certainly missing under {missing} of {len(native.points)} inputs; native tells of each."
    return "\n".join([native.summary(), native.completeness.verdict, *native.advice])


def _trajectories(value: States, name: str) -> Array:
    """States or inputs [batch, time, n]."""
    rows = side_by_side(value, name)
    if rows.ndim != 3 or 0 in rows.shape[:2]:
        raise MismatchError(f"{name} must have shape [batch, time, n], got {list(rows.shape)}")
    return rows.numpy()


def _held(value: ArrayLike) -> Tensor:
    """Inputs [k, m]."""
    rows = as_tensor(value, "inputs", dtype=torch.float64, device=torch.device("cpu"))
    rows = rows.unsqueeze(0) if rows.ndim == 1 else rows
    if rows.ndim != 2 or not len(rows):
        raise MismatchError(f"inputs must have shape [1, n_inputs] or [k, n_inputs], got {list(rows.shape)}")
    return rows


def _distinct(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The different ones of rows [k, m], and for each row which it is, [k]."""
    if not rows.shape[1]:  # an autonomous network
        return rows[:1], torch.zeros(len(rows), dtype=torch.long)
    return rows.unique(dim=0, return_inverse=True)


def _whole(cond_ids: ArrayLike) -> Tensor:
    numbers = as_tensor(cond_ids, "cond_ids", dtype=torch.float64, device=torch.device("cpu"))
    if not (numbers == numbers.round()).all():
        raise ArgumentError("cond_ids", "must be whole numbers")
    return numbers.long()


def _scale(noise_scale: float) -> float:
    if noise_scale < 0:
        raise ArgumentError("noise_scale", f"must be 0 or positive, got {noise_scale}")
    return noise_scale
