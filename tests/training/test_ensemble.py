"""Every member of an ensemble is trained as it would be alone."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import CopyFirstInput, PixelSequences, SequenceTask

RAGGED = CopyFirstInput(75, (4, 9), seed=0)


def images() -> SequenceTask:
    generator = torch.Generator().manual_seed(0)
    return PixelSequences.by_row(torch.rand(50, 3, 1, generator=generator), torch.arange(50) % 3, blank=1)


def models(spec: str, count: int, outputs: int = 1) -> list[rd.SequenceModel]:
    return [rd.SequenceModel(module_from_spec(spec, 1, s).double(), outputs, seed=s) for s in range(count)]


def compared(
    members: list[rd.SequenceModel], task: SequenceTask, seeds: list[int], **options: Any
) -> list[rd.Training]:
    """Train together and alone, and require the same to rounding."""
    alone = copy.deepcopy(members)
    runs = rd.train_ensemble(members, task, seeds=seeds, **options)
    options.pop("memory_budget", None)
    for model, single, run, seed in zip(members, alone, runs, seeds, strict=True):
        own = rd.train(single, task, seed=seed, **options)
        assert run.status == own.status
        assert run.seed == seed
        assert run.best_epoch == own.best_epoch
        for name in ("losses", "gradient_norms", "train_losses", "validation_losses", "validation_scores"):
            assert torch.allclose(getattr(run, name), getattr(own, name), rtol=1e-9, atol=1e-9), name
        for one, other in zip(model.parameters(), single.parameters(), strict=True):
            assert torch.allclose(one, other, atol=1e-9)
    return list(runs)


@pytest.mark.parametrize(
    "spec",
    ["RNN-5", "GRU-6", "GRU-4x2", "LSTM-5x2", "chrono-4", "MGU-5", "BRC-5", "nBRC-5", "GRU+GRU-6x2", "LSTM+GRU-6"],
)
def test_members_are_trained_as_alone(spec: str) -> None:
    settings = rd.TrainSettings(epochs=10, batch_size=24, lr=1e-2, clip_norm=0.3)
    compared(models(spec, 3), RAGGED, [4, 0, 9], settings=settings)


def test_so_many_lstms_that_they_have_a_kernel() -> None:
    """Fewer are run one after the other, by torch's own."""
    settings = rd.TrainSettings(epochs=3, batch_size=24, lr=1e-2, clip_norm=0.3)
    compared(models("LSTM-3x2", 9), RAGGED, list(range(9)), settings=settings)


def test_classes_too() -> None:
    task = images()
    compared(models("GRU-5", 3, task.target_size), task, [0, 1, 2], settings=rd.TrainSettings(epochs=6, lr=1e-2))


def test_members_end_at_different_times() -> None:
    task = CopyFirstInput(24, 5, seed=3)
    runs = compared(models("GRU-6", 4), task, [0, 1, 2, 3], settings=rd.TrainSettings(epochs=200, lr=3e-2, patience=3))
    assert {run.status for run in runs} == {"stopped early"}
    assert len({len(run) for run in runs}) > 1


def test_one_that_is_not_finite_leaves_the_others_to_go_on() -> None:
    members = models("RNN-5", 3)
    with torch.no_grad():
        members[1].readout.weight.fill_(1e300)
    runs = compared(members, RAGGED, [0, 1, 2], settings=rd.TrainSettings(epochs=3))
    assert [run.status for run in runs] == ["finished", "not finite", "finished"]
    assert runs[1].advice


@pytest.mark.parametrize("budget", [1, 40_000])
def test_groups_that_fit_a_budget_give_the_same(budget: int) -> None:
    compared(models("GRU-5", 4), RAGGED, [0, 1, 2, 3], settings=rd.TrainSettings(epochs=3), memory_budget=budget)


def test_frozen_weights_stay(tmp_path: Any) -> None:
    members = models("GRU-5", 2)
    for member in members:
        member.get_parameter("recurrent.weight_ih_l0").requires_grad_(False)
    before = [member.get_parameter("recurrent.weight_ih_l0").clone() for member in members]
    compared(members, RAGGED, [0, 1], settings=rd.TrainSettings(epochs=2))
    assert all(torch.equal(b, m.get_parameter("recurrent.weight_ih_l0")) for b, m in zip(before, members, strict=True))


