"""Leaky networks, as sequence modules."""

import math
from typing import Annotated, Any

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, CheckedInside, Positive, Share, Size, as_tensor, checked
from ..systems import LEAKS, NONLINEARITIES, Layer, LeakyLayer
from .base import NamedCell, on_host

_ALPHA = 0.2
"""dt = 20 ms and tau = 100 ms, as most of the field's task-trained networks have it (Song et al. 2016)."""


class LeakingModule(NamedCell):
    """What leaky modules share: alpha, a non-linearity, where the leak acts, and noise for training."""

    repr_defaults = {"nonlinearity": "tanh", "leak": "outside", "noise": 0.0}  # noqa: RUF012

    def __init__(
        self,
        input_size: Size,
        hidden_size: Size,
        num_layers: Size,
        bias: bool,
        batch_first: bool,
        dropout: Share,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
        *,
        constants: dict[str, Tensor],
        dt: float | None,
        nonlinearity: str,
        leak: str,
        noise: float,
    ) -> None:
        """``constants`` are alpha and what else a layer has that is not trained; all else as ``LeakyRNN`` has it."""
        if nonlinearity not in NONLINEARITIES:
            known = ", ".join(map(repr, NONLINEARITIES))
            raise ArgumentError("nonlinearity", f"must be one of {known}, got {nonlinearity!r}")
        if leak not in LEAKS:
            raise ArgumentError("leak", f"must be one of {', '.join(map(repr, LEAKS))}, got {leak!r}")
        if not 0 <= noise < math.inf:
            raise ArgumentError("noise", f"must be 0 or positive and finite, got {noise}")
        self.constants = constants
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, device=device, dtype=dtype)
        self.nonlinearity, self.leak, self.noise, self.dt = nonlinearity, leak, noise, dt

    def weight_shapes(self, units: int, inputs: int) -> dict[str, tuple[int, ...]]:
        return {"weight_ih": (units, inputs), "weight_hh": (units, units), "bias_ih": (units,)}

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        for name, weight in self.named_parameters():
            if name.startswith("bias"):
                weight.zero_()
            else:
                self.draw(name, weight, generator)

    def draw(self, name: str, weight: Tensor, generator: torch.Generator | None) -> None:  # noqa: ARG002
        """First values of a weight [n, k]: N(0, 1 / k) by default."""
        draw_normal(weight, max(1, weight.shape[1]) ** -0.5, generator)

    def told(self) -> dict[str, str | float]:
        return {**super().told(), "nonlinearity": self.nonlinearity, "leak": self.leak}

    @property
    def layer_options(self) -> dict[str, Any]:
        return {"nonlinearity": self.nonlinearity, "leak": self.leak}

    def drives(self, layer: Layer, sequences: Tensor) -> Tensor:
        drives = layer.project(sequences)
        if not (self.training and self.noise):
            return drives
        return drives + self.noise * (2.0 / layer.weights()["alpha"]).sqrt() * torch.randn_like(drives)


@checked
class LeakyRNN(LeakingModule):
    """A stack of leaky (continuous-time) layers, h' = (1 - alpha) h + alpha f(W h + U x + b).

    Parameters of layer k: ``weight_ih_lk`` (U) [n, m], ``weight_hh_lk`` (W) [n, n], ``bias_ih_lk`` (b) [n]; buffer
    ``alpha_lk``, [] or [n]. First weights: W from N(0, 1 / n), U from N(0, 1 / m), b zero.

    Source: Sompolinsky et al. 1988 (doi:10.1103/PhysRevLett.61.259, the weights); Song et al. 2016
    (doi:10.1371/journal.pcbi.1004792, the step and its noise).
    """

    layer_type = LeakyLayer
    cell = "leaky"

    def __init__(
        self,
        input_size: Size,
        hidden_size: Size,
        num_layers: Size = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: Share = 0.0,
        *,
        alpha: Annotated[ArrayLike | float | None, CheckedInside()] = None,
        dt: Annotated[float, Positive()] | None = None,
        tau: Annotated[ArrayLike | float | None, CheckedInside()] = None,
        nonlinearity: str = "tanh",
        leak: str = "outside",
        noise: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the layers.

        Args:
            input_size, hidden_size, num_layers, bias, batch_first, dropout, device, dtype: as in ``MGU``.
            alpha: the share of the way that a unit goes in a step, in (0, 1], for all units or [n]; 0.2 by default.
            dt, tau: in place of alpha, which is dt / tau; tau for all units or [n], in the unit of dt.
            nonlinearity: f, "tanh", "relu", "softplus", "sigmoid" or "softsign".
            leak: "outside" as above; "inside", h' = f((1 - alpha) h + alpha (W h + U x + b)); or "current",
                h' = (1 - alpha) h + alpha (W f(h) + U x + b).
            noise: sigma. In training sigma sqrt(2 / alpha) N(0, 1) is added to W h + U x + b at every step, which is
                sigma sqrt(2 alpha) N(0, 1) in a current; never in evaluation, and analyses leave it out.

        Raises:
            ValueError: for sizes that ``MGU`` refuses, a share outside (0, 1], or words that are not these.
        """
        super().__init__(
            *(input_size, hidden_size, num_layers, bias, batch_first, dropout, device, dtype),
            constants={"alpha": shares(alpha, dt, tau, hidden_size)},
            dt=dt,
            nonlinearity=nonlinearity,
            leak=leak,
            noise=noise,
        )


def draw_normal(weight: Tensor, deviation: float, generator: torch.Generator | None) -> None:
    """Fill ``weight`` from N(0, deviation^2)."""
    weight.copy_(on_host(weight).normal_(0.0, deviation, generator=generator))


def shares(alpha: ArrayLike | float | None, dt: float | None, tau: ArrayLike | float | None, units: int) -> Tensor:
    """Alpha, [] or [n], as given or from dt and tau."""
    if (dt is None) != (tau is None):
        raise ValueError(f"dt and tau must be given together, got dt={dt!r} and tau={tau!r}")
    if alpha is not None and tau is not None:
        raise ArgumentError("alpha", "is dt / tau: give either alpha or both of these")
    if tau is not None and dt is not None:
        times = numbers_of(tau, "tau")
        if times.shape not in ((), (units,)) or not bool((times >= dt).all()):
            raise ArgumentError("tau", f"must be one number or [{units}], of dt={dt} or more, got {tau}")
        return dt / times
    given = numbers_of(_ALPHA if alpha is None else alpha, "alpha")
    if given.shape not in ((), (units,)) or not bool(((given > 0) & (given <= 1)).all()):
        raise ArgumentError("alpha", f"must be one number or [{units}], above 0 and at most 1, got {alpha}")
    return given


def numbers_of(value: ArrayLike | float, name: str) -> Tensor:
    """An argument that is a number or an array, in float64 on the host."""
    return as_tensor(value, name, dtype=torch.float64, device=torch.device("cpu"))  # pyright: ignore[reportArgumentType]
