"""The minimal GRU and LSTM, and linear recurrent units: their formulas, fixed points, spectra, boxes, first weights."""

import json

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

import rnn_dynamics as rd
from rnn_dynamics.cells import LRU, MinGRU, MinLSTM, initialise
from rnn_dynamics.systems import Box, NoBox

DOUBLE = torch.float64


pytestmark = pytest.mark.usefixtures("seeded")


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("kind", [MinGRU, MinLSTM])
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_the_formulas_of_minimal_cells(kind, positive, bias) -> None:
    module = kind(3, 5, num_layers=2, bias=bias, positive=positive, dtype=DOUBLE)
    inputs, first = 3 * torch.randn(6, 3, dtype=DOUBLE), torch.randn(2, 5, dtype=DOUBLE)
    outputs, _ = module(inputs, first)
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    states = list(first.numpy())
    for time, x in enumerate(inputs.numpy()):
        for k in range(2):
            *gates, n = np.split(weights[f"weight_ih_l{k}"] @ x + weights.get(f"bias_ih_l{k}", 0.0), kind.gates)
            candidate = np.where(n >= 0, n + 0.5, _sigmoid(n)) if positive else n
            if kind is MinGRU:
                (z,) = map(_sigmoid, gates)
                states[k] = (1 - z) * states[k] + z * candidate
            else:
                f, i = map(_sigmoid, gates)
                states[k] = f / (f + i) * states[k] + i / (f + i) * candidate
            x = states[k]
        assert np.abs(outputs[time].detach().numpy() - x).max() < 1e-12


@pytest.mark.parametrize("kind", [MinGRU, MinLSTM])
@pytest.mark.parametrize("positive", [False, True])
def test_a_minimal_cell_has_one_fixed_point_which_its_input_tells(kind, positive) -> None:
    module = kind(3, 5, num_layers=2, positive=positive, dtype=DOUBLE)
    system = rd.as_map(module).hold([1.0, -2.0, 0.5])
    points = rd.find_fixed_points(system, torch.randn(16, 10, dtype=DOUBLE))
    assert points.index_sum == 1
    assert points.kinds == ("stable node",)
    states = torch.randn(4, 10, dtype=DOUBLE)
    for _ in range(400):
        states = system(states)
    assert (states - points.states).abs().max() < 1e-10
    # Gates that are all but shut leave the candidate where it is.
    with torch.no_grad():
        module.bias_ih_l0[:5] = -800.0 if kind is MinGRU else 800.0
        module.bias_ih_l0[5 : 5 * (kind.gates - 1)] = -800.0
    assert rd.as_map(module).hold([1.0, -2.0, 0.5])(states).isfinite().all()


