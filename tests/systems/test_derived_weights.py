"""Weights computed from others, and modules that have more to them than their weights: followed, or refused."""

import copy
import warnings

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import parametrizations, prune

import rnn_dynamics as rd
from rnn_dynamics.cells import MGU, Parallel
from rnn_dynamics.systems import FunctionMap, LayeredMap

DOUBLE = torch.float64


@pytest.fixture(autouse=True)
def _old_norms_do_not_warn(seeded):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*weight_norm.*is deprecated", FutureWarning)
        yield


def _old_weight_norm(module: nn.Module, name: str) -> None:
    nn.utils.weight_norm(module, name)


def _old_spectral_norm(module: nn.Module, name: str) -> None:
    nn.utils.spectral_norm(module, name)


def _pruned(module: nn.Module, name: str) -> None:
    prune.random_unstructured(module, name, 0.4)


def _pruned_twice(module: nn.Module, name: str) -> None:
    prune.random_unstructured(module, name, 0.3)
    prune.l1_unstructured(module, name, 0.3)


WAYS = {
    "weight_norm hook": _old_weight_norm,
    "spectral_norm hook": _old_spectral_norm,
    "pruning": _pruned,
    "pruning twice": _pruned_twice,
    "weight_norm": parametrizations.weight_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
}


class _Step(nn.Module):
    """A cell among other parts, not only a cell."""

    def __init__(self, cell: nn.Module, gain: float) -> None:
        super().__init__()
        self.cell, self.gain = cell, gain

    def forward(self, state, input):
        return self.gain * self.cell(input, state)


def _train(module: nn.Module, run) -> None:
    """One step of an optimiser, right after which nothing has been called."""
    optimiser = torch.optim.SGD(module.parameters(), 0.5)
    run().square().sum().backward()
    optimiser.step()


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("way", WAYS)
def test_the_map_follows_computed_weights_through_training(way, kind) -> None:
    module = kind(2, 4, dtype=DOUBLE)
    WAYS[way](module, "weight_hh_l0")
    network = rd.as_map(module)  # before training
    inputs = torch.randn(5, 3, 2, dtype=DOUBLE)
    for _ in range(2):
        _train(module, lambda: module(inputs.transpose(0, 1))[0])
        module.zero_grad()
        known = copy.deepcopy(module.state_dict())
        made_later = rd.as_map(module)
        runs = [network.run(inputs), made_later.run(inputs), network.hold().network.run(inputs)]
        ungated = network.hold().ungated()
        # Neither its buffers nor its parameters have moved; then what the module itself does, in its evaluation mode.
        assert all(torch.equal(value, known[name]) for name, value in module.state_dict().items())
        module.eval()
        expected = module(inputs.transpose(0, 1))[0].transpose(0, 1)
        module.train()
        for run in runs:
            assert (run[..., :4] - expected).abs().max() < 1e-12
        states = torch.randn(3, network.state_size, dtype=DOUBLE)
        assert torch.equal(ungated(states), network.ungated().step(states, torch.zeros(3, 2, dtype=DOUBLE)))
        assert torch.equal(ungated(states), made_later.hold().ungated()(states))
    # Gradients reach what the weight is computed from, as the module's own do.
    module.eval()
    module(inputs.transpose(0, 1))[0].square().sum().backward()
    own = {name: weight.grad.clone() for name, weight in module.named_parameters()}
    module.zero_grad()
    network.run(inputs)[..., :4].square().sum().backward()
    for name, weight in module.named_parameters():
        assert torch.allclose(weight.grad, own[name], atol=1e-12)


@pytest.mark.parametrize("gain", [1.0, 0.5])  # a cell alone, and a step of another kind
@pytest.mark.parametrize("way", WAYS)
def test_a_step_with_computed_weights_is_followed(way, gain) -> None:
    module = _Step(nn.GRUCell(2, 4, dtype=DOUBLE), gain)
    WAYS[way](module.cell, "weight_hh")
    network = rd.as_map(module, 4, 2)
    assert isinstance(network, LayeredMap if gain == 1.0 else FunctionMap)
    states, inputs = torch.randn(6, 4, dtype=DOUBLE), torch.randn(6, 2, dtype=DOUBLE)
    _train(module, lambda: module(states, inputs))
    known = copy.deepcopy(module.state_dict())
    held = network.hold(inputs[0])
    after = [network.step(states, inputs[:1].expand(6, -1)), held(states)]
    assert all(torch.equal(value, known[name]) for name, value in module.state_dict().items())
    expected = module.eval()(states, inputs[:1].expand(6, -1))
    for states_after in after:
        assert (states_after - expected).abs().max() < 1e-12


