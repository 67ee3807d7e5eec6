"""A timeline's events lie where closed forms put them, and its fixed points are those that independent counts find."""

import math
import shutil
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from problems.networks import tanh_network
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.families import between
from rnn_dynamics.plotting.timeline import COLORS, plot_timeline
from rnn_dynamics.systems import read_checkpoint
from rnn_dynamics.tasks import FlipFlop
from rnn_dynamics.timeline import search as timeline
from rnn_dynamics.timeline.coincidence import coincidence_of
from rnn_dynamics.timeline.results import TrainingBifurcations
from rnn_dynamics.timeline.search import training_bifurcations
from rnn_dynamics.training import SequenceModel, train


def scalar(w: float, b: float = 0.0) -> nn.RNN:
    return tanh_network([[w]], [b])


def turning(gain: float, angle: float = 0.9) -> nn.RNN:
    c, s = gain * math.cos(angle), gain * math.sin(angle)
    return tanh_network([[c, -s], [s, c]], [0.0, 0.0])


def by_step(modules: list[nn.Module], every: int = 10) -> list[tuple[int, nn.Module]]:
    return [(every * index, module) for index, module in enumerate(modules)]


def fold_weight(b: float) -> float:
    """The w at which h' = tanh(w h + b), b > 0, gets two more fixed points: w (1 - h^2) = 1 with w h + b = atanh(h)."""
    low, high = 1.0, 100.0
    for _ in range(200):
        w = 0.5 * (low + high)
        h = math.sqrt(1 - 1 / w)
        low, high = (w, high) if w * h - math.atanh(h) < b else (low, w)
    return low


def told(result: TrainingBifurcations) -> list[tuple[str, str, int]]:
    return [(event.kind, event.how, event.identity) for event in result.events]


def test_a_pitchfork_lies_at_gain_one_and_takes_three_identities() -> None:
    result = training_bifurcations(by_step([scalar(w) for w in (0.5, 0.8, 1.3, 2.0)]))
    assert [(b.how, len(b.identities)) for b in result.bifurcations] == [("pitchfork", 3)]
    point = result.bifurcations[0]
    assert point.at == pytest.approx(10 + 10 * 0.2 / 0.5, abs=1e-5)
    assert (point.before, point.step) == (10, 20)
    assert float(point.state) == pytest.approx(0.0, abs=1e-4)
    assert sorted(kind for kind, _, _ in told(result)) == ["birth", "birth", "unstable"]
    arms = [event for event in result.events if event.kind == "birth"]
    assert arms[0].partner == arms[1].identity
    assert result.counts.tolist() == [1, 1, 3, 3]
    assert result.stable_counts.tolist() == [1, 1, 2, 2]
    assert result.index_sums == (1,) * 4
    centre = next(event.identity for event in result.events if event.kind == "unstable")
    assert result.stretches(centre) == [(0.0, pytest.approx(14, abs=1e-5), True), (pytest.approx(14), 30.0, False)]
    assert "index sum is 1 at every checkpoint" in result.verdict
    assert "1 pitchfork" in repr(result)
    assert "pitchfork" in result._repr_html_()


def test_a_pitchfork_that_closes_is_one_event_again() -> None:
    result = training_bifurcations(by_step([scalar(2.0), scalar(0.6)]))
    assert [(b.how, len(b.identities)) for b in result.bifurcations] == [("pitchfork", 3)]
    assert result.bifurcations[0].at == pytest.approx(10 * 1.0 / 1.4, abs=1e-5)
    assert sorted(kind for kind, _, _ in told(result)) == ["death", "death", "stable"]


@pytest.mark.parametrize("b", [0.02, 0.1, -0.3])
def test_a_fold_lies_where_the_closed_form_puts_it(b: float) -> None:
    result = training_bifurcations(by_step([scalar(w, b) for w in (0.5, 1.0, 2.0)]))
    assert [(b.how, len(b.identities)) for b in result.bifurcations] == [("fold", 2)]
    w = fold_weight(abs(b))
    at = 10 + 10 * (w - 1.0)
    assert result.bifurcations[0].at == pytest.approx(at, abs=1e-5)
    assert float(result.bifurcations[0].state) == pytest.approx(-math.copysign(math.sqrt(1 - 1 / w), b), abs=1e-4)
    assert result.counts.tolist() == [1, 1, 3]


