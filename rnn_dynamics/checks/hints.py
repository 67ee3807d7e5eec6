"""From a type hint to what is expected of an argument."""

import inspect
import math
import os
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import numpy as np
import torch
from torch import Tensor

from . import bounds, expectations
from .expectations import Expected, Mismatch, Take, shown, words_of
from .values import ArrayLike, HasSequences, InputSequences

_NUMBERS: dict[Any, Expected] = {
    int: Expected("a whole number", expectations.whole),
    float: Expected("a finite number", expectations.finite),
    bool: Expected("True or False", expectations.truth),
    str: Expected("text", expectations.text),
    Tensor: Expected("a tensor", expectations.real_tensor),
}

_PATH = Expected("a path", expectations.path)
_DEVICE = Expected("a device like 'cpu'", expectations.device)
_ARRAY = Expected("a tensor or array of real numbers", expectations.array_like)


def expected(hint: Any) -> Expected | None:
    """What a hint asks of a value; None for whatever it is.

    Raises:
        TypeError: for a hint that is not understood: a mistake of whoever wrote the signature.
    """
    if hint in (Any, object, inspect.Parameter.empty) or isinstance(hint, TypeVar):
        return None
    if hint is None or hint is type(None):
        return Expected("None", _one_of((None,)))
    try:
        if hint in _NUMBERS:
            return _NUMBERS[hint]
    except TypeError:  # a hint that holds what cannot be hashed
        pass
    if hint == ArrayLike:
        return _ARRAY
    if hint == InputSequences:
        return Expected("sequences [batch, time, m], a list of them [time, m], or a task", _sequences)
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _bounded(parts[0], parts[1:])
    if origin in (Union, types.UnionType):
        return _either(parts)
    if origin is Literal:
        return Expected(" or ".join(repr(part) for part in parts), _one_of(parts))
    if origin is tuple:
        return _tuple(parts)
    if origin is not None and issubclass(origin, Mapping):
        return Expected("a mapping", _instance(Mapping))
    if hint is Callable or (origin is not None and issubclass(origin, Callable)):  # pyright: ignore[reportArgumentType]
        return Expected("a function", _called)
    if origin is not None and issubclass(origin, Sequence):
        return _sequence(parts)
    kind = origin or hint
    if not isinstance(kind, type):
        raise TypeError(f"no argument can be checked by the hint {hint!r}")
    if getattr(kind, "_is_protocol", False):
        names = _members(kind)
        return Expected(f"a {kind.__name__}, with {' and '.join(sorted(names))}", _with_members(names), brief=True)
    return Expected(words_of(kind), _instance(kind), brief=True)


def fields_expected(hint: Any) -> Expected | None:
    """What a hint asks of a result's field: the type alone, since results hold NaN where nothing was measured."""
    if hint in (Any, object) or isinstance(hint, TypeVar):
        return None
    if hint is int or hint is float or hint is complex:
        kinds = {int: int, float: (int, float), complex: (int, float, complex)}[hint]
        return Expected("a number" if hint is not int else "a whole number", _plain(kinds))
    if hint is Tensor:
        return Expected("a tensor", _held_tensor)
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        options = [fields_expected(part) for part in parts]
        return None if None in options else _first_of([option for option in options if option])
    if origin is tuple:
        if len(parts) == 2 and parts[1] is Ellipsis:
            inner = fields_expected(parts[0])
            return Expected("a tuple", _each_of_tuple(inner.take if inner else None))
        inner = [fields_expected(part) for part in parts]
        return Expected(f"a tuple of {len(parts)}", _row_of_tuple([part.take if part else None for part in inner]))
    if origin is None and isinstance(hint, type) and (hint in (bool, str, type(None)) or is_dataclass(hint)):
        return Expected("None" if hint is type(None) else words_of(hint), _instance(hint))
    return None


