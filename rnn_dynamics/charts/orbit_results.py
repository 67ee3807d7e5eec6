"""Orbits over one parameter: where they are, how often they come back, and their exponents."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..results import Interruptible, Noted, evenly
from ..store import storable
from ..tables import Table
from .orbits import Conduct

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class OrbitDiagram(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Noted, Table, whole=("coordinate", "interrupted", "notes"), in_order=True
):
    """What the orbits of k starts do at each value of a parameter, in the order of the values."""

    _dimensions: ClassVar = {
        **dict.fromkeys(("conducts", "periods", "exponents", "errors"), ("row", "start")),
        "samples": ("row", "start", "time"),
    }

    parameters: Tensor
    """[p]."""

    samples: Tensor
    """A coordinate of successive states of each orbit once it has settled, [p, k, t]."""

    conducts: Tensor
    """Codes of ``charts.Conduct``, [p, k]; -1 where nothing was computed."""

    periods: Tensor
    """[p, k]; 0 where an orbit is not periodic."""

    exponents: Tensor
    """The largest Lyapunov exponent per step, [p, k]."""

    errors: Tensor
    """Their standard errors, [p, k]."""

    coordinate: int
    """Which coordinate the samples are."""

    @property
    def done(self) -> Tensor:
        """Whether each value was computed, [p]."""
        return (self.conducts >= 0).all(dim=1)

    def changes(self, start: int = 0) -> "pd.DataFrame":
        """Where one orbit changes its period: between which values, from which to which; 0 is aperiodic.

        Two rows in a cascade of doublings stand for one bifurcation each; ``bifurcation_diagram`` locates it.
        """
        import pandas as pd

        told = (self.conducts[:, start] > Conduct.UNDECIDED).nonzero().flatten().tolist()
        periods = self.periods[:, start].tolist()
        rows = [
            [float(self.parameters[one]), float(self.parameters[two]), periods[one], periods[two]]
            for one, two in pairwise(told)
            if periods[one] != periods[two]
        ]
        return pd.DataFrame(rows, columns=["before", "after", "period_before", "period_after"])

    def to_pandas(self) -> "pd.DataFrame":
        """One row per value and start."""
        import pandas as pd

        done = self.done
        k = self.conducts.shape[1]
        samples = self.samples[done].flatten(0, 1)
        return pd.DataFrame(
            {
                "parameter": self.parameters[done].repeat_interleave(k).numpy(),
                "start": torch.arange(k).repeat(int(done.sum())).numpy(),
                "conduct": [Conduct(code).word for code in self.conducts[done].flatten().tolist()],
                "period": self.periods[done].flatten().numpy(),
                "exponent": self.exponents[done].flatten().numpy(),
                "error": self.errors[done].flatten().numpy(),
                "lowest": samples.amin(dim=1).numpy(),
                "highest": samples.amax(dim=1).numpy(),
            }
        )

    def summary(self) -> str:
        """One line: over which values, and what orbits do there."""
        text = f"orbits over {self._counted('value')}"
        if len(self):
            text += f", {float(self.parameters[0]):.6g} to {float(self.parameters[-1]):.6g}"
        codes = self.conducts[self.done].flatten()
        parts = [
            f"{conduct.word} {float((codes == conduct).double().mean()):.1%}"
            for conduct in Conduct
            if bool((codes == conduct).any())
        ]
        text += f"; {', '.join(parts)}" if parts else ""
        return text + (f"; interrupted after {int(self.done.sum())} values" if self.interrupted else "")

    @property
    def advice(self) -> tuple[str, ...]:
        """Where it was not told what orbits do."""
        undecided = int((self.conducts == Conduct.UNDECIDED).sum())
        return (f"{undecided} orbits are undecided: raise watch's max_steps",) if undecided else ()

    def _shown(self) -> "pd.DataFrame":
        return evenly(self.to_pandas())
