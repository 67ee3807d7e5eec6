"""What a task must be: sequences of the promised shapes, a loss of the asked steps alone, and draws by the seed."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import ClassVar

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader

import rnn_dynamics as rd
from rnn_dynamics.tasks import SequenceTask


class TaskContract(ABC):
    """Every check of a task whose sequences are given.

    Return in ``made`` one task or more, by name; each has nine sequences or more.
    """

    @classmethod
    @abstractmethod
    def made(cls) -> dict[str, Callable[[], SequenceTask]]: ...

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "make" in metafunc.fixturenames:
            makers = self.made()
            metafunc.parametrize("make", makers.values(), ids=makers)

    def test_shapes_and_padding(self, make: Callable[[], SequenceTask]) -> None:
        task = make()
        n, time, width = task.inputs.shape
        assert (len(task), task.input_size) == (n, width)
        assert task.lengths.dtype == torch.int64
        assert task.lengths.max() == time
        assert task.inputs.dtype == torch.float32
        for row, (input, target) in enumerate(task):
            length = int(task.lengths[row])
            assert input.shape == (length, width)
            assert torch.equal(input, task.inputs[row, :length])
            assert not task.inputs[row, length:].any()
            assert target.shape in [(), (length, task.target_size)]
            if target.ndim:
                assert not task.targets[row, length:].any()
                assert not target[: max(length - task.asked, 0)].any()

    def test_sequences_are_what_the_analysis_takes(self, make: Callable[[], SequenceTask]) -> None:
        task = make()
        network = rd.as_map(lambda h, x: torch.tanh(h + x.sum(-1, keepdim=True)), 2, task.input_size)
        assert rd.sample_states(network, task.sequences, 5).shape == (5, 2)
        whole = isinstance(task.sequences, Tensor)
        assert whole == (len(task.lengths.unique()) == 1)
        assert [len(sequence) for sequence in task.sequences] == task.lengths.tolist()
        assert all(torch.equal(sequence, task[row][0]) for row, sequence in enumerate(task.sequences))

    def test_data_loader_and_batch_agree(self, make: Callable[[], SequenceTask]) -> None:
        task = make()
        loader = DataLoader(task, batch_size=7, collate_fn=task.collate, generator=torch.Generator())
        rows = iter(torch.arange(len(task)).split(7))
        for loaded in loader:
            for here, there in zip(loaded, task.batch(next(rows)), strict=True):
                assert torch.equal(here, there)
                assert here.dtype == there.dtype
        assert next(rows, None) is None

    def test_select_is_the_task_of_fewer(self, make: Callable[[], SequenceTask]) -> None:
        task = make()
        few = task.select([3, 1])
        assert type(few) is type(task)
        assert len(few) == 2
        assert torch.equal(few[0][0], task[3][0])
        assert torch.equal(few[1][1], task[1][1])
        assert len(task.select(slice(2, 9))) == 7
        assert few.inputs.shape[1] == few.lengths.max()
        assert len(task) > 2

    def test_only_asked_steps_enter_loss_and_score(self, make: Callable[[], SequenceTask]) -> None:
        """By a loop over sequences; every other output is NaN, which would show in the loss and in its gradient."""
        task = make()
        inputs, targets, lengths = task.batch(slice(None))
        outputs = torch.randn(
            *inputs.shape[:2], task.target_size, generator=torch.Generator().manual_seed(1), dtype=torch.float64
        )
        errors, right = [], []
        for row, length in enumerate(lengths.tolist()):
            first = max(length - task.asked, 0)
            answers = outputs[row, first:length]
            if targets.ndim == 1:
                label = int(targets[row])
                errors.append(answers[0].exp().sum().log() - answers[0, label])
                right.append(float(int(answers[0].argmax()) == label))
            else:
                errors.append((answers - targets[row, first:length]).square().flatten())
            outputs[row, :first] = outputs[row, length:] = float("nan")
        expected = torch.stack(errors).mean() if targets.ndim == 1 else torch.cat(errors).mean()
        outputs.requires_grad_()
        loss = task.loss(outputs, targets, lengths)
        assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
        score = sum(right) / len(right) if right else loss.item()
        assert task.score(outputs, targets, lengths) == pytest.approx(score, rel=1e-12)
        loss.backward()
        assert outputs.grad is not None
        assert outputs.grad.isfinite().all()
        assert not outputs.grad[outputs.isnan()].any()
        assert (outputs.grad[~outputs.isnan()] != 0).all()


class DrawnTaskContract(TaskContract):
    """Every check of a regression that ``task(n, length, seed=...)`` draws; 0 is its best constant, an error of 1.

    Name the ``task``, and the ``shortest`` length that is tried.
    """

    task: ClassVar[Callable[..., SequenceTask]]
    shortest: ClassVar[int] = 7

    @classmethod
    def draws(cls) -> dict[str, Callable[..., SequenceTask]]:
        """The kinds of draws, each called with a seed."""
        return {"one length": partial(cls.task, 40, 30), "lengths": partial(cls.task, 40, (cls.shortest, 30))}

    @classmethod
    def made(cls) -> dict[str, Callable[[], SequenceTask]]:
        return {name: partial(draw, seed=0) for name, draw in cls.draws().items()}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        super().pytest_generate_tests(metafunc)
        if "draw" in metafunc.fixturenames:
            draws = self.draws()
            metafunc.parametrize("draw", draws.values(), ids=draws)

    def test_same_seed_same_bits(self, draw: Callable[..., SequenceTask]) -> None:
        first, again, other = draw(seed=5), draw(seed=torch.Generator().manual_seed(5)), draw(seed=6)
        for name in ("inputs", "targets", "lengths"):
            assert torch.equal(getattr(first, name), getattr(again, name))
        assert first.inputs.shape != other.inputs.shape or not torch.equal(first.inputs, other.inputs)
        generator = torch.Generator().manual_seed(5)
        assert draw(seed=generator).inputs.sum() != draw(seed=generator).inputs.sum()

    def test_lengths_are_uniform(self) -> None:
        lengths = type(self).task(20_000, (self.shortest, self.shortest + 9), seed=0).lengths
        counts = lengths.bincount(minlength=self.shortest + 10)[self.shortest :]
        assert stats.chisquare(counts).pvalue > 1e-3
        assert lengths.min() == self.shortest

    def test_zero_scores_the_baseline(self) -> None:
        task = type(self).task(20_000, (12, 20), seed=0)
        inputs, targets, lengths = task.batch(slice(None))
        silent = inputs.new_zeros(*inputs.shape[:2], task.target_size)
        assert task.baseline == 1.0
        assert task.score(silent, targets, lengths) == pytest.approx(task.baseline, abs=0.03)
        assert task.score(targets, targets, lengths) == 0.0

    def test_generation_has_no_loop(self) -> None:
        """As many calls to torch for 50,000 sequences as for 5, and for 60 steps as for 12."""
        counts = set()
        for n, length in [(5, 12), (5, 60), (50_000, 12), (5, (12, 60)), (50_000, (12, 20))]:
            with _Calls() as calls:
                type(self).task(n, length, seed=0)
            counts.add((isinstance(length, tuple), calls.count))
        assert len(counts) == 2
        assert max(count for _, count in counts) < 100


class _Calls(TorchFunctionMode):
    count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.count += 1
        return func(*args, **(kwargs or {}))
