"""The one door to torch's forward-mode derivatives, at whose first use torch warns of what it calls itself."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, func


def jvp(function: Callable[..., Tensor], primals: tuple[Tensor, ...], tangents: tuple[Tensor, ...]) -> Any:
    """``torch.func.jvp``: what the function makes of ``primals``, and its derivative along ``tangents``."""
    _load()
    return func.jvp(function, primals, tangents)


def jacfwd(function: Callable[..., Tensor]) -> Callable[..., Any]:
    """``torch.func.jacfwd``: the function's Jacobian, column by column."""
    _load()
    return func.jacfwd(function)


@cache
def _load() -> None:
    with warnings.catch_warnings():
        # Deprecated, and from Python 3.14 on not supported: torch itself compiles some of its derivatives by it.
        warnings.filterwarnings("ignore", "`torch.jit.script` is")
        func.jvp(torch.neg, (torch.zeros(()),), (torch.zeros(()),))
