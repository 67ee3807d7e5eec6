"""``rnn-dynamics analyze`` on every kind of file, as a new user would."""

import warnings

import pytest
import torch
from command import run_command
from saved import FILES
from torch import nn

SHAPE = "by the shapes of its weights; a module of your own would be rd.as_map(module)."


@pytest.fixture
def core() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.GRU(3, 6)


@pytest.mark.parametrize("name", FILES)
def test_analyze(capsys, monkeypatch, tmp_path, core, name) -> None:
    make, place, told = FILES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make(core, tmp_path / name)
    out = tmp_path / "out"
    arguments = ("analyze", tmp_path / name, "--starts", 8, "--out", out)
    code, printed, errors = run_command(capsys, monkeypatch, *arguments, columns=200)
    assert (code, errors) == (0, "")
    assert f"Read GRU, 1 layer of 6 units, 3 inputs, {place} from {tmp_path / name}" in printed
    assert (f"Read as GRU {SHAPE}" in printed) == (not told)
    assert (out / "fixed_points.csv").is_file()


def test_a_cell_is_declared(capsys, monkeypatch, tmp_path, core) -> None:
    state = core.state_dict() | {"weight_ph_l0": torch.zeros(6)}
    torch.save(state, tmp_path / "model.pt")
    code, _, errors = run_command(capsys, monkeypatch, "analyze", tmp_path / "model.pt", columns=400)
    assert (code, "lie weight_ph_l0, which may change its step" in errors) == (1, True)
    arguments = ("analyze", tmp_path / "model.pt", "--cell", "gru", "--starts", 8)
    code, printed, errors = run_command(capsys, monkeypatch, *arguments, columns=200)
    assert (code, errors) == (0, "")
    assert SHAPE not in printed
    code, _, errors = run_command(capsys, monkeypatch, "analyze", tmp_path / "model.pt", "--cell", "gated", columns=200)
    assert (code, "--cell must be one of 'RNN', 'GRU'" in errors) == (1, True)


def test_a_leaky_cell_is_declared_with_its_options(capsys, monkeypatch, tmp_path) -> None:
    with torch.random.fork_rng():
        torch.save(nn.RNN(3, 6).state_dict(), tmp_path / "model.pt")
    options = ("--cell", "leaky", "--alpha", 0.1, "--nonlinearity", "relu", "--starts", 8)
    code, printed, errors = run_command(capsys, monkeypatch, "analyze", tmp_path / "model.pt", *options, columns=200)
    assert (code, errors) == (0, "")
    assert "Read leaky (relu, alpha 0.1, leak outside), 1 layer of 6 units, 3 inputs" in printed
    options = ("--cell", "leaky", "--alpha", 2)
    code, _, errors = run_command(capsys, monkeypatch, "reach", tmp_path / "model.pt", *options, columns=200)
    assert (code, "--alpha must be above 0 and at most 1, got 2" in errors) == (1, True)
