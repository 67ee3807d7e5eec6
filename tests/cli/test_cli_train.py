"""``rnn-dynamics train``: what it trains, writes, says, goes on with and refuses."""

import io
import json
import os
import re
import signal
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from command import run_command
from rich.console import Console
from safetensors.torch import load_file

import rnn_dynamics as rd
from rnn_dynamics import plotting
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.report import TrainedSeed, print_training, training_sentence
from rnn_dynamics.tasks import TASK_NAMES, task_by_name
from rnn_dynamics.training import Training, evaluate

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


LOOK = ("--n", 8, "--horizon", 30, "--budget", 0, "--attractors-only")
SMALL = ("--hidden", 8, "--epochs", 2, *LOOK)
COPY = ("train", "copy", *SMALL, "--sequences", 60, "--length", 6)
OWN = {"copy": ("--length", 5), "denoising": ("--length", 14, "--pad", 6), "flip-flop": ("--bits", 2, "--length", 8)}
FILES = {"best.safetensors", "last.safetensors", "history.csv", "events.csv", "tracking"} | {
    f"tracking.{suffix}" for suffix in ("safetensors", "csv", "pdf", "png")
}


def run(capsys: Any, monkeypatch: Any, *arguments: object) -> tuple[int, str, str]:
    monkeypatch.setattr(import_module("rnn_dynamics.cli.shared").console, "_width", 100)
    return run_command(capsys, monkeypatch, *arguments, columns=100)


@pytest.fixture
def _no_figures(monkeypatch: Any) -> None:
    """Figures take most of the time of so small a run."""
    monkeypatch.setattr(import_module("rnn_dynamics.report.tracking"), "written", lambda ax, path: [])
    monkeypatch.setattr(plotting, "plot_tracking", lambda history: [None])


def images(folder: Path) -> Path:
    """MNIST's four files, with 60 and 20 images of 4 x 4 pixels."""
    folder.mkdir()
    draw = np.random.default_rng(0)
    for part, n in (("train", 60), ("t10k", 20)):
        for name, array in (
            ("images-idx3", draw.integers(0, 256, (n, 4, 4))),
            ("labels-idx1", draw.integers(0, 10, n)),
        ):
            sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
            head = bytes([0, 0, 8, array.ndim])
            (folder / f"{part}-{name}-ubyte").write_bytes(head + sizes + array.astype(np.uint8).tobytes())
    return folder


def weights(folder: str, seeds: tuple[int, ...] = (0,)) -> list[dict[str, torch.Tensor]]:
    return [load_file(f"{folder}/seed-{seed}/{kind}.safetensors") for seed in seeds for kind in ("best", "last")]


def same(one: list[dict[str, torch.Tensor]], other: list[dict[str, torch.Tensor]]) -> bool:
    return all(
        a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a) for a, b in zip(one, other, strict=True)
    )


def tables_fit(text: str) -> bool:
    """Whether no row of a table, and nothing but sentences that name files, is wider than the terminal."""
    lines = text.splitlines()
    return not any("…" in line for line in lines) and all(len(line) <= 100 for line in lines if "→" in line)


@pytest.mark.parametrize("task", TASK_NAMES)
def test_every_task_end_to_end(capsys, monkeypatch, task) -> None:
    own = (*OWN[task], "--sequences", 60) if task in OWN else ("--data", images(Path("mnist")), "--blank", 2)
    code, out, err = run(capsys, monkeypatch, "train", task, *SMALL, *own)
    assert (code, err) == (0, "")
    folder = Path("runs") / f"{task}-GRU-8"
    assert {path.name for path in folder.iterdir()} == {"seed-0", "state.pt", "run.json", "summary.csv"}
    assert {path.name for path in (folder / "seed-0").iterdir()} == FILES
    assert pd.read_csv(folder / "seed-0" / "tracking.csv")["step"].tolist() == [0, 2, 4]
    record = json.loads((folder / "run.json").read_text())
    assert (record["network"], record["task"], record["lr"]) == ("GRU-8", task, 1e-3)
    summary = pd.read_csv(folder / "summary.csv").iloc[0]
    assert (summary["status"], summary["epochs"], summary["updates"]) == ("finished", 2, 4)
    assert f"Task: {task}" in out
    assert "60 sequences of" in out
    assert "seed 0" in out
    assert out.splitlines()[-1].startswith("Trained: ")
    assert out.splitlines()[-1].endswith(f"results are in {folder}/.")
    assert tables_fit(out)
    assert not re.search("^ mean ", out, re.MULTILINE)  # of one seed