def test_flips_lie_at_minus_one_even_two_within_an_interval() -> None:
    away = training_bifurcations(by_step([scalar(w) for w in (-0.5, -1.7, -0.3)]))
    assert told(away) == [("unstable", "flip", 0), ("stable", "flip", 0)]
    assert [event.at for event in away.events] == pytest.approx([10 * 0.5 / 1.2, 10 + 10 * 0.7 / 1.4], abs=1e-5)
    twice = training_bifurcations(by_step([two_units(0.5, -0.5), two_units(-1.5, -1.7)]))
    assert told(twice) == [("unstable", "flip", 0), ("crossing", "flip", 0)]
    assert twice.events[0].at == pytest.approx(10 * 0.5 / 1.2, abs=1e-5)
    # Where w (1 - h^2) = -1 the bias is w h + b = atanh(h).
    w = 0.5 - 0.2 * twice.events[1].at
    h = float(twice.events[1].state[0])
    assert w * (1 - h * h) == pytest.approx(-1, abs=1e-6)
    assert math.tanh(w * h + 0.05) == pytest.approx(h, abs=1e-9)


def test_a_neimark_sacker_point_lies_at_gain_one() -> None:
    result = training_bifurcations(by_step([turning(gain) for gain in (0.5, 0.8, 1.3)]))
    assert told(result) == [("unstable", "Neimark-Sacker", 0)]
    assert result.events[0].at == pytest.approx(14, abs=1e-5)
    assert result.stable_counts.tolist() == [1, 1, 0]


def two_units(w: float, second: float) -> nn.RNN:
    """A unit with a fold at ``fold_weight(0.05)``, and one that flips at second = -1, whatever the first does."""
    return tanh_network([[w, 0.0], [0.0, second]], [0.05, 0.0])


@pytest.mark.parametrize("forward", [True, False])
def test_what_happens_between_a_birth_and_the_next_checkpoint_is_told(forward: bool) -> None:
    ends = [two_units(0.5, -0.1), two_units(2.0, -1.3)]
    result = training_bifurcations(by_step(ends if forward else ends[::-1]))
    fold, flip = 10 * (fold_weight(0.05) - 0.5) / 1.5, 7.5
    fold, flip = (fold, flip) if forward else (10 - fold, 10 - flip)
    whole = {kind: [e for e in result.events if e.kind == kind] for kind in ("birth", "death", "stable", "unstable")}
    pair = whole["birth" if forward else "death"]
    assert [event.at for event in pair] == pytest.approx([fold] * 2, abs=1e-5)
    turned = whole["unstable" if forward else "stable"]  # the old point, and the node of the pair
    saddles = [event for event in result.events if event.kind == "crossing"]
    assert (len(turned), len(saddles)) == (2, 1)
    assert [event.at for event in turned + saddles] == pytest.approx([flip] * 3, abs=1e-5)
    assert {event.how for event in turned + saddles} == {"flip"}
    node = next(event.identity for event in turned if event.identity in {e.identity for e in pair})
    assert saddles[0].identity in {event.identity for event in pair} - {node}
    kinds = [stable for _, _, stable in result.stretches(node)]
    assert kinds == ([True, False] if forward else [False, True])
    assert len(result.bifurcations) == 4


def test_a_branch_that_folds_twice_within_an_interval_keeps_its_identity_and_shows_both_folds() -> None:
    result = training_bifurcations(by_step([scalar(2.0, -1.5), scalar(2.0, 1.5)]))
    h = math.sqrt(0.5)
    edge = 2.0 * h - math.atanh(h)  # the bias at which two of the three meet
    assert told(result) == [("crossing", "fold", 0)] * 2
    assert sorted(b.at for b in result.bifurcations) == pytest.approx(
        [5 - 5 * edge / 1.5, 5 + 5 * edge / 1.5], abs=1e-5
    )
    assert result.stretches(0) == [(0.0, 10.0, True)]
    halves = training_bifurcations(by_step([scalar(2.0, -1.5), scalar(2.0, 0.0), scalar(2.0, 1.5)], every=5))
    assert [b.at for b in halves.bifurcations] == pytest.approx(sorted(b.at for b in result.bifurcations), abs=1e-5)


