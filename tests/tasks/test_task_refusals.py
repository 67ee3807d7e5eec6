"""What the doors of tasks refuse."""

from collections.abc import Callable

import pytest
import torch

from rnn_dynamics.tasks import (
    CopyFirstInput,
    Denoising,
    FlipFlop,
    PixelSequences,
    RegressionTask,
    SequenceTask,
    digits,
    fixed_permutation,
    read_idx,
)


def _loss(task: SequenceTask, outputs: tuple[int, ...], targets: tuple[int, ...]) -> None:
    task.loss(torch.zeros(outputs), torch.zeros(targets), task.lengths)


GRAY = torch.zeros(3, 4, 5)
COPY = CopyFirstInput(4, 6, seed=0)
ROWS = PixelSequences.by_row(GRAY, [0, 1, 2])
BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: CopyFirstInput(0, seed=0), "n must be a whole number of at least 1, got 0"),
    (lambda: CopyFirstInput(2.0, seed=0), "n must be a whole number of at least 1, got 2.0"),
    (lambda: CopyFirstInput(True, seed=0), "n must be a whole number of at least 1, got True"),
    (lambda: CopyFirstInput(3, 0, seed=0), "length, if not a pair .*, must be a whole number of at least 1, got 0"),
    (lambda: CopyFirstInput(3, [1, 2], seed=0), "length, if not a pair .*got \\[1, 2\\]"),
    (lambda: CopyFirstInput(3, (1, 2, 3), seed=0), "length must be .* a pair \\(min, max\\), got \\(1, 2, 3\\)"),
    (lambda: CopyFirstInput(3, (9, 4), seed=0), "min <= max, got \\(9, 4\\)"),
    (lambda: CopyFirstInput(3, (0, 4), seed=0), "each of length's \\(min, max\\) must be .* at least 1, got 0"),
    (lambda: CopyFirstInput(3, seed=0.5), "seed must be .*got 0.5"),
    (lambda: CopyFirstInput(3, seed=2**64), "seed must be a whole number of 64 bits"),
    (lambda: CopyFirstInput(3, seed=None), "seed must be .*got None"),
    (
        lambda: Denoising(3, 9, seed=0),
        "at least marks \\+ max\\(pad, marks\\) = 10: length 9 leaves 4 steps .* 5 marks",
    ),
    (lambda: Denoising(3, (9, 30), seed=0), "length 9 leaves 4 steps"),
    (lambda: Denoising(3, 3, seed=0), "length 3 leaves 0 steps"),
    (lambda: Denoising(3, 30, 26, seed=0), "length must be at least .*= 31: length 30 leaves 4"),
    (lambda: Denoising(3, 30, -1, seed=0), "pad must be a whole number of at least 0, got -1"),
    (lambda: Denoising(3, 30, marks=0, seed=0), "marks must be a whole number of at least 1, got 0"),
    (lambda: FlipFlop(3, 5, 0, seed=0), "bits must be a whole number of at least 1, got 0"),
    (lambda: FlipFlop(3, 5, pulse_rate=1.5, seed=0), "pulse_rate must lie in \\[0, 1\\], got 1.5"),
    (lambda: digits(0.0), "test_share must lie between 0 and 1, got 0.0"),
    (lambda: digits(seed=-1), "seed must be a whole number of at least 0, got -1"),
    (lambda: read_idx("no/such/file"), "cannot read no/such/file"),
    (lambda: PixelSequences.by_pixel(GRAY[0], [0]), "images must have shape \\[n, height, width\\], got \\[4, 5\\]"),
    (lambda: PixelSequences.by_pixel(GRAY[:0], []), "images must have shape .*got \\[0, 4, 5\\]"),
    (lambda: PixelSequences.by_row(GRAY + 7, [0, 1, 2]), "bytes .* or numbers in \\[0, 1\\], got numbers from 7 to 7"),
    (lambda: PixelSequences.by_row(GRAY - 1, [0, 1, 2]), "got numbers from -1 to -1"),
    (lambda: PixelSequences.by_row(GRAY / 0, [0, 1, 2]), "images must be finite"),
    (lambda: PixelSequences.by_row(GRAY, [0, 1]), "must agree on n >= 1"),
    (lambda: PixelSequences.by_row(GRAY, [0, 1, 10]), "labels must be whole numbers from 0 to 9 .*from 0 to 10"),
    (lambda: PixelSequences.by_row(GRAY, [0, 1, -1]), "labels must be whole numbers from 0 to 9 .*from -1 to 1"),
    (lambda: PixelSequences.by_row(GRAY, [0, 1, 0.5]), "labels must be whole numbers, got fractions"),
    (
        lambda: PixelSequences.by_row(GRAY, [[0, 1, 2]]),
        "labels must be .* of shape \\[n\\], got torch.int64 \\[1, 3\\]",
    ),
    (lambda: PixelSequences.by_row(GRAY, [0, 1, 2], blank=-1), "blank must be a whole number of at least 0, got -1"),
    (lambda: PixelSequences.permuted(GRAY, [0, 1, 2], seed=torch.Generator()), "seed must be a whole number"),
    (lambda: PixelSequences(GRAY[0], torch.zeros(4)), "sequences must have shape \\[n, T, m\\], got \\[4, 5\\]"),
    (lambda: fixed_permutation(0), "pixels must be a whole number of at least 1, got 0"),
    (lambda: COPY.batch([]), "rows are empty"),
    (lambda: _loss(COPY, (6, 4, 1), (4, 6, 1)), "outputs must have shape \\[4, T, 1\\], got \\[6, 4, 1\\]"),
    (lambda: _loss(COPY, (4, 6, 2), (4, 6, 1)), "outputs must have shape \\[4, T, 1\\], got \\[4, 6, 2\\]"),
    (lambda: _loss(COPY, (4, 6), (4, 6, 1)), "outputs must have shape \\[4, T, 1\\], got \\[4, 6\\]"),
    (lambda: _loss(COPY, (4, 5, 1), (4, 5, 1)), "a step for each of 6 inputs, got 5"),
    (lambda: _loss(COPY, (4, 6, 1), (4, 6)), "targets must have shape \\[4, 6, 1\\], got \\[4, 6\\]"),
    (lambda: _loss(ROWS, (3, 4, 10), (3, 4)), "targets must be labels of shape \\[3\\], got \\[3, 4\\]"),
    (
        lambda: RegressionTask(GRAY, GRAY[:, :2], torch.full((3,), 4), asked=1),
        "targets must have shape \\[3, 4, 'd'\\]",
    ),
    (lambda: RegressionTask(GRAY, GRAY, torch.full((3,), 3), asked=1), "the longest T = 4, got 3 to 3"),
    (lambda: RegressionTask(GRAY, GRAY, torch.tensor([0, 1, 4]), asked=1), "at least 1 .*got 0 to 4"),
    (lambda: RegressionTask(GRAY, GRAY, torch.full((3,), 4.0), asked=1), "int64 lengths .*torch.float32"),
    (lambda: RegressionTask(GRAY, GRAY, torch.full((3,), 4), asked=0), "asked must be .* at least 1, got 0"),
]


@pytest.mark.parametrize(("call", "complaint"), BAD, ids=[complaint for _, complaint in BAD])
def test_bad_input_is_refused(call, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        call()
