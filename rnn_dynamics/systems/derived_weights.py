"""Weights that a module computes from others: weight_norm, spectral_norm, parametrizations, pruning, WeightDrop."""

import copy
from itertools import chain
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from ..checks import NotRecurrent

RAW = "_raw"
"""What WeightDrop appends to the name of the weight proper; under the name itself lies the last dropout's copy."""

Module = TypeVar("Module", bound=nn.Module)


class StaleWeight(NotRecurrent):
    """A weight that was computed once, and is not what the module would compute now."""


def has_derived_weights(module: nn.Module) -> bool:
    """Whether a weight of the module, or of one within, is computed from others in a way that is known."""
    return any(
        parametrize.is_parametrized(part) or any(map(_computes_weight, part._forward_pre_hooks.values())) or _raw(part)
        for part in module.modules()
    )


def present(module: Module) -> Module:
    """A twin of the module in evaluation mode, on the very same parameters, with its computed weights made anew.

    Gradients flow through them to what they are computed from. The module itself is left alone: a weight that a hook
    writes at each call is written to the twin, and spectral norms do not iterate.
    """
    twin = _twin(module)
    for part in twin.modules():
        for hook in list(part._forward_pre_hooks.values()):
            if _computes_weight(hook):
                hook(part, ())
        for name, raw in _raw(part).items():
            part._parameters.pop(name, None)
            setattr(part, name, raw)
    return twin


def present_twin(module: Module, values: dict[str, Any]) -> Module:
    """A twin of the module on the very same parameters, but for some attributes that have other values."""
    twin = _twin(module)
    for name, value in values.items():
        for owner in (twin._parameters, twin._buffers):
            owner.pop(name, None)
        twin.__dict__[name] = value
    return twin


def device_of(module: nn.Module) -> torch.device:
    """Where a module's weights lie; the CPU for one without."""
    return next((tensor.device for tensor in chain(module.parameters(), module.buffers())), torch.device("cpu"))


def copied(module: Module) -> Module:
    """A deep copy, also where weights are results of a computation, which torch refuses to copy."""
    memo: dict[int, Any] = {}
    for part in module.modules():
        lists = [value for value in vars(part).values() if isinstance(value, list)]
        for value in chain(vars(part).values(), part._parameters.values(), part._buffers.values(), *lists):
            if isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    try:
        return copy.deepcopy(module, memo)
    except Exception as error:  # of any kind, in what a caller's module holds
        raise NotRecurrent(
            f"{type(module).__name__} cannot be copied{_uncopied(module, memo)}: {error}; take it out of the "
            "module, or pass step(state, input)"
        ) from error


def _uncopied(module: nn.Module, memo: dict[int, Any]) -> str:
    """Which attribute stands in the way of a copy, in words."""
    for path, part in module.named_modules():
        for name, value in vars(part).items():
            try:
                copy.deepcopy(value, dict(memo))
            except Exception:  # of any kind, in a caller's object
                if name != "_modules":
                    return f", for its attribute '{path + '.' if path else ''}{name}' ({type(value).__name__})"
    return ""


def require_known(module: nn.Module, name: str, weight: Tensor) -> None:
    """Refuse a weight that is computed from others in a way that is not known, so that it may be an old value."""
    if weight.is_leaf or has_derived_weights(module):
        return
    raise StaleWeight(
        f"{name} of {type(module).__name__} is no parameter but was computed from others in a way that is not known "
        "(a WeightDrop?), so it may be an old value: put the weight proper in its place"
    )


def _twin(module: Module) -> Module:
    twin = type(module).__new__(type(module))
    # Containers are copied, since hooks of a torch.nn.RNN write into its list of weights too.
    own = {key: copy.copy(value) if isinstance(value, dict | list) else value for key, value in vars(module).items()}
    own["_modules"] = {name: None if part is None else _twin(part) for name, part in module._modules.items()}
    twin.__dict__.update(own)
    twin.__dict__["training"] = False
    return twin


def _computes_weight(hook: object) -> bool:
    return isinstance(hook, WeightNorm | SpectralNorm | BasePruningMethod)


def _raw(module: nn.Module) -> dict[str, Tensor]:
    """The weights proper of a WeightDrop, by the names that they have in the cell."""
    found = {name.removesuffix(RAW): weight for name, weight in module._parameters.items() if name.endswith(RAW)}
    return {name: weight for name, weight in found.items() if weight is not None and hasattr(module, name)}
