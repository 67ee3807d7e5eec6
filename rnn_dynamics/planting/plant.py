"""Planting: weights that make a network multistable, written at once, without any training."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated

import torch
from torch import Tensor, nn

from ..certificates import ProvedReach
from ..certificates import certify as prove
from ..checks import (
    ArgumentError,
    ArrayLike,
    CheckedInside,
    Count,
    InputSequences,
    Positive,
    Told,
    checked,
    generator_of,
)
from ..multistability import HORIZONS, Reachability, reachability
from ..systems import DrivenMap, Layer, LayeredMap, ParallelLayer, as_map, padded
from .cells import RECIPES
from .design import DOUBLE, Design, Settings, Source, Span, draw
from .excitation import Excitation
from .plots import bounded, plots_of
from .results import Planting
from .search import search

_SCALE = 0.2
"""Input scale without sequences: a held input of 5 along a block's direction is at its fold."""

_THRESHOLDS: Span = (-1.5, 1.5)
"""Standard deviations of what blocks sum up: beyond, most sequences are on the same side."""

Spread = Annotated[float | tuple[float, float], Told("a number, or the lowest and the highest of a span")]


@checked
@torch.no_grad()
def plant(
    module: Annotated[nn.Module | DrivenMap, CheckedInside()],
    sequences: InputSequences | None = None,
    *,
    blocks: Count | None = None,
    gain: Spread | None = None,
    input_scale: Annotated[float, Positive()] | None = None,
    thresholds: Spread = _THRESHOLDS,
    time_scales: Spread | None = None,
    cells: Annotated[Sequence[int], Told("whole numbers in a sequence")] = (0,),
    hold: ArrayLike | None = None,
    n: Count = 32,
    draws: Count = 3,
    certify: bool = False,
    seed: int = 0,
    progress: bool | None = None,
) -> Planting:
    """Write weights into a recurrent network, in place, that give it 2^B attractors by construction.

    The units of a cell are dealt to B blocks, with signs s_i in {-1, 1}. Unit i of block b is s_i x_b, and

        x_b' = k_b x_b + (1 - k_b) tanh(g_b x_b + u_b),    u_b = W_b x + beta_b,

    which has two stable states while |u_b| < fold_b = g_b y - atanh(y), y = sqrt(1 - 1 / g_b): a held input within
    every block's ``margin`` leaves 2^B attractors. From h = 0 the first inputs decide which; blocks differ in g_b, k_b,
    direction and threshold, so that different inputs end in different attractors. All weights of the planted cells
    are written anew:

    - candidate (W_hh; of GRU, LSTM, MGU the rows n, g, n): sum_b g_b / (r |b|) s s^T, r what a gate multiplies it with,
      plus a random coupling of norm 0.1 that neither sees nor moves any block's mean;
    - candidate's input weights and bias: s_i W_b and s_i beta_b, with W_b = a fold_b v_b, a the input scale, v_b a
      random direction, beta_b = a fold_b (theta_b sd_b sqrt((rho_b - 1) / (rho_b + 1)) - v_b mean): theta_b is a
      threshold in standard deviations of what the block sums up, with rho_b = 1 + (1 - k_b)(g_b - 1);
    - the gate that keeps (z, f, c): bias log(k_b / (1 - k_b)), a random direction of the input (at most 1 for a unit of
      input, and for a standard deviation) and the same coupling, none of which moves a fixed point; of an MGU, whose
      gate acts within the candidate too, the bias alone; an ``nn.RNN`` has none, k = 0;
    - other gates: r of a GRU and o of an LSTM open, bias 2 and no weights; i = 1 - f in an LSTM, so that
      c' = f c + (1 - f) tanh(g tanh(c) + u), whose fold is the root of one equation;
    - BRC and nBRC excite each unit by itself, 1 + tanh(b_a) = g_b: a block is one unit, all others get a gain of 0.5.

    Layers above the first have |v_b|_1 = 1: while input_scale (1 + threshold) is well below 1, no state of the layer
    below can undo their blocks.

    Args:
        module: ``nn.RNN`` (tanh), ``nn.GRU``, ``nn.LSTM``, ``MGU``, ``BRC``, ``NBRC`` with biases, any layers, or a
            ``Parallel`` of them; or its ``as_map``.
        sequences: inputs [batch, time, m], a list of [time_i, m], or a task. Directions are then centred on them, and
            ``blocks`` and ``input_scale``, where not given, are the first of a few that make attractors of 7/8 of the
            n states, or else those that reach most.
        blocks: B of each planted cell. Without sequences half of its units, so that two tell each bit; all in BRC and
            nBRC, whose blocks are single units.
        gain: g_b, above 1 (below 2 in BRC and nBRC): a number, or a span over which blocks are spread. From 1.6 to 2.6,
            as a prototype had; from 1.1 in an ``nn.RNN``, where a low gain alone makes a block slow; 1.5 to 1.95 in
            BRC and nBRC.
        input_scale: a: the share of a block's fold that a unit of input along its direction makes. Without sequences
            0.2, so that a held input of 5 minus the threshold is survived.
        thresholds: theta_b.
        time_scales: 1 / (1 - k_b) in steps, above 1, spread evenly in the logarithm; 1.4 to 21, where gates' biases lie
            between -1 and 3.
        cells: which cells of a ``Parallel`` are planted; the others stay as they are.
        hold: held inputs [m] or [q, m] under which attractors are counted; ``draws`` of N(0, I) by default.
        certify: whether to prove that these attractors are reached, as ``rd.certify`` does: that takes far longer than
            to count them.
        n, draws, seed: of ``reachability``; the seed also of what is planted. The global random state is not touched.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        The blocks, with folds and margins, and with sequences the attractors that they reach.

    Raises:
        ValueError: for cells of other kinds, without biases or with computed weights, and settings out of range.

    Source: the bistable block is the discrete Hopfield unit with self-excitation; that multistability helps is from
        Lambrechts et al., arXiv 2106.01001.
    """
    network = _layered(module if isinstance(module, DrivenMap) else as_map(module))
    if sequences is None and (hold is not None or certify):
        name = "certify" if hold is None else "hold"
        raise ArgumentError(name, "is about what sequences reach: give sequences too")
    plots = list(plots_of(network, cells))
    settings = Settings(
        blocks,
        None if gain is None else _span(gain, "gain", 1.0, min(RECIPES[type(cell)].most_gain for *_, cell in plots)),
        input_scale or _SCALE,
        _span(thresholds, "thresholds", -math.inf, math.inf),
        None if time_scales is None else _span(time_scales, "time_scales", 1.0, math.inf),
    )
    ungated = [cell for *_, cell in plots if RECIPES[type(cell)].soil.time_scales == (1.0, 1.0)]
    if time_scales is not None and ungated:
        raise ArgumentError("time_scales", f"are those of a gate that keeps, which {ungated[0].name} has none of")
    if sequences is None:
        return _planted(network, plots, settings, None, seed)
    source = _source(network, sequences)

    def planted(candidate: Settings) -> tuple[Planting, LayeredMap]:
        copy = network.frozen(network.dtype)
        return _planted(copy, plots, candidate, source, seed), copy

    def reached(copy: LayeredMap, horizons: Sequence[int]) -> Reachability:
        return reachability(copy, sequences, hold, n=n, draws=draws, horizons=horizons, seed=seed, progress=False)

    units = [cell.output_size for *_, cell in plots]
    fewest = max(RECIPES[type(cell)].soil.blocks(cell.output_size) for *_, cell in plots)
    chosen, tried = search(
        lambda candidate: reached(planted(candidate)[1], (0,)),
        replace(settings, blocks=settings.blocks or min(fewest, min(units))),
        min(units) if blocks is None else None,
        input_scale is None,
        progress,
    )
    report, copy = planted(chosen)
    reach = reached(copy, HORIZONS)
    proof = prove(copy, reach, progress=progress) if certify and not reach.interrupted else None
    assert proof is None or isinstance(proof, ProvedReach)
    report = replace(report, reach=reach, proof=proof, tried=tried)
    for weight, value in zip(network.weights, copy.weights, strict=True):
        weight.copy_(value)
    return report


