"""Images to make tasks of."""

import torch

from rnn_dynamics.tasks import LabelledImages


def few_images(n: int = 12, height: int = 4, width: int = 5) -> LabelledImages:
    """Random bytes, with labels in turn."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (n, height, width), generator=generator, dtype=torch.uint8)
    return LabelledImages(pixels, torch.arange(n) % 10)
