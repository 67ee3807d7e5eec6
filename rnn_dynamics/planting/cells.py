"""How a design is written into the weights of each kind of cell."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..systems import BRCLayer, ElmanLayer, GRULayer, Layer, LSTMLayer, MGULayer, NBRCLayer
from .design import DOUBLE, Design, Soil, Span

_OPEN = 2.0
"""Bias of gates that are to stay open: 0.88."""

_IDLE = 0.5
"""Gain of a bistable cell's units that are no block's: below 1, so that they hold nothing."""

_UNGATED: Span = (1.0, 1.0)

_TIMES: Span = (1.4, 21.0)
"""Steps: where biases of gates lie between -1 and 3."""


@dataclass(frozen=True)
class Recipe:
    """A kind of cell as planting sees it."""

    soil: Soil

    write: Callable[[Layer, Design], dict[str, Tensor]]
    """The weights that make a design of a layer, by the layer's names for them."""

    most_gain: float = torch.inf


def _candidate(design: Design) -> tuple[Tensor, Tensor]:
    """What the input and the bias drive the units with, [n, m] and [n]."""
    return design.patterns @ design.input_weights, design.patterns @ design.biases


def _rnn(_: Layer, design: Design) -> dict[str, Tensor]:
    inputs, bias = _candidate(design)
    return {"weight_ih": inputs, "weight_hh": design.recurrent, "bias_ih": bias, "bias_hh": 0 * bias}


def _gru(_: Layer, design: Design) -> dict[str, Tensor]:
    inputs, bias = _candidate(design)
    none, still = torch.zeros_like(design.coupling), torch.zeros_like(bias)
    opened = torch.tensor(_OPEN, dtype=DOUBLE)
    return {
        "weight_ih": torch.cat([0 * inputs, design.gate_weights, inputs]),
        "weight_hh": torch.cat([none, design.coupling, design.recurrent / opened.sigmoid()]),
        "bias_ih": torch.cat([still + opened, design.gate_biases, bias]),
        "bias_hh": torch.cat([still, still, still]),
    }


def _lstm(_: Layer, design: Design) -> dict[str, Tensor]:
    inputs, bias = _candidate(design)
    still = torch.zeros_like(bias)
    opened = torch.tensor(_OPEN, dtype=DOUBLE)
    # i = 1 - f whatever the input and the state are: c' is then a weighted mean, and its fixed points know no gate.
    return {
        "weight_ih": torch.cat([-design.gate_weights, design.gate_weights, inputs, 0 * inputs]),
        "weight_hh": torch.cat(
            [-design.coupling, design.coupling, design.recurrent / opened.sigmoid(), 0 * design.coupling]
        ),
        "bias_ih": torch.cat([-design.gate_biases, design.gate_biases, bias, still + opened]),
        "bias_hh": torch.cat([still] * 4),
    }


def _mgu(_: Layer, design: Design) -> dict[str, Tensor]:
    inputs, bias = _candidate(design)
    # The gate f = 1 - k acts within the candidate too, so nothing may move it.
    return {
        "weight_ih": torch.cat([0 * inputs, inputs]),
        "weight_hh": torch.cat([0 * design.coupling, design.recurrent / (1 - design.keeps)]),
        "bias_ih": torch.cat([-(design.keeps / (1 - design.keeps)).log(), bias]),
    }


def _bistable(layer: Layer, design: Design) -> dict[str, Tensor]:
    """Of a BRC and an nBRC, whose unit excites itself with the gain 1 + tanh(b_a)."""
    held = design.patterns.abs().sum(dim=1) > 0
    gains = torch.where(held, design.patterns.abs() @ design.excitation.gains, _IDLE)
    inputs, bias = _candidate(design)
    gates = design.gate_weights
    coupling = design.coupling if layer.weights()["weight_hh"].shape[0] > 2 else design.coupling.diagonal()[None]
    return {
        "weight_ih": torch.cat([gates, 0 * inputs, torch.where(held[:, None], inputs, gates)]),
        "weight_hh": torch.cat([coupling, 0 * coupling]),
        "bias_ih": torch.cat([design.gate_biases, (gains - 1).atanh(), bias]),
    }


RECIPES: dict[type[Layer], Recipe] = {
    ElmanLayer: Recipe(Soil((1.1, 2.6), _UNGATED), _rnn),
    GRULayer: Recipe(Soil((1.6, 2.6), _TIMES), _gru),
    LSTMLayer: Recipe(Soil((1.6, 2.6), _TIMES, through_cell=True), _lstm),
    MGULayer: Recipe(Soil((1.6, 2.6), _TIMES), _mgu),
    BRCLayer: Recipe(Soil((1.5, 1.95), _TIMES, alone=True), _bistable, most_gain=2.0),
    NBRCLayer: Recipe(Soil((1.5, 1.95), _TIMES, alone=True), _bistable, most_gain=2.0),
}
"""By kind of layer."""