@torch.no_grad()
def sow(network: DrivenMap, sequences: InputSequences, *, cells: Sequence[int] = (0,), seed: int = 0) -> Planting:
    """``plant`` with its settings as they are without sequences, but centred on these; nothing is searched or counted.

    Raises:
        ValueError: as ``plant``.
    """
    layered = _layered(network)
    settings = Settings(None, None, _SCALE, _THRESHOLDS, None)
    return _planted(layered, list(plots_of(layered, cells)), settings, _source(layered, sequences), seed)


def _layered(network: DrivenMap) -> LayeredMap:
    if not isinstance(network, LayeredMap):
        raise ValueError(f"plant takes a recurrent module known by its weights, got {network!r}")
    return network


def _span(value: float | tuple[float, float], name: str, least: float, most: float) -> Span:
    """A number as a span of no width.

    Raises:
        ArgumentError: unless least < low <= high < most.
    """
    low, high = value if isinstance(value, tuple) else (value, value)
    if not least < low <= high < most:
        limits = [f"above {least:g}"] * math.isfinite(least) + [f"below {most:g}"] * math.isfinite(most)
        between = f", {' and '.join(limits)}" if limits else ""
        raise ArgumentError(name, f"must be a number, or (lowest, highest){between}, got {value}")
    return low, high