def _bounded(hint: Any, marks: Sequence[Any]) -> Expected | None:
    one = expected(hint)
    for mark in marks:
        match mark:
            case bounds.CheckedInside():
                return None
            case bounds.OrInfinite():
                one = Expected("a number", expectations.number)
            case bounds.Complex():
                one = Expected("a tensor", expectations.any_tensor)
            case bounds.OfBytes():
                one = Expected("positive", _bytes)
            case bounds.Told(words) if one is not None:
                one = Expected(words, _silent(one.take))
            case bounds.AtLeast(least, most) if one is not None:
                one = Expected(f"a whole number of at least {least}", _then(one.take, least, most))
            case bounds.AtMost(most) if one is not None:
                one = Expected(one.words, _then(one.take, -(2**63), most))
            case bounds.Positive() if one is not None:
                words = "positive" if one.words == "a number" else "positive and finite"
                one = Expected(words, _then(one.take, 0, math.inf, least_too=False))
            case bounds.Within(least, most, ends) if one is not None:
                words = f"lie in [{least:g}, {most:g}]" if ends else f"lie between {least:g} and {most:g}"
                one = Expected(words, _then(one.take, least, most, ends, ends))
            case _:  # for others than us
                pass
    return one


def _silent(take: Take) -> Take:
    def plainly(value: Any) -> Any:
        try:
            return take(value)
        except Mismatch:
            raise Mismatch from None

    return plainly


def _then(take: Take, least: float, most: float, least_too: bool = True, most_too: bool = True) -> Take:
    def both(value: Any) -> Any:
        value = take(value)
        if value < least or (value == least and not least_too) or (value == most and not most_too):
            raise Mismatch
        if value > most:
            raise Mismatch(f"must be at most {most:,}, got {shown(value)}" if most == bounds.MOST else "")
        return value

    return both


def _bytes(value: Any) -> int:
    value = expectations.number(value)
    if value <= 0:
        raise Mismatch
    return int(min(value, 2**62))


def _either(parts: Sequence[Any]) -> Expected | None:
    parts = list(parts)
    options: list[Expected | None] = []
    if any(map(_is_path, parts)):
        parts = [part for part in parts if part is not str and not _is_path(part)]
        options.append(_PATH)
    if torch.device in parts:
        parts = [part for part in parts if part not in (str, torch.device)]
        options.append(_DEVICE)
    if all(part in parts for part in get_args(ArrayLike)):
        parts = [part for part in parts if part not in get_args(ArrayLike) and get_origin(part) is not Sequence]
        options.append(_ARRAY)
    # None and numbers first: what is an array too, like a number [], is a number if a number will do.
    parts.sort(key=lambda part: (part is not type(None), part not in (int, float, bool)))
    simple = [expected(part) for part in parts]
    if _ARRAY in options:  # an array of two rows is an array, not a pair
        simple = [_no_array(one) if get_origin(part) is tuple else one for one, part in zip(simple, parts, strict=True)]
    options = simple + options
    if any(option is None for option in options):
        return None
    return _first_of([option for option in options if option])


def _no_array(one: Expected | None) -> Expected | None:
    if one is None:
        return None

    def take(value: Any) -> Any:
        if isinstance(value, Tensor | np.ndarray):
            raise Mismatch
        return one.take(value)

    return Expected(one.words, take, one.brief)


def _is_path(hint: Any) -> bool:
    kind = get_origin(hint) or hint
    return isinstance(kind, type) and issubclass(kind, os.PathLike)  # pyright: ignore[reportGeneralTypeIssues]  # of methods alone


def _first_of(options: list[Expected]) -> Expected:
    if len(options) == 1:
        return options[0]

    def take(value: Any) -> Any:
        said = ""
        for option in options:
            try:
                return option.take(value)
            except Mismatch as mismatch:
                said = said or mismatch.sentence
        raise Mismatch(said)

    def words(value: Any) -> str:
        every = [option.words if isinstance(option.words, str) else option.words(value) for option in options]
        every = [word for word in dict.fromkeys(every) if word != "None"]
        return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} or {every[-1]}"

    return Expected(words, take, all(option.brief for option in options if option.words != "None"))


def _instance(kind: type) -> Take:
    def take(value: Any) -> Any:
        if not isinstance(value, kind):
            raise Mismatch
        return value

    return take


def _plain(kinds: Any) -> Take:
    def take(value: Any) -> Any:
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise Mismatch
        return value

    return take