def test_what_is_found_late_is_entered_where_it_was_already(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = [scalar(w, 0.05) for w in (0.5, 2.0, 2.1, 2.2)]
    calls = iter(range(len(modules)))
    search = timeline.find_fixed_points

    def blind(system, starts, **options):
        # The first three searches start beside the upper point only.
        if next(calls) < 3:
            return search(system, torch.tensor([[0.9]], dtype=torch.float64), extra_starts=0)
        return search(system, starts, **options)

    monkeypatch.setattr(timeline, "find_fixed_points", blind)
    result = training_bifurcations(by_step(modules))
    assert result.counts.tolist() == [1, 3, 3, 3]
    assert result.index_sums == (1,) * 4
    assert [(b.how, b.step) for b in result.bifurcations] == [("fold", 10)]
    assert result.bifurcations[0].at == pytest.approx(10 * (fold_weight(0.05) - 0.5) / 1.5, abs=1e-5)
    assert [kind for kind, _, _ in told(result)] == ["birth", "birth"]
    table = result.lives_table()
    assert (table.groupby("identity").size().sort_values() == [3, 3, 4]).all()
    assert float(table["residual"].max()) < 1e-10


def test_an_index_sum_shows_that_points_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    search, saddle = timeline.find_fixed_points, torch.zeros(1, 1, dtype=torch.float64)
    monkeypatch.setattr(timeline, "find_fixed_points", lambda system, *_, **__: search(system, saddle, extra_starts=0))
    result = training_bifurcations(by_step([scalar(2.0), scalar(2.1)]))
    assert result.index_sums == (-1, -1)
    assert result.verdict == "Fixed points are missing: the index sum is not 1 at steps 0, 10."
    with pytest.raises(ValueError, match="identity must be from 0 to 0, got 1"):
        result.stretches(1)


def test_ctrl_c_keeps_the_checkpoints_done(monkeypatch: pytest.MonkeyPatch) -> None:
    search, calls = timeline.find_fixed_points, []

    def cut_off(system, starts, **options):
        calls.append(0)
        points = search(system, starts, **options)
        done = replace(points.completeness, interrupted=len(calls) == 3)
        return replace(points, completeness=done)

    def killed(system, starts, **options):
        calls.append(0)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return search(system, starts, **options)

    modules = by_step([scalar(w) for w in (0.5, 1.5, 2.0, 2.5)])
    for interrupting in (cut_off, killed):
        calls.clear()
        monkeypatch.setattr(timeline, "find_fixed_points", interrupting)
        result = training_bifurcations(modules, losses=[4.0, 3.0, 2.0, 1.0])
        assert result.interrupted
        assert len(result) == 2
        assert result.losses.tolist() == [4.0, 3.0]
        assert [b.how for b in result.bifurcations] == ["pitchfork"]
        assert "Interrupted after 2 checkpoints" in result.verdict


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the library's own training: a GRU of eight units that learns one bit."""
    folder = tmp_path_factory.mktemp("run")
    task = FlipFlop(640, 30, bits=1, seed=0)
    model = SequenceModel(module_from_spec("GRU-8x1", task.input_size, 0), task.target_size, seed=0)
    train(model, task, epochs=6, lr=1e-2, seed=0, folder=folder, snapshot_every=12)
    return folder


def test_a_trained_memory_is_followed_from_the_files_of_its_training(trained: Path, tmp_path: Path) -> None:
    result = training_bifurcations(trained)
    assert len(result) == 9
    assert result.steps.tolist() == [*range(0, 97, 12)]
    assert result.index_sums == (1,) * 9
    assert int(result.counts[-1]) >= 3
    assert result.bifurcations
    files = sorted((trained / "seed-0" / "checkpoints").iterdir())
    networks = [read_checkpoint(file).network for file in files]
    for bifurcation in result.bifurcations:
        index = result.steps.tolist().index(bifurcation.before)
        family = between(networks[index], networks[index + 1])
        t = (bifurcation.at - bifurcation.before) / (bifurcation.step - bifurcation.before)
        counts = [independent_count(family(s)) for s in (t - 1e-3, t + 1e-3)]
        assert counts[1] - counts[0] == {"fold": 2, "flip": 0, "Neimark-Sacker": 0}[bifurcation.how]
        gap = (family(t)(bifurcation.state[None]) - bifurcation.state).norm()
        assert float(gap) < 1e-7
    for count, each in zip(result.counts.tolist(), networks, strict=True):
        assert count == independent_count(each.hold())
    births = sum(event.kind == "birth" for event in result.events)
    deaths = sum(event.kind == "death" for event in result.events)
    assert int(result.counts[-1] - result.counts[0]) == births - deaths
    # The record has the loss of every update.
    assert result.loss_name == "training loss"
    assert len(result.loss_curve) == 96
    middle = result.loss_curve[6:19].mean()  # updates within six steps of step 12
    assert float(result.losses[1]) == pytest.approx(float(middle))
    rd.save(result, tmp_path / "timeline.safetensors")
    again = rd.load(tmp_path / "timeline.safetensors")
    assert again.to_pandas().equals(result.to_pandas())
    assert again.checkpoints_table().equals(result.checkpoints_table())
    assert repr(again.bifurcations) == repr(result.bifurcations)


def independent_count(system) -> int:
    """Fixed points of a GRU by Newton's method alone, from 2,000 uniform states of its box."""
    generator = torch.Generator().manual_seed(7)
    states = 2 * torch.rand(2000, system.state_size, generator=generator, dtype=torch.float64) - 1
    identity = torch.eye(system.state_size, dtype=torch.float64)
    for _ in range(60):
        jacobians = torch.func.vmap(torch.func.jacrev(system))(states)
        step = torch.linalg.solve_ex(identity - jacobians, system(states) - states)[0].nan_to_num(0.0, 0.0, 0.0)
        states = states + step * (1 / step.norm(dim=-1, keepdim=True).clamp(min=1.0))
    # Far outside of the box gates are closed up to rounding, and every state seems to be fixed.
    found = states[((system(states) - states).norm(dim=-1) < 1e-9) & (states.abs() < 1).all(dim=-1)]
    distinct: list[torch.Tensor] = []
    for state in found:
        if all(float((state - other).norm()) > 1e-5 for other in distinct):
            distinct.append(state)
    return len(distinct)


def test_a_seed_folder_alone_has_the_validation_losses(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "seed-0", tmp_path / "mine")
    result = training_bifurcations(tmp_path / "mine", n_starts=64)
    history = pd.read_csv(tmp_path / "mine" / "history.csv")
    assert result.loss_name == "validation loss"
    assert math.isnan(float(result.losses[0]))  # nothing was validated before the first epoch ended
    assert float(result.losses[-1]) == pytest.approx(float(history["validation_loss"].iloc[-1]))
    (tmp_path / "mine" / "history.csv").unlink()
    assert training_bifurcations(tmp_path / "mine", n_starts=64).loss_name == ""
    files = sorted((tmp_path / "mine" / "checkpoints").iterdir())
    pairs = training_bifurcations([(index, file) for index, file in enumerate(files)], n_starts=64)
    assert pairs.counts.equal(result.counts)
    shutil.copytree(tmp_path / "mine", tmp_path / "seed-1")
    shutil.copytree(tmp_path / "mine", tmp_path / "seed-2")
    with pytest.raises(ValueError, match="holds 2 seeds: choose one"):
        training_bifurcations(tmp_path)


def test_losses_are_taken_in_every_form() -> None:
    modules = by_step([scalar(w) for w in (0.5, 0.7, 0.9)])
    curve = {0: 4.0, 5: 3.0, 20: 1.0, 30: 0.5}
    forms = [curve, list(curve.items()), np.array(list(curve.items())), pd.Series(curve)]
    for losses in forms:
        result = training_bifurcations(modules, losses=losses, n_starts=16)
        assert result.losses.tolist() == pytest.approx([4.0, 3.0 - 2.0 / 3, 1.0])
        assert result.loss_curve.tolist() == list(curve.values())
    assert training_bifurcations(modules, losses=torch.tensor([3, 2, 1]), n_starts=16).losses.tolist() == [3, 2, 1]


def test_coincidence_is_spearman_against_every_circular_shift() -> None:
    numbers = torch.tensor([0, 0, 3, 0, 1, 0, 0, 2, 0, 0])
    sizes = torch.tensor([0.1, 0.2, 3.0, 0.15, 1.0, 0.3, 0.05, 2.0, 0.25, 0.12], dtype=torch.float64)
    signs = torch.tensor([1.0, -1.0] * 5, dtype=torch.float64)
    losses = torch.cat([torch.zeros(1, dtype=torch.float64), (signs * sizes).cumsum(0)]).exp()
    result = coincidence_of(torch.arange(11), numbers, losses)
    assert result.changes.tolist() == pytest.approx((signs * sizes).tolist())
    expected = pd.Series(numbers.numpy()).corr(pd.Series(sizes.numpy()), method="spearman")
    assert result.correlation == pytest.approx(expected)
    shifts = [
        pd.Series(np.roll(numbers.numpy(), k)).corr(pd.Series(sizes.numpy()), method="spearman") for k in range(10)
    ]
    assert result.shifted.tolist() == pytest.approx(shifts)
    assert result.p_value == pytest.approx(sum(rho >= expected - 1e-9 for rho in shifts) / 10)
    assert result.p_value == 0.1
    assert result.evenly_spaced
    against = coincidence_of(torch.arange(11), numbers.roll(3), losses)
    assert against.p_value > 0.1


def test_coincidence_says_when_it_can_say_nothing() -> None:
    few = training_bifurcations(by_step([scalar(0.5), scalar(1.5)]), losses=[1.0, 0.5]).coincidence()
    assert math.isnan(few.correlation)
    assert "it takes 3" in few.summary()
    quiet = training_bifurcations(by_step([scalar(w) for w in (0.5, 0.6, 0.7, 0.8)]), losses=[1.0, 0.5, 0.4, 0.1])
    assert math.isnan(quiet.coincidence().p_value)
    assert "does not vary" in quiet.coincidence().summary()
    uneven = training_bifurcations(
        [(0, scalar(0.5)), (1, scalar(1.5)), (5, scalar(1.6)), (6, scalar(1.7))], losses=[1.0, 0.2, 0.19, 0.18]
    ).coincidence()
    assert not uneven.evenly_spaced
    assert uneven.numbers.tolist() == [1, 0, 0]
    assert uneven.correlation == pytest.approx(math.sqrt(3) / 2)  # ranks (3, 1.5, 1.5) and (3, 1, 2)
    with pytest.raises(ValueError, match="needs losses"):
        training_bifurcations(by_step([scalar(0.5)])).coincidence()


def test_networks_without_a_fixed_point_have_an_empty_timeline() -> None:
    def drift(slope: float) -> nn.RNN:
        with torch.random.fork_rng():
            module = nn.RNN(1, 1, nonlinearity="relu", dtype=torch.float64)
        with torch.no_grad():
            for weight, value in zip(module.parameters(), (1.0, slope, 1.0, 0.0), strict=True):
                weight.fill_(value)
        return module

    # h' = relu(s h + 1): none for s >= 1, one at 1 / (1 - s) below, which comes from infinity.
    result = training_bifurcations(by_step([drift(1.5), drift(1.2), drift(0.5)]))
    assert result.counts.tolist() == [0, 0, 1]
    assert len(result.identities) == 1
    assert float(result.positions(0)[0, 0]) == pytest.approx(2.0)
    plot_timeline(result)
    plt.close("all")


class Step(nn.Module):
    """H' = tanh(w h + x), as anybody may write it."""

    def __init__(self, w: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w, dtype=torch.float64))

    def forward(self, state: torch.Tensor, input: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.w * state + input)


