"""What is asked of a function before it is taken for a step: that it is one, draws nothing, and has gradients."""

import functools
import inspect
import random
import warnings
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.utils._python_dispatch import TorchDispatchMode

from ..checks import ArgumentError
from .gradients import Step, derivative, disagreement
from .interpretation import Interpretation

_SIZES = (1e-3, 0.1, 0.1, 1.0, 1.0, 3.0, 3.0, 10.0)
"""Of the states and inputs at which gradients are compared: near the origin, where units saturate, and beyond."""


_ALONE = 64
"""Rows of a batch that are compared with the same states alone: each of a thousand would take seconds."""

_AGAIN = 8
"""States that a step is called with again after others, by which a memory of its own shows."""


class _Watch(TorchDispatchMode):
    """Refuse, in this thread, what would draw from a global random state, before it does; and note what is coarse.

    Draws of Python's and NumPy's cannot be seen: their states are put back in the end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.coarsest = torch.float64
        """The dtype of least precision that anything was computed in."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded in func.tags and not _own_generator((*args, *kwargs.values())):
            raise _RandomDrawError(
                f"step(state, input) must be deterministic; it draws random numbers ({func}): dropout? noise that is "
                "not added to the state? give a step without, or an attribute like noise_std that is 0 where there is "
                "none"
            )
        result = func(*args, **kwargs)
        dtype = result.dtype if isinstance(result, Tensor) and result.is_floating_point() else self.coarsest
        self.coarsest = max(self.coarsest, dtype, key=lambda kind: torch.finfo(kind).eps)
        return result

    def __enter__(self) -> "_Watch":
        self._states = random.getstate(), np.random.get_state()  # noqa: NPY002
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        random.setstate(self._states[0])
        np.random.set_state(self._states[1])  # noqa: NPY002

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, and to say so torch would import its compiler: seconds


class _RandomDrawError(ValueError):
    pass


def _own_generator(values: Iterable[object]) -> bool:
    return any(isinstance(value, torch.Generator) and value is not torch.default_generator for value in values)


def watched() -> _Watch:
    """A context in which what draws from a global random state is refused by a ``ValueError``, in this thread."""
    return _Watch()


def made_of_zeros(
    step: Step,
    n: int,
    m: int,
    dtype: torch.dtype,
    device: torch.device,
    *,
    mode: Interpretation | None = None,
    gradients: bool = False,
) -> Tensor | None:
    """The tensor that a step makes of zeros [n] and [m]; None where it raises, draws, or makes something else.

    Args:
        step: of a caller; errors of any kind within it are none here, as ``batched`` says what they were.
        n, m, dtype, device: of the zeros.
        mode: how the step is to be run.
        gradients: whether the zeros want gradients, which NumPy does not take.
    """
    where = {"dtype": dtype, "device": device, "requires_grad": gradients}
    try:
        with (
            _Watch(),
            torch.set_grad_enabled(gradients or torch.is_grad_enabled()),
            warnings.catch_warnings(),
            mode or nullcontext(),
        ):
            warnings.simplefilter("ignore")  # which real calls give again
            made = step(torch.zeros(n, **where), torch.zeros(m, **where))
    except Exception:
        return None
    return made if isinstance(made, Tensor) else None


def accepted_dtype(step: Step, n: int, m: int, device: torch.device) -> torch.dtype:
    """What a plain function computes in: float64, unless tensors that it captures are float32."""
    for dtype in (torch.float64, torch.float32):
        made = made_of_zeros(step, n, m, dtype, device)
        if made is not None and made.dtype == dtype:
            return dtype
    return torch.float64


def is_plain(step: Step, n: int, m: int, dtype: torch.dtype, device: torch.device) -> bool:
    """Whether a step makes a real state [n] in this dtype, of tensors that want gradients, and draws nothing."""
    return _is_state(made_of_zeros(step, n, m, dtype, device, gradients=True), n, dtype)


@torch.no_grad()
def needs_precision(step: Step, n: int, m: int, dtype: torch.dtype, device: torch.device) -> bool:
    """Whether a step fails on states of this dtype or returns coarser ones, for the constants that it captures."""

    def fits(mode: Interpretation | None) -> bool:
        return _is_state(made_of_zeros(step, n, m, dtype, device, mode=mode), n, dtype)

    return not fits(None) and fits(Interpretation(dtype))


