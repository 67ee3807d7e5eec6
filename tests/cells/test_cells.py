"""The project's own recurrent modules: the paper's formulas, torch's conventions, the paper's first weights."""

import copy
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy import stats
from torch import nn
from torch.func import jacrev, vmap
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

import rnn_dynamics as rd
from rnn_dynamics.cells import (
    BRC,
    MGU,
    NBRC,
    DaleRNN,
    LeakyRNN,
    LowRankRNN,
    MinGRU,
    MinLSTM,
    Parallel,
    chrono_initialise,
    initialise,
)
from rnn_dynamics.systems import Box, NoBox

pytestmark = pytest.mark.usefixtures("seeded")


DOUBLE = torch.float64
OWN = [MGU, BRC, NBRC]
MODULES = [*OWN, LeakyRNN, DaleRNN, LowRankRNN, MinGRU, MinLSTM]
PARALLEL = [(nn.GRU, nn.GRU), (nn.LSTM, nn.LSTM), (nn.LSTM, nn.GRU), (MGU, NBRC), (nn.GRU, nn.LSTM, BRC)]


def _jostled(module: nn.Module) -> nn.Module:
    """The module with biases and weights of order one, so that every term of a formula counts."""
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.5 * torch.randn_like(weight))
    return module


def _parts(state) -> tuple[torch.Tensor, ...]:
    return (state,) if isinstance(state, torch.Tensor) else tuple(state)


def _close(ours, expected) -> bool:
    pairs = zip(_parts(ours), _parts(expected), strict=True)
    return all(a.shape == b.shape and (a - b).abs().max() < 1e-12 for a, b in pairs)


def _of(state, index: int):
    """The state of one sequence of a batch."""
    return state[:, index] if isinstance(state, torch.Tensor) else tuple(part[:, index] for part in state)


# --- The formulas, unit by unit in numpy


def _sigmoid(x: float) -> float:
    return 1 / (1 + np.exp(-x))


def _mgu(h, x, w, u, b):
    n = len(h)
    f = np.array([_sigmoid(w[i] @ x + u[i] @ h + b[i]) for i in range(n)])
    new = [np.tanh(u[n + i] @ (f * h) + w[n + i] @ x + b[n + i]) for i in range(n)]
    return np.array([(1 - f[i]) * h[i] + f[i] * new[i] for i in range(n)])


def _bistable(h, x, w, b, seen_by_c, seen_by_a):
    n = len(h)
    c = [_sigmoid(w[i] @ x + seen_by_c[i] + b[i]) for i in range(n)]
    a = [1 + np.tanh(w[n + i] @ x + seen_by_a[i] + b[n + i]) for i in range(n)]
    new = [np.tanh(w[2 * n + i] @ x + a[i] * h[i] + b[2 * n + i]) for i in range(n)]
    return np.array([c[i] * h[i] + (1 - c[i]) * new[i] for i in range(n)])


def _brc(h, x, w, u, b):
    return _bistable(h, x, w, b, u[0] * h, u[1] * h)


def _nbrc(h, x, w, u, b):
    return _bistable(h, x, w, b, u[: len(h)] @ h, u[len(h) :] @ h)


FORMULAS = {MGU: _mgu, BRC: _brc, NBRC: _nbrc}


@pytest.mark.parametrize(("kind", "layers", "bias"), [*product(OWN, [1, 2, 3], [True, False])])
def test_cells_follow_the_formulas_of_the_paper(kind, layers, bias) -> None:
    module = _jostled(kind(3, 5, num_layers=layers, bias=bias, dtype=DOUBLE))
    assert any("bias" in name for name in module.state_dict()) == bias
    inputs, first = torch.randn(6, 2, 3, dtype=DOUBLE), torch.randn(layers, 2, 5, dtype=DOUBLE)
    outputs, last = module(inputs, first)
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    for column in range(2):
        h = list(first[:, column].numpy())
        for time in range(6):
            x = inputs[time, column].numpy()
            for k in range(layers):
                w = weights[f"weight_ih_l{k}"]
                b = weights.get(f"bias_ih_l{k}", np.zeros(len(w)))
                x = h[k] = FORMULAS[kind](h[k], x, w, weights[f"weight_hh_l{k}"], b)
            assert np.abs(outputs[time, column].detach().numpy() - x).max() < 1e-12
        assert np.abs(last[:, column].detach().numpy() - np.stack(h)).max() < 1e-12


