"""Which cells of a network can be planted, and which are."""

from collections.abc import Iterator, Sequence

import torch

from ..checks import ArgumentError
from ..systems import Layer, LayeredMap, ParallelLayer
from .cells import RECIPES


def plots_of(network: LayeredMap, cells: Sequence[int]) -> Iterator[tuple[int, int, Layer]]:
    """What is planted: the number of each layer, of the cell in it, and the cell.

    Raises:
        ValueError: for cells of other kinds or that are not there, and weights that cannot be written.
    """
    parallel = any(isinstance(layer, ParallelLayer) for layer in network.layers)
    if not all(type(index) is int for index in cells):
        raise ArgumentError("cells", f"must be whole numbers in a sequence, like (0,), got {cells!r}")
    if tuple(cells) != (0,) and not parallel:
        raise ArgumentError("cells", f"are those of a Parallel, and this is a {network!r}: leave them out")
    if any(one is not again for one, again in zip(network.weights, network.weights, strict=True)):
        raise ValueError(
            "weights to plant must be parameters, but one is computed from others (a parametrization, weight_norm, "
            "pruning): make it permanent first, as torch.nn.utils.parametrize.remove_parametrizations does"
        )
    for number, layer in enumerate(network.layers):
        side_by_side = layer.cells if isinstance(layer, ParallelLayer) else (layer,)
        chosen = list(cells) if isinstance(layer, ParallelLayer) else [0]
        if not chosen or len(set(chosen)) < len(chosen) or not all(0 <= i < len(side_by_side) for i in chosen):
            raise ArgumentError("cells", f"must name some of the {len(side_by_side)} cells, each once, got {chosen}")
        for index in chosen:
            _require_plantable(side_by_side[index])
            yield number, index, side_by_side[index]


def _require_plantable(cell: Layer) -> None:
    weights = cell.weights()
    if type(cell) not in RECIPES or getattr(cell, "nonlinearity", "tanh") != "tanh" or "weight_hr" in weights:
        kinds = "RNN (tanh), GRU, LSTM (without proj_size), MGU, BRC and nBRC"
        raise ValueError(f"plant has formulas for {kinds}, not for {cell.name}")
    if "bias_ih" not in weights:
        raise ValueError("plant sets time scales and thresholds by biases, which this module has none of: bias=True")
    for weight in weights.values():
        if weight.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"weights to plant must be float32 or float64, got {weight.dtype}")


def bounded(layer: Layer) -> bool:
    """Whether all outputs lie within [-1, 1]."""
    cells = layer.cells if isinstance(layer, ParallelLayer) else (layer,)
    known = all(type(cell) in RECIPES and "weight_hr" not in cell.weights() for cell in cells)
    return known and all(getattr(cell, "nonlinearity", "tanh") == "tanh" for cell in cells)
