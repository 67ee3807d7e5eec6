"""The tracker reports exactly the births, deaths and changes of stability that closed forms predict."""

import copy
import itertools
import math
import signal
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from problems.networks import tanh_network
from torch import Tensor, nn
from trained import SMALL, trained

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.stopping import look_at_the_clock
from rnn_dynamics.tasks import CopyFirstInput, FlipFlop
from rnn_dynamics.tracking import AttractorTracker, Budget, TrackingHistory, checkpoint_files, match, track_checkpoints

SEQUENCES = torch.randn(40, 10, 1, generator=torch.Generator().manual_seed(0))


def scalar(w: float, b: float) -> nn.RNN:
    """H' = tanh(w h + b + x)."""
    return tanh_network([[w]], [b])


def tracked(modules: list[nn.Module], **options: object) -> TrackingHistory:
    settings: dict = {"hold": [0.0], "budget": None, "effort": rd.Effort(horizon=500), "time_limit": None, **options}
    tracker = AttractorTracker(SEQUENCES, **settings)
    for step, module in enumerate(modules):
        tracker.observe(step, module)
    return tracker.history


def fold_bias(w: float) -> float:
    """The b > 0 at which two of the three fixed points of tanh(w h + b) meet: w (1 - h^2) = 1 there."""
    h = math.sqrt(1 - 1 / w)
    return w * h - math.atanh(h)


def told(history: TrackingHistory) -> list[tuple[str, str, int]]:
    return [(event.kind, event.how, event.step) for event in history.identities.events]


def test_folds_are_born_and_die_where_the_closed_form_says() -> None:
    bias = torch.linspace(-1.5, 1.5, 13).tolist()
    history = tracked([scalar(2.0, b) for b in bias])
    events = history.identities.events
    assert told(history) == [("birth", "fold", 4)] * 2 + [("death", "fold", 9)] * 2
    births, deaths = [(e.at * 0.25 - 1.5) for e in events[:2]], [(e.at * 0.25 - 1.5) for e in events[2:]]
    assert births == pytest.approx([-fold_bias(2.0)] * 2, abs=1e-7)
    assert deaths == pytest.approx([fold_bias(2.0)] * 2, abs=1e-7)
    # Partners are each other's, the saddle dies with the node it was not born with, and the place is the fold.
    assert events[0].partner == events[1].identity
    assert events[1].partner == events[0].identity
    assert events[2].partner == events[3].identity
    h = math.sqrt(0.5)
    assert [float(e.state) for e in events] == pytest.approx([h, h, -h, -h], abs=1e-4)
    saddle = {events[0].identity, events[1].identity} & {events[2].identity, events[3].identity}
    assert len(saddle) == 1
    stable = [bool(history.observations[o].sets.stable[r]) for o, r in history.identities.rows(saddle.pop())]
    assert stable == [False] * 5
    assert history.counts.tolist() == [1] * 4 + [2] * 5 + [1] * 4
    assert [len(o.sets) for o in history.observations] == [1] * 4 + [3] * 5 + [1] * 4
    assert all(o.index_sum == 1 for o in history.observations)
    assert all(float(o.sets.residuals.max()) < 1e-10 for o in history.observations)


def test_a_pitchfork_keeps_the_centre_and_bears_two_arms() -> None:
    history = tracked([scalar(w, 0.0) for w in (0.5, 0.8, 1.3, 2.0, 0.6)])
    assert sorted(told(history)) == sorted(
        [("birth", "pitchfork", 2)] * 2
        + [("unstable", "pitchfork", 2)]
        + [("death", "pitchfork", 4)] * 2
        + [("stable", "pitchfork", 4)]
    )
    at = {(e.kind, e.at) for e in history.identities.events}
    for kind, t in at:
        before, after = (0.8, 1.3) if kind in ("birth", "unstable") else (2.0, 0.6)
        step = 1 if kind in ("birth", "unstable") else 3
        assert t - step == pytest.approx((1 - before) / (after - before), abs=1e-6)
    centre = history.identities.rows(0)
    assert len(centre) == 5
    assert [float(history.observations[o].sets.states[r, 0]) for o, r in centre] == pytest.approx([0.0] * 5, abs=1e-9)


