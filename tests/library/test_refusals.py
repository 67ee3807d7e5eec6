"""A ValueError of a caller's own function reaches him; what the library tells itself is never taken for one."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import bifurcation_diagram, continue_fixed_point
from rnn_dynamics.continuation import follow
from rnn_dynamics.families import Family, between
from rnn_dynamics.systems import AutonomousMap, Linearization, WrappedMap
from rnn_dynamics.systems.modules import recurrent_module
from rnn_dynamics.tracking import AttractorTracker, track_checkpoints

SEQUENCES = torch.randn(20, 10, 1, generator=torch.Generator().manual_seed(0))


def gain(p: float) -> AutonomousMap:
    return rd.as_map(lambda h, _: torch.tanh(p * h + 0.1), 1, 0).hold()


def only(allowed: Callable[[float], bool]) -> Family:
    def family(p: float) -> AutonomousMap:
        if not allowed(p):
            raise ValueError("my own mistake")
        return gain(p)

    return family


def test_a_diagram_books_no_error_of_a_family_as_a_missed_point() -> None:
    # It gives maps where searches look, and none where branches are walked.
    family = only(lambda p: math.isclose(8 * p, round(8 * p), abs_tol=1e-12))
    with pytest.raises(ValueError, match=r"^my own mistake$") as raised:
        bifurcation_diagram(family, torch.linspace(-1, 1, 8).double()[:, None], (0.5, 1.5), searches=9, sections=0)
    assert raised.traceback[-1].name == "family"


def test_a_diagram_says_so_of_a_family_that_changes_its_size() -> None:
    other = rd.as_map(lambda h, _: torch.tanh(h), 2, 0).hold()
    starts = torch.linspace(-1, 1, 8).double()[:, None]
    with pytest.raises(ValueError, match="same number of state units"):
        bifurcation_diagram(lambda p: gain(p) if 8 * p == round(8 * p) else other, starts, (0.5, 1.5), searches=9)


@pytest.mark.parametrize(
    "analysis",
    [
        lambda family: continue_fixed_point(family, [0.2], (0.5, 1.5)),
        lambda family: follow(family, rd.find_fixed_points(family(0.5), torch.zeros(1, 1)).states, 0.5, 1.5),
    ],
)
def test_what_a_family_raises_on_the_way_reaches_the_caller(analysis: Callable[[Family], object]) -> None:
    with pytest.raises(ValueError, match=r"^my own mistake$") as raised:
        analysis(only(lambda p: p < 1.2))
    assert raised.traceback[-1].name == "family"


def test_a_branch_point_is_still_refused_in_words() -> None:
    with pytest.raises(ValueError, match="no regular point of a branch"):
        continue_fixed_point(
            lambda p: rd.as_map(lambda h, _: torch.tanh(p * h), 1, 0).hold(), [0.0], (0.5, 1.5), at=1.0
        )


class Picky(WrappedMap):
    """Tanh(h / 2), which refuses every state but one."""

    def __call__(self, states: Tensor) -> Tensor:
        if not bool((states == 2.0).all()):
            raise ValueError("my own mistake")
        return self.system(states)

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        return self.system.linearize(states)


@pytest.mark.parametrize("method", ["hybr", "krylov"])
def test_scipy_hides_no_error_of_a_map(method: str) -> None:
    system = Picky(gain(0.5))
    with pytest.raises(ValueError, match=r"^my own mistake$"):
        rd.ScipyRoot(method).solve(system, torch.tensor([[2.0]]).double(), units=torch.ones(1).double())


class Cell(nn.Module):
    """h' = tanh(w h + x), which refuses some weights."""

    def __init__(self, w: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([w], dtype=torch.float64))

    def forward(self, state: Tensor, input: Tensor) -> Tensor:
        if bool((self.w.abs() < 0.5).any()):
            raise ValueError("my own mistake")
        return torch.tanh(self.w * state + input)


def test_a_tracker_hides_no_error_of_a_step_between_two_looks() -> None:
    tracker = AttractorTracker(SEQUENCES, hold=[0.3], budget=None, effort=rd.Effort(horizon=20))
    tracker.observe(0, rd.as_map(Cell(-0.8), 1, 1))
    with pytest.raises(ValueError, match=r"^my own mistake$") as raised:
        tracker.observe(1, rd.as_map(Cell(0.8), 1, 1))
    assert raised.traceback[-1].name == "forward"


class Counting(Cell):
    """Refuses batches of three rows: those at which two networks are compared."""

    def forward(self, state: Tensor, input: Tensor) -> Tensor:
        if state.ndim == 2 and len(state) == 3:
            raise ValueError("my own mistake")
        return super().forward(state, input)


def test_an_error_of_a_step_is_not_taken_for_a_plain_function() -> None:
    tracker = AttractorTracker(
        SEQUENCES, hold=[0.0], budget=None, effort=rd.Effort(horizon=20, n=8, fixed_points=False)
    )
    tracker.observe(0, rd.as_map(Counting(0.6), 1, 1))
    with pytest.raises(ValueError, match=r"^my own mistake$"):
        tracker.observe(1, rd.as_map(Counting(0.8), 1, 1))


def rnn(nonlinearity: str = "tanh") -> nn.RNN:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.RNN(1, 3, nonlinearity=nonlinearity)


def gru() -> nn.GRU:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.GRU(1, 3)


@pytest.mark.parametrize("other", [gru(), rnn("relu"), rd.as_map(Cell(0.8), 3, 1)], ids=["GRU", "ReLU", "module"])
def test_two_architectures_are_no_plain_functions(other: nn.Module | rd.DrivenMap) -> None:
    tracker = AttractorTracker(SEQUENCES, hold=[0.0], budget=None, effort=rd.Effort(horizon=20))
    tracker.observe(0, rnn())
    with pytest.raises(ValueError, match=r"of one (architecture|kind)"):
        tracker.observe(1, other)
    assert len(tracker.history) == 1
    assert tracker.observe(1, rnn()) is not None  # it goes on from what it has


def test_checkpoints_of_two_architectures_are_named(tmp_path: Path) -> None:
    for step, module in enumerate((rnn(), gru())):
        torch.save(module.state_dict(), tmp_path / f"step-{step}.pt")
    with pytest.raises(ValueError, match=r"step-1\.pt.*one architecture"):
        track_checkpoints(tmp_path, SEQUENCES, effort=rd.Effort(horizon=20))


class Annealed(nn.Module):
    """A step with a number that is no weight."""

    def __init__(self, heat: float) -> None:
        super().__init__()
        self.w, self.heat = nn.Parameter(torch.tensor([0.8], dtype=torch.float64)), heat

    def forward(self, state: Tensor, input: Tensor) -> Tensor:
        return torch.tanh(self.w * state / self.heat + input)


def test_what_weights_do_not_tell_is_matched_as_a_plain_function_is() -> None:
    networks = [rd.as_map(Annealed(heat), 1, 1) for heat in (1.0, 1.1)]
    with pytest.raises(ValueError, match="an attribute that is neither"):
        between(*networks)
    tracker = AttractorTracker(SEQUENCES, hold=[0.0], budget=None, effort=rd.Effort(horizon=20))
    for step, network in enumerate(networks):
        tracker.observe(step, network)
    assert tracker.history.observations[1].passage is None


class Half(nn.Module):
    """A module that knows its layers, but not today."""

    def recurrent_layers(self) -> list:
        raise ValueError("my own mistake")


def test_what_a_module_raises_of_its_layers_reaches_the_caller() -> None:
    with pytest.raises(ValueError, match=r"^my own mistake$"):
        recurrent_module(nn.Sequential(Half()))
