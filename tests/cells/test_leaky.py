"""Leaky, excitatory-inhibitory and low-rank networks: their formulas, noise, constraints, first weights and files."""

import copy
import json
from itertools import product

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy import stats
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics import cells
from rnn_dynamics.cells import DaleRNN, LeakyRNN, LowRankRNN, initialise
from rnn_dynamics.systems import Box

DOUBLE = torch.float64
F = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "softplus": lambda x: np.log1p(np.exp(-abs(x))) + np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softsign": lambda x: x / (1 + abs(x)),
}
ALPHAS = {
    "one": {"alpha": 0.3},
    "each": {"alpha": [0.1, 0.2, 0.3, 0.7, 1.0]},
    "dt and tau": {"dt": 10.0, "tau": 50.0},
    "tau of each": {"dt": 10.0, "tau": [10.0, 20.0, 30.0, 50.0, 100.0]},
    "default": {},
}


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def _weights(module: nn.Module, layer: int) -> dict[str, np.ndarray]:
    return {
        name.rpartition("_l")[0]: value.double().numpy()
        for name, value in module.state_dict().items()
        if name.endswith(f"_l{layer}")
    }


def _recurrent(kind: type, w: dict[str, np.ndarray]) -> np.ndarray:
    """W, entry by entry as the class says."""
    n = len(w["weight_ih"])
    if kind is LowRankRNN:
        return np.array([[w["weight_m"][i] @ w["weight_n"][j] / n for j in range(n)] for i in range(n)])
    if kind is DaleRNN:
        entries = [[abs(w["weight_hh"][i, j]) * w["signs"][j] * w["mask"][i, j] for j in range(n)] for i in range(n)]
        return np.array(entries)
    return w["weight_hh"]


@pytest.mark.parametrize(
    ("kind", "leak", "nonlinearity", "alpha"),
    [
        *product([LeakyRNN], ["outside", "inside", "current"], F, ["one"]),
        *product([LeakyRNN, DaleRNN, LowRankRNN], ["outside", "current"], ["tanh", "relu"], ALPHAS),
    ],
)
def test_the_formulas(kind, leak, nonlinearity, alpha) -> None:
    extra = {"rank": 2} if kind is LowRankRNN else {}
    options = {"leak": leak, "nonlinearity": nonlinearity, **ALPHAS[alpha], **extra}
    module = kind(3, 5, num_layers=2, dtype=DOUBLE, **options)
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    given = ALPHAS[alpha]
    expected = given.get("alpha", np.divide(given.get("dt", 0.2), given.get("tau", 1.0)))
    assert np.allclose(_weights(module, 0)["alpha"], expected, rtol=0, atol=1e-15)
    inputs, first = torch.randn(6, 3, dtype=DOUBLE), torch.randn(2, 5, dtype=DOUBLE)
    outputs, last = module(inputs, first)
    states, f = list(first.numpy()), F[nonlinearity]
    for time, x in enumerate(inputs.numpy()):
        for k in range(2):
            w, h = _weights(module, k), states[k]
            a, recurrent, drive = w["alpha"], _recurrent(kind, w), w["weight_ih"] @ x + w["bias_ih"]
            if leak == "current":
                h = (1 - a) * h + a * (recurrent @ f(h) + drive)
            elif leak == "inside":
                h = f((1 - a) * h + a * (recurrent @ h + drive))
            else:
                h = (1 - a) * h + a * f(recurrent @ h + drive)
            x = states[k] = h
        assert np.abs(outputs[time].detach().numpy() - x).max() < 1e-12
    assert np.abs(last.detach().numpy() - np.stack(states)).max() < 1e-12


@pytest.mark.parametrize("kind", [LeakyRNN, DaleRNN, LowRankRNN])
@pytest.mark.parametrize("leak", ["outside", "current"])
def test_noise_is_of_training_alone_and_as_large_as_published(kind, leak) -> None:
    sigma = 0.15
    module = kind(1, 40, alpha=0.25, noise=sigma, leak=leak, nonlinearity="tanh")
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
    inputs = torch.zeros(1, 100, 1)
    assert not module.eval()(inputs)[0].any()
    moved = module.train()(inputs)[0].detach()
    # In a current sigma sqrt(2 alpha); round the non-linearity alpha tanh(sigma sqrt(2 / alpha) xi).
    expected = sigma * (2 * 0.25) ** 0.5
    if leak == "outside":
        expected = 0.25 * float(torch.tanh(sigma * 8**0.5 * torch.randn(200_000)).std())
    assert abs(float(moved.std()) / expected - 1) < 0.05
    assert not torch.equal(module(inputs)[0], moved)
    network = rd.as_map(module)
    assert not network.run(torch.zeros(1, 5, 1)).any()
    with pytest.raises(ValueError, match="has noise"):
        rd.train_ensemble(
            [rd.SequenceModel(module, 1)], rd.tasks.FlipFlop(10, 4, bits=1, seed=0), settings=rd.TrainSettings(epochs=1)
        )


