"""However often a tracker looks, it tells one story: that of the weights the training really had."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from problems.networks import tanh_network
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.stopping import limited
from rnn_dynamics.systems import read_checkpoint
from rnn_dynamics.tasks import FlipFlop
from rnn_dynamics.tracking import AttractorTracker, Event, TrackingHistory, checkpoint_files, observing
from rnn_dynamics.tracking.legs import nearest
from rnn_dynamics.tracking.ring import WeightRing

SEQUENCES = torch.randn(40, 10, 1, generator=torch.Generator().manual_seed(0))
Point = tuple[float, float]


def scalar(point: Point) -> nn.RNN:
    return tanh_network([[point[0]]], [point[1]])


EFFORT = rd.Effort(n=8, horizon=50, searched=64)


def tracker_of(every: int = 1, **options: Any) -> AttractorTracker:
    settings: dict[str, Any] = {"hold": [0.0], "budget": None, "effort": EFFORT}
    return AttractorTracker(SEQUENCES, every=every, **{"time_limit": None, **settings, **options})


def tracked(modules: Sequence[nn.Module], every: int, **options: Any) -> TrackingHistory:
    """As a user's own loop would show them: at every update."""
    tracker = tracker_of(every, **options)
    for step, module in enumerate(modules):
        tracker.observe(step, module, force=step == len(modules) - 1)
    return tracker.history


def told(history: TrackingHistory) -> list[tuple[str, str, int, int]]:
    return sorted((e.kind, e.how, e.before, e.step) for e in history.identities.events)


def room(point: Point) -> float:
    """Positive where h' = tanh(w h + b) has three fixed points, negative where it has one: |b| against its fold's."""
    w, b = point
    if w <= 1:
        return -1.0
    h = math.sqrt(1 - 1 / w)
    return w * h - math.atanh(h) - abs(b)


def expected(path: Sequence[Point]) -> list[tuple[str, int, float]]:
    """Each pair that is born or dies from one update to the next: its kind, the update after, and where between."""
    events = []
    for step in range(1, len(path)):
        one, other = path[step - 1], path[step]
        if (room(one) > 0) == (room(other) > 0):
            continue
        low, high = 0.0, 1.0
        for _ in range(60):
            t = 0.5 * (low + high)
            there = room((one[0] + t * (other[0] - one[0]), one[1] + t * (other[1] - one[1])))
            low, high = (t, high) if (there > 0) == (room(one) > 0) else (low, t)
        events += [("birth" if room(other) > 0 else "death", step, step - 1 + low)] * 2
    return events


def bow(count: int) -> list[Point]:
    """An arc over the tip of the cusp: born on one side, dead on the other; the straight way passes below the tip."""
    turns = [math.pi * (1 - k / (count - 1)) for k in range(count)]
    return [(0.6 + 1.5 * math.sin(turn), 0.7 * math.cos(turn)) for turn in turns]


def wave(count: int) -> list[Point]:
    """In and out of the cusp again and again, with a bend in w."""
    return [(2.0 + 0.4 * math.sin(0.9 * k), -0.75 * math.cos(2 * math.pi * k / 13)) for k in range(count)]


def there_and_back(count: int) -> list[Point]:
    """Out of the cusp and exactly back: the straight line from the first to the last has no length."""
    return [(2.0, -0.1 - 0.7 * math.sin(math.pi * min(k, count - 1 - k) / (count - 1))) for k in range(count)]


@pytest.mark.parametrize("path", [bow(21), wave(21), there_and_back(21)], ids=["bow", "wave", "there and back"])
@pytest.mark.parametrize("every", [1, 5, 20])
def test_events_lie_at_the_updates_of_the_closed_form_however_often_one_looks(path: list[Point], every: int) -> None:
    right = expected(path)
    assert {kind for kind, _, _ in right} == {"birth", "death"}
    history = tracked([scalar(point) for point in path], every)
    events = history.identities.events
    assert [(e.kind, e.how, e.before, e.step) for e in events] == [(k, "fold", s - 1, s) for k, s, _ in right]
    assert [e.at for e in events] == pytest.approx([at for _, _, at in right], abs=1e-6)
    assert all(e.width == 1 for e in events)
    assert history.resolutions[1:].tolist() == [1.0] * (len(history) - 1)
    assert all(o.index_sum == 1 for o in history.observations)
    # Partners are each other's, those that live between two looks only among them, and the table has the brackets.
    names = {e.identity for e in events}
    assert all(e.partner in names for e in events)
    table = history.identities.to_pandas()
    assert (table["step"] - table["before"] == 1).all()
    assert (table["width"] == 1).all()
    assert history.to_pandas()["births"].sum() == sum(e.kind == "birth" for e in events)
    assert "(events located to 1 step)" in history.summary()


