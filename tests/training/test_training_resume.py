"""A training that was killed, stopped or could not write goes on as if nothing had been."""

import io
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import killing
import numpy as np
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
    history = rd.train(whole, TASK, settings=rd.TrainSettings(epochs=5), folder=tmp_path / "whole")
    parts = make()
    for epochs in (1, 2, 5):
        parts = make()
        again = rd.train(parts, TASK, settings=rd.TrainSettings(epochs=epochs), folder=tmp_path / "parts", resume=True)
    assert same(whole, parts)
    assert torch.equal(again.losses, history.losses)
    assert torch.equal(again.validation_losses, history.validation_losses)
    finished = make()
    five = rd.TrainSettings(epochs=5)
    once_more = rd.train(finished, TASK, settings=five, folder=tmp_path / "parts", resume=True)  # returns at once
    assert same(finished, whole)
    assert torch.equal(once_more.losses, history.losses)


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "tracked"), [(1, True), (3, False)])
def test_killed_at_random_times(seeds: int, tracked: bool, tmp_path: Path) -> None:
    took = killing.run(tmp_path / "whole", seeds, None, tracked)
    assert took is not None
    hits = killing.killed_and_resumed(tmp_path / "killed", 3, seeds, took / 2, seeds, tracked)
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
    history = rd.train(stopped, TASK, settings=rd.TrainSettings(epochs=4), folder=tmp_path, tracker=Presses())
    assert history.status == "interrupted"
    assert history.interrupted
    assert "resume=True" in history.advice[0]
    assert len(history.losses) == 7
    again = model()
    done = rd.train(again, TASK, settings=rd.TrainSettings(epochs=4), folder=tmp_path, resume=True)
    whole = model()
    assert torch.equal(rd.train(whole, TASK, settings=rd.TrainSettings(epochs=4)).losses, done.losses)
    assert same(whole, again)