def test_the_test_score_is_of_the_best_weights_on_other_sequences(capsys, monkeypatch) -> None:
    run(capsys, monkeypatch, *COPY, "--seed", 3, "--out", "a", "--track-every", 0)
    model = rd.SequenceModel(module_from_spec("GRU-8", 1, 3), 1, seed=3)
    model.load_state_dict(load_file("a/seed-3/best.safetensors"))
    named = task_by_name("copy", length=6, sequences=60)
    assert len(named.test) == 2000
    assert not torch.equal(named.test.inputs[:60], named.train.inputs)
    loss, score = evaluate(model, named.test)
    summary = pd.read_csv("a/summary.csv").iloc[0]
    assert (summary["test_loss"], summary["test_score"]) == (pytest.approx(loss), pytest.approx(score))
    assert "vaa_first" not in summary
    assert not Path("a/seed-3/tracking.csv").exists()


def test_the_library_alone_trains_the_same(capsys, monkeypatch) -> None:
    run(capsys, monkeypatch, *COPY, "--out", "a", "--clip-norm", 0.1, "--lr", 0.01)
    model = rd.SequenceModel(module_from_spec("GRU-8", 1, 0), 1, seed=0)
    rd.train(
        model,
        task_by_name("copy", length=6, sequences=60).train,
        settings=rd.TrainSettings(epochs=2, clip_norm=0.1, lr=0.01),
    )
    assert same([load_file("a/seed-0/best.safetensors")], [model.state_dict()])


MANY = (*COPY, "--cell", "mgu", "--layers", 2, "--parallel", "--warmup", "--warmup-steps", 3, "--seeds", 2, "--seed", 5)


def test_several_seeds_side_by_side_and_warmed_up(capsys, monkeypatch) -> None:
    code, out, err = run(capsys, monkeypatch, *MANY)
    assert (code, err) == (0, "")
    folder = Path("runs/copy-MGU+MGU-8x2-warm")
    assert "2 seeds, 5 to 6, warmed up for 3 updates" in out
    for seed in (5, 6):
        assert f"Seed {seed}: warmup, 3 updates" in out
        assert {path.name for path in (folder / f"seed-{seed}").iterdir()} == FILES
        frame = pd.read_csv(folder / f"seed-{seed}" / "tracking.csv")
        assert frame["step"].tolist() == [-3, -2, 0, 2, 4]
    summary = pd.read_csv(folder / "summary.csv")
    assert summary["seed"].tolist() == [5, 6]
    assert re.search(rf"\bmean .* {summary['test_score'].mean():.3g} ", out)
    assert re.search(rf"\bsd .* {summary['test_score'].std():.3g} ", out)
    assert out.splitlines()[-1].startswith("2 networks trained: mean squared error ")
    assert tables_fit(out)


def test_warmup_moves_the_first_of_two_cells_only(capsys, monkeypatch) -> None:
    run(capsys, monkeypatch, *MANY, "--snapshot-every", 100, "--out", "a", "--epochs", 1)
    cold = module_from_spec("MGU+MGU-8x2", 1, 5).state_dict()
    warm = load_file("a/seed-5/checkpoints/step-00000000.safetensors")
    assert {key.split(".")[2] for key in cold if not torch.equal(cold[key], warm[f"recurrent.{key}"])} == {"0"}


# Going on


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.usefixtures("_no_figures")
def test_more_epochs_are_added_as_if_there_had_been_no_end(capsys, monkeypatch, many) -> None:
    command = MANY if many else COPY
    seeds = (5, 6) if many else (0,)
    run(capsys, monkeypatch, *command, "--out", "whole")
    run(capsys, monkeypatch, *command, "--out", "parts", "--epochs", 1)
    code, out, err = run(capsys, monkeypatch, *command, "--out", "parts", "--resume")
    assert (code, err) == (0, "")
    assert "Seed 5: warmup" not in out
    assert same(weights("whole", seeds), weights("parts", seeds))
    frames = [pd.read_csv(f"{name}/seed-{seeds[-1]}/tracking.csv") for name in ("whole", "parts")]
    assert frames[0]["step"].tolist() == frames[1]["step"].tolist()
    assert frames[0]["vaa"].tolist() == frames[1]["vaa"].tolist()


