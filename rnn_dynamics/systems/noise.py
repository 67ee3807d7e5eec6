"""Noise within a step: where it may be frozen, so that what is left is a map."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .derived_weights import copied
from .gradients import Step
from .interpretation import Interpretation
from .probing import watched

_SIZES = re.compile(r"_*(\w*noise\w*|sigmas?(_\w+)?|\w+_sigma|stds?(_\w+)?|\w+_std)", re.IGNORECASE)
"""Attributes that say how large noise is."""

_ROWS = 4

_SHIFTS = (2.0, -1.0, 100.0, -100.0)
"""Of the noise, beside 1: what is added follows them all; a threshold far out shows at the largest."""


@torch.no_grad()
def frozen_noise(step: Step, n: int, m: int, device: torch.device) -> str | None:
    """Why the Gaussian noise of a step may be left out, in words; None where it has none or it must not.

    It may where the step is h -> F(h, x) + c e with a constant c, or where an attribute such as ``noise_std`` scales
    it: the step with that attribute at 0 is the step with every draw at its mean. Noise that the state scales, or that
    lies within a non-linearity without a name, changes the dynamics on average, and stays.
    """
    generator = torch.Generator().manual_seed(3)
    rows = [torch.randn(_ROWS, width, generator=generator, dtype=torch.float64).to(device) for width in (n, m)]

    def after(step: Step, shift: float, must_draw: bool = True) -> Tensor:
        mode = Interpretation(torch.float64, frozen=True, shift=shift)
        with watched(), mode:
            after = torch.stack([step(state.clone(), input.clone()) for state, input in zip(*rows, strict=True)])
        if must_draw and not mode.drew:
            raise _NoNoiseError
        return after

    try:
        if isinstance(step, nn.Module):
            step = copied(step).eval()
        mean = after(step, 0.0)
        one = after(step, 1.0) - mean
        others = {shift: after(step, shift) - mean for shift in _SHIFTS}
        if not mean.isfinite().all():
            return None
        if all(_same(moved, torch.zeros_like(moved), mean) for moved in (one, *others.values())):
            return "its noise does nothing, and is left out"
        linear = all(_same(moved, shift * one, mean) for shift, moved in others.items())
        if linear and _same(one, one[:1].expand_as(one), mean):
            return "its noise is added, and is frozen at zero"
        if isinstance(step, nn.Module):
            for name, silent in _silenced(step):
                moved = after(silent, 1.0, must_draw=False) - mean
                if _same(moved, torch.zeros_like(moved), mean):
                    return f"its noise is frozen at zero, as by {name}=0"
    except Exception:  # of any kind, in a caller's function; the probing says what it was
        return None
    return None


class _NoNoiseError(Exception):
    pass


def _same(one: Tensor, other: Tensor, size: Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-9, atol=1e-12 * (1 + float(size.abs().max())))


def _silenced(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Copies of a module, each with one of the attributes that may scale its noise at zero."""
    for path, part in list(module.named_modules()):
        for name, value in list(vars(part).items()):
            if _SIZES.fullmatch(name) and _is_size(value):
                silent = copied(module)
                vars(silent.get_submodule(path))[name] = value * 0
                yield name, silent
            elif isinstance(value, Mapping) and name not in ("_parameters", "_buffers"):  # settings
                for key in [key for key in value if isinstance(key, str) and _SIZES.fullmatch(key)]:
                    silent = copied(module)
                    settings: Any = vars(silent.get_submodule(path))[name]
                    if _is_size(value[key]) and isinstance(settings, dict):
                        settings[key] = value[key] * 0
                        yield f"{name}['{key}']", silent
        for owner in ("_parameters", "_buffers"):
            for name, value in list(vars(part)[owner].items()):
                if value is not None and _SIZES.fullmatch(name):
                    silent = copied(module)
                    vars(silent.get_submodule(path))[owner][name].data.zero_()
                    yield name, silent


def _is_size(value: object) -> bool:
    return isinstance(value, int | float | Tensor) and not isinstance(value, bool)