def test_a_flip_bears_a_cycle_and_takes_it_back() -> None:
    history = tracked([scalar(w, 0.0) for w in (-0.5, -0.9, -1.4, -2.0, -0.7)])
    assert sorted(told(history)) == sorted(
        [("birth", "flip", 2), ("unstable", "flip", 2), ("death", "flip", 4), ("stable", "flip", 4)]
    )
    born = next(e for e in history.identities.events if e.kind == "birth")
    assert born.at == pytest.approx(1 + 0.1 / 0.5, abs=1e-6)
    cycle = history.observations[3].sets
    row = cycle.kinds.index("cycle")
    h = float(cycle.orbits[row][0].abs())
    assert math.tanh(2 * h) == pytest.approx(h, abs=1e-9)
    assert cycle.periods[row] == 2
    slope = (2 * (1 - h * h)) ** 2
    assert float(cycle.spectral_radii[row]) == pytest.approx(slope**0.5, rel=1e-6)  # per step
    assert history.observations[3].sets.counts == {"cycle": 1}


def test_a_neimark_sacker_point_bears_a_circle() -> None:
    def turning(radius: float) -> nn.RNN:
        c, s = radius * math.cos(0.9), radius * math.sin(0.9)
        return tanh_network([[c, -s], [s, c]], [0.0, 0.0])

    history = tracked([turning(r) for r in (0.8, 0.95, 1.15, 1.3)])
    assert sorted(told(history)) == [("birth", "Neimark-Sacker", 2), ("unstable", "Neimark-Sacker", 2)]
    assert history.observations[-1].sets.counts == {"circle": 1}
    assert len(history.identities) == 2  # the circle goes on, matched by its samples
    born = next(e for e in history.identities.events if e.kind == "birth")
    assert born.at == pytest.approx(1 + 0.05 / 0.2, abs=1e-6)


def test_scaling_the_weights_of_a_trained_network_down_kills_pair_by_pair() -> None:
    module = copy.deepcopy(trained(SMALL, 0).module)
    scales = [1.0, 0.8, 0.6, 0.45, 0.3, 0.2, 0.1, 0.0]
    weights = {name: weight.detach().clone() for name, weight in module.named_parameters()}
    tracker = AttractorTracker(
        FlipFlop(64, 30, 2, seed=1),
        hold=[0.0, 0.0],
        budget=None,
        effort=rd.Effort(horizon=500, searched=1024),
        time_limit=None,
    )
    counts = []
    for step, scale in enumerate(scales):
        with torch.no_grad():
            for name, weight in module.named_parameters():
                weight.copy_(scale * weights[name])
        tracker.observe(step, module)
        # An independent audit: many uniform starts, plain Newton.
        system = rd.as_map(module).hold()
        uniform = 2 * torch.rand(2000, 12, generator=torch.Generator().manual_seed(step), dtype=torch.float64) - 1
        counts.append(len(rd.find_fixed_points(system, uniform, seed=9)))
    history = tracker.history
    assert [len(o.sets) for o in history.observations] == counts
    assert counts[0] >= 9
    assert counts[-1] == 1
    events = history.identities.events
    change = [0, *(b - a for a, b in pairwise(counts))]
    for step in range(1, len(scales)):
        here = [e for e in events if e.step == step]
        born, died = sum(e.kind == "birth" for e in here), sum(e.kind == "death" for e in here)
        assert born - died == change[step]
        assert not any(e.kind == "found late" for e in here)
    assert {e.how for e in events if e.kind in ("birth", "death")} <= {"fold", "pitchfork"}
    assert all(e.partner >= 0 for e in events if e.how == "fold")
    # Settings of the matching change nothing that was followed.
    again = history.match(max_distance=0.01, stability_weight=3.0)
    assert all(torch.equal(a, b) for a, b in zip(again.labels, history.identities.labels, strict=True))