@pytest.mark.parametrize(
    ("how", "many", "at"), [("Ctrl-C", False, 2), ("Ctrl-C", True, -2), ("kill", False, 2), ("kill", True, 2)]
)
@pytest.mark.usefixtures("_no_figures")
def test_after_ctrl_c_or_a_kill_the_same_weights_come_out(capsys, monkeypatch, how, many, at) -> None:
    command = (*(MANY if many else COPY), "--track-every", 1)
    seeds = (5, 6) if many else (0,)
    run(capsys, monkeypatch, *command, "--out", "whole")
    real = rd.AttractorTracker.observe
    hit = []

    def observe(self: Any, step: int, module: Any, **options: Any) -> Any:
        if step == at and not hit:
            hit.append(step)
            if how == "Ctrl-C":
                os.kill(os.getpid(), signal.SIGINT)
            raise Killed
        return real(self, step, module, **options)

    with monkeypatch.context() as patched:
        patched.setattr(rd.AttractorTracker, "observe", observe)
        if how == "Ctrl-C":
            code, out, _ = run(capsys, monkeypatch, *command, "--out", "parts")
            assert code == 130
            assert "nterrupted" in out.splitlines()[-1]
            assert "--resume goes on" in out.splitlines()[-1]
            assert Path(f"parts/seed-{seeds[0]}/tracking.csv").exists()
        else:
            with pytest.raises(Killed):
                run(capsys, monkeypatch, *command, "--out", "parts")
    code, _, err = run(capsys, monkeypatch, *command, "--out", "parts")
    assert (code, "holds a run already: go on with --resume" in err) == (1, True)
    code, _, err = run(capsys, monkeypatch, *command, "--out", "parts", "--resume")
    assert (code, err) == (0, "")
    assert same(weights("whole", seeds), weights("parts", seeds))
    whole, parts = (
        pd.read_csv(f"{name}/seed-{seeds[-1]}/tracking.csv")["step"].tolist() for name in ("whole", "parts")
    )
    lost = {at} if how == "Ctrl-C" and at > 0 else set()  # a look that Ctrl-C ends is not taken again
    assert set(whole) - set(parts) <= lost
    assert set(parts) <= set(whole)


class Killed(BaseException):
    """Not caught by anything: as a kill."""


@pytest.mark.usefixtures("_no_figures")
def test_a_folder_is_not_gone_on_with_under_other_options(capsys, monkeypatch) -> None:
    run(capsys, monkeypatch, *COPY, "--epochs", 1, "--out", "a")
    before = Path("a/run.json").read_text()
    for options, words in (
        (("--lr", 0.1), "--lr was 0.001, is now 0.1"),
        (("--warmup",), "--warmup was False, is now True"),
        (("--cell", "MGU"), "--network was GRU-8, is now MGU-8"),
        (("--length", 7), "--length was 6, is now 7"),
        (("--seeds", 2), "--seeds was 1, is now 2"),
    ):
        code, _, err = run(capsys, monkeypatch, *COPY, "--out", "a", "--resume", *options)
        assert (code, words in err, err.count("\n")) == (1, True, 1)
    assert Path("a/run.json").read_text() == before
    assert run(capsys, monkeypatch, *COPY, "--out", "a")[0] == 1
    assert run(capsys, monkeypatch, *COPY, "--out", "b", "--resume")[0] == 0  # nothing there yet


# What goes wrong


@pytest.mark.usefixtures("_no_figures")
def test_a_loss_that_is_not_finite_is_said_with_advice(capsys, monkeypatch) -> None:
    code, out, err = run(
        capsys, monkeypatch, *COPY, "--cell", "RNN", "--lr", 1e30, "--clip-norm", 0, "--seeds", 2, "--out", "a"
    )
    assert (code, err) == (0, "")
    assert "Seeds 0, 1: " in out
    assert "try --clip-norm 1.0, or an --lr below 1e+30" in out
    assert out.splitlines()[-1].startswith("2 of 2 networks ended early by a loss that was not finite")
    assert pd.read_csv("a/summary.csv")["status"].tolist() == ["not finite"] * 2
    assert tables_fit(out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["memory"], "there is no task 'memory'; there are copy, denoising"),
        (["copy", "--cell", "gruu"], "is no network by name"),
        (["copy", "--parallel", "--hidden", 1], "only 1 units to share"),
        (["copy", "--blank", 3], "--blank is for rows, pixels, permuted, not for copy"),
        (["copy", "--pad", 3], "--pad is for denoising, not for copy"),
        (["denoising", "--bits", 3], "--bits is for flip-flop, not for denoising"),
        (["rows", "--length", 3], "--length is for copy"),
        (["rows", "--sequences", 30], "--sequences is for copy"),
        (["rows", "--data", "nowhere"], "nowhere must hold train-images"),
        (["denoising", "--length", 5], "--length must be at least"),
        (["copy", "--lr", -1, "--warmup"], "--lr must be positive"),
        (["copy", "--lr", "nan"], "--lr must be positive"),
        (["copy", "--hold", "0,0"], "--hold must be 1 finite numbers"),
        (["copy", "--cell", "chrono", "--t-max", 1], "--t-max must be above 2"),
        (["copy", "--device", "nowhere"], "--device nowhere cannot be used"),
        (["copy", "--out", "file/below"], "cannot write"),
        (["copy", "--length", 10**9], "cannot make 10,000 sequences of 1,000,000,000 steps"),
    ],
)
def test_a_mistake_is_one_sentence(capsys, monkeypatch, arguments, words) -> None:
    Path("file").touch()
    code, out, err = run(capsys, monkeypatch, "train", *arguments)
    assert code == 1
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert words in err
    assert out == ""  # before the work, not after it
    assert not list(Path("runs").rglob("*")) if Path("runs").exists() else True


