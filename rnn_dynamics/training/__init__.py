"""Training on tasks: one model or many at once, interrupted and resumed step for step."""

from .evaluation import evaluate
from .flip_flop import TrainedFlipFlop, train_flip_flop
from .loop import Tracker
from .model import SequenceModel
from .settings import TrainSettings
from .trainer import train, train_ensemble
from .training_results import Training

__all__ = [
    "SequenceModel",
    "Tracker",
    "TrainSettings",
    "TrainedFlipFlop",
    "Training",
    "evaluate",
    "train",
    "train_ensemble",
    "train_flip_flop",
]
