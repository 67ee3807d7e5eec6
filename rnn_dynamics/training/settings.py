"""How a model is trained."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from ..checks import Count, OrInfinite, Positive, Told, checked


@checked
@dataclass(frozen=True)
class TrainSettings:
    """How ``train`` and ``train_ensemble`` train: for how long, in what batches and by what steps of Adam.

    Args:
        epochs: how often each sequence is seen.
        batch_size: sequences in an update.
        lr: of Adam; 1e-3 is the usual one.
        clip_norm: c > 0 scales a gradient g by min(1, c / (|g| + 1e-6)); none by default.
        patience: stop after so many epochs without a lower validation loss; never by default.

    Raises:
        ValueError: for a setting out of range.
    """

    epochs: Count = 50
    batch_size: Count = 32
    lr: Annotated[float, Positive()] = 1e-3
    clip_norm: Annotated[float, OrInfinite(), Positive(), Told("positive, or None")] | None = None
    patience: Count | None = None

    def deciding(self) -> dict[str, Any]:
        """Those that a resumed training must share with its beginning: all but ``epochs``, which may grow."""
        return {name: value for name, value in asdict(self).items() if name != "epochs"}
