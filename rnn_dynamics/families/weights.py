"""One weight of a network as the parameter of a family: scaled, or shifted."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..checks import ArgumentError, ArrayLike, checked
from ..systems import DrivenMap, LayeredMap
from .interpolation import Interpolation, frozen_network, held_input, named_weights


@checked
def scaled(
    network: nn.Module | DrivenMap, name: str, input: ArrayLike | None = None, *, gate: str | None = None
) -> Interpolation:
    """The family p -> network with the weight or bias ``name`` multiplied by p; p = 1 is the network as it is.

    Args:
        network: a module that ``as_map`` takes alone, or a driven map.
        name: as torch has it, "weight_hh_l0" or "bias_ih_l1"; of a ``FunctionMap`` the name of its module's parameter.
        input: [m], held; zeros by default.
        gate: only the rows of one gate: a letter of "rzn" (GRU), "ifgo" (LSTM), "fn" (MGU) or "can" (nBRC, BRC).

    Raises:
        ValueError: for a name or gate that does not exist, naming those that do; for a map of a plain function.
    """
    weights, moving, build = _chosen(network, name, gate)
    before = {**weights, name: torch.where(moving, 0.0, weights[name])}
    return build(before, weights, input, "scaled by p")


@checked
def shifted(
    network: nn.Module | DrivenMap, name: str, input: ArrayLike | None = None, *, gate: str | None = None
) -> Interpolation:
    """The family p -> network with p added to every entry of the weight or bias ``name``; p = 0 leaves it as it is.

    A gate's bias sets how long a cell remembers: ``shifted(gru, "bias_hh_l0", gate="z")``.

    Args:
        network, name, input, gate: as in ``scaled``.

    Raises:
        ValueError: as in ``scaled``.
    """
    weights, moving, build = _chosen(network, name, gate)
    after = {**weights, name: torch.where(moving, weights[name] + 1.0, weights[name])}
    return build(weights, after, input, "shifted by p")


_Named = dict[str, Tensor]


def _chosen(
    network: nn.Module | DrivenMap, name: str, gate: str | None
) -> tuple[_Named, Tensor, Callable[[_Named, _Named, ArrayLike | None, str], Interpolation]]:
    """All weights, the entries of the named one that move, and what makes the line between two sets of weights."""
    frozen = frozen_network(network, "network")
    weights, with_weights = named_weights(frozen, "network")
    if name not in weights:
        raise ArgumentError("name", f"must be a weight of the network, one of {', '.join(weights)}; got {name!r}")
    moving = _of_gate(frozen, name, weights[name], gate)

    def build(before: _Named, after: _Named, input: ArrayLike | None, how: str) -> Interpolation:
        what = f"{name} (gate {gate})" if gate else name
        words = f"{frozen!r}, {what} {how}"
        return Interpolation(
            list(before.values()), list(after.values()), with_weights, held_input(frozen, input), words
        )

    return weights, moving, build


def _of_gate(network: DrivenMap, name: str, weight: Tensor, gate: str | None) -> Tensor:
    """Which entries of a weight belong to a gate, of its shape."""
    chosen = torch.ones_like(weight, dtype=torch.bool)
    if gate is None:
        return chosen
    layer = network.layers[int(name.rpartition("_l")[2])] if isinstance(network, LayeredMap) else None
    gates = "" if layer is None else layer.gates
    units = len(layer.weights()["weight_ih"]) // len(gates) if layer is not None and gates else 0
    begin = gates.index(gate) * units if units and len(gate) == 1 and gate in gates else len(weight) + 1
    if begin + units > len(weight):  # the whole of a projection has fewer rows than one gate
        told = (
            f"one letter of {gates!r} that has rows in {name}" if gates else f"None: {network!r} tells no gates apart"
        )
        raise ArgumentError("gate", f"must be {told}; got {gate!r}")
    chosen[:begin], chosen[begin + units :] = False, False
    return chosen
