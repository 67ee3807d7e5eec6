"""Networks of excitatory and inhibitory units, as sequence modules."""

from typing import Annotated

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, CheckedInside, Positive, Share, Size, checked
from ..systems import DaleLayer
from .base import on_host
from .leaky import LeakingModule, numbers_of, shares

_RADIUS = 1.5
"""Of the spectrum of a first W: below 1 activity would die out (Song et al. 2016)."""


@checked
class DaleRNN(LeakingModule):
    """A ``LeakyRNN`` whose units each excite or inhibit all others: W_ij = |V_ij| s_j m_ij (Dale's law).

    Parameters as in ``LeakyRNN``, with V under the name of ``weight_hh_lk``; buffers ``alpha_lk``, ``signs_lk`` [n] and
    ``mask_lk`` [n, n]. First weights: V from a gamma distribution of shape 2, those of the scarcer kind of
    unit scaled up so that excitation and inhibition balance in the mean, then all so that W has spectral radius 1.5;
    U from N(0, 1 / m), b zero.

    Source: Song, Yang and Wang 2016, doi:10.1371/journal.pcbi.1004792.
    """

    layer_type = DaleLayer
    cell = "Dale"
    repr_defaults = LeakingModule.repr_defaults | {"nonlinearity": "relu"}

    def __init__(
        self,
        input_size: Size,
        hidden_size: Size,
        num_layers: Size = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: Share = 0.0,
        *,
        excitatory: Share = 0.8,
        signs: Annotated[ArrayLike | None, CheckedInside()] = None,
        mask: Annotated[ArrayLike | None, CheckedInside()] = None,
        self_connections: bool = False,
        alpha: Annotated[ArrayLike | float | None, CheckedInside()] = None,
        dt: Annotated[float, Positive()] | None = None,
        tau: Annotated[ArrayLike | float | None, CheckedInside()] = None,
        nonlinearity: str = "relu",
        leak: str = "outside",
        noise: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the layers.

        Args:
            input_size, hidden_size, num_layers, bias, batch_first, dropout, device, dtype: as in ``MGU``.
            excitatory: share of the units that excite, which come first; 0.8 as in cortex.
            signs: in its place, +1 or -1 for each unit, [n].
            mask: of the connections from unit j to unit i, [n, n]: 0 where there is none, 1 elsewhere; all by default.
            self_connections: whether units may be connected to themselves.
            alpha, dt, tau, nonlinearity, leak, noise: as in ``LeakyRNN``.

        Raises:
            ValueError: as ``LeakyRNN``; for signs that are not +1 or -1, or a mask that is not of zeros and ones.
        """
        kinds, connected = _constraints(hidden_size, excitatory, signs, mask, self_connections)
        super().__init__(
            *(input_size, hidden_size, num_layers, bias, batch_first, dropout, device, dtype),
            constants={"alpha": shares(alpha, dt, tau, hidden_size), "signs": kinds, "mask": connected},
            dt=dt,
            nonlinearity=nonlinearity,
            leak=leak,
            noise=noise,
        )

    def draw(self, name: str, weight: Tensor, generator: torch.Generator | None) -> None:
        if not name.startswith("weight_hh"):
            return super().draw(name, weight, generator)
        layer = name.removeprefix("weight_hh")
        signs, mask = getattr(self, f"signs{layer}"), getattr(self, f"mask{layer}")
        weight.copy_(_balanced(weight, signs, mask, generator))
        return None


def _balanced(weight: Tensor, signs: Tensor, mask: Tensor, generator: torch.Generator | None) -> Tensor:
    drawn = on_host(weight).exponential_(generator=generator)
    drawn += on_host(weight).exponential_(generator=generator)  # the sum is gamma of shape 2
    if weight.is_meta:
        return drawn
    signs, mask = signs.to(drawn), mask.to(drawn)
    excite, inhibit = signs > 0, signs < 0
    if excite.any() and inhibit.any():
        ratio = float(excite.sum() / inhibit.sum())
        drawn[:, inhibit] *= max(1.0, ratio)
        drawn[:, excite] *= max(1.0, 1.0 / ratio)
    radius = torch.linalg.eigvals(drawn.double() * signs * mask).abs().max()
    return drawn * (_RADIUS / float(radius)) if radius > 0 else drawn


def _constraints(
    units: int, excitatory: float, signs: ArrayLike | None, mask: ArrayLike | None, self_connections: bool
) -> tuple[Tensor, Tensor]:
    units = max(0, units)  # what is below 1 is refused with the other sizes
    if signs is None:
        kinds = torch.where(torch.arange(units, device="cpu") < round(excitatory * units), 1.0, -1.0)
    else:
        kinds = numbers_of(signs, "signs")
        if kinds.shape != (units,) or not bool((kinds.abs() == 1).all()):
            raise ArgumentError("signs", f"must be {units} numbers that are +1 or -1, got {signs}")
    connected = (
        torch.ones(units, units, dtype=torch.float64, device="cpu") if mask is None else numbers_of(mask, "mask")
    )
    if connected.shape != (units, units) or not bool(((connected == 0) | (connected == 1)).all()):
        raise ArgumentError("mask", f"must be [{units}, {units}] of zeros and ones, got {list(connected.shape)}")
    if not self_connections:
        connected = connected * (1.0 - torch.eye(units, device="cpu"))
    return kinds, connected
