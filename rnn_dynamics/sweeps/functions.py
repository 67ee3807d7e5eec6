"""The functions that plans name: found, imported, and asked which parameters they take."""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from ..checks import ArgumentError

Function = Callable[..., Any]

FOLDER = "folder"
"""The parameter by which a function is given a folder for files of its own, if it has one."""


def function_named(name: str, source: Path) -> Function:
    """The function of a name "module:function"; ``source`` is a folder whose modules can be imported too.

    Raises:
        ValueError: if there is none.
    """
    module, _, rest = name.partition(":")
    if not module or not rest:
        raise ArgumentError("function", f"must be 'module:function', got {name!r}")
    try:
        found: Any = _imported(module, source)
        for part in rest.split("."):
            found = getattr(found, part)
    except Exception as error:  # of a module that somebody wrote, whatever it raises
        raise ValueError(f"function {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise ValueError(f"function {name!r} must be a function, got {type(found).__name__}")
    return found


def _imported(module: str, source: Path) -> ModuleType:
    """A module, that of ``source`` before others; its folder stays on the path, for what it imports when it runs."""
    own = [file for file in _files(module, source) if file.exists()]
    new = bool(own) and str(source) not in sys.path
    if new:
        sys.path.insert(0, str(source))
    found = import_module(module)
    if own and Path(found.__file__ or "").resolve() not in own:
        if new:
            sys.path.remove(str(source))  # or workers, which begin with this path, would import the refused one
        raise ImportError(f"another module {module} is imported already, from {found.__file__}: rename one of them")
    return found


def _files(module: str, source: Path) -> tuple[Path, Path]:
    base = source.joinpath(*module.split("."))
    return base.with_suffix(".py").resolve(), (base / "__init__.py").resolve()


def name_of(function: Function) -> tuple[str, Path]:
    """The name "module:function" by which workers import a function, and the folder where its module lies.

    Raises:
        ValueError: for what cannot be imported: a lambda, a function within a function, one of a notebook.
    """
    name, module = getattr(function, "__qualname__", ""), getattr(function, "__module__", "")
    file = getattr(sys.modules.get(module), "__file__", None)
    if not name or "<" in name or file is None:
        raise ArgumentError(
            "function",
            f"must be one that workers can import, got {name or type(function).__name__} of {module}: "
            "write it at the top level of a file",
        )
    path = Path(file).resolve()
    if module == "__main__":
        spec = getattr(sys.modules[module], "__spec__", None)  # of python -m
        module = path.stem if spec is None else spec.name
    depth = module.count(".") + (path.name == "__init__.py")
    return f"{module}:{name}", path.parents[depth]


def called(function: Function, parameters: Mapping[str, Any], folder: Callable[[], Path]) -> Any:
    """What a function, or a dataclass of parameters, makes of them; ``folder`` makes one if it takes any."""
    if isinstance(function, type):
        function, parameters = function(**parameters), {}
    wants = FOLDER in inspect.signature(function).parameters
    return function(**parameters, **({FOLDER: folder()} if wants else {}))


def require_parameters(function: Function, name: str, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that a function does not take, or not all that it needs, or that a dataclass refuses.

    Raises:
        ValueError: naming them, and the nearest that there is.
    """
    known = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    taken = {one.name: one for one in known if one.kind in kinds and one.name != FOLDER}
    anything = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known)
    if FOLDER in parameters:
        raise ValueError(f"{FOLDER!r} is no parameter of a plan: {name} is given a folder of each case's own")
    for parameter in parameters:
        if parameter not in taken and not anything:
            raise ValueError(f"{name} takes no {parameter!r}{nearest(parameter, tuple(taken))}")
    missing = [one.name for one in taken.values() if one.default is one.empty and one.name not in parameters]
    if missing:
        raise ValueError(f"{name} needs {', '.join(missing)}, of which the plan says nothing")
    if isinstance(function, type):
        function(**parameters)


def nearest(word: str, words: Sequence[str]) -> str:
    """What else it may have been: ": did you mean 'grid'? There are grid, fixed"."""
    close = get_close_matches(word, words, 1) or get_close_matches(word.lower(), [one.lower() for one in words], 1)
    there = f"there are {', '.join(words)}" if words else "there are none"
    return f": did you mean {close[0]!r}? T{there[1:]}" if close else f": {there}"
