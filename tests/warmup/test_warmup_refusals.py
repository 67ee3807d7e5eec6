"""What warmup refuses at the door, and in which words."""

import math

import numpy as np
import pytest
import torch
from problems.networks import has_weights, weights_of
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import Parallel
from rnn_dynamics.warmup import Horizon, warm_up

pytestmark = pytest.mark.usefixtures("seeded")


def _nan_weights() -> nn.GRU:
    module = nn.GRU(3, 4)
    with torch.no_grad():
        module.weight_hh_l0[0, 0] = math.nan
    return module


def _late_nan_weights():
    module = nn.GRU(3, 4)
    network = rd.as_map(module)
    with torch.no_grad():
        module.weight_hh_l0[0, 0] = math.nan
    return network


def _computed_weights() -> nn.GRU:
    module = nn.GRU(3, 4)
    nn.utils.parametrizations.orthogonal(module, "weight_hh_l0")
    return module


class _Idle(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(2, 2)

    def forward(self, state, input):
        return torch.tanh(state + input)


INPUTS = torch.randn(6, 5, 3, generator=torch.Generator().manual_seed(0))

BAD_SEQUENCES = {
    "width": (INPUTS[..., :2], r"shape \[batch, time, 3\], got \[6, 5, 2\]"),
    "rank": (INPUTS[0], r"shape \[batch, time, 3\], got \[5, 3\]"),
    "in a list": ([INPUTS[0], INPUTS[1, :, :2]], r"sequence 1 must have shape \[time, 3\], got \[5, 2\]"),
    "rank in a list": ([INPUTS[0], INPUTS[1, 0]], r"sequence 1 must have shape \[time, 3\], got \[3\]"),
    "empty in a list": ([INPUTS[0], INPUTS[1, :0]], r"sequence 1 must have shape \[time, 3\], got \[0, 3\]"),
    "none": (INPUTS[:0], r"got \[0, 5, 3\]"),
    "no time": (INPUTS[:, :0], r"got \[6, 0, 3\]"),
    "empty list": ([], r"shape \[batch, time, 3\], got \[0\]"),
    "complex": (INPUTS.to(torch.complex64), "must be real"),
    "words": (np.array([[["a"] * 3] * 5] * 6), "tensor or array of real numbers"),
    "ragged": ([[[1.0, 2, 3]], [[1.0, 2, 3]] * 2], "tensor or array of real numbers"),
    "nan": (INPUTS.clone().index_fill(1, torch.tensor(2), math.nan), "must be finite, got 18 NaN"),
    "one": (INPUTS[:1], "sequences must be 2 or more"),
    "one in a list": ([INPUTS[0]], "sequences must be 2 or more"),
    "nothing": (None, "sequences must"),
}

BAD_SETTINGS = [
    ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
    ({"steps": 2.5}, "steps must be a whole number"),
    ({"steps": True}, "steps must be a whole number"),
    ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
    ({"batch_size": 1}, "batch_size must be 2 or more"),
    *[({"lr": lr}, "lr must be positive and finite") for lr in (0, -0.1, math.nan, math.inf)],
    *[({"target": target}, r"target must lie in \(0, 1\]") for target in (0, -1, 1.01, math.nan)],
    *[({"clip_norm": clip}, "clip_norm must be positive") for clip in (0, -1.0, math.nan)],
    *[({"epsilon": epsilon}, "epsilon must be positive") for epsilon in (0, -1e-4, math.nan, math.inf)],
    *[({"memory_budget": budget}, "memory_budget must be positive") for budget in (0, -1, math.nan)],
    *[({"horizon": horizon}, "horizon must be a Horizon") for horizon in (0, 50, "50")],
    *[({"cells": cells}, "cells are those of a Parallel") for cells in ((1,), (), (0, 1))],
    *[({"cells": cells}, "cells must be whole numbers in a sequence") for cells in (0, "0", (0.0,), (True,))],
    *[({"seed": seed}, "seed must be a whole number") for seed in (1.5, None, "1")],
]

BAD_MODULES = {
    "bidirectional": (lambda: nn.GRU(3, 4, bidirectional=True), "bidirectional"),
    "linear": (lambda: nn.Linear(3, 4), "Linear is not one of RNN"),
    "nothing": (lambda: None, "as_map takes a torch module"),
    "held": (lambda: rd.as_map(nn.GRU(3, 4)).hold(), "as_map takes a torch module"),
    "nan": (_nan_weights, "weight_hh of layer 0 must be finite"),
    "nan since": (_late_nan_weights, "weights to warm up must be finite"),
    "frozen": (lambda: nn.GRU(3, 4).requires_grad_(False), "none of the weights to warm up requires a gradient"),
    "function": (lambda: rd.as_map(torch.add, 3, 3), "a plain function shows no weights to warm up"),
    "idle": (lambda: rd.as_map(_Idle(), 3, 3), "no weight to warm up acts on the states"),
    "computed": (_computed_weights, "weights to warm up must be parameters"),
    "half": (lambda: nn.GRU(3, 4, dtype=torch.float16), "must be float32 or float64, got torch.float16"),
}


@pytest.mark.parametrize("name", BAD_SEQUENCES)
def test_sequences_that_do_not_fit_are_refused(name: str) -> None:
    sequences, message = BAD_SEQUENCES[name]
    module = nn.GRU(3, 4)
    before = weights_of(module)
    with pytest.raises(ValueError, match=message):
        warm_up(module, sequences, 1)
    assert has_weights(module, before)


@pytest.mark.parametrize(("options", "message"), BAD_SETTINGS)
def test_settings_out_of_range_are_refused(options: dict, message: str) -> None:
    module = nn.GRU(3, 4)
    before = weights_of(module)
    with pytest.raises(ValueError, match=message):
        warm_up(module, INPUTS, **({"steps": 1} | options))
    assert has_weights(module, before)


@pytest.mark.parametrize("cells", [(), (2,), (-1,), (0, 0), (0, 1, 2)])
def test_cells_that_a_parallel_does_not_have_are_refused(cells) -> None:
    with pytest.raises(ValueError, match="cells must name some of the 2 cells, each once"):
        warm_up(Parallel(3, 4), INPUTS, 1, cells=cells)


@pytest.mark.parametrize("name", BAD_MODULES)
def test_modules_that_cannot_be_warmed_are_refused(name: str) -> None:
    build, message = BAD_MODULES[name]
    with pytest.raises(ValueError, match=message):
        warm_up(build(), INPUTS, 1)


@pytest.mark.parametrize(
    "options",
    [{"start": 0}, {"start": 201}, {"growth": -1}, {"longest": 0}, {"longest": 1.5}, {"growth": math.nan}],
)
def test_horizons_that_are_no_schedule_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match="Horizon needs whole numbers, 1 <= start <= longest"):
        Horizon(**options)
