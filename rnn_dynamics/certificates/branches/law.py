"""A family's maps as one function of state and parameter, for proofs over both."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import vmap

from ...enclosures import Unenclosed
from ...families import Family, IteratedFamily, iterated
from ...forward_mode import jacfwd, jvp
from ...systems import AutonomousMap

_AGREEMENT = 1e-9

Law = Callable[[Tensor], Tensor]
"""Of one row."""


@dataclass(frozen=True, eq=False)
class Maps:
    """The maps of a family as functions of rows (h, p), [n + 1] -> [n]."""

    whole: Law
    """F(h, p)."""

    ungated: Law
    """F without its gates, G(h, p) (``AutonomousMap.ungated``)."""

    size: int
    """N."""

    @classmethod
    def of(cls, family: Family, n: int) -> "Maps":
        """Those of a family of which a parameter that is a tensor can be asked."""
        return cls(
            lambda row: _at(family, row[n])(row[:n]),
            lambda row: _at(family, row[n]).ungated()(row[:n]),
            n,
        )

    @property
    def displacement(self) -> Law:
        """G(h, p) - h of rows (h, p), 0 at fixed points of F.

        F - h is D (G - h) with an invertible D, so that both have the same curves of fixed points, with the same folds
        and branch points, but G - h is not small all over.
        """
        return lambda row: self.ungated(row) - row[: self.size]

    def eigenvector_law(self, eigenvalue: float) -> Law:
        """(F(h, p) - h, DF(h, p) v - lambda v) of rows (h, p, v), [2 n + 1] -> [2 n]; of G for lambda = 1."""
        n = self.size
        map = self.ungated if eigenvalue == 1.0 else self.whole

        def law(row: Tensor) -> Tensor:
            state, p, vector = row[:n], row[n : n + 1], row[n + 1 :]
            value, pushed = jvp(lambda h: map(torch.cat([h, p])), (state,), (vector,))[:2]
            return torch.cat([value - state, pushed - eigenvalue * vector])

        return law

    @property
    def rotation_law(self) -> Law:
        """Of rows (h, p, a, b, c, s), [3 n + 3] -> [3 n + 1]: 0 where DF (a + ib) = (c + is)(a + ib), |c + is| = 1.

        It is F(h, p) - h, DF a - c a + s b, DF b - s a - c b and c^2 + s^2 - 1.
        """
        n = self.size

        def law(row: Tensor) -> Tensor:
            state, p, a, b = row[:n], row[n : n + 1], row[n + 1 : 2 * n + 1], row[2 * n + 1 : 3 * n + 1]
            c, s = row[3 * n + 1], row[3 * n + 2]
            value, of_a = jvp(lambda h: self.whole(torch.cat([h, p])), (state,), (a,))[:2]
            _, of_b = jvp(lambda h: self.whole(torch.cat([h, p])), (state,), (b,))[:2]
            modulus = (c**2 + s**2 - 1.0).unsqueeze(0)
            return torch.cat([value - state, of_a - c * a + s * b, of_b - s * a - c * b, modulus])

        return law

    def jacobian(self, state: Tensor, parameter: float, gates: bool) -> Tensor:
        """DF, or DG, at a state [n]: [n, n]."""
        map = self.whole if gates else self.ungated
        return jacfwd(map)(torch.cat([state, state.new_tensor([parameter])]))[:, : self.size]


def _at(family: Family, p: Tensor) -> AutonomousMap:
    # A family takes a number; those of this library take a tensor of one as well, and torch then traces p.
    return family(p)  # pyright: ignore[reportArgumentType]


def iterate_of(family: Family, period: int) -> Family:
    """The family whose fixed points are cycles of a period."""
    if isinstance(family, IteratedFamily) and family.period == period:
        return family
    return family if period == 1 else iterated(family, period)


def require_law(family: Family, states: Tensor, parameters: Tensor) -> None:
    """That the function of tensors is the family at states [k, n] and parameters [k].

    Raises:
        Unenclosed: where a parameter that is a tensor is not taken, or makes another map.
    """
    rows = torch.cat([states, parameters.unsqueeze(-1)], dim=-1)
    try:
        images = vmap(Maps.of(family, states.shape[-1]).displacement)(rows)
    except Exception as error:  # of any kind, in a caller's function
        raise Unenclosed(
            "the family's dependence on its parameter cannot be traced, as that of network.input_family(direction), "
            "between, scaled and shifted can: make the parameter an input of the step, "
            f"as_map(step, n, 1).input_family(0). It said: {str(error).strip().splitlines()[0]}"
        ) from error
    wanted = torch.stack([family(float(p)).ungated()(h) - h for h, p in zip(states, parameters, strict=True)])
    if not torch.allclose(images, wanted, _AGREEMENT, _AGREEMENT):
        raise Unenclosed("the family makes another map of a parameter that is a tensor than of a number")
