"""Bars appear when somebody watches and the work is long, say what is done, and never otherwise."""

import ast
import gc
import inspect
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import torch
from nbclient import NotebookClient

import rnn_dynamics as rd
from rnn_dynamics import progress
from rnn_dynamics.progress import DELAY, Progress, count, doing, each, expect, shown, sign_of_life
from rnn_dynamics.roots import RootSolver

DOUBLE = torch.float64


class Clock:
    """Seconds that pass only as they are told to; ``hurry`` passes with every look."""

    def __init__(self) -> None:
        self.now, self.hurry = time.time(), 0.0

    def __call__(self) -> float:
        self.now += self.hurry
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "somebody_watches", lambda: True)


class Recorded:
    """Stands in for tqdm's bar and keeps what it is told."""

    made: list["Recorded"]

    def __init__(self, **options: object) -> None:
        self.options, self.titles, self.closed = options, [str(options["desc"])], False
        self.n, self.total = options["initial"], options["total"]
        self.notes: list[dict] = []
        Recorded.made.append(self)

    def set_description(self, title: str, refresh: bool) -> None:
        assert not refresh
        self.titles.append(title)

    def set_postfix(self, notes: dict, refresh: bool) -> None:
        self.notes.append(notes)

    def update(self, count: int) -> None:
        self.n += count

    def refresh(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Recorded]:
    Recorded.made = []
    monkeypatch.setattr(progress, "_bar_class", lambda: Recorded)
    return Recorded.made


def doubled() -> rd.AutonomousMap:
    return rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=3, input_size=0).hold()


def circle() -> rd.AutonomousMap:
    turn = 1.3 * torch.tensor(
        [[torch.tensor(1.0).cos(), -torch.tensor(1.0).sin()], [torch.tensor(1.0).sin(), torch.tensor(1.0).cos()]],
        dtype=DOUBLE,
    )
    return rd.as_map(lambda h, _: torch.tanh(h @ turn.to(h).T), state_size=2, input_size=0).hold()


def starts(k: int, n: int) -> torch.Tensor:
    return torch.randn(k, n, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)


