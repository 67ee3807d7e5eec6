"""A recurrent network whose input goes through an encoder first."""

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from .autonomous import Reduction
from .boxes import Box, NoBox
from .derived_weights import present
from .driven import DrivenMap
from .functions import FunctionMap
from .gradients import derivative
from .linearization import Linearization
from .rectifiers import Rectifiers


class _EncoderStep(nn.Module):
    """An encoder as a step that knows no state, so that it is tried, frozen and differentiated as steps are."""

    def __init__(self, encoder: nn.Module | Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, state: Tensor, input: Tensor) -> Tensor:  # noqa: ARG002
        encoder = self.encoder
        evaluated = present(encoder) if isinstance(encoder, nn.Module) and self.training else encoder
        return evaluated(input)


class EncodedMap(DrivenMap):
    """h' = F(h, e(x)): a driven map behind an encoder e, which acts on each input alone."""

    def __init__(self, network: DrivenMap, encoder: FunctionMap) -> None:
        self.network, self.encoder = network, encoder

    def __repr__(self) -> str:
        return f"{self.network!r} behind an encoder of {self.input_size} inputs"

    @property
    def state_size(self) -> int:
        return self.network.state_size

    @property
    def input_size(self) -> int:
        return self.encoder.input_size

    @property
    def dtype(self) -> torch.dtype:
        return self.network.dtype

    @property
    def device(self) -> torch.device:
        return self.network.device

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        return self.network.layer_sizes

    @property
    def acting(self) -> Tensor | None:
        return self.network.acting

    def encode(self, input: Tensor) -> Tensor:
        """What the network sees of inputs [..., m]: [..., m']."""
        rows = input.reshape(-1, self.input_size)
        seen = self.encoder.step(rows.new_zeros(len(rows), self.encoder.state_size), rows)
        return seen.unflatten(0, input.shape[:-1]) if input.ndim > 1 else seen[0]

    def step(self, state: Tensor, input: Tensor) -> Tensor:
        return self.network.step(state, self.encode(input))

    def scan(self, inputs: Tensor, state: Tensor) -> Tensor:
        return self.network.scan(self.encode(inputs), state)

    def last_states(self, inputs: Tensor, state: Tensor) -> Tensor:
        return self.network.last_states(self.encode(inputs), state)

    def frozen(self, dtype: torch.dtype) -> Self:
        return type(self)(self.network.frozen(dtype), self.encoder.frozen(dtype))

    def ungated(self) -> "EncodedMap":
        return EncodedMap(self.network.ungated(), self.encoder)

    def reduced(self, input: Tensor) -> Reduction | None:
        return self.network.reduced(self.encode(input))

    def rectifiers(self, input: Tensor) -> Rectifiers | None:
        return self.network.rectifiers(self.encode(input))

    def linearize(
        self, states: Tensor, inputs: Tensor, wrt_input: bool = False
    ) -> tuple[Tensor, Linearization, Tensor | None]:
        value, linearization, by_seen = self.network.linearize(states, self.encode(inputs), wrt_input)
        if by_seen is None:
            return value, linearization, None
        nothing = inputs.new_zeros(len(inputs), self.encoder.state_size)
        return value, linearization, by_seen @ derivative(self.encoder.step, nothing, inputs, 1)

    def bytes_per_linearization(self, itemsize: int) -> int:
        seen, m = self.encoder.state_size, self.input_size
        return self.network.bytes_per_linearization(itemsize) + itemsize * seen * (self.state_size + 8 * seen + m)

    def box(self, input: Tensor) -> Box | NoBox:
        return self.network.box(self.encode(input))


def encoded(network: DrivenMap, encoder: nn.Module | Callable[[Tensor], Tensor], input_size: int | None) -> EncodedMap:
    """The network behind an encoder, tried on random inputs.

    Raises:
        ValueError: for an encoder that is not called as encoder(input [..., m]) -> [..., m'], row by row, or whose
            input size is neither given nor told by its first layer.
    """
    if not callable(encoder):
        raise ValueError(f"encoder must be a module or function [..., m] -> [..., m'], got {type(encoder).__name__}")
    size = _first_width(encoder) if input_size is None else input_size
    if size is None:
        raise ValueError(f"encoder {type(encoder).__name__} does not tell how many inputs it takes: give input_size=m")
    try:
        step = FunctionMap(_EncoderStep(encoder), network.input_size, size, device=network.device)
        where = {"dtype": network.dtype, "device": network.device}
        step.step(torch.zeros(2, network.input_size, **where), torch.zeros(2, size, **where))
    except ValueError as error:
        raise ValueError(
            f"encoder must take [..., {size}] to [..., {network.input_size}] in {network.dtype}, each row alone; "
            f"as a step that ignores its state it is refused: {error}"
        ) from error
    return EncodedMap(network, step)


def _first_width(encoder: object) -> int | None:
    for part in encoder.modules() if isinstance(encoder, nn.Module) else ():
        for name in ("in_features", "num_features"):
            if isinstance(width := getattr(part, name, None), int):
                return width
        if isinstance(part, nn.LayerNorm):
            return int(part.normalized_shape[-1])
    return None
