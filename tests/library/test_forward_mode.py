"""Forward-mode derivatives: torch's, without what it warns of at their first use."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rnn_dynamics import forward_mode

PACKAGE = Path(forward_mode.__file__).parent
FIRST_USE = """
import torch
from rnn_dynamics import forward_mode
x = torch.ones(2, dtype=torch.float64)
{}
"""


@pytest.mark.parametrize("line", ["forward_mode.jvp(torch.sin, (x,), (x,))", "forward_mode.jacfwd(torch.sin)(x)"])
def test_the_first_use_warns_of_nothing(line) -> None:
    # A process of its own: torch warns once, and pytest's settings keep it quiet.
    command = [sys.executable, "-W", "error", "-c", FIRST_USE.format(line)]
    subprocess.run(command, check=True)


def test_they_are_those_of_torch() -> None:
    x, v = torch.tensor([0.5, 2.0]), torch.tensor([1.0, 3.0])
    value, pushed = forward_mode.jvp(torch.sin, (x,), (v,))
    assert torch.equal(value, x.sin())
    assert torch.equal(pushed, v * x.cos())
    assert torch.equal(forward_mode.jacfwd(torch.sin)(x), torch.diag(x.cos()))


def test_the_library_goes_through_this_door() -> None:
    used = [path for path in PACKAGE.rglob("*.py") if "torch.func import" in path.read_text()]
    assert used
    for path in used:
        assert not {"jvp", "jacfwd"} & set(path.read_text().split("torch.func import ")[1].splitlines()[0].split(", "))
