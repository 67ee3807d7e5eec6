"""Conditions: held inputs under names, such as context cues and coherences, and what was found under each."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import torch
from torch import Tensor

from .checks import ArgumentError, ArrayLike, as_rows, as_vector
from .progress import each
from .systems import DrivenMap
from .tables import Table

if TYPE_CHECKING:
    import pandas as pd

HeldInputs: TypeAlias = ArrayLike | Mapping[str, ArrayLike]
"""Held inputs [q, m], one a row; or a mapping from the name of each condition to its held input [m]."""

Part = TypeVar("Part", bound=Table)

_SHOWN = 4
"""Inputs of more coordinates are called by their row."""


class OverInputs(Table, Generic[Part]):
    """One result per held input; ``len`` counts what all of them hold.

    A subclass is a dataclass with these two fields, of which the second is filled up, and says ``results``.
    """

    inputs: Tensor
    """The held inputs, [q, m]."""

    conditions: tuple[str, ...]
    """What each input is called, q names; by default after its values, or its row where they are many or not unique."""

    def __post_init__(self) -> None:
        if not self.conditions:
            object.__setattr__(self, "conditions", _names_of(self.inputs))
        if len(self.conditions) != len(self.inputs):
            raise ArgumentError("conditions", f"must name each of {len(self.inputs)} inputs, got {self.conditions}")

    @property
    @abstractmethod
    def results(self) -> tuple[Part, ...]:
        """For each input what was found under it; fewer than inputs if the search was interrupted."""

    def of(self, condition: str) -> Part:
        """What was found under the input of that name."""
        known = self.conditions[: len(self.results)]
        if condition not in known:
            raise ArgumentError("condition", f"must be one of {', '.join(map(repr, known))}, got {condition!r}")
        return self.results[known.index(condition)]

    def __len__(self) -> int:
        return sum(map(len, self.results))

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early, in the search under the last of the inputs that have a result."""
        return any(result.interrupted for result in self.results)

    @property
    def advice(self) -> tuple[str, ...]:
        """That of each result, with the name of its input."""
        named = zip(self.conditions, self.results, strict=False)
        return tuple(f"{name}: {line}" for name, result in named for line in result.advice)

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of the map, which all inputs share, each once."""
        return tuple(dict.fromkeys(note for result in self.results for note in result.notes))

    @property
    def labels(self) -> Tensor:
        """For everything that was found, in order, the row of its input."""
        return torch.cat([torch.full((len(result),), row) for row, result in enumerate(self.results)])

    def to_pandas(self) -> "pd.DataFrame":
        """The tables of all inputs one below the other, with row and name of the input as "input" and "condition"."""
        import pandas as pd

        named = enumerate(zip(self.conditions, self.results, strict=False))
        tables = [result.to_pandas().assign(input=row, condition=name) for row, (name, result) in named]
        return pd.concat(tables, ignore_index=True)

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        firsts = [0, *accumulate(map(len, self.results))]
        within = [[row - first for row in rows if first <= row < end] for first, end in pairwise(firsts)]
        name = next(each.name for each in fields(self) if getattr(self, each.name) is self.results)
        return {name: tuple(result[own] for result, own in zip(self.results, within, strict=True))}

    def _counted(self, noun: str, plural: str | None = None) -> str:
        """How many, under how many held inputs."""
        done, asked = len(self.results), len(self.inputs)
        text = f"{super()._counted(noun, plural)} under {done} held input{'s' * (done != 1)}"
        return text + (f" of {asked}" if done < asked else "")


def held_inputs(inputs: HeldInputs, network: DrivenMap, dtype: torch.dtype) -> tuple[Tensor, tuple[str, ...]]:
    """The inputs [q, m], and their names: none where none were given."""
    where = {"dtype": dtype, "device": network.device}
    if not isinstance(inputs, Mapping):
        return as_rows(inputs, "inputs", network.input_size, **where), ()
    if not inputs:
        raise ArgumentError("inputs", "is empty: at least one condition is needed")
    for name in inputs:
        if not isinstance(name, str):
            raise ArgumentError("inputs", f"must have the names of conditions as keys, got {name!r}")
    rows = [as_vector(row, f"inputs[{name!r}]", network.input_size, **where) for name, row in inputs.items()]
    return torch.stack(rows), tuple(inputs)


def under_each(held: Tensor, search: Callable[[Tensor], Part], progress: bool | None) -> tuple[Part, ...]:
    """What ``search`` finds under each of the inputs [q, m]; after one that was interrupted no more."""
    results: list[Part] = []
    for row in each(held, "held inputs", progress, unit="input"):
        results.append(search(row))
        if results[-1].interrupted:
            break
    return tuple(results)


def _names_of(inputs: Tensor) -> tuple[str, ...]:
    rows: Sequence[str] = [" ".join(f"{x:.3g}" for x in row) for row in inputs.tolist()]
    if inputs.shape[1] > _SHOWN or len(set(rows)) < len(rows):
        return tuple(f"input {row}" for row in range(len(rows)))
    return tuple(f"input {row}" if inputs.shape[1] == 1 else f"input ({row})" for row in rows)
