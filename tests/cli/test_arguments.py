"""What is refused carries its argument as a field, which the command line tells as its option."""

import pickle
from collections.abc import Callable
from typing import Annotated

import pytest
import torch
import typer
from command import run_command
from torch import nn
from typer.testing import CliRunner

import rnn_dynamics as rd
from rnn_dynamics.checks import AdvisedError, ArgumentError, Words, require_positive, whole_number
from rnn_dynamics.cli.options import Options
from rnn_dynamics.families import scaled
from rnn_dynamics.tasks import CopyFirstInput
from rnn_dynamics.training import Training
from rnn_dynamics.training.settings import Settings
from rnn_dynamics.training.training_results import training_advice
from rnn_dynamics.warmup import Horizon, warm_up
from rnn_dynamics.warmup.results import warmup_advice


class _Tracker:
    every = 0

    def observe(self, step: int, module: nn.Module, *, force: bool = False, **scalars: float) -> None:
        pass


GRU = nn.GRU(1, 2)
MODEL = rd.SequenceModel(nn.GRU(1, 2), 1)
TASK = CopyFirstInput(8, 5, seed=0)
STARTS = torch.zeros(1, 2)


@pytest.mark.parametrize(
    ("call", "argument", "sentence"),
    [
        (lambda: rd.find_fixed_points(rd.as_map(GRU).hold(), STARTS, seed=0.5), "seed", "seed must be a whole number"),
        (lambda: rd.find_fixed_points(rd.as_map(GRU).hold(), STARTS[:0]), "starts", "starts is empty: at least one"),
        (lambda: rd.find_fixed_points(rd.as_map(GRU).hold(), STARTS / 0), "starts", "starts must be finite, got 2 NaN"),
        (lambda: warm_up(GRU, torch.zeros(4, 5, 1), lr=-1.0), "lr", "lr must be positive"),
        (lambda: rd.train(MODEL, TASK, epochs=0), "epochs", "epochs must be a whole number of at least 1, got 0"),
        (lambda: rd.train(MODEL, TASK, clip_norm=-1.0), "clip_norm", "clip_norm must be positive, or None, got -1.0"),
        (lambda: rd.train(MODEL, TASK, tracker=_Tracker()), "tracker.every", "tracker.every must be a whole number"),
        (lambda: rd.train(MODEL, TASK, resume=True), "resume", "resume needs a folder"),
        (lambda: scaled(GRU, "w"), "name", "name must be a weight of the network, one of weight_ih_l0"),
        (lambda: require_positive(most=0.0), "most", "most must be positive, got 0.0"),
        (lambda: whole_number(True, "n", 2), "n", "n must be a whole number of at least 2, got True"),
    ],
)
def test_what_is_refused_says_which_argument(call: Callable[[], object], argument: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"^\w") as raised:
        call()
    error = raised.value
    assert isinstance(error, ArgumentError)
    assert (error.argument, str(error).startswith(sentence)) == (argument, True), str(error)
    assert str(error) == f"{error.argument} {error.refusal}"
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.argument) == (str(error), argument)


def told(error: Exception, words: Options | None = None) -> str:
    """What a command says, within which this is raised; the words are its own."""
    app = typer.Typer()

    @app.command()
    @(words or Options(n="starts", sequences=None))
    def command(
        clip_norm: float = 1.0,
        starts: int = 3,
        sequences: int = 2,
        keep: Annotated[bool, typer.Option("--keep/--no-keep")] = True,
    ) -> None:
        raise error

    return str(CliRunner().invoke(app, []).exception)


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("clip_norm", "--clip-norm"),
        ("settings.clip_norm", "--clip-norm"),
        ("n", "--starts"),
        ("sequences", "sequences"),  # the library's are not the option
        ("tracker.every", "tracker.every"),
    ],
)
def test_the_command_line_tells_options(argument: str, name: str) -> None:
    assert told(ArgumentError(argument, "must be n, got clip_norm")) == f"{name} must be n, got clip_norm"
    assert told(ValueError("clip_norm must be 1")) == "clip_norm must be 1"  # no sentence is rewritten


def test_an_option_is_told_once_by_the_innermost() -> None:
    words = Options(n="clip_norm")

    app = typer.Typer()

    @app.command()
    @words
    def command(clip_norm: float = 1.0, starts: int = 3) -> None:
        with Options(n="starts"):
            raise ArgumentError("n", "is too many")

    assert str(CliRunner().invoke(app, []).exception) == "--starts is too many"


def test_what_helps_is_told_as_an_option() -> None:
    error = AdvisedError("the disk is full: go on with", "keep", True)
    assert str(error) == "the disk is full: go on with keep=True"
    assert told(error) == "the disk is full: go on with --keep"
    assert told(AdvisedError("try", "keep", False)) == "try --no-keep"
    assert told(AdvisedError("try", "clip_norm", 2.0)) == "try --clip-norm 2.0"


class _Capitals(Words):
    def name(self, argument: str) -> str:
        return f"--{argument.upper()}"

    def setting(self, argument: str, value: object) -> str:
        return f"{self.name(argument)} {value}"


def test_advice_in_other_words() -> None:
    settings = Settings(3, 8, 0.1, None, None, None, 2**20)
    plain = training_advice("not finite", 7, settings)
    assert "after 7 updates: try clip_norm=1.0, or an lr below 0.1." in plain
    assert "try --CLIP_NORM 1.0, or an --LR below 0.1." in training_advice("not finite", 7, settings, _Capitals())
    assert "--RESUME True goes on" in training_advice("interrupted", 7, settings, _Capitals())
    assert training_advice("finished", 7, settings) == ""
    words = warmup_advice("not finite", [1.0], 0.7, 0.5, Horizon().longest)
    assert words.endswith("try a clip_norm below 0.5, an lr below 0.7, or a Horizon with a longest below 200.")
    assert "--THROUGH_TRAJECTORIES False" in warmup_advice("not finite", [], 0.7, None, 200, _Capitals())
    history = rd.train(MODEL, TASK, epochs=1, lr=1e30)
    assert isinstance(history, Training)
    assert history.told(settings, Words()).advice == (history.advice[0].replace("1e+30", "0.1"),)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["warmup", "GRU-2", "--target", 2], "--target must lie in (0, 1]"),
        (["warmup", "GRU-2", "--clip-norm", -1], "--clip-norm must be positive"),
        (["train", "copy", "--cell", "GRU", "--lr", "-1"], "--lr must be positive"),
        (["train", "copy", "--seeds", 2, "--lr", "nan"], "--lr must be"),
        (["train", "copy", "--horizon", 2 * 10**9], "--horizon must be"),
        (["train", "copy", "--sequences", 2 * 10**9], "--sequences must be"),
    ],
)
def test_commands_refuse_by_option(capsys, monkeypatch, tmp_path, arguments: list, sentence: str) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run_command(capsys, monkeypatch, *arguments)
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f"Error: {sentence}")
