"""The README: one screen, whose code runs and prints what it says, and whose links lead somewhere."""

import contextlib
import io
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import rnn_dynamics as rd
from rnn_dynamics.cli.commands import COMMANDS
from rnn_dynamics.training import TrainedFlipFlop

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MOST_LINES = 80


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCK.findall(README) if name == language]


def test_it_is_one_screen_with_one_picture() -> None:
    assert len(README.splitlines()) <= MOST_LINES
    assert len(re.findall(r"!\[", README)) == 1
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["readme"] == "README.md"


def test_links_and_picture_are_absolute_once_there_is_an_address() -> None:
    """PyPI shows the README as it is, and relative paths lead nowhere there; `docs/releasing.md` says when."""
    if "Repository" in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]:
        assert not [link for link in re.findall(r"\]\(([^)\s]+)\)", README) if not link.startswith("https://")]


def test_its_commands_exist() -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    made = [line.split()[1] for line in lines if line.startswith("make ")]
    assert made == ["demo", "test"]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {*made, *re.findall(r"`make (\w+)`", README)} <= set(targets)
    called = [line.split()[1] for line in lines if line.startswith("rnn-dynamics ")]
    assert called == ["report"]
    assert set(called) <= set(COMMANDS)


def test_its_code_prints_what_it_says(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trained_flip_flop: Callable[[str, int], TrainedFlipFlop],
) -> None:
    """Of another network with as many fixed points, as the demo takes a minute to train its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    trained = trained_flip_flop("GRU-16", 0)
    save_file(trained.module.state_dict(), tmp_path / "demo/gru.safetensors")
    np.save(tmp_path / "demo/inputs.npy", trained.test_inputs.numpy())
    (code,) = blocks("python")
    printed, names = io.StringIO(), dict[str, Any]()
    with torch.random.fork_rng(), contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), names)
    told = blocks("")[-1]
    assert printed.getvalue() == told
    assert (tmp_path / "points.png").stat().st_size > 1000
    summary = names["points"].summary()
    assert all(summary in block for block in blocks("")[:2])


def test_what_it_says_of_each_command_is_what_that_prints() -> None:
    """Sentences of the library, whatever their numbers are."""
    demo, report, _ = blocks("")
    for sentence in ("Completeness: index sum 1, as it must be", "Proof: 27 of 27 fixed points proved"):
        assert sentence in demo
    source = (ROOT / "rnn_dynamics/cli/demo.py").read_text(), (ROOT / "rnn_dynamics/cli/report.py").read_text()
    assert "open it in a browser, at " in source[0]
    assert "one file, to look at in a browser, to send or to print." in source[1]
    assert "open it in a browser, at " in demo
    assert "one file, to look at in a browser, to send or to print." in report


def test_it_says_how_to_cite_and_under_which_licence() -> None:
    for file in ("CITATION.cff", "LICENSE", "CONTRIBUTING.md", "docs/questions.md"):
        assert f"]({file})" in README
    assert rd.__version__ in (ROOT / "CITATION.cff").read_text()
