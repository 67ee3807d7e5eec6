"""Warmup under stress: what it leaves alone, how it ends early, its memory."""

import copy
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from problems.networks import has_weights, weights_of
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import BRC, MGU, NBRC, Parallel
from rnn_dynamics.systems import MGULayer, states_after
from rnn_dynamics.warmup import Horizon, Warmup, warm_up

pytestmark = pytest.mark.usefixtures("seeded")


DOUBLE = torch.float64


# --- The same again


def test_a_seed_gives_the_same_bits_wherever_it_is_called() -> None:
    first, inputs = nn.LSTM(20, 5, 2), torch.randn(9, 7, 20)  # from 16 on, torch draws otherwise in float64
    modules = [copy.deepcopy(first) for _ in range(6)]
    options = {"steps": 6, "batch_size": 4}
    history = warm_up(first, inputs, seed=7, **options)
    assert torch.initial_seed() == 0
    torch.manual_seed(5)
    warm_up(modules[0], inputs, seed=7, **options)
    with torch.no_grad():
        warm_up(modules[1], inputs, seed=np.int64(7), **options)
    with torch.inference_mode():
        warm_up(modules[2], inputs + 0, seed=torch.Generator().manual_seed(7), **options)
    torch.set_default_dtype(DOUBLE)
    try:
        again = warm_up(modules[3], inputs.tolist(), seed=7, **options)
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(has_weights(module, weights_of(first)) for module in modules[:4])
    assert torch.equal(again.losses, history.losses)
    warm_up(modules[4], inputs, seed=8, **options)
    assert not has_weights(modules[4], weights_of(first))
    # The whole budget given in other ways.
    warm_up(modules[5], list(inputs), seed=7, memory_budget=math.inf, **options)
    assert has_weights(modules[5], weights_of(first))


# --- What it leaves alone


def test_nothing_but_the_weights_is_changed() -> None:
    module, inputs = Parallel(2, 8, (nn.GRU, nn.LSTM), 2), torch.randn(6, 5, 2, requires_grad=True)
    module.register_buffer("mean", torch.ones(3))
    calls = []
    module.register_forward_hook(lambda *_: calls.append(1))
    module.parallel[0][0].register_forward_pre_hook(lambda *_: calls.append(1))
    frozen = module.parallel[0][0].bias_hh_l0.requires_grad_(False)
    for weight in module.parameters():
        weight.grad = torch.randn_like(weight)
    module.parallel[1][0].weight_hh_l0.grad = None
    optimiser = torch.optim.SGD(module.parameters(), momentum=0.9)
    state, before, given = copy.deepcopy(optimiser.state_dict()), weights_of(module), inputs.detach().clone()
    places, grads = [id(w) for w in module.parameters()], [w.grad for w in module.parameters()]
    copies = [None if grad is None else grad.clone() for grad in grads]
    flags, old = [w.requires_grad for w in module.parameters()], frozen.clone()
    module.parallel[1].eval()
    modes = [part.training for part in module.modules()]

    warm_up(module, inputs, 3, cells=(0, 1))
    assert not has_weights(module, before)
    assert torch.equal(frozen, old)
    assert [id(w) for w in module.parameters()] == places
    assert [w.requires_grad for w in module.parameters()] == flags
    for weight, grad, value in zip(module.parameters(), grads, copies, strict=True):
        assert weight.grad is grad
        assert grad is None or torch.equal(grad, value)
    assert [part.training for part in module.modules()] == modes
    assert torch.equal(module.mean, torch.ones(3))
    assert optimiser.state_dict() == state
    assert torch.equal(inputs, given)
    assert inputs.grad is None
    assert not calls


def test_a_frozen_layer_stays_and_the_others_are_warmed() -> None:
    module = nn.GRU(2, 4, 2)
    for name, weight in module.named_parameters():
        weight.requires_grad_(name.endswith("_l0"))
    before = {name: weight.clone() for name, weight in module.named_parameters()}
    history = warm_up(module, torch.randn(6, 5, 2), 3)
    assert history.soft_vaas.shape == (3, 2)
    for name, weight in module.named_parameters():
        assert torch.equal(weight, before[name]) == name.endswith("_l1")


# --- The callback, and the history


