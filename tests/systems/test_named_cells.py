"""Leaky cells in files: told by this library's own modules, and by the caller for torch's weights."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rnn_dynamics.cells import LRU, DaleRNN, LeakyRNN, LowRankRNN, MinGRU, MinLSTM, Parallel
from rnn_dynamics.systems import as_map, read_checkpoint


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def _inputs(dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(4, 7, 3, generator=torch.Generator().manual_seed(0), dtype=dtype)


def _refused(path: Path, phrase: str, **options: Any) -> None:
    with pytest.raises(ValueError) as raised:
        read_checkpoint(path, **options)
    assert phrase in str(raised.value)


MODULES: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "leaky": (lambda: LeakyRNN(3, 6, 2, alpha=0.3, nonlinearity="softplus", leak="inside"), "leaky"),
    "leaky by unit": (lambda: LeakyRNN(3, 6, dt=0.5, tau=torch.arange(1.0, 7.0), bias=False), "leaky"),
    "Dale": (lambda: DaleRNN(3, 6, 2), "Dale"),
    "low-rank": (lambda: LowRankRNN(3, 6, 2, rank=2), "low-rank"),
    "minGRU": (lambda: MinGRU(3, 6, 2), "minGRU"),
    "minLSTM": (lambda: MinLSTM(3, 6, 2, bias=False), "minLSTM"),
    "LRU": (lambda: LRU(3, 6), "LRU"),
    "double": (lambda: LeakyRNN(3, 6, dtype=torch.float64), "leaky"),
}
WAYS: dict[str, Callable[[nn.Module, Path], Any]] = {
    "state": lambda module, path: torch.save(module.state_dict(), path),
    "whole": lambda module, path: torch.save(module, path),
    "model": lambda module, path: torch.save({"model": nn.ModuleDict({"rnn": module}).state_dict()}, path),
    "safetensors": lambda module, path: save_file(module.state_dict(), path),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MODULES)
def test_modules_of_this_library_are_told_by_their_files(tmp_path, name, way) -> None:
    make, cell = MODULES[name]
    module, path = make(), tmp_path / "model.pt"
    WAYS[way](module, path)
    found = read_checkpoint(path)
    assert (found.cell, found.told, found.by_shape) == (cell, True, False)
    inputs = _inputs(found.network.dtype)
    assert torch.equal(found.network.run(inputs), as_map(module).run(inputs))
    assert read_checkpoint(path, cell=cell.upper()).cell == cell


def test_what_is_asked_for_must_not_contradict_the_file(tmp_path) -> None:
    path = tmp_path / "model.pt"
    torch.save(LeakyRNN(3, 6, alpha=0.25, nonlinearity="relu").state_dict(), path)
    assert str(read_checkpoint(path)).startswith("leaky (relu, alpha 0.25, leak outside), 1 layer of 6 units, 3 inputs")
    assert read_checkpoint(path, alpha=0.25, nonlinearity="relu", leak="outside").cell == "leaky"
    _refused(path, "alpha=0.5 was asked for, but alpha_l0 in the file differs", alpha=0.5)
    _refused(path, "nonlinearity='tanh' was asked for, but the file says 'relu'", nonlinearity="tanh")
    _refused(path, "leak='inside' was asked for, but the file says 'outside'", leak="inside")
    _refused(path, "", cell="GRU")


@pytest.mark.parametrize("suffix", ["_l0", ""])
@pytest.mark.parametrize("leak", ["outside", "inside", "current"])
def test_weights_of_torch_are_read_as_leaky_where_that_is_said(tmp_path, leak, suffix) -> None:
    module = nn.RNN(3, 6) if suffix else nn.RNNCell(3, 6)
    torch.save(module.state_dict(), tmp_path / "model.pt")
    options = {"cell": "leaky", "nonlinearity": "relu", "leak": leak}
    found = read_checkpoint(tmp_path / "model.pt", alpha=0.1, **options)  # pyright: ignore[reportArgumentType]
    w_ih, w_hh, b_ih, b_hh = (weight.detach() for weight in module.parameters())
    states, inputs = torch.randn(5, 6), torch.randn(5, 3)
    rates = states.relu() if leak == "current" else states
    drive = inputs @ w_ih.T + rates @ w_hh.T + b_ih + b_hh
    wanted = {
        "outside": 0.9 * states + 0.1 * drive.relu(),
        "inside": (0.9 * states + 0.1 * drive).relu(),
        "current": 0.9 * states + 0.1 * drive,
    }[leak]
    assert torch.allclose(found.network.step(states, inputs), wanted, atol=1e-6)
    by_times = read_checkpoint(tmp_path / "model.pt", dt=10.0, tau=100.0, **options)  # pyright: ignore[reportArgumentType]
    assert torch.equal(by_times.network.step(states, inputs), found.network.step(states, inputs))
    assert found.computed == (f"bias_ih{suffix}",)
    with pytest.raises(ValueError, match="in parts"):
        found.require_writable()


def test_alpha_beside_the_weights_is_taken(tmp_path) -> None:
    state = nn.RNNCell(3, 6).state_dict() | {"alpha": torch.tensor([0.25])}
    torch.save(state, tmp_path / "model.pt")
    _refused(tmp_path / "model.pt", "beside the weights of RNN at '' lie alpha")
    assert "alpha 0.25" in str(read_checkpoint(tmp_path / "model.pt", cell="leaky"))


def test_a_leaky_file_is_written_again_with_its_constants_as_they_were(tmp_path) -> None:
    path = tmp_path / "model.pt"
    torch.save(DaleRNN(3, 6).state_dict(), path)
    found, before = read_checkpoint(path), torch.load(path)
    for weight in found.places.values():
        weight.mul_(2)
    after = torch.load(found.write(tmp_path / "new.pt"))
    for name, tensor in before.items():
        assert torch.equal(after[name], tensor * 2 if name.startswith(("weight", "bias")) else tensor)


def test_wrong_options_are_refused(tmp_path) -> None:
    path = tmp_path / "model.pt"
    torch.save(nn.RNN(3, 6).state_dict(), path)
    _refused(path, "a leaky cell needs alpha= or --alpha, which the file does not hold", cell="leaky")
    _refused(path, "alpha must be above 0 and at most 1, got 3", cell="leaky", alpha=3.0)
    _refused(path, "alpha and leak are for leaky cells (cell='leaky'), but it holds RNN (tanh)", alpha=0.1)
    _refused(path, "dt and tau must be given together, got dt=1.0 and tau=None", cell="leaky", dt=1.0)
    _refused(path, "tau must be dt=2.0 or more, and both positive, got 1.0", cell="leaky", dt=2.0, tau=1.0)
    _refused(path, "give either alpha or both of these", cell="leaky", alpha=0.1, dt=1.0, tau=2.0)
    _refused(path, "leak must be 'outside', 'inside' or 'current', got 'up'", cell="leaky", alpha=0.1, leak="up")
    _refused(path, "'sigmoid' or 'softsign', got 'gelu'", cell="leaky", alpha=0.1, nonlinearity="gelu")
    _refused(path, "signs_l0 is missing", cell="dale", alpha=0.1)
    _refused(path, "weight_m_l0 is missing", cell="low-rank", alpha=0.1)
    torch.save(nn.GRU(3, 6).state_dict(), path)
    _refused(path, "weight_hh_l0 must have shape [18, 18], got [18, 6]", cell="leaky", alpha=0.1)


DAMAGED: list[tuple[str, Tensor, str]] = [
    ("alpha_l0", torch.tensor(0.0), "alpha_l0 must be above 0 and at most 1"),
    ("alpha_l0", torch.ones(5), "alpha_l0 must have shape [1] or [6], got [5]"),
    ("alpha_l0", torch.tensor(float("nan")), "alpha_l0 must be finite"),
    ("weight_hh_l0", torch.ones(6, 5), "weight_hh_l0 must have shape [6, 6], got [6, 5]"),
    ("mask_l0", torch.ones(6), "mask_l0 must have shape [6, 6], got [6]"),
    ("weight_hr_l0", torch.ones(6, 6), "weight_hr_l0 is no weight of a Dale cell"),
    ("_extra_state", torch.tensor(list(b'{"cell": "own"}'), dtype=torch.uint8), "they belong to a cell called 'own'"),
]


@pytest.mark.parametrize(("name", "tensor", "phrase"), DAMAGED)
def test_tensors_that_do_not_fit_are_named(tmp_path, name, tensor, phrase) -> None:
    torch.save(DaleRNN(3, 6).state_dict() | {name: tensor}, tmp_path / "model.pt")
    _refused(tmp_path / "model.pt", phrase)


def test_files_without_what_this_library_says_are_not_guessed(tmp_path) -> None:
    state = LeakyRNN(3, 6).state_dict()
    del state["_extra_state"]
    torch.save(state, tmp_path / "model.pt")
    _refused(tmp_path / "model.pt", "alpha_l0")
    assert read_checkpoint(tmp_path / "model.pt", cell="leaky").cell == "leaky"


def test_leaky_cells_in_parallel(tmp_path) -> None:
    module = Parallel(3, 6, (nn.GRU, LeakyRNN))
    torch.save(module.state_dict(), tmp_path / "model.pt")
    found = read_checkpoint(tmp_path / "model.pt")
    assert found.cell == "GRU | leaky"
    assert torch.equal(found.network.run(_inputs()), as_map(module).run(_inputs()))
