"""Plans: which function is called with which parameters, and where the results go."""

import math
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import torch

from ..checks import ArgumentError, CheckedInside, Count, checked
from . import networks
from .cases import Case
from .functions import function_named, name_of, nearest, require_parameters

NETWORKS = "rnn_dynamics.sweeps:TrainedNetworks"
"""The function of a plan that names none."""

_MOST = 1_000_000
"""Cases: each is a folder."""


@checked
@dataclass(frozen=True)
class SweepPlan:
    """What a sweep computes: a function, called with every combination of the values in a grid.

    As a file of TOML:

        [grid]                            # each of these with each of those
        cell = ["GRU", "nBRC"]
        warmup = ["plain", "warm"]
        length = [10, 50, 300]
        seed = {from = 0, to = 9}         # both included

        [fixed]                           # the same for all
        task = "copy"
        epochs = 20

    Cases that make no grid are listed, ``[[cases]]``, each a table of parameters; with a grid too, each is combined
    with each of its points. A case is known by its function and its parameters: a plan may be reordered and may grow,
    and what is done stays done. Running a plan calls the function that it names: run no plan that you have not read.

    Args:
        folder: where each case has a folder, and tables are written. Of a file, "study.toml": "study-sweep" beside it.
            One that is relative is so to the plan's file, or else to where Python runs.
        grid: from names of parameters to lists of values.
        fixed: from names to single values.
        cases: parameters of single cases.
        function: one of your own, "module:function", of the parameters by name, whose module lies beside the plan or is
            installed; in Python the function itself. It returns a row of measures, a mapping from names to numbers and
            words, or a list of rows. If it takes ``folder``, that is a folder for files of the case's own, in which it
            finds what an attempt that was killed left there. It may be a dataclass of the parameters too, which is
            called without them: what that refuses is refused before anything is computed. By default
            ``TrainedNetworks``.
        pack: parameters of whose values so many are given to one call, as a list: {"seed": 10}. The function then
            returns a row for each, which names its own. Of ``TrainedNetworks`` seeds are packed where training them
            together is faster; {"seed": 1} packs none.
        threads: of torch in each worker. One by default: what a case computes then does not depend, in its last digits,
            on who computes it, and workers do not stand in each other's way.

    Raises:
        ValueError: for parameters that the function does not take, with the nearest that it does, and values that no
            file of JSON can hold.
    """

    folder: str | os.PathLike[str]
    grid: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    cases: Sequence[Mapping[str, Any]] = ()
    function: str | Callable[..., Any] = NETWORKS
    pack: Mapping[str, int] = field(default_factory=dict)
    threads: Count = 1
    source: str | os.PathLike[str] = "."
    """The folder whose modules the function may be in."""

    def __post_init__(self) -> None:
        name, source = (self.function, self.source) if isinstance(self.function, str) else name_of(self.function)
        changes = {"function": name, "source": Path(source).resolve(), "folder": Path(self.folder).resolve()}
        changes["grid"] = {name: _values(name, values) for name, values in self.grid.items()}
        changes["fixed"] = {name: _plain(name, value) for name, value in self.fixed.items()}
        changes["cases"] = [{name: _plain(name, value) for name, value in case.items()} for case in self.cases]
        for name, value in changes.items():
            object.__setattr__(self, name, value)
        self._require_once()
        if not self.grid and not self.cases:
            raise ArgumentError("grid", "must hold a list of values at least, as {'seed': [0, 1]}, or cases be given")
        count = max(1, len(self.cases)) * math.prod(len(values) for values in self.grid.values())
        if count > _MOST:
            raise ArgumentError("grid", f"must make at most {_MOST:,} cases, got {count:,}")
        if not self.all_cases:
            raise ArgumentError("grid", "must have a value for each parameter, got an empty list")

    @classmethod
    @checked
    def read(cls, path: str | os.PathLike[str]) -> "SweepPlan":
        """Read a file.

        Raises:
            ValueError: for one that is no plan.
        """
        path = Path(path)
        try:
            content = tomllib.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise ValueError(f"cannot read {path} as a plan in TOML: {error}") from error
        try:
            return cls.of(content, path)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    @classmethod
    def of(cls, content: Mapping[str, Any], path: Path | None = None) -> "SweepPlan":
        """The plan of a mapping from the names of its parts, as a file has them."""
        known = tuple(one.name for one in fields(cls) if path is None or one.name != "source")
        for name in content:
            if name not in known:
                raise ValueError(f"a plan has no {name!r}{nearest(str(name), known)}")
        options = dict(content)
        if path is not None:
            options["source"] = path.parent
            options["folder"] = path.parent / content.get("folder", f"{path.stem}-sweep")
        elif "folder" not in options:
            raise ArgumentError("folder", "must be given: where the results of a plan go")
        return cls(**options)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters, in the plan's order: of cases, the grid, what is fixed."""
        named = [name for case in self.cases for name in case]
        return tuple(dict.fromkeys([*named, *self.grid, *self.fixed]))

    @cached_property
    def all_cases(self) -> tuple[Case, ...]:
        """Every case, the last parameter of the grid moving fastest, but what is packed, which is together."""
        function = function_named(str(self.function), Path(self.source))
        found = tuple(self._made())
        for case in found:
            require_parameters(function, case.function, case.parameters)
        return found

    def _made(self) -> Iterator[Case]:
        for own in self.cases or [{}]:
            others = [name for name in self.grid if not self._packs(name)]
            for values in product(*(self.grid[name] for name in others)):
                point = {**self.fixed, **own, **dict(zip(others, values, strict=True))}
                sizes = {name: self._together(name, point) for name in self.grid if name not in others}
                packs = [_in_packs(self.grid[name], size) for name, size in sizes.items()]
                together = tuple(name for name, size in sizes.items() if size > 1)
                for packed in product(*packs):
                    parameters = point | dict(zip(sizes, packed, strict=True))
                    in_order = {name: parameters[name] for name in self.parameters if name in parameters}
                    yield Case(str(self.function), in_order, together)

    def _packs(self, name: str) -> bool:
        return name in self.pack or (self.function == NETWORKS and name == "seed")

    def _together(self, name: str, point: Mapping[str, Any]) -> int:
        return self.pack[name] if name in self.pack else networks.seeds_together(point)

    def _require_once(self) -> None:
        """Refuse a parameter that is said twice, and a pack of what the grid has not."""
        for name in self.grid:
            if name in self.fixed or any(name in case for case in self.cases):
                raise ArgumentError("grid", f"has {name!r}, which is fixed or a case's own too: say it once")
        for name, size in self.pack.items():
            if name not in self.grid:
                raise ArgumentError("pack", f"has {name!r}, which the grid has not{nearest(name, tuple(self.grid))}")
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ArgumentError("pack", f"must give whole numbers of 1 or more, got {size!r} for {name!r}")


