"""Results and trajectories of several conditions, such as held inputs: what each is called and how it is told apart."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeAlias, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex
from torch import Tensor

from ..attractors import Attractors, AttractorsOverInputs
from ..checks import ArgumentError
from ..conditions import OverInputs
from ..fixed_points import FixedPoints, FixedPointsOverInputs
from . import style
from .classes import Look
from .trajectories import Trajectories, as_trajectories

Part = TypeVar("Part", FixedPoints, Attractors)

PointsOfConditions: TypeAlias = FixedPoints | FixedPointsOverInputs | Mapping[str, FixedPoints] | Sequence[FixedPoints]
AttractorsOfConditions: TypeAlias = Attractors | AttractorsOverInputs | Mapping[str, Attractors] | Sequence[Attractors]

_MAKERS = {FixedPoints: "find_fixed_points", Attractors: "find_attractors"}

_LISTED = 6
"""The legend names so many conditions when they have the colours of a scale."""

_PALE = 0.35
"""The strength of the fill of saddles."""

_NEGATIVE = re.compile(r"(?<![\w)])-(?=[\d.])")
"""The hyphen before a number, which is set as a minus."""


@dataclass(frozen=True)
class Condition(Generic[Part]):
    """What is drawn of one condition."""

    name: str
    """Empty for what is of no condition."""

    result: Part | None
    trajectories: Tensor | None
    """[batch, time, n]."""

    color: str | None
    """Without one kinds are told apart by colour, and trajectories are grey."""

    dashes: str = "-"

    @property
    def prefix(self) -> str:
        """What the labels of its artists begin with."""
        return f"{self.name}: " if self.name else ""

    def look(self, look: Look) -> Look:
        """In the colour of the condition; shape and filling tell the kind."""
        return look if self.color is None else coloured(look, self.color)


def coloured(look: Look, color: str) -> Look:
    """In another colour: what is full, tinted or empty stays so."""
    face = color if look.face == look.edge else "white" if look.face == "white" else style.tint(color, _PALE)
    return replace(look, edge=color, face=face)


def conditions_of(
    given: object,
    kind: type[Part],
    argument: str,
    labels: Sequence[str] | None,
    trajectories: Trajectories | None = None,
) -> list[Condition[Part]]:
    """One for each result, named by ``labels``, by its own name, by its input, or by its number.

    Trajectories of a name belong to the condition of that name, or are one more. Up to eight have the palette's
    colours; more have those of a scale, in order. Where trajectories alone have conditions, what is found is black.
    """
    names, results = _named(given, kind, argument, labels)
    n = results[0].states.shape[-1]
    if not isinstance(trajectories, Mapping):
        loose = None if trajectories is None else as_trajectories(trajectories, "trajectories", n)
        if names is None:
            return [Condition("", results[0], loose, None)]
        own: dict[str, Tensor] = {}
    else:
        loose = None
        own = {str(name): as_trajectories(paths, f"trajectories[{name!r}]", n) for name, paths in trajectories.items()}
        if not own:
            raise ArgumentError("trajectories", "must be of at least one condition, got none")
    parts: list[tuple[str, Part | None]] = list(zip(names or (), results, strict=False))
    parts += [(name, None) for name in own if name not in (names or ())]
    conditions = [
        Condition(typeset(name), result, own.get(name), color, dashes)
        for (name, result), (color, dashes) in zip(parts, _looks(len(parts)), strict=True)
    ]
    if names is None:
        conditions.insert(0, Condition("", results[0], None, style.BLACK))
    if loose is not None:
        conditions.append(Condition("", None, loose, None))
    return conditions


def with_results(conditions: list[Condition[Part]]) -> list[tuple[Condition[Part], Part]]:
    """The conditions of which more is drawn than trajectories."""
    return [(condition, condition.result) for condition in conditions if condition.result is not None]


def chosen(conditions: list[Condition[Part]], names: str | Sequence[str] | None) -> list[Condition[Part]]:
    """The conditions of these names; all for None.

    Raises:
        ValueError: for a name that no condition has.
    """
    if names is None:
        return conditions
    several = [names] if isinstance(names, str) else names
    wanted = [typeset(name) for name in several] if _is_list(several) else []
    known = [condition.name for condition in conditions if condition.name]
    if not wanted or not set(wanted) <= set(known):
        listed = ", ".join(map(repr, known)) or "none here: there is one condition only"
        raise ArgumentError("fitted_on", f"must be names of conditions ({listed}), got {names!r}")
    return [condition for condition in conditions if condition.name in wanted]


def listed(conditions: list[Condition[Part]]) -> list[Condition[Part]]:
    """Those that the legend names: all with colours of their own, else some from the first to the last."""
    named = [condition for condition in conditions if condition.name]
    if len(named) <= style.COLORS:
        return named
    return [named[row] for row in np.linspace(0, len(named) - 1, _LISTED).round().astype(int)]


def _named(
    given: object, kind: type[Part], argument: str, labels: Sequence[str] | None
) -> tuple[list[str] | None, list[Part]]:
    """The results and their names: none for a single result, which is of no condition."""
    if isinstance(given, kind):
        if labels is not None:
            raise ArgumentError("labels", f"name several conditions: give {argument} as a list")
        return None, [given]
    results: list[Part] = []
    names: list[str] = []
    if isinstance(given, OverInputs):
        results, names = list(given.results), list(given.conditions)[: len(given.results)]
    elif isinstance(given, Mapping):
        results, names = list(given.values()), list(map(str, given))
    elif isinstance(given, Sequence) and not isinstance(given, str):
        results, names = list(given), [f"condition {row}" for row in range(len(given))]
    else:
        results = [given]  # pyright: ignore[reportAssignmentType]  # which is refused
    if not all(isinstance(each, kind) for each in results):
        got = f"{type(given).__name__} (taken are those over inputs, a list and a mapping of {kind.__name__}, too)"
        raise ArgumentError(argument, f"must be the {kind.__name__} of {_MAKERS[kind]}, got {got}")
    if not results:
        raise ArgumentError(argument, "must be those of at least one condition, got none")
    sizes = sorted({result.states.shape[-1] for result in results})
    if len(sizes) > 1:
        raise ArgumentError(argument, f"must all be of states of one size, got sizes {sizes}")
    if labels is not None:
        if not _is_list(labels) or len(labels) != len(results):
            raise ArgumentError("labels", f"must be one for each of {len(results)} conditions, got {labels!r}")
        names = list(map(str, labels))
    return names, results


def _is_list(names: object) -> bool:
    return isinstance(names, Sequence) and not isinstance(names, str)


def _looks(count: int) -> list[tuple[str, str]]:
    """Colour and dashes of each condition; on a scale lightness tells the order, and lines are solid."""
    if count <= style.COLORS:
        return [(style.qualitative(row), style.dashes(row)) for row in range(count)]
    # The last tenth of the scale is as light as the paper.
    return [(to_hex(mpl.colormaps["viridis"](share)), "-") for share in np.linspace(0, 0.9, count)]


def typeset(name: str) -> str:
    """With a minus before numbers, where there is a hyphen."""
    return _NEGATIVE.sub("−", str(name))