def test_an_ensemble_goes_on_bit_for_bit(tmp_path: Any) -> None:
    whole, parts = models("GRU-5", 3), models("GRU-5", 3)
    once = rd.train_ensemble(whole, RAGGED, settings=rd.TrainSettings(epochs=4, patience=2, lr=5e-2))
    for epochs in (1, 2, 4):
        parts = models("GRU-5", 3)
        again = rd.train_ensemble(
            parts, RAGGED, settings=rd.TrainSettings(epochs=epochs, patience=2, lr=5e-2), folder=tmp_path, resume=True
        )
    for one, other in zip(whole, parts, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a.losses, b.losses) for a, b in zip(once, again, strict=True))


def test_each_has_its_own_tracker() -> None:
    members = models("GRU-4", 2)
    budget = rd.tracking.Budget(None)
    trackers = [
        rd.AttractorTracker(
            RAGGED, hold=[0.0], every=3, budget=budget, effort=rd.Effort(n=8, horizon=20, searched=16), seed=seed
        )
        for seed in range(2)
    ]
    rd.train_ensemble(members, RAGGED, settings=rd.TrainSettings(epochs=3), trackers=trackers)
    assert [tracker.history.steps.tolist() for tracker in trackers] == [[0, 3, 6]] * 2
    points = [tracker.history.observations[-1].sets.states for tracker in trackers]
    assert not torch.allclose(points[0][0], points[1][0])
    # The second was shown the second network, as it is now.
    assert trackers[1].history.observations[0].sets.states[0].shape == (4,)
    system = rd.as_map(models("GRU-4", 2)[1].recurrent).hold([0.0])
    first = trackers[1].history.observations[0].sets.states[:1]
    assert float((system(first) - first).norm()) < 1e-9