def own_map(w: float):
    return rd.as_map(Step(w), state_size=1, input_size=1)


def test_a_module_of_ones_own_is_followed_under_a_held_input() -> None:
    result = training_bifurcations([(0, own_map(0.5)), (10, own_map(2.0))], input=[0.1])
    assert [b.how for b in result.bifurcations] == ["fold"]
    assert result.bifurcations[0].at == pytest.approx(10 * (fold_weight(0.1) - 0.5) / 1.5, abs=1e-5)
    assert result.observations[0].held_input.tolist() == [0.1]


@pytest.mark.parametrize(
    ("arguments", "options", "expected"),
    [
        ([], {}, "at least one"),
        (3, {}, "folder or a sequence"),
        ([scalar(0.5)], {}, "pairs, got one of RNN"),
        ([(1, scalar(0.5)), (1, scalar(0.6))], {}, "must rise, got 1 after 1"),
        ([(2, scalar(0.5)), (1, scalar(0.6))], {}, "must rise, got 1 after 2"),
        ([(0.5, scalar(0.5))], {}, "whole numbers, got 0.5"),
        ([(0, scalar(math.nan))], {}, "checkpoint of step 0: weight_hh.* holds NaN"),
        ([(0, own_map(0.5)), (1, own_map(math.nan))], {}, "weights must be finite, but w of the checkpoint of step 1"),
        ([(0, scalar(0.5)), (1, turning(0.5))], {}, "step 1 cannot be followed from the checkpoint of step 0"),
        ([(0, rd.as_map(lambda s, x: s, state_size=1, input_size=1))], {}, "plain function"),
        ([(0, scalar(0.5))], {"input": [0.0, 1.0]}, r"input must have shape \[1\]"),
        ([(0, scalar(0.5))], {"starts": [[0.0, 1.0]]}, r"starts must have shape \[k, 1\]"),
        ([(0, scalar(0.5))], {"n_starts": 0}, "n_starts"),
        ([(0, scalar(0.5))], {"losses": [1.0, 2.0]}, "each of the 1 checkpoints, got 2"),
        ([(0, scalar(0.5))], {"losses": []}, "losses is empty"),
        ([(0, scalar(0.5))], {"losses": "high"}, "losses must"),
        ([(0, scalar(0.5))], {"losses": [[[1.0]]]}, "losses must have shape"),
        ([(0, scalar(0.5))], {"losses": {5: 1.0}}, "overlap"),
        ([(0, scalar(0.5))], {"losses": [(1, 1.0), (1, 2.0)]}, "came twice"),
        ([(0, scalar(0.5))], {"memory_budget": 0}, "memory_budget"),
        ("no/such/folder", {}, "no folder of checkpoints"),
    ],
)
def test_bad_input_is_refused(arguments: object, options: dict, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        training_bifurcations(arguments, **options)


def test_bad_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no checkpoint"):
        training_bifurcations(tmp_path)
    torch.save(scalar(0.5).state_dict(), tmp_path / "step-1.pt")
    torch.save(turning(0.5).state_dict(), tmp_path / "step-2.pt")
    with pytest.raises(ValueError, match=r"step-2\.pt cannot be followed.*architecture"):
        training_bifurcations(tmp_path)
    (tmp_path / "step-2.pt").write_bytes(b"no weights")
    with pytest.raises(ValueError, match=r"step-2\.pt"):
        training_bifurcations(tmp_path)
    torch.save(scalar(math.inf).state_dict(), tmp_path / "step-2.pt")
    with pytest.raises(ValueError, match=r"step-2\.pt: weight_hh_l0 must be finite"):
        training_bifurcations(tmp_path)


def test_the_picture_shows_what_the_result_says() -> None:
    modules = [*(scalar(w, 0.05) for w in (0.5, 2.0, 0.6)), scalar(-1.5, 0.05)]
    result = training_bifurcations(by_step(modules), losses=[10.0, 1.0, 0.5, 0.1])
    axes = plot_timeline(result, observable=0)
    assert axes[0].get_yscale() == "log"
    drawn = sorted({float(line.get_xdata()[0]) for line in axes[0].lines if len(set(line.get_xdata())) == 1})
    assert drawn == pytest.approx(sorted(b.at for b in result.bifurcations))
    assert {text.get_text() for text in axes[0].get_legend().get_texts()} == {"fold", "flip"}
    counts = {line.get_label(): (line.get_xdata(), line.get_ydata()) for line in axes[1].lines}
    at = {name: dict(zip(map(float, x), y, strict=True)) for name, (x, y) in counts.items()}
    assert [at["all"][step] for step in (0.0, 30.0)] == [1, 1]
    assert at["all"][result.bifurcations[0].at] == 3
    assert [at["stable"][step] for step in (0.0, 30.0)] == [1, 0]
    assert max(at["unstable"].values()) == 1
    marks = [line for line in axes[2].lines if line.get_linestyle() == "None"]
    assert len(marks) == len(result.events)
    assert {line.get_marker() for line in marks} == {"^", "v", "D"}
    for line, event in zip(sorted(marks, key=lambda m: float(m.get_xdata()[0])), result.events, strict=True):
        assert float(line.get_xdata()[0]) == pytest.approx(event.at)
        assert float(line.get_ydata()[0]) == pytest.approx(float(event.state), abs=1e-3)
        assert line.get_color() == COLORS[event.how]
    assert axes[2].get_ylabel() == "state of unit 0"
    plt.close("all")
    for wrong, text in ((3, "timeline must be"), (training_bifurcations(by_step([scalar(0.5)])), "axes must be three")):
        with pytest.raises(ValueError, match=text):
            plot_timeline(wrong, axes=[plt.figure().add_subplot()])
    plt.close("all")