# --- torch's conventions


@pytest.mark.parametrize(("kind", "layers", "batch_first"), [*product(MODULES, [1, 3], [True, False])])
def test_shapes_are_those_of_a_gru(kind, layers, batch_first) -> None:
    ours, gru = (k(3, 5, num_layers=layers, batch_first=batch_first, dtype=DOUBLE) for k in (kind, nn.GRU))
    inputs = torch.randn(4, 6, 3, dtype=DOUBLE)
    batch = 4 if batch_first else 6
    calls = [(inputs,), (inputs, torch.randn(layers, batch, 5, dtype=DOUBLE))]
    calls += [(inputs[0],), (inputs[0], torch.randn(layers, 5, dtype=DOUBLE))]
    for call in calls:
        assert [part.shape for part in ours(*call)] == [part.shape for part in gru(*call)]
    # A batch is its sequences one by one, zeros are the default state, and a run can be continued.
    along = inputs if batch_first else inputs.transpose(0, 1)
    outputs, last = ours(inputs)
    outputs = outputs if batch_first else outputs.transpose(0, 1)
    for index, sequence in enumerate(along):
        assert _close((outputs[index], last[:, index]), ours(sequence, torch.zeros(layers, 5, dtype=DOUBLE)))
    _, halfway = ours(along[0][:2])
    assert _close(ours(along[0][2:], halfway)[1], last[:, 0])


@pytest.mark.parametrize("kind", [*MODULES, *PARALLEL], ids=str)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("lengths", "enforce"), [([6, 4, 4, 1], True), ([2, 6, 1, 4], False)])
def test_packed_sequences(kind, layers, lengths, enforce) -> None:
    make = (lambda *a, **k: Parallel(*a, kind, **k)) if isinstance(kind, tuple) else kind
    module = _jostled(make(3, 6, num_layers=layers, dtype=DOUBLE, batch_first=True))
    sequences = [torch.randn(length, 3, dtype=DOUBLE) for length in lengths]
    packed = pack_sequence(sequences, enforce_sorted=enforce)
    _, state = module(torch.randn(4, 2, 3, dtype=DOUBLE))
    like = nn.GRU(3, 6, dtype=DOUBLE)(packed)[0]
    for given in (None, state):
        output, last = module(packed, given)
        for ours, theirs in zip(output[1:], like[1:], strict=True):  # batch sizes and both orders
            assert ours is theirs is None or torch.equal(ours, theirs)
        for index, (sequence, result) in enumerate(zip(sequences, unpack_sequence(output), strict=True)):
            alone, end = module(sequence, None if given is None else _of(given, index))
            assert _close(alone, result)
            assert _close(end, _of(last, index))


@pytest.mark.parametrize("kind", MODULES)
def test_dropout_acts_between_layers_in_training_only(kind) -> None:
    module, inputs = kind(3, 50, num_layers=2, dropout=0.5), torch.randn(6, 2, 3)
    outputs, last = module(inputs)
    assert not torch.equal(outputs, module(inputs)[0])
    assert torch.equal(last[0], module.eval()(inputs)[1][0])  # the bottom layer sees none
    plain = kind(3, 50, num_layers=2)
    plain.load_state_dict(module.state_dict())
    assert torch.equal(plain(inputs)[0], module(inputs)[0])


