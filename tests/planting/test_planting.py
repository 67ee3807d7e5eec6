"""Planted networks: as many attractors as were planted, up to the folds that are told."""

import itertools
from typing import Any

import pytest
import torch
from problems.networks import has_weights, weights_of
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.cells import BRC, MGU, NBRC, Parallel
from rnn_dynamics.tasks import CopyFirstInput

pytestmark = pytest.mark.usefixtures("seeded")

CELLS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM, "MGU": MGU, "BRC": BRC, "NBRC": NBRC}
CELL = pytest.mark.parametrize("kind", list(CELLS))
BRIEFLY = {"n": 16, "draws": 1}


def patterns(module: nn.Module, units: int) -> Tensor:
    """Which units hold which block, with their signs up to that of the block: [B, n], read off input weights."""
    kind: Any = module
    rows = kind.weight_ih_l0.detach().double()
    place = {nn.RNN: 0, MGU: 1}.get(type(module), 2)  # of the candidate's rows
    column = rows[place * units : (place + 1) * units, 0]
    held = torch.ones(units, dtype=torch.bool)
    if isinstance(module, BRC | NBRC):
        held = kind.bias_ih_l0[units : 2 * units] > 0
    sizes = [round(float(size), 6) for size in column.abs()]
    blocks = sorted({size for size, own in zip(sizes, held, strict=True) if own})
    one = [[float(column[i].sign()) * (sizes[i] == b and bool(held[i])) for i in range(units)] for b in blocks]
    return torch.tensor(one, dtype=torch.float64)


def corners(module: nn.Module, units: int) -> Tensor:
    """A state for each choice of the blocks' signs, [2^B, state]."""
    blocks = patterns(module, units)
    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=len(blocks))), dtype=torch.float64)
    states = 0.9 * signs @ blocks
    return torch.cat([states, states], dim=1) if isinstance(module, nn.LSTM) else states


