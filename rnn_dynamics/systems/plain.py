"""Whether a module does what its recurrent weights say, and no more: told by calling it."""

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from .derived_weights import copied, present
from .layered import LayeredMap
from .layers import Layer, LSTMLayer
from .probing import watched

_SIZES = (1e-3, 0.1, 1.0, 3.0, 10.0, 100.0)
"""Of states and inputs, each with each: what clips, or sets in beyond some size, is seen."""

_ROWS = 8
"""States of each pair of sizes."""

LayersOf = Callable[[nn.Module], Sequence[Layer]]


class NotPlain(ValueError):
    """A recurrent module does not step as its weights say."""


@torch.no_grad()
def require_plain(module: nn.Module, layers: Sequence[Layer]) -> None:
    """Refuse one of torch's recurrent modules that has more to it than its class, and steps differently for that.

    Looked at are subclasses, instances with a forward of their own, weights beside torch's, and hooks that run before
    it; hooks that run after it are not run, since most write down what a caller wants to see of his own calls.
    """
    if not isinstance(module, nn.RNNBase | nn.RNNCellBase) or not (more := _beside_torch(module)):
        return
    twin = present(module)
    for part in twin.modules():
        part.__dict__["_forward_hooks"] = {}
    network = LayeredMap(layers)
    states, inputs = _states_and_inputs(network, network.dtype, network.device)
    name = type(module).__name__
    sizes = f"state_size={network.state_size}, input_size={network.input_size}"
    remedy = f"rd.as_map(step, {sizes}) of its step(state, input)"
    try:
        with watched(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own, on kernels
            after = _stepped(twin, states, inputs, layers)
    except Exception as error:  # of any kind, in a caller's module
        raise NotPlain(
            f"{name} has more to it than torch's weights ({more}), and cannot be called as torch's own: it raised "
            f"{type(error).__name__}: {error}; use {remedy}"
        ) from error
    if not _same(after, network.step(states, inputs)):
        raise NotPlain(
            f"{name} does not step as torch's own with its weights does, for it has more to it ({more}): use {remedy}"
        )


@torch.no_grad()
def wraps(module: nn.Module, name: str, state_size: int, input_size: int, layers_of: LayersOf) -> bool:
    """Whether a module step(state, input) is the step of the recurrent module ``name`` within it, and nothing else.

    Both are compared on a copy in float64, with the present weights and then with all others: a factor that happens to
    be 1, or a branch that is shut, must not pass for none.
    """
    try:
        with watched(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            double = copied(module).to(torch.float64).eval()
            cell = double.get_submodule(name)
            network = LayeredMap(layers_of(cell))
            if (network.state_size, network.input_size) != (state_size, input_size):
                return False
            states, inputs = _states_and_inputs(network, torch.float64, network.device)
            if not _steps_alike(double, network, states, inputs):
                return False
            generator = torch.Generator().manual_seed(1)
            own = {id(weight) for weight in cell.parameters()}
            within = {id(buffer) for buffer in cell.buffers()}
            for weight in [*double.parameters(), *double.buffers()]:
                if not weight.is_floating_point() or id(weight) in within:
                    continue
                drawn = torch.randn(weight.shape, generator=generator, dtype=torch.float64).to(weight.device)
                weight.add_(drawn * (0.1 if id(weight) in own else 1.0))
            return _steps_alike(double, LayeredMap(layers_of(cell)), states, inputs)
    except Exception:  # of any kind, in a caller's module: it is then taken as any function is
        return False


def _steps_alike(module: nn.Module, network: LayeredMap, states: Tensor, inputs: Tensor) -> bool:
    expected = network.step(states, inputs)
    few = slice(None, None, len(states) // 12)
    alone = torch.stack([module(*pair) for pair in zip(states[few], inputs[few], strict=True)])
    if not _same(alone, expected[few]):
        return False
    try:
        rows = module(states, inputs)
    except (RuntimeError, IndexError, ValueError, TypeError):  # written for one state
        rows = torch.stack([module(*pair) for pair in zip(states, inputs, strict=True)])
    return _same(rows, expected)


def _same(one: object, other: Tensor) -> bool:
    rounding = 1e3 * torch.finfo(other.dtype).eps
    if not isinstance(one, Tensor) or one.shape != other.shape or one.dtype != other.dtype:
        return False
    return torch.allclose(one, other, rtol=rounding, atol=rounding, equal_nan=True)


def _states_and_inputs(network: LayeredMap, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    pairs = torch.cartesian_prod(torch.tensor(_SIZES), torch.tensor(_SIZES)).double().repeat(_ROWS, 1)
    drawn = [
        pairs[:, column : column + 1] * torch.randn(len(pairs), width, generator=generator, dtype=torch.float64)
        for column, width in enumerate((network.state_size, network.input_size))
    ]
    states, inputs = (tensor.to(dtype=dtype, device=device) for tensor in drawn)
    return states, inputs


def _beside_torch(module: nn.Module) -> str:
    """What a torch recurrent module has beside what torch gives it, in words; empty for none."""
    more: list[str] = []
    kind = parametrize.type_before_parametrizations(module)
    if kind.__module__.partition(".")[0] != "torch":
        more.append(f"the class {kind.__name__}")
    if "forward" in vars(module):
        more.append("a forward set on the instance")
    if module._forward_pre_hooks:
        more.append("hooks before its forward")
    known = {"weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh"}
    extra = [
        name
        for name, _ in [*module.named_parameters(), *module.named_buffers()]
        if name.partition("_l")[0] not in known and not name.startswith("parametrizations.")
    ]
    if extra:
        more.append(f"weights {', '.join(extra[:6])}")
    return "; ".join(more)


def _stepped(module: nn.Module, states: Tensor, inputs: Tensor, layers: Sequence[Layer]) -> Tensor:
    """What one of torch's recurrent modules makes of states [k, n] and inputs [k, m], laid out as a map's state."""
    parts = [
        part.split([layer.output_size, part.shape[-1] - layer.output_size], dim=-1)
        for layer, part in zip(layers, states.split([layer.state_size for layer in layers], dim=-1), strict=True)
    ]
    pair = isinstance(layers[0], LSTMLayer)
    if isinstance(module, nn.RNNCellBase):
        after = module(inputs, parts[0] if pair else parts[0][0])
        return torch.cat(after, dim=-1) if pair else after
    first = [torch.stack(column) for column in zip(*parts, strict=True)]
    one_step = inputs.unsqueeze(1 if getattr(module, "batch_first", False) else 0)
    _, last = module(one_step, tuple(first) if pair else first[0])
    last = last if pair else (last,)
    return torch.cat([torch.cat([part[index] for part in last], dim=-1) for index in range(len(layers))], dim=-1)