@pytest.mark.parametrize("kind", [*MODULES, Parallel])
def test_copies_files_and_moves(kind, tmp_path) -> None:
    module, inputs = kind(3, 6, num_layers=2), torch.randn(6, 2, 3)
    expected = module(inputs)[0]
    clone = copy.deepcopy(module)
    assert torch.equal(clone(inputs)[0], expected)
    assert not {p.data_ptr() for p in clone.parameters()} & {p.data_ptr() for p in module.parameters()}
    torch.save(module.state_dict(), tmp_path / "m.pt")
    save_file(module.state_dict(), tmp_path / "m.safetensors")
    for state in (torch.load(tmp_path / "m.pt", weights_only=True), load_file(tmp_path / "m.safetensors")):
        other = kind(3, 6, num_layers=2)
        other.load_state_dict(state)
        assert torch.equal(other(inputs)[0], expected)
    assert (module.double()(inputs.double())[0] - expected).abs().max() < 1e-5
    assert module.to("meta")(inputs.to("meta", DOUBLE))[0].shape == expected.shape
    assert module.parallel[1][1].hidden_size == 3 if kind is Parallel else module.weight_ih_l1.shape[1] == 6


@pytest.mark.parametrize(("kind", "bias"), [*product(MODULES, [True, False])])
def test_gradients(kind, bias) -> None:
    module = _jostled(kind(2, 3, num_layers=2, bias=bias, dtype=DOUBLE))
    names, weights = zip(*module.named_parameters(), strict=True)
    inputs, first = torch.randn(4, 2, 2, dtype=DOUBLE), torch.randn(2, 2, 3, dtype=DOUBLE)

    def run(inputs, first, *weights):
        return torch.func.functional_call(module, dict(zip(names, weights, strict=True)), (inputs, first))

    assert torch.autograd.gradcheck(run, (inputs.requires_grad_(), first.requires_grad_(), *weights))


def test_printed() -> None:
    assert repr(MGU(3, 5)) == "MGU(3, 5)"
    text = "BRC(3, 5, num_layers=2, bias=False, batch_first=True, dropout=0.5)"
    assert repr(BRC(3, 5, 2, False, True, 0.5)) == text