@pytest.mark.parametrize(
    "arguments",
    [[], ["copy", "--epochs", 0], ["copy", "--seeds", "x"], ["copy", "--seed", -1]],
)
def test_usage_errors_exit_with_2(capsys, monkeypatch, arguments) -> None:
    assert run(capsys, monkeypatch, "train", *arguments)[0] == 2


def test_a_budget_that_is_no_number_is_refused(capsys, monkeypatch) -> None:
    code, _, err = run(capsys, monkeypatch, "train", "copy", "--budget", "nan")
    assert code in (1, 2)  # by the library, or by typer from a version on that knows NaN
    assert "budget" in err


# Words


def test_help_teaches(capsys, monkeypatch) -> None:
    text = " ".join(run(capsys, monkeypatch, "train", "--help")[1].split())
    for phrase in (
        *TASK_NAMES,
        "copy 50, denoising 100, flip-flop 60",
        "nBRC",
        "warmup moves the first only",
        "scikit-learn's digits",
        "--attractors-only",
        "--resume",
        "runs/TASK-",
        "Share of the training time for looking",
        "rnn-dynamics train copy --hidden 64 --seeds 5 --warmup --parallel",
    ):
        assert phrase in text
    assert "rnn-dynamics train copy --seeds 5 --warmup" in run(capsys, monkeypatch, "--help")[1]


@pytest.mark.usefixtures("_no_figures")
def test_looks_left_out_for_the_budget_are_said(capsys, monkeypatch) -> None:
    command = [*COPY[: COPY.index("--budget")], "--sequences", 60, "--length", 6, "--track-every", 1, "--out", "a"]
    _, out, _ = run(capsys, monkeypatch, *command, "--budget", 1e-6)
    assert "2 looks cost" in out
    assert "3 left out to keep within --budget" in out


def training(status: str, score: float) -> Training:
    empty = torch.empty(0, dtype=torch.float64)
    one = torch.tensor([score], dtype=torch.float64)
    steps = torch.tensor([1])
    return Training(0, empty, empty, steps, one, one, one, "accuracy", 0.1, 0, status, ())


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        (("finished",), "Trained: accuracy 0.5 on the test set (best constant 0.1)"),
        (("interrupted",), "Interrupted: accuracy"),
        (("finished", "stopped early"), "2 networks trained: accuracy 0.75 ± 0.35 on the test set"),
        (("finished", "not finite"), "1 of 2 networks ended early by a loss that was not finite: "),
        (("interrupted", "not finite"), "1 of 2 networks interrupted, 1 of 2 networks ended early"),
    ],
)
def test_the_last_sentence(statuses, words) -> None:
    seeds = [TrainedSeed(training(status, 0.5), 0.1, 0.5 * (i + 1), None) for i, status in enumerate(statuses)]
    assert training_sentence(seeds).startswith(words)


class Wide(TrainedSeed):
    def to_row(self) -> dict[str, Any]:
        return {
            **super().to_row(),
            "seed": 12 * self.training.seed,
            "epochs": int(1000 * self.test_loss),
            "n": 32,
            "horizon": 10_000,
            "vaa_first": 0.03125 * self.test_loss,
            "vaa_last": 0.7 * self.test_loss,
            "reached_first": 1,
            "reached_last": int(260 * self.test_loss),
            "births": 250,
            "deaths": 130,
            "unsettled_last": 3,
            "observations": 7,
            "left_out": 20,
            "tracking_share": 10 * self.test_loss,
        }


def test_a_wide_table_fits_100_columns() -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    seeds = [Wide(training("stopped early", 0.004221), loss, 0.004523, None) for loss in (1.02, 0.43)]
    print_training(seeds, console)
    text = console.export_text()
    assert tables_fit(text)
    for cell in ("early stop", "0.032 → 0.71", "1 → 265", "1020%", "1.0 → 188", " 725 ", "6 of 64 states"):
        assert cell in text
    assert "14 looks cost 1450% of the time in training; 40 left out to keep within --budget." in text
