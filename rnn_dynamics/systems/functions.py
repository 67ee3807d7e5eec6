"""Any function step(state, input) as a driven map, differentiated by autograd."""

import copy
from collections.abc import Callable
from numbers import Real
from typing import Self, TypeAlias

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from ..checks import ArrayLike, as_vector
from .boxes import Box, NoBox
from .driven import DrivenMap
from .linearization import Linearization

Step: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class FunctionMap(DrivenMap):
    """A driven map given by a function, or by a module whose forward is step(state, input)."""

    def __init__(
        self,
        step: Step,
        state_size: int,
        input_size: int,
        box: tuple[ArrayLike, ArrayLike] | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self._step = step
        self._n, self._m = state_size, input_size
        parameter = next(step.parameters(), None) if isinstance(step, torch.nn.Module) else None
        self._device = torch.device(device or ("cpu" if parameter is None else parameter.device))
        self._dtype = self._accepted_dtype() if parameter is None else parameter.dtype
        self._bounds = None if box is None else self._checked_bounds(*box)
        self._batched: Step | None = None

    def _accepted_dtype(self) -> torch.dtype:
        """What a plain function computes in: float64, unless tensors that it captures are float32."""
        with torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else []):
            for dtype in (torch.float64, torch.float32):
                where = {"dtype": dtype, "device": self._device}
                try:
                    if self._step(torch.zeros(self._n, **where), torch.zeros(self._m, **where)).dtype == dtype:
                        return dtype
                except Exception:
                    continue
        return torch.float64

    def __repr__(self) -> str:
        name = getattr(self._step, "__name__", type(self._step).__name__)
        return f"{name} map, {self._n} state units, {self._m} inputs"

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
            return self._step(state, input)
        if self._batched is None:
            self._batched = self._probed(state.dtype)
        return self._batched(state, input)

    def _probed(self, dtype: torch.dtype) -> Step:
        # A step that draws random numbers is refused, and leaves the global generator as it was.
        with torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else []):
            return self._find_batched(dtype)

    def _find_batched(self, dtype: torch.dtype) -> Step:
        """The step itself where it treats rows independently, else its vmap; checked on random states."""
        generator = torch.Generator().manual_seed(0)
        # One row more than units, so that a step written for one state cannot mistake rows for units.
        states = (0.1 * torch.randn(self._n + 1, self._n, generator=generator, dtype=torch.float64)).to(dtype)
        inputs = (0.1 * torch.randn(self._n + 1, self._m, generator=generator, dtype=torch.float64)).to(dtype)
        states, inputs = states.to(self._device), inputs.to(self._device)
        wanted = f"step(state, input) must return a state of shape [{self._n}] and dtype {dtype}"
        try:
            row, again = self._step(states[0], inputs[0]), self._step(states[0], inputs[0])
        except (RuntimeError, TypeError, IndexError, ValueError) as error:
            hint = "; it works in float32: use W.to(state.dtype) for the tensors W that it captures"
            hint = hint if dtype is torch.float64 and self._dtype is torch.float32 else ""
            raise ValueError(f"{wanted}; it raised {type(error).__name__}: {error}{hint}") from error
        if not isinstance(row, Tensor) or row.shape != (self._n,) or row.dtype != dtype:
            got = f"{list(row.shape)} of {row.dtype}" if isinstance(row, Tensor) else type(row).__name__
            raise ValueError(f"{wanted}, got {got}")
        if not torch.equal(row.nan_to_num(), again.nan_to_num()):
            raise ValueError("step(state, input) must be deterministic; two calls differed (dropout? noise?)")
        try:
            jacrev(self._step)(states[0], inputs[0])
        except (RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"step must be written in torch operations, to be differentiated: {error}") from error
        for candidate in (self._step, vmap(self._step)):
            try:
                rows = candidate(states, inputs)
            except (RuntimeError, IndexError, ValueError):
                continue
            if rows.shape != states.shape:
                continue
            # A step that reduces over rows (x.sum(), say) agrees on no row but with one state at a time.
            alone = torch.stack([self._step(*pair) for pair in zip(states, inputs, strict=True)])
            if torch.allclose(rows, alone, rtol=1e-5, atol=1e-6, equal_nan=True):
                return candidate
        raise ValueError("step(state, input) works on one state but neither on a batch nor under torch.func.vmap")

    def frozen(self, dtype: torch.dtype) -> Self:
        step = self._step
        if isinstance(step, torch.nn.Module):
            step = copy.deepcopy(step).to(dtype).eval().requires_grad_(False)
        frozen = type(self)(step, self._n, self._m, self._bounds, self._device)
        frozen._batched = frozen._probed(dtype)
        return frozen

    def linearize(
        self, states: Tensor, inputs: Tensor, wrt_input: bool = False
    ) -> tuple[Tensor, Linearization, Tensor | None]:
        with torch.enable_grad():
            by_state = vmap(jacrev(self._step, argnums=0))(states, inputs).detach()
            by_input = vmap(jacrev(self._step, argnums=1))(states, inputs).detach() if wrt_input else None
        return self.step(states, inputs).detach(), Linearization([by_state], []), by_input

    def bytes_per_linearization(self, itemsize: int) -> int:
        return itemsize * self._n * (8 * self._n + self._m)  # autograd keeps a few [n, n] cotangents per row

    def _checked_bounds(self, lower: ArrayLike, upper: ArrayLike) -> tuple[Tensor, Tensor]:
        where = {"dtype": torch.float64, "device": self._device}
        # One number stands for all coordinates.
        bounds = [
            torch.full((self._n,), float(bound)) if isinstance(bound, Real) else bound for bound in (lower, upper)
        ]
        low, high = (
            as_vector(bound, f"box {name}", self._n, **where)
            for bound, name in zip(bounds, ("lower", "upper"), strict=True)
        )
        if not (low < high).all():
            raise ValueError("box must have lower < upper in every coordinate")
        return low, high

    def box(self, input: Tensor) -> Box | NoBox:
        if self._bounds is None:
            return NoBox("no box was declared for this function: pass as_map(..., box=(lower, upper))")
        low, high = (bound.to(input.dtype) for bound in self._bounds)
        box = Box(low, high, "declared by the user, not refuted by 4,096 sampled states", holds_all=False)
        states = box.sample(4096, torch.Generator(input.device).manual_seed(0))
        if not box.contains(self.step(states, input.expand(len(states), -1))).all():
            raise ValueError("the declared box is not mapped into itself: a sampled state of it leaves it in one step")
        return box