X, H = torch.zeros(4, 2, 3), torch.zeros(1, 2, 6)
OTHER = pack_sequence([torch.zeros(2, 4)])
REFUSED = {
    "sizes": (lambda make: make(3, 0), r"hidden_size|split"),
    "negative": (lambda make: make(-1, 6), "input_size"),
    "layers": (lambda make: make(3, 6, num_layers=0), "num_layers"),
    "features": (lambda make: make(3, 6)(torch.zeros(4, 2, 4)), r"\[time, batch, 3\] or .*, got \[4, 2, 4\]"),
    "one number": (lambda make: make(3, 6)(torch.zeros(3)), r"got \[3\]"),
    "empty": (lambda make: make(3, 6, batch_first=True)(X[:, :0]), r"\[batch, time, 3\] .*, got \[4, 0, 3\]"),
    "no batch": (lambda make: make(3, 6)(X[:, :0]), r"got \[4, 0, 3\]"),
    "packed": (lambda make: make(3, 6)(OTHER), "must have 3 features"),
    "a list": (lambda make: make(3, 6)([1.0]), "must be a tensor or a PackedSequence, got list"),
    "dtype": (lambda make: make(3, 6)(X.double()), r"float64"),
    "batch": (lambda make: make(3, 6)(X, H[:, :1]), r"\[1, 2, 6\], got \[1, 1, 6\]"),
    "2 layers": (lambda make: make(3, 6, num_layers=2)(X, H), r"\[2, 2, 6\], got \[1, 2, 6\]"),
    "unbatched": (lambda make: make(3, 6)(X[:, 0], H), r"\[1, 6\], got \[1, 2, 6\]"),
    "pair": (lambda make: make(3, 6)(X, (H, H)), "state must be one tensor"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("kind", [*MODULES, Parallel])
def test_what_does_not_fit_is_refused(kind, case) -> None:
    call, phrase = REFUSED[case]
    with pytest.raises(ValueError, match=phrase):
        call(kind)


def test_what_does_not_fit_one_kind_is_refused() -> None:
    for dropout in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="dropout must lie in"):
            MGU(3, 6, dropout=dropout)
    with pytest.raises(ValueError, match=r"state must be of the weights' torch\.float32, got torch\.float64"):
        BRC(3, 6)(X, H.double())
    layers = {"batch_first": lambda *a, **k: nn.GRU(*a, batch_first=True, **k), "a cell": nn.GRUCell}
    layers |= {"name": "GRU", "wide": lambda m, n, **k: nn.GRU(m, n + 1, **k)}
    layers |= {"deep": lambda *a, **k: nn.GRU(*a, num_layers=2, **k)}
    layers |= {"backward": lambda *a, **k: nn.GRU(*a, bidirectional=True, **k)}
    for layer in layers.values():
        with pytest.raises(ValueError, match=r"cell|bidirectional"):
            Parallel(3, 6, (layer, nn.GRU))
    for options in ({"cells": (nn.GRU,)}, {"split": (3, 4)}, {"split": (6, 0)}, {"split": (2, 2, 2)}, {"cells": ()}):
        with pytest.raises(ValueError, match=r"two or more|split must give 2 cells"):
            Parallel(3, 6, **options)
    for state in (H, (H,), (H, H[..., :1]), (H, H, H), (H, None)):
        with pytest.raises(ValueError, match=r"a pair \(h, c\) of shapes \[1, 2, 6\], \[1, 2, 3\]"):
            Parallel(3, 6, (nn.LSTM, nn.GRU))(X, state)


# --- Cells side by side


@pytest.mark.parametrize(("cells", "layers"), [*product(PARALLEL, [1, 2, 3])])
def test_parallel_is_its_cells_side_by_side(cells, layers) -> None:
    split = (2, 5, 1)[: len(cells)]
    module = _jostled(Parallel(3, sum(split), cells, layers, split=split, dtype=DOUBLE))
    inputs = torch.randn(6, 2, 3, dtype=DOUBLE)
    remembered = [units * (kind is nn.LSTM) for kind, units in zip(cells, split, strict=True)]
    hidden, memory = (torch.randn(layers, 2, n, dtype=DOUBLE) for n in (sum(split), sum(remembered)))
    given = (hidden, memory) if nn.LSTM in cells else hidden
    outputs, last = module(inputs, given)
    x, ends = inputs, []
    for k in range(layers):
        results = []
        for cell, h, c in zip(module.parallel[k], hidden.split(split, -1), memory.split(remembered, -1), strict=True):
            own = [part[k : k + 1].contiguous() for part in (h, c)]
            results.append(cell(x, tuple(own) if isinstance(cell, nn.LSTM) else own[0]))
        x = torch.cat([output for output, _ in results], dim=-1)
        ends += [part for _, state in results for part in _parts(state)[:1]]
        ends += [part for _, state in results for part in _parts(state)[1:]]
    assert _close(outputs, x)
    # As a map: the state of a layer is its outputs, then what its cells hide.
    network = rd.as_map(module)
    first = torch.cat([part[k] for k in range(layers) for part in (hidden, memory)], dim=-1)
    states = network.run(inputs.transpose(0, 1), first).transpose(0, 1)
    begin = network.state_size - network.layer_sizes[-1]
    assert _close(states[..., begin : begin + sum(split)], outputs)
    assert _close(states[-1], torch.cat(ends, dim=-1)[0])
    assert _close(states[-1], torch.cat([part[k] for k in range(layers) for part in _parts(last)], dim=-1))

    alone, end = module(inputs[:, 1], _of(given, 1))
    assert _close(alone, outputs[:, 1])
    assert _close(end, _of(last, 1))
    module.batch_first = True
    assert _close(module(inputs.transpose(0, 1), given)[0].transpose(0, 1), outputs)


@pytest.mark.parametrize(("cells", "layers", "ungated"), [*product(PARALLEL, [1, 2], [False, True])])
def test_parallel_as_a_map(cells, layers, ungated) -> None:
    split = (2, 3, 1)[: len(cells)]
    module = _jostled(Parallel(3, sum(split), cells, layers, split=split, dtype=DOUBLE))
    gated = rd.as_map(module).hold(torch.randn(3))
    system = gated.ungated() if ungated else gated
    states, inputs = torch.randn(4, system.state_size, dtype=DOUBLE), system.input.expand(4, -1)
    jacobian = vmap(jacrev(system))(states)
    assert _close(system.jacobian(states), jacobian)
    assert _close(system.input_jacobian(states), vmap(jacrev(system.network.step, argnums=1))(states, inputs))
    assert (system.acting is None) == (not ungated or nn.LSTM not in cells)
    rhs = torch.randn_like(states)
    full = torch.linalg.solve(jacobian - torch.eye(system.state_size, dtype=DOUBLE), rhs)
    assert (system.linearize(states)[1].solve(rhs) - full).abs().max() < 1e-9 * full.abs().max().clamp(min=1)

    box = gated.box
    assert isinstance(box, Box)
    corners = torch.where(torch.rand(2000, system.state_size) < 0.5, box.lower, box.upper)
    images = gated(torch.cat([corners, box.sample(2000, torch.Generator().manual_seed(0))]))
    assert box.contains(images).all()


@pytest.mark.parametrize("cells", PARALLEL)
def test_fixed_points_of_parallel_cells(cells) -> None:
    network = rd.as_map(_jostled(Parallel(3, 6, cells, 2)))
    starts = rd.sample_states(network, torch.randn(8, 20, 3), 128, noise=0.5)
    points = rd.find_fixed_points(network.hold([0.5, -1, 0]), starts, extra_starts=2048)
    assert points.index_sum == 1


def test_parallel_with_cells_of_other_makes() -> None:
    def projected(inputs, units, **options):
        return nn.LSTM(inputs, 2 * units, proj_size=units, **options)

    def relu(inputs, units, **options):
        return nn.RNN(inputs, units, nonlinearity="relu", **options)

    def nested(inputs, units, **options):
        return Parallel(inputs, units, (nn.LSTM, nn.GRU), **options)

    module, inputs = Parallel(3, 9, (projected, relu, nested), 2, dtype=DOUBLE), torch.randn(6, 2, 3, dtype=DOUBLE)
    outputs, last = module(inputs)
    assert [part.shape for part in last] == [(2, 2, 9), (2, 2, 6 + 1)]
    network = rd.as_map(module)
    assert _close(network.run(inputs.transpose(0, 1))[:, -1, 16:25], outputs[-1])
    assert _close(module(inputs[3:], module(inputs[:3])[1])[1], last)
    assert isinstance(network.hold().box, NoBox)


# --- The first weights


def _uniform(weight: torch.Tensor, bound: float) -> bool:
    return (
        bool((weight.abs() <= bound).all())
        and stats.kstest(weight.detach().flatten(), stats.uniform(-bound, 2 * bound).cdf).pvalue > 1e-3
    )


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM, *OWN])
def test_first_weights_of_each_cell(kind) -> None:
    inputs, units = 30, 50
    module = kind(inputs, units, num_layers=2, dtype=DOUBLE)
    assert initialise(_jostled(module), seed=1) is module
    for name, weight in module.named_parameters():
        below = inputs if name.endswith("0") else units
        if kind in (nn.RNN, nn.LSTM):
            assert _uniform(weight, units**-0.5)
        elif name.startswith("bias"):
            assert (weight == 0).all()
        elif name.startswith("weight_hh") and kind is BRC:
            assert (weight == 1).all()
        elif name.startswith("weight_hh") and kind is nn.GRU:
            gates = weight.split(units)
            assert all((gate.T @ gate - torch.eye(units)).abs().max() < 1e-12 for gate in gates)
            assert all((a - b).abs().max() > 0.1 for a, b in pairwise(gates))
        else:
            fan = below if name.startswith("weight_ih") else units
            assert all(_uniform(gate, (6 / (fan + units)) ** 0.5) for gate in weight.split(units))
    if kind in OWN:  # made with the same distribution, from torch's global state
        torch.manual_seed(5)
        fresh = kind(inputs, units, num_layers=2, dtype=DOUBLE)
        again = initialise(copy.deepcopy(fresh), torch.Generator().manual_seed(5))
        assert all(torch.equal(a, b) for a, b in zip(fresh.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM, *MODULES, Parallel])
