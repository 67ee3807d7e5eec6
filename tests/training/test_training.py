"""The trainer against plain torch, and what it refuses."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.systems import recurrent_module
from rnn_dynamics.tasks import CopyFirstInput, FlipFlop, PixelSequences
from rnn_dynamics.training import evaluate
from rnn_dynamics.training.batches import epoch_order, split_off

TASK = CopyFirstInput(70, (4, 9), seed=0)
VALIDATION = CopyFirstInput(23, (3, 11), seed=1)


def model(spec: str = "GRU-6", seed: int = 0, dtype: torch.dtype = torch.float64) -> rd.SequenceModel:
    return rd.SequenceModel(module_from_spec(spec, 1, seed).to(dtype), 1, seed=seed)


class Foreign(nn.Module):
    """A model that nobody here has written, with dropout, a norm and two parts."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.encoder = nn.Sequential(nn.Linear(1, 4), nn.Dropout(0.2))
            self.rnn = nn.LSTM(4, 5, batch_first=True)
            self.head = nn.Sequential(nn.LayerNorm(5), nn.Linear(5, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.rnn(self.encoder(inputs))[0])


class Idle(nn.Module):
    """Its weight does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))

    def forward(self, inputs: Tensor) -> Tensor:
        return 0 * inputs


def by_hand(
    trained: rd.SequenceModel, epochs: int, batch: int, lr: float, clip: float | None, seed: int
) -> list[float]:
    """The same training in plain torch: torch's own modules, Adam and clipping, one loss written out."""
    parameters = list(trained.parameters())
    optimiser = torch.optim.Adam(parameters, lr=lr)
    losses = []
    for epoch in range(epochs):
        for rows in epoch_order(len(TASK), seed, epoch).split(batch):
            errors = []
            for row in rows.tolist():
                length = int(TASK.lengths[row])
                hidden, _ = trained.recurrent(TASK.inputs[row : row + 1, :length].double().transpose(0, 1))
                answer = hidden[-1, 0] @ trained.readout.weight[0] + trained.readout.bias[0]
                errors.append((answer - TASK.inputs[row, 0, 0].double()) ** 2)
            loss = torch.stack(errors).mean()
            optimiser.zero_grad()
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(parameters, clip)
            optimiser.step()
            losses.append(loss.item())
    return losses


@pytest.mark.parametrize("clip", [None, 0.1])
@pytest.mark.parametrize("spec", ["GRU-6", "LSTM-4x2", "MGU-5", "GRU+GRU-6"])
def test_it_is_plain_torch(spec: str, clip: float | None) -> None:
    ours, theirs = model(spec), model(spec)
    history = rd.train(ours, TASK, validation=VALIDATION, epochs=3, batch_size=32, lr=1e-2, clip_norm=clip, seed=5)
    losses = by_hand(theirs, 3, 32, 1e-2, clip, 5)
    assert history.losses.tolist() == pytest.approx(losses, rel=1e-9)
    best = history.best_epoch
    if best == 2:
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.allclose(one, other, atol=1e-10)
    # Means over an epoch weigh batches of 32, 32 and 6 by what they hold.
    weighted = [(32 * a + 32 * b + 6 * c) / 70 for a, b, c in torch.tensor(losses).view(3, 3).tolist()]
    assert history.train_losses.tolist() == pytest.approx(weighted, rel=1e-6)
    assert history.epoch_steps.tolist() == [3, 6, 9]


@pytest.mark.parametrize("clip", [None, 0.05])
def test_updates_are_those_of_torch_to_the_last_digits(clip: float | None) -> None:
    """Weights after one update and after five, with nothing of this library but the data."""
    for size, updates in ((70, 1), (15, 5)):
        with torch.random.fork_rng():
            torch.manual_seed(3)
            gru, readout = nn.GRU(1, 6, batch_first=True).double(), nn.Linear(6, 1).double()
        ours = model()
        with torch.no_grad():
            for weight, given in zip(ours.parameters(), [*gru.parameters(), *readout.parameters()], strict=True):
                weight.copy_(given)
        history = rd.train(
            ours, TASK, validation=VALIDATION, epochs=1, batch_size=size, lr=1e-2, clip_norm=clip, seed=2
        )
        parameters = [*gru.parameters(), *readout.parameters()]
        optimiser = torch.optim.Adam(parameters, lr=1e-2)
        norms = []
        for rows in epoch_order(70, 2, 0).split(size):
            inputs, ends = TASK.inputs[rows].double(), TASK.lengths[rows] - 1
            answers = readout(gru(inputs)[0][torch.arange(len(rows)), ends])
            loss = (answers - inputs[:, 0]).square().mean()
            optimiser.zero_grad()
            loss.backward()
            norms.append(float(clip_grad_norm_(parameters, math.inf if clip is None else clip)))
            optimiser.step()
        assert len(history.losses) == updates
        assert history.gradient_norms.tolist() == pytest.approx(norms, rel=1e-12)
        assert clip is None or min(norms) > clip
        for one, other in zip(ours.parameters(), parameters, strict=True):
            assert float((one - other).detach().abs().max()) <= 1e-12


def test_an_epoch_takes_every_sequence_once_in_an_order_of_its_own() -> None:
    orders = [epoch_order(40, seed, epoch).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(40)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert epoch_order(40, 0, 0).tolist() == orders[0]


@pytest.mark.parametrize(
    "task",
    [VALIDATION, FlipFlop(23, (5, 9), 1, seed=2), FlipFlop(1, 5, 1, seed=2)],
    ids=["copy", "flip-flop", "one"],
)
def test_validation_is_the_mean_over_the_whole_set(task: Any) -> None:
    trained = model()
    history = rd.train(trained, TASK, validation=task, epochs=1, memory_budget=3000)  # a few sequences at a time
    with torch.no_grad():
        inputs, targets, lengths = task.batch(slice(None))
        outputs = trained(inputs.double())
        whole = float(task.loss(outputs, targets, lengths))
    assert float(history.validation_losses[0]) == pytest.approx(whole, rel=1e-12)
    for size in (1, 4, 100):
        assert evaluate(trained, task, batch_size=size) == pytest.approx((whole, whole), rel=1e-12)


def test_accuracy_of_images() -> None:
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.rand(40, 3, 3, generator=generator), torch.arange(40) % 3
    images[:, 1] = labels.view(-1, 1) / 2
    task = PixelSequences.by_row(images, labels, blank=2)
    trained = rd.SequenceModel(module_from_spec("GRU-8", 3, 0), task.target_size)
    history = rd.train(trained, task, validation=task, epochs=60, lr=3e-2)
    with torch.no_grad():
        inputs, targets, _ = task.batch(slice(None))
        right = (trained(inputs)[:, -1].argmax(dim=-1) == targets).double().mean()
    assert float(history.validation_scores[history.best_epoch]) == pytest.approx(float(right))
    assert right > 0.9
    assert history.score_name == "accuracy"


def test_the_best_weights_end_in_the_model_and_patience_ends_it() -> None:
    trained = model()
    task = CopyFirstInput(20, 6, seed=3)  # few enough to be learnt by heart
    history = rd.train(trained, task, validation=VALIDATION, epochs=300, lr=3e-2, patience=4)
    assert history.status == "stopped early"
    assert history.finished
    assert len(history) == history.best_epoch + 5
    assert history.best_epoch == int(history.validation_losses.argmin())
    assert evaluate(trained, VALIDATION)[0] == pytest.approx(float(history.validation_losses.min()), rel=1e-12)


def test_a_share_is_split_off_once_and_for_all() -> None:
    parts = [split_off(TASK, 0.2) for _ in range(2)]
    assert [len(part) for part in parts[0]] == [56, 14]
    assert torch.equal(parts[0][1].inputs, parts[1][1].inputs)
    every = torch.cat([part.inputs[:, 0, 0] for part in parts[0]]).sort().values
    assert torch.equal(every, TASK.inputs[:, 0, 0].sort().values)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_callers_model_and_random_state_stay_as_they_were(context: Any) -> None:
    trained = Foreign()
    still = trained.get_parameter("rnn.weight_hh_l0").requires_grad_(False)
    frozen = still.clone()
    trained.head.eval()
    first_weight = trained.get_parameter("encoder.0.weight")
    first_weight.grad = torch.ones(4, 1)
    before = torch.random.get_rng_state()
    with context():
        first = rd.train(trained, TASK, epochs=2, seed=4)
    assert torch.equal(before, torch.random.get_rng_state())
    assert trained.training
    assert not trained.head.training
    assert torch.equal(first_weight.grad, torch.ones(4, 1))
    assert trained.get_parameter("head.1.weight").grad is None
    assert torch.equal(frozen, still)
    again, other = Foreign(), Foreign()
    for module in (again, other):
        module.get_parameter("rnn.weight_hh_l0").requires_grad_(False)
    assert torch.equal(rd.train(again, TASK, epochs=2, seed=4).losses, first.losses)
    assert not torch.equal(rd.train(other, TASK, epochs=2, seed=5).losses, first.losses)
    assert recurrent_module(trained) is trained.rnn


def test_what_is_not_finite_ends_it_with_the_last_good_weights() -> None:
    trained = model()
    first = [weight.detach().clone() for weight in trained.parameters()]
    history = rd.train(trained, TASK, epochs=5, lr=1e200)
    assert history.status == "not finite"
    assert "clip_norm" in history.advice[0]
    assert not history.finished
    assert all(bool(weight.isfinite().all()) for weight in trained.parameters())
    assert all(torch.equal(a, b) for a, b in zip(first, trained.parameters(), strict=True))


def test_nan_in_the_weights_ends_it_with_the_best_ones() -> None:
    class Spoils:
        every = 1

        def observe(self, step: int, module: nn.Module, *, force: bool = False, **scalars: float) -> None:
            if step == 4:
                with torch.no_grad():
                    next(module.parameters()).fill_(math.nan)

    trained, once = model(), model()
    history = rd.train(trained, TASK, validation=VALIDATION, epochs=5, clip_norm=2.0, tracker=Spoils())
    rd.train(once, TASK, validation=VALIDATION, epochs=1, clip_norm=2.0)
    assert (history.status, history.best_epoch, len(history), len(history.losses)) == ("not finite", 0, 1, 4)
    assert "clip_norm below 2" in history.advice[0]
    assert all(torch.equal(a, b) for a, b in zip(trained.parameters(), once.parameters(), strict=True))


@pytest.mark.parametrize("lr", [1e6, 1e30])
def test_a_wild_learning_rate_leaves_finite_weights(lr: float) -> None:
    trained = model("RNN-6", dtype=torch.float32)
    history = rd.train(trained, TASK, epochs=4, lr=lr)
    assert all(bool(weight.isfinite().all()) for weight in trained.parameters())
    if history.best_epoch >= 0:
        assert float(history.validation_losses[history.best_epoch]) < math.inf
    assert history.finished == (not history.advice)


def test_trackers_see_the_right_steps() -> None:
    seen: list[tuple[int, bool, str, list[str]]] = []

    class Recorder:
        every = 4
        latest_count = 3

        def observe(self, step: int, module: nn.Module, *, force: bool = False, **scalars: float) -> None:
            seen.append((step, force, type(module).__name__, sorted(scalars)))
            assert math.isnan(scalars["loss"]) == (step == 0)
            assert math.isnan(scalars["validation_loss"]) == (step < 3)

    rd.train(model(), TASK, validation=VALIDATION, epochs=3, tracker=Recorder())
    names = ["loss", "validation_loss", "validation_score"]
    assert seen == [(step, step in (0, 9), "GRU", names) for step in (0, 4, 8, 9)]


def test_an_attractor_tracker_goes_along() -> None:
    task = FlipFlop(400, 15, 1, seed=0)
    trained = rd.SequenceModel(module_from_spec("GRU-8", 1, 0), 1)
    tracker = rd.AttractorTracker(task, hold=[0.0], every=30, budget=None, n=16, horizon=500, searched=64)
    rd.train(trained, task, epochs=12, lr=1e-2, tracker=tracker)
    assert tracker.history.counts[0] == 1
    assert tracker.history.counts[-1] == 2
    assert any(event.kind == "birth" and event.how == "fold" for event in tracker.history.identities.events)


def test_results_read_and_keep(tmp_path: Any) -> None:
    history = rd.train(model(), TASK, epochs=2)
    again = rd.load(rd.save(history, tmp_path / "training.safetensors"))
    assert again.to_pandas().equals(history.to_pandas())
    assert "mean squared error" in repr(history)
    assert "<table" in history._repr_html_()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": lambda x: x}, "model must be a torch module"),
        ({"model": Idle()}, "do not depend on any weight"),
        ({"model": nn.Linear(2, 1)}, "does not take the task's inputs"),
        ({"model": nn.GRU(1, 3, batch_first=True)}, "SequenceModel"),
        ({"model": rd.SequenceModel(module_from_spec("GRU-3", 1, 0), 2)}, "outputs"),
        ({"model": rd.SequenceModel(module_from_spec("GRU-3", 1, 0), 1).requires_grad_(False)}, "frozen"),
        ({"task": TASK.inputs}, "task must be a SequenceTask"),
        ({"validation": 1.5}, "share between 0 and 1"),
        ({"validation": FlipFlop(5, 5, 2, seed=0)}, "input_size"),
        ({"task": CopyFirstInput(1, 4, seed=0)}, "cannot be split"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": 1.5}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"lr": 0.0}, "lr must be positive"),
        ({"lr": float("nan")}, "lr must be positive"),
        ({"clip_norm": 0.0}, "clip_norm"),
        ({"patience": 0}, "patience"),
        ({"seed": -1}, "seed"),
        ({"tracker": object()}, "observe"),
        ({"resume": True}, "resume needs a folder"),
        ({"snapshot_every": 3}, "snapshot_every needs a folder"),
    ],
)
def test_bad_input(change: dict[str, Any], words: str) -> None:
    options: dict[str, Any] = {"model": model(dtype=torch.float32), "task": TASK, "epochs": 1, **change}
    with pytest.raises(ValueError, match=words):
        rd.train(**options)


@pytest.mark.parametrize(
    ("recurrent", "outputs", "words"),
    [
        (nn.GRUCell(1, 3), 1, "runs over sequences"),
        (nn.Linear(1, 3), 1, "not one of"),
        (nn.GRU(1, 3, bidirectional=True), 1, "bidirectional"),
        (nn.GRU(1, 3), 0, "outputs"),
    ],
)
def test_models_that_cannot_be(recurrent: nn.Module, outputs: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rd.SequenceModel(recurrent, outputs)


def test_which_part_is_recurrent() -> None:
    with torch.random.fork_rng():
        two = nn.ModuleDict({"a": nn.GRU(1, 2), "b": nn.LSTM(1, 2)})
    with pytest.raises(ValueError, match=r"several recurrent modules, pass one of '\.a' \(GRU\), '\.b' \(LSTM\)"):
        recurrent_module(two)
    with pytest.raises(ValueError, match="no recurrent module"):
        recurrent_module(nn.Sequential(nn.ReLU()))
