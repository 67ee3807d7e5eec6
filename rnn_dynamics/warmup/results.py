"""What warmup did, step by step."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from ..store import storable

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class Warmup:
    """The history of a warmup, one entry for each update; ``len`` counts them.

    If it did not finish, the last entry's update was undone: the weights are those that the entry belongs to.
    """

    soft_vaas: Tensor
    """VAA* of each layer before the update, [steps, layers]."""

    losses: Tensor
    """Mean over layers of (VAA* - target)^2, [steps]."""

    gradient_norms: Tensor
    """Norm of the whole gradient, before any clipping, [steps]."""

    horizons: Tensor
    """Held steps M, [steps]."""

    n: int
    """States in a batch: VAA* lies between 1/n and 1."""

    target: float
    """What VAA* was drawn to."""

    status: str
    """"finished", "interrupted" (Ctrl-C) or "not finite": see ``advice``."""

    advice: str
    """What to change, if it did not finish or moved nothing."""

    def __len__(self) -> int:
        return len(self.losses)

    @property
    def finished(self) -> bool:
        """Whether all updates were made."""
        return self.status == "finished"

    def to_pandas(self) -> "pd.DataFrame":
        """One row per update."""
        import pandas as pd

        layers = {f"soft_vaa_layer{index + 1}": column.numpy() for index, column in enumerate(self.soft_vaas.T)}
        return pd.DataFrame(
            {
                "soft_vaa": self.soft_vaas.mean(dim=1).numpy(),
                **(layers if len(layers) > 1 else {}),
                "loss": self.losses.numpy(),
                "gradient_norm": self.gradient_norms.numpy(),
                "horizon": self.horizons.numpy(),
            }
        )

    def summary(self) -> str:
        """One line."""
        if not len(self):
            return f"warmup: {self.status} before the first update"
        ends = [f"{float(self.soft_vaas[row].mean()):.3g} (M = {int(self.horizons[row])})" for row in (0, -1)]
        return f"warmup, {len(self)} updates ({self.status}): VAA* from {ends[0]} to {ends[1]}, n = {self.n}"

    def __repr__(self) -> str:
        return "\n".join(filter(None, [self.summary(), self.advice]))

    def _repr_html_(self) -> str:
        every = max(1, len(self) // 10)
        table = self.to_pandas().iloc[::every].to_html(float_format="{:.3g}".format, index_names=False)
        return f"<p><b>{self.summary()}</b> {self.advice}</p>{table}"