def test_cells_of_this_library_and_parallel_ones_are_followed_too() -> None:
    inputs = torch.randn(7, 5, 3, dtype=DOUBLE)
    mgu, parallel = MGU(3, 6, dtype=DOUBLE), Parallel(3, 6, (nn.GRU, MGU), dtype=DOUBLE)
    parametrizations.weight_norm(mgu, "weight_hh_l0")
    nn.utils.weight_norm(parallel.parallel[0][0], "weight_hh_l0")
    for module in (mgu, parallel):
        network = rd.as_map(module)
        _train(module, lambda module=module: module(inputs)[0])
        run = network.run(inputs.transpose(0, 1))
        assert (run.transpose(0, 1) - module(inputs)[0]).abs().max() < 1e-12


def test_warm_up_refuses_computed_weights() -> None:
    for way in ("weight_norm", "weight_norm hook", "pruning"):
        module = nn.GRU(3, 4)
        WAYS[way](module, "weight_hh_l0")
        with pytest.raises(ValueError, match="weights to warm up must be parameters"):
            rd.warm_up(module, torch.randn(6, 5, 3))


class _WeightDrop(nn.Module):
    """What makes the recurrent weight anew at each call, by dropout of a raw one."""

    def __init__(self, module: nn.Module, name: str, inside: bool) -> None:
        super().__init__()
        self.module, self.name = module, name
        raw = nn.Parameter(getattr(module, name).detach().clone())
        (module if inside else self).register_parameter(f"{name}_raw", raw)
        self.raw = lambda: getattr(module if inside else self, f"{name}_raw")
        del module._parameters[name]
        self.drop()

    def drop(self) -> None:
        dropped = nn.functional.dropout(self.raw(), 0.5, self.training)
        self.module._flat_weights[self.module._flat_weights_names.index(self.name)] = dropped
        self.module._parameters[self.name] = dropped

    def forward(self, *arguments):
        self.drop()
        return self.module(*arguments)


def test_weight_drop() -> None:
    inputs = torch.randn(5, 3, 2, dtype=DOUBLE)
    dropped = _WeightDrop(nn.LSTM(2, 4, dtype=DOUBLE), "weight_hh_l0", inside=True)
    network = rd.as_map(dropped.module)
    expected = dropped.eval()(inputs.transpose(0, 1))[0].transpose(0, 1)
    assert (network.run(inputs)[..., :4] - expected).abs().max() < 1e-12

    outside = _WeightDrop(nn.LSTM(2, 4, dtype=DOUBLE), "weight_hh_l0", inside=False)
    with pytest.raises(ValueError, match="weight_hh_l0 of LSTM is no parameter but was computed from others"):
        rd.as_map(outside.module)


class _Peephole(nn.LSTMCell):
    """The same class with a forward of its own."""

    def __init__(self, *sizes) -> None:
        super().__init__(*sizes, dtype=DOUBLE)
        self.weight_ph = nn.Parameter(torch.randn(sizes[1], dtype=DOUBLE))

    def forward(self, input, hx=None):
        h, c = super().forward(input, hx)
        return h + self.weight_ph * c, c


class _Doubled(nn.GRU):
    """Whose inner workings differ, though its forward is torch's."""

    def check_forward_args(self, input, hidden, batch_sizes):
        with torch.no_grad():
            hidden.mul_(2)
        super().check_forward_args(input, hidden, batch_sizes)


class _Noted(nn.GRU):
    """Torch's own with something harmless beside it."""

    def __init__(self, *sizes) -> None:
        super().__init__(*sizes)
        self.readout = nn.Linear(sizes[1], 2)