def test_the_callback_sees_the_weights_that_its_numbers_belong_to() -> None:
    module, inputs, seen = nn.GRU(2, 4, 2), torch.randn(6, 5, 2), []
    first = copy.deepcopy(module)

    def look(step, network, **numbers):
        seen.append((step, weights_of(network), numbers))
        assert network is module
        network(inputs)[0].sum().backward()  # what it leaves in the gradients does not count

    history = warm_up(module, inputs, 4, lr=0.1, seed=2, callback=look)
    assert [step for step, _, _ in seen] == [0, 1, 2, 3, 4]
    for step, weights, numbers in seen[:-1]:
        part = copy.deepcopy(first)
        if step:
            warm_up(part, inputs, step, lr=0.1, seed=2)
        assert has_weights(part, weights)
        # With steps too small to move anything, the same weights give the same number again.
        assert warm_up(part, inputs, step + 1, lr=1e-300, seed=2).losses[-1] == history.losses[step]
        row = history.to_pandas().iloc[step][["soft_vaa", "loss", "gradient_norm", "horizon"]]
        assert numbers == pytest.approx(row.to_dict(), rel=1e-12)
    assert seen[-1][2] == pytest.approx(
        {"soft_vaa": torch.nan, "loss": torch.nan, "gradient_norm": torch.nan, "horizon": 0}, nan_ok=True
    )
    assert has_weights(module, seen[-1][1])
    layers = history.soft_vaas
    assert torch.allclose((layers - history.target).square().mean(dim=1), history.losses, atol=1e-7)


def test_a_history_is_stored_and_shown(tmp_path) -> None:
    history = warm_up(nn.GRU(2, 4, 2), torch.randn(6, 5, 2), 15)
    loaded = rd.load(rd.save(history, tmp_path / "w.safetensors"))
    assert isinstance(loaded, Warmup)
    for name in ("soft_vaas", "losses", "gradient_norms", "horizons"):
        assert torch.equal(getattr(loaded, name), getattr(history, name))
    assert (loaded.n, loaded.target, loaded.status, loaded.advice) == (6, 0.95, "finished", history.advice)
    table = history.to_pandas()
    assert list(table) == ["soft_vaa", "soft_vaa_layer1", "soft_vaa_layer2", "loss", "gradient_norm", "horizon"]
    assert len(table) == len(history) == 15
    assert list(warm_up(nn.GRU(2, 4), torch.randn(6, 5, 2), 1).to_pandas()) == [
        "soft_vaa",
        "loss",
        "gradient_norm",
        "horizon",
    ]
    assert repr(history).startswith("warmup, 15 updates (finished): VAA* from ")
    assert "<table" in history._repr_html_()


def test_a_warmup_that_moves_nothing_says_why() -> None:
    module = rd.cells.initialise(nn.GRU(2, 4))
    before = weights_of(module)
    history = warm_up(module, torch.randn(6, 50, 2), 3, horizon=Horizon(1000, 0, 1000, random=False))
    assert has_weights(module, before)
    assert history.finished
    assert "gradient was 0" in history.advice[0]
    assert "Horizon start shorter" in repr(history)


# --- Not finite


def _relu(scale: float = 1.0) -> nn.RNN:
    module = nn.RNN(2, 6, nonlinearity="relu")
    with torch.no_grad():
        module.weight_hh_l0.mul_(scale)
    return module


def test_an_overflow_at_the_first_step_changes_nothing() -> None:
    module = _relu(1e20)
    before, calls = weights_of(module), []
    history = warm_up(module, torch.randn(6, 30, 2), 5, callback=lambda *_, **__: calls.append(1))
    assert has_weights(module, before)
    assert not calls
    assert (history.status, len(history), history.soft_vaas.shape) == ("not finite", 0, (0, 1))
    assert "nothing was changed" in history.advice[0]
    assert "scale the inputs" in history.advice[0]
    assert history.to_pandas().empty
    assert "not finite before the first update" in repr(history)
    assert "scale the inputs" in history._repr_html_()
    assert all(weight.grad is None for weight in module.parameters())


@pytest.mark.parametrize(("clip", "remedy"), [(None, "clip_norm=1.0"), (0.5, "a clip_norm below 0.5")])
def test_an_overflow_later_leaves_the_weights_of_the_last_entry(clip, remedy) -> None:
    module, inputs = _relu(), torch.randn(8, 10, 2)
    first, snapshots = copy.deepcopy(module), []
    options = {"batch_size": 4, "seed": 1, "clip_norm": clip}
    history = warm_up(
        module, inputs, 100, lr=0.7, callback=lambda _, m, **__: snapshots.append(weights_of(m)), **options
    )
    done = len(history)
    assert (history.status, done > 2, done == len(snapshots)) == ("not finite", True, True)
    assert has_weights(module, snapshots[-1])
    assert not has_weights(module, weights_of(first))
    assert warm_up(copy.deepcopy(module), inputs, done, lr=1e-300, **options).losses[-1] == history.losses[-1]
    warm_up(first, inputs, done - 1, lr=0.7, **options)
    assert has_weights(module, weights_of(first))
    for word in (f"after update {done}", remedy, "an lr below 0.7", "longest below 200"):
        assert word in history.advice[0]
    assert bool(history.losses.isfinite().all())
    assert bool(history.gradient_norms.isfinite().all())
    module(torch.randn(5, 2))[0].sum().backward()
    assert warm_up(module, inputs, 1, lr=1e-6).finished


