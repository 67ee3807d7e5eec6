"""The driven map (h, x) -> F(h, x), and what holding its input makes of it."""

from abc import ABC, abstractmethod
from typing import Self, TypeAlias

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, as_tensor, as_vector, checked, require_floating, worded
from ..stopping import look_at_the_clock
from .autonomous import AutonomousMap, Reduction
from .boxes import Box, NoBox
from .linearization import Linearization
from .pushforward import LayeredPushforward, Pushforward
from .rectifiers import Rectifiers

FirstState: TypeAlias = ArrayLike | tuple[Tensor, Tensor]


class DrivenMap(ABC):
    """A recurrent network seen as a map of state and input, whatever cells it is made of."""

    said: tuple[str, ...] = ()
    """Notes of whoever made the map."""

    dt: float | None = None
    """The time that a step takes, in the user's unit; None where it was not told."""

    @property
    @abstractmethod
    def state_size(self) -> int: ...

    @property
    @abstractmethod
    def input_size(self) -> int: ...

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype: ...

    @property
    @abstractmethod
    def device(self) -> torch.device: ...

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """How many coordinates of the state belong to each layer, in order."""
        return (self.state_size,)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of how the map was made of a module or function, a clause each."""
        return self.said

    def halved(self) -> "DrivenMap | None":
        """Of a vector field's steps, the map of steps half as long; None for any other map."""
        return None

    def _copied(self, dtype: torch.dtype) -> Self:
        frozen = self.frozen(dtype)
        frozen.said, frozen.dt = self.said, self.dt
        return frozen

    @abstractmethod
    def step(self, state: Tensor, input: Tensor) -> Tensor:
        """The next state [..., n] from state [..., n] and input [..., m]; plain torch ops, differentiable."""

    @abstractmethod
    def frozen(self, dtype: torch.dtype) -> Self:
        """The same map with weights copied, detached and converted to ``dtype``."""

    @property
    def acting(self) -> Tensor | None:
        """Which coordinates of the state F depends on, [n]; None where it is all of them."""
        return None

    def ungated(self) -> "DrivenMap":
        """A map with the same fixed points under any held input, better conditioned for root search; see ``Layer``."""
        return self

    def reduced(self, input: Tensor) -> Reduction | None:  # noqa: ARG002
        """A smaller map with the same fixed points under the held input [m]; None where none is known."""
        return None

    def rectifiers(self, input: Tensor) -> Rectifiers | None:  # noqa: ARG002
        """The equation of the fixed points under the held input [m], if ReLUs are all that bends the map."""
        return None

    @abstractmethod
    def linearize(
        self, states: Tensor, inputs: Tensor, wrt_input: bool = False
    ) -> tuple[Tensor, Linearization, Tensor | None]:
        """F, its derivative by the state and, if asked for, by the input [k, n, m], at states [k, n], inputs [k, m]."""

    def pushforward(self, states: Tensor, inputs: Tensor, vectors: int) -> Pushforward:  # noqa: ARG002
        """What carries ``vectors`` tangent vectors at each of states [k, n] under inputs [k, m] at the least cost."""
        return self.linearize(states, inputs)[1]

    def shared_products(self, states: Tensor, inputs: Tensor) -> LayeredPushforward | None:  # noqa: ARG002
        """What carries tangent vectors by products with weights that all of states [k, n] share, if anything does."""
        return None

    @abstractmethod
    def bytes_per_linearization(self, itemsize: int) -> int:
        """Peak memory of linearizing one row."""

    @abstractmethod
    def box(self, input: Tensor) -> Box | NoBox:
        """A box mapped into itself under the held input [m]."""

    @checked
    def run(self, inputs: ArrayLike, state: FirstState | None = None) -> Tensor:
        """The states that an input sequence leads through, h_t = F(h_{t-1}, x_t).

        Args:
            inputs: [batch, time, m], whatever ``batch_first`` the module was built with.
            state: the first state; zeros by default, as in torch. See ``first_states``.

        Returns:
            [batch, time, n]: after each input, the full state (layers in order; an LSTM layer gives [h, c]).
        """
        if not isinstance(inputs, Tensor):
            inputs = as_tensor(inputs, "inputs", dtype=self.dtype, device=self.device)
        if inputs.ndim != 3 or inputs.shape[-1] != self.input_size or 0 in inputs.shape[:2]:
            raise ArgumentError("inputs", f"must have shape [batch, time, {self.input_size}], got {list(inputs.shape)}")
        inputs = inputs.to(self.dtype)
        first = inputs.new_zeros(len(inputs), self.state_size)
        first = first if state is None else self.first_states(state, len(inputs)).to(inputs)
        # Contiguous, as torch rounds a strided product differently with and without gradients.
        return self.scan(inputs.transpose(0, 1).contiguous(), first).transpose(0, 1)

    def first_states(self, state: FirstState | None, batch: int) -> Tensor:
        """The states [batch, n] to begin with, from a state in any of the usual forms; gradients flow through.

        Args:
            state: [n] or [1, n] for all sequences alike, [batch, n] for each its own; or as torch's modules have it,
                [layers, batch, units], [layers, 1, units] or [layers, units], of an LSTM a pair (h, c) of these.
                Zeros by default.
            batch: how many sequences there are.

        Raises:
            ValueError: for another shape, or entries that are not finite.
        """
        n = self.state_size
        if state is None:
            return torch.zeros(batch, n, dtype=self.dtype, device=self.device)
        given = list(state) if isinstance(state, tuple) else [state]
        where = {"dtype": self.dtype, "device": self.device}
        parts: list[Tensor] = []
        for part in given:
            if isinstance(part, Tensor) and not part.is_complex() and part.layout is torch.strided:
                parts.append(part.to(**where))
            else:
                parts.append(as_tensor(part, "state", **where))
        rows: Tensor | None = parts[0]
        if len(parts) > 1 or rows.ndim == 3 or (rows.ndim == 2 and rows.shape[-1] != n):
            rows = _from_layers(parts, self.layer_sizes)
        elif rows.ndim == 1:
            rows = rows.unsqueeze(0)
        if rows is None or rows.ndim != 2 or rows.shape[1] != n or len(rows) not in (1, batch):
            got = " and ".join(str(list(part.shape)) for part in parts)
            raise ArgumentError("state", f"must have shape [{batch}, {n}] or [{n}], or be as torch takes it, got {got}")
        if not rows.detach().isfinite().all():
            raise ArgumentError("state", "must be finite, but holds NaN or infinite entries")
        return rows.expand(batch, n)

    def scan(self, inputs: Tensor, state: Tensor) -> Tensor:
        """The states [time, batch, n] that inputs [time, batch, m] lead through from states [batch, n]."""
        states = []
        for input in inputs:
            state = self.step(state, input)
            states.append(state)
        return torch.stack(states)

    def last_states(self, inputs: Tensor, state: Tensor) -> Tensor:
        """The states [batch, n] after the last of inputs [time, batch, m], in the fastest way there is."""
        return self.scan(inputs, state)[-1]

    @checked
    def hold(self, input: ArrayLike | None = None, dtype: torch.dtype = torch.float64) -> "HeldMap":
        """The autonomous map h -> F(h, input) under a constant input, on a frozen copy of the weights.

        Args:
            input: [m]; zeros by default.
            dtype: float64 by default, since a residual of 1e-10 cannot be told from zero in float32.
        """
        require_floating(dtype)
        if input is None:
            input = torch.zeros(self.input_size, dtype=dtype)
        return HeldMap(
            self._copied(dtype), as_vector(input, "input", self.input_size, dtype=dtype, device=self.device).clone()
        )

    @checked
    def input_family(self, direction: ArrayLike | int, offset: ArrayLike | None = None) -> "InputFamily":
        """The family p -> map under the held input offset + p direction, on a frozen float64 copy of the weights.

        Args:
            direction: [m], or the number of an input for the unit vector along it.
            offset: [m]; zeros by default.
        """
        where = {"dtype": torch.float64, "device": self.device}
        if isinstance(direction, int):
            if not 0 <= direction < self.input_size:
                raise ArgumentError(
                    "direction", f"must be the number of an input below {self.input_size}, got {direction}"
                )
            direction = torch.eye(self.input_size)[direction]
        along = as_vector(direction, "direction", self.input_size, **where).clone()
        if not bool(along.any()):
            raise ArgumentError("direction", "must not be zero: the input would not move")
        offset = torch.zeros(self.input_size) if offset is None else offset
        return InputFamily(
            self._copied(torch.float64), along, as_vector(offset, "offset", self.input_size, **where).clone()
        )