def test_a_subclass_is_compared_with_the_map() -> None:
    with pytest.raises(ValueError, match="_Peephole is not one of"):
        rd.as_map(_Peephole(3, 4))
    with pytest.raises(ValueError, match=r"_Doubled does not step as torch's own .*the class _Doubled"):
        rd.as_map(_Doubled(3, 4))
    for options in ({}, {"num_layers": 2}, {"num_layers": 2, "batch_first": True}):
        assert rd.as_map(type("Named", (nn.GRU,), {})(3, 4, **options)).input_size == 3
        assert rd.as_map(type("Named", (nn.LSTM,), {})(3, 4, **options, proj_size=2)).input_size == 3
    assert rd.as_map(type("Named", (nn.LSTMCell,), {})(3, 4)).state_size == 8
    assert rd.as_map(_Noted(3, 4)).state_size == 4


def test_hooks_and_forwards_of_an_instance_are_compared() -> None:
    module = nn.GRU(3, 4)
    module.register_forward_pre_hook(lambda _, given: (2 * given[0], *given[1:]))
    with pytest.raises(ValueError, match=r"GRU does not step as torch's own .*hooks before its forward"):
        rd.as_map(module)
    module = nn.GRU(3, 4)
    seen = []
    module.register_forward_pre_hook(lambda *given: seen.append(given))
    assert rd.as_map(module).state_size == 4
    cell = nn.GRUCell(3, 4)
    forward = cell.forward
    cell.forward = lambda input, hx=None: 0.5 * forward(input, hx)
    with pytest.raises(ValueError, match="a forward set on the instance"):
        rd.as_map(cell)


def _files(tmp_path, state, wrap=lambda state: state):
    for suffix in (".pt", ".safetensors"):
        path = tmp_path / f"file{suffix}"
        save_file({k: v.contiguous() for k, v in state.items()}, path) if suffix != ".pt" else torch.save(
            wrap(state), path
        )
        yield path


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM, MGU])
@pytest.mark.parametrize("way", ["weight_norm hook", "weight_norm", "pruning", "pruning twice"])
def test_weights_in_parts_are_put_together(tmp_path, way, kind) -> None:
    core = kind(2, 4, num_layers=2, dtype=DOUBLE)
    for name in ("weight_hh_l0", "weight_ih_l1"):
        WAYS[way](core, name)
    inputs = torch.randn(5, 3, 2, dtype=DOUBLE)
    if not isinstance(core, MGU):  # whose weights a hook makes anew at a call only
        _train(core, lambda: core(inputs.transpose(0, 1))[0])
    model = nn.ModuleDict({"rnn": core, "readout": nn.Linear(4, 1)})
    for path in _files(tmp_path, model.state_dict()):
        found = rd.read_checkpoint(path)
        assert (found.network.run(inputs) - rd.as_map(core).run(inputs)).abs().max() < 1e-12
        assert set(found.computed) == {"rnn.weight_hh_l0", "rnn.weight_ih_l1"}
        with pytest.raises(ValueError, match=r"cannot|holds rnn\.weight_\wh_l\d, .* in parts"):
            found.write(tmp_path / "new.pt")
        assert not (tmp_path / "new.pt").exists()


@pytest.mark.parametrize("dim", [0, 1, None])
def test_every_axis_of_a_weight_norm(tmp_path, dim) -> None:
    core = nn.GRU(2, 4, dtype=DOUBLE)
    nn.utils.weight_norm(core, "weight_hh_l0", dim=dim)
    torch.save(core.state_dict(), tmp_path / "file.pt")
    found = rd.read_checkpoint(tmp_path / "file.pt")
    assert torch.allclose(found.network.layers[0].weight_hh, core.weight_hh_l0, rtol=1e-14)


@pytest.mark.parametrize("way", ["spectral_norm hook", "spectral_norm", "orthogonal"])
def test_parts_that_do_not_tell_how_are_named(tmp_path, way) -> None:
    core = nn.GRU(2, 4)
    WAYS[way](core, "weight_hh_l0")
    for path in _files(tmp_path, nn.ModuleDict({"rnn": core}).state_dict()):
        with pytest.raises(
            ValueError, match=r"rnn\.weight_hh_l0 is computed from rnn\.\w+.* the file does not tell how"
        ):
            rd.read_checkpoint(path)