def test_a_signal_in_the_middle_of_an_update(tmp_path: Path) -> None:
    calls = 0

    def press(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 50:
            signal.raise_signal(signal.SIGINT)

    pressed = model()
    pressed.register_forward_hook(press)
    history = rd.train(pressed, TASK, settings=rd.TrainSettings(epochs=100_000), folder=tmp_path)
    assert 0 < len(history.losses) <= 50
    assert history.status == "interrupted"
    assert len(history.losses) == len(history.gradient_norms)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["step"] == len(history.losses)


def test_what_differs_is_named_and_nothing_overwritten(tmp_path: Path) -> None:
    rd.train(model(), TASK, settings=rd.TrainSettings(epochs=1), folder=tmp_path)
    before = (tmp_path / "state.pt").read_bytes()
    other = CopyFirstInput(90, (4, 9), seed=1)
    table = [
        ({}, {}, TASK, "holds a training already"),
        ({"lr": 0.1}, {"resume": True}, TASK, "lr was 0.001, is now 0.1"),
        ({"batch_size": 7}, {"resume": True}, TASK, "batch_size was 32, is now 7"),
        ({}, {"resume": True, "seed": 3}, TASK, r"seeds was \[0\], is now \[3\]"),
        ({}, {"resume": True}, other, "the training data differ"),
    ]
    for changed, options, task, words in table:
        with pytest.raises(ValueError, match=words):
            rd.train(model(), task, settings=rd.TrainSettings(epochs=2, **changed), folder=tmp_path, **options)
    with pytest.raises(ValueError, match="the weights differ"):
        rd.train(model("GRU-7"), TASK, settings=rd.TrainSettings(epochs=2), folder=tmp_path, resume=True)
    assert (tmp_path / "state.pt").read_bytes() == before
    for broken in (b"", before[: len(before) // 2], b"PK nonsense"):
        (tmp_path / "state.pt").write_bytes(broken)
        with pytest.raises(ValueError, match=r"cannot read .*state\.pt"):
            rd.train(model(), TASK, settings=rd.TrainSettings(epochs=2), folder=tmp_path, resume=True)


def test_snapshots_are_checkpoints_of_anybodys(tmp_path: Path) -> None:
    trained = model()
    rd.train(trained, TASK, settings=rd.TrainSettings(epochs=3), folder=tmp_path, snapshot_every=4)
    folder = tmp_path / "seed-0"
    names = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert names == [f"step-{step:08d}.safetensors" for step in (0, 4, 8, 9)]
    assert read_checkpoint(folder / "checkpoints" / names[1]).network.state_size == 6
    best = read_checkpoint(folder / "best.safetensors").network.layers[0].weights()  # type: ignore[attr-defined]
    assert torch.equal(best["weight_hh"], trained.recurrent.weight_hh_l0)  # type: ignore[arg-type]
    assert (folder / "history.csv").read_text().count("\n") == 4
    history = rd.track_checkpoints(folder, TASK, hold=[0.0], effort=rd.Effort(horizon=20, n=8, searched=16))
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
    rd.train(model, task, settings=rd.TrainSettings(epochs=4), folder=sys.argv[1], tracker=Fills())
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
    history = rd.train(resumed, TASK, settings=rd.TrainSettings(epochs=4), folder=tmp_path, resume=True)
    assert torch.equal(rd.train(whole, TASK, settings=rd.TrainSettings(epochs=4)).losses, history.losses)
    assert same(resumed, whole)


def test_a_folder_that_cannot_be_written_is_found_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    fresh, untouched = model(), model()
    with pytest.raises(ValueError, match=r"file/run.*nothing was trained"):
        rd.train(fresh, TASK, settings=rd.TrainSettings(epochs=1), folder=tmp_path / "file" / "run")
    assert same(fresh, untouched)


def test_a_tracker_without_folder_starts_anew_where_a_training_goes_on(tmp_path: Path) -> None:
    task = FlipFlop(60, 8, 1, seed=0)
    rd.train(model(), task, settings=rd.TrainSettings(epochs=1), folder=tmp_path)
    tracker = rd.AttractorTracker(task, hold=[0.0], effort=rd.Effort(n=8, horizon=10, searched=16), budget=None)
    rd.train(model(), task, settings=rd.TrainSettings(epochs=2), folder=tmp_path, resume=True, tracker=tracker)
    assert tracker.history.steps.tolist() == [3, 4]


class Sees:
    """Takes down what it is shown; at one step it raises, or stops being shown anything."""

    every = 2

    def __init__(self, at: int | None = None, error: type[BaseException] = RuntimeError) -> None:
        self.seen: list[tuple[int, bool]] = []
        self.at, self.error = at, error

    def observe(self, step: int, module: nn.Module, *, force: bool = False, **scalars: float) -> None:
        if step == self.at:
            raise self.error
        self.seen.append((step, force))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "seed-0" / "checkpoints").iterdir())


@pytest.mark.parametrize("at", [0, 2, 4, 9])
def test_no_step_is_left_unseen_where_it_was_cut_off(at: int, tmp_path: Path) -> None:
    """As if killed while a step was being shown: it is shown again, the first and last ones too."""
    whole, parts, again = Sees(), Sees(at), Sees()
    rd.train(
        model(), TASK, settings=rd.TrainSettings(epochs=3), folder=tmp_path / "whole", snapshot_every=2, tracker=whole
    )
    assert whole.seen[0] == (0, True)
    assert whole.seen[-1] == (9, True)
    with pytest.raises(RuntimeError):
        rd.train(
            model(),
            TASK,
            settings=rd.TrainSettings(epochs=3),
            folder=tmp_path / "parts",
            snapshot_every=2,
            tracker=parts,
        )
    rd.train(
        model(),
        TASK,
        settings=rd.TrainSettings(epochs=3),
        folder=tmp_path / "parts",
        snapshot_every=2,
        tracker=again,
        resume=True,
    )
    assert sorted({*parts.seen, *again.seen}) == whole.seen
    assert (at, at in (0, 9)) in again.seen
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


@pytest.mark.parametrize("after", ["update", "evaluate"])
def test_ctrl_c_before_a_step_is_shown(after: str, tmp_path: Path, monkeypatch: Any) -> None:
    from rnn_dynamics.training.members import OneModel

    calls = []
    plain = getattr(OneModel, after)

    def pressed(self: Any, *arguments: Any) -> Any:
        calls.append(1)
        result = plain(self, *arguments)
        if len(calls) == (6 if after == "update" else 2):  # the last update of the second, and last, epoch
            if after == "evaluate":
                raise KeyboardInterrupt
            signal.raise_signal(signal.SIGINT)  # is held back until the update is whole
        return result

    parts, again, whole = Sees(), Sees(), Sees()
    options: dict[str, Any] = {
        "settings": rd.TrainSettings(epochs=2),
        "folder": tmp_path / "parts",
        "snapshot_every": 4,
    }
    with monkeypatch.context() as patch:
        patch.setattr(OneModel, after, pressed)
        stopped = rd.train(model(), TASK, tracker=parts, **options)
    assert (stopped.status, len(stopped.losses), len(stopped)) == ("interrupted", 6, 1)
    done = rd.train(model(), TASK, tracker=again, resume=True, **options)
    options["folder"] = tmp_path / "whole"
    assert torch.equal(rd.train(model(), TASK, tracker=whole, **options).losses, done.losses)
    assert parts.seen + again.seen == whole.seen
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


def test_where_patience_and_epochs_end_together_more_epochs_change_nothing(tmp_path: Path) -> None:
    task, settings = CopyFirstInput(20, 6, seed=3), rd.TrainSettings(epochs=300, lr=3e-2, patience=4)
    whole = rd.train(model(), task, validation=TASK, settings=settings)
    fewer = replace(settings, epochs=len(whole))
    cut = rd.train(model(), task, validation=TASK, settings=fewer, folder=tmp_path)
    more = rd.train(model(), task, validation=TASK, settings=settings, folder=tmp_path, resume=True)
    assert whole.status == cut.status == more.status == "stopped early"
    assert torch.equal(more.losses, whole.losses)


def test_one_that_is_not_finite_is_kept_as_that(tmp_path: Path) -> None:
    class Spoils(Sees):
        every = 1

        def observe(self, step: int, module: nn.Module, *, force: bool = False, **scalars: float) -> None:
            if step == 5:
                with torch.no_grad():
                    next(module.parameters()).fill_(torch.nan)

    trained, once_more = model(), model()
    history = rd.train(trained, TASK, settings=rd.TrainSettings(epochs=4), folder=tmp_path, tracker=Spoils())
    assert (history.status, len(history.losses)) == ("not finite", 5)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert (state["step"], state["members"][0]["status"]) == (5, "not finite")
    best = read_checkpoint(tmp_path / "seed-0" / "best.safetensors").network.layers[0].weights()
    assert torch.equal(best["weight_hh"], trained.recurrent.weight_hh_l0)  # type: ignore[arg-type]
    again = rd.train(once_more, TASK, settings=rd.TrainSettings(epochs=4), folder=tmp_path, resume=True)
    assert again.status == "not finite"
    assert same(trained, once_more)


def test_numbers_of_numpy_can_be_resumed(tmp_path: Path) -> None:
    numbers: dict[str, Any] = {"batch_size": np.int64(16), "lr": np.float64(0.01), "clip_norm": np.float64(1)}
    numbers["patience"] = np.int64(3)
    call: dict[str, Any] = {"seed": np.int64(2), "validation": np.float64(0.25)}
    rd.train(model(), TASK, settings=rd.TrainSettings(epochs=np.int64(1), **numbers), folder=tmp_path, **call)  # type: ignore[arg-type]
    plain = rd.TrainSettings(epochs=2, **{name: value.item() for name, value in numbers.items()})
    call = {name: value.item() for name, value in call.items()}
    assert len(rd.train(model(), TASK, settings=plain, folder=tmp_path, resume=True, **call)) == 2


def test_a_damaged_state_is_refused_in_a_sentence_or_is_harmless(tmp_path: Path) -> None:
    whole = model()
    rd.train(whole, TASK, settings=rd.TrainSettings(epochs=1), folder=tmp_path)
    path, draw = tmp_path / "state.pt", random.Random(0)
    good = path.read_bytes()
    damaged = [good[: draw.randrange(len(good))] for _ in range(10)]
    damaged += [draw.randbytes(draw.randrange(1, 200)) for _ in range(40)]
    for value in ({"format": 1}, {"format": 1, "step": 3}, [1], torch.zeros(2), {"format": np.float64(1)}):
        buffer = io.BytesIO()
        torch.save(value, buffer)
        damaged.append(buffer.getvalue())
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"state\.pt") as refused:
            rd.train(model(), TASK, settings=rd.TrainSettings(epochs=1), folder=tmp_path, resume=True)
        assert "\n" not in str(refused.value)
        assert "weights_only" not in str(refused.value)  # torch's way round it would run what is in the file
    refusals = 0
    for _ in range(60):
        content = bytearray(good)
        content[draw.randrange(len(good))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        again = model()
        try:
            rd.train(again, TASK, settings=rd.TrainSettings(epochs=1), folder=tmp_path, resume=True)
        except ValueError:
            refusals += 1
        else:
            assert same(again, whole)  # a bit between the parts of the file
    assert refusals > 20


def test_a_foreign_module_with_dropout_goes_on_bit_for_bit(tmp_path: Path) -> None:
    def foreign() -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.3), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 1))

    whole, stopped, parts = foreign(), foreign(), foreign()
    history = rd.train(whole, TASK, settings=rd.TrainSettings(epochs=3))
    with pytest.raises(ValueError, match="no recurrent module"):
        rd.train(foreign(), TASK, settings=rd.TrainSettings(epochs=3), tracker=Sees())
    for epochs, trained in ((1, stopped), (3, parts)):
        again = rd.train(trained, TASK, settings=rd.TrainSettings(epochs=epochs), folder=tmp_path, resume=True)
    assert torch.equal(again.losses, history.losses)
    assert same(whole, parts)
