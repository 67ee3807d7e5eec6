"""Vector fields as maps: one step of Euler's method or of the classical Runge-Kutta method."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

Scheme: TypeAlias = Literal["euler", "rk4"]


class FieldStep(nn.Module):
    """One step of length dt of tau dh/dt = f(h, x) under a held input, with tau = 1 if it is not given.

    "euler": h' = h + (dt / tau) f(h, x), whose fixed points are those of the field. "rk4": the classical method of
    order 4, which has them too, and others where the step is too long.
    """

    def __init__(self, field: Callable[[Tensor, Tensor], Tensor], dt: float, tau: float, scheme: Scheme) -> None:
        super().__init__()
        self.field, self.dt, self.tau = field, dt, tau
        self.scheme: Scheme = scheme
        self.__name__ = f"{getattr(field, '__name__', type(field).__name__)} by {scheme} steps of {dt:g}"

    def forward(self, state: Tensor, input: Tensor) -> Tensor:
        step = self.dt / self.tau
        first = self.field(state, input)
        if self.scheme == "euler":
            return state + step * first
        second = self.field(state + step / 2 * first, input)
        third = self.field(state + step / 2 * second, input)
        fourth = self.field(state + step * third, input)
        return state + step / 6 * (first + 2 * second + 2 * third + fourth)

    def halved(self) -> "FieldStep":
        """The same in steps half as long."""
        return FieldStep(self.field, self.dt / 2, self.tau, self.scheme)


class _StateOnly(nn.Module):
    def __init__(self, of: nn.Module) -> None:
        super().__init__()
        self.of = of
        self.__name__ = type(of).__name__

    def forward(self, state: Tensor, input: Tensor) -> Tensor:  # noqa: ARG002
        return self.of(state)


def without_input(step: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """A step or vector field that takes a state alone, as one of a state and no inputs; a module stays a module."""
    if isinstance(step, nn.Module):
        return _StateOnly(step)

    def stepped(state: Tensor, input: Tensor) -> Tensor:  # noqa: ARG001
        return step(state)

    stepped.__name__ = getattr(step, "__name__", type(step).__name__)
    return stepped


def own_dt(module: object, dt: float | None, tau: float | None) -> float | None:
    """The time that one step of a network takes, of what was given and of the module's own ``alpha`` = dt / tau.

    Raises:
        ValueError: for a tau without dt or alpha, or all three where they do not agree.
    """
    alpha = getattr(module, "alpha", None)
    alpha = float(alpha) if isinstance(alpha, int | float) or (torch.is_tensor(alpha) and alpha.numel() == 1) else None
    if tau is None:
        return dt
    if alpha is None and dt is None:
        raise ValueError(
            f"tau={tau:g} tells no time of a step: give dt, as the module has no attribute alpha = dt / tau"
        )
    if alpha is not None and dt is not None and abs(dt / tau - alpha) > 1e-6 * alpha:
        raise ValueError(f"dt / tau must be the module's alpha, {alpha:g}, but dt={dt:g} and tau={tau:g} were given")
    return dt if dt is not None else (alpha or 0.0) * tau
