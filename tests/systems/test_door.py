"""What becomes of a function or module at the door: its own gradients, closed forms, encoders, first states."""

import copy
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from problems.maps import normal
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import MGU, Parallel
from rnn_dynamics.systems import Box, EncodedMap, FunctionMap, LayeredMap, NoBox

pytestmark = pytest.mark.usefixtures("seeded")


DOUBLE = torch.float64


W = normal(6, 6)


@torch.no_grad()
def _without_grad(h, x):
    return torch.tanh(h @ W)


# What each has for a derivative that autograd does not see.
WRONG = {
    "no_grad": _without_grad,
    "data": lambda h, x: torch.tanh(h.data @ W) + 0.5 * h,
    "detach": lambda h, x: torch.tanh(h.detach() @ W) + 0.5 * h,
    "slow": lambda h, x: h + 1e-6 * (torch.tanh(h.data @ W) - h),
    "one unit": lambda h, x: torch.cat([torch.tanh(h @ W)[..., :5], torch.tanh(h.detach() @ W)[..., 5:]], dim=-1),
    "far out": lambda h, x: torch.where(h.abs() > 5, 0.9 * h.detach(), 0.5 * h),
    "beside a large one": lambda h, x: torch.cat([h[..., :1] + 0.3 * (1e8 - h[..., :1]), h[..., 1:].detach() ** 3], -1),
    "straight-through": lambda h, x: h + (torch.round(4 * h) / 4 - h).detach(),
    "lists": lambda h, x: torch.tensor(h.tolist(), dtype=h.dtype) / 2,
    "numpy": lambda h, x: torch.from_numpy(np.tanh(h.detach().numpy())),
    "input": lambda h, x: torch.tanh(h @ W) + x.detach() @ W[:2],
}
RIGHT = {
    "relu": lambda h, x: torch.relu(h @ W + x @ W[:2]),
    "kinks": lambda h, x: torch.maximum(h.abs(), (h @ W).clamp(-1, 1)) + h.amax(-1, keepdim=True),
    "flat": lambda h, x: torch.sign(h @ W) + torch.round(h),
    "input alone": lambda h, x: x @ W[:2] + 0 * h,
    "float32 within": lambda h, x: 0.9 * h + torch.tanh(h.float() @ W.float()).double(),
    "small units": lambda h, x: h + 0.2 * (h - h**3 / 1e-18),
    "large units": lambda h, x: h + 0.3 * (1e8 - h),
    "steep": lambda h, x: torch.tanh(1e6 * (h @ W)),
    "quick": lambda h, x: torch.sin(1000 * (h @ W)),
    "not everywhere": lambda h, x: torch.log(h) + torch.sqrt(h),
    "cancellation": lambda h, x: nn.functional.gelu(h @ W),
    "one state": lambda h, x: torch.tanh(W @ h + x.sum()),
    "normalised": lambda h, x: nn.functional.layer_norm(torch.tanh(h @ W), (6,)),
    "solved": lambda h, x: torch.linalg.solve(torch.eye(6, dtype=DOUBLE) + h[..., None] * h[..., None, :], h),
    "own generator": lambda h, x: h * torch.rand(6, generator=torch.Generator().manual_seed(0)),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_step_without_its_own_gradients_is_refused(name) -> None:
    with pytest.raises(
        ValueError, match=r"step must have its own gradients.*let no part of it run under torch.no_grad"
    ):
        rd.as_map(WRONG[name], 6, 2).hold()


def test_the_refusal_says_how_fast_it_changes() -> None:
    with pytest.raises(ValueError) as raised:
        rd.as_map(lambda h, x: 3 * h.detach() + 0.5 * h, 1, 0).hold()
    slope, said = map(float, re.search(r"at a rate of (\S+) where autograd says (\S+):", str(raised.value)).groups())
    assert abs(slope) == pytest.approx(3.5, rel=1e-6)
    assert abs(said) == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize("dtype", [DOUBLE, torch.float32])
@pytest.mark.parametrize("name", RIGHT)
def test_a_step_with_its_own_gradients_is_taken(name, dtype) -> None:
    step, weight = RIGHT[name], W.to(dtype)
    if dtype is torch.float32:
        if name in ("float32 within", "own generator", "solved"):
            pytest.skip("a step in double precision")
        # The same step on weights in single precision.
        step = type(step)(step.__code__, {**step.__globals__, "W": weight}, step.__name__, None, step.__closure__)
    states = normal(4, 6).to(dtype)
    held = rd.as_map(step, 6, 2).hold(dtype=dtype)
    expected = torch.stack([step(state, torch.zeros(2, dtype=dtype)) for state in states])
    assert torch.allclose(held(states), expected, atol=1e-7 if dtype is DOUBLE else 1e-3, equal_nan=True)


def test_a_step_that_changes_its_arguments_is_refused() -> None:
    with pytest.raises(ValueError, match="must not change its arguments in place"):
        rd.as_map(lambda h, x: h.mul_(0.5).clone(), 3, 0).hold()


@pytest.mark.parametrize(
    "draw",
    [
        lambda h: h * torch.randn(3),
        lambda h: nn.functional.dropout(h, 0.5),
        lambda h: h * torch.empty(3).uniform_(),
        lambda h: torch.tanh(h + torch.normal(0.0, 1.0, (3,))),
        lambda h: h[torch.randperm(3)],
    ],
)
def test_a_random_step_is_refused_before_it_draws(draw) -> None:
    before = torch.random.get_rng_state()
    with pytest.raises(ValueError, match=r"must be deterministic; it draws random numbers \(aten"):
        rd.as_map(lambda h, x: draw(h), 3, 0).hold()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_another_thread_draws_the_same_numbers_while_a_step_is_probed() -> None:
    torch.manual_seed(1)
    alone = torch.cat([torch.randn(3) for _ in range(400)])
    torch.manual_seed(1)
    drawn: list[torch.Tensor] = []
    probing, drew = threading.Event(), threading.Event()

    def draw() -> None:
        for index in range(400):
            if index % 2:  # half of the draws fall within a call of the step
                probing.wait(5)
            drawn.append(torch.randn(3))
            drew.set()

    def step(h, x):
        drew.clear()
        probing.set()
        drew.wait(0.002)
        probing.clear()
        return torch.tanh(h @ W)

    thread = threading.Thread(target=draw)
    thread.start()
    while thread.is_alive():
        rd.as_map(step, 6, 0).hold()
    thread.join()
    assert torch.equal(torch.cat(drawn), alone)


def test_probing_imports_no_compiler() -> None:
    program = "import sys, torch; torch.vmap(torch.tanh)(torch.zeros(2)); sys.exit('torch._dynamo' in sys.modules)"
    if subprocess.run([sys.executable, "-W", "ignore", "-c", program]).returncode:
        pytest.skip(f"torch.vmap of torch {torch.__version__} imports the compiler itself")
    program = (
        "import sys, torch, rnn_dynamics as rd\n"
        "rd.as_map(lambda h, x: torch.tanh(h), 3, 1).hold()\n"
        "cell = torch.nn.Sequential(torch.nn.Linear(2, 2))\n"
        "rd.as_map(torch.nn.GRU(2, 3), encoder=cell).hold()\n"
        "assert 'torch._dynamo' not in sys.modules and 'sympy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)


class _ComplexWeights(nn.Module):
    def __init__(self, kind: type) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(3, 3)) if kind is nn.Parameter else torch.randn(3, 3)
        phases = torch.randn(3, dtype=torch.complex64)
        self.register_parameter("phases", nn.Parameter(phases)) if kind is nn.Parameter else self.register_buffer(
            "phases", phases
        )

    def forward(self, h, x):
        return torch.tanh((h @ self.w.to(h.dtype)) * (self.phases * self.phases.conj()).real.to(h.dtype))


def test_complex_weights_and_states_are_taken_whole() -> None:
    for kind in (nn.Parameter, torch.Tensor):
        module = _ComplexWeights(kind)
        states = normal(4, 3)
        phases = (module.phases.to(torch.complex128) * module.phases.conj().to(torch.complex128)).real
        expected = torch.tanh((states @ module.w.double()) * phases)
        assert torch.allclose(rd.as_map(module, 3, 0).hold()(states), expected, atol=1e-12)
    phases = torch.polar(torch.tensor([0.5, 0.9, 1.0]).double(), torch.tensor([0.1, 2.0, 3.0]).double())
    held = rd.as_map(lambda h, x: h * phases, 3, 0).hold()
    assert held.state_size == 6  # real parts, and then imaginary ones
    eigenvalues = torch.linalg.eigvals(held.jacobian(normal(6)))
    wanted = torch.cat([phases, phases.conj()])
    assert (eigenvalues[:, None] - wanted).abs().amin(dim=0).max() < 1e-12
    rotation = torch.exp(1j * torch.tensor(0.3, dtype=DOUBLE))

    def turned(h, x):  # complex within, real at both ends
        return torch.view_as_real(torch.view_as_complex(h.reshape(*h.shape[:-1], 1, 2)) * rotation).flatten(-2)

    jacobian = rd.as_map(turned, 2, 0).hold().jacobian(torch.zeros(1, 2, dtype=DOUBLE))[0]
    assert torch.allclose(jacobian, torch.tensor([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]))


def test_what_is_wrong_with_precision_and_sequences_is_said_with_its_remedy() -> None:
    model = nn.ModuleDict({"rnn": nn.GRU(2, 4), "cell": nn.GRUCell(2, 4)})
    network = rd.as_map(lambda h, x: model["cell"](x, h), 4, 2)
    h, x = normal(3, 4), normal(2, seed=1)
    expected = copy.deepcopy(model["cell"]).double()(x.expand(3, -1), h)
    assert torch.allclose(network.hold(x)(h), expected, atol=1e-14)
    assert network.hold(x).notes == ("its coarser constants are taken into torch.float64",)
    for step in (lambda h, x: model["rnn"](x, h), lambda h, x: model["rnn"](x.float(), h)):
        with pytest.raises(ValueError, match=r"it holds a nn\.GRU.*use nn\.GRUCell, or pass the nn\.GRU itself"):
            rd.as_map(step, 4, 2).hold()
    with pytest.raises(ValueError, match=r"step must take \(state, input\), but takes \(input, hx\)"):
        rd.as_map(lambda input, hx: hx, 3, 3)
    with pytest.raises(
        ValueError, match=r"GRUCell tells its sizes itself, 4 state units and 2 inputs, but state_size=2"
    ):
        rd.as_map(nn.GRUCell(2, 4), 2, 4)
    cell = nn.GRUCell(4, 4, dtype=DOUBLE)  # of equal sizes nothing else would tell which is which
    h, x = normal(3, 4), normal(3, 4, seed=1)
    assert torch.equal(rd.as_map(cell, 4, 4).step(h, x), rd.as_map(cell).step(h, x))


class _Step(nn.Module):
    """A user's own step around a cell."""

    def __init__(self, cell: nn.Module, how: str) -> None:
        super().__init__()
        self.cell, self.how = cell, how
        self.readout = nn.Linear(5, 2)
        self.dropout = nn.Dropout(0.5)
        self.gate = nn.Parameter(torch.zeros(5, 5))
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, state, input):
        cell = self.cell
        if self.how == "sequence":
            return cell(input.unsqueeze(0), state.unsqueeze(0))[0][0]
        if self.how == "lstm":
            return torch.cat(cell(input, state.split(5, dim=-1)), dim=-1)
        if self.how == "cells swapped":
            h, c = cell(input, state.split(5, dim=-1)[::-1])
            return torch.cat([c, h], dim=-1)
        after = cell(input, state)
        others = {
            "cell": lambda: after,
            "dropout": lambda: self.dropout(after),
            "shut": lambda: after + state @ self.gate,
            "factor of one": lambda: after * self.one,
            "clipped": lambda: cell(input, state.clamp(-20, 20)),
            "input clipped": lambda: cell(input.clamp(-20, 20), state),
            "slightly": lambda: after + 1e-7 * state,
            "noise": lambda: after + torch.randn(5, dtype=state.dtype),
        }
        return others[self.how]()


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        *(("cell", nn.GRUCell), ("cell", nn.RNNCell), ("dropout", nn.GRUCell), ("lstm", nn.LSTMCell)),
        *(("sequence", nn.GRU), ("sequence", nn.RNN), ("sequence", MGU)),
    ],
)
def test_a_step_that_calls_a_cell_has_its_closed_form(how, kind) -> None:
    module = _Step(kind(3, 5), how)
    n = 10 if kind is nn.LSTMCell else 5
    network = rd.as_map(module, n, 3)
    assert isinstance(network, LayeredMap)
    assert isinstance(network.hold().box, Box)
    assert type(network.ungated().layers[0]) is not type(network.layers[0]) or kind in (nn.RNNCell, nn.RNN)
    states, x = normal(7, n), normal(3, seed=1)
    double = _Step(kind(3, 5), how).double().eval()
    double.load_state_dict(module.state_dict())
    expected = torch.stack([double(state, x) for state in states])
    held = network.hold(x)
    assert (held(states) - expected).abs().max() < 1e-12
    by_hand = torch.stack([torch.autograd.functional.jacobian(lambda s: double(s, x), state) for state in states])
    assert (held.jacobian(states) - by_hand).abs().max() < 1e-12
    with torch.no_grad():
        next(module.cell.parameters()).add_(1.0)
    moved = network.hold(x)(states)
    assert not torch.allclose(moved, expected)  # it follows the module
    assert module.training


