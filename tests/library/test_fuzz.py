"""Every public function, given what it was not made for: taken, or refused in a sentence that names the argument."""

import functools
import inspect
import typing
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

import numpy as np
import pytest
import torch
from fuzzing import ACCEPTED, MOVED, NAMED, OVERTIME, RAW, UNNAMED, fuzzed
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics import cells, checks, fixed_point_finder, plotting, rl, roots, sweeps, tasks, tracking, training
from rnn_dynamics.checks import ArrayLike, AtLeast, Positive, Share, Size, Told, checked, is_checked
from rnn_dynamics.checks.door import taken_hints
from rnn_dynamics.checks.hints import expected

CALLS, SEED = 3000, 13

SHARE_UNNAMED = 0.005
"""Of calls: some refusals name what the argument is to the function in other words, such as "step" for a module."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_hostile_arguments_are_refused_by_name() -> None:
    outcomes = fuzzed(CALLS, SEED)
    faults = [outcome for outcome in outcomes if outcome.kind in (RAW, OVERTIME, MOVED)]
    assert not faults, "\n".join(f"{fault.door}({fault.replaced}): {fault.words[:200]}" for fault in faults)
    unnamed = [outcome for outcome in outcomes if outcome.kind == UNNAMED]
    assert len(unnamed) <= SHARE_UNNAMED * CALLS, "\n".join(f"{one.door}: {one.words[:200]}" for one in unnamed)
    kinds = {kind: sum(outcome.kind == kind for outcome in outcomes) for kind in (ACCEPTED, NAMED)}
    assert kinds[NAMED] > CALLS / 2  # the values are hostile
    assert kinds[ACCEPTED] > CALLS / 50  # and not everything is refused
    assert len({outcome.door for outcome in outcomes}) > 120


def public() -> Iterator[tuple[str, Callable[..., Any]]]:
    """What users call: functions, and classes that they make."""
    for module in (rd, cells, tasks, plotting, roots, sweeps, tracking, training, fixed_point_finder, rl):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isfunction(thing) or (isinstance(thing, type) and thing.__module__.startswith("rnn_dynamics")):
                yield f"{module.__name__}.{name}", thing


WITHOUT = {
    "rnn_dynamics.tracking.match": "TrackingHistory.match checks",
    "rnn_dynamics.training.train_flip_flop": "the demo's",
    "rnn_dynamics.training.TrainedFlipFlop": "its result",
    "rnn_dynamics.rl.MazeStep": "what TMazeVector.step_tensors gives",
    "rnn_dynamics.rl.Move": "numbers",
    "rnn_dynamics.rl.Seen": "numbers",
}
NEIGHBOURS = {
    "rnn_dynamics.sweeps": ("Series", "series_of"),
    "rnn_dynamics.roots": ("Attempt", "RootProblem", "advice_of", "are_roots", "residual_norms"),
    "rnn_dynamics.tracking": (
        "Ahead",
        "InvariantSet",
        "number_of",
        "followed_along",
        "followed_forward",
        "passage_between",
        "sets_of",
        "sets_of_points",
        "table",
        "with_sets",
    ),
    "rnn_dynamics.training": (
        "Recorder",
        "RunFolder",
        "StackedModels",
        "are_counts",
        "are_moments",
        "are_numbers",
        "are_weights",
        "is_count",
        "is_whole",
        "kept_in",
        "load_weights",
        "require_alike",
        "require_tracker",
        "shape_of",
        "shapes_of",
        "uninterrupted",
    ),
}
WITHOUT |= {f"{front}.{name}": "for other folders" for front, names in NEIGHBOURS.items() for name in names}


@pytest.mark.parametrize(("name", "thing"), list(public()))
def test_every_public_function_is_checked(name: str, thing: Callable[..., Any]) -> None:
    if name in WITHOUT:
        assert not is_checked(thing)
        return
    if isinstance(thing, type) and not _made_by_users(thing):
        return
    assert is_checked(thing), f"{name} needs @checked"
    for hint in taken_hints(thing.__init__ if isinstance(thing, type) else thing).values():
        expected(hint)  # raises for a hint that is not understood


@pytest.mark.parametrize(
    ("options", "function"),
    [(tracking.TrackerOptions, rd.AttractorTracker.__init__)],
)
def test_options_that_are_passed_on_are_those_of_the_function(options: type, function: Callable[..., Any]) -> None:
    own, passed = taken_hints(function), typing.get_type_hints(options, include_extras=True)
    assert passed == {name: own[name] for name in passed}
    explained = {"system", "starts", "sequences", "known", "progress", "folder", "resume"}
    assert set(own) - set(passed) <= explained


def test_options_that_are_passed_on_are_checked_at_the_door() -> None:
    with pytest.raises(ValueError, match="max_steps must be a whole number"):
        rd.basin_map(rd.as_map(lambda h, _: h / 2, 2, 0).hold(), torch.zeros(3, 2), settle=rd.Settle(max_steps="many"))
    with pytest.raises(ValueError, match="path_budget must be a whole number"):
        rd.track_checkpoints("nowhere", torch.zeros(1, 2, 1), path_budget="all")


def _made_by_users(kind: type) -> bool:
    """Not results, which functions make, nor what has nothing to check."""
    results = kind.__name__ in checks_of_results() or issubclass(kind, rd.AutonomousMap | rd.DrivenMap | tuple | dict)
    protocol = getattr(kind, "_is_protocol", False)
    return not (results or protocol or inspect.isabstract(kind) or kind.__module__.endswith(("results", "points")))


@functools.cache
def checks_of_results() -> set[str]:
    from rnn_dynamics import store

    return set(store._types)


def test_results_are_held_to_the_types_of_their_fields() -> None:
    counted = rd.diversity([2, 1])
    with pytest.raises(ValueError, match=r"entropy of Diversity must be a number, got 'much'"):
        type(counted)(counted.observed, counted.n, counted.unseen, counted.coverage, "much")
    with pytest.raises(ValueError, match=r"losses of Warmup must be a tensor, got ndarray of float64 \[2\]"):
        rd.Warmup(torch.zeros(2, 1), np.zeros(2), torch.zeros(2), torch.zeros(2), 4, 0.9, "finished", ())


def example(
    system: rd.AutonomousMap | None = None,
    states: ArrayLike | None = None,
    n: Annotated[int, AtLeast(1, 100)] = 1,
    rate: Annotated[float, Positive()] = 1.0,
    share: Share = 0.5,
    size: Size = 3,
    span: tuple[float, float] = (0.0, 1.0),
    horizons: typing.Sequence[int] = (),
    how: Literal["fast", "slow"] = "fast",
    seed: int | torch.Generator = 0,
    period: Annotated[int, Told("an integer of 1 or more")] = 1,
    tensor: Tensor | None = None,
) -> dict[str, Any]:
    """What came."""
    return dict(locals())


REFUSED: list[tuple[str, Any, str]] = [
    ("n", 0, "n must be a whole number of at least 1, got 0"),
    ("n", True, "n must be a whole number of at least 1, got True"),
    ("n", 2.0, "n must be a whole number of at least 1, got 2.0"),
    ("n", "3", "n must be a whole number of at least 1, got '3'"),
    ("size", 10**12, "size must be at most 1,000,000,000, got 1000000000000"),
    ("seed", 10**30, "seed must be a whole number of 64 bits, got an integer beyond 10.30"),
    ("seed", True, "seed must be a whole number or a Generator, got True"),
    ("rate", float("nan"), "rate must be positive and finite, got nan"),
    ("rate", -1, "rate must be positive and finite, got -1"),
    ("rate", torch.zeros(2), r"rate must be positive and finite, got Tensor of float32 \[2\]"),
    ("rate", 10**400, "rate must be a finite number, got an integer beyond 10.30"),
    ("share", 1.5, r"share must lie in \[0, 1\], got 1.5"),
    ("span", (0.0, 1.0, 2.0), "span must be a pair, each a finite number, got tuple"),
    ("span", (0.0, float("inf")), "span must be a pair, each a finite number, got tuple"),
    ("horizons", [1, 2.5], "horizons must hold a whole number at each place, got 2.5 at place 1"),
    ("horizons", "12", "horizons must be a list, each a whole number, got '12'"),
    ("how", "quick", "how must be 'fast' or 'slow', got 'quick'"),
    ("period", 2.5, "period must be an integer of 1 or more, got 2.5"),
    ("states", torch.zeros(2, 2).to_sparse(), "states must be a dense tensor, got a sparse Tensor of float32"),
    ("states", torch.zeros(2, device="meta"), "states must be a tensor that holds numbers, got one on the device meta"),
    ("states", torch.zeros(2, dtype=torch.complex64), "states must be real, got dtype torch.complex64"),
    ("states", torch.zeros(2).to(torch.float8_e5m2), "states must be a tensor of an ordinary number type"),
    ("states", np.ma.masked_array([1.0, 2.0], [True, False]), "states must have no masked entries"),
    ("states", np.array(["a"]), "states must be a tensor or array of real numbers, got ndarray of <U1"),
    ("states", {1.0, 2.0}, "states must be a tensor or array of real numbers, got set"),
    ("tensor", [1.0], "tensor must be a tensor, got list"),
    ("system", rd.as_map(torch.nn.GRU(1, 2)), r"system must be an autonomous map, as system.hold\(\) gives it; got"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), REFUSED)
def test_what_the_hints_refuse(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        checked(example)(**{name: value})


TAKEN: list[tuple[str, Any, Any]] = [
    ("n", np.int64(3), 3),
    ("n", np.array(3), 3),
    ("n", torch.tensor(3), 3),
    ("rate", np.float32(0.5), 0.5),
    ("rate", torch.tensor(0.5), 0.5),
    ("rate", Fraction(1, 2), 0.5),
    ("rate", 2, 2),
    ("span", np.array([0.0, 2.0]), (0.0, 2.0)),
    ("horizons", range(2), [0, 1]),
    ("horizons", torch.tensor([1, 5]), [1, 5]),
    ("system", None, None),
]


@pytest.mark.parametrize(("name", "value", "taken"), TAKEN)
def test_what_is_taken_is_what_the_function_gets(name: str, value: Any, taken: Any) -> None:
    came = checked(example)(**{name: value})[name]
    assert came == taken
    assert type(came) is type(taken)


def test_a_checked_function_is_itself_to_readers() -> None:
    door = checked(example)
    assert inspect.signature(door) == inspect.signature(example)
    assert (door.__name__, door.__doc__) == ("example", "What came.")
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        door(nonsense=1)


def test_decimals_are_no_numbers_here() -> None:
    with pytest.raises(ValueError, match="rate must be positive and finite, got Decimal"):
        checked(example)(rate=Decimal("0.5"))


def test_a_hint_that_is_not_understood_is_the_writer_s_mistake() -> None:
    def careless(states: typing.Optional["typing.ForwardRef"] = None, other: 3 = 1) -> None: ...

    with pytest.raises(TypeError):
        checked(careless)(other=1)


def test_what_does_not_fit_into_memory_is_said_with_its_size(monkeypatch) -> None:
    """10^6 states of 10,000 numbers in float64, three times: 240 GB; of 100 GB free, 80 may be taken."""
    monkeypatch.setattr(checks.memory, "available_memory", lambda: 100e9)
    network = rd.as_map(lambda h, x: h / 2, 10_000, 1)
    with pytest.raises(ValueError, match=r"n = 1,000,000 needs 240 GB for states, .* 80 GB .*: n can be at most 333,"):
        rd.sample_states(network, torch.zeros(1, 3, 1), 10**6)


def test_what_memory_there_is() -> None:
    assert 2**20 < checks.available_memory() < 2**50


def test_failures_of_allocators_are_refusals() -> None:
    def greedy(n: int) -> Tensor:
        return torch.empty(n, n)

    with pytest.raises(ValueError, match=r"greedy needs more memory than there is, with n = 1,000,000,000"):
        checked(greedy)(10**9)