def _is_state(made: Tensor | None, n: int, dtype: torch.dtype) -> bool:
    return made is not None and made.shape == (n,) and made.dtype == dtype


class Probed(NamedTuple):
    """A step that takes batches, and what is to be said of it."""

    step: Step
    notes: tuple[str, ...] = ()


@torch.no_grad()
def batched(
    step: Step,
    n: int,
    m: int,
    dtype: torch.dtype,
    device: torch.device,
    bounds: tuple[Tensor, Tensor] | None = None,
    works_in: torch.dtype | None = None,
    gradients: bool = True,
) -> Probed:
    """The step itself where it treats rows independently, else its vmap, else row by row; tried on random states.

    The global random states are neither read nor moved.

    Args:
        step: step(state [n], input [m]) -> state [n].
        n, m: sizes of state and input.
        dtype, device: of the states that it will be given.
        bounds: a box to take states from, rather than from around the origin.
        works_in: the precision that it is known to work in.
        gradients: whether it must have its own.

    Raises:
        ValueError: for a step of another shape or dtype, one that draws random numbers, changes its arguments or has
            other gradients than its own.
    """
    generator = torch.Generator().manual_seed(0)

    def drawn(rows: int, width: int, scale: float | Tensor) -> Tensor:
        unit = torch.randn(rows, width, generator=generator, dtype=torch.float64)
        return (scale * unit).to(dtype=dtype, device=device)

    # One row more than units, so that a step written for one state cannot mistake rows for units.
    states, inputs = drawn(n + 1, n, 0.1), drawn(n + 1, m, 0.1)
    wanted = f"step(state, input) must return a state of shape [{n}] and dtype {dtype}"
    given = states[0].clone(), inputs[0].clone()
    try:
        with _Watch() as watch:
            row = step(*given)
            again = step(states[0].clone(), inputs[0].clone())
    except _RandomDrawError:
        raise
    except (RuntimeError, TypeError, IndexError, ValueError, AttributeError) as error:
        hint = _precision_hint(dtype, works_in) or _sequence_hint(step)
        raise ValueError(f"{wanted}; it raised {type(error).__name__}: {error}{hint}") from error
    if not isinstance(row, Tensor) or row.shape != (n,) or row.dtype != dtype:
        got = f"{list(row.shape)} of {row.dtype}" if isinstance(row, Tensor) else type(row).__name__
        raise ValueError(f"{wanted}, got {got}{_type_hint(row, dtype, step)}")
    if not (torch.equal(given[0], states[0]) and torch.equal(given[1], inputs[0])):
        raise ValueError("step(state, input) must not change its arguments in place: let it work on copies")
    if not torch.equal(row.nan_to_num(), again.nan_to_num()):
        raise ValueError("step(state, input) must be deterministic; two calls differed (dropout? noise?)")
    chosen = _by_rows(step, states, inputs, watch.coarsest)
    if not gradients:
        return chosen
    sizes = torch.tensor(_SIZES, dtype=torch.float64).unsqueeze(-1)
    if bounds is None:
        states = drawn(len(_SIZES), n, sizes)
    else:
        low, high = (bound.cpu() for bound in bounds)
        unit = torch.rand(len(_SIZES), n, generator=generator, dtype=torch.float64)
        states = (low + (high - low) * unit).to(dtype=dtype, device=device)
    _require_gradients(chosen.step, states, drawn(len(_SIZES), m, sizes), watch.coarsest)
    return chosen


