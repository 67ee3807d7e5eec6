"""A training that was killed, stopped or could not write goes on as if nothing had been."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import killing
import pytest
import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.systems import read_checkpoint
from rnn_dynamics.tasks import CopyFirstInput, FlipFlop

TASK = CopyFirstInput(90, (4, 9), seed=0)


def model(spec: str = "GRU-6", seed: int = 0) -> rd.SequenceModel:
    return rd.SequenceModel(module_from_spec(spec, 1, seed), 1, seed=seed)


def dropped() -> rd.SequenceModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return rd.SequenceModel(nn.GRU(1, 6, num_layers=2, dropout=0.4), 1)


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("make", [model, dropped])
def test_more_epochs_are_the_same_as_all_at_once(make, tmp_path: Path) -> None:
    whole = make()
    history = rd.train(whole, TASK, epochs=5, folder=tmp_path / "whole")
    parts = make()
    for epochs in (1, 2, 5):
        parts = make()
        again = rd.train(parts, TASK, epochs=epochs, folder=tmp_path / "parts", resume=True)
    assert same(whole, parts)
    assert torch.equal(again.losses, history.losses)
    assert torch.equal(again.validation_losses, history.validation_losses)
    finished = make()
    once_more = rd.train(finished, TASK, epochs=5, folder=tmp_path / "parts", resume=True)  # returns at once
    assert same(finished, whole)
    assert torch.equal(once_more.losses, history.losses)


@pytest.mark.parametrize(("seeds", "tracked"), [(1, True), (3, False)])
def test_killed_at_random_times(seeds: int, tracked: bool, tmp_path: Path) -> None:
    assert killing.run(tmp_path / "whole", seeds, None, tracked)
    hits = killing.killed_and_resumed(tmp_path / "killed", kills=3, seed=seeds, seeds=seeds, tracked=tracked)
    assert hits >= 1
    weights, histories = killing.outcome(tmp_path / "whole", seeds)
    others, other_histories = killing.outcome(tmp_path / "killed", seeds)
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    assert histories == other_histories
    for seed in range(seeds):
        names = [
            sorted(path.name for path in (tmp_path / run / f"seed-{seed}" / "checkpoints").glob("step*"))
            for run in ("whole", "killed")
        ]
        assert names[0] == names[1]
        if tracked:
            files = [sorted((tmp_path / run / "seed-0" / "tracking").glob("obs*")) for run in ("whole", "killed")]
            steps = [[rd.load(file).step for file in own] for own in files]
            assert steps[0] == steps[1] == [*range(0, 60, 20), 60]


def test_ctrl_c_keeps_what_is_done_and_goes_on(tmp_path: Path) -> None:
    class Presses:
        every = 1

        def observe(self, step: int, module: nn.Module, *, force: bool = False, **scalars: float) -> None:
            if step == 7:
                raise KeyboardInterrupt

    stopped = model()
    history = rd.train(stopped, TASK, epochs=4, folder=tmp_path, tracker=Presses())
    assert history.status == "interrupted"
    assert "resume=True" in history.advice
    assert len(history.losses) == 7
    again = model()
    done = rd.train(again, TASK, epochs=4, folder=tmp_path, resume=True)
    whole = model()
    assert torch.equal(rd.train(whole, TASK, epochs=4).losses, done.losses)
    assert same(whole, again)


def test_a_signal_in_the_middle_of_an_update(tmp_path: Path) -> None:
    timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        history = rd.train(model(), TASK, epochs=100_000, folder=tmp_path)
    finally:
        timer.cancel()
    assert history.status == "interrupted"
    assert len(history.losses) == len(history.gradient_norms)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["step"] == len(history.losses)


def test_what_differs_is_named_and_nothing_overwritten(tmp_path: Path) -> None:
    rd.train(model(), TASK, epochs=1, folder=tmp_path)
    before = (tmp_path / "state.pt").read_bytes()
    other = CopyFirstInput(90, (4, 9), seed=1)
    table = [
        ({}, TASK, "holds a training already"),
        ({"resume": True, "lr": 0.1}, TASK, "lr was 0.001, is now 0.1"),
        ({"resume": True, "batch_size": 7}, TASK, "batch_size was 32, is now 7"),
        ({"resume": True, "seed": 3}, TASK, r"seeds was \[0\], is now \[3\]"),
        ({"resume": True}, other, "the training data differ"),
    ]
    for options, task, words in table:
        with pytest.raises(ValueError, match=words):
            rd.train(model(), task, **{"epochs": 2, "folder": tmp_path, **options})
    with pytest.raises(ValueError, match="the weights differ"):
        rd.train(model("GRU-7"), TASK, epochs=2, folder=tmp_path, resume=True)
    assert (tmp_path / "state.pt").read_bytes() == before
    for broken in (b"", before[: len(before) // 2], b"PK nonsense"):
        (tmp_path / "state.pt").write_bytes(broken)
        with pytest.raises(ValueError, match=r"cannot read .*state\.pt"):
            rd.train(model(), TASK, epochs=2, folder=tmp_path, resume=True)


def test_snapshots_are_checkpoints_of_anybodys(tmp_path: Path) -> None:
    trained = model()
    rd.train(trained, TASK, epochs=3, folder=tmp_path, snapshot_every=4)
    folder = tmp_path / "seed-0"
    names = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert names == [f"step-{step:08d}.safetensors" for step in (0, 4, 8, 9)]
    assert read_checkpoint(folder / "checkpoints" / names[1]).network.state_size == 6
    best = read_checkpoint(folder / "best.safetensors").network.layers[0].weights()  # type: ignore[attr-defined]
    assert torch.equal(best["weight_hh"], trained.recurrent.weight_hh_l0)  # type: ignore[arg-type]
    assert (folder / "history.csv").read_text().count("\n") == 4
    history = rd.track_checkpoints(folder, TASK, hold=[0.0], horizon=20, n=8, searched=16)
    assert history.steps.tolist() == [0, 4, 8, 9]


FULL_DISK = """
import resource, signal, sys
import torch
import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import CopyFirstInput
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
task = CopyFirstInput(90, (4, 9), seed=0)