def test_signs_and_masks_hold_however_the_weights_move() -> None:
    signs, mask = [1, -1, 1, 1, -1, 1], (torch.rand(6, 6) < 0.6).double()
    module = DaleRNN(2, 6, signs=signs, mask=mask, num_layers=2)
    network = rd.as_map(module)
    optimiser = torch.optim.SGD(module.parameters(), lr=1.0)
    for _ in range(3):
        optimiser.zero_grad()
        module(torch.randn(5, 2))[0].square().sum().backward()
        optimiser.step()
        for layer in network.layers:
            weight = layer.recurrent_weight().detach()
            assert (weight * torch.tensor(signs) >= 0).all()
            assert not weight.diagonal().any()
            assert ((weight != 0) == (mask * (1 - torch.eye(6)) * (layer.weight_hh != 0) > 0)).all()
    stepped = module(torch.ones(1, 2), torch.ones(2, 6))[1].flatten()
    assert torch.allclose(network.step(torch.ones(12), torch.ones(2)), stepped, rtol=1e-5)
    looped = DaleRNN(2, 6, excitatory=0.5, self_connections=True)
    assert torch.equal(looped.signs_l0, torch.tensor([1.0, 1, 1, -1, -1, -1]))
    assert looped.mask_l0.all()


def test_first_weights() -> None:
    n, m = 400, 50
    leaky, dale, low = LeakyRNN(m, n), DaleRNN(m, n), LowRankRNN(m, n, rank=3)
    for module in (leaky, dale, low):
        initialise(module, 1)
        assert not module.bias_ih_l0.any()
    for weight, deviation in [
        (leaky.weight_hh_l0, n**-0.5),
        (leaky.weight_ih_l0, m**-0.5),
        (dale.weight_ih_l0, m**-0.5),
        *((getattr(low, f"weight_{name}_l0"), 1.0) for name in ("ih", "m", "n")),
    ]:
        assert stats.kstest(weight.detach().flatten().numpy() / deviation, "norm").pvalue > 1e-3
    (layer,) = rd.as_map(dale).layers
    weight = layer.recurrent_weight().detach().double()
    assert abs(float(torch.linalg.eigvals(weight).abs().max()) - 1.5) < 1e-5
    drawn = dale.weight_hh_l0.detach()
    excite, inhibit = drawn[:, :320], drawn[:, 320:]
    assert abs(float(inhibit.mean() / excite.mean()) / 4 - 1) < 0.02  # four times fewer, four times stronger
    for part in (excite, inhibit):
        assert stats.kstest((part / part.mean()).flatten().numpy()[::7] * 2, "gamma", (2,)).pvalue > 1e-3


@pytest.mark.parametrize("kind", [LeakyRNN, DaleRNN, LowRankRNN])
def test_files_tell_the_cell_and_refuse_another(kind, tmp_path) -> None:
    module = kind(3, 6, alpha=0.1, nonlinearity="softplus", leak="outside", num_layers=2)
    save_file(module.state_dict(), tmp_path / "m.safetensors")
    state = load_file(tmp_path / "m.safetensors")
    told = json.loads(bytes(state["_extra_state"].tolist()))
    assert told == {"cell": kind.cell, "nonlinearity": "softplus", "leak": "outside"}
    assert state["alpha_l1"] == 0.1
    other = kind(3, 6, nonlinearity="softplus", leak="outside", num_layers=2)
    other.load_state_dict(state)
    inputs = torch.randn(4, 3)
    assert torch.equal(other(inputs)[0], module(inputs)[0])
    with pytest.raises(ValueError, match=r"the state dict is of .*softplus.*, but this module is .*'tanh'"):
        kind(3, 6, nonlinearity="tanh", leak="outside", num_layers=2).load_state_dict(state)


@pytest.mark.parametrize("leak", ["outside", "inside", "current"])
@pytest.mark.parametrize("nonlinearity", ["tanh", "sigmoid", "softsign"])
def test_boxes_hold_every_state(leak, nonlinearity) -> None:
    module = LeakyRNN(2, 4, alpha=0.4, leak=leak, nonlinearity=nonlinearity, dtype=DOUBLE)
    with torch.no_grad():
        module.weight_hh_l0.mul_(4)
        module.weight_hh_l0[0] = 0  # a unit that hears no other
    system = rd.as_map(module).hold([0.5, -1.0])
    box = system.box
    assert isinstance(box, Box)
    states = 50 * torch.randn(200, 4, dtype=DOUBLE)
    for _ in range(200):
        states = system(states)
    assert box.contains(states).all()
    points = rd.find_fixed_points(system, states)
    assert points.index_sum == 1


