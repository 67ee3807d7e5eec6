"""On a GPU: the calls that are made on a pretended device too, as on the host, within the memory they were given."""

import pytest
import torch
from elsewhere.calls import CALLS, assert_alike
from problems.maps import normal
from torch import nn

import rnn_dynamics as rd

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize("name", CALLS)
def test_as_on_the_host(name: str) -> None:
    assert_alike(CALLS[name]("cuda"), CALLS[name]("cpu"))


def test_the_memory_budget_is_kept() -> None:
    """Of 4,096 starts at 128 units the Jacobians alone would take 512 MB; beside the budget, states take little."""
    budget, n, k = 64 * 2**20, 128, 4096
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.GRU(1, n).cuda()
    system, starts = rd.as_map(module).hold(), normal(k, n).cuda()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    rd.find_fixed_points(system, starts, extra_starts=0, max_steps=20, memory_budget=budget)
    states = starts.numel() * starts.element_size()
    assert torch.cuda.max_memory_allocated() - before <= 2 * budget + 40 * states
