"""Shared fixtures. Workers are as many as cores, so each of them, and what it starts, computes on one thread."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch and numpy are first imported

import pytest
import torch
from trained import trained

from rnn_dynamics.training import TrainedFlipFlop

pytest.register_assert_rewrite("contracts")  # they are no test modules, but tell as these do what did not hold
torch.set_num_threads(1)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a script; tests press Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def trained_flip_flop() -> Callable[[str, int], TrainedFlipFlop]:
    """``trained_flip_flop(name, seed)``: one of the stored networks."""
    return trained


@pytest.fixture
def seeded() -> Iterator[None]:
    """A global random state of the test's own, which starts at 0."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def plot_settings_are_left_alone() -> Iterator[None]:
    """No plot may change the caller's settings, and no test may leave figures behind."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before
    assert not plt.isinteractive()


@pytest.fixture
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _global_state_is_left_alone() -> Iterator[None]:
    """No test, so no analysis, may move the global random state or the default dtype."""
    before, dtype = torch.random.get_rng_state(), torch.get_default_dtype()
    yield
    assert torch.get_default_dtype() is dtype
    unchanged = torch.equal(torch.random.get_rng_state(), before)
    torch.random.set_rng_state(before)
    assert unchanged, "the global random state was moved"
