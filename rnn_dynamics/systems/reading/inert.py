"""Pickles read without running anything: every class of theirs is a stand-in that only remembers what it was given.

Shaped as the module ``pickle`` is, ``Unpickler`` and ``load``, so that ``torch.load`` takes it for one. The interpreter
is the one in Python of the standard library: its memo is a dict, where that in C makes room for any index.
"""

import pickle
from collections.abc import Callable
from io import BytesIO
from struct import unpack
from typing import Any, BinaryIO, ClassVar

import torch
from torch import Tensor

_HARMFUL_MODULES = frozenset(
    {"os", "posix", "nt", "subprocess", "sys", "socket", "shutil", "importlib", "runpy", "pty", "ctypes"}
)
_BUILTIN = frozenset({"builtins", "__builtin__", "io", "_io"})
_HARMFUL_BUILTINS = frozenset({"eval", "exec", "compile", "open", "__import__", "breakpoint"})


class ForeignClass:
    """A class or function that a pickle names: its name alone."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class StandIn:
    """In the place of an object: the name of its class, and all that the pickle would hand to it."""

    __slots__ = ("arguments", "class_name", "entries", "items", "state")

    def __init__(self, class_name: str, arguments: tuple[Any, ...] = ()) -> None:
        self.class_name, self.arguments = class_name, arguments
        self.state: Any = None
        self.items: list[Any] = []
        self.entries: dict[Any, Any] = {}

    def attributes(self) -> dict[Any, Any]:
        """What would be in its ``__dict__`` and its slots."""
        parts = self.state if isinstance(self.state, tuple) and len(self.state) == 2 else (self.state,)
        return {name: value for part in parts if isinstance(part, dict) for name, value in part.items()}


def _tensor(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor:
    if not isinstance(storage, torch.storage.TypedStorage):
        raise pickle.UnpicklingError("a tensor of something that is no storage")
    ends = [(n - 1) * step for n, step in zip(size, stride, strict=True)]
    if min([offset, *size, *stride]) < 0 or (0 not in size and offset + sum(ends) >= len(storage)):
        raise pickle.UnpicklingError("a tensor that reaches beyond its storage")
    return torch.empty(0, dtype=storage.dtype).set_(storage._untyped_storage, offset, size, stride)


def _alone(data: Any, *_: Any) -> Any:
    return data


def _of_type(rebuild: Any, _type: Any, arguments: tuple[Any, ...], _state: Any) -> Any:
    if rebuild not in _REBUILDERS.values():
        raise pickle.UnpicklingError("a tensor made by a function of its own")
    return rebuild(*arguments)


def _storage(content: bytes) -> Any:
    """A storage that lies within the pickle, as ``pickle.dump`` of a tensor writes it: a file of torch.save."""
    return torch.load(BytesIO(content), map_location="cpu", weights_only=True)


def _bytes(text: str, encoding: str) -> bytes:
    """As protocol 2 writes bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in {encoding}")
    return text.encode(encoding)


_REBUILDERS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _alone,
    "torch._utils._rebuild_parameter_with_state": _alone,
    "torch._tensor._rebuild_from_type_v2": _of_type,
    "torch.storage._load_from_bytes": _storage,
    "_codecs.encode": _bytes,
}
"""All that is ever called: what puts tensors together from their storages, each without what else it can do."""


_Interpreter: Any = vars(pickle)["_Unpickler"]
"""Named as private, since that in C usually takes its place."""