def test_alpha_is_a_weight_of_the_map_that_families_move() -> None:
    module = LeakyRNN(1, 3, alpha=0.2, dtype=DOUBLE)
    family = rd.scaled(module, "alpha_l0")
    state = torch.randn(3, dtype=DOUBLE)
    twice = LeakyRNN(1, 3, alpha=0.4, dtype=DOUBLE)
    twice.load_state_dict({**module.state_dict(), "alpha_l0": torch.tensor(0.4, dtype=DOUBLE)})
    assert (family(2.0)(state) - rd.as_map(twice).hold()(state)).abs().max() < 1e-15


def test_leaky_models_train_together_as_they_do_alone() -> None:
    task = rd.tasks.FlipFlop(20, 8, bits=1, seed=0)
    cells = [DaleRNN(1, 5, alpha=0.2 + 0.1 * i, batch_first=True, dtype=DOUBLE) for i in range(2)]
    models = [rd.SequenceModel(initialise(cell, i), 1, seed=i) for i, cell in enumerate(cells)]
    alone = copy.deepcopy(models)
    for seed, model in enumerate(alone):
        rd.train(model, task, settings=rd.TrainSettings(epochs=2), seed=seed)
    rd.train_ensemble(models, task, settings=rd.TrainSettings(epochs=2))
    for one, other in zip(alone, models, strict=True):
        for name, value in one.state_dict().items():
            assert (value.double() - other.state_dict()[name].double()).abs().max() < 1e-9


@pytest.mark.parametrize("name", ["leaky-6", "Dale-6x2", "leaky+GRU-6", "minGRU-6", "minLSTM-6"])
def test_by_name_and_in_the_analyses(name) -> None:
    module = cells.module_from_spec(name, 2, seed=3)
    assert str(cells.Specification.parse(name.upper())) == name
    inputs = torch.randn(8, 10, 2)
    network = rd.as_map(module)
    outputs, _ = module(inputs.transpose(0, 1))
    width = outputs.shape[-1]
    run = network.run(inputs)
    assert torch.allclose(
        run[..., -width:] if "+" not in name else run[..., :width], outputs.transpose(0, 1), atol=1e-6
    )
    starts = rd.sample_states(network, inputs, 32, noise=0.3)
    found = rd.find_attractors(network.hold([0.5, 0.0]), starts, settle=rd.Settle(max_steps=2000))
    assert len(found.outcomes) == 32
    before = [weight.detach().clone() for weight in module.parameters()]
    rd.warm_up(module, inputs, 2, batch_size=4, horizon=rd.Horizon(longest=5))
    assert any(not torch.equal(*pair) for pair in zip(before, module.parameters(), strict=True))
    for buffer, kept in zip(module.buffers(), cells.module_from_spec(name, 2, seed=3).buffers(), strict=True):
        assert torch.equal(buffer, kept)


REFUSED = {
    "alpha 0": ({"alpha": 0.0}, r"alpha must be one number or \[4\], above 0 and at most 1, got 0\.0"),
    "alpha above 1": ({"alpha": 1.5}, "alpha must be"),
    "alphas": ({"alpha": [0.5, 0.5]}, "alpha must be"),
    "words": ({"alpha": "fast"}, "alpha must be"),
    "dt alone": ({"dt": 1.0}, "dt and tau must be given together"),
    "both": ({"alpha": 0.1, "dt": 1.0, "tau": 10.0}, "give either"),
    "tau below dt": ({"dt": 1.0, "tau": 0.5}, "tau must be"),
    "nonlinearity": ({"nonlinearity": "gelu"}, "nonlinearity must be one of 'tanh', 'relu', 'softplus'"),
    "leak": ({"leak": "left"}, "leak must be one of 'outside', 'inside', 'current', got 'left'"),
    "noise": ({"noise": -1.0}, "noise must be 0 or positive"),
}


@pytest.mark.parametrize("kind", [LeakyRNN, DaleRNN, LowRankRNN])
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(kind, case) -> None:
    options, phrase = REFUSED[case]
    with pytest.raises(ValueError, match=phrase):
        kind(2, 4, **options)


def test_what_one_kind_refuses() -> None:
    for rank in (0, 5):
        with pytest.raises(ValueError, match="rank must be 1 or more and at most hidden_size=4"):
            LowRankRNN(2, 4, rank=rank)
    for signs in ([1, -1, 1], [1, -1, 0, 1]):
        with pytest.raises(ValueError, match=r"signs must be 4 numbers that are \+1 or -1"):
            DaleRNN(2, 4, signs=signs)
    for mask in (torch.ones(4), 2 * torch.ones(4, 4)):
        with pytest.raises(ValueError, match=r"mask must be \[4, 4\] of zeros and ones"):
            DaleRNN(2, 4, mask=mask)