def test_weights_that_the_last_update_made_infinite_are_undone(monkeypatch) -> None:
    module, snapshots = nn.RNN(2, 3), []

    def overflowing(optimiser):
        if len(snapshots) == 3:
            nn.init.constant_(module.weight_ih_l0, math.inf)

    monkeypatch.setattr(torch.optim.Adam, "step", overflowing)
    inputs = torch.randn(6, 5, 2)
    history = warm_up(module, inputs, 3, callback=lambda _, network, **__: snapshots.append(weights_of(network)))
    assert (history.status, len(history), len(snapshots)) == ("not finite", 3, 3)
    assert has_weights(module, snapshots[-1])


class _Steep(nn.Module):
    """Its gradient, of about 1e24, is finite in float32; the square is not."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.3]))

    def forward(self, state, input):
        return 0.5 * state + input * torch.sin(self.weight + 1e28 * (self.weight - self.weight.detach()))


def test_a_gradient_that_adam_cannot_take_is_not_finite_unless_clipped() -> None:
    inputs = torch.randn(6, 5, 2)
    for clip, moved in ((None, False), (1.0, True)):
        step = _Steep()
        history = warm_up(rd.as_map(step, 2, 2), inputs, 2, clip_norm=clip)
        assert (history.status == "finished") == moved
        assert has_weights(step, [torch.tensor([0.3])]) == (not moved)
    assert history.gradient_norms.max() > 1e20


# --- Ctrl-C and exceptions


@pytest.mark.parametrize("where", ["callback", "optimiser", "trajectory", "last callback"])
def test_ctrl_c_leaves_the_weights_of_the_last_entry(monkeypatch, where: str) -> None:
    module, inputs, snapshots = MGU(2, 4), torch.randn(6, 5, 2), []
    stop = 5 if where == "last callback" else 3
    step, advance = torch.optim.Adam.step, MGULayer.advance

    def callback(index, network, **_):
        if where == "last callback" and index == 5:
            raise KeyboardInterrupt
        snapshots.append(weights_of(network))
        if where == "callback" and index == stop - 1:
            raise KeyboardInterrupt

    def half_a_step(optimiser):
        if where == "optimiser" and len(snapshots) == stop:
            with torch.no_grad():
                module.weight_ih_l0.fill_(math.nan)
            raise KeyboardInterrupt
        return step(optimiser)

    def interrupted_advance(layer, state, drive):
        if where == "trajectory" and len(snapshots) == stop:
            raise KeyboardInterrupt
        return advance(layer, state, drive)

    monkeypatch.setattr(torch.optim.Adam, "step", half_a_step)
    monkeypatch.setattr(MGULayer, "advance", interrupted_advance)
    for weight in module.parameters():
        weight.grad = torch.ones_like(weight)
    history = warm_up(module, inputs, 5, lr=0.1, callback=callback)
    assert (history.status, len(history)) == ("interrupted", stop)
    assert has_weights(module, snapshots[-1])
    assert history.interrupted
    assert "Ctrl-C" in history.advice[0]
    assert all(torch.equal(weight.grad, torch.ones_like(weight)) for weight in module.parameters())


def test_ctrl_c_before_the_first_entry_changes_nothing(monkeypatch) -> None:
    module = MGU(2, 4)
    before = weights_of(module)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(MGULayer, "advance", interrupted)
    history = warm_up(module, torch.randn(6, 5, 2), 5)
    assert (history.status, len(history)) == ("interrupted", 0)
    assert has_weights(module, before)
    assert "nothing was changed" in history.advice[0]


def test_an_exception_of_the_callback_comes_through() -> None:
    module, grads, snapshots = nn.GRU(2, 4), [], []
    for weight in module.parameters():
        weight.grad = torch.ones_like(weight)
        grads.append(weight.grad)

    def fail(step, network, **_):
        snapshots.append(weights_of(network))
        if step == 2:
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        warm_up(module, torch.randn(6, 5, 2), 5, callback=fail)
    assert has_weights(module, snapshots[-1])
    assert all(bool(weight.isfinite().all()) for weight in module.parameters())
    assert all(weight.grad is grad for weight, grad in zip(module.parameters(), grads, strict=True))
    assert bool((grads[0] == 1).all())


# --- Cost


def _kept(compute) -> int:
    """Bytes of the tensors that autograd holds on to after ``compute``."""
    storages: dict[int, tuple[int, torch.Tensor]] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = compute()
    assert result.requires_grad
    return sum(size for size, _ in storages.values())


CELLS = [
    pytest.param(lambda: nn.RNN(3, 48, 2), id="rnn"),
    pytest.param(lambda: nn.GRU(3, 48, 2), id="gru"),
    pytest.param(lambda: nn.GRU(100, 48), id="gru-wide-input"),
    pytest.param(lambda: nn.LSTM(3, 48, 2, proj_size=4), id="lstm-proj"),
    pytest.param(lambda: MGU(3, 48, 2), id="mgu"),
    pytest.param(lambda: BRC(3, 48, 2), id="brc"),
    pytest.param(lambda: NBRC(3, 48, 2), id="nbrc"),
    pytest.param(lambda: Parallel(3, 48, (nn.LSTM, nn.GRU), 2), id="parallel"),
]


@pytest.mark.parametrize("build", CELLS)
def test_a_trajectory_keeps_no_more_than_the_budget(build) -> None:
    network = rd.as_map(build())
    inputs, steps = torch.randn(16, 200, network.input_size), torch.randint(1, 201, (16,))
    whole = _kept(lambda: states_after(network, inputs, steps, 2**40))
    assert _kept(lambda: states_after(network, inputs, steps, whole - 1)) < 0.8 * whole


LONG = """
import sys, torch
from torch import nn
from rnn_dynamics.warmup import Horizon, warm_up
torch.set_num_threads(1)
torch.manual_seed(0)
module, inputs = nn.GRU(2, 128), torch.randn(32, 2000, 2)
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
warm_up(module, inputs[:, :100], 2, memory_budget=2**20)
trajectories = {"horizon": Horizon(longest=1)}
held = {"horizon": Horizon(2000, 0, 2000, random=False), "through_trajectories": False}
start = peak()
for budget in (2**22, 2**40):
    for options in (trajectories, held):
        warm_up(module, inputs, 1, memory_budget=budget, **options)
        print(peak() - start)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_follows_the_budget_and_not_the_length() -> None:
    done = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True, check=True)
    # MiB beyond those of 100 steps. About 15 KB a step are autograd's records, whatever the size of the network.
    bounded, bounded_held, unbounded, unbounded_held = map(float, done.stdout.split())
    assert unbounded > 2.5 * bounded
    assert unbounded_held > 2.5 * bounded_held