def test_a_budget_that_is_spent_leaves_events_as_coarse_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    path = [scalar(point) for point in wave(21)]
    to_the_end = tracked(path, 20)
    given = []

    def at_once(seconds: float | None) -> limited:
        given.append(seconds)
        return limited(None if seconds is None else 0.0)

    monkeypatch.setattr(observing, "limited", at_once)
    history = tracked(path, 20, budget=0.1)
    assert [seconds is None for seconds in given] == [True, True, False]  # each look, and locating at the second
    assert history.resolutions[1:].tolist() == [20.0]
    assert "(events located to 20 steps)" in history.summary()
    assert not any(o.cut_off for o in history.observations)
    assert to_the_end.resolutions[1:].tolist() == [1.0]
    assert len(history.identities.events) < len(to_the_end.identities.events)


def test_a_point_that_dies_and_another_at_the_next_look_are_two() -> None:
    """The straight line over the bow leads from the first point to the last, which are not the same one."""
    path = bow(21)
    history = tracked([scalar(point) for point in path], 20)
    first, last = history.identities.labels
    assert first.tolist() != last.tolist()
    without = tracker_of()
    for step in (0, 20):
        without.observe(step, scalar(path[step]))
    assert without.history.identities.events == ()
    assert without.history.resolutions[1] == 20
    assert "(events located to 20 steps)" in without.history.summary()


def test_what_comes_and_goes_away_from_all_that_is_known_is_seen_by_looks_alone() -> None:
    """The limit that ``routed`` states: a pair far from the one point known at both looks."""
    path = [(2.0, -0.8 + 0.7 * math.sin(math.pi * k / 20)) for k in range(21)]
    assert len(expected(path)) == 4
    assert len(tracked([scalar(point) for point in path], 20).identities.events) == 4  # searched for in between
    effort = replace(EFFORT, searches_between=0)
    blind = {every: tracked([scalar(point) for point in path], every, effort=effort) for every in (10, 20)}
    assert [len(history.identities.events) for history in blind.values()] == [4, 0]


@pytest.mark.parametrize(("kept", "stride"), [(20, 2), (8, 8), (0, 40)])
def test_a_full_budget_thins_evenly_and_brackets_say_so(kept: int, stride: int) -> None:
    path = [(2.0, -0.9 + 0.05 * k) for k in range(41)]
    one = 4 * 8  # bytes of four numbers
    history = tracked([scalar(point) for point in path], 40, path_budget=kept * one)
    assert history.observations[1].resolution == stride
    right = expected(path)
    events = history.identities.events
    if kept:
        assert [(e.kind, e.width) for e in events] == [(kind, stride) for kind, _, _ in right]
        for event, (_, step, at) in zip(events, right, strict=True):
            assert event.before <= step - 1 < step <= event.step
            assert event.before < at < event.step
            assert event.at == pytest.approx(at, abs=1e-6)  # this path is straight
    assert f"(events located to {stride} steps)" in history.summary()


@pytest.mark.slow
def test_a_flip_and_a_circle_lie_at_their_updates() -> None:
    gains = [-0.9 - 0.03 * math.sin(0.4 * k) - 0.01 * k for k in range(21)]
    flips = [step for step in range(1, 21) if (gains[step] < -1) != (gains[step - 1] < -1)]
    assert len(flips) >= 1
    for every in (1, 20):
        history = tracked([scalar((gain, 0.0)) for gain in gains], every)
        right = []
        for step in flips:
            kinds = ("birth", "unstable") if gains[step] < -1 else ("death", "stable")
            right += [(kind, "flip", step - 1, step) for kind in kinds]
        assert told(history) == sorted(right)

    def turning(radius: float) -> nn.RNN:
        c, s = radius * math.cos(0.9), radius * math.sin(0.9)
        return tanh_network([[c, -s], [s, c]], [0.0, 0.0])

    radii = [0.9 + 0.013 * k for k in range(21)]
    history = tracked([turning(radius) for radius in radii], 20)
    born, unstable = sorted(history.identities.events, key=lambda event: event.kind)
    assert [(e.kind, e.how, e.before, e.step) for e in (born, unstable)] == [
        ("birth", "Neimark-Sacker", 7, 8),
        ("unstable", "Neimark-Sacker", 7, 8),
    ]
    assert born.at == pytest.approx(0.1 / 0.013, abs=1e-6)
    assert born.partner == unstable.identity
    # Circles, which cannot be followed, go on from look to look while points are followed in between.
    again = tracked([turning(1.1 + 0.002 * k) for k in range(21)], 20)
    assert told(again) == []
    assert len(again.identities) == 2


