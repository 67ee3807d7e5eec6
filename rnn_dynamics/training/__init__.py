"""Floor 4: training."""

from .flip_flop import TrainedFlipFlop, train_flip_flop

__all__ = ["TrainedFlipFlop", "train_flip_flop"]
