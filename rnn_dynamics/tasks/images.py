"""Labelled images: scikit-learn's digits, which need no network, and MNIST from its files."""

import math
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..checks import ArgumentError, AtLeast, Within, checked
from .idx import read_idx

# The mirror that torchvision reads first, and the sums that it and others publish for the files.
MNIST_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MNIST_MD5 = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}


class LabelledImages(NamedTuple):
    """Images [n, height, width], uint8 or float32 in [0, 1], and their labels int64 [n]."""

    images: Tensor
    labels: Tensor


@checked
def digits(
    test_share: Annotated[float, Within(0, 1, ends=False)] = 0.2, *, seed: Annotated[int, AtLeast(0, 2**32 - 1)] = 0
) -> tuple[LabelledImages, LabelledImages]:
    """Scikit-learn's 1,797 handwritten digits, which come with it: a training and a test part.

    Args:
        test_share: share of the images in the test part; every class is split alike.
        seed: of the split: the same seed gives the same parts.

    Returns:
        Training and test part, images float32 [n, 8, 8] in [0, 1], labels 0 to 9.

    Source: Alpaydin and Kaynak 1998, doi:10.24432/C50P49.
    """
    # Imported here since they take a second, and most users of this package have no use for them.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    images = torch.from_numpy(pixels).float().view(-1, 8, 8) / 16  # 16 grey levels above black
    rows = np.arange(len(labels))
    if not 10 <= math.ceil(test_share * len(rows)) <= len(rows) - 10:
        raise ArgumentError("test_share", f"must leave an image of each class in both parts, got {test_share}")
    parts = train_test_split(rows, test_size=test_share, stratify=labels, random_state=seed)
    train, test = (LabelledImages(images[part], torch.from_numpy(labels[part]).long()) for part in parts)
    return train, test


@checked
def mnist(folder: str | Path) -> tuple[LabelledImages, LabelledImages]:
    """MNIST, or any data set in its format, from four files: a training and a test part.

    Args:
        folder: holds {train,t10k}-images-idx3-ubyte and {train,t10k}-labels-idx1-ubyte, each with or without .gz, with
            a hyphen or a dot before ``idx``.

    Returns:
        Training and test part, images uint8 [n, height, width], labels [n].

    Raises:
        ValueError: for a file that is missing or damaged, or images and labels that do not belong together.
    """
    train, test = (_part(Path(folder), name) for name in ("train", "t10k"))
    return train, test


@checked
def download_mnist(folder: str | Path, *, mirror: str = MNIST_MIRROR) -> tuple[LabelledImages, LabelledImages]:
    """Fetch MNIST's four files (12 MB) into ``folder`` and read them; files already there are kept if they are right.

    Each file is checked against its published MD5 sum before it takes its name.

    Args:
        folder: made if it is missing.
        mirror: address of a folder with the four .gz files.

    Raises:
        ValueError: for a file whose sum differs; nothing of it is kept.
        OSError: where the address cannot be reached.
    """
    import pooch  # imported here: only downloads need it

    for name, md5 in MNIST_MD5.items():
        pooch.retrieve(f"{mirror.rstrip('/')}/{name}", f"md5:{md5}", fname=name, path=Path(folder))
    return mnist(folder)


def _part(folder: Path, part: str) -> LabelledImages:
    images, labels = (read_idx(_found(folder, f"{part}-{kind}")) for kind in ("images-idx3", "labels-idx1"))
    of_bytes = images.dtype == labels.dtype == torch.uint8
    if not of_bytes or images.ndim != 3 or labels.shape != images.shape[:1]:
        got = f"{images.dtype} {list(images.shape)} and {labels.dtype} {list(labels.shape)}"
        raise ValueError(f"{folder}: {part} images and labels must be bytes [n, height, width] and [n], got {got}")
    return LabelledImages(images, labels.long())


def _found(folder: Path, stem: str) -> Path:
    names = [f"{name}-ubyte{end}" for name in (stem, stem.replace("-idx", ".idx")) for end in ("", ".gz")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise ValueError(f"{folder} must hold {' or '.join(names)}: download_mnist fetches MNIST's files")
