"""The one command for a machine with CUDA, as far as it goes without one."""

import json
import subprocess
from pathlib import Path

import pytest
import torch

from tests.benchmarks import gpu

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_dry_run_measures_every_case(tmp_path: Path) -> None:
    before = gpu.RESULT.read_bytes() if gpu.RESULT.exists() else None
    assert gpu.main(["--dry-run", "--out", str(tmp_path / "gpu.json")]) == 0
    told = json.loads((tmp_path / "gpu.json").read_text())
    assert [row["what"] for row in told["rows"]] == [case.name for case in gpu.CASES]
    assert all(row["seconds"] > 0 for row in told["rows"])
    assert told["card"].startswith("no GPU")  # never taken for one
    assert (gpu.RESULT.read_bytes() if gpu.RESULT.exists() else None) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a CUDA device")
def test_without_a_gpu_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main([]) == 1
    assert "TORCH_INDEX=https://download.pytorch.org/whl/cu" in capsys.readouterr().out


def test_make_runs_the_tests_of_the_gpu_and_then_the_benchmarks() -> None:
    command = ["make", "--dry-run", "gpu", "DRY_RUN=--dry-run"]
    steps = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert steps.index("pytest -m gpu") < steps.index("tests.benchmarks.gpu --dry-run")
    assert "benchmarks readme" not in steps