def test_matching_by_distance_alone_agrees_where_steps_are_small() -> None:
    history = tracked([scalar(2.0, b) for b in torch.linspace(-1.2, 1.2, 41).tolist()])
    alone = history.match(followed=False)
    assert len(alone) == len(history.identities) == 3
    assert [(e.kind, e.step) for e in alone.events] == [(e.kind, e.step) for e in history.identities.events]
    assert all(math.isnan(e.at) and e.how == "unresolved" for e in alone.events)
    # With nothing within reach every observation is a new generation.
    strict = history.match(followed=False, max_distance=1e-9, stability_weight=0.0)
    assert len(strict) == sum(len(o.sets) for o in history.observations)


def test_a_point_that_an_earlier_search_missed_is_no_birth() -> None:
    modules = [scalar(2.0, b) for b in (0.0, 0.02, 0.04)]
    history = tracked(modules)
    first = history.observations[0]
    keep = torch.tensor([0, 2])
    sets = first.sets
    part = type(sets)(
        tuple(sets.kinds[i] for i in keep),
        sets.periods[keep],
        tuple(sets.orbits[i] for i in keep),
        sets.residuals[keep],
        sets.multipliers[keep],
        sets.spectral_radii[keep],
        sets.n_unstable[keep],
        sets.stable[keep],
        sets.hits[keep],
    )
    tracker = AttractorTracker(SEQUENCES, hold=[0.0], budget=None, effort=rd.Effort(horizon=500))
    tracker.observe(0, modules[0])
    tracker._seen = type(tracker._seen)(tracker._seen.network, part, False)  # type: ignore[union-attr]
    observation = tracker.observe(1, modules[1])
    assert observation is not None
    assert observation.passage is not None
    assert sorted(observation.passage.origins) == ["continued", "continued", "missed"]


def test_published_measure_is_that_of_reachability() -> None:
    module = module_from_spec("GRU-8", 1, 0)
    rd.warm_up(module, SEQUENCES, steps=5)
    tracker = AttractorTracker(SEQUENCES, hold=[0.3], effort=rd.Effort(n=16, horizon=300), budget=None, seed=4)
    observation = tracker.observe(0, module)
    reach = rd.reachability(rd.as_map(module), SEQUENCES, [0.3], n=16, horizons=[300], seed=4)
    assert observation is not None
    assert observation.vaa == pytest.approx(reach.vaa, abs=1e-12)
    assert observation.sets.counts == reach.attractors[0].counts
    assert (observation.n, observation.horizon) == (16, 300)


@pytest.mark.parametrize("spec", ["RNN-5", "GRU-5x2", "LSTM-5", "MGU-5", "nBRC-4", "GRU+GRU-6", "chrono-4"])
def test_every_cell_is_tracked_and_left_as_it_was(spec: str) -> None:
    module = module_from_spec(spec, 1, 0)
    module.train()
    before = {name: weight.detach().clone() for name, weight in module.named_parameters()}
    tracker = AttractorTracker(
        SEQUENCES,
        effort=rd.Effort(n=8, horizon=50, searched=64, settle=rd.Settle(max_steps=500, horizon=1e3)),
        budget=None,
    )
    for step in range(3):
        with torch.no_grad():
            for weight in module.parameters():
                weight.mul_(1.05)
        before = {name: weight * 1.05 for name, weight in before.items()}
        with torch.inference_mode(step == 1):
            observation = tracker.observe(step, module, loss=0.5)
        assert observation is not None
        assert sum(observation.outcomes) == 8
    assert module.training
    for name, weight in module.named_parameters():
        assert weight.requires_grad
        assert weight.grad is None
        assert torch.allclose(weight, before[name])
    assert "3 observations" in tracker.history.summary()


def test_it_is_a_callback_of_warm_up() -> None:
    module = module_from_spec("GRU-6", 1, 0)
    tracker = AttractorTracker(SEQUENCES, effort=rd.Effort(n=8, horizon=20, searched=32), budget=None, every=4)
    rd.warm_up(module, SEQUENCES, steps=8, batch_size=8, callback=tracker.observe)
    assert tracker.history.steps.tolist() == [0, 4, 8]
    assert math.isfinite(float(tracker.history.scalars("soft_vaa")[0]))
    assert math.isnan(float(tracker.history.scalars("loss")[-1]))