@pytest.mark.parametrize(
    "how", ["shut", "factor of one", "clipped", "input clipped", "slightly", "noise", "cells swapped"]
)
def test_a_step_that_does_more_than_its_cell_is_a_function(how) -> None:
    cell = nn.LSTMCell(3, 5) if how == "cells swapped" else nn.GRUCell(3, 5)
    network = rd.as_map(_Step(cell, how), 10 if how == "cells swapped" else 5, 3)
    assert isinstance(network, FunctionMap)
    if how != "noise":
        assert isinstance(network.hold().box, NoBox)


def test_a_declared_box_keeps_a_step_a_function() -> None:
    box = (-2 * torch.ones(5), 2 * torch.ones(5))
    network = rd.as_map(_Step(nn.GRUCell(3, 5), "cell"), 5, 3, box=box)
    assert network.hold().box.reason.startswith("declared by the user")


def test_fixed_points_of_a_wrapped_memory_all_lie_in_the_box(trained_flip_flop) -> None:
    trained = trained_flip_flop("GRU-16", 0)
    cell = nn.GRUCell(3, 16)
    cell.load_state_dict({name.removesuffix("_l0"): weight for name, weight in trained.module.state_dict().items()})

    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = cell

        def forward(self, state, input):
            return self.cell(input, state)

    network = rd.as_map(Step(), 16, 3)
    starts = rd.sample_states(network, trained.test_inputs, 256, noise=1.5)
    wrapped, plain = (rd.find_fixed_points(each.hold(), starts) for each in (network, rd.as_map(trained.module)))
    assert len(wrapped) == len(plain) == 27
    assert torch.equal(wrapped.states, plain.states)
    assert wrapped.states.abs().max() <= 1
    assert wrapped.index_sum == 1