class Unpickler(_Interpreter):
    """Of a pickle of any protocol; its sets are lists, since nothing of theirs may be asked for its hash."""

    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(_Interpreter.dispatch)

    def find_class(self, module: str, name: str, /) -> Any:
        if module.partition(".")[0] in _HARMFUL_MODULES or (module in _BUILTIN and name in _HARMFUL_BUILTINS):
            raise HarmfulError(f"{module}.{name}")
        if (module, name) == ("torch.storage", "UntypedStorage"):
            return torch.UntypedStorage  # which torch compares with, to know how many bytes a number has
        found = _REBUILDERS.get(f"{module}.{name}")
        return ForeignClass(f"{module}.{name}") if found is None else found

    def _call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(arguments, tuple):
            raise pickle.UnpicklingError("arguments that are no tuple")
        if any(function is known for known in _REBUILDERS.values()):
            return function(*arguments)
        if not isinstance(function, ForeignClass):
            return StandIn("an object")
        if function.name in _MAKERS and arguments and isinstance(arguments[0], ForeignClass):
            return StandIn(arguments[0].name, arguments[1:])
        return StandIn(function.name, arguments)

    def load_reduce(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1], arguments)

    def load_newobj_ex(self) -> None:
        self.stack.pop()  # arguments by keyword
        self.load_reduce()

    def _instantiate(self, klass: Any, arguments: Any) -> None:
        self.append(self._call(klass, tuple(arguments)))

    def load_build(self) -> None:
        state = self.stack.pop()
        if isinstance(made := self.stack[-1], StandIn):
            made.state = state

    def load_append(self) -> None:
        item = self.stack.pop()
        self._extend([item])

    def load_appends(self) -> None:
        items = self.pop_mark()
        self._extend(items)

    def _extend(self, items: list[Any]) -> None:
        grown = self.stack[-1]
        if not isinstance(grown, list | StandIn):
            raise pickle.UnpicklingError(f"items for a {type(grown).__name__}")
        (grown if isinstance(grown, list) else grown.items).extend(items)

    def load_setitem(self) -> None:
        value = self.stack.pop()
        self._set([self.stack.pop(), value])

    def load_setitems(self) -> None:
        items = self.pop_mark()
        self._set(items)

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._set(items)

    def _set(self, items: list[Any]) -> None:
        grown = self.stack[-1]
        if not isinstance(grown, dict | StandIn):
            raise pickle.UnpicklingError(f"entries for a {type(grown).__name__}")
        entries = grown if isinstance(grown, dict) else grown.entries
        for key, value in zip(items[::2], items[1::2], strict=True):
            entries[_plain(key)] = value

    def load_empty_set(self) -> None:
        self.append([])

    def load_frozenset(self) -> None:
        self.append(self.pop_mark())

    def load_bytearray8(self) -> None:
        """Piece by piece: ``bytearray(size)`` would fill the memory with zeros, whatever the file holds."""
        (left,) = unpack("<Q", self.read(8))
        grown = bytearray()
        while left:
            piece = self.read(min(left, 2**20))
            if not piece:
                raise EOFError
            grown += piece
            left -= len(piece)
        self.append(grown)

    def load_binpersid(self) -> None:
        name = self.stack.pop()
        if isinstance(name, tuple) and len(name) > 1 and name[0] in ("module", b"module"):
            self.append(name[1])  # a class, with its source, which torch would compare with what is installed
        else:
            self.append(self.persistent_load(name))


class HarmfulError(pickle.UnpicklingError):
    """The pickle names something that no file of weights has a use for; the message is its name."""


_MAKERS = {"copyreg._reconstructor", "copyreg.__newobj__", "copyreg.__newobj_ex__", "copy_reg._reconstructor"}
_ATOMS = (str, int, float, bytes, type(None), StandIn, ForeignClass)


def _plain(key: Any) -> Any:
    """A key that can be asked for its hash, which of tuples within tuples without end would exhaust the stack."""
    if isinstance(key, _ATOMS) or (isinstance(key, tuple) and all(isinstance(part, _ATOMS) for part in key)):
        return key
    return StandIn("a key")


Unpickler.dispatch |= {
    code[0]: getattr(Unpickler, method)
    for code, method in {
        pickle.REDUCE: "load_reduce",
        pickle.NEWOBJ: "load_reduce",
        pickle.NEWOBJ_EX: "load_newobj_ex",
        pickle.BUILD: "load_build",
        pickle.APPEND: "load_append",
        pickle.APPENDS: "load_appends",
        pickle.SETITEM: "load_setitem",
        pickle.SETITEMS: "load_setitems",
        pickle.DICT: "load_dict",
        pickle.EMPTY_SET: "load_empty_set",
        pickle.ADDITEMS: "load_appends",
        pickle.FROZENSET: "load_frozenset",
        pickle.BYTEARRAY8: "load_bytearray8",
        pickle.BINPERSID: "load_binpersid",
    }.items()
}

for _code in (pickle.EXT1, pickle.EXT2, pickle.EXT4):
    del Unpickler.dispatch[_code[0]]  # classes by numbers that this process has given to them


def load(file: BinaryIO, **options: Any) -> Any:
    """The object at the beginning of an open file, of stand-ins and tensors."""
    return Unpickler(file, **options).load()
