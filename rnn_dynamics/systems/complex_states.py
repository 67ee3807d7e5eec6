"""Steps on complex states as maps of twice as many real numbers: the real parts, and then the imaginary parts."""

import torch
from torch import Tensor

from .gradients import Step
from .probing import watched


class ComplexStep:
    """step(state, input) on complex states [..., n], as a step on real states [..., 2 n].

    Its Jacobian has the eigenvalues of the complex one and their conjugates, where the step is holomorphic.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self.__name__ = getattr(step, "__name__", type(step).__name__)

    def __call__(self, state: Tensor, input: Tensor) -> Tensor:
        real, imaginary = state.chunk(2, dim=-1)
        after = self._step(torch.complex(real, imaginary), input)
        return torch.cat([after.real, after.imag], dim=-1)


@torch.no_grad()
def maps_complex(step: Step, n: int, m: int, device: torch.device) -> bool:
    """Whether a step takes complex states [n] to complex states, and makes real ones complex."""
    try:
        state = torch.zeros(n, dtype=torch.float64, device=device)
        input = torch.zeros(m, dtype=torch.float64, device=device)
        with watched():
            results = step(state.clone(), input), step(state.to(torch.complex128), input.clone())
    except Exception:  # of any kind, in a caller's function; the probing says what it was
        return False
    return all(isinstance(after, Tensor) and after.is_complex() and after.shape == (n,) for after in results)
