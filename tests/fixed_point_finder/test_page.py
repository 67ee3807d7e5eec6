"""The page for FixedPointFinder's users: its code runs, in the manner of their flip-flop example."""

import re
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from problems.torch_like import network

from rnn_dynamics.fixed_point_finder import FixedPointFinder
from rnn_dynamics.fixed_point_finder.settings import DEFAULTS

PAGE = (Path(__file__).parents[2] / "docs" / "from_fixed_point_finder.md").read_text()


@pytest.mark.parametrize("name", ["GRU-16", "LSTM-16"])
def test_its_code_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plt.switch_backend("agg")
    monkeypatch.chdir(tmp_path)
    module, hidden = network(name)
    names = {"np": np, "model": SimpleNamespace(rnn=module), "hidden": hidden, "n_inputs": 3}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(code.replace("n_inits=1024", "n_inits=128").replace("rd.find_attractors", "# "), names)
    plt.close("all")
    assert len(names["unique"]) == len(names["points"]) == 27
    assert names["points"].completeness.verdict in PAGE
    assert (tmp_path / "points.safetensors").exists()


def test_it_tells_every_setting() -> None:
    settings = PAGE.partition("## Settings")[2].partition("## And then")[0]
    assert set(re.findall(r"`([a-z_]+)`", settings)) >= set(DEFAULTS) == set(FixedPointFinder.default_hps())