class Ticking:
    """Stands in for ``time``; every look at it is a second later."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 1.0
        return self.now

    monotonic = perf_counter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Ticking:
    clock = Ticking()
    for place in ("tracking.budget", "stopping"):
        monkeypatch.setattr(f"rnn_dynamics.{place}.time", clock)
    return clock


def on_evaluation(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], object]) -> None:
    """Do this, told how many there were, whenever a tracker evaluates a map."""
    numbers = itertools.count(1)

    def counted() -> None:
        act(next(numbers))
        look_at_the_clock()

    monkeypatch.setattr("rnn_dynamics.systems.driven.look_at_the_clock", counted)


def test_the_budget_leaves_observations_out_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("rnn_dynamics.tracking.budget.time.perf_counter", lambda: now[0])
    budget = Budget(0.1)
    made = 0
    for step in range(1000):
        now[0] += 1.0  # a second of training
        if step == 0 or budget.allows:
            with budget.charge():
                now[0] += 2.0
            made += 1
    assert 40 <= made <= 55
    assert budget.spent <= 0.1 * budget.training_seconds + 2.0
    assert budget.training_seconds == pytest.approx(999.0)


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan")])
def test_a_wrong_budget_is_refused_by_the_name_that_callers_know(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"^budget must be a "):
        Budget(wrong)
    with pytest.raises(ValueError, match=r"^budget must be a "):
        AttractorTracker(SEQUENCES, budget=wrong)


def test_trackers_that_share_a_budget_share_it_after_a_kill_too(tmp_path: Path, clock: Ticking) -> None:
    def made(resume: bool) -> tuple[Budget, list[AttractorTracker]]:
        budget = Budget(None)
        effort = rd.Effort(n=8, horizon=50, searched=32)
        options: dict = {"hold": [0.0], "effort": effort, "budget": budget, "resume": resume}
        return budget, [AttractorTracker(SEQUENCES, folder=tmp_path / str(seed), **options) for seed in range(3)]

    budget, trackers = made(False)
    for step in range(3):
        for tracker in trackers:
            tracker.observe(step, scalar(2.0, 0.1 * step))
        clock.now += 50.0
    again, _ = made(True)
    assert again.spent == pytest.approx(budget.spent, rel=1e-6)
    assert 100.0 < again.training_seconds <= budget.training_seconds


def test_a_costly_observation_is_not_repeated_until_training_has_gone_on(clock: Ticking) -> None:
    tracker = AttractorTracker(SEQUENCES, effort=rd.Effort(n=8, horizon=50, searched=32), budget=0.05)
    module = scalar(0.5, 0.0)
    for step in range(20):
        tracker.observe(step, module)
    assert len(tracker.history) == 1
    tracker.observe(20, module, force=True)
    assert tracker.history.steps.tolist() == [0, 20]
    assert tracker.history.skipped == 19
    assert tracker.history.overhead > 0.05


@pytest.mark.parametrize(
    ("share", "told"), [(0.0731, "cost 7.3% of the training time"), (287.013, "cost 287 times the")]
)
def test_what_observing_cost_is_told_as_a_share_or_as_a_multiple(share: float, told: str) -> None:
    tracker = AttractorTracker(SEQUENCES, effort=rd.Effort(n=8, horizon=50, searched=32))
    tracker.observe(0, scalar(0.5, 0.0))
    history = tracker.history
    assert told in replace(history, training_seconds=(history.seconds + history.recording_seconds) / share).summary()


def test_a_time_limit_cuts_an_observation_off(monkeypatch: pytest.MonkeyPatch, clock: Ticking) -> None:
    tracker = AttractorTracker(
        CopyFirstInput(64, 30, seed=0),
        effort=rd.Effort(n=32, horizon=10, settle=rd.Settle(max_steps=100_000)),
        budget=None,
        time_limit=50.0,
    )
    evaluations: list[int] = []
    on_evaluation(monkeypatch, evaluations.append)
    module = module_from_spec("GRU-64x2", 1, 0)
    observation = tracker.observe(0, module)
    assert observation is not None
    assert observation.cut_off
    assert not observation.interrupted
    assert 50 < len(evaluations) < 1000
    assert tracker.observe(1, module) is not None


def test_ctrl_c_keeps_the_observation_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = AttractorTracker(
        SEQUENCES, effort=rd.Effort(n=32, horizon=10, settle=rd.Settle(max_steps=10**7)), budget=None, time_limit=None
    )
    angle = 2 * math.pi * (math.sqrt(5) - 1) / 2
    rotation = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    module = tanh_network([[0.9999 * x for x in row] for row in rotation], [0.0, 0.0])
    on_evaluation(monkeypatch, lambda number: number == 1000 and signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        any(tracker.observe(step, module) is None for step in range(2000))
    assert len(tracker.history) >= 1 or tracker.latest_count is None


def test_saved_loaded_and_as_tables(tmp_path: Path) -> None:
    history = tracked([scalar(2.0, b) for b in (-1.0, -0.4, 0.0)])
    again = rd.load(rd.save(history, tmp_path / "history.safetensors"))
    assert again.identities.to_pandas().equals(history.identities.to_pandas())
    assert again.to_pandas().equals(history.to_pandas())
    assert again.to_pandas()["births"].tolist() == [0, 2, 0]
    assert "2 born" in repr(again)
    assert "<table" in again._repr_html_()
    assert "<table" in again.identities._repr_html_()


def _run(folder: Path, upto: int, resume: bool = False) -> AttractorTracker:
    tracker = AttractorTracker(
        SEQUENCES, hold=[0.0], budget=None, effort=rd.Effort(horizon=100), folder=folder, resume=resume
    )
    for step, b in enumerate([-1.0, -0.7, -0.4, 0.0, 0.5][:upto]):
        tracker.observe(step, scalar(2.0, b))
    return tracker


def test_a_killed_tracker_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    whole = _run(tmp_path / "whole", 5).history
    for cut in (1, 2, 3):
        folder = tmp_path / str(cut)
        _run(folder, cut)
        (folder / ".observation-99.safetensors.tmp").write_bytes(b"torn")  # what a kill leaves of a file
        resumed = _run(folder, 5, resume=True).history
        assert resumed.steps.tolist() == [0, 1, 2, 3, 4]
        assert resumed.identities.to_pandas().equals(whole.identities.to_pandas())
    with pytest.raises(ValueError, match="pass resume=True"):
        _run(tmp_path / "1", 2)
    with pytest.raises(ValueError, match="horizon was 100, is 200"):
        AttractorTracker(SEQUENCES, hold=[0.0], effort=rd.Effort(horizon=200), folder=tmp_path / "1", resume=True)


def test_anybodys_checkpoints(tmp_path: Path) -> None:
    for step, b in ((0, -1.0), (100, -0.4), (20, -0.7)):
        torch.save(
            {"state_dict": {f"model.rnn.{k}": v for k, v in scalar(2.0, b).state_dict().items()}},
            tmp_path / f"epoch=1-step={step}.ckpt",
        )
    torch.save(scalar(2.0, 0.0).state_dict(), tmp_path / "best.pt")
    assert [step for step, _ in checkpoint_files(tmp_path)] == [0, 20, 100]
    history = track_checkpoints(tmp_path, SEQUENCES, hold=[0.0], effort=rd.Effort(horizon=50))
    assert history.steps.tolist() == [0, 20, 100]
    assert history.counts.tolist() == [1, 1, 2]
    torch.save(scalar(2.0, 0.0).state_dict(), tmp_path / "step-100.pt")
    with pytest.raises(ValueError, match="two checkpoints of step 100"):
        checkpoint_files(tmp_path)
    (tmp_path / "empty").mkdir()
    for folder, words in ((tmp_path / "empty", "no checkpoint"), (tmp_path / "none", "no folder")):
        with pytest.raises(ValueError, match=words):
            checkpoint_files(folder)


def test_functions_are_matched_by_distance() -> None:
    def made(b: float) -> rd.DrivenMap:
        def step(state: Tensor, input: Tensor) -> Tensor:
            return torch.tanh(2.0 * state + b + input)

        return rd.as_map(step, 1, 1, box=([-1.0], [1.0]))

    tracker = AttractorTracker(SEQUENCES, hold=[0.0], budget=None, effort=rd.Effort(horizon=50))
    for step, b in enumerate((-0.6, -0.5, -0.4, -0.3)):
        tracker.observe(step, made(b))
    history = tracker.history
    assert [(e.kind, e.how, e.step) for e in history.identities.events] == [("birth", "unresolved", 1)] * 2
    assert len(history.identities) == 3


def test_many_saddles_are_not_followed() -> None:
    module = module_from_spec("nBRC-12", 1, 0)
    tracker = AttractorTracker(
        SEQUENCES,
        effort=rd.Effort(n=8, horizon=50, most_points=1, searched=128, settle=rd.Settle(max_steps=500)),
        budget=None,
    )
    first, second = tracker.observe(0, module), tracker.observe(1, module)
    assert first is not None
    assert second is not None
    if (first.n_fixed_points or 0) > 1:
        assert bool(first.sets.stable.all())
        assert first.index_sum is None
        assert second.n_fixed_points is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"every": 0}, "every"),
        ({"budget": 0.0}, "budget must be a positive share"),
        ({"time_limit": 0.0}, "time_limit must be positive"),
        ({"epsilon": -1.0}, "epsilon"),
        ({"hold": [float("nan")]}, "hold must be finite"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_out_of_range(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        AttractorTracker(SEQUENCES, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 1}, "n must be a whole number of at least 2"),
        ({"horizon": -1}, "horizon"),
        ({"searched": 2}, "searched"),
        ({"searches_between": -1}, "searches_between"),
        ({"most_points": 0}, "most_points"),
        ({"settle": 500}, "settle must be a Settle"),
    ],
)
def test_effort_out_of_range(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rd.Effort(**options)


def test_observations_that_do_not_fit() -> None:
    tracker = AttractorTracker(SEQUENCES, hold=[0.0], budget=None, effort=rd.Effort(horizon=10))
    tracker.observe(3, scalar(0.5, 0.0))
    for step, module, scalars, words in (
        (3, scalar(0.5, 0.0), {}, "steps must rise, got 3 after 3"),
        (4.5, scalar(0.5, 0.0), {}, "whole number"),
        (5, tanh_network([[0.1, 0], [0, 0.1]], [0.0, 0.0]), {}, "keep its shape"),
        (5, scalar(float("nan"), 0.0), {}, "NaN"),
        (5, "gru", {}, "as_map takes"),
        (5, scalar(0.5, 0.0), {"loss": "low"}, "scalars must be numbers"),
    ):
        with pytest.raises(ValueError, match=words):
            tracker.observe(step, module, **scalars)  # type: ignore[arg-type]
    assert len(tracker.history) == 1
    assert tracker.observe(5, scalar(0.5, 0.0)) is not None
    with pytest.raises(ValueError, match="no scalar 'acc'"):
        tracker.history.scalars("acc")
    with pytest.raises(ValueError, match="hold must have shape"):
        AttractorTracker(SEQUENCES, hold=[0.0, 1.0]).observe(0, scalar(0.5, 0.0))
    with pytest.raises(ValueError, match="max_distance"):
        tracker.history.match(max_distance=0.0)
    with pytest.raises(ValueError, match="stability_weight"):
        match(tracker.history.observations, stability_weight=-1.0)
    with pytest.raises(ValueError, match="rising steps"):
        TrackingHistory(tracker.history.observations[::-1])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_as_on_the_cpu() -> None:
    histories = []
    for device in ("cpu", "cuda"):
        tracker = AttractorTracker(SEQUENCES.to(device), hold=[0.0], budget=None, effort=rd.Effort(horizon=50))
        for step, b in enumerate((-1.0, -0.4, 0.0)):
            tracker.observe(step, scalar(2.0, b).to(device))
        histories.append(tracker.history)
    assert histories[0].identities.to_pandas().equals(histories[1].identities.to_pandas())