PlanLike: TypeAlias = Annotated[SweepPlan | Mapping[str, Any] | str | os.PathLike[str], CheckedInside()]
"""What is taken for a plan."""


def as_plan(plan: Any) -> SweepPlan:
    """A plan of whatever form.

    Raises:
        ArgumentError: for what is none.
    """
    if isinstance(plan, SweepPlan):
        return plan
    if isinstance(plan, Mapping):
        return SweepPlan.of(plan)
    if isinstance(plan, str | os.PathLike):
        return SweepPlan.read(plan)
    raise ArgumentError("plan", f"must be a SweepPlan, a file of one or a mapping, got {type(plan).__name__}")


def _in_packs(values: list[Any], size: int) -> list[Any]:
    return values if size == 1 else [values[first : first + size] for first in range(0, len(values), size)]


def _values(name: str, values: Any) -> list[Any]:
    """The values of a parameter in a grid."""
    if isinstance(values, Mapping):
        first, last = values.get("from"), values.get("to")
        if set(values) != {"from", "to"} or not isinstance(first, int) or not isinstance(last, int):
            raise ArgumentError("grid", f"must have {name!r} as a list or {{from = 0, to = 9}}, got {dict(values)}")
        values = range(first, last + 1)
    if isinstance(values, torch.Tensor | np.ndarray):
        values = values.tolist()
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ArgumentError("grid", f"must have {name!r} as a list, got {values!r}: one value for all is fixed")
    plain = [_plain(name, value) for value in values]
    twice = [value for place, value in enumerate(plain) if value in plain[:place]] if len(plain) < 1000 else []
    if twice:
        raise ArgumentError("grid", f"must have each value of {name!r} once, got {twice[0]!r} twice")
    return plain


def _plain(name: str, value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, np.generic) or (isinstance(value, torch.Tensor) and not value.ndim):
        value = value.item()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(name, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ArgumentError(name, f"must be a finite number, a word, true or false, or a list of such, got {value!r}")
