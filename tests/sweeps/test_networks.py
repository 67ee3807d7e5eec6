"""What plans compute that name no function: networks, trained, gone on with after a kill, and what they reach."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from clusters import contents
from killing import PROCESSES

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.sweeps import TrainedNetworks, gather
from rnn_dynamics.tasks import task_by_name
from rnn_dynamics.training import evaluate, loop
from rnn_dynamics.training.run_folder import RunFolder

SMALL: dict[str, Any] = {
    "task": "copy",
    "length": 5,
    "hidden": 6,
    "sequences": 80,
    "epochs": 2,
    "warmup_steps": 2,
    "n": 8,
    "horizon": 20,
}


def plan(folder: Path, **grid: Any) -> rd.SweepPlan:
    fixed = {name: value for name, value in SMALL.items() if name not in grid}
    return rd.SweepPlan(folder, grid, fixed)


def test_a_row_says_what_training_the_network_says(tmp_path: Path) -> None:
    found = rd.sweep(plan(tmp_path, cell=["LSTM"], seed=[3]))
    assert found.finished
    (row,) = found.to_pandas().to_dict("records")
    task = task_by_name("copy", length=5, sequences=80)
    torch_threads = torch.get_num_threads()
    model = rd.SequenceModel(module_from_spec("LSTM-6", 1, 3), 1, seed=3)
    before = rd.reachability(rd.as_map(model.recurrent), task.train, n=8, horizons=[0, 10, 20], seed=3)
    run = rd.train(model, task.train, seed=3, settings=rd.TrainSettings(2, clip_norm=1.0))
    loss, score = evaluate(model, task.test)
    assert torch.get_num_threads() == torch_threads
    assert row["test_loss"] == loss
    assert row["test_score"] == score
    assert row["validation_loss"] == float(run.validation_losses.min())
    assert row["vaa_before"] == before.vaa
    assert row["attractors_before"] == before.count
    assert (row["training"], row["updates"], row["score"]) == ("finished", 4, "mean squared error")
    (weights,) = tmp_path.rglob("best.safetensors")
    start = torch.zeros(1, 12, dtype=torch.float64)
    networks = (rd.read_checkpoint(weights).network, rd.as_map(model.recurrent))
    kept, trained = (network.hold([0.0])(start) for network in networks)
    assert torch.equal(kept, trained)


def test_variants_and_tasks_are_trained_each_in_its_way(tmp_path: Path) -> None:
    found = rd.sweep(plan(tmp_path, cell=["GRU"], warmup=["plain", "warm", "parallel"], seed=[0, 1]))
    assert found.counts == {"done": 3}
    table = found.to_pandas().set_index(["warmup", "seed"])
    assert len(table["test_loss"].unique()) == 6
    other = {**SMALL, "task": "flip-flop", "bits": 1, "horizon": 0}
    flip_flops = rd.sweep(rd.SweepPlan(tmp_path / "other", {"seed": [0]}, other))
    assert flip_flops.finished
    assert "vaa" not in flip_flops.columns  # a horizon of 0 leaves it out


def _train(folder: Path, writes: int) -> None:
    """Train, and be killed once the state was written so many times."""
    torch.set_num_threads(1)
    loop.SECONDS_BETWEEN_STATES = 0.0  # after each update
    write, written = RunFolder.write_state, []

    def deadly(self: RunFolder, state: dict[str, Any]) -> None:
        write(self, state)
        written.append(state["step"])
        if len(written) == writes:
            os.kill(os.getpid(), signal.SIGKILL)

    RunFolder.write_state = deadly
    rd.sweep(_long(folder))


def _long(folder: Path) -> rd.SweepPlan:
    return rd.SweepPlan(folder, {"cell": ["GRU"], "seed": [0, 1]}, {**SMALL, "epochs": 5, "warmup": "warm"})


def test_a_killed_training_goes_on_and_ends_in_the_same_files(tmp_path: Path) -> None:
    assert rd.sweep(_long(tmp_path / "whole")).finished
    killed = tmp_path / "killed"
    for writes in (1, 3, 4):
        process = PROCESSES.Process(target=_train, args=(killed, writes))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert len(list(killed.rglob("state.pt"))) == 1
        assert gather(_long(killed)).statuses == ("lost", "lost")
    assert rd.sweep(_long(killed)).finished
    assert contents(killed) == contents(tmp_path / "whole")


def test_what_is_no_network_is_refused_at_the_door() -> None:
    good = TrainedNetworks(cell="gru", seed=[0, 1])
    assert good.seeds == [0, 1]
    assert str(replace(good, warmup="parallel").network) == "GRU+GRU-64"
    with pytest.raises(ValueError, match=r"seed must be a whole number, or several that differ, got \[1, 1\]"):
        TrainedNetworks(seed=[1, 1])
    with pytest.raises(ValueError, match="seed must be a whole number, or several that differ"):
        TrainedNetworks(seed=[])
    with pytest.raises(ValueError, match="cell must be one by name, got 3"):
        TrainedNetworks(cell=3)  # pyright: ignore[reportArgumentType]
