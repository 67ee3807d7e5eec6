"""GRU and LSTM layers of many members at once, forwards and backwards written out: what torch's kernels do for one.

Under ``torch.vmap`` each operation of each step is recorded by itself, and the weights' gradient is added up step by
step. Here a step is one product of all members, [h, x, 1] K, and a few operations within the cache, and the gradient
of K is one product over all steps. Tensors of a sequence are [member, time, batch, n], so that the slices of a step
and all steps of a member are both views.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..systems import GRULayer, Layer, LSTMLayer

_by_sigmoid = torch.ops.aten.sigmoid_backward.grad_input  # g s (1 - s), for s the sigmoid
_by_tanh = torch.ops.aten.tanh_backward.grad_input  # g (1 - t^2), for t the tanh


class MemberKernel(ABC):
    """Runs one layer of many members; its buffers serve all updates, since new memory costs more than what fills it."""

    fewest: ClassVar[int]
    """Members from which on it was measured to be faster on a CPU than torch's own kernel for one after the other."""

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}
        self.runs = 0
        """How often the buffers were filled."""

    def buffer(self, name: str, like: Tensor, *shape: int) -> Tensor:
        """Memory of this shape, with whatever was left in it."""
        known = self._buffers.get(name)
        if known is None or known.shape != shape or known.dtype != like.dtype or known.device != like.device:
            self._buffers[name] = known = like.new_empty(shape)
        return known

    def run(self, layer: Any, inputs: Tensor) -> Tensor:
        """The outputs [e, time, batch, n] of a layer with weights [e, ...] for inputs [e, time, batch, m], from h = 0.

        They are overwritten by the next run, before which any backward pass has to be done: it is an error after.
        """
        self.runs += 1
        return _Run.apply(self, inputs, self.joined(layer))  # pyright: ignore[reportReturnType]

    @abstractmethod
    def joined(self, layer: Any) -> Tensor:
        """All weights in one, K [e, n + m + 1, d]."""

    @abstractmethod
    def forward(self, values: Tensor, weight: Tensor, n: int) -> None:
        """Fill in the states of values [e, time + 1, batch, n + m + 1], each [h, x, 1], of which the first are 0."""

    @abstractmethod
    def backward(self, values: Tensor, weight: Tensor, n: int, given: Tensor) -> Tensor:
        """The derivatives [e, time, batch, d] by the products, for those by the outputs [e, time, batch, n]."""


def kernels_of(layers: Sequence[Layer]) -> list[MemberKernel] | None:
    """What runs each of these for many members at once; None unless there is something for all of them."""
    if all(type(layer) is GRULayer or (type(layer) is LSTMLayer and layer.weight_hr is None) for layer in layers):
        return [_GRU() if type(layer) is GRULayer else _LSTM() for layer in layers]
    return None


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, kernel: MemberKernel, inputs: Tensor, weight: Tensor) -> Tensor:
        members, time, batch, m = inputs.shape
        n = weight.shape[1] - m - 1
        values = kernel.buffer("values", inputs, members, time + 1, batch, n + m + 1)
        values[:, 0, :, :n] = 0.0
        values[:, :time, :, n:-1] = inputs
        values[..., -1] = 1.0
        kernel.forward(values, weight, n)
        ctx.kernel, ctx.values, ctx.run = kernel, values, kernel.runs
        ctx.save_for_backward(weight)
        return values[:, 1:, :, :n]

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *gradients: Tensor
    ) -> tuple[None, Tensor | None, Tensor]:
        (weight,), values = ctx.saved_tensors, ctx.values
        if ctx.run != ctx.kernel.runs:
            raise RuntimeError("what this backward pass needs was overwritten by a later run of the same kernel")
        n = gradients[0].shape[-1]
        by = ctx.kernel.backward(values, weight, n, gradients[0])
        flat = by.flatten(1, 2)
        by_inputs = None
        if ctx.needs_input_grad[1]:
            by_inputs = (flat @ weight[:, n:-1].mT).unflatten(1, by.shape[1:3])
        return None, by_inputs, values[:, :-1].flatten(1, 2).mT @ flat


def _biases(layer: GRULayer | LSTMLayer) -> tuple[Tensor, Tensor]:
    """Those of inputs and states, [e, 1, d]; 0 if there are none."""
    none = layer.weight_hh.new_zeros(layer.weight_hh.shape[:2])
    first, second = (none if bias is None else bias for bias in (layer.bias_ih, layer.bias_hh))
    return first.unsqueeze(1), second.unsqueeze(1)


def _tanh_(x: Tensor) -> Tensor:
    """Tanh in place as 2 / (1 + e^(-2x)) - 1, a third of the time of torch's on a CPU, to rounding of 1."""
    return x.mul_(2).sigmoid_().mul_(2).sub_(1)


