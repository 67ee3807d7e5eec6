"""What the project's own recurrent modules share: torch's conventions, and one scan for all cells."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ..checks import NotRecurrent, Share, Size, checked
from ..systems import Layer


@checked
class RecurrentModule(nn.Module, ABC):
    """A stack of one cell's layers, called as ``nn.GRU`` is: output, state = module(input, state).

    For developers: name the ``Layer`` and the shapes of its weights, and set their first values.
    """

    layer_type: type[Layer]
    constants: Mapping[str, Tensor]
    """What a subclass may set before this class makes the layers: buffers of each of them, which it takes over."""

    layer_weights: ClassVar[tuple[str, ...]] = ()
    """Which weights are the layer's, where some make its output of its states; all by default."""

    outputs_are_states: ClassVar[bool] = True
    """Whether ``outputs`` are the top layer's states as they are."""

    repr_defaults: ClassVar[dict[str, object]] = {}
    """Further arguments to print where they differ from these."""

    def __init__(
        self,
        input_size: Size,
        hidden_size: Size,
        num_layers: Size = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: Share = 0.0,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the layers.

        Args:
            input_size, hidden_size, num_layers: m, n and the number of layers, as in ``nn.GRU``.
            bias: whether the cells have one.
            batch_first: inputs and outputs are [batch, time, features] instead of [time, batch, features].
            dropout: share of a layer's outputs that the next does not see in training.
            device, dtype: of the weights.

        Raises:
            ValueError: for sizes below 1, or a dropout outside [0, 1].
        """
        super().__init__()
        if min(hidden_size, num_layers) < 1 or input_size < 0:
            raise ValueError(
                f"hidden_size and num_layers must be >= 1 and input_size >= 0, "
                f"got {hidden_size}, {num_layers} and {input_size}"
            )
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout must lie in [0, 1], got {dropout}")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, dropout
        constants = vars(self).pop("constants", {})
        self.constant_names = tuple(constants)
        for index in range(num_layers):
            for name, value in constants.items():
                where = torch.get_default_device() if device is None else device
                placed = value.to(device=where, dtype=dtype or torch.get_default_dtype(), copy=True)
                self.register_buffer(f"{name}_l{index}", placed)
            shapes = self.weight_shapes(hidden_size, hidden_size if index else input_size)
            for name, shape in shapes.items():
                if bias or not name.startswith("bias"):
                    weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                    self.register_parameter(f"{name}_l{index}", weight)
        self.reset_parameters()

    @abstractmethod
    def weight_shapes(self, units: int, inputs: int) -> dict[str, tuple[int, ...]]:
        """The shape of each weight of a layer."""

    @abstractmethod
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the first weights, from torch's global random state unless a generator is given."""

    @property
    def state_size(self) -> int:
        """Numbers in a layer's state."""
        return self.hidden_size

    @property
    def output_size(self) -> int:
        """Numbers that are put out at each step."""
        return self.hidden_size

    @property
    def layer_options(self) -> dict[str, Any]:
        """What makes a layer beside its weights and buffers."""
        return {}

    def drives(self, layer: Layer, sequences: Tensor) -> Tensor:
        """What sequences [time, batch, m] drive a layer with, [time, batch, d]."""
        return layer.project(sequences)

    def outputs(self, sequences: Tensor, states: Tensor) -> Tensor:  # noqa: ARG002
        """What is put out of the top layer's states [time, batch, n], at sequences [time, batch, m] of inputs."""
        return states

    def recurrent_layers(self) -> list[Layer]:
        """The layers, bottom first, on the module's own parameters: what ``as_map`` analyses."""
        if type(self).forward is not RecurrentModule.forward:
            raise NotRecurrent(f"{type(self).__name__} has a forward of its own, which its layers know nothing of")
        layers: list[Layer] = []
        for index in range(self.num_layers):
            names = (*(self.layer_weights or self.weight_shapes(1, 1)), *self.constant_names)
            weights: Any = {name: getattr(self, f"{name}_l{index}", None) for name in names}
            layers.append(self.layer_type(**weights, **self.layer_options))
        return layers

    def forward(
        self, input: Tensor | PackedSequence, state: Tensor | None = None
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        """Run over a batch of sequences.

        Args:
            input: [time, batch, m] ([batch, time, m] with ``batch_first``), one sequence [time, m], or packed ones.
            state: [layers, batch, n] ([layers, n] for one sequence); zeros by default.

        Returns:
            The top layer's states after every step, laid out (or packed) as the input; and every layer's state after
            each sequence's last step.

        Raises:
            ValueError: for shapes that do not fit.
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, state)
        if not isinstance(input, Tensor):
            raise ValueError(f"input must be a tensor or a PackedSequence, got {type(input).__name__}")
        if input.ndim not in (2, 3) or input.shape[-1] != self.input_size or 0 in input.shape[:-1]:
            layout = "batch, time" if self.batch_first else "time, batch"
            raise ValueError(
                f"input must have shape [{layout}, {self.input_size}] or [time, {self.input_size}], "
                f"got {list(input.shape)}"
            )
        single = input.ndim == 2
        sequences = input.unsqueeze(1) if single else (input.transpose(0, 1) if self.batch_first else input)
        first = self._first_state(sequences.shape[1], state, single, sequences)
        states = self._run(sequences, first)
        last = torch.stack([layer[-1] for layer in states])
        outputs = self.outputs(sequences, states[-1])
        if single:
            return outputs.squeeze(1), last.squeeze(1)
        return outputs.transpose(0, 1) if self.batch_first else outputs, last

    def _forward_packed(self, input: PackedSequence, state: Tensor | None) -> tuple[PackedSequence, Tensor]:
        # In the sorted order that packing needs; a state comes and goes in the caller's.
        ordered = PackedSequence(input.data, input.batch_sizes)
        sequences, lengths = pad_packed_sequence(ordered)
        if sequences.shape[-1] != self.input_size:
            raise ValueError(f"input must have {self.input_size} features, got {sequences.shape[-1]}")
        first = self._first_state(sequences.shape[1], state, False, sequences)
        if input.sorted_indices is not None:
            first = first[:, input.sorted_indices]
        states = self._run(sequences, first)
        rows = torch.arange(len(lengths), device=sequences.device)
        last = torch.stack([layer[lengths.to(rows.device) - 1, rows] for layer in states])
        if input.unsorted_indices is not None:
            last = last[:, input.unsorted_indices]
        data = pack_padded_sequence(self.outputs(sequences, states[-1]), lengths).data
        return PackedSequence(data, input.batch_sizes, input.sorted_indices, input.unsorted_indices), last

    def _first_state(self, batch: int, state: Tensor | None, single: bool, like: Tensor) -> Tensor:
        self._require_dtype("input", like)
        shape = (self.num_layers, batch, self.state_size)
        if state is None:
            return like.new_zeros(shape)
        expected = [self.num_layers, self.state_size] if single else list(shape)
        if not isinstance(state, Tensor) or list(state.shape) != expected:
            got = list(state.shape) if isinstance(state, Tensor) else type(state).__name__
            raise ValueError(f"state must be one tensor of shape {expected}, got {got}")
        self._require_dtype("state", state)
        return state.unsqueeze(1) if single else state

    def _require_dtype(self, name: str, tensor: Tensor) -> None:
        dtype = next(self.parameters()).dtype
        if tensor.dtype != dtype and not torch.is_autocast_enabled(tensor.device.type):
            raise ValueError(f"{name} must be of the weights' {dtype}, got {tensor.dtype}")

    def _run(self, sequences: Tensor, first: Tensor) -> list[Tensor]:
        """Each layer's states [time, batch, n]."""
        states: list[Tensor] = []
        for index, layer in enumerate(self.recurrent_layers()):
            if index and self.dropout:
                sequences = nn.functional.dropout(sequences, self.dropout, self.training)
            sequences = layer.scan(self.drives(layer, sequences), first[index])
            states.append(sequences)
        return states

    def extra_repr(self) -> str:
        """The arguments that differ from the defaults, as torch prints its own modules."""
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0} | self.repr_defaults
        changed = [f"{k}={getattr(self, k)}" for k, default in defaults.items() if getattr(self, k) != default]
        return ", ".join([text, *changed])


class NamedCell(RecurrentModule):
    """A module whose state dict also tells what its weights do not: which cell they are of, and its options.

    They are the JSON text of ``told`` in "_extra_state", as bytes, so that safetensors can hold it. Loading another
    cell's, or one with other options, is refused.
    """

    cell: ClassVar[str]
    """What files call it."""

    def told(self) -> dict[str, str | float]:
        """The cell and its options."""
        return {"cell": self.cell}

    def get_extra_state(self) -> Tensor:
        """Torch's hook for what a state dict holds beside weights."""
        return torch.tensor(list(json.dumps(self.told()).encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Torch's hook that hands back what a state dict held.

        Raises:
            ValueError: if that is another cell, or has other options.
        """
        told = json.loads(bytes(state.tolist()))
        if told != self.told():
            raise ValueError(f"the state dict is of {told}, but this module is {self.told()}")


def on_host(weight: Tensor) -> Tensor:
    """An empty tensor like ``weight`` to draw into: on the host, so that a seed gives the same on every device."""
    # Neither can every draw be made in half precision.
    return torch.empty(weight.shape, dtype=torch.promote_types(weight.dtype, torch.float32), device="cpu")


def draw_uniform(weight: Tensor, bound: float, generator: torch.Generator | None) -> None:
    """Fill ``weight`` from U(-bound, bound)."""
    weight.copy_(on_host(weight).uniform_(-bound, bound, generator=generator))


def xavier_by_gate(weight: Tensor, units: int, generator: torch.Generator | None) -> None:
    """Glorot's uniform initialisation of each gate's own matrix [units, m], in place."""
    for gate in weight.split(units):
        draw_uniform(gate, math.sqrt(6.0 / sum(gate.shape)), generator)