class HeldMap(AutonomousMap):
    """A driven map whose input is held constant."""

    def __init__(self, network: DrivenMap, input: Tensor) -> None:
        self.network = network
        self.input = input
        self._box: Box | NoBox | None = None

    def __repr__(self) -> str:
        held = "no input" if not len(self.input) else f"input {[round(x, 4) for x in self.input[:6].tolist()]}"
        return f"{self.network!r} holding {held}{' ...' if len(self.input) > 6 else ''}"

    @property
    def state_size(self) -> int:
        return self.network.state_size

    @property
    def dtype(self) -> torch.dtype:
        return self.input.dtype

    @property
    def device(self) -> torch.device:
        return self.input.device

    @property
    def notes(self) -> tuple[str, ...]:
        return self.network.notes

    @property
    def dt(self) -> float | None:
        return self.network.dt

    def halved(self) -> "HeldMap | None":
        network = self.network.halved()
        return None if network is None else HeldMap(network, self.input)

    def _inputs(self, states: Tensor) -> Tensor:
        return self.input.expand(*states.shape[:-1], -1)

    def __call__(self, states: Tensor) -> Tensor:
        look_at_the_clock()
        states = states.to(self.dtype)
        return self.network.step(states, self._inputs(states))

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        look_at_the_clock()
        value, linearization, _ = self.network.linearize(states, self._inputs(states))
        return value, linearization

    def pushforward(self, states: Tensor, vectors: int) -> Pushforward:
        look_at_the_clock()
        return self.network.pushforward(states, self._inputs(states), vectors)

    def shared_products(self, states: Tensor) -> LayeredPushforward | None:
        look_at_the_clock()
        return self.network.shared_products(states, self._inputs(states))

    @checked
    def input_jacobian(self, states: Tensor) -> Tensor | None:
        if not len(self.input):
            return None
        if states.ndim != 2 or states.shape[1] != self.state_size:
            raise ArgumentError("states", f"must have shape [k, {self.state_size}], got {list(states.shape)}")
        states = states.to(self.dtype)
        return self.network.linearize(states, self._inputs(states), wrt_input=True)[2]

    @property
    def acting(self) -> Tensor | None:
        return self.network.acting

    def ungated(self) -> "HeldMap":
        return HeldMap(self.network.ungated(), self.input)

    @torch.no_grad()
    def reduced(self) -> Reduction | None:
        return self.network.reduced(self.input)

    @torch.no_grad()
    def rectifiers(self) -> Rectifiers | None:
        return self.network.rectifiers(self.input)

    @property
    def bytes_per_linearization(self) -> int:
        return self.network.bytes_per_linearization(self.input.element_size())

    @property
    def box(self) -> Box | NoBox:
        if self._box is None:
            with torch.no_grad():
                self._box = self.network.box(self.input)
        return self._box