class _GRU(MemberKernel):
    """Products are the drives of r and z, what the state gives to the candidate, and what the input gives to it."""

    fewest = 2

    def joined(self, layer: GRULayer) -> Tensor:
        n = layer.weight_hh.shape[-1]
        by_state, by_input = layer.weight_hh.mT, layer.weight_ih.mT
        first, second = _biases(layer)
        gates, candidate = slice(0, 2 * n), slice(2 * n, 3 * n)
        none, unused = torch.zeros_like(by_state[..., candidate]), torch.zeros_like(by_input[..., candidate])
        rows = [
            torch.cat([by_state, none], dim=-1),
            torch.cat([by_input[..., gates], unused, by_input[..., candidate]], dim=-1),
            torch.cat([(first + second)[..., gates], second[..., candidate], first[..., candidate]], dim=-1),
        ]
        return torch.cat(rows, dim=1)

    def forward(self, values: Tensor, weight: Tensor, n: int) -> None:
        members, after, batch, _ = values.shape
        gates = self.buffer("gates", values, after - 1, members, batch, 4 * n)
        for step, gate in enumerate(gates):
            torch.bmm(values[:, step], weight, out=gate)
            gate[..., : 2 * n].sigmoid_()
            r, z, inner, candidate = gate.split(n, dim=-1)
            _tanh_(candidate.addcmul_(r, inner))
            torch.lerp(candidate, values[:, step, :, :n], z, out=values[:, step + 1, :, :n])

    def backward(self, values: Tensor, weight: Tensor, n: int, given: Tensor) -> Tensor:
        members, time, batch, _ = given.shape
        gates = self.buffer("gates", values, time, members, batch, 4 * n)
        by = self.buffer("by", values, members, time, batch, 4 * n)
        w = weight[:, :n, : 3 * n].mT.contiguous()
        carry = values.new_zeros(members, batch, n)
        for step in reversed(range(time)):
            r, z, inner, candidate = gates[step].split(n, dim=-1)
            by_r, by_z, by_inner, by_candidate = by[:, step].split(n, dim=-1)
            g = carry.add_(given[:, step])
            kept = g * z
            moved = g - kept
            _by_tanh(moved, candidate, grad_input=by_candidate)
            torch.mul(by_candidate, r, out=by_inner)
            _by_sigmoid(by_candidate * inner, r, grad_input=by_r)
            _by_sigmoid((values[:, step, :, :n] - candidate).mul_(g), z, grad_input=by_z)
            carry = torch.baddbmm(kept, by[:, step, :, : 3 * n], w)
        return by


class _LSTM(MemberKernel):
    """Products are the drives of i, f, g, o."""

    fewest = 8

    def joined(self, layer: LSTMLayer) -> Tensor:
        first, second = _biases(layer)
        return torch.cat([layer.weight_hh.mT, layer.weight_ih.mT, first + second], dim=1)

    def forward(self, values: Tensor, weight: Tensor, n: int) -> None:
        members, after, batch, _ = values.shape
        gates = self.buffer("gates", values, after - 1, members, batch, 4 * n)
        cells = self.buffer("cells", values, after, members, batch, n)
        shown = self.buffer("shown", values, after - 1, members, batch, n)
        cells[0] = 0.0
        for step, gate in enumerate(gates):
            torch.bmm(values[:, step], weight, out=gate)
            i, f, g, o = gate.split(n, dim=-1)
            gate[..., : 2 * n].sigmoid_()
            _tanh_(g)
            o.sigmoid_()
            cell = torch.mul(f, cells[step], out=cells[step + 1]).addcmul_(i, g)
            torch.mul(cell, 2, out=shown[step]).sigmoid_().mul_(2).sub_(1)
            torch.mul(o, shown[step], out=values[:, step + 1, :, :n])

    def backward(self, values: Tensor, weight: Tensor, n: int, given: Tensor) -> Tensor:
        members, time, batch, _ = given.shape
        gates = self.buffer("gates", values, time, members, batch, 4 * n)
        cells = self.buffer("cells", values, time + 1, members, batch, n)
        shown = self.buffer("shown", values, time, members, batch, n)
        by = self.buffer("by", values, members, time, batch, 4 * n)
        w = weight[:, :n].mT.contiguous()
        carry, by_cell, work = (values.new_zeros(members, batch, n) for _ in range(3))
        for step in reversed(range(time)):
            i, f, g, o = gates[step].split(n, dim=-1)
            by_i, by_f, by_g, by_o = by[:, step].split(n, dim=-1)
            g_state = carry.add_(given[:, step])
            by_cell.add_(_by_tanh(g_state * o, shown[step], grad_input=work))
            _by_sigmoid(g_state.mul_(shown[step]), o, grad_input=by_o)
            _by_tanh(by_cell * i, g, grad_input=by_g)
            _by_sigmoid(by_cell * g, i, grad_input=by_i)
            _by_sigmoid(by_cell * cells[step], f, grad_input=by_f)
            by_cell.mul_(f)
            carry = torch.bmm(by[:, step], w)
        return by