def _source(network: LayeredMap, sequences: InputSequences) -> Source:
    rows, lengths = padded(network, sequences)
    own = torch.arange(rows.shape[1]) < lengths.cpu()[:, None]
    return Source.of_inputs(rows.cpu()[own].to(DOUBLE))


def _planted(
    network: LayeredMap, plots: Sequence[tuple[int, int, Layer]], settings: Settings, source: Source | None, seed: int
) -> Planting:
    """Write a planting into the weights of a network; ``source`` are inputs like those that sequences bring."""
    generator = generator_of(seed)
    layers = network.layers
    designs: list[tuple[Layer, Design]] = []
    places: list[Tensor] = []
    whole = torch.arange(network.state_size).split(list(network.layer_sizes))
    for number, index, _ in plots:
        layer = layers[number]
        cell, own_place = layer, whole[number]
        if isinstance(layer, ParallelLayer):
            cell, own_place = layer.cells[index], layer.cell_states(own_place)[index]
        places.append(own_place[-cell.output_size :])  # of an LSTM its cell state, which stands last
        if number:
            below = Source.states if bounded(layers[number - 1]) else Source.standard
            own = below(layer.input_size)
        else:
            own = source or Source.standard(layer.input_size)
        designs.append((cell, draw(settings, cell.output_size, own, RECIPES[type(cell)].soil, generator)))
    for cell, design in designs:
        values, weights = RECIPES[type(cell)].write(cell, design), cell.weights()
        for name, weight in weights.items():
            weight.copy_(values[name])
    readouts = torch.zeros(sum(len(design.biases) for _, design in designs), network.state_size, dtype=DOUBLE)
    row = 0
    for place, (_, design) in zip(places, designs, strict=True):
        readouts[row : row + len(design.biases), place] = (design.patterns / design.sizes).T
        row += len(design.biases)
    return _report([(number, *pair) for (number, *_), pair in zip(plots, designs, strict=True)], readouts, settings)


def _report(designs: Sequence[tuple[int, Layer, Design]], readouts: Tensor, settings: Settings) -> Planting:
    def column(of: Callable[[Design], Tensor]) -> Tensor:
        return torch.cat([of(design) for *_, design in designs])

    def where_two(design: Design, of: Callable[[Excitation, Tensor], Tensor]) -> Tensor:
        """NaN for blocks that have one state only."""
        block, two = design.excitation, design.biases.abs() < design.excitation.folds
        return torch.where(two, of(block, torch.where(two, design.biases, 0.0)), math.nan)

    return Planting(
        layers=torch.cat([torch.full((len(design.biases),), number) for number, _, design in designs]),
        cells=tuple(cell.name for _, cell, design in designs for _ in design.biases),
        units=column(lambda design: design.sizes.long()),
        gains=column(lambda design: design.excitation.gains),
        time_scales=column(lambda design: 1 / (1 - design.excitation.keeps)),
        biases=column(lambda design: design.biases),
        folds=column(lambda design: design.excitation.folds),
        margins=column(lambda design: design.margins),
        rests=column(lambda design: where_two(design, Excitation.rests)),
        multipliers=column(lambda design: where_two(design, lambda block, u: block.multipliers(block.rests(u)))),
        pulses=column(lambda design: where_two(design, Excitation.pulses)),
        flip_steps=column(lambda design: where_two(design, Excitation.flip_steps)),
        readouts=readouts,
        input_scale=settings.input_scale,
    )
