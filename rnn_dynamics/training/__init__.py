"""Training on tasks: one model or many at once, interrupted and resumed step for step."""

from .evaluation import evaluate
from .flip_flop import TrainedFlipFlop, train_flip_flop
from .interrupts import uninterrupted
from .loop import Recorder, Tracker
from .members import Moments, Weights, load_weights, shape_of, shapes_of
from .model import SequenceModel
from .run_folder import RunFolder, kept_in
from .settings import TrainSettings
from .stacked import StackedModels, require_alike
from .stored_values import are_counts, are_moments, are_numbers, are_weights, is_count, is_whole
from .trainer import require_tracker, train, train_ensemble
from .training_results import Training

__all__ = [
    "Moments",
    "Recorder",
    "RunFolder",
    "SequenceModel",
    "StackedModels",
    "Tracker",
    "TrainSettings",
    "TrainedFlipFlop",
    "Training",
    "Weights",
    "are_counts",
    "are_moments",
    "are_numbers",
    "are_weights",
    "evaluate",
    "is_count",
    "is_whole",
    "kept_in",
    "load_weights",
    "require_alike",
    "require_tracker",
    "shape_of",
    "shapes_of",
    "train",
    "train_ensemble",
    "train_flip_flop",
    "uninterrupted",
]
