"""Whether a module steps in a given form: told by calling it on random states and inputs."""

import torch
from torch import Tensor, nn

from ..derived_weights import copied, device_of
from ..interpretation import Interpretation, to_precision
from ..probing import watched
from .form import Form, ModuleStep, item_of

_ROWS = 3
_NUDGE = 1e-15
"""Relative, of the states before many steps: how much chaos magnifies rounding in them."""

_TOLERANCE = 1e-9
"""Relative; modules are tried in double precision."""

_TIMES = 24
"""Inputs of the longer sequence: a delay or a clock within a forward shows after some."""

_ROUNDINGS = 1e3
"""Times the precision: how far a map and its module may round apart."""


class Misfit(Exception):
    """Why a module does not step in a form."""

    @classmethod
    def of(cls, error: Exception) -> "Misfit":
        """That of a call that raised."""
        return cls(" ".join(f"it raised {type(error).__name__}: {error}".split())[:300])


class NearMisfit(Misfit):
    """A module is called in this form, but is no map of the state in it: what its author wants to hear."""


def drawn(rows: int, width: int, seed: int) -> Tensor:
    """Random states or inputs."""
    generator = torch.Generator().manual_seed(seed)
    return 0.5 * torch.randn(rows, width, generator=generator, dtype=torch.float64)


@torch.no_grad()
def try_form(module: nn.Module, form: Form, input_size: int, device: torch.device) -> Tensor:
    """The states after one step of random ones, once the module is found to step in this form.

    Rows must not see each other; a sequence of many must lead where as many of one do; and the state must matter.

    Raises:
        Misfit: if it does not.
    """
    n = form.layout.state_size
    states = drawn(_ROWS, n, 0).to(device)
    inputs, later = (drawn(_ROWS, input_size, seed).to(device) for seed in (1, 2))

    def alone(rows: Tensor, inputs: Tensor) -> Tensor:
        pairs = zip(rows.split(1), inputs.split(1), strict=True)
        return torch.cat([_state(module, form, row, x) for row, x in pairs])

    def after(rows: Tensor, inputs: Tensor) -> Tensor:
        return alone(rows, inputs) if form.one_row else _state(module, form, rows, inputs)

    given = states.clone(), inputs.clone()
    ahead = after(states, inputs)
    if not (torch.equal(states, given[0]) and torch.equal(inputs, given[1])):
        raise NearMisfit("it changes its arguments in place")
    if not close(after(states, inputs), ahead):
        raise NearMisfit(
            "two calls of it differ: it draws random numbers of its own, or keeps something from call to call"
        )
    if not form.one_row and not close(alone(states, inputs), ahead):
        raise Misfit("the states of one batch depend on each other")
    if close(after(states + 0.1, inputs), ahead):
        raise Misfit("the state that is given does not matter")
    if form.sequence:
        both = torch.stack([inputs, later], dim=1)
        twice, expected = after(states, both), after(ahead, later)
        if not close(twice, expected):
            gap = float((twice - expected).abs().max())
            raise NearMisfit(
                f"a sequence of two inputs leads elsewhere than two sequences of one, by up to {gap:.2g}: it does "
                "something else at its first step, or keeps a state beside the one that it is given"
            )
        many = torch.stack([drawn(_ROWS, input_size, 10 + time).to(device) for time in range(_TIMES)], dim=1)
        try:
            far = after(states, many)
        except Misfit as error:
            raise NearMisfit(f"of a sequence of {_TIMES} inputs, {error}") from error
        expected, beside = states, states * (1 + _NUDGE)
        for time in range(_TIMES):
            expected, beside = after(expected, many[:, time]), after(beside, many[:, time])
        magnified = _ROUNDINGS * float((beside - expected).abs().nan_to_num().max())
        if not close(far, expected, max(_TOLERANCE, magnified)):
            gap = float((far - expected).abs().max())
            raise NearMisfit(
                f"a sequence of {_TIMES} inputs leads elsewhere than {_TIMES} sequences of one, by up to {gap:.2g}: it "
                "looks further back than one step, or at the time"
            )
    return ahead


@torch.no_grad()
def require_same(step: ModuleStep, n: int, m: int, dtype: torch.dtype) -> None:
    """Compare a module in its own precision with itself in double precision, as it is analysed.

    Raises:
        ValueError: that shows a difference.
    """
    device = device_of(step)
    states, inputs = (drawn(_ROWS, width, seed).to(device, dtype) for width, seed in ((n, 5), (m, 6)))
    after: list[Tensor] = []
    for precision in (dtype, torch.float64):
        module = to_precision(copied(step), precision).eval() if precision is not dtype else copied(step).eval()
        rows = zip(states.to(precision), inputs.to(precision), strict=True)
        with watched(), Interpretation(precision if precision is not dtype else None, frozen=True):
            after.append(torch.stack([module(state, x) for state, x in rows]).to(torch.float64))
    own, wide = after
    if close(wide, own, _ROUNDINGS * torch.finfo(dtype).eps):
        return
    row, unit = divmod(int((wide - own).abs().argmax()), n)
    raise ValueError(
        f"the map of {type(step.module).__name__} is not what the module does: unit {unit} becomes "
        f"{float(wide[row, unit]):.6g} by the map and {float(own[row, unit]):.6g} by the module"
    )


def close(one: Tensor, other: Tensor, tolerance: float = _TOLERANCE) -> bool:
    """Whether two tensors are the same but for rounding."""
    size = float(other.abs().nan_to_num().max()) if other.numel() else 0.0
    return torch.allclose(one, other, rtol=tolerance, atol=tolerance * (1e-3 + size), equal_nan=True)


def _state(module: nn.Module, form: Form, rows: Tensor, inputs: Tensor) -> Tensor:
    try:
        returned = form.run(module, rows, inputs)
    except Exception as error:  # of any kind, in a caller's module
        raise Misfit.of(error) from error
    state = form.state_of(returned)
    if state is None or len(state) != len(rows):
        found = item_of(returned, form.item)
        words = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise Misfit(f"it returned {words}, no state {form.layout}")
    return state
