"""What ``import rnn_dynamics`` costs, and that nothing is missing for it."""

import subprocess
import sys

import pytest

import rnn_dynamics as rd

HEAVY = (
    *("matplotlib", "pandas", "sklearn", "typer", "rich", "networkx", "lightning", "IPython", "gymnasium"),
    "tqdm.notebook",
    *(f"scipy.{part}" for part in ("linalg", "optimize", "sparse", "spatial", "stats", "cluster")),
)

FRESH = """
import pydoc, rlcompleter, sys, torch
before = set(sys.modules)
import rnn_dynamics as rd
print(*set(sys.modules) - before)
print(rlcompleter.Completer({"rd": rd}).complete("rd.plot_att", 0))
from rnn_dynamics import *
print(plot_attractors.__name__, rd.plotting.plot_attractors is rd.plot_attractors)
print("plot_attractors(" in pydoc.plain(pydoc.render_doc(rd)))
"""


def test_an_import_brings_little_more_than_torch_and_plots_come_when_asked_for() -> None:
    command = [sys.executable, "-c", FRESH]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    brought, completed, named, helped = answer.splitlines()
    assert "rnn_dynamics.training" in brought.split()
    assert not [name for name in brought.split() if name.startswith(HEAVY)]
    assert completed.startswith("rd.plot_attractors")
    assert named == "plot_attractors True"
    assert helped == "True"


def test_every_public_name_is_there_and_no_other() -> None:
    assert set(rd.__all__) <= set(dir(rd))
    assert all(hasattr(rd, name) for name in rd.__all__)
    with pytest.raises(AttributeError, match="module 'rnn_dynamics' has no attribute 'plot_nothing'"):
        rd.plot_nothing  # noqa: B018
