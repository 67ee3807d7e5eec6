"""Images read as sequences: pixel by pixel, under a fixed permutation, or row by row."""

from typing import Annotated, Self

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, AtLeast, Count, as_tensor, checked
from .classification import ClassificationTask

PERMUTATION_SEED = 210601001  # of this library's own permutation: the same for training and test, and for ever


@checked
class PixelSequences(ClassificationTask):
    """Name the class of an image that is read step by step, asked at the last step.

    ``by_pixel`` reads the h w pixels row by row, one a step; ``permuted`` reads them in a fixed random order, so that
    neighbours are far apart; ``by_row`` reads a row of w pixels a step. Any images do, of 28 x 28 or of 8 x 8 pixels:

        train, test = digits()
        task = PixelSequences.by_pixel(*train, blank=100)

    Args:
        sequences: images as sequences already, [n, T, m].
        labels: classes, [n].
        blank: how many steps of zeros follow each image, through which the class must be held.
        classes: how many there are.

    Raises:
        ValueError: for shapes that do not fit, labels that are not classes, and pixels outside [0, 1].

    Source: Le et al., arXiv 1504.00941 (by pixel, permuted); Lambrechts et al., arXiv 2106.01001 (rows, blanks).
    """

    def __init__(
        self, sequences: Tensor, labels: Tensor, *, blank: Annotated[int, AtLeast(0)] = 0, classes: Count = 10
    ) -> None:
        if sequences.ndim != 3 or 0 in sequences.shape:
            raise ArgumentError("sequences", f"must have shape [n, T, m], got {list(sequences.shape)}")
        zeros = sequences.new_zeros(len(sequences), blank, sequences.shape[2])
        inputs = torch.cat((sequences, zeros), dim=1)
        super().__init__(inputs, labels, torch.full((len(inputs),), inputs.shape[1]), classes=classes)

    @classmethod
    @checked
    def by_pixel(
        cls, images: ArrayLike, labels: ArrayLike, *, blank: Annotated[int, AtLeast(0)] = 0, classes: Count = 10
    ) -> Self:
        """One pixel a step, row by row: inputs [n, h w + blank, 1].

        Args:
            images: [n, h, w], bytes (divided by 255) or numbers in [0, 1].
            labels, blank, classes: as above.
        """
        return cls(_scaled(images).flatten(1).unsqueeze(-1), _labels(labels), blank=blank, classes=classes)

    @classmethod
    @checked
    def permuted(
        cls,
        images: ArrayLike,
        labels: ArrayLike,
        *,
        blank: Annotated[int, AtLeast(0)] = 0,
        classes: Count = 10,
        seed: int = PERMUTATION_SEED,
    ) -> Self:
        """``by_pixel`` with step t showing pixel p(t), p = ``fixed_permutation(h * w, seed)``; blanks stay at the end.

        Args:
            images, labels, blank, classes: as for ``by_pixel``.
            seed: of the permutation. Training and test images must share it, as they do by default.
        """
        pixels = _scaled(images).flatten(1)
        order = fixed_permutation(pixels.shape[1], seed)
        return cls(pixels[:, order].unsqueeze(-1), _labels(labels), blank=blank, classes=classes)

    @classmethod
    @checked
    def by_row(
        cls, images: ArrayLike, labels: ArrayLike, *, blank: Annotated[int, AtLeast(0)] = 0, classes: Count = 10
    ) -> Self:
        """One row a step, from the top: inputs [n, h + blank, w]. Arguments as for ``by_pixel``."""
        return cls(_scaled(images), _labels(labels), blank=blank, classes=classes)


@checked
def fixed_permutation(pixels: Count, seed: Annotated[int, AtLeast(0, 2**63 - 1)] = PERMUTATION_SEED) -> Tensor:
    """A permutation of 0..pixels - 1, [pixels], which depends on nothing but its arguments."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(pixels, generator=generator)


def _scaled(images: ArrayLike) -> Tensor:
    """Images [n, h, w] as float32 in [0, 1]."""
    bytes_given = str(getattr(images, "dtype", "")).endswith("uint8")
    pixels = as_tensor(images, "images", dtype=torch.float32, device=torch.device("cpu"))
    if pixels.ndim != 3 or 0 in pixels.shape:
        raise ArgumentError("images", f"must have shape [n, height, width], got {list(pixels.shape)}")
    if bytes_given:
        return pixels / 255
    if pixels.min() < 0 or pixels.max() > 1:
        reach = f"{pixels.min().item():g} to {pixels.max().item():g}"
        raise ArgumentError("images", f"must be bytes (uint8) or numbers in [0, 1], got numbers from {reach}")
    return pixels


def _labels(labels: ArrayLike) -> Tensor:
    """Labels as int64, so that fractions are refused and not cut off."""
    values = as_tensor(labels, "labels", dtype=torch.float64, device=torch.device("cpu"))
    if (values != values.round()).any():
        raise ArgumentError("labels", "must be whole numbers, got fractions")
    return values.long()