class _Model(nn.Module):
    def __init__(self, kind=nn.GRU) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(7, 9), nn.Tanh(), nn.Dropout(0.5), nn.Linear(9, 3))
        self.rnn = kind(3, 5, num_layers=2)


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM, MGU])
def test_an_encoder_before_the_network(kind) -> None:
    model = _Model(kind).double()
    network = rd.as_map(model.rnn, encoder=model.encoder)
    assert isinstance(network, EncodedMap)
    assert (network.input_size, network.state_size) == (7, 20 if kind is nn.LSTM else 10)
    inputs, x = normal(4, 6, 7), normal(7, seed=1)
    runs = network.run(inputs)
    model.eval()
    outputs = model.rnn(model.encoder(inputs).transpose(0, 1))[0].transpose(0, 1)
    model.train()
    top = network.state_size // 2
    assert (runs[..., top : top + 5] - outputs).abs().max() < 1e-12
    assert (
        network.last_states(inputs.transpose(0, 1), torch.zeros(4, 10 + 10 * (kind is nn.LSTM), dtype=DOUBLE))
        - runs[:, -1]
    ).abs().max() < 1e-12

    # Zeros of its own inputs are not zeros of the network's.
    states = normal(3, network.state_size, seed=2)
    seen = model.encoder.eval()(torch.zeros(7, dtype=DOUBLE)).detach()
    model.encoder.train()
    plain = rd.as_map(model.rnn)
    assert (network.hold()(states) - plain.hold(seen)(states)).abs().max() < 1e-12
    held = network.hold(x)
    for system in (held, held.ungated()):
        at = x.clone()
        by_input = torch.stack(
            [
                torch.autograd.functional.jacobian(lambda u, s=s, system=system: system.network.step(s, u), at)
                for s in states
            ]
        )
        assert (system.input_jacobian(states) - by_input).abs().max() < 1e-12
        by_state = torch.stack([torch.autograd.functional.jacobian(system, s) for s in states])
        assert (system.jacobian(states) - by_state).abs().max() < 1e-12
    assert isinstance(held.box, Box)

    family = network.input_family(0, x)
    step = 1e-6
    slope = (family(0.3 + step)(states) - family(0.3 - step)(states)) / (2 * step)
    assert (family.derivative(states, 0.3) - slope).abs().max() < 1e-8
    starts = rd.sample_states(network, inputs, 64)
    assert rd.find_fixed_points(network.hold(x), starts).index_sum == 1

    # It follows the encoder, whose gradients flow, until it is held.
    network.run(inputs).sum().backward()
    assert model.encoder[0].weight.grad.abs().sum() > 0
    before = held(states)
    with torch.no_grad():
        model.encoder[0].weight.zero_()
    assert torch.equal(held(states), before)
    assert not torch.allclose(network.run(inputs), runs)
    assert model.encoder.training