class Fills:
    every = 1
    def observe(self, step, module, **scalars):
        if step == 5:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))

model = rd.SequenceModel(module_from_spec("GRU-6", 1, 0), 1, seed=0)
try:
    rd.train(model, task, epochs=4, folder=sys.argv[1], tracker=Fills())
except ValueError as error:
    print(error)
"""


def test_a_full_disk_ends_in_one_sentence_and_keeps_the_last_good_state(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "training stopped at step" in done.stdout
    assert "File too large" in done.stdout
    assert "the last good checkpoint is from step 3" in done.stdout
    assert not list(tmp_path.rglob(".*"))  # no torn file is left
    resumed, whole = model(), model()
    history = rd.train(resumed, TASK, epochs=4, folder=tmp_path, resume=True)
    assert torch.equal(rd.train(whole, TASK, epochs=4).losses, history.losses)
    assert same(resumed, whole)


def test_a_folder_that_cannot_be_written_is_found_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    fresh, untouched = model(), model()
    with pytest.raises(ValueError, match=r"file/run.*nothing was trained"):
        rd.train(fresh, TASK, epochs=1, folder=tmp_path / "file" / "run")
    assert same(fresh, untouched)


def test_a_tracker_without_folder_starts_anew_where_a_training_goes_on(tmp_path: Path) -> None:
    task = FlipFlop(60, 8, 1, seed=0)
    rd.train(model(), task, epochs=1, folder=tmp_path)
    tracker = rd.AttractorTracker(task, hold=[0.0], n=8, horizon=10, searched=16, budget=None)
    rd.train(model(), task, epochs=2, folder=tmp_path, resume=True, tracker=tracker)
    assert tracker.history.steps.tolist() == [3, 4]