@pytest.mark.parametrize("kind", [MinGRU, MinLSTM])
def test_first_weights_of_minimal_cells(kind) -> None:
    module = initialise(kind(25, 200, num_layers=2), 1)
    for layer, below in ((0, 25), (1, 200)):
        for name in ("weight_ih", "bias_ih"):
            drawn = getattr(module, f"{name}_l{layer}").detach().flatten().numpy() * below**0.5
            assert stats.kstest(drawn, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    told = json.loads(bytes(module.state_dict()["_extra_state"].tolist()))
    assert told == {"cell": kind.cell, "positive": False}


# --- Linear recurrent units


def _complex(module: LRU) -> tuple[torch.Tensor, ...]:
    w = {name: value.detach() for name, value in module.named_parameters()}
    spectrum = torch.exp(torch.complex(-w["nu_log_l0"].exp(), w["theta_log_l0"].exp()))
    b, c = w["weight_ih_l0"].chunk(2), w["weight_ho_l0"].chunk(2, dim=1)
    incoming = w["gamma_log_l0"].exp()[:, None] * torch.complex(*b)
    return spectrum, incoming, torch.complex(c[0], -c[1]), w["weight_io_l0"]


def test_an_lru_is_the_complex_recurrence() -> None:
    module = LRU(3, 5, batch_first=True, dtype=DOUBLE)
    spectrum, incoming, outgoing, through = _complex(module)
    inputs = torch.randn(2, 7, 3, dtype=DOUBLE)
    first = torch.randn(1, 2, 10, dtype=DOUBLE)
    outputs, last = module(inputs, first)
    z = torch.complex(*first[0].chunk(2, dim=-1))
    for time in range(7):
        z = spectrum * z + inputs[:, time].to(z.dtype) @ incoming.T
        y = (z @ outgoing.T).real + through * inputs[:, time]
        assert (outputs[:, time] - y).abs().max() < 1e-12
    assert (last[0] - torch.cat([z.real, z.imag], dim=-1)).abs().max() < 1e-12
    alone = module(inputs[1], first[:, 1])
    assert (alone[0] - outputs[1]).abs().max() < 1e-12
    packed, _ = module(pack_sequence([inputs[0], inputs[1, :4]]), first)
    for own, expected in zip(unpack_sequence(packed), (outputs[0], outputs[1, :4]), strict=True):
        assert (own - expected).abs().max() < 1e-12


def test_the_map_of_an_lru_has_its_eigenvalues_and_one_fixed_point() -> None:
    module = LRU(3, 5, r_min=0.4, r_max=0.99, dtype=DOUBLE)
    spectrum, incoming, *_ = _complex(module)
    held = torch.tensor([1.0, -0.5, 2.0], dtype=DOUBLE)
    system = rd.as_map(module).hold(held)
    points = rd.find_fixed_points(system, torch.randn(8, 10, dtype=DOUBLE))
    z = (incoming @ held.to(spectrum.dtype)) / (1 - spectrum)
    assert (points.states - torch.cat([z.real, z.imag])).abs().max() < 1e-12
    expected = torch.cat([spectrum, spectrum.conj()])
    assert (
        torch.cdist(torch.view_as_real(points.eigenvalues[0]), torch.view_as_real(expected)).min(0).values.max() < 1e-12
    )
    assert torch.autograd.functional.jacobian(system, points.states[0]).allclose(system.jacobian(points.states[0]))
    by_input = torch.autograd.functional.jacobian(lambda x: rd.as_map(module).step(points.states[0], x), held)
    assert (points.input_jacobians[0] - by_input).abs().max() < 1e-12


@pytest.mark.parametrize("fits", [False, True])
def test_the_box_of_an_lru(fits) -> None:
    module = LRU(2, 4, r_min=0.1 if fits else 0.9, r_max=0.65 if fits else 0.99, dtype=DOUBLE)
    system = rd.as_map(module).hold([3.0, -1.0])
    box = system.box
    if not fits:
        assert isinstance(box, NoBox)
        assert "turns" in box.reason
        return
    assert isinstance(box, Box)
    corners = torch.where(torch.rand(500, 8) < 0.5, box.lower, box.upper)
    images = system(corners)
    assert ((images > box.lower) & (images < box.upper)).all()
    assert rd.find_fixed_points(system, corners).index_sum == 1


def test_first_weights_of_an_lru() -> None:
    m, n = 60, 4000
    module = initialise(LRU(m, n, r_min=0.6, r_max=0.95, max_phase=1.0, dtype=DOUBLE), 2)
    spectrum, incoming, outgoing, through = _complex(module)
    radii, angles = spectrum.abs().square().numpy(), spectrum.angle().numpy()
    assert stats.kstest(radii, stats.uniform(0.36, 0.95**2 - 0.36).cdf).pvalue > 1e-3
    assert stats.kstest(angles, stats.uniform(0, 1).cdf).pvalue > 1e-3
    assert (module.gamma_log_l0.exp() - (1 - spectrum.abs().square()).sqrt()).abs().max() < 1e-12
    normalised = incoming / module.gamma_log_l0.detach().exp()[:, None]
    for part, deviation in ((normalised, (2 * m) ** -0.5), (outgoing, n**-0.5)):
        for own in (part.real, part.imag):
            assert stats.kstest((own / deviation).flatten().numpy(), "norm").pvalue > 1e-3
    assert stats.kstest(through.numpy(), "norm").pvalue > 1e-3
    whole = LRU(2, 500)
    assert all(weight.isfinite().all() for weight in whole.parameters())


def test_an_lru_in_a_model() -> None:
    model = rd.SequenceModel(LRU(1, 4, batch_first=True), 1)
    task = rd.tasks.FlipFlop(10, 6, bits=1, seed=0)
    before = model.recurrent.weight_ho_l0.detach().clone()
    rd.train(model, task, settings=rd.TrainSettings(epochs=1))
    assert not torch.equal(model.recurrent.weight_ho_l0, before)
    with pytest.raises(ValueError, match="LRU, whose outputs are not its states"):
        rd.train_ensemble([model], task, settings=rd.TrainSettings(epochs=1))
    for wrong in ({"r_min": 0.9, "r_max": 0.5}, {"r_max": 1.5}, {"max_phase": 0.0}):
        with pytest.raises(ValueError, match=r"r_min must be below|r_max|max_phase"):
            LRU(2, 3, **wrong)
    state = LRU(2, 3).state_dict()
    with pytest.raises((ValueError, RuntimeError), match="LRU"):
        MinGRU(2, 3).load_state_dict(state)
