"""``rnn-dynamics track``: anybody's folders of checkpoints, and the runs of ``train``."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from command import run_command
from safetensors.torch import load_file, save_file
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tracking import track_checkpoints

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


LOOK = ("--n", 8, "--horizon", 50)
FILES = {"observations", "events.csv"} | {f"tracking.{suffix}" for suffix in ("safetensors", "csv", "pdf", "png")}
FOLD = -2 * 0.5**0.5 + float(torch.atanh(torch.tensor(0.5**0.5, dtype=torch.float64)))
"""The bias at which h = tanh(2 h + b) gets two further fixed points."""


def run(capsys: Any, monkeypatch: Any, *arguments: object) -> tuple[int, str, str]:
    monkeypatch.setattr(import_module("rnn_dynamics.cli.shared").console, "_width", 100)
    return run_command(capsys, monkeypatch, *arguments, columns=100)


def weights(bias: float) -> dict[str, Tensor]:
    """h -> tanh(2 h + x + bias)."""
    return {
        "weight_ih_l0": torch.ones(1, 1),
        "weight_hh_l0": torch.full((1, 1), 2.0),
        "bias_ih_l0": torch.zeros(1),
        "bias_hh_l0": torch.full((1,), bias),
    }


def gru(units: int = 4) -> dict[str, Tensor]:
    return module_from_spec(f"GRU-{units}", 1, 0).state_dict()


def folder(names: str, folder: str = "run") -> Path:
    """Three checkpoints, steps 0, 10 and 20, between which two fixed points are born; names of form {epoch}, {step}."""
    place = Path(folder)
    place.mkdir()
    for index, bias in enumerate((-1.0, -0.6, -0.2)):
        path = place / names.format(epoch=index, step=10 * index)
        if path.suffix == ".safetensors":
            save_file(weights(bias), path)
        elif path.suffix == ".ckpt":
            state = {f"net.rnn.{name}": weight for name, weight in weights(bias).items()}
            torch.save({"epoch": index, "state_dict": {**state, "net.out.weight": torch.zeros(2, 1)}}, path)
        else:
            torch.save(weights(bias), path)
    torch.save(weights(0.0), place / "best.pt")  # passed over
    return place


# Anybody's folder


@pytest.mark.parametrize("names", ["step-{step}.pt", "{step:06d}.safetensors", "epoch={epoch}-step={step}.ckpt"])
def test_anybodys_checkpoints_are_told_like_a_story(capsys, monkeypatch, names) -> None:
    code, out, err = run(capsys, monkeypatch, "track", folder(names), "--hold", 0, *LOOK)
    assert (code, err) == (0, "")
    assert "3 checkpoints, steps 0 to 20; 8 states along 64 sequences of 100 steps (Gaussian inputs)" in out
    assert "held: the input [0.0]" in out
    assert "tanh is assumed" in out
    assert "identities 1 and 2 were born (fold)" in out
    assert out.splitlines()[-1].endswith("2 born; results are in run-tracking/.")
    assert "attractors reached from 1 to 2" in out.splitlines()[-1]
    place = Path("run-tracking")
    assert {path.name for path in place.iterdir()} == FILES
    events = pd.read_csv(place / "events.csv")
    assert events["kind"].tolist() == ["birth", "birth"]
    assert events["at"].tolist() == pytest.approx([10 * (FOLD + 1) / 0.4] * 2, abs=1e-5)
    assert rd.load(place / "tracking.safetensors").steps.tolist() == [0, 10, 20]
    assert all(len(line) <= 100 for line in out.splitlines() if line.startswith("   "))


def test_options_reach_the_tracker(capsys, monkeypatch) -> None:
    place = folder("step-{step}.pt")
    np.save("x.npy", np.random.default_rng(0).normal(size=(5, 7, 1)))
    options = ("--inputs", "x.npy", "--hold", "0.1", "--n", 9, "--horizon", 20, "--attractors-only", "--seed", 3)
    code, out, _ = run(capsys, monkeypatch, "track", place, *options, "--out", "there", "--time-limit", 50)
    assert code == 0
    assert "9 states along 5 sequences of 7 steps (x.npy)" in out
    stored = rd.load("there/tracking.safetensors")
    sequences = torch.from_numpy(np.load("x.npy"))
    direct = track_checkpoints(
        place, sequences, hold=[0.1], effort=rd.Effort(n=9, horizon=20, fixed_points=False), seed=3
    )
    assert stored.to_pandas().drop(columns="seconds").equals(direct.to_pandas().drop(columns="seconds"))


def test_one_checkpoint_is_a_story_too(capsys, monkeypatch) -> None:
    Path("run").mkdir()
    torch.save(gru(), "run/step-7.pt")
    code, out, _ = run(capsys, monkeypatch, "track", "run", *LOOK)
    assert code == 0
    assert "1 checkpoint, step 7" in out


def test_two_networks_in_a_file(capsys, monkeypatch) -> None:
    Path("run").mkdir()
    for step in (1, 2):
        state = {f"{name}.{key}": weight for name in ("encoder", "decoder") for key, weight in gru().items()}
        torch.save(state, f"run/step-{step}.pt")
    code, _, err = run(capsys, monkeypatch, "track", "run", *LOOK)
    assert code == 1
    for word in ("step-1.pt", "--prefix", "encoder", "decoder"):
        assert word in err
    code, out, _ = run(capsys, monkeypatch, "track", "run", *LOOK, "--prefix", "decoder", "--attractors-only")
    assert code == 0
    assert "at 'decoder.'" in out


def test_what_is_there_is_not_overwritten_but_gone_on_with(capsys, monkeypatch) -> None:
    place = folder("step-{step}.pt")
    command = ("track", place, "--hold", 0, *LOOK)
    run(capsys, monkeypatch, *command)
    code, _, err = run(capsys, monkeypatch, *command)
    assert code == 1
    assert "run-tracking holds a tracking already: go on with --resume, or choose another --out" in err
    torch.save(weights(0.0), place / "step-30.pt")
    code, out, _ = run(capsys, monkeypatch, *command, "--resume")
    assert code == 0
    assert "4 observations of steps 0 to 30" in out
    code, _, err = run(capsys, monkeypatch, *command, "--resume", "--n", 9)
    assert code == 1
    assert "under other settings: n was 8, is 9" in err


def test_ctrl_c_keeps_what_was_seen(capsys, monkeypatch) -> None:
    place = folder("step-{step}.pt")
    real = rd.AttractorTracker.observe

    def observe(self: Any, step: int, module: Any, **options: Any) -> Any:
        if step == 10:
            raise KeyboardInterrupt
        return real(self, step, module, **options)

    with monkeypatch.context() as patched:
        patched.setattr(rd.AttractorTracker, "observe", observe)
        code, out, _ = run(capsys, monkeypatch, "track", place, "--hold", 0, *LOOK)
    assert code == 130
    assert out.splitlines()[-1].startswith("Interrupted, 2 of 3 checkpoints not seen: --resume goes on.")
    assert {path.name for path in Path("run-tracking").iterdir()} == FILES
    code, out, _ = run(capsys, monkeypatch, "track", place, "--hold", 0, *LOOK, "--resume")
    assert code == 0
    assert "were born (fold)" in out


# What goes wrong


def other_cell() -> None:
    folder("step-{step}.pt")
    torch.save(module_from_spec("GRU-1", 1, 0).state_dict(), "run/step-15.pt")


def other_size() -> None:
    folder("step-{step}.pt")
    torch.save(module_from_spec("RNN-2", 1, 0).state_dict(), "run/step-15.pt")


def torn() -> None:
    path = folder("step-{step}.pt") / "step-10.pt"
    path.write_bytes(path.read_bytes()[:300])


def broken() -> None:
    folder("step-{step}.pt")
    torch.save({**weights(0.0), "bias_hh_l0": torch.tensor([torch.nan])}, "run/step-10.pt")


def several() -> None:
    folder("step-{step}.pt")
    torch.save(weights(0.0), "run/other-10.pt")


def unnumbered() -> None:
    Path("run").mkdir()
    torch.save(weights(0.0), "run/best.pt")


def without_snapshots() -> None:
    Path("run/seed-0").mkdir(parents=True)
    Path("run/run.json").write_text('{"task": "copy", "network": "GRU-4"}')
    save_file(gru(), "run/seed-0/best.safetensors")


def without_task() -> None:
    without_snapshots()
    save_file(gru(), "run/seed-0/step-1.safetensors")
    Path("run/run.json").write_text("{}")


def plain() -> None:
    folder("step-{step}.pt")
    np.save("wide.npy", np.zeros((4, 5, 3)))


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (lambda: None, [], ["run is no folder of checkpoints"]),
        (lambda: Path("run").mkdir(), [], ["holds no checkpoint whose name ends in its step"]),
        (lambda: Path("run").touch(), [], ["run is no folder of checkpoints"]),
        (unnumbered, [], ["holds no checkpoint whose name ends in its step"]),
        (several, [], ["two checkpoints of step 10: other-10.pt and step-10.pt"]),
        (other_cell, [], ["step-15.pt holds another network (GRU", "than step-0.pt (RNN"]),
        (other_size, [], ["step-15.pt holds another network", "2 units", "1 unit"]),
        (torn, [], ["cannot read run/step-10.pt"]),
        (broken, [], ["run/step-10.pt", "NaN"]),
        (plain, ["--hold", "0,0"], ["--hold must be 1 finite numbers, one per input, got '0,0'"]),
        (plain, ["--hold", "zero"], ["--hold must be 1 numbers"]),
        (plain, ["--inputs", "none.npy"], ["cannot read none.npy"]),
        (plain, ["--inputs", "wide.npy"], ["wide.npy must have shape [batch, time, 1]"]),
        (plain, ["--prefix", "decoder"], ["it holds no recurrent network at 'decoder'"]),
        (plain, ["--nonlinearity", "sine"], ["--nonlinearity must be"]),
        (plain, ["--time-limit", "-1"], ["--time-limit must be positive"]),
        (plain, ["--out", "wide.npy/below"], ["cannot write to the folder"]),
        (without_snapshots, [], ["run/seed-0 holds no checkpoint", "train it with --snapshot-every"]),
        (without_task, [], ["run/run.json does not hold the options of a run"]),
    ],
)
def test_a_mistake_is_one_sentence(capsys, monkeypatch, make, arguments, words) -> None:
    make()
    code, out, err = run(capsys, monkeypatch, "track", "run", *LOOK, *arguments)
    assert code == 1
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err
    assert "reached" not in out


# Runs of train


@pytest.fixture
def trained(capsys: Any, monkeypatch: Any) -> Path:
    code, _, _ = run(
        capsys,
        monkeypatch,
        "train",
        "flip-flop",
        "--bits",
        1,
        "--length",
        6,
        "--sequences",
        60,
        "--epochs",
        2,
        "--hidden",
        4,
        "--seeds",
        2,
        "--seed",
        9,
        "--snapshot-every",
        2,
        "--out",
        "a",
        "--budget",
        0,
        *LOOK,
    )
    assert code == 0
    return Path("a")


def test_a_whole_run_is_seen_as_it_was_in_training(capsys, monkeypatch, trained) -> None:
    code, out, err = run(capsys, monkeypatch, "track", trained, *LOOK)
    assert (code, err) == (0, "")
    assert out.index("a/seed-9\n") < out.index("a/seed-10\n")
    assert out.count("8 states along flip-flop, 60 sequences of 6 steps with 1 input; held: the input [0.0]") == 2
    for seed in (9, 10):
        place = trained / f"seed-{seed}-tracking"
        assert {path.name for path in place.iterdir()} == FILES
        now, then = rd.load(place / "tracking.safetensors"), rd.load(trained / f"seed-{seed}/tracking.safetensors")
        assert now.steps.tolist() == then.steps.tolist() == [0, 2, 4]
        assert now.vaas.tolist() == then.vaas.tolist()
        assert now.counts.tolist() == then.counts.tolist()


def test_one_seed_of_a_run(capsys, monkeypatch, trained) -> None:
    code, out, _ = run(capsys, monkeypatch, "track", "a/seed-10", *LOOK, "--out", "b", "--attractors-only")
    assert code == 0
    assert "flip-flop, 60 sequences" in out
    assert {path.name for path in Path("b").iterdir()} == FILES
    monkeypatch.chdir("a/seed-9")
    assert "flip-flop, 60 sequences" in run(capsys, monkeypatch, "track", ".", *LOOK, "--out", "../c")[1]


def test_ctrl_c_in_a_whole_run_says_what_is_left(capsys, monkeypatch, trained) -> None:
    def observe(self: Any, step: int, module: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rd.AttractorTracker, "observe", observe)
        code, out, _ = run(capsys, monkeypatch, "track", trained, *LOOK, "--out", "b")
    assert code == 130
    assert "Interrupted, 3 of 3 checkpoints not seen" in out
    assert out.splitlines()[-1] == "Not looked at: seed-10"
    assert run(capsys, monkeypatch, "track", trained, *LOOK, "--out", "b", "--resume")[0] == 0
    assert {path.name for path in Path("b").iterdir()} == {"seed-9", "seed-10"}


def test_checkpoints_are_the_weights_of_training(trained) -> None:
    last = load_file(trained / "seed-9/last.safetensors")
    kept = load_file(trained / "seed-9/checkpoints/step-00000004.safetensors")
    assert all(torch.equal(last[key], kept[key]) for key in last)


def test_help_teaches(capsys, monkeypatch) -> None:
    text = " ".join(run(capsys, monkeypatch, "track", "--help")[1].split())
    for phrase in (
        "step-100.pt, epoch=3-step=120.ckpt",
        "`rnn-dynamics train --snapshot-every`",
        "in which bifurcation",
        "those a run of `train` was trained on; else Gaussian inputs",
        "--resume",
        "--attractors-only",
        "rnn-dynamics track checkpoints/ --inputs x.npy --hold 0,0,0",
    ):
        assert phrase in text
    assert "rnn-dynamics track checkpoints/" in run(capsys, monkeypatch, "--help")[1]


def test_looks_that_were_cut_off_are_said(capsys, monkeypatch) -> None:
    place = folder("step-{step}.pt")
    code, out, _ = run(capsys, monkeypatch, "track", place, "--hold", 0, *LOOK, "--time-limit", 1e-9)
    assert code == 0
    assert "Cut off, so that something may be missing: steps 0, 10, 20" in out
