"""``rnn-dynamics demo``: what a newcomer sees first."""

import html
import shlex
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlparse

import numpy as np
import pytest
from command import run_command

import rnn_dynamics as rd

pytestmark = pytest.mark.usefixtures("seeded")

SMALL = ("--hidden", 8, "--steps", 30, "--seed", 1)


def test_the_demo_ends_in_a_page(capsys, monkeypatch, tmp_path) -> None:
    folder = tmp_path / "a demo"
    code, out, err = run_command(capsys, monkeypatch, "demo", "--out", folder, *SMALL)
    assert (code, err) == (0, "")
    page = folder / "report.html"
    address = out.strip().splitlines()[-1].rpartition(" ")[2]
    assert Path(unquote(urlparse(address).path)) == page.resolve()
    shown = html.unescape(page.read_text())
    points = rd.load(folder / "fixed_points.safetensors")
    assert len(points) > 0
    for heading in ("Fixed points", "What inputs reach", "Fixed points, proved"):
        assert f">{heading}</a>" in shown
    for line in (points.summary(), f"{len(points)} of {len(points)} fixed point"):
        assert line in shown
        assert line in out
    assert "<script" not in shown
    assert "http" not in shown
    assert all((folder / f"fixed_points_2d.{kind}").exists() for kind in ("pdf", "png"))


def test_what_the_demo_advises_finds_the_same_and_long_proofs_are_left_out(capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(import_module("rnn_dynamics.cli.demo"), "_PROVED", 7)
    folder = tmp_path / "a demo"
    _, out, _ = run_command(capsys, monkeypatch, "demo", "--out", folder, *SMALL)
    assert "Proof" not in out
    assert ", proved</a>" not in (folder / "report.html").read_text()
    (line,) = (line for line in out.splitlines() if "rnn-dynamics report" in line)
    command = shlex.split("rnn-dynamics" + line.partition("rnn-dynamics")[2])
    assert np.load(folder / "inputs.npy").shape[2] == 3
    options = ("--starts", 64, "--horizon", 100, "--out", tmp_path / "other.html")
    code, again, err = run_command(capsys, monkeypatch, *command[1:], *options)
    assert (code, err) == (0, "")
    assert f"Fixed points: {rd.load(folder / 'fixed_points.safetensors').summary()}" in again
