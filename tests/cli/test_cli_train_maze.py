"""``rnn-dynamics train tmaze``: agents trained, tested in longer mazes, written, gone on with and refused."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from command import run_command
from safetensors.torch import load_file

import rnn_dynamics as rd
from rnn_dynamics import plotting

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")

LOOK = ("--n", 8, "--horizon", 30, "--budget", 0, "--attractors-only", "--track-every", 4)
SMALL = ("train", "tmaze", "--length", 2, "--cell", "gru", "--hidden", 6, "--layers", 1, *LOOK)


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: Any) -> None:
    """Figures take most of the time of so small a run."""
    monkeypatch.setattr(import_module("rnn_dynamics.report.tracking"), "written", lambda ax, path: [])
    monkeypatch.setattr(plotting, "plot_tracking", lambda history: [None])


def run(capsys: Any, monkeypatch: Any, *arguments: object) -> tuple[int, str, str]:
    monkeypatch.setattr(import_module("rnn_dynamics.cli.shared").console, "_width", 100)
    return run_command(capsys, monkeypatch, *arguments, columns=100)


def test_agents_end_to_end_and_further(capsys, monkeypatch) -> None:
    more = ("--seeds", 2, "--warmup", "--warmup-steps", 3, "--snapshot-every", 4, "--out", "mine")
    code, out, err = run(capsys, monkeypatch, *SMALL, *more, "--episodes", 8)
    assert (code, err) == (0, "")
    assert "T-Maze, a corridor of 2; tested at 2, 4, 10, 20, 40" in out
    assert "2 seeds, 0 to 1, warmed up for 3 updates" in out
    assert "under the input [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0], every 4 episodes" in out
    assert "at most 3.842" in out
    assert all(len(line) <= 100 for line in out.splitlines() if "→" in line and "legend" not in line)
    assert "…" not in out
    record = json.loads(Path("mine/run.json").read_text())
    assert (record["network"], record["episodes"], record["hold"]) == ("GRU-6", 8, "1,0,0,0,0,0,0,1,0")
    names = {path.name for path in Path("mine/seed-1").iterdir()}
    assert {"best.safetensors", "last.safetensors", "history.csv", "warmup.safetensors", "tracking"} <= names
    assert pd.read_csv("mine/seed-0/tracking.csv")["step"].tolist() == [-3, 0, 4, 8]
    summary = pd.read_csv("mine/summary.csv")
    assert summary["episodes"].tolist() == [8, 8]
    assert {"return_2", "return_40", "optimum_40", "vaa_last"} <= set(summary)

    code, out, err = run(capsys, monkeypatch, *SMALL, *more, "--episodes", 12, "--resume")
    assert (code, err) == (0, "")
    assert pd.read_csv("mine/summary.csv")["episodes"].tolist() == [12, 12]

    code, out, err = run(capsys, monkeypatch, "track", "mine/seed-1", "--n", 8, "--horizon", 20, "--attractors-only")
    assert (code, err) == (0, "")
    assert "4 checkpoints, steps 0 to 12; 8 states along histories of exploration in a T-Maze of length 2" in out


def test_the_library_alone_trains_the_same(capsys, monkeypatch) -> None:
    code, _, err = run(capsys, monkeypatch, *SMALL, "--episodes", 4, "--seed", 3, "--out", "a", "--lr", 0.01)
    assert (code, err) == (0, "")
    maze = rd.rl.TMaze(2)
    model = rd.rl.q_network(maze, "GRU-6", seed=3)
    rd.rl.train_agent(model, maze, seed=3, settings=rd.rl.AgentSettings(4, lr=0.01))
    written = load_file("a/seed-3/best.safetensors")
    assert all(torch.equal(weight, written[name]) for name, weight in model.state_dict().items())


def test_the_published_network_is_the_default(capsys, monkeypatch) -> None:
    tiny = ("--episodes", 1, "--track-every", 0, "--length", 1)
    code, out, err = run(capsys, monkeypatch, "train", "tmaze", "--parallel", *tiny)
    assert (code, err) == (0, "")
    assert "GRU+GRU-32x2" in out
    assert "Tracking: none" in out
    assert Path("runs/tmaze-1-GRU+GRU-32x2/summary.csv").exists()


def test_what_cannot_be_done_is_told_in_options(capsys, monkeypatch) -> None:
    table: list[tuple[tuple[object, ...], str]] = [
        (
            ("train", "tmaze", "--epochs", 3),
            "--epochs is for copy, denoising, flip-flop, rows, pixels, permuted, not for tmaze",
        ),
        (("train", "tmaze", "--sequences", 30), "--sequences is for copy, denoising, flip-flop, not for tmaze"),
        (("train", "copy", "--episodes", 3), "--episodes is for tmaze, not for copy"),
        (("train", "maze"), "there is no task 'maze'; there are copy,"),
        (("train", "tmaze", "--hold", "0,1"), "--hold must be 9 finite numbers"),
        (("train", "tmaze", "--lr", -1), "--lr must be positive"),
        (("train", "tmaze", "--device", "nowhere"), "--device nowhere cannot be used"),
    ]
    for arguments, words in table:
        code, out, err = run(capsys, monkeypatch, *arguments)
        assert (code, out) == (1, ""), arguments
        assert words in err
    run(capsys, monkeypatch, *SMALL, "--episodes", 1, "--out", "b")
    code, _, err = run(capsys, monkeypatch, *SMALL, "--episodes", 1, "--out", "b")
    assert code == 1
    assert "b holds a run already: go on with --resume" in err
    code, _, err = run(capsys, monkeypatch, *SMALL, "--episodes", 1, "--out", "b", "--resume", "--lr", 0.1)
    assert "--lr was 0.001, is now 0.1" in err