def _by_rows(step: Step, states: Tensor, inputs: Tensor, precision: torch.dtype) -> Probed:
    picked = torch.linspace(0, len(states) - 1, min(len(states), _ALONE)).round().long()

    def alone(scale: float) -> Tensor:
        return torch.stack([step(scale * states[row], inputs[row].clone()) for row in picked.tolist()])

    expected = alone(1.0)
    few = [step(states[row].clone(), inputs[row].clone()) for row in picked[:_AGAIN].tolist()]
    if not torch.equal(torch.stack(few).nan_to_num(), expected[:_AGAIN].nan_to_num()):
        raise ValueError(
            "step(state, input) must depend on its arguments alone; calls with the same ones differed, after others: "
            "it draws random numbers, or keeps something from call to call"
        )
    eps = torch.finfo(precision).eps
    rounding = 1e-6 + 100 * eps * float(expected.nan_to_num().abs().amax())
    for candidate in (step, vmap(step)):
        try:
            rows = candidate(states.clone(), inputs.clone())
        except (RuntimeError, IndexError, ValueError, TypeError):
            continue
        if not isinstance(rows, Tensor) or rows.shape != states.shape:
            continue
        if candidate is not step:  # which mixes no rows: a steep step magnifies what is rounded otherwise
            rounding += 10 * float((alone(1 + 16 * eps) - expected).nan_to_num().abs().amax())
        # A step that reduces over rows (x.sum(), say) agrees on no row but with one state at a time.
        if torch.allclose(rows[picked.to(rows.device)], expected, rtol=1e-5, atol=rounding, equal_nan=True):
            return Probed(candidate)
    return Probed(_row_by_row(step), ("its rows are computed one by one, slowly: it takes neither batches nor vmap",))


def _row_by_row(step: Step) -> Step:
    def stepped(states: Tensor, inputs: Tensor) -> Tensor:
        rows = zip(states.flatten(0, -2), inputs.flatten(0, -2), strict=True)
        after = [step(state, input) for state, input in rows]
        return torch.stack(after).unflatten(0, states.shape[:-1]) if after else states.clone()

    return stepped


def _require_gradients(step: Step, states: Tensor, inputs: Tensor, precision: torch.dtype) -> None:
    try:
        derivative(step, states[:1], inputs[:1], 0)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ArgumentError("step", f"must be written in torch operations, to be differentiated: {error}") from error
    for by, name in ((0, "state"), (1, "input")):
        if not (states, inputs)[by].shape[1]:
            continue
        try:
            found = disagreement(step, states, inputs, by, precision)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ArgumentError("step", f"must be differentiable by its {name} too: {error}") from error
        if found is not None:
            unit, slope, said = found
            raise ArgumentError(
                "step",
                f"must have its own gradients, but by its {name} unit {unit} changes at a rate of {slope:.8g} "
                f"where autograd says {said:.8g}: let no part of it run under torch.no_grad(), .data, .detach(), "
                ".item() or numpy, nor with a gradient other than its own (straight-through), or take "
                "derivatives='differences'",
            )


def _precision_hint(dtype: torch.dtype, works_in: torch.dtype | None) -> str:
    if dtype is not torch.float64 or works_in is not torch.float32:
        return ""
    return (
        "; it works in float32: use W.to(state.dtype) for the tensors W that it captures, or model.double() for a "
        "model, or pass the model itself as the step, a module whose forward is step(state, input), which is copied"
    )


def _type_hint(row: object, dtype: torch.dtype, step: Step) -> str:
    if isinstance(row, tuple | list):
        return _sequence_hint(step) or "; return the next state alone, of an LSTM torch.cat([h, c], dim=-1)"
    if isinstance(row, Tensor) and row.is_complex():
        return "; complex states are not supported: take real and imaginary parts side by side as the state"
    if isinstance(row, Tensor) and dtype is torch.float64 and row.dtype is torch.float32:
        return _precision_hint(dtype, torch.float32)
    return ""


def _sequence_hint(step: Callable[..., object]) -> str:
    """A remedy, if the step holds one of torch's modules for sequences."""
    for module in _held_modules(step):
        for part in module.modules():
            if isinstance(part, nn.RNNBase):
                kind = part.mode.partition("_")[0]
                return (
                    f"; it holds a nn.{kind}, which takes sequences and returns (outputs, last state): use "
                    f"nn.{kind}Cell, or pass the nn.{kind} itself to as_map"
                )
    return ""


def _held_modules(step: Callable[..., object]) -> list[nn.Module]:
    """The modules that a step is, is bound to, or refers to by name."""
    if isinstance(step, functools.partial):
        return [*_held_modules(step.func), *(value for value in step.args if isinstance(value, nn.Module))]
    held = [step, getattr(step, "__self__", None)]
    function = getattr(step, "__func__", step)
    if inspect.isfunction(function):
        names = inspect.getclosurevars(function)
        held += [*names.nonlocals.values(), *names.globals.values()]
    return [value for value in held if isinstance(value, nn.Module)]