def test_an_encoder_that_does_not_fit_is_refused() -> None:
    gru = nn.GRU(3, 5, dtype=DOUBLE)
    network = rd.as_map(gru, input_size=2, encoder=lambda x: torch.cat([x, x[..., :1] ** 2], dim=-1))
    assert network.hold([2.0, 1.0]).input_jacobian(torch.zeros(1, 5, dtype=DOUBLE)).shape == (1, 5, 2)
    cases = [
        (lambda x: x, None, "does not tell how many inputs it takes: give input_size=m"),
        (lambda x: x, 2, r"encoder must take \[\.\.\., 2\] to \[\.\.\., 3\]"),
        (lambda x: x.detach() * torch.ones(3), 1, "must have its own gradients, but by its input"),
        (lambda x: x * torch.randn(3), 3, "must be deterministic"),
        (3, 3, "encoder must be a torch module or a function"),
    ]
    for encoder, size, message in cases:
        with pytest.raises(ValueError, match=message):
            rd.as_map(gru, input_size=size, encoder=encoder).hold()
    single, states, x = nn.Linear(2, 3), normal(4, 5), normal(2)
    expected = rd.as_map(gru).hold(copy.deepcopy(single).double()(x).detach())(states)
    assert torch.allclose(rd.as_map(gru, encoder=single).hold(x)(states), expected, atol=1e-14)
    with pytest.raises(ValueError, match="encoder is for a recurrent module"):
        rd.as_map(lambda h, x: h, 3, 3, encoder=nn.Identity())


