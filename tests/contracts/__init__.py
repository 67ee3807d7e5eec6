"""What every layer, solver, detector and task of the library must pass: a subclass of a contract runs all of it."""

import inspect
from collections.abc import Iterator


def library_classes(base: type) -> set[type]:
    """The library's classes that extend ``base`` and leave nothing abstract, but for those a module keeps to itself."""
    own = (kind for kind in _below(base) if kind.__module__.startswith("rnn_dynamics."))
    return {kind for kind in own if not inspect.isabstract(kind) and not kind.__name__.startswith("_")}


def _below(base: type) -> Iterator[type]:
    for kind in base.__subclasses__():
        yield kind
        yield from _below(kind)


def signed(contract: type) -> list[type]:
    """The subclasses of a contract that run as tests."""
    return [kind for kind in _below(contract) if kind.__name__.startswith("Test")]
