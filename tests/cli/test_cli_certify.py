"""``rnn-dynamics certify``, and ``--certify`` of the other commands."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from command import run_command

import rnn_dynamics as rd
from rnn_dynamics.certificates import ProvedReach

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture
def checkpoint(tmp_path, trained_flip_flop) -> Path:
    kept = trained_flip_flop("GRU-16", 0)
    torch.save(kept.module.state_dict(), tmp_path / "model.pt")
    np.save(tmp_path / "x.npy", kept.test_inputs.numpy())
    return tmp_path / "model.pt"


def test_analyze_certifies_what_it_finds_and_certificates_are_proved_again(
    capsys, monkeypatch, checkpoint, tmp_path
) -> None:
    folder = tmp_path / "out"
    options = ["--inputs", tmp_path / "x.npy", "--starts", 256, "--out", folder]
    code, out, err = run_command(capsys, monkeypatch, "analyze", checkpoint, *options, "--certify")
    assert (code, err) == (0, "")
    assert "27 of 27 fixed points proved; 27 different, 8 stable" in out
    assert "index sum 1, proved" in out
    proof = rd.load(folder / "certificates.safetensors")
    assert proof.proved.all()
    assert (folder / "certificates.csv").stat().st_size > 1000
    table = pd.read_csv(folder / "fixed_points.csv")
    assert table["proved"].tolist() == ["yes"] * 27
    heading = next(line for line in out.splitlines() if "found from" in line)
    assert "proved" in heading
    small = rd.save(proof[:2], folder / "two.safetensors")
    code, out, err = run_command(capsys, monkeypatch, "certify", small, "--precision", 120)
    assert (code, err) == (0, "")
    assert "Proved again" in out
    assert "2 of " in out
    points = rd.save(rd.load(folder / "fixed_points.safetensors")[:2], folder / "points.safetensors")
    code, out, err = run_command(capsys, monkeypatch, "certify", points, "--of", checkpoint)
    assert (code, err) == (0, "")
    assert len(rd.load(folder / "points_certificates.safetensors")) == 2


def test_reach_certifies_a_lower_bound(capsys, monkeypatch, checkpoint, tmp_path) -> None:
    folder = tmp_path / "out"
    options = ["--inputs", tmp_path / "x.npy", "--n", 6, "--horizon", 50, "--hold", "0,0,0", "--out", folder]
    code, out, err = run_command(capsys, monkeypatch, "reach", checkpoint, *options, "--certify")
    assert (code, err) == (0, "")
    proof = rd.load(folder / "certificates.safetensors")
    assert isinstance(proof, ProvedReach)
    assert proof.count == rd.load(folder / "reach.safetensors").count
    assert f"at least {proof.count:g} attractors are reached: proved" in out
    words = pd.read_csv(folder / "attractors.csv")["proved"]
    assert (words == "yes, reached").sum() == proof.count
    code, out, err = run_command(
        capsys, monkeypatch, "certify", folder / "reach.safetensors", "--of", checkpoint, "--out", tmp_path / "again"
    )
    assert (code, err) == (0, "")
    assert rd.load(tmp_path / "again" / "reach_certificates.safetensors").count == proof.count


def test_a_result_needs_its_network(capsys, monkeypatch, checkpoint, tmp_path) -> None:
    system = rd.read_checkpoint(checkpoint).network.hold()
    points = rd.find_fixed_points(system, torch.zeros(1, 16), extra_starts=0)
    path = rd.save(points, tmp_path / "points.safetensors")
    code, _, err = run_command(capsys, monkeypatch, "certify", path)
    assert code == 1
    assert "--of is needed" in err
    slow = rd.save(points.slow, tmp_path / "slow.safetensors")
    code, _, err = run_command(capsys, monkeypatch, "certify", slow, "--of", checkpoint)
    assert code == 1
    assert "got SlowPoints" in err


def test_a_census_and_a_branch_are_proved_again(capsys, monkeypatch, tmp_path) -> None:
    network = rd.as_map(lambda h, x: torch.tanh(0.5 * h) + x, 1, 1)
    family = network.input_family(0)
    followed = rd.continue_fixed_point(family, torch.zeros(1), (0.0, 0.2), at=0.0)
    for found in (rd.all_fixed_points(network.hold([0.0])), rd.certify(family, followed)):
        path = rd.save(found, tmp_path / "proof.safetensors")
        code, out, err = run_command(capsys, monkeypatch, "certify", path)
        assert (code, err) == (0, "")
        assert "Proved again" in out
        assert found.check().summary() in out
