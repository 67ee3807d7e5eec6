"""Images as sequences of pixels, and images from IDX files."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from problems.images import few_images

from rnn_dynamics import tasks
from rnn_dynamics.tasks import (
    PERMUTATION_SEED,
    PixelSequences,
    digits,
    download_mnist,
    fixed_permutation,
    mnist,
    read_idx,
)

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
    images, labels = few_images()
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
    images, labels = (part.numpy() for part in few_images(n))
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
    assert torch.equal(train.images, few_images(6).images)
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