def test_a_bar_comes_after_ten_seconds_and_says_what_is_done(
    clock: Clock, watched: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress("settling", None, total=7, unit="start") as bar:
        bar.update(2)
        clock.now += DELAY - 0.1
        bar.update()
        assert capsys.readouterr().err == ""
        clock.now += 0.2
        with doing("following slow drift"):
            pass
        assert "settling: following slow drift" in (said := capsys.readouterr().err)
        assert "3/7" in said
    assert "settling" not in capsys.readouterr().err.rstrip().split("\r")[-1]  # it goes when the work is done


def test_short_work_shows_nothing(clock: Clock, watched: None, capsys: pytest.CaptureFixture[str]) -> None:
    rd.find_attractors(circle(), starts(8, 2))
    assert capsys.readouterr().err == ""


def test_scripts_stay_silent_however_long_it_takes(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    clock.hurry = 30.0
    rd.find_fixed_points(doubled(), starts(8, 3))
    rd.find_attractors(circle(), starts(8, 2))
    assert capsys.readouterr().err == ""


def test_what_was_asked_for_is_shown_at_once_and_stays(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    rd.find_fixed_points(doubled(), starts(8, 3), progress=True)
    err = capsys.readouterr().err
    assert "fixed points" in err
    assert err.endswith("\n")
    assert "Newton" not in err  # a part, and a short one


def test_no_means_no_part_either(clock: Clock, watched: None, bars: list[Recorded]) -> None:
    clock.hurry = 30.0
    rd.find_fixed_points(doubled(), starts(8, 3), progress=False)
    rd.find_attractors(circle(), starts(8, 2), progress=False)
    assert bars == []


def test_parts_have_bars_once_they_are_long(clock: Clock, bars: list[Recorded]) -> None:
    with Progress("held inputs", True, total=2):
        with Progress("settling", None):
            clock.now += DELAY / 2
            sign_of_life()
            assert [bar.titles[0] for bar in bars] == ["held inputs"]
            clock.now += DELAY
            sign_of_life()
            assert [bar.titles[0] for bar in bars] == ["held inputs", "settling"]
        assert bars[1].closed
        assert not bars[0].closed
    assert bars[0].closed
    assert [bar.options["leave"] for bar in bars] == [True, False]


def test_what_a_silent_work_calls_may_be_asked_for(clock: Clock, bars: list[Recorded]) -> None:
    with Progress("warming up", None), Progress("settling", True):
        pass
    assert [bar.titles[0] for bar in bars] == ["settling"]


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (
            lambda: rd.find_fixed_points(doubled(), starts(16, 3)),
            {"fixed points", "fixed points: continua and index sum", "fixed points: spectra and slow points", "Newton"},
        ),
        (
            lambda: rd.find_attractors(circle(), starts(8, 2)),
            {
                "settling",
                "settling: fixed points",
                "settling: cycles",
                "settling: exponents of what moves",
                "settling: confirming what moves",
                "settling: evidence",
            },
        ),
        (lambda: rd.lyapunov_spectrum(circle(), torch.ones(2), steps=200, transient=10), {"Lyapunov exponents"}),
        (lambda: rd.basin_boundary(doubled(), torch.ones(3), -torch.ones(3)), {"basin boundary", "settling"}),
        (
            lambda: rd.multistability_map(lambda p, q: doubled(), starts(2, 3), ((0, 1), (0, 1)), resolution=(2, 2)),
            {"cells", "settling"},
        ),
        (
            lambda: rd.find_fixed_points_over_inputs(network(), torch.zeros(2, 1), starts(4, 4)),
            {"held inputs", "fixed points"},
        ),
        (
            lambda: rd.find_attractors_over_inputs(network(), torch.zeros(2, 1), starts(4, 4)),
            {"held inputs", "settling"},
        ),
        (lambda: rd.echo_index(network(), starts(6, 1), [1.0, 2.0]), {"echo index", "echo index: exponents"}),
        (lambda: rd.finite_time_exponents(network(), starts(6, 1)), {"finite-time exponents"}),
        (
            lambda: rd.reachability(network(), starts(6, 1)[None].repeat(3, 1, 1), n=3, horizons=(1, 10)),
            {"published VAA", "settling"},
        ),
        (lambda: rd.transition_graph(network(), settled(), torch.ones(2, 1)), {"transitions", "settling"}),
        (
            lambda: rd.bifurcation_diagram(
                network().input_family(0), starts(4, 4), (-0.1, 0.1), searches=2, sections=1
            ),
            {"diagram: searches", "diagram: branches", "diagram: sections", "fixed points"},
        ),
        (
            lambda: rd.continue_fixed_point(network().input_family(0), torch.zeros(4), (-0.1, 0.1)),
            {"branch", "branch, the other way"},
        ),
        (
            lambda: rd.AttractorTracker(starts(6, 1)[None].repeat(3, 1, 1), effort=rd.Effort(n=3, horizon=5)).observe(
                0, network()
            ),
            {"observation", "published VAA", "settling", "fixed points"},
        ),
    ],
)
def test_long_work_says_what_it_does(
    work: Callable[[], object], expected: set[str], clock: Clock, watched: None, bars: list[Recorded]
) -> None:
    clock.hurry = DELAY
    work()
    assert expected <= {title for bar in bars for title in bar.titles}
    assert all(bar.closed for bar in bars)


def network() -> rd.DrivenMap:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return rd.as_map(torch.nn.GRU(1, 4))


def settled() -> rd.Attractors:
    return rd.find_attractors(network().hold(), starts(4, 4))


def test_counts_are_those_of_the_work(clock: Clock, watched: None, bars: list[Recorded]) -> None:
    clock.hurry = DELAY
    found = rd.find_fixed_points(doubled(), starts(16, 3))
    searched = next(bar for bar in bars if bar.titles[0] == "fixed points")
    assert searched.n == sum(one.starts for one in found.completeness.rounds)
    bars.clear()
    rd.find_attractors(doubled(), starts(16, 3))
    assert bars[0].titles[0] == "settling"
    assert (bars[0].n, bars[0].total) == (16, 16)


def test_decorated_functions_count_and_expect(clock: Clock, bars: list[Recorded]) -> None:
    @shown("echoes", unit="step")
    def work(n: int, *, progress: bool | None = None) -> int:
        expect(n)
        for _ in range(n):
            count()
        return n

    assert work(5, progress=True) == 5
    assert (bars[0].n, bars[0].total, bars[0].options["unit"]) == (5, 5, "step")
    assert work(5) == 5
    assert len(bars) == 1


def test_nothing_stays_open_after_an_error(clock: Clock, bars: list[Recorded]) -> None:
    def broken(h: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        if broken.armed:
            raise ArithmeticError("of the map")
        return torch.tanh(2 * h)

    broken.armed = False
    system = rd.as_map(broken, state_size=3, input_size=0).hold()
    for work in (
        lambda: rd.find_fixed_points(system, starts(4, 3), progress=True),
        lambda: rd.find_attractors(system, starts(4, 3), progress=True),
        lambda: rd.lyapunov_spectrum(system, torch.zeros(3), progress=True),
    ):
        broken.armed = False
        system(starts(4, 3))
        broken.armed = True
        with pytest.raises(ArithmeticError) as kept:  # with the frames that the error went through
            work()
        assert kept.tb is not None
        assert progress._innermost() is None
    assert bars
    assert all(bar.closed for bar in bars)


def test_a_loop_that_is_left_early_closes_its_bar(clock: Clock, bars: list[Recorded]) -> None:
    for item in each([1, 2, 3], "items", True):
        if item == 2:
            break
    gc.collect()
    assert (bars[0].n, bars[0].total, bars[0].closed) == (1, 3, True)
    assert progress._innermost() is None


def test_who_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.delattr(sys, "ps1", raising=False)
    assert not progress.somebody_watches()
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert not progress.somebody_watches()  # a prompt, whose errors go to a file
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert progress.somebody_watches()
    monkeypatch.delattr(sys, "ps1")
    assert not progress.somebody_watches()  # a script on a terminal
    kernel = SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: kernel))
    assert progress.somebody_watches()