@pytest.mark.parametrize("inside", [True, False])
def test_the_raw_weight_of_a_weight_drop_is_the_weight(tmp_path, inside) -> None:
    dropped = _WeightDrop(nn.LSTM(2, 4, dtype=DOUBLE), "weight_hh_l0", inside)
    state = {f"rnns.0.{name}": weight.detach().clone() for name, weight in dropped.state_dict().items()}
    raw = next(name for name in state if name.endswith("_raw"))
    copied = "rnns.0.module.weight_hh_l0"
    assert not torch.equal(state[copied], state[raw])  # a mask has been drawn
    inputs = torch.randn(5, 3, 2, dtype=DOUBLE)
    expected = dropped.eval()(inputs.transpose(0, 1))[0].transpose(0, 1)
    for path in _files(tmp_path, state):
        found = rd.read_checkpoint(path)
        assert (found.network.run(inputs)[..., :4] - expected).abs().max() < 1e-12
        with torch.no_grad():
            found.network.layers[0].weight_hh.mul_(2)
        target = found.write(tmp_path / f"new{path.suffix}")
        again = rd.read_checkpoint(target)
        assert torch.equal(again.network.layers[0].weight_hh, 2 * state[raw])
        state.pop(copied, None)  # as others write it


def _cell_with(**more: torch.Tensor) -> dict[str, torch.Tensor]:
    return {**{f"cell.{k}": v for k, v in nn.LSTMCell(3, 4).state_dict().items()}, **more}


BESIDE = {
    "layer norm": {
        "cell.ln_ih.weight": torch.ones(16),
        "cell.ln_ih.bias": torch.ones(16),
        "cell.ln_c.gain": torch.ones(4),
    },
    "peepholes": {"cell.weight_ph": torch.ones(12), "cell.weight_ch": torch.ones(4, 4)},
    "a leak": {"cell.alpha": torch.tensor(0.1)},
    "a matrix": {"cell.again.weight": torch.ones(4, 4)},
}


@pytest.mark.parametrize("name", BESIDE)
def test_cells_with_more_weights_than_their_kind_has_are_refused(tmp_path, name) -> None:
    more = BESIDE[name]
    for top in ("", "cell."):
        state = {key.removeprefix("cell.") if not top else key: value for key, value in _cell_with(**more).items()}
        for path in _files(tmp_path, state):
            with pytest.raises(ValueError) as raised:
                rd.read_checkpoint(path)
            message = str(raised.value)
            assert f"beside the weights of LSTM at '{top}' lie " in message
            assert "which may change its step and are not read" in message
            assert all(name.removeprefix("cell.") in message for name in more)


def test_what_does_not_act_on_the_step_may_lie_beside(tmp_path) -> None:
    harmless = {
        "cell.h0": torch.zeros(4),
        "cell.initial_state": torch.zeros(4),
        "cell.steps": torch.tensor(3),
        "cell.readout.weight": torch.ones(2, 4),
        "cell.readout.bias": torch.ones(2),
        "norm.weight": torch.ones(4),
        "decoder.weight": torch.ones(16, 4),
        "cell_norm.weight": torch.ones(16),
    }
    for path in _files(tmp_path, _cell_with(**harmless)):
        assert rd.read_checkpoint(path).cell == "LSTM"
    # Nor do other networks below.
    nested = {**nn.GRUCell(3, 5).state_dict(), **_cell_with()}
    torch.save(nested, tmp_path / "both.pt")
    assert rd.read_checkpoint(tmp_path / "both.pt", prefix="").cell == "GRU"
    for module in (MGU(3, 4, 2), Parallel(3, 8, (nn.GRU, MGU), 2)):
        torch.save(module.state_dict(), tmp_path / "own.pt")
        assert len(rd.read_checkpoint(tmp_path / "own.pt").network.layers) == 2


@pytest.mark.parametrize("way", ["weight_norm hook", "weight_norm", "pruning"])
def test_families_of_steps_with_computed_weights(way) -> None:
    before, after = (_Step(nn.GRUCell(2, 4, dtype=DOUBLE), 0.5) for _ in range(2))
    for module in (before, after):
        WAYS[way](module.cell, "weight_hh")
    if way == "pruning":  # the line between two masks has no meaning
        after.cell.weight_hh_mask.copy_(before.cell.weight_hh_mask)
    family = rd.between(rd.as_map(before, 4, 2), rd.as_map(after, 4, 2))
    states, nothing = torch.randn(5, 4, dtype=DOUBLE), torch.zeros(5, 2, dtype=DOUBLE)
    for t, module in ((0.0, before), (1.0, after)):
        assert (family(t)(states) - module(states, nothing)).abs().max() < 1e-12
        assert (family(t)(states[0]) - module(states[0], nothing[0])).abs().max() < 1e-12
