"""``rnn-dynamics report-bug``: what others need to know, and no weight."""

import re
from pathlib import Path

import torch
from command import run_command

import rnn_dynamics as rd


def test_it_tells_versions_and_the_shape_of_the_map_and_no_weight(capsys, monkeypatch, tmp_path: Path, seeded) -> None:
    module = torch.nn.GRU(3, 5)
    torch.save(module.state_dict(), tmp_path / "model.pt")
    code, out, err = run_command(capsys, monkeypatch, "report-bug", tmp_path / "model.pt")
    assert (code, err) == (0, "")
    assert f"rnn-dynamics {rd.__version__}" in out
    assert f"torch {torch.__version__}" in out
    assert "state 5, inputs 3, analysed in torch.float64" in out
    assert "aten.tanh.default" in out
    numbers = {abs(float(number)) for number in re.findall(r"\d+\.\d{2,}", out)}
    weights = torch.cat([weight.detach().abs().flatten() for weight in module.parameters()]).tolist()
    assert not [weight for weight in weights if any(abs(weight - number) < 5e-3 for number in numbers if number < 1)]


def test_it_tells_versions_without_a_file(capsys, monkeypatch) -> None:
    code, out, err = run_command(capsys, monkeypatch, "report-bug")
    assert (code, err) == (0, "")
    assert out.startswith(f"rnn-dynamics {rd.__version__}\nPython 3.")
