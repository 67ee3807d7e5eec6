"""A reader of old pickles that runs nothing: arrays, numbers and names are all that it can make."""

import io
import pickle
from typing import Any

import numpy as np

_KINDS = "biufc"
"""Booleans, integers, real and complex numbers: no objects."""


class Refused(ValueError):
    """A pickle that is broken, or names what is neither an array nor a number."""


def read_inertly(content: bytes) -> dict[str, Any]:
    """The attributes of a pickled object, or a pickled dictionary: arrays, rebuilt from their bytes alone, and numbers.

    Raises:
        Refused: for a pickle that is broken, or names anything else.
    """
    try:
        found = _Reader(io.BytesIO(content), encoding="latin1").load()  # what Python 2 wrote holds bytes as text
    except Refused:
        raise
    except Exception as error:  # a broken pickle raises whatever its next byte happens to mean
        raise Refused(f"it is no whole pickle ({type(error).__name__}: {error})") from error
    if isinstance(found, _Object):
        found = found.attributes
    if not isinstance(found, dict):
        raise Refused(f"it holds no attributes, but {type(found).__name__}")
    values = {str(name): value.value if isinstance(value, _StandIn) else value for name, value in found.items()}
    plain = bool | int | float | str | np.ndarray | np.generic | None
    return {name: value for name, value in values.items() if isinstance(value, plain)}


class _StandIn:
    """Of a class or function that a pickle names. All are classes that take no state but the one they expect, so that
    a pickle cannot change them for the next.
    """

    value: Any = None

    def __setstate__(self, state: Any) -> None:
        raise Refused("it gives a state to what has none")


class _Kind(_StandIn):
    """A number type, as NumPy pickles it: a code, then a state whose second entry is the byte order."""

    def __init__(self, code: str, *_: Any) -> None:
        try:
            self.dtype = np.dtype(str(code))
        except TypeError as error:
            raise Refused(f"it holds an array of {str(code)[:20]!r}") from error
        if self.dtype.kind not in _KINDS:
            raise Refused(f"it holds an array of {str(code)[:20]!r}, which are no numbers")
        self.value = self.dtype.name

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


def _numbers(kind: Any, data: Any, shape: tuple[int, ...], order: str) -> np.ndarray[Any, Any]:
    """An array of this machine's byte order, in C's."""
    if not isinstance(kind, _Kind) or not isinstance(data, str | bytes | bytearray):
        raise Refused("it holds an array without a number type, or without bytes")
    raw = data.encode("latin1") if isinstance(data, str) else bytes(data)
    flat = np.frombuffer(raw, dtype=kind.dtype).astype(kind.dtype.newbyteorder("="))
    return flat.reshape(shape, order="F" if order == "F" else "C").copy(order="C")


class _Array(_StandIn):
    """An array whose state comes after it: version, shape, number type, whether in Fortran's order, bytes."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, data = state
        self.value = _numbers(kind, data, shape, "F" if fortran else "C")


class _Buffer(_StandIn):
    """An array of pickle's fifth protocol."""

    def __init__(self, data: Any, kind: Any, shape: tuple[int, ...], order: str) -> None:
        self.value = _numbers(kind, data, shape, order)


class _Number(_StandIn):
    """A single number of NumPy's."""

    def __init__(self, kind: Any, data: Any) -> None:
        self.value = _numbers(kind, data, (), "C")[()]


class _Object(_StandIn):
    """An object of the class FixedPoints, which is never imported."""

    attributes: Any = None

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.attributes = state


class _Bytes(_StandIn):
    """Bytes that older protocols spell as text."""

    def __new__(cls, text: str, _: str) -> Any:
        return str(text).encode("latin1")


_NUMBERS = ("bool", "bool_", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128")
_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_KNOWN: dict[tuple[str, str], type[_StandIn]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
    ("FixedPoints", "FixedPoints"): _Object,
    ("__builtin__", "object"): _Object,
    ("builtins", "object"): _Object,
    ("copy_reg", "_reconstructor"): _Object,
    ("copyreg", "_reconstructor"): _Object,
    ("_codecs", "encode"): _Bytes,
    **{(module, "_reconstruct"): _Array for module in _MULTIARRAY},
    **{(module, "scalar"): _Number for module in _MULTIARRAY},
    **{(module, "_frombuffer"): _Buffer for module in ("numpy.core.numeric", "numpy._core.numeric")},
}
"""All that a pickle may name, and what stands for it."""


_Interpreter: Any = vars(pickle)["_Unpickler"]
"""That in Python: its memo is a dict, where that in C makes room for whatever index a file names."""


class _Reader(_Interpreter):
    """Meets names of a pickle with the stand-ins, and refuses all others before anything is imported."""

    def find_class(self, module: str, name: str, /) -> Any:
        if module == "numpy" and name in _NUMBERS:
            return _Kind(name.removesuffix("_"))
        if (module, name) not in _KNOWN:
            raise Refused(f"it names {module}.{name}, which is neither an array nor a number")
        return _KNOWN[module, name]

    def persistent_load(self, _: Any, /) -> Any:
        raise Refused("it refers to data outside")
