"""How many attractors are proved to be reached, beside what the published measure claims."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from torch import Tensor

from ..checks import AtLeast, checked
from ..results import Result
from ..store import storable
from .results import Certificates

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class ProvedReach(Result):
    """Of the attractors that inputs reach (``Reachability``) those that are proved, under each held input."""

    _dimensions: ClassVar = {"inputs": ("held_input", "input")}

    inputs: Tensor
    """The held inputs, [q, m]."""

    certificates: tuple[Certificates, ...]
    """Under each the proofs of its attractors, and of the way of each sampled state to one of them (``reached``)."""

    found: float
    """How many attractors the search found to be reached, averaged over held inputs."""

    claimed: float
    """How many attractors VAA stands for, n VAA."""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early: what was not come to is not proved."""
        return any(proof.interrupted for proof in self.certificates)

    @property
    def count(self) -> float:
        """A proved lower bound on the number of attractors that the sampled states reach, averaged over inputs."""
        return sum(proof.reached_count for proof in self.certificates) / max(1, len(self.certificates))

    @property
    def advice(self) -> tuple[str, ...]:
        """That of the proofs under each held input, each sentence once."""
        return tuple(dict.fromkeys(line for proof in self.certificates for line in proof.advice))

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of how the map was made, a clause each."""
        return tuple(dict.fromkeys(note for proof in self.certificates for note in proof.notes))

    @checked
    def check(self, precision: Annotated[int, AtLeast(24)] = 106, progress: bool | None = None) -> "ProvedReach":
        """Prove it again, as ``Certificates.check`` does."""
        again = tuple(proof.check(precision, progress) for proof in self.certificates)
        return ProvedReach(self.inputs, again, self.found, self.claimed)

    def to_pandas(self) -> "pd.DataFrame":
        """One row per held input."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "input": [round(x, 4) for x in input.tolist()],
                    "attractors": len(proof),
                    "proved": int(proof.attracting.sum()),
                    "reached": proof.reached_count,
                    "starts": len(proof.starts),
                    "starts_proved": int((proof.reached >= 0).sum()),
                }
                for input, proof in zip(self.inputs, self.certificates, strict=True)
            ]
        )

    def summary(self) -> str:
        """One line: the proved bound, the number found, and what VAA stands for."""
        many = f" (mean of {len(self.inputs)} held inputs)" if len(self.inputs) > 1 else ""
        verb = "attractor is" if self.count == 1 else "attractors are"
        text = f"at least {self.count:g} {verb} reached: proved{many}; found: {self.found:g}"
        return f"{text}; VAA stands for {self.claimed:.3g}" + ("; interrupted" if self.interrupted else "")

    def _notes(self) -> Sequence[str]:
        return self.advice
