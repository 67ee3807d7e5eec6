"""The tasks: every definition against a plain reading of the sequences, and what the doors refuse."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader

import rnn_dynamics as rd
from rnn_dynamics import tasks
from rnn_dynamics.tasks import (
    PERMUTATION_SEED,
    CopyFirstInput,
    Denoising,
    FlipFlop,
    LabelledImages,
    PixelSequences,
    RegressionTask,
    SequenceTask,
    digits,
    download_mnist,
    fixed_permutation,
    flip_flop,
    mnist,
    read_idx,
)


def _images(n: int = 12, height: int = 4, width: int = 5) -> LabelledImages:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (n, height, width), generator=generator, dtype=torch.uint8)
    return LabelledImages(pixels, torch.arange(n) % 10)


DRAWN: dict[str, Callable[..., SequenceTask]] = {
    "copy": partial(CopyFirstInput, 40, 30),
    "copy, lengths": partial(CopyFirstInput, 40, (7, 30)),
    "denoising": partial(Denoising, 40, 30),
    "denoising, lengths": partial(Denoising, 40, (12, 30), 7),
    "flip-flop": partial(FlipFlop, 40, 30),
    "flip-flop, lengths": partial(FlipFlop, 40, (7, 30)),
}
ALL = {name: partial(make, seed=0) for name, make in DRAWN.items()} | {
    "pixels": lambda: PixelSequences.by_pixel(*_images(), blank=3),
    "permuted": lambda: PixelSequences.permuted(*_images(), blank=3),
    "rows": lambda: PixelSequences.by_row(*_images(), blank=3),
}
every_task = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


# What every task promises.


@every_task
def test_shapes_and_padding(make) -> None:
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


@every_task
def test_sequences_are_what_the_analysis_takes(make) -> None:
    task = make()
    network = rd.as_map(lambda h, x: torch.tanh(h + x.sum(-1, keepdim=True)), state_size=2, input_size=task.input_size)
    assert rd.sample_states(network, task.sequences, 5).shape == (5, 2)
    whole = isinstance(task.sequences, Tensor)
    assert whole == (len(task.lengths.unique()) == 1)
    assert [len(sequence) for sequence in task.sequences] == task.lengths.tolist()
    assert all(torch.equal(sequence, task[row][0]) for row, sequence in enumerate(task.sequences))


@every_task
def test_data_loader_and_batch_agree(make) -> None:
    task = make()
    loader = DataLoader(task, batch_size=7, collate_fn=task.collate, generator=torch.Generator())
    rows = iter(torch.arange(len(task)).split(7))
    for loaded in loader:
        for here, there in zip(loaded, task.batch(next(rows)), strict=True):
            assert torch.equal(here, there)
            assert here.dtype == there.dtype
    assert next(rows, None) is None


@every_task
def test_select_is_the_task_of_fewer(make) -> None:
    task = make()
    few = task.select([3, 1])
    assert type(few) is type(task)
    assert len(few) == 2
    assert torch.equal(few[0][0], task[3][0])
    assert torch.equal(few[1][1], task[1][1])
    assert len(task.select(slice(2, 9))) == 7
    assert few.inputs.shape[1] == few.lengths.max()
    assert len(task) > 2


@every_task
def test_only_asked_steps_enter_loss_and_score(make) -> None:
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
    assert outputs.grad.isfinite().all()
    assert not outputs.grad[outputs.isnan()].any()
    assert (outputs.grad[~outputs.isnan()] != 0).all()


@pytest.mark.parametrize("make", DRAWN.values(), ids=DRAWN)
def test_same_seed_same_bits(make) -> None:
    first, again, other = make(seed=5), make(seed=torch.Generator().manual_seed(5)), make(seed=6)
    for name in ("inputs", "targets", "lengths"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert first.inputs.shape != other.inputs.shape or not torch.equal(first.inputs, other.inputs)
    generator = torch.Generator().manual_seed(5)
    assert make(seed=generator).inputs.sum() != make(seed=generator).inputs.sum()


@pytest.mark.parametrize(
    "make", [CopyFirstInput, Denoising, partial(FlipFlop, bits=2)], ids=["copy", "denoising", "flip-flop"]
)
def test_lengths_are_uniform(make) -> None:
    lengths = make(20_000, (11, 20), seed=0).lengths
    assert stats.chisquare(lengths.bincount(minlength=21)[11:]).pvalue > 1e-3
    assert lengths.min() == 11


@pytest.mark.parametrize("make", [CopyFirstInput, Denoising, FlipFlop], ids=["copy", "denoising", "flip-flop"])
def test_zero_scores_the_baseline(make) -> None:
    task = make(20_000, (12, 20), seed=0)
    inputs, targets, lengths = task.batch(slice(None))
    silent = inputs.new_zeros(*inputs.shape[:2], task.target_size)
    assert task.baseline == 1.0
    assert task.score(silent, targets, lengths) == pytest.approx(task.baseline, abs=0.03)
    assert task.score(targets, targets, lengths) == 0.0


class _Calls(TorchFunctionMode):
    count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.count += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("make", [CopyFirstInput, Denoising, FlipFlop], ids=["copy", "denoising", "flip-flop"])
def test_generation_has_no_loop(make) -> None:
    """As many calls to torch for 50,000 sequences as for 5, and for 60 steps as for 12."""
    counts = set()
    for n, length in [(5, 12), (5, 60), (50_000, 12), (5, (12, 60)), (50_000, (12, 20))]:
        with _Calls() as calls:
            make(n, length, seed=0)
        counts.add((isinstance(length, tuple), calls.count))
    assert len(counts) == 2
    assert max(count for _, count in counts) < 100


# Copy first input.


@pytest.mark.parametrize("length", [1, 50, (3, 50)])
def test_copy_asks_for_the_first_input(length) -> None:
    task = CopyFirstInput(200, length, seed=0)
    assert all(target[-1] == input[0] for input, target in task)
    assert all(not target[:-1].any() for _, target in task)
    assert task.asked == 1


def test_copy_inputs_are_normal() -> None:
    inputs = CopyFirstInput(2_000, 5, seed=0).inputs
    assert stats.kstest(inputs.flatten().numpy(), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(inputs[:, :, 0].T) - np.eye(5)).max() < 0.1


# Denoising.


@pytest.mark.parametrize("marks", [1, 3, 5])
@pytest.mark.parametrize("length", [20, (20, 33)])
@pytest.mark.parametrize("pad", range(11))
def test_denoising_decodes(pad: int, length, marks: int) -> None:
    """Read the sequence as a solver would: note values under a mark, speak from the cue on."""
    task = Denoising(100, length, pad, marks=marks, seed=pad)
    assert task.asked == marks
    for input, target in task:
        noted, spoken = [], []
        cued_at = None
        for time, (value, mark) in enumerate(input.tolist()):
            assert mark in (0, 1, -1)
            if mark == 1:
                assert cued_at is None
                assert time < len(input) - pad
                noted.append(value)
            if mark == -1:
                assert cued_at is None
                cued_at = time
            if cued_at is not None:
                assert value == 0
                spoken.append(noted[time - cued_at])
        assert cued_at == len(input) - marks
        assert len(noted) == marks
        assert target[cued_at:, 0].tolist() == spoken
        assert input[:cued_at, 0].all()  # there is noise everywhere before the cue


@pytest.mark.parametrize(("pad", "places"), [(0, 15), (4, 15), (5, 15), (6, 14), (10, 10), (15, 5)])
def test_denoising_marks_every_place_alike(pad: int, places: int) -> None:
    marks = Denoising(20_000, 20, pad, seed=0).inputs[..., 1] == 1
    share = marks.double().mean(dim=0)
    assert (share[:places] > 0).all()
    assert not share[places:].any()
    counts = marks.sum(dim=0)[:places]
    # Places within a sequence exclude each other, so counts vary less than independent draws by (K - k) / (K - 1).
    if places > 5:
        chi = ((counts - counts.double().mean()).square() / counts.double().mean()).sum() * (places - 1) / (places - 5)
        assert stats.chi2.sf(chi.item(), places - 1) > 1e-3


def test_denoising_marks_every_pair_alike() -> None:
    marks = Denoising(20_000, 7, 0, marks=2, seed=1).inputs[..., 1] == 1
    counts = (marks[:, :5].long() @ (2 ** torch.arange(5))).bincount()
    counts = counts[counts > 0]
    assert len(counts) == 10
    assert stats.chisquare(counts).pvalue > 1e-3


def test_denoising_takes_the_shortest_that_fits() -> None:
    task = Denoising(3, 10, 5, seed=0)
    assert (task.inputs[:, :5, 1] == 1).all()
    assert torch.equal(task.targets[:, 5:, 0], task.inputs[:, :5, 0])


# Flip-flop.


@pytest.mark.parametrize("length", [40, (5, 40)])
def test_flip_flop_remembers_the_last_pulse(length) -> None:
    task = FlipFlop(50, length, bits=2, seed=0)
    for input, target in task:
        memory = [0.0, 0.0]
        for pulses, answer in zip(input.tolist(), target.tolist(), strict=True):
            memory = [pulse or held for pulse, held in zip(pulses, memory, strict=True)]
            assert answer == memory


def test_flip_flop_is_the_function() -> None:
    inputs, targets = flip_flop(9, 20, 2, 0.3, generator=torch.Generator().manual_seed(3))
    task = FlipFlop(9, 20, 2, 0.3, seed=3)
    assert torch.equal(task.inputs, inputs)
    assert torch.equal(task.targets, targets)
    assert inputs.abs().sum() == 128  # the stream that trained networks rely on


# Images and pixels.


def test_digits_are_split_by_class_and_fixed() -> None:
    train, test = digits()
    assert (len(train.images), len(test.images)) == (1437, 360)
    assert train.images.shape[1:] == (8, 8)
    assert train.images.min() == 0
    assert train.images.max() == 1
    shares = train.labels.bincount() / (train.labels.bincount() + test.labels.bincount())
    assert (shares - 0.8).abs().max() < 0.01
    again = digits()[1]
    assert torch.equal(again.images, test.images)
    assert not torch.equal(digits(seed=1)[1].labels, test.labels)
    together = torch.cat((train.images, test.images)).flatten(1)
    assert together.sum() == pytest.approx(561718 / 16)  # all of them, none twice


@pytest.mark.parametrize("blank", [0, 7])
def test_pixels_in_order_then_blanks(blank: int) -> None:
    images, labels = _images()
    task = PixelSequences.by_pixel(images, labels, blank=blank)
    assert task.inputs.shape == (12, 20 + blank, 1)
    assert torch.equal((task.inputs[:, :20, 0] * 255).round().byte(), images.flatten(1))
    assert not task.inputs[:, 20:].any()
    rows = PixelSequences.by_row(images, labels, blank=blank)
    assert rows.inputs.shape == (12, 4 + blank, 5)
    assert torch.equal(rows.inputs[:, 2], task.inputs[:, 10:15, 0])
    assert not rows.inputs[:, 4:].any()
    for each in (task, rows):
        assert torch.equal(each.targets, labels)
        assert (each.asked, each.target_size) == (1, 10)
        assert each.baseline == 2 / 12


def test_one_permutation_for_training_and_test() -> None:
    train, test = digits()
    order = fixed_permutation(64)
    for part in (train, test):
        plain, mixed = PixelSequences.by_pixel(*part, blank=2), PixelSequences.permuted(*part, blank=2)
        assert torch.equal(mixed.inputs[:, :64], plain.inputs[:, order])
        assert not mixed.inputs[:, 64:].any()
    other = PixelSequences.permuted(*test, seed=1)
    assert not torch.equal(other.inputs, PixelSequences.permuted(*test).inputs)


def test_the_permutation_stays_as_it_is() -> None:
    order = fixed_permutation(784)
    assert torch.equal(order.sort().values, torch.arange(784))
    assert order[:6].tolist() == [446, 306, 753, 451, 267, 639]
    assert PERMUTATION_SEED == 210601001


def test_pixels_take_arrays_of_any_size() -> None:
    images = np.zeros((3, 28, 28), dtype=np.uint8)
    images[1] = 255
    task = PixelSequences.by_pixel(images, np.array([0, 1, 2]))
    assert task.inputs.shape == (3, 784, 1)
    assert task.inputs.amax(dim=1).flatten().tolist() == [0, 1, 0]
    floats = PixelSequences.by_row(images / 255.0, [0, 1, 2], classes=3)
    assert floats.target_size == 3
    assert torch.equal(floats.inputs.flatten(), task.inputs.flatten())


# IDX files and MNIST.


def _idx(array: np.ndarray) -> bytes:
    code = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}[array.dtype.str[1:]]
    big = array.astype(array.dtype.newbyteorder(">"))
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape) + big.tobytes()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_idx_reads_what_was_written(tmp_path: Path, dtype: str, packed: bool) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype) * 3 - (0 if dtype == "u1" else 17)
    array = array.astype(dtype)
    (tmp_path / "array").write_bytes(gzip.compress(_idx(array)) if packed else _idx(array))
    read = read_idx(tmp_path / "array")
    assert read.numpy().dtype == np.dtype(dtype)
    assert np.array_equal(read.numpy(), array)
    read += 1  # it can be written to


WHOLE = _idx(np.arange(60, dtype="u1").reshape(3, 4, 5))
DAMAGED = {
    "nothing": (b"", "begins with nothing"),
    "other file": (b"\x89PNG\r\n", "not an IDX file: it begins with 89 50 4e 47"),
    "unknown type": (b"\0\0\x0a" + WHOLE[3:], "not an IDX file"),
    "no dimensions": (b"\0\0\x08\0", "not an IDX file"),
    "pickle": (b"\x80\x04\x95", "not an IDX file"),
    "half a header": (WHOLE[:9], "cut short"),
    "half": (WHOLE[:40], "expected 60 bytes of entries, got 24"),
    "one too many": (WHOLE + b"\0", "expected 60 bytes of entries, there are more"),
    "too large a size": (WHOLE[:4] + b"\xff\xff\xff\xff" + WHOLE[8:], "does not fit its sizes"),
    "absurd sizes": (b"\0\0\x08\xff" + b"\xff" * 1020, "does not fit its sizes"),
    "size zero": (WHOLE[:4] + b"\0\0\0\0" + b"\xff" * 8, "holds nothing"),
    "packed, cut": (gzip.compress(WHOLE)[:-12], "cannot read"),
    "packed, changed": (gzip.compress(WHOLE)[:-6] + b"\0\0\0\0\0\0", "cannot read"),
    "packed, garbled": (gzip.compress(WHOLE)[:10] + b"\xff" * 30, "cannot read"),
}


@pytest.mark.parametrize(("content", "complaint"), DAMAGED.values(), ids=DAMAGED)
def test_idx_refuses_what_is_damaged(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "array").write_bytes(content)
    with pytest.raises(ValueError, match=complaint):
        read_idx(tmp_path / "array")


def _write_mnist(folder: Path, pattern: str = "{}-{}", n: int = 6) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = (part.numpy() for part in _images(n))
    for part in ("train", "t10k"):
        for kind, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels.astype("u1"))):
            name = pattern.format(part, kind)
            content = _idx(array[: 3 if part == "t10k" else n])
            (folder / name).write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("dotted", [False, True])
def test_mnist_under_each_name(tmp_path: Path, end: str, dotted: bool) -> None:
    _write_mnist(tmp_path, "{}-{}" + end)
    if dotted:
        for path in list(tmp_path.iterdir()):
            path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    train, test = mnist(tmp_path)
    assert torch.equal(train.images, _images(6).images)
    assert torch.equal(test.labels, torch.arange(3))
    assert PixelSequences.by_pixel(*train).inputs.shape == (6, 20, 1)


def test_mnist_refuses_what_is_missing_or_mixed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must hold train-images-idx3-ubyte or .*download_mnist"):
        mnist(tmp_path)
    _write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(ValueError, match="must hold t10k-labels-idx1-ubyte"):
        mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(_idx(np.zeros(4, "u1")))
    with pytest.raises(ValueError, match=r"t10k images and labels must be bytes .* \[3, 4, 5\] and torch.uint8 \[4\]"):
        mnist(tmp_path)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A mirror on this machine with MNIST-like files whose sums are expected."""
    folder = tmp_path / "mirror"
    _write_mnist(folder, "{}-{}.gz")
    for path in folder.iterdir():
        monkeypatch.setitem(tasks.images.MNIST_MD5, path.name, hashlib.md5(path.read_bytes()).hexdigest())
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_download_reads_checks_and_keeps(tmp_path: Path, served: str) -> None:
    train, test = download_mnist(tmp_path / "new" / "mnist", mirror=served)
    assert (len(train.images), len(test.images)) == (6, 3)
    for path in (tmp_path / "mirror").iterdir():
        path.unlink()
    again = download_mnist(tmp_path / "new" / "mnist", mirror=served + "/")  # nothing is asked for twice
    assert torch.equal(again[0].images, train.images)


def test_download_refuses_a_wrong_sum(tmp_path: Path, served: str) -> None:
    (tmp_path / "mirror" / "train-images-idx3-ubyte.gz").write_bytes(b"something else")
    with pytest.raises(ValueError, match="does not match"):
        download_mnist(tmp_path / "mnist", mirror=served)
    assert not list((tmp_path / "mnist").iterdir())


def test_download_replaces_a_damaged_file(tmp_path: Path, served: str) -> None:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"cut short")
    assert len(download_mnist(tmp_path / "mnist", mirror=served)[0].images) == 6


def test_download_from_nowhere_is_an_os_error(tmp_path: Path, served: str) -> None:
    with pytest.raises(OSError, match="404"):
        download_mnist(tmp_path / "mnist", mirror=served + "/nowhere")
    assert not list((tmp_path / "mnist").iterdir())


# Bad input.


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
