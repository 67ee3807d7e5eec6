"""The command line: what it prints, writes and refuses."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from benchmarks.warmed import warmed
from command import run_command
from safetensors.torch import save_file
from torch import nn

import rnn_dynamics as rd

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture
def checkpoint(tmp_path, trained_flip_flop):
    module = trained_flip_flop("GRU-16", 0).module
    path = tmp_path / "model.pt"
    torch.save({"state_dict": {f"encoder.rnn.{k}": v for k, v in module.state_dict().items()}}, path)
    return path


def test_the_first_screen_teaches(capsys, monkeypatch) -> None:
    code, out, err = run_command(capsys, monkeypatch)
    screen = out + err
    assert code in (0, 2)
    for phrase in (
        "rnn-dynamics demo",
        "rnn-dynamics analyze model.pt",
        "rnn-dynamics reach model.pt",
        "[OPTIONS]",
        "whether any are missing",
    ):
        assert phrase in screen


def test_analyze_writes_table_figures_and_result(capsys, monkeypatch, checkpoint, tmp_path, trained_flip_flop) -> None:
    np.save(tmp_path / "x.npy", trained_flip_flop("GRU-16", 0).test_inputs.numpy())
    folder = tmp_path / "out"
    code, out, err = run_command(
        capsys, monkeypatch, "analyze", checkpoint, "--inputs", tmp_path / "x.npy", "--starts", 256, "--out", folder
    )
    assert (code, err) == (0, "")
    assert "GRU, 1 layer of 16 units, 3 inputs, at 'encoder.rnn.'" in out
    assert "27 fixed points: 8 stable, 12 with 1 unstable, 6 with 2 unstable, 1 with 3 unstable directions" in out
    assert "index sum 1, as it must be" in out
    points = rd.load(folder / "fixed_points.safetensors")
    assert len(points) == 27
    names = {"fixed_points.csv", "fixed_points.safetensors"}
    names |= {f"fixed_points_{plot}.{kind}" for plot in ("2d", "3d", "spectrum") for kind in ("pdf", "png")}
    assert {path.name for path in folder.iterdir()} == names
    assert all(path.stat().st_size > 1000 for path in folder.iterdir())


def test_analyze_at_several_held_inputs(capsys, monkeypatch, checkpoint) -> None:
    code, out, _ = run_command(
        capsys, monkeypatch, "analyze", checkpoint, "--starts", 64, "--hold", "0,0,0", "--hold", "3 3 3"
    )
    assert code == 0
    folder = checkpoint.with_name("model-analysis")
    found = rd.load(folder / "all_inputs.safetensors")
    assert found.inputs.tolist() == [[0, 0, 0], [3, 3, 3]]
    assert int(found.points[1].stable.sum()) == 1
    assert "Held input 1: [3.0, 3.0, 3.0]" in out


@pytest.mark.parametrize(
    ("module", "options", "expected"),
    [
        (nn.RNN(2, 3, nonlinearity="relu"), ["--nonlinearity", "relu"], "RNN (relu), 1 layer of 3 units"),
        (nn.LSTM(2, 3, num_layers=2, proj_size=2), [], "LSTM, 2 layers of 3 units projected to 2"),
        (nn.GRUCell(2, 1), [], "GRU, 1 layer of 1 unit"),
    ],
    ids=["relu", "lstm", "one unit"],
)
def test_analyze_other_cells(capsys, monkeypatch, tmp_path, module, options, expected) -> None:
    save_file(module.state_dict(), tmp_path / "weights.safetensors")
    code, out, err = run_command(
        capsys, monkeypatch, "analyze", tmp_path / "weights.safetensors", "--starts", 32, *options
    )
    assert (code, err) == (0, "")
    assert expected in out


def _npy(tmp_path, array) -> object:
    np.save(tmp_path / "bad.npy", array)
    return tmp_path / "bad.npy"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (lambda c, t: ["analyze", t / "missing.pt"], "cannot read"),
        (lambda c, t: ["analyze", t], "cannot read"),
        (lambda c, t: ["analyze", c, "--prefix", "decoder"], "encoder.rnn"),
        (lambda c, t: ["analyze", c, "--hold", "1,2"], "--hold must be 3 finite numbers"),
        (lambda c, t: ["analyze", c, "--hold", "a,b,c"], "--hold must be 3 numbers"),
        (lambda c, t: ["analyze", c, "--hold", "nan,0,0"], "--hold must be 3 finite numbers"),
        (lambda c, t: ["analyze", c, "--inputs", t / "none.npy"], "cannot read"),
        (lambda c, t: ["analyze", c, "--inputs", c], "cannot read"),
        (lambda c, t: ["analyze", c, "--inputs", _npy(t, np.zeros((2, 5, 7)))], "[batch, time, 3], got [2, 5, 7]"),
        (lambda c, t: ["analyze", c, "--inputs", _npy(t, np.full((2, 5, 3), np.nan))], "must be finite"),
        (lambda c, t: ["analyze", c, "--inputs", _npy(t, np.array(["a"]))], "real numbers"),
        (lambda c, t: ["analyze", c, "--inputs", _npy(t, np.array([{}], dtype=object))], "cannot read"),
        (lambda c, t: ["analyze", c, "--inputs", _npy(t, np.zeros((0, 5, 3)))], "got [0, 5, 3]"),
        (lambda c, t: ["analyze", c, "--nonlinearity", "sine"], "nonlinearity"),
        (lambda c, t: ["analyze", c, "--out", c / "below-a-file"], "cannot write"),
        (lambda c, t: ["demo", "--out", c], "cannot write"),
    ],
)
def test_a_mistake_is_one_sentence(capsys, monkeypatch, checkpoint, tmp_path, arguments, sentence) -> None:
    code, out, err = run_command(capsys, monkeypatch, *arguments(checkpoint, tmp_path))
    assert code == 1
    assert err.startswith("Error: ")
    assert sentence in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    "arguments", [["analyse"], ["analyze"], ["analyze", "x", "--starts", "0"], ["demo", "--hidden", "one"]]
)
def test_usage_errors_exit_with_2(capsys, monkeypatch, arguments) -> None:
    code, _, err = run_command(capsys, monkeypatch, *arguments)
    assert code == 2
    assert "Usage" in err


def test_the_console_script_is_installed() -> None:
    script = os.path.join(os.path.dirname(sys.executable), "rnn-dynamics")  # noqa: PTH118, PTH120
    answer = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert "analyze" in answer.stdout


def test_reach_says_what_is_claimed_and_what_is_there(capsys, monkeypatch, tmp_path) -> None:
    module = warmed("GRU-32x1")
    torch.save(module.state_dict(), tmp_path / "warm.pt")
    inputs = torch.randn(80, 40, 1, generator=torch.Generator().manual_seed(0))
    np.save(tmp_path / "x.npy", inputs.numpy())
    folder = tmp_path / "out"
    code, out, err = run_command(
        capsys,
        monkeypatch,
        "reach",
        tmp_path / "warm.pt",
        "--inputs",
        tmp_path / "x.npy",
        "--hold",
        "0",
        "--hold",
        "1",
        "--n",
        60,
        "--horizon",
        300,
        "--out",
        folder,
    )
    assert (code, err) == (0, "")
    assert "60 states along 80 sequences of 40 steps" in out
    assert "stands for 6" in out
    assert "attractors" in out
    assert "Is there   2 attractors: 2 fixed points" in out
    assert "every kind and count stays the same" in out
    result = rd.load(folder / "reach.safetensors")
    assert result.inputs.tolist() == [[0], [1]]
    assert result.horizons.tolist() == [0, 10, 20, 50, 100, 200, 300]
    names = {"reach.safetensors", "held_inputs.csv", "attractors.csv", "reach.pdf", "reach.png"}
    names |= {f"attractors_input{row}.{kind}" for row in (0, 1) for kind in ("pdf", "png")}
    assert {path.name for path in folder.iterdir()} == names


def test_reach_draws_a_held_input_by_default(capsys, monkeypatch, checkpoint) -> None:
    code, out, _ = run_command(capsys, monkeypatch, "reach", checkpoint, "--n", 20, "--horizon", 50, "--draws", 2)
    assert code == 0
    assert out.count("Held input [") == 2
    assert (checkpoint.with_name("model-reach") / "reach.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--hold", "1"], "--hold must be 3 finite numbers"),
        (["--inputs", "nothing.npy"], "cannot read nothing.npy"),
        (["--prefix", "decoder"], "decoder"),
    ],
)
def test_reach_refuses(capsys, monkeypatch, checkpoint, options, sentence) -> None:
    code, _, err = run_command(capsys, monkeypatch, "reach", checkpoint, *options)
    assert code == 1
    assert sentence in err
    assert "Traceback" not in err


def test_analyze_says_what_precedes_the_network(capsys, monkeypatch, tmp_path) -> None:
    with torch.random.fork_rng():
        model = nn.ModuleDict({"encoder": nn.Linear(5, 2), "rnn": nn.GRU(2, 3), "readout": nn.Linear(3, 2)})
    torch.save(model.state_dict(), tmp_path / "model.pt")
    code, out, err = run_command(capsys, monkeypatch, "analyze", tmp_path / "model.pt", "--starts", 16)
    assert (code, err) == (0, "")
    assert "Layers precede this RNN: encoder (5 to 2)." in out
    assert out.index("Layers precede") < out.index("Starts from")