@pytest.mark.parametrize("batch", [8, 64])
def test_steps_do_not_grow_with_the_batch(monkeypatch, batch: int) -> None:
    rows, advance = [], MGULayer.advance

    def counted(layer, state, drive):
        rows.append(len(state))
        return advance(layer, state, drive)

    monkeypatch.setattr(MGULayer, "advance", counted)
    warm_up(MGU(2, 4, 2), torch.randn(64, 20, 2), 1, batch_size=batch, horizon=Horizon(5, 0, 5, random=False))
    # Two layers of 20 trajectory steps at most, and 5 held ones.
    assert 2 * 5 < len(rows) <= 2 * (20 + 5)
    assert rows[-5:] == [batch] * 5


def test_a_task_is_taken_for_its_sequences() -> None:
    task = rd.tasks.CopyFirstInput(12, (3, 9), seed=0)
    one, other = (rd.cells.module_from_spec("GRU-6") for _ in range(2))
    rd.warm_up(one, task, steps=2, batch_size=6)
    rd.warm_up(other, task.sequences, steps=2, batch_size=6)
    assert has_weights(one, weights_of(other))
    network = rd.as_map(one)
    assert torch.equal(rd.sample_states(network, task, 5), rd.sample_states(network, task.sequences, 5))


def test_vanishing_gradients_are_told() -> None:
    module = nn.GRU(1, 4)
    for weight in module.parameters():
        nn.init.constant_(weight, 0.01)  # states meet within a few steps, and then say nothing
    history = warm_up(module, torch.randn(6, 5, 1), 4, horizon=Horizon(40, 0, 40, random=False))
    assert "no weight moved" in history.advice[0]
    mixed = rd.cells.module_from_spec("LSTM-4")
    history = warm_up(mixed, torch.randn(6, 9, 1), 40)
    zeros = int((history.gradient_norms == 0).sum())
    assert 4 < zeros < 40
    assert f"0 at {zeros} of 40 updates" in history.advice[0]