FIRST = [
    (nn.GRU, {}, lambda n: normal(n), 0),
    (nn.GRU, {}, lambda n: normal(1, 1, n), 0),
    (nn.GRU, {}, lambda n: normal(6, n), 1),
    (nn.GRU, {}, lambda n: normal(1, 6, n), 1),
    (nn.GRU, {"num_layers": 2}, lambda n: normal(2, 6, n // 2), 1),
    (nn.GRU, {"num_layers": 2}, lambda n: normal(2, 1, n // 2), 0),
    (nn.GRU, {"num_layers": 2}, lambda n: normal(2, n // 2), 0),
    (nn.LSTM, {}, lambda n: (normal(1, 6, n // 2), normal(1, 6, n // 2, seed=1)), 1),
    (nn.LSTM, {}, lambda n: (normal(n // 2), normal(n // 2, seed=1)), 0),
    (nn.LSTM, {"num_layers": 2}, lambda n: (normal(2, 6, n // 4), normal(2, 6, n // 4, seed=1)), 1),
    (nn.LSTM, {"num_layers": 2, "proj_size": 2}, lambda n: (normal(2, 6, 2), normal(2, 6, n // 2 - 2, seed=1)), 1),
    (Parallel, {"cells": (nn.LSTM, MGU)}, lambda n: (normal(1, 6, 5), normal(1, 6, n - 5, seed=1)), 1),
]


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")
@pytest.mark.parametrize(("kind", "options", "make", "own"), FIRST)
def test_sequences_begin_at_a_trained_state(kind, options, make, own) -> None:
    module = kind(2, 5, dtype=DOUBLE, **options)
    network = rd.as_map(module)
    state = make(network.state_size)
    inputs = normal(6, 9, 2, seed=3)
    runs = network.run(inputs, state)

    # As the module itself does from there.
    def torchs(part):
        part = part.reshape(module.num_layers, -1, part.shape[-1]) if part.ndim < 3 else part
        return part.expand(-1, 6, -1).contiguous()

    first = tuple(map(torchs, state)) if isinstance(state, tuple) else torchs(state)
    outputs = module(inputs.transpose(0, 1), first)[0].transpose(0, 1)
    top = network.state_size - network.layer_sizes[-1]
    assert (runs[..., top : top + outputs.shape[-1]] - outputs).abs().max() < 1e-12

    drawn = rd.sample_states(network, inputs, 40, state=state)
    everything = runs.detach().flatten(0, 1)
    distance = torch.cdist(drawn, everything, compute_mode="donot_use_mm_for_euclid_dist")
    assert distance.min(dim=-1).values.max() < 1e-12
    assert not torch.allclose(drawn, rd.sample_states(network, inputs, 40))
    reach = rd.reachability(network, inputs, n=6, horizons=(0, 1), state=state, settle=rd.Settle(horizon=200))
    distance = torch.cdist(reach.starts, everything, compute_mode="donot_use_mm_for_euclid_dist")
    assert distance.min(dim=-1).values.max() < 1e-12


def test_a_first_state_is_learned_through_a_run_and_refused_where_it_does_not_fit() -> None:
    network, inputs = rd.as_map(nn.GRU(2, 5, dtype=DOUBLE)), normal(6, 3, 2)
    first = torch.zeros(5, dtype=DOUBLE, requires_grad=True)
    network.run(inputs, first).sum().backward()
    assert first.grad.abs().min() > 0
    for state in (torch.zeros(4), torch.zeros(3, 5), torch.zeros(2, 6, 5), (first, first), torch.zeros(1, 3, 5), "h0"):
        with pytest.raises(ValueError, match="state must"):
            rd.sample_states(network, inputs, 4, state=state)
    with pytest.raises(ValueError, match="state must be finite"):
        rd.reachability(network, inputs, n=4, state=torch.full((5,), torch.nan))


def test_trainings_with_dropout_in_three_threads_are_those_in_turn() -> None:
    task = rd.tasks.CopyFirstInput(48, length=6, seed=0)
    models = []
    for seed in range(3):
        torch.manual_seed(seed)
        models.append(rd.SequenceModel(nn.GRU(1, 8, num_layers=2, dropout=0.5), 1))
    in_turn, settings = copy.deepcopy(models), rd.TrainSettings(epochs=4, batch_size=16)
    for seed, model in enumerate(in_turn):
        rd.train(model, task, settings=settings, seed=seed)
    threads = [
        threading.Thread(target=rd.train, args=(model, task), kwargs={"settings": settings, "seed": seed})
        for seed, model in enumerate(models)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(in_turn, models, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
