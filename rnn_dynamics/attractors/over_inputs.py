"""Attractors under each of several held inputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..checks import ArrayLike, as_rows, checked
from ..conditions import HeldInputs, OverInputs, held_inputs, under_each
from ..store import storable
from ..systems import DEFAULT_MEMORY_BUDGET, DrivenMap, require_network
from .method import Settle
from .results import Attractors
from .search import find_attractors


@storable
@dataclass(frozen=True, eq=False)
class AttractorsOverInputs(OverInputs[Attractors], whole=("inputs", "attractors", "conditions"), in_order=True):
    """One ``Attractors`` per held input: ``over.attractors[2]`` are those of ``over.inputs[2]``; ``len`` counts all.

    With names of conditions ``over.of("context A")`` are those of that condition. ``over[3]`` and the like are choices
    of attractors (see ``tables.Table``); all inputs stay.
    """

    _dimensions: ClassVar = {"inputs": ("held_input", "input")}
    _formats = Attractors._formats

    inputs: Tensor
    """[q, m]."""

    attractors: tuple[Attractors, ...]
    """For each input what the starts settle on; fewer than inputs if the search was interrupted."""

    conditions: tuple[str, ...] = ()
    """What each input is called, q names."""

    @property
    def results(self) -> tuple[Attractors, ...]:
        """Its ``attractors``."""
        return self.attractors

    def summary(self) -> str:
        """One line: how many, under how many held inputs."""
        return self._counted("attractor")

    def _notes(self) -> Sequence[str]:
        named = zip(self.conditions, self.attractors, strict=False)
        return [*(f"{name}: {found.summary()}; {found.verdict}" for name, found in named), *self.advice]


@checked
def find_attractors_over_inputs(
    network: DrivenMap,
    inputs: HeldInputs,
    starts: ArrayLike,
    *,
    settle: Settle | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> AttractorsOverInputs:
    """Settle the same starts under each held input, in float64, as ``find_attractors`` does.

    Ctrl-C returns the inputs searched so far, the last of them marked as interrupted.

    Args:
        network: the driven map.
        inputs: one held input per row, [q, m]; or a mapping from the names of conditions, such as context cues, to
            their held inputs [m]: result, table and figures then bear these names.
        starts: [k, n], as for ``find_attractors``, which also explains what is not explained here.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Raises:
        ValueError: for inputs or starts of the wrong shape, empty, or with NaN or infinite entries.
    """
    require_network(network)
    held, conditions = held_inputs(inputs, network, torch.float64)
    base = as_rows(starts, "starts", network.state_size, dtype=torch.float64, device=network.device)

    def search(row: Tensor) -> Attractors:
        return find_attractors(network.hold(row), base, settle=settle, memory_budget=memory_budget, seed=seed)

    return AttractorsOverInputs(held, under_each(held, search, progress), conditions)
