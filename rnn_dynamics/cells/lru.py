"""The linear recurrent unit, as a sequence module."""

import math
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import linear

from ..checks import ArgumentError, Positive, Size, Within, checked
from ..systems import LRULayer
from .base import NamedCell, on_host
from .leaky import draw_normal


@checked
class LRU(NamedCell):
    """A layer of linear recurrent units, z' = lambda z + gamma (B x), that puts out y = Re(C z') + D x, [m] as x is.

    lambda = exp(-exp(nu_log) + i exp(theta_log)) and gamma = exp(gamma_log), unit by unit. The state, of the module and
    of its map, is [Re z, Im z], [2 n]. Parameters: ``nu_log_l0``, ``theta_log_l0``, ``gamma_log_l0`` [n],
    ``weight_ih_l0`` (B: [Re, Im]) [2 n, m], ``weight_ho_l0`` (C: [Re, -Im]) [m, 2 n], ``weight_io_l0`` (D) [m]. First weights:
    lambda uniform on the ring between two radii, gamma = sqrt(1 - |lambda|^2), Re and Im of B from N(0, 1 / 2 m), those of C
    from N(0, 1 / n), D from N(0, 1). Stacks of them need a non-linearity in between, which is the model's own.

    Source: Orvieto et al. 2023, arXiv 2303.06349.
    """

    layer_type, cell = LRULayer, "LRU"
    layer_weights = ("nu_log", "theta_log", "gamma_log", "weight_ih")
    outputs_are_states = False
    repr_defaults = {"bias": False}  # noqa: RUF012

    def __init__(
        self,
        input_size: Size,
        hidden_size: Size,
        batch_first: bool = False,
        *,
        r_min: Annotated[float, Within(0.0, 1.0)] = 0.0,
        r_max: Annotated[float, Within(0.0, 1.0)] = 1.0,
        max_phase: Annotated[float, Positive()] = 2 * math.pi,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the layer.

        Args:
            input_size, hidden_size: m and n.
            batch_first, device, dtype: as in ``MGU``.
            r_min, r_max: |lambda| of first weights lies between these; 0 and 1, the whole disc, by default.
            max_phase: their angles lie between 0 and this; a full turn by default.

        Raises:
            ValueError: for sizes that ``MGU`` refuses, or radii that leave no ring.
        """
        if not r_min < r_max:
            raise ArgumentError("r_min", f"must be below r_max={r_max}, got {r_min}")
        self.r_min, self.r_max, self.max_phase = r_min, r_max, max_phase
        super().__init__(input_size, hidden_size, 1, False, batch_first, device=device, dtype=dtype)

    @property
    def state_size(self) -> int:
        return 2 * self.hidden_size

    def weight_shapes(self, units: int, inputs: int) -> dict[str, tuple[int, ...]]:
        own = dict.fromkeys(("nu_log", "theta_log", "gamma_log"), (units,))
        return {**own, "weight_ih": (2 * units, inputs), "weight_ho": (inputs, 2 * units), "weight_io": (inputs,)}

    @property
    def output_size(self) -> int:
        return self.input_size

    def outputs(self, sequences: Tensor, states: Tensor) -> Tensor:
        return linear(states, self.weight_ho_l0) + self.weight_io_l0 * sequences  # pyright: ignore[reportArgumentType, reportOperatorIssue, reportCallIssue]

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        weights = dict(self.named_parameters())
        radius, angle = (on_host(weights["nu_log_l0"]).uniform_(generator=generator) for _ in range(2))
        # Squared moduli uniform between the squared radii; 0 has no logarithm.
        square = (self.r_min**2 + radius * (self.r_max**2 - self.r_min**2)).clamp(min=1e-12, max=1.0 - 1e-6)
        weights["nu_log_l0"].copy_((-0.5 * square.log()).log())
        weights["theta_log_l0"].copy_((self.max_phase * angle.clamp(min=1e-12)).log())
        weights["gamma_log_l0"].copy_(0.5 * (1.0 - square).log())
        draw_normal(weights["weight_ih_l0"], (2 * max(1, self.input_size)) ** -0.5, generator)
        draw_normal(weights["weight_ho_l0"], self.hidden_size**-0.5, generator)
        draw_normal(weights["weight_io_l0"], 1.0, generator)
