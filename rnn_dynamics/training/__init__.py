"""Floor 8: training and warmup."""

from .evaluation import evaluate
from .flip_flop import TrainedFlipFlop, train_flip_flop
from .horizon import Horizon
from .loop import Tracker
from .model import SequenceModel
from .trainer import train, train_ensemble
from .training_results import Training
from .warmup import warm_up
from .warmup_results import Warmup

__all__ = [
    "Horizon",
    "SequenceModel",
    "Tracker",
    "TrainedFlipFlop",
    "Training",
    "Warmup",
    "evaluate",
    "train",
    "train_ensemble",
    "train_flip_flop",
    "warm_up",
]
