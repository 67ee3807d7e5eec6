"""Every analysis and cell on a pretended device: nothing is mixed, and what comes out is what the host gives."""

import copy

import pytest
import torch
from elsewhere.calls import CALLS, SETTLE, assert_alike, sequences
from elsewhere.pretended import NAME, PretendedDevice
from problems.maps import normal
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics import cells

SLOW = {"continue_bifurcation", "continue_connection", "continue_tangency", "bifurcation_diagram", "AttractorTracker"}
SLOW |= {"resilience", "training_bifurcations", "rl.train_agents"}
"""Walks are many small steps, each of which pretending makes ten times as long."""

ON_THE_HOST = {"load", "save", "read_checkpoint", "track_checkpoints", "sweep", "certify", "all_fixed_points", "wada"}
"""Files, plans, pictures of basins, and proofs, whose balls the host alone has."""

CELLS = {
    "RNN": lambda: nn.RNN(1, 3, num_layers=2),
    "GRU": lambda: nn.GRU(1, 3, num_layers=2),
    "LSTM": lambda: nn.LSTM(1, 2, num_layers=2),
    "RNNCell": lambda: nn.RNNCell(1, 3),
    "GRUCell": lambda: nn.GRUCell(1, 3),
    "LSTMCell": lambda: nn.LSTMCell(1, 2),
    **{
        name: lambda name=name: getattr(cells, name)(1, 4)
        for name in ("MGU", "BRC", "NBRC", "LeakyRNN", "DaleRNN", "MinGRU", "MinLSTM", "LRU")
    },
    "LowRankRNN": lambda: cells.LowRankRNN(1, 4, rank=1),
    "Parallel": lambda: cells.Parallel(1, 4, (nn.GRU, cells.MGU)),
}


def made(name: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return CELLS[name]().double()


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in CALLS])
def test_elsewhere_as_on_the_host(name: str) -> None:
    here = CALLS[name]("cpu")  # outside of the mode, which makes every operation slower
    with PretendedDevice():
        assert_alike(CALLS[name](NAME), here)


def test_no_public_function_is_missing() -> None:
    functions = {name for name in rd.__all__ if name[0].islower() and not name.startswith("plot_")}
    assert functions - {"cells", "charts", "tasks"} - ON_THE_HOST - {name.partition(",")[0] for name in CALLS} == set()
    public = {name for name in cells.__all__ if isinstance(getattr(cells, name), type)}
    assert public - {"Specification"} - CELLS.keys() == set()


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_is_analysed(name: str) -> None:
    def analysed(device: str) -> object:
        network = rd.as_map(copy.deepcopy(module).to(device))
        system, starts = network.hold(), normal(6, network.state_size).to(device)
        return [
            network.run(sequences(device)),
            system.jacobian(starts),
            rd.find_fixed_points(system, starts, extra_starts=4).states,
            rd.find_attractors(system, starts, settle=SETTLE).states,
            rd.finite_time_exponents(network, sequences(device), k=1),
        ]

    module = made(name)
    expected = analysed("cpu")
    with PretendedDevice():
        for there, here in zip(analysed(NAME), expected, strict=True):
            assert_alike(there, here, 1e-6)


@pytest.mark.parametrize("name", [name for name in CELLS if not name.endswith("Cell")])
def test_every_cell_is_warmed_up_and_trained(name: str) -> None:
    def taught(device: str) -> object:
        module = copy.deepcopy(first).to(device)
        warmed = rd.warm_up(module, sequences(device), 2, batch_size=4, horizon=rd.Horizon(longest=4))
        model = rd.SequenceModel(module, 1).double().to(device)
        settings = rd.TrainSettings(epochs=1, batch_size=4, clip_norm=1.0)
        trained = rd.train(model, rd.tasks.FlipFlop(8, 5, bits=1, seed=0), settings=settings)
        return warmed.soft_vaas, warmed.losses, trained.losses, [weight.detach() for weight in model.parameters()]

    first = made(name)
    here = taught("cpu")
    with PretendedDevice():
        assert_alike(taught(NAME), here, 1e-6)


def test_what_a_gpu_refuses_is_refused() -> None:
    with PretendedDevice():
        there, here = torch.ones(3).to(NAME), torch.ones(3)
        with pytest.raises(RuntimeError, match="all tensors on the device"):
            there + here
        with pytest.raises(RuntimeError, match="of the host is indexed"):
            here[torch.tensor([0, 1], device=NAME)]
        with pytest.raises(RuntimeError, match="generator of the device"):
            torch.rand(3, generator=torch.Generator(), device=NAME)
        with pytest.raises(TypeError, match="convert a tensor of another device"):
            there.numpy()
        assert torch.equal((there + torch.tensor(1.0)).cpu(), torch.full((3,), 2.0))  # as CUDA, it takes numbers
        assert (there @ torch.ones(3, 2, device=NAME)).shape == (2,)
    with pytest.raises(RuntimeError, match="outside of its PretendedDevice"):
        there + there


@pytest.mark.parametrize(
    "read",
    [
        torch.Tensor.item,
        torch.Tensor.tolist,
        torch.Tensor.cpu,
        bool,
        lambda one: one.expand(2)[one.expand(2) > 0],
        lambda one: one.nonzero(),
        lambda one: torch.equal(one, one),
        lambda one: torch.empty(()).copy_(one),
    ],
)
def test_every_wait_is_counted(read) -> None:
    with PretendedDevice() as device:
        one = torch.tensor(1.0, device=NAME)
        assert device.transfers == 0
        read(one)
    assert device.transfers == 1