def _held_tensor(value: Any) -> Tensor:
    value = expectations.any_tensor(value)
    if value.dtype is torch.bfloat16:  # which neither files nor NumPy's functions know
        raise Mismatch(f"must be a tensor of a type that NumPy has, got {shown(value)}")
    return value


def _one_of(values: Sequence[Any]) -> Take:
    def take(value: Any) -> Any:
        for one in values:
            if value is one or (type(value) is type(one) and isinstance(value, str | int) and value == one):
                return one
        raise Mismatch

    return take


def _called(value: Any) -> Any:
    if not callable(value):
        raise Mismatch
    return value


def _members(kind: type) -> set[str]:
    names = {name for name in (*vars(kind), *vars(kind).get("__annotations__", ())) if not name.startswith("_")}
    return names | ({"__call__"} & set(vars(kind)))


def _with_members(names: set[str]) -> Take:
    def take(value: Any) -> Any:
        if isinstance(value, type) or not all(hasattr(value, name) for name in names):
            raise Mismatch
        return value

    return take


def _sequences(value: Any) -> Any:
    if isinstance(value, HasSequences) and not isinstance(value, type):
        return value
    if isinstance(value, list | tuple):
        for index, one in enumerate(value):
            if isinstance(one, Tensor | np.ndarray):
                try:
                    expectations.array_like(one)
                except Mismatch as mismatch:
                    raise Mismatch(f"[{index}] {mismatch.sentence}") from mismatch
    return expectations.array_like(value)


def _each(take: Take | None, values: Sequence[Any], words: Callable[[int, Any], str] | None = None) -> list[Any]:
    if take is None:
        return list(values)
    taken = []
    for index, value in enumerate(values):
        try:
            taken.append(take(value))
        except Mismatch as mismatch:
            raise Mismatch(mismatch.sentence or (words(index, value) if words else "")) from mismatch
    return taken


def _entries(inner: Expected) -> Callable[[int, Any], str]:
    return lambda index, value: f"must hold {_plural(inner, value)}, got {shown(value)} at place {index}"


def _plural(inner: Expected, value: Any) -> str:
    return f"{inner.words if isinstance(inner.words, str) else inner.words(value)} at each place"


def _sequence(parts: Sequence[Any]) -> Expected:
    inner = expected(parts[0]) if parts else None

    def take(value: Any) -> list[Any]:
        values = expectations.listed(value)
        return values if inner is None else _each(inner.take, values, _entries(inner))

    def words(value: Any) -> str:
        if inner is None:
            return "a list"
        return f"a list, each {inner.words if isinstance(inner.words, str) else inner.words(value)}"

    return Expected(words, take)


def _tuple(parts: Sequence[Any]) -> Expected:
    if len(parts) == 2 and parts[1] is Ellipsis:
        sequence = _sequence(parts[:1])
        return Expected(sequence.words, lambda value: tuple(sequence.take(value)))
    inner = [expected(part) for part in parts]

    def take(value: Any) -> tuple[Any, ...]:
        values = expectations.listed(value)
        if len(values) != len(inner):
            raise Mismatch
        return tuple(one if part is None else part.take(one) for part, one in zip(inner, values, strict=True))

    def words(value: Any) -> str:
        each = [part.words if isinstance(part.words, str) else part.words(value) for part in inner if part]
        what = f", each {each[0]}" if each and len(set(each)) == 1 else f" ({', '.join(each)})" if each else ""
        return f"{'a pair' if len(inner) == 2 else f'{len(inner)} values'}{what}"

    return Expected(words, take)


def _each_of_tuple(take: Take | None) -> Take:
    def whole(value: Any) -> Any:
        if not isinstance(value, tuple):
            raise Mismatch
        if take is not None:
            for one in value:
                take(one)
        return value

    return whole


def _row_of_tuple(takes: Sequence[Take | None]) -> Take:
    def row(value: Any) -> Any:
        if not isinstance(value, tuple) or len(value) != len(takes):
            raise Mismatch
        for take, one in zip(takes, value, strict=True):
            if take is not None:
                take(one)
        return value

    return row


__all__ = ["expected", "fields_expected"]