class Step(nn.Module):
    """H' = tanh(w h + b + x), as anybody may write it."""

    def __init__(self, point: Point) -> None:
        super().__init__()
        self.w, self.b = (nn.Parameter(torch.tensor(value, dtype=torch.float64)) for value in point)

    def forward(self, state: Tensor, input: Tensor) -> Tensor:
        return torch.tanh(self.w * state + self.b + input)


@pytest.mark.slow
def test_a_module_of_ones_own_is_followed_and_a_plain_function_is_not() -> None:
    path = wave(21)
    step = Step(path[0])
    tracker = tracker_of(20)
    for number, (w, b) in enumerate(path):
        with torch.no_grad():
            step.w.fill_(w)
            step.b.fill_(b)
        tracker.observe(number, rd.as_map(step, 1, 1, box=([-1.0], [1.0])))
    own = [(e.kind, e.step) for e in tracker.history.identities.events]
    assert own == [(kind, step) for kind, step, _ in expected(path)]
    plain = tracker_of(2)
    for number in range(3):
        plain.observe(number, rd.as_map(lambda state, input: torch.tanh(0.5 * state + input), 1, 1))
    assert plain.history.observations[1].resolution is None
    assert plain.history.resolutions[1] == 2


@pytest.mark.slow
@pytest.mark.parametrize("how", ["observe", "record"])
def test_both_ways_to_feed_it_are_the_same(how: str) -> None:
    path = wave(21)
    tracker = tracker_of(10)
    for step, point in enumerate(path):
        module = scalar(point)
        if how == "observe" or step % 10 == 0:
            tracker.observe(step, module)
        else:
            tracker.record(step, module)
    assert told(tracker.history) == told(tracked([scalar(point) for point in path], 10))
    assert tracker.history.recording_seconds > 0


@pytest.mark.slow
def test_a_training_has_one_story(tmp_path: Path) -> None:
    """A flip-flop network in the 40 updates in which its memories are born, some of them to die again at once."""
    task = FlipFlop(1280, 20, 2, 0.2, seed=0)
    model = rd.SequenceModel(module_from_spec("GRU-8", 2, 0), 2, seed=0)
    rd.train(
        model, task, settings=rd.TrainSettings(epochs=3, lr=1e-2, clip_norm=1.0), folder=tmp_path, snapshot_every=1
    )
    files = dict(checkpoint_files(tmp_path / "seed-0"))
    settings: dict[str, Any] = {"hold": [0.0, 0.0], "effort": replace(EFFORT, searched=128), "budget": None}
    histories = {}
    for every in (1, 5, 20):
        tracker = AttractorTracker(task, every=every, time_limit=None, **settings)
        for step in range(40, 81):
            tracker.observe(step, read_checkpoint(files[step]).network)
        histories[every] = tracker.history
    whole = told(histories[1])
    assert sum(kind == "birth" for kind, *_ in whole) >= 12
    assert sum(kind == "death" for kind, *_ in whole) >= 4
    for every, history in histories.items():
        assert told(history) == whole, every
        assert history.resolutions[1:].tolist() == [1.0] * (len(history) - 1)
        assert all(o.index_sum == 1 for o in history.observations)
    places = [sorted(e.at for e in history.identities.events) for history in histories.values()]
    assert places[0] == pytest.approx(places[1], abs=1e-6)
    assert places[0] == pytest.approx(places[2], abs=1e-6)


def test_ensembles_and_warmups_feed_it_too() -> None:
    task = FlipFlop(40, 8, 1, seed=0)
    models = [rd.SequenceModel(module_from_spec("GRU-4", 1, seed), 1, seed=seed) for seed in range(2)]
    effort = rd.Effort(n=8, horizon=20, searched=32)
    options: dict[str, Any] = {"hold": [0.0], "effort": effort, "budget": None, "every": 3}
    trackers = [AttractorTracker(task, **options) for _ in models]
    rd.train_ensemble(models, task, settings=rd.TrainSettings(epochs=4, batch_size=8), trackers=trackers)
    for tracker in trackers:
        assert len(tracker.history) > 2
        assert set(tracker.history.resolutions[1:].tolist()) == {1.0}
    tracker = AttractorTracker(task, **options)
    rd.warm_up(module_from_spec("GRU-4", 1, 0), task, steps=6, batch_size=8, callback=tracker.observe)
    assert tracker.history.resolutions[1:].tolist() == [1.0, 1.0]