def test_first_weights_follow_the_seed_alone(kind) -> None:
    one, other, third, half = (kind(3, 6, num_layers=2) for _ in range(4))
    before = torch.random.get_rng_state()
    initialise(one, 3)
    with torch.device("meta"):  # nor do they follow the default device
        initialise(other, torch.Generator().manual_seed(3))
    initialise(third, 4)
    assert torch.equal(torch.random.get_rng_state(), before)
    states = [torch.cat([p.flatten() for p in module.parameters()]) for module in (one, other, third)]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
    initialise(half.bfloat16(), 3)
    assert torch.equal(torch.cat([p.flatten() for p in half.parameters()]), states[0].bfloat16())
    if kind is Parallel:  # each cell as by itself, one after the other
        generator = torch.Generator().manual_seed(3)
        cells = [initialise(nn.GRU(m, 3), generator) for m in (3, 3, 6, 6)]
        assert torch.equal(torch.cat([p.flatten() for cell in cells for p in cell.parameters()]), states[0])


def _decay_times(module: nn.LSTM) -> torch.Tensor:
    """How fast c decays from 1 where a bottom layer sees only its biases: by running it."""
    with torch.no_grad():
        module.weight_ih_l0.zero_()
        module.weight_hh_l0.zero_()
        one = torch.ones(module.num_layers, module.hidden_size, dtype=DOUBLE)
        _, (_, c) = module(torch.zeros(10, module.input_size, dtype=DOUBLE), (0 * one, one))
    return -10 / c[0].log()