@pytest.mark.slow
def test_in_a_notebook() -> None:
    code = """
import torch, rnn_dynamics as rd
from rnn_dynamics import progress
assert progress.somebody_watches()
progress.DELAY = {delay}
system = rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=3, input_size=0).hold()
rd.find_fixed_points(system, torch.randn(8, 3)){off}
None
"""
    cells = [
        nbformat.v4.new_code_cell(code.format(delay=delay, off=off)) for delay, off in ((0.0, ""), (1e9, ""), (0.0, ""))
    ]
    cells[2].source = cells[2].source.replace("torch.randn(8, 3))", "torch.randn(8, 3), progress=False)")
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    said = ["".join(str(output) for output in cell.outputs) for cell in notebook.cells]
    assert "fixed points" in said[0]
    assert said[1:] == ["", ""]


WITH_PROGRESS = (
    rd.find_fixed_points,
    rd.find_fixed_points_over_inputs,
    rd.find_attractors,
    rd.find_attractors_over_inputs,
    rd.lyapunov_spectrum,
    rd.finite_time_exponents,
    rd.basin_boundary,
    rd.reachability,
    rd.echo_index,
    rd.transition_graph,
    rd.bifurcation_diagram,
    rd.continue_fixed_point,
    rd.continue_bifurcation,
    rd.multistability_map,
    rd.basin_fractions,
    rd.chart,
    rd.orbit_diagram,
    rd.find_crisis,
    rd.resilience,
    rd.escape_times,
    rd.uncertainty_exponent,
    rd.invariant_manifold,
    rd.invariant_surface,
    rd.connecting_orbits,
    rd.continue_connection,
    rd.continue_tangency,
    rd.training_bifurcations,
    rd.track_checkpoints,
    rd.warm_up,
    rd.plant,
    rd.train,
    rd.train_ensemble,
)


@pytest.mark.parametrize("function", [*WITH_PROGRESS, RootSolver.solve, rd.Newton.solve])
def test_the_default_is_to_show_what_is_long_where_somebody_watches(function: Callable) -> None:
    assert inspect.signature(function).parameters["progress"].default is None
    if function is not rd.train_ensemble:  # "as in train"
        assert "progress: whether to show a bar" in (function.__doc__ or RootSolver.solve.__doc__ or "")


def test_all_bars_are_made_in_one_place() -> None:
    package = Path(progress.__file__).parent
    others = [path for path in package.rglob("*.py") if path.name != "progress.py"]
    for path in others:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "tqdm" for name in names), path
            if isinstance(node, ast.FunctionDef) and not any(
                ast.unparse(one) == "overload" for one in node.decorator_list
            ):
                pairs = [*zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]
                given = [default for argument, default in pairs if argument.arg == "progress" and default is not None]
                assert all(isinstance(one, ast.Constant) and one.value is None for one in given), (path, node.name)
