"""``rnn-dynamics train`` and ``rnn-dynamics track``, end to end on small networks."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.cli import app, main

SMALL = ["--hidden", "6", "--sequences", "60", "--epochs", "2", "--n", "8", "--horizon", "30", "--budget", "0"]


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("copy", ["--length", "5"]),
        ("denoising", ["--length", "14", "--pad", "6"]),
        ("flip-flop", ["--bits", "2", "--length", "8"]),
        ("rows", ["--blank", "2", "--attractors-only", "--epochs", "1"]),
    ],
)
def test_every_task(task: str, options: list[str], tmp_path: Path) -> None:
    text = run("train", task, *SMALL, *options, "--out", tmp_path / "run")
    assert f"Task: {task}" in text
    assert "GRU-6" in text
    assert "best constant" in text
    folder = tmp_path / "run" / "seed-0"
    for name in ("best.safetensors", "last.safetensors", "history.csv", "tracking.csv", "events.csv", "tracking.pdf"):
        assert (folder / name).stat().st_size > 0
    assert len(pd.read_csv(tmp_path / "run" / "summary.csv")) == 1
    options_kept = json.loads((tmp_path / "run" / "run.json").read_text())
    assert options_kept["network"] == "GRU-6"
    steps = pd.read_csv(folder / "tracking.csv")["step"].tolist()
    assert steps[0] == 0
    assert len(steps) == (2 if task == "rows" else 3)


def test_several_seeds_warmed_side_by_side_and_gone_on_with(tmp_path: Path) -> None:
    kind = [
        "--cell",
        "mgu",
        "--layers",
        "2",
        "--parallel",
        "--warmup",
        "--warmup-steps",
        "3",
        "--seeds",
        "2",
        "--seed",
        "5",
        "--snapshot-every",
        "2",
    ]
    command = ["train", "copy", *SMALL, "--length", "6", *kind, "--out", tmp_path / "a"]
    text = run(*command)
    assert "MGU+MGU-6x2, 2 seeds, warmed up" in text
    assert "Seed 5: warmup, 3 updates" in text
    assert "over 2 seeds" in text
    steps = pd.read_csv(tmp_path / "a" / "seed-6" / "tracking.csv")["step"].tolist()
    assert steps == [-3, -2, 0, 2, 4]
    with pytest.raises(ValueError, match="go on with --resume"):
        run(*command)
    # In two parts it is the same.
    whole = tmp_path / "b"
    half = [*command[:-1], whole, "--epochs", "1"]
    run(*half)
    parts = [*command[:-1], whole, "--resume"]
    again = run(*parts)
    assert "warmup, 3 updates" not in again
    for seed in (5, 6):
        one, other = (
            rd.systems.read_checkpoint(tmp_path / name / f"seed-{seed}" / "last.safetensors").places for name in "ab"
        )
        assert all(torch.equal(one[key], other[key]) for key in one)
    # Both seeds can be tracked afterwards, each into a folder of its own.
    tracked = run("track", tmp_path / "a", "--n", 8, "--horizon", 20, "--attractors-only", "--out", tmp_path / "t")
    assert tracked.count("3 checkpoints, steps 0 to 4") == 2
    assert (tmp_path / "t" / "seed-5" / "tracking.png").exists()
    assert (tmp_path / "t" / "seed-6" / "events.csv").exists()


def checkpoints(folder: Path) -> None:
    folder.mkdir()
    with torch.random.fork_rng():
        module = nn.RNN(1, 1)
    for index, bias in enumerate((-1.0, -0.6, -0.2)):
        with torch.no_grad():
            module.weight_hh_l0.fill_(2.0)
            module.weight_ih_l0.fill_(1.0)
            module.bias_hh_l0.fill_(bias)
            module.bias_ih_l0.zero_()
        torch.save({"state_dict": module.state_dict()}, folder / f"epoch={index}-step={10 * index}.ckpt")


def test_anybodys_checkpoints_are_told_like_a_story(tmp_path: Path) -> None:
    checkpoints(tmp_path / "run")
    text = run("track", tmp_path / "run", "--hold", "0", "--n", 8, "--horizon", 50)
    assert "3 checkpoints, steps 0 to 20" in text
    assert "identities 1 and 2 were born (fold)" in text
    assert "attractors reached from 1 to 2" in text
    folder = tmp_path / "run-tracking"
    events = pd.read_csv(folder / "events.csv")
    assert events["kind"].tolist() == ["birth", "birth"]
    b = 2 * 0.5**0.5 - float(torch.atanh(torch.tensor(0.5**0.5, dtype=torch.float64)))
    assert events["at"].tolist() == pytest.approx([10 * (-b + 1) / 0.4] * 2, abs=1e-5)
    assert len(rd.load(folder / "tracking.safetensors")) == 3
    with pytest.raises(ValueError, match="pass resume=True"):
        run("track", tmp_path / "run", "--hold", "0", "--n", 8, "--horizon", 50)
    assert "were born (fold)" in run("track", tmp_path / "run", "--hold", "0", "--n", 8, "--horizon", 50, "--resume")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "memory"], "no task 'memory'"),
        (["train", "copy", "--cell", "gruu"], "no network by name"),
        (["train", "copy", "--blank", "3"], "--blank is for rows"),
        (["train", "rows", "--length", "3"], "--length is for copy"),
        (["train", "rows", "--data", "nowhere"], "nowhere must hold"),
        (["train", "denoising", "--length", "5"], "length must be at least"),
        (["train", "copy", "--lr", "-1"], "lr must be positive"),
        (["train", "copy", "--hold", "0,0"], "--hold must be 1"),
        (["train", "copy", "--parallel", "--hidden", "1"], "only 1 units to share"),
        (["train", "copy", "--device", "nowhere"], "--device nowhere cannot be used"),
        (["track", "nowhere"], "nowhere is no folder"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[str], words: str, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    extra = ["--sequences", "20", "--epochs", "1"] if arguments[0] == "train" else []
    monkeypatch.setattr("sys.argv", ["rnn-dynamics", *arguments, *extra])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert words in error
    assert error.count("\n") == 1


def test_checkpoints_of_two_networks_are_refused(tmp_path: Path) -> None:
    checkpoints(tmp_path / "run")
    torch.save(module_from_spec("GRU-4", 1, 0).state_dict(), tmp_path / "run" / "step-30.pt")
    with pytest.raises(ValueError, match=r"step-30\.pt: module must keep its shape"):
        run("track", tmp_path / "run", "--hold", "0", "--n", 8, "--horizon", 20)


@pytest.mark.parametrize("command", ["train", "track"])
def test_help_teaches(command: str) -> None:
    text = run(command, "--help")
    assert "attractors" in text or "bifurcation" in text
    assert f"rnn-dynamics {command}" in run("--help")
