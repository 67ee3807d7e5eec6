"""The one check of arguments at the door of every public function, read from its signature."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from types import SimpleNamespace
from typing import Any, TypeVar, Unpack, get_args, get_origin, get_type_hints

import torch

from .expectations import Expected, Mismatch, noted, shown
from .hints import expected, fields_expected
from .memory import OutOfMemory, out_of_memory
from .refusals import ArgumentError

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__arguments_checked__"


class _Plan:
    """What is expected of each argument of a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        parameters = inspect.signature(function).parameters.values()
        several = {p.name for p in parameters if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        hints = {name: hint for name, hint in taken_hints(function).items() if name not in several}
        self.of = {name: one for name, hint in hints.items() if (one := expected(hint)) is not None}
        placed = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.order = [(name, self.of.get(name)) for name in placed]

    def taken(self, args: tuple[Any, ...], options: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments as the function takes them."""
        values = [_taken(*self.order[row], value) if row < len(self.order) else value for row, value in enumerate(args)]
        return values, {name: _taken(name, self.of.get(name), value) for name, value in options.items()}


def taken_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The hints of what is taken; what is returned may be of a package that is only imported where it is used."""
    taken = {name: hint for name, hint in function.__annotations__.items() if name != "return"}
    names = inspect.unwrap(function).__globals__
    hints = get_type_hints(SimpleNamespace(__annotations__=taken), names, include_extras=True)
    for name, hint in tuple(hints.items()):
        if get_origin(hint) is Unpack:  # **options of another function
            hints |= get_type_hints(*get_args(hints.pop(name)), include_extras=True)
    return hints


def _taken(name: str, one: Expected | None, value: Any) -> Any:
    if one is None:
        return value
    try:
        return one.take(value)
    except Mismatch as mismatch:
        refusal = one.refusal(value, mismatch)
    raise ArgumentError(name, refusal)


def checked(function: F) -> F:
    """Hold callers of a function, method or class to its signature.

    Every argument that comes is checked by its type hint; defaults are not. ``int`` takes Python's and NumPy's whole
    numbers of 64 bits, and arrays and tensors of no axes that hold one; ``float`` any finite number alike; ``Tensor``
    and ``ArrayLike`` what is dense, real, of an ordinary number type and holds numbers; classes their instances. Bounds
    stand in ``Annotated`` hints, see ``bounds``. Of ``**options`` those are checked that ``Unpack`` names.

    A function that fails for want of memory refuses the largest numbers that it was given, in a sentence too.

    Raises:
        ArgumentError: at a call, naming the argument, what was expected and what came.
    """
    if isinstance(function, type):  # of which it is the constructor that is called
        if not is_checked(function):
            function.__init__ = checked(function.__init__)
        return function  # pyright: ignore[reportReturnType]  # it is the class that came
    plan: _Plan | None = None

    @functools.wraps(function)
    def door(*args: Any, **options: Any) -> Any:
        nonlocal plan
        if plan is None:  # not before the first call: hints may name what is defined below
            plan = _Plan(function)
        args, options = plan.taken(args, options)  # pyright: ignore[reportAssignmentType]
        try:
            return function(*args, **options)
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, OutOfMemory) or not out_of_memory(error):
                raise
            raise OutOfMemory(_starved(function.__qualname__.removesuffix(".__init__"), plan, args, options)) from error

    setattr(door, _MARK, True)
    noted(function)
    return door  # pyright: ignore[reportReturnType]  # wraps keeps the signature


def _starved(function: str, plan: _Plan, args: Any, options: Mapping[str, Any]) -> str:
    """What to say where memory did not do."""
    given = {name: value for (name, _), value in zip(plan.order, args, strict=False)} | dict(options)
    sizes = {name: value for name, value in given.items() if type(value) is int and value > 1 and "seed" not in name}
    arrays = {name: value for name, value in given.items() if isinstance(value, torch.Tensor)}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
    said = [f"{name} = {sizes[name]:,}" for name in largest] + [f"{name}: {shown(arrays[name])}" for name in arrays]
    return f"{function} needs more memory than there is" + (f", with {'; '.join(said)}" if said else "")


def is_checked(function: Any) -> bool:
    """Whether a function's arguments, or those of a class's constructor, are checked at the door."""
    return hasattr(function.__init__ if isinstance(function, type) else function, _MARK)


def checked_fields(kind: type) -> None:
    """Hold the makers of a dataclass of results to the types of its fields; shapes and values are theirs to know."""
    made = kind.__init__
    names = [field.name for field in fields(kind) if field.init]
    by_place = [field.name for field in fields(kind) if field.init and not field.kw_only]
    of: dict[str, Expected | None] | None = None

    @functools.wraps(made)
    def door(self: Any, *args: Any, **options: Any) -> None:
        nonlocal of
        if of is None:
            hints = get_type_hints(kind)
            of = {name: fields_expected(hints[name]) for name in names}
        # Before they are used: a __post_init__ may ask of them what they are.
        for name, value in (*zip(by_place, args, strict=False), *options.items()):
            if (one := of.get(name)) is not None:
                try:
                    one.take(value)
                except Mismatch as mismatch:
                    raise ArgumentError(name, f"of {kind.__name__} {one.refusal(value, mismatch)}") from None
        made(self, *args, **options)

    kind.__init__ = door