@CELL
@pytest.mark.parametrize("blocks", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_there_are_two_to_the_blocks_attractors(kind: str, blocks: int) -> None:
    """Every corner, and random states of the whole box, under no input."""
    module = CELLS[kind](1, 20)
    planting = rd.plant(module, blocks=blocks, seed=blocks)
    system = rd.as_map(module).hold([0.0])
    generator = torch.Generator().manual_seed(0)
    drawn = 2 * torch.rand(64, system.state_size, generator=generator, dtype=torch.float64) - 1
    starts = corners(module, 20)
    assert len(starts) == 2**blocks
    found = rd.find_attractors(system, torch.cat([starts, drawn]))
    assert found.counts == {"fixed point": 2**blocks}
    assert len(found.labels[: 2**blocks].unique()) == 2**blocks
    assert set(found.outcomes) == {"settled"}
    assert planting.log2_attractors == len(planting) == blocks


@CELL
def test_margins_are_where_blocks_fold(kind: str) -> None:
    """Within 1 %: at 0.99 of the margin every corner stays, at 1.01 of it some do not."""
    module = CELLS[kind](1, 12)
    planting = rd.plant(module, blocks=3, seed=3)
    network, starts, blocks = rd.as_map(module), corners(module, 12), patterns(module, 12)

    def kept(share: float, way: float) -> int:
        system = network.hold([way * share * planting.margin])
        states = starts
        for _ in range(20_000 if kind in ("BRC", "NBRC") else 5_000):  # their gates see the input, which slows them
            states = system(states)
        return len((states[:, :12] @ blocks.T).sign().unique(dim=0))

    assert [kept(0.99, way) for way in (-1.0, 1.0)] == [8, 8]
    assert min(kept(1.01, way) for way in (-1.0, 1.0)) < 8


@CELL
def test_what_is_reached_is_what_long_iteration_finds(kind: str) -> None:
    module = CELLS[kind](1, 32)
    task = CopyFirstInput(32, 30, seed=0)
    planting = rd.plant(module, task, blocks=16, input_scale=0.2, n=32, draws=1, seed=0)
    reach = planting.reach
    assert reach is not None
    system = rd.as_map(module).hold(reach.inputs[0])
    states = reach.starts.double()
    for _ in range(20_000):
        states = system(states)
    assert float((system(states) - states).norm(dim=1).max()) < 1e-9
    apart = torch.cdist(states, states) > 1e-4
    distinct = sum(bool(apart[i, :i].all()) for i in range(len(states)))
    assert distinct == reach.count >= 10
    assert "32 states reach" in planting.summary()


def test_settings_are_searched_until_enough_states_are_told_apart() -> None:
    module = nn.GRU(2, 32)
    planting = rd.plant(module, torch.randn(40, 20, 2), **BRIEFLY)
    assert planting.reach is not None
    assert planting.tried[0][:2] == (16, 0.2)
    counts = [count for *_, count in planting.tried]
    assert planting.reach.count >= max(counts) - 1
    assert counts[-1] >= 14 or len(counts) == 7
    assert (len(planting), planting.input_scale) in [tried[:2] for tried in planting.tried]


def test_inputs_far_from_zero_are_centred() -> None:
    """Inputs of mean 5 decide as those of mean 0 do."""
    inputs = torch.randn(40, 20, 1)
    reached = []
    for shift in (0.0, 5.0):
        module = MGU(1, 32)
        planting = rd.plant(module, inputs + shift, blocks=16, input_scale=0.2, hold=[shift], n=16)
        assert planting.reach is not None
        reached.append(planting.reach.count)
    assert reached[0] == reached[1] >= 6


def test_layers_multiply() -> None:
    """Two layers of two and three blocks: 4 times 4 attractors, whatever the lower layer does to the upper."""
    module = nn.LSTM(1, 10, num_layers=2)
    planting = rd.plant(module, blocks=2)
    assert planting.layers.tolist() == [0, 0, 1, 1]
    assert planting.margins.isinf().tolist() == [False, False, True, True]
    for share in (0.0, 0.5):
        system = rd.as_map(module).hold([share * planting.margin])
        found = rd.find_attractors(system, torch.rand(300, 40, dtype=torch.float64) * 2 - 1)
        assert found.counts == {"fixed point": 16}


def test_only_the_chosen_cells_of_a_parallel_are_planted() -> None:
    module = Parallel(1, 16, (nn.GRU, nn.LSTM), num_layers=2)
    before = [weights_of(cell) for row in module.parallel for cell in row]
    planting = rd.plant(module, blocks=3, cells=(0,))
    after = [cell for row in module.parallel for cell in row]
    assert [has_weights(cell, old) for cell, old in zip(after, before, strict=True)] == [False, True, False, True]
    assert planting.cells == ("GRU",) * 6
    rd.plant(module, blocks=3, cells=(0, 1))
    assert not any(has_weights(cell, old) for cell, old in zip(after, before, strict=True))


def test_a_seed_gives_the_same_weights() -> None:
    first, second, third = (nn.GRU(3, 12) for _ in range(3))
    for module, seed in ((first, 1), (second, 1), (third, 2)):
        rd.plant(module, seed=seed)
    assert has_weights(first, weights_of(second))
    assert not has_weights(first, weights_of(third))


def test_settings_are_what_blocks_get() -> None:
    planting = rd.plant(nn.GRU(1, 12), blocks=4, gain=2.0, time_scales=(2.0, 8.0), thresholds=0.0, input_scale=0.5)
    assert planting.gains.tolist() == [2.0] * 4
    assert planting.folds.tolist() == pytest.approx([0.532839975] * 4)
    assert planting.biases.tolist() == [0.0] * 4
    assert planting.margin == pytest.approx(2.0)
    assert 2.0 < float(planting.time_scales.min()) < float(planting.time_scales.max()) < 8.0
    assert planting.units.tolist() == [3] * 4


def test_blocks_that_inputs_would_undo_are_told() -> None:
    planting = rd.plant(nn.GRU(1, 12), input_scale=0.8, thresholds=(-9.0, 9.0))
    assert planting.margin < 0
    assert planting.log2_attractors < 6
    assert planting.rests.isnan().any()
    (told,) = planting.advice
    assert "blocks may have one state only: lower input_scale, now 0.8" in told


def test_a_planting_is_saved(tmp_path) -> None:
    planting = rd.plant(nn.GRU(1, 12), torch.randn(8, 5, 1), n=4, draws=1)
    back = rd.load(rd.save(planting, tmp_path / "planting.safetensors"))
    assert repr(back) == repr(planting)
    assert back.tried == planting.tried


def test_what_is_reached_is_proved(tmp_path) -> None:
    module = MGU(1, 8)
    planting = rd.plant(module, torch.randn(8, 10, 1), blocks=4, input_scale=0.2, hold=[0.0], n=8, certify=True)
    assert planting.reach is not None
    assert planting.proof is not None
    assert planting.proof.count == planting.reach.count >= 2
    assert planting.summary().endswith(f"at least {planting.proof.count:g}: proved")
    assert rd.load(rd.save(planting, tmp_path / "proved.safetensors")).proof.count == planting.proof.count


def _computed() -> nn.GRU:
    module = nn.GRU(1, 4)
    nn.utils.parametrizations.orthogonal(module, "weight_hh_l0")
    return module


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda: nn.RNN(1, 4, nonlinearity="relu"), {}, r"has formulas for .* not for RNN \(relu\)"),
        (lambda: nn.LSTM(1, 4, proj_size=2), {}, "without proj_size"),
        (lambda: nn.GRU(1, 4, bias=False), {}, "biases, which this module has none of"),
        (_computed, {}, "computed from others"),
        (lambda: nn.GRU(1, 4).half(), {}, "must be float32 or float64, got torch.float16"),
        (lambda: rd.cells.LeakyRNN(1, 4), {}, "not for"),
        (lambda: rd.as_map(lambda h, x: h, 2, 1), {}, "known by its weights"),
        (lambda: nn.GRU(1, 4), {"blocks": 5}, "blocks must be at most the units of each cell, 4, got 5"),
        (lambda: nn.GRU(1, 4), {"blocks": 0}, "blocks must be a whole number of at least 1, got 0"),
        (lambda: nn.GRU(1, 4), {"gain": 1.0}, "gain must be a number, or .*above 1, got 1.0"),
        (lambda: BRC(1, 4), {"gain": 2.0}, "above 1 and below 2, got 2.0"),
        (lambda: nn.GRU(1, 4), {"gain": (2.0, 1.5)}, r"gain must be .*\(lowest, highest\)"),
        (lambda: nn.GRU(1, 4), {"time_scales": 1.0}, "time_scales must be .*above 1"),
        (lambda: nn.RNN(1, 4), {"time_scales": 3.0}, r"time_scales are those of a gate that keeps, which RNN \(tanh\)"),
        (lambda: nn.GRU(1, 4), {"input_scale": -1.0}, "input_scale must be positive"),
        (lambda: nn.GRU(1, 4), {"hold": [0.0]}, "hold is about .* give sequences too"),
        (lambda: nn.GRU(1, 4), {"certify": True}, "certify is about .* give sequences too"),
        (lambda: nn.GRU(1, 4), {"cells": (1,)}, "cells are those of a Parallel"),
        (lambda: Parallel(1, 4), {"cells": (2,)}, r"cells must name some of the 2 cells, each once, got \[2\]"),
        (lambda: nn.GRU(1, 4), {"sequences": torch.zeros(3, 5, 2)}, r"shape \[batch, time, 1\]"),
    ],
)
def test_what_cannot_be_planted_is_refused_and_left(make: Any, options: dict[str, Any], message: str) -> None:
    module = make()
    before = weights_of(module) if isinstance(module, nn.Module) else []
    with pytest.raises(ValueError, match=message):
        rd.plant(module, **options)
    assert not before or has_weights(module, before)
