"""Ctrl-C and time limits: what keeps a part says so, what is around it is stopped too, nobody else is."""

import threading
import time

import pytest
import torch

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import bifurcation_diagram, multistability_map
from rnn_dynamics.bifurcations.two_parameters import grid
from rnn_dynamics.stopping import go_on, limited, look_at_the_clock, stoppable
from rnn_dynamics.systems import AutonomousMap


def test_work_that_is_not_stopped_is_false() -> None:
    with stoppable() as stop:
        go_on()
    assert not stop
    with pytest.raises(ValueError, match="another"), stoppable() as stop:
        raise ValueError("another")
    assert not stop


def test_ctrl_c_ends_the_innermost_and_all_around_it() -> None:
    reached: list[str] = []
    with stoppable() as whole:
        with stoppable() as before:
            pass
        with stoppable() as part:
            reached.append("part")
            raise KeyboardInterrupt
        reached.append("kept")
        with stoppable() as after:
            go_on()  # what begins now has not been stopped
            reached.append("after")
        go_on()
        reached.append("never")
    assert reached == ["part", "kept", "after"]
    assert [bool(stop) for stop in (whole, before, part, after)] == [True, False, True, False]
    assert whole.interrupted
    go_on()  # nobody works here any more


def test_what_keeps_nothing_passes_ctrl_c_on() -> None:
    with stoppable() as outer:
        with pytest.raises(KeyboardInterrupt), limited(None) as limit:
            raise KeyboardInterrupt
        assert limit.interrupted
    assert outer


def test_a_limit_stops_what_is_within_it_once_and_nothing_else() -> None:
    with stoppable() as training:
        with limited(0.0) as look:
            time.sleep(0.001)
            look_at_the_clock()  # nobody within has anything to keep
            with stoppable() as search:
                with stoppable() as solver:
                    look_at_the_clock()
                    pytest.fail("the time was over")
                go_on()
                pytest.fail("its solver was stopped")
            go_on()  # at its own limit it goes on with what was kept
            with stoppable() as further:
                look_at_the_clock()
        go_on()
    assert [bool(stop) for stop in (training, look, search, solver, further)] == [False, True, True, True, False]
    assert not look.interrupted


def test_ctrl_c_within_a_limit_is_no_end_of_time() -> None:
    with stoppable() as training, limited(100.0) as look:
        with stoppable():
            raise KeyboardInterrupt
        go_on()
    assert look.interrupted
    assert training.interrupted


def test_a_work_that_an_exception_left_open_is_forgotten() -> None:
    stoppable().__enter__()
    with stoppable() as stop, stoppable():
        raise KeyboardInterrupt
    assert stop
    go_on()


def test_threads_do_not_stop_each_other() -> None:
    seen: list[bool] = []

    def other() -> None:
        with stoppable() as stop:
            go_on()
        seen.append(bool(stop))

    with stoppable() as stop:
        with stoppable():
            raise KeyboardInterrupt
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert (bool(stop), seen) == (True, [False])


def cut_off(system: AutonomousMap, starts: torch.Tensor, **options: object) -> rd.Attractors:
    """A search that Ctrl-C ends within, and that keeps what has settled."""
    found = rd.find_attractors(system, starts, **options)
    with stoppable():
        raise KeyboardInterrupt
    return found


def test_a_map_keeps_no_cell_whose_search_was_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def third(system: AutonomousMap, starts: torch.Tensor, **options: object) -> rd.Attractors:
        nonlocal calls
        calls += 1
        return (cut_off if calls == 3 else rd.find_attractors)(system, starts, **options)

    monkeypatch.setattr(grid, "find_attractors", third)
    starts = torch.linspace(-1, 1, 4, dtype=torch.float64)[:, None]
    chart = multistability_map(
        lambda p, q: rd.as_map(lambda h, _: torch.tanh(p * h + q), 1, 0).hold(),
        starts,
        ((0, 2), (0, 1)),
        resolution=(3, 3),
    )
    assert chart.interrupted
    assert (calls, int(chart.known.sum())) == (3, 2)


def test_a_diagram_ends_where_a_section_was_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnn_dynamics.bifurcations.diagram.slices.find_attractors", cut_off)
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    family = lambda p: rd.as_map(lambda h, _: torch.tanh((1 + p) * h @ turn.T), 2, 0).hold()  # noqa: E731
    starts = torch.randn(16, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = bifurcation_diagram(family, starts, (0.2, 0.4), searches=2, sections=3)
    assert found.interrupted
    assert not len(found.sectioned)
    assert len(found) == 1
