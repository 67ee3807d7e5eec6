"""Any function step(state, input) as a driven map, differentiated by autograd."""

from copy import copy
from typing import Self

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, as_vector
from .boxes import Box, NoBox
from .derived_weights import copied, has_derived_weights, present
from .differences import differenced, disagreement_of_lengths, jacobian
from .driven import DrivenMap
from .fields import FieldStep
from .gradients import Step
from .interpretation import Interpretation, to_precision
from .linearization import Linearization
from .noise import frozen_noise
from .probing import accepted_dtype, batched, is_plain, needs_precision
from .pushforward import Pushforward, TapedPushforward
from .recognition import ModuleStep


class FunctionMap(DrivenMap):
    """A driven map given by a function, or by a module whose forward is step(state, input)."""

    _has_gradients = True

    def __init__(
        self,
        step: Step,
        state_size: int,
        input_size: int,
        box: tuple[ArrayLike | float, ArrayLike | float] | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self._step = step
        self._n, self._m = state_size, input_size
        parameter = next(step.parameters(), None) if isinstance(step, torch.nn.Module) else None
        self._device = torch.device(device or ("cpu" if parameter is None else parameter.device))
        if parameter is None:
            self._dtype = accepted_dtype(step, state_size, input_size, self._device)
        else:
            self._dtype = parameter.dtype.to_real()
        self._bounds = None if box is None else self._checked_bounds(*box)
        # A twin also takes what a forward writes down in its module.
        self._on_twin = isinstance(step, torch.nn.Module) and (
            has_derived_weights(step) or isinstance(step, ModuleStep)
        )
        self._precise: torch.dtype | None = None  # computed in by an interpretation of the step, as it does not itself
        self._batched: Step | None = None
        self._told: tuple[str, ...] = ()
        self._noise: str | None = None  # why it is frozen
        if not is_plain(self._called, state_size, input_size, self._dtype, self._device):
            self._noise = frozen_noise(step, state_size, input_size, self._device)

    def __repr__(self) -> str:
        sizes = f"{self._n} state units, {self._m} inputs"
        if isinstance(self._step, ModuleStep):
            module, form = self._step.module, self._step.form
            name = type(module).__name__
            told = (f"called as {form.signature(name, self._m)}", *self.notes)
        else:
            name, told = getattr(self._step, "__name__", type(self._step).__name__), self.notes
        return f"{name} map, {sizes}" + (f" ({'; '.join(told)})" if told else "")

    @property
    def notes(self) -> tuple[str, ...]:
        own = [*self.said, self._noise, *self._told]
        return tuple(note for note in own if note)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        layers = self._step.form.layout.layers if isinstance(self._step, ModuleStep) else 1
        return (self._n // layers,) * layers

    @property
    def weights(self) -> list[Tensor]:
        """The parameters of a step that is a module; a plain function shows none."""
        return list(self._step.parameters()) if isinstance(self._step, torch.nn.Module) else []

    @property
    def state_size(self) -> int:
        return self._n

    @property
    def input_size(self) -> int:
        return self._m

    @property
    def dtype(self) -> torch.dtype:
        return self._dtype

    @property
    def device(self) -> torch.device:
        return self._device

    def step(self, state: Tensor, input: Tensor) -> Tensor:
        if state.ndim == 1:
            return self._called(state, input)
        if self._batched is None:
            self._batched = self._probed(state.dtype)
        return self._batched(state, input)

    def _called(self, state: Tensor, input: Tensor) -> Tensor:
        step = self._step
        if self._on_twin and isinstance(step, torch.nn.Module):
            step = present(step)
        if self._noise is None and self._precise is None:
            return step(state, input)
        with Interpretation(self._precise, frozen=self._noise is not None):
            return step(state, input)

    def _probed(self, dtype: torch.dtype) -> Step:
        self._precise = None
        if self._has_gradients and needs_precision(self._called, self._n, self._m, dtype, self._device):
            self._precise = dtype
        plain = not self._on_twin and self._noise is None and self._precise is None
        step = self._step if plain else self._called
        where = {"dtype": dtype, "device": self._device, "gradients": self._has_gradients}
        probed = batched(step, self._n, self._m, bounds=self._bounds, works_in=self._dtype, **where)
        widened = (f"its coarser constants are taken into {dtype}",) if self._precise else ()
        self._told = (*widened, *probed.notes)
        return probed.step

    def frozen(self, dtype: torch.dtype) -> Self:
        if isinstance(self._step, torch.nn.Module):
            step = to_precision(copied(self._step), dtype).eval().requires_grad_(False)
            frozen = type(self)(step, self._n, self._m, self._bounds, self._device)
            frozen._on_twin = False  # being nobody else's
        else:  # what was found out about a function stands
            frozen = copy(self)
        frozen._batched = frozen._probed(dtype)
        return frozen

    def halved(self) -> "FunctionMap | None":
        """Of a vector field's steps, the map of steps half as long; None for any other map."""
        if not isinstance(self._step, FieldStep):
            return None
        return type(self)(self._step.halved(), self._n, self._m, self._bounds, self._device)

    def linearize(
        self, states: Tensor, inputs: Tensor, wrt_input: bool = False
    ) -> tuple[Tensor, Linearization, Tensor | None]:
        # One evaluation and all n pullbacks at once, by the tape: functional transforms cost three times as much.
        states, inputs = states.detach().clone(), inputs.detach().clone()
        with torch.enable_grad():
            roots = [states.requires_grad_(), inputs.requires_grad_()][: 1 + wrt_input]
            value = self.step(states.clone(), inputs.clone())
            units = torch.eye(self._n, dtype=value.dtype, device=value.device).unsqueeze(1).expand(-1, len(states), -1)
            if value.requires_grad:
                by = torch.autograd.grad(value, roots, units, is_grads_batched=True, materialize_grads=True)
            else:  # a constant
                by = [root.new_zeros(self._n, *root.shape) for root in roots]
        by_state, *by_input = (one.detach().transpose(0, 1) for one in by)
        return value.detach(), Linearization([by_state], []), by_input[0] if wrt_input else None

    def pushforward(self, states: Tensor, inputs: Tensor, vectors: int) -> Pushforward:
        if TapedPushforward.pays(self._n, vectors):
            return TapedPushforward(self, states, inputs)
        return super().pushforward(states, inputs, vectors)

    def bytes_per_linearization(self, itemsize: int) -> int:
        return itemsize * self._n * (8 * self._n + self._m)  # autograd keeps a few [n, n] cotangents per row

    def _checked_bounds(self, lower: ArrayLike | float, upper: ArrayLike | float) -> tuple[Tensor, Tensor]:
        where = {"dtype": torch.float64, "device": self._device}
        # One number stands for all coordinates.
        bounds = [[float(bound)] * self._n if isinstance(bound, int | float) else bound for bound in (lower, upper)]
        low, high = (
            as_vector(bound, f"box {name}", self._n, **where)
            for bound, name in zip(bounds, ("lower", "upper"), strict=True)
        )
        if not (low < high).all():
            raise ArgumentError("box", "must have lower < upper in every coordinate")
        return low, high

    def box(self, input: Tensor) -> Box | NoBox:
        if self._bounds is None:
            return NoBox("no box was declared for this function: pass as_map(..., box=(lower, upper))")
        low, high = (bound.to(input.dtype) for bound in self._bounds)
        box = Box(low, high, "declared by the user, not refuted by 4,096 sampled states", holds_all=False)
        states = box.sample(4096, torch.Generator().manual_seed(0))
        if not box.contains(self.step(states, input.expand(len(states), -1))).all():
            raise ValueError("the declared box is not mapped into itself: a sampled state of it leaves it in one step")
        return box


class DifferencedMap(FunctionMap):
    """A driven map given by a function that has no gradients, differentiated by central differences."""

    _has_gradients = False

    def _probed(self, dtype: torch.dtype) -> Step:
        probed = super()._probed(dtype)
        generator = torch.Generator().manual_seed(5)
        rows = [torch.randn(4, width, generator=generator).to(self._device, dtype) for width in (self._n, self._m)]
        error = max(disagreement_of_lengths(probed, *rows), torch.finfo(dtype).eps)
        self._told += (f"its derivatives are central differences, good to {error:.0e} of the largest",)
        return probed

    def step(self, state: Tensor, input: Tensor) -> Tensor:
        return differenced(super().step, state, input)

    def linearize(
        self, states: Tensor, inputs: Tensor, wrt_input: bool = False
    ) -> tuple[Tensor, Linearization, Tensor | None]:
        by_state = jacobian(super().step, states, inputs, 0)
        by_input = jacobian(super().step, states, inputs, 1) if wrt_input else None
        return super().step(states, inputs), Linearization([by_state], []), by_input

    def pushforward(self, states: Tensor, inputs: Tensor, vectors: int) -> Pushforward:  # noqa: ARG002
        return self.linearize(states, inputs)[1]

    def bytes_per_linearization(self, itemsize: int) -> int:
        return itemsize * self._n * (8 * self._n + 3 * self._m)  # n states to either side, and what becomes of them