def stopped(folder: Path, upto: int, path: list[Point], **options: Any) -> AttractorTracker:
    """A loop that writes its own state, and says so, after every seventh update."""
    tracker = tracker_of(20, folder=folder, **options)
    for step in range(upto):
        tracker.observe(step, scalar(path[step]))
        if step % 7 == 0:
            tracker.flush()
    return tracker


@pytest.mark.slow
@pytest.mark.parametrize("budget", [2**20, 6 * 32])
def test_a_stopped_run_goes_on_with_the_weights_it_had(budget: int, tmp_path: Path) -> None:
    path = [(2.0, -0.9 + 0.03 * k) for k in range(61)]
    whole = stopped(tmp_path / "whole", 61, path, path_budget=budget).history
    for cut in (12, 47):
        folder = tmp_path / str(cut)
        stopped(folder, cut, path, path_budget=budget)
        tracker = tracker_of(20, folder=folder, resume=True, path_budget=budget)
        for step in range(cut - 1 - (cut - 1) % 7, 61):  # from the state written last
            tracker.observe(step, scalar(path[step]))
        assert tracker.history.identities.to_pandas().equals(whole.identities.to_pandas())
        assert [o.resolution for o in tracker.history.observations] == [o.resolution for o in whole.observations]
        assert all(o.way == () or o.way[0].step > 0 for o in tracker.history.observations)
        assert not list(folder.glob("since-*"))  # nothing comes after the last look
    # Pieces that are torn or gone are missed, and the resolution says so.
    stopped(tmp_path / "torn", 33, path)
    pieces = sorted((tmp_path / "torn").glob("since-*"))
    pieces[0].write_bytes(b"torn")
    tracker = tracker_of(20, folder=tmp_path / "torn", resume=True)
    for step in range(28, 61):
        tracker.observe(step, scalar(path[step]))
    assert [o.resolution for o in tracker.history.observations] == [None, 1, 8, 1]


@pytest.mark.slow
def test_what_was_learnt_is_saved_and_loaded(tmp_path: Path) -> None:
    history = tracked([scalar(point) for point in wave(41)], 20)
    assert any(o.way for o in history.observations)
    again = rd.load(rd.save(history, tmp_path / "history.safetensors"))
    assert again.identities.to_pandas().equals(history.identities.to_pandas())
    assert again.to_pandas().equals(history.to_pandas())
    assert [stage.step for stage in again.stages] == [stage.step for stage in history.stages]
    # Complex numbers that torch can reckon with: off multiples of 16 bytes its kernels end the process.
    assert all(stage.sets.multipliers.data_ptr() % 16 == 0 for stage in again.stages)
    # By distance alone, from look to look.
    alone = history.match(followed=False)
    assert all(bool((labels == -1).all()) for way in alone.way for labels in way)
    assert all(event.width == 20 for event in alone.events)


def test_a_ring_is_thinned_evenly_and_restored_as_it_was() -> None:
    def filled(count: int, pieces: Sequence[int] = ()) -> tuple[WeightRing, list[Any]]:
        ring, written = WeightRing(10 * 8), []
        ring.begin(0)
        for step in range(1, count + 1):
            ring.add(step, [torch.full((1,), float(step), dtype=torch.float64)])
            if step in pieces:
                written.append(ring.unwritten())
        return ring, written

    for count, stride in ((10, 1), (11, 2), (21, 2), (22, 4), (100, 16)):
        ring, _ = filled(count)
        steps = [step for step, _ in ring.between(0, 1000)]
        assert steps == list(range(stride, count + 1, stride))
        assert all(float(weights[0]) == step for step, weights in ring.between(0, 1000))
    whole = filled(60)[0].between(0, 1000)
    for cut in (9, 10, 23, 40):
        ring, pieces = filled(cut, (4, 5, 17, cut))
        again = WeightRing(10 * 8)
        again.begin(0)
        again.restore(pieces)
        for step in range(cut - 3, 61):  # some of them once more
            again.add(step, [torch.full((1,), float(step), dtype=torch.float64)])
        assert [step for step, _ in again.between(0, 1000)] == [step for step, _ in whole]
    other = WeightRing(10 * 8)
    other.begin(5)
    other.restore(pieces)
    assert other.between(5, 1000) == []
    assert ring.between(3, 1000) == []