def test_bad_input() -> None:
    members = models("GRU-4", 2)
    with torch.random.fork_rng():
        dropping = rd.SequenceModel(nn.GRU(1, 4, 2, dropout=0.1).double(), 1)
        relu = rd.SequenceModel(nn.RNN(1, 4, nonlinearity="relu").double(), 1)
        plain = rd.SequenceModel(nn.RNN(1, 4).double(), 1)
        bare = nn.GRU(1, 4)
    biasless = models("GRU-4", 1)[0]
    biasless.readout.register_parameter("bias", None)
    table: list[tuple[Any, dict[str, Any], str]] = [
        ([], {}, "list of one SequenceModel or more"),
        (members[0], {}, "list of one SequenceModel or more"),
        ([bare], {}, "number 0 is a GRU"),
        ([members[0], members[0]], {}, "share weights"),
        ([members[0], models("GRU-5", 1)[0]], {}, "one architecture"),
        ([members[0], models("MGU-4", 1)[0]], {}, "one architecture"),
        ([plain, relu], {}, "one architecture"),
        ([members[0], rd.SequenceModel(module_from_spec("GRU-4", 1, 0), 1)], {}, "one architecture"),  # float32
        ([dropping], {}, "dropout"),
        ([Doubled(module_from_spec("GRU-4", 1, s), 1) for s in range(2)], {}, "model 0 has a forward"),
        ([biasless], {}, "readout of model 0 has no bias"),
        (members, {"seeds": [0]}, "seeds must be 2 different numbers"),
        (members, {"seeds": [3, 3]}, "seeds must be 2 different numbers"),
        (members, {"trackers": [None]}, "trackers must be 2"),
        (members, {"trackers": [None, object()]}, "observe"),
        (members, {"seeds": [0, -1]}, "each seed must be a whole number"),
        (members, {"seeds": [0, 1.5]}, "each seed must be a whole number"),
        (members, {"memory_budget": 0}, "memory_budget must be positive"),
        (members, {"validation": 0}, "share between 0 and 1"),
        (members, {"resume": True}, "resume needs a folder"),
    ]
    for given, options, words in table:
        with pytest.raises(ValueError, match=words):
            rd.train_ensemble(given, RAGGED, settings=rd.TrainSettings(epochs=1), **options)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_within_what_a_caller_has_switched_off(context: Any) -> None:
    outside, inside = models("GRU-4", 2), models("GRU-4", 2)
    before = torch.random.get_rng_state()
    rd.train_ensemble(outside, RAGGED, settings=rd.TrainSettings(epochs=2))
    with context():
        rd.train_ensemble(inside, RAGGED, settings=rd.TrainSettings(epochs=2))
        assert torch.is_inference_mode_enabled() == (context is torch.inference_mode)
        assert not torch.is_grad_enabled()
    for one, other in zip(outside, inside, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
        assert not any(weight.is_inference() for weight in other.parameters())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_buffers_modes_and_gradients_stay() -> None:
    members = models("GRU-4", 2)
    for member in members:
        member.register_buffer("mean", torch.ones(3))
    members[0].eval()
    members[1].readout.bias.grad = torch.ones(1).double()
    rd.train_ensemble(members, RAGGED, settings=rd.TrainSettings(epochs=1))
    assert [member.training for member in members] == [False, True]
    assert torch.equal(members[1].get_buffer("mean"), torch.ones(3))
    assert torch.equal(members[1].readout.bias.grad, torch.ones(1).double())
    assert members[0].readout.bias.grad is None
    assert all(weight.requires_grad for member in members for weight in member.parameters())


class Sees:
    """Takes down the steps, and the readings and the module that come with them."""

    every = 4

    def __init__(self) -> None:
        self.seen: list[tuple[int, bool]] = []
        self.modules: list[nn.Module] = []
        self.weights: list[torch.Tensor] = []
        self.losses: list[float] = []
        self.scores: list[float] = []

    def observe(self, step: int, module: nn.Module, *, force: bool = False, **scalars: float) -> None:
        assert sorted(scalars) == ["loss", "validation_loss", "validation_score"]
        self.seen.append((step, force))
        self.modules.append(module)
        self.weights.append(next(module.parameters()).detach().clone())
        self.losses.append(scalars["loss"])
        self.scores.append(scalars["validation_score"])


def test_trackers_are_shown_what_a_single_run_shows() -> None:
    task = CopyFirstInput(24, 5, seed=3)
    members, alone = models("GRU-6", 3), models("GRU-6", 3)
    together, single = [Sees() for _ in members], [Sees() for _ in members]
    options: dict[str, Any] = {"settings": rd.TrainSettings(epochs=60, lr=3e-2, patience=3)}
    runs = rd.train_ensemble(members, task, trackers=together, **options)
    assert len({len(run) for run in runs}) > 1
    for seed, (model, own, other, run) in enumerate(zip(alone, together, single, runs, strict=True)):
        rd.train(model, task, seed=seed, tracker=other, **options)
        last = len(run.losses)
        assert own.seen == other.seen
        assert own.seen == [(step, step in (0, last)) for step in sorted({*range(0, last + 1, 4), last})]
        assert all(module is members[seed].recurrent for module in own.modules)
        assert torch.allclose(torch.stack(own.weights), torch.stack(other.weights), atol=1e-9)
        assert own.losses == pytest.approx(other.losses, rel=1e-9, nan_ok=True)
        assert own.scores == pytest.approx(other.scores, rel=1e-9, nan_ok=True)
        assert own.losses[-1] == run.losses[-1]


def test_ctrl_c_stops_all_and_they_go_on_bit_for_bit(tmp_path: Any) -> None:
    class Presses(Sees):
        def observe(self, step: int, module: nn.Module, *, force: bool = False, **scalars: float) -> None:
            if step == 4:
                raise KeyboardInterrupt

    whole, parts, again = models("GRU-5", 3), models("GRU-5", 3), models("GRU-5", 3)
    once = rd.train_ensemble(whole, RAGGED, settings=rd.TrainSettings(epochs=3))
    stopped = rd.train_ensemble(
        parts, RAGGED, settings=rd.TrainSettings(epochs=3), folder=tmp_path, trackers=[None, Presses(), None]
    )
    assert [(run.status, len(run.losses)) for run in stopped] == [("interrupted", 4)] * 3
    done = rd.train_ensemble(again, RAGGED, settings=rd.TrainSettings(epochs=3), folder=tmp_path, resume=True)
    assert all(torch.equal(a.losses, b.losses) for a, b in zip(once, done, strict=True))
    for one, other in zip(whole, again, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


class Doubled(rd.SequenceModel):
    """Not what its layers and readout say."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(inputs)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_as_on_the_cpu() -> None:
    results = []
    for device in ("cpu", "cuda"):
        members = [model.to(device) for model in models("GRU-6", 5)]
        results.append(rd.train_ensemble(members, RAGGED, settings=rd.TrainSettings(epochs=3)))
    for one, other in zip(*results, strict=True):
        assert torch.allclose(one.losses, other.losses, atol=1e-9)
