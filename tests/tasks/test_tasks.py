"""Every task of the library by the contract of tasks."""

from functools import partial

from contracts import library_classes, signed
from contracts.tasks import DrawnTaskContract, TaskContract
from problems.images import few_images

from rnn_dynamics.tasks import (
    ClassificationTask,
    CopyFirstInput,
    Denoising,
    FlipFlop,
    PixelSequences,
    RegressionTask,
    SequenceTask,
)


class TestCopyFirstInput(DrawnTaskContract):
    task = CopyFirstInput


class TestDenoising(DrawnTaskContract):
    task, shortest = Denoising, 12

    @classmethod
    def draws(cls):
        return super().draws() | {"padded": partial(Denoising, 40, (12, 30), 7)}


class TestFlipFlop(DrawnTaskContract):
    task = FlipFlop


class TestPixelSequences(TaskContract):
    @classmethod
    def made(cls):
        kinds = {
            "pixels": PixelSequences.by_pixel,
            "permuted": PixelSequences.permuted,
            "rows": PixelSequences.by_row,
        }
        return {name: partial(make, *few_images(), blank=3) for name, make in kinds.items()}


def test_no_task_is_left_out() -> None:
    covered = {type(make()) for contract in signed(TaskContract) for make in contract.made().values()}
    assert covered == library_classes(SequenceTask) - {RegressionTask, ClassificationTask}