def test_weights_with_nan_and_bad_steps() -> None:
    tracker = tracker_of(10)
    tracker.record(0, scalar((2.0, 0.0)))  # nothing before the first look
    tracker.observe(0, scalar((2.0, -0.9)))
    for step in range(1, 10):
        tracker.record(step, scalar((2.0, math.nan if step == 4 else -0.9 + 0.08 * step)))
    tracker.observe(10, scalar((2.0, -0.1)))
    assert tracker.history.observations[1].resolution == 2
    fold = (0.9 - (2 * math.sqrt(0.5) - math.atanh(math.sqrt(0.5)))) / 0.08
    assert 4 < fold < 5  # the weights of 4 are not known
    assert told(tracker.history) == [("birth", "fold", 3, 5)] * 2
    for step, module, words in (
        (10, scalar((2.0, 0.0)), "steps must rise, got 10 after 10"),
        (11.5, scalar((2.0, 0.0)), "whole number"),
        (11, nn.Tanh(), "Tanh"),
    ):
        with pytest.raises(ValueError, match=words):
            tracker.record(step, module)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="path_budget"):
        tracker_of(path_budget=-1)


def test_what_locating_costs_is_paid_from_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("budget", "observing"):  # the work, and not the time that a busy machine takes for it
        monkeypatch.setattr(f"rnn_dynamics.tracking.{place}.time", SimpleNamespace(perf_counter=time.process_time))
    path = wave(41)
    plain, fed = tracker_of(), tracker_of()
    for step, point in enumerate(path):
        module = scalar(point)
        if step % 40 == 0:
            plain.observe(step, module)
            fed.observe(step, module)
        else:
            fed.record(step, module)
    assert fed.budget.spent == pytest.approx(fed.history.seconds + fed.history.recording_seconds, rel=0.2)
    assert len(fed.history.observations[1].way) > 0


def test_ctrl_c_while_events_are_located_keeps_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    from rnn_dynamics.tracking import route

    real: Callable[..., Any] = route.runs_along
    calls: list[int] = []

    def pressed(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    path = [(2.0, -0.9 + 0.05 * k) for k in range(41)]
    tracker = tracker_of(40)
    monkeypatch.setattr(route, "runs_along", pressed)
    for step, point in enumerate(path[:-1]):
        tracker.observe(step, scalar(point))
    with pytest.raises(KeyboardInterrupt):
        tracker.observe(40, scalar(path[-1]))
    last = tracker.history.observations[-1]
    assert (last.step, last.interrupted, last.cut_off) == (40, True, True)
    assert tracker.history.interrupted
    events: tuple[Event, ...] = tracker.history.identities.events
    assert len(events) == len([e for e in events if e.before <= e.at <= e.step])


def test_how_far_a_multiplier_went_is_not_said_where_its_partner_may_not_have_been_kept() -> None:
    """Else a step of one update on which two small multipliers of sixteen change places would seem a leap."""
    values, kept = torch.tensor([0.9, 0.5, -0.5]).cdouble(), torch.tensor([0.8, 0.55]).cdouble()
    moved, room = nearest(values, kept, n=3)  # a third lies within .55
    assert moved.tolist() == pytest.approx([0.1])
    assert room.tolist() == pytest.approx([0.1 + 0.2, 0.5 + 0.45, 0.5 + 0.45])
    moved, room = nearest(values, kept, n=2)
    assert moved.tolist() == pytest.approx([0.1, 0.05, 1.05])
    assert room.tolist() == pytest.approx([0.1 + 0.2, 0.5 + 0.45, 0.5 + 0.45])


def test_what_was_only_done_because_it_could_be_afforded_is_not_expected_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("rnn_dynamics.tracking.budget.time", SimpleNamespace(perf_counter=lambda: clock.now))
    budget = rd.tracking.Budget(0.1)
    for seconds, spared, wait in ((1.0, 0.0, 10.0), (5.0, 4.0, 50.0)):
        with budget.charge():
            clock.now += seconds
        budget.spare(spared)
        assert not budget.allows
        clock.now += wait - 0.1
        assert budget.left == pytest.approx(-0.01)
        clock.now += 0.1
        assert not budget.allows  # nothing is owed any more, and nothing saved up
    clock.now += 9.9
    assert not budget.allows
    clock.now += 0.2
    assert budget.allows  # one second, and not five
    assert budget.left == pytest.approx(1.01)
