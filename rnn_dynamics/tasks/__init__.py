"""Tasks that networks are trained on."""

from .base import Batch, SequenceTask
from .classification import ClassificationTask
from .copy_first_input import CopyFirstInput
from .denoising import Denoising
from .flip_flop import FlipFlop, flip_flop
from .idx import read_idx
from .images import LabelledImages, digits, download_mnist, mnist
from .named import TASK_NAMES, TASK_OPTIONS, NamedTask, task_by_name
from .pixels import PERMUTATION_SEED, PixelSequences, fixed_permutation
from .regression import RegressionTask

__all__ = [
    "PERMUTATION_SEED",
    "TASK_NAMES",
    "TASK_OPTIONS",
    "Batch",
    "ClassificationTask",
    "CopyFirstInput",
    "Denoising",
    "FlipFlop",
    "LabelledImages",
    "NamedTask",
    "PixelSequences",
    "RegressionTask",
    "SequenceTask",
    "digits",
    "download_mnist",
    "fixed_permutation",
    "flip_flop",
    "mnist",
    "read_idx",
    "task_by_name",
]