def test_chrono_memories_last_as_long_as_the_task() -> None:
    module, units = nn.LSTM(2, 1000, num_layers=2, dtype=DOUBLE), 1000
    before, state = copy.deepcopy(module.state_dict()), torch.random.get_rng_state()
    assert chrono_initialise(module, 600, seed=2) is module
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[k], v) for k, v in module.state_dict().items() if k.startswith("weight"))
    totals = [(getattr(module, f"bias_ih_l{k}") + getattr(module, f"bias_hh_l{k}")).detach() for k in range(2)]
    for total in totals:
        write, forget, *others = total.split(units)
        assert forget.min() >= 0
        assert forget.max() <= np.log(599)
        assert torch.equal(write, -forget)
        assert not torch.cat(others).any()
        assert stats.kstest(forget.exp(), stats.uniform(1, 598).cdf).pvalue > 1e-3
        assert 280 < (-1 / forget.sigmoid().log()).median() < 320
    assert not torch.equal(*totals)
    again = chrono_initialise(copy.deepcopy(module), 600, torch.Generator().manual_seed(2))
    assert torch.equal(again.bias_ih_l1, module.bias_ih_l1)
    other = chrono_initialise(copy.deepcopy(module), 600, seed=1).bias_ih_l0
    assert not torch.equal(other, module.bias_ih_l0)

    times = _decay_times(module)
    assert 280 < times.median() < 320
    assert times.max() < 600
    with torch.no_grad():
        module.bias_hh_l0.copy_(other)  # the reference draws ln U into both biases
    assert 5e4 < _decay_times(module).median() < 9e4


def test_what_cannot_be_initialised_is_refused() -> None:
    for module in (nn.Linear(2, 2), nn.GRUCell(2, 2), None):
        with pytest.raises(ValueError, match=f"initialise takes .*, got {type(module).__name__}"):
            initialise(module)
    for module in (nn.GRU(2, 2), nn.LSTM(2, 2, bias=False), nn.LSTMCell(2, 2)):
        with pytest.raises(ValueError, match="chrono_initialise takes an"):
            chrono_initialise(module, 600)
    for t_max in (2, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="t_max must be above 2 and finite"):
            chrono_initialise(nn.LSTM(2, 2), t_max)


@pytest.mark.parametrize("kind", [MGU, Parallel])
def test_a_subclass_with_a_forward_of_its_own_is_refused(kind) -> None:
    class Doubled(kind):
        def forward(self, input, state=None):
            return super().forward(2 * input, state)

    with pytest.raises(ValueError, match="Doubled has a forward of its own"):
        rd.as_map(Doubled(3, 6))