class InputFamily:
    """p -> the network holding offset + p direction; see ``DrivenMap.input_family``."""

    def __init__(self, network: DrivenMap, direction: Tensor, offset: Tensor) -> None:
        self.network, self.direction, self.offset = network, direction, offset

    def __repr__(self) -> str:
        return f"{self.network!r} holding offset + p * {[round(x, 4) for x in self.direction[:6].tolist()]}"

    def __call__(self, p: float, /) -> HeldMap:
        return HeldMap(self.network, self.offset + p * self.direction)

    def derivative(self, states: Tensor, p: float, /) -> Tensor:
        """dF/dp at states [k, n]: the derivative by the input, along the direction."""
        by_input = self(p).input_jacobian(states)
        assert by_input is not None  # a direction that is not zero has an entry
        return by_input @ self.direction


def _from_layers(parts: list[Tensor], layer_sizes: tuple[int, ...]) -> Tensor | None:
    """States [batch, n] of torch's h, or h and c, each [layers, batch, units], without batch or without layers."""
    layers = len(layer_sizes)
    width = sum(part.shape[-1] for part in parts)
    if len({part.shape[:-1] for part in parts}) != 1 or width * layers != sum(layer_sizes):
        return None
    if parts[0].ndim == 3 and len(parts[0]) == layers:
        return torch.cat([part[layer] for layer in range(layers) for part in parts], dim=-1)
    if parts[0].ndim == 2 and layers > 1 and len(parts[0]) == layers:  # without batch
        return torch.cat([part[layer] for layer in range(layers) for part in parts]).unsqueeze(0)
    if parts[0].ndim < 3 and layers == 1:  # a cell's
        return torch.cat([part.reshape(-1, part.shape[-1]) for part in parts], dim=-1)
    return None


def require_network(network: object) -> None:
    if not isinstance(network, DrivenMap):
        raise ArgumentError("network", f"must be {_NETWORK}; got {type(network).__name__}")


def require_system(system: object) -> None:
    if not isinstance(system, AutonomousMap):
        raise ArgumentError("system", f"must be {_system_words(system)}; got {type(system).__name__}")


_NETWORK = "a map, as as_map(module) gives it"


def _system_words(came: object) -> str:
    hint = "system.hold()" if isinstance(came, DrivenMap) else "as_map(module).hold()"
    return f"an autonomous map, as {hint} gives it"


worded(DrivenMap, _NETWORK)
worded(AutonomousMap, _system_words)
