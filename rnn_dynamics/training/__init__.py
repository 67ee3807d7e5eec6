"""Floor 7: training and warmup."""

from .flip_flop import TrainedFlipFlop, train_flip_flop
from .horizon import Horizon
from .warmup import warm_up
from .warmup_results import Warmup

__all__ = ["Horizon", "TrainedFlipFlop", "Warmup", "train_flip_flop", "warm_up"]
