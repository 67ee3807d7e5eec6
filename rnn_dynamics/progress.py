"""Progress of long work: what is being done and how far it is. Every bar of the library is made here.

Public functions take ``progress``: True shows a bar at once; False shows none, of the parts of the work neither. None,
the default, shows what takes more than ten seconds where somebody watches, in a notebook or at a prompt, and nothing in
scripts and tests. Parts of a work that has a bar have theirs once they take more than ten seconds.
"""

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from functools import wraps
from threading import local
from time import time
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from tqdm.std import tqdm

DELAY = 10.0
"""Seconds before work that nobody asked to see is shown: shorter work needs no bar."""

_OFTEN = 0.2
"""Seconds between two refreshes at least."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_Arguments = ParamSpec("_Arguments")


class Progress:
    """How far one piece of work is. It is drawn by the first sign of life after its delay, and ends with ``close``."""

    def __init__(
        self, what: str, progress: bool | None, *, total: int | None = None, initial: int = 0, unit: str = "it"
    ) -> None:
        """Begin.

        Args:
            what: is done, in a word or two.
            progress: as the module's docstring says.
            total: units of work; None if nobody knows.
            initial: units done before.
            unit: what is counted.
        """
        self.what, self.total, self.unit = what, total, unit
        self.done = self._initial = initial
        self._delay = _delay(progress)
        self._stages: list[str] = []
        self._notes: dict[str, Any] = {}
        self._begin = time()
        self._leave = progress is True  # a bar that nobody asked for goes when its work is done
        self._bar: tqdm | None = None
        _open().append(weakref.ref(self))
        self.draw()

    @property
    def silent(self) -> bool:
        """Whether nothing is ever shown, of what it consists of neither."""
        return self._delay is None

    def update(self, count: int = 1) -> None:
        """Count units of work done."""
        self.done += count
        sign_of_life()

    def to(self, done: int) -> None:
        """Say how many units are done in all."""
        self.update(done - self.done)

    def counting(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """The items, each counted when it is done."""
        for item in items:
            yield item
            self.update()

    def note(self, **numbers: Any) -> None:
        """Numbers to be shown beside the bar."""
        self._notes = numbers

    def draw(self) -> None:
        """Draw, or redraw, if it is time."""
        if self._delay is None:
            return
        first = self._bar is None
        if self._bar is None:
            if time() - self._begin < self._delay:
                return
            self._bar = _bar_class()(
                total=self.total,
                initial=self._initial,
                unit=self.unit,
                leave=self._leave,
                desc=self._title(),
                miniters=0,
                mininterval=_OFTEN,
                file=sys.stderr,
            )
            self._bar.start_t = self._begin
        self._bar.total = self.total
        self._bar.set_description(self._title(), refresh=False)
        if self._notes:
            self._bar.set_postfix(self._notes, refresh=False)
        self._bar.update(self.done - self._bar.n)
        if first:
            self._bar.refresh()

    def close(self) -> None:
        """The work is done, or given up."""
        mine = [one for one in _open() if one() is not None and one() is not self]
        _open()[:] = mine
        if self._bar is not None:
            self.draw()
            self._bar.close()
        self._delay = None

    def _title(self) -> str:
        return ": ".join([self.what, *self._stages[-1:]])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _stage(self, what: str) -> Iterator[None]:
        self._stages.append(what)
        sign_of_life()
        try:
            yield
        finally:
            self._stages.pop()


def each(items: Iterable[_Item], what: str, progress: bool | None, *, unit: str = "it") -> Iterator[_Item]:
    """The items one after the other, with a bar that counts them."""
    total = len(items) if isinstance(items, Sized) else None
    with Progress(what, progress, total=total, unit=unit) as bar:
        yield from bar.counting(items)


def shown(what: str, *, unit: str = "it") -> Callable[[Callable[_Arguments, _Result]], Callable[_Arguments, _Result]]:
    """Decorate a function whose keyword ``progress`` says whether its work has a bar; ``count`` moves that on."""

    def decorate(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
        @wraps(function)
        def wrapped(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
            progress = kwargs.get("progress")
            with Progress(what, None if progress is None else bool(progress), unit=unit):
                return function(*args, **kwargs)

        return wrapped

    return decorate


def expect(total: int) -> None:
    """Say how many units the innermost work has in all."""
    inner = _innermost()
    if inner is not None:
        inner.total = total


def count(units: int = 1) -> None:
    """Count units done on the innermost bar."""
    inner = _innermost()
    if inner is not None:
        inner.update(units)


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Say on the innermost bar what is being done now, for as long as this lasts; a function's decorator too."""
    inner = _innermost()
    if inner is None or inner.silent:
        yield
    else:
        with inner._stage(what):
            yield


def sign_of_life() -> None:
    """Draw whatever is due, the outermost work first. Long loops call it; ``AutonomousMap.chunks`` does for most."""
    for one in _open():
        bar = one()
        if bar is not None:
            bar.draw()


def somebody_watches() -> bool:
    """Whether this runs in a notebook, or at the prompt of an interactive session on a terminal."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and "IPKernelApp" in shell.config:
        return True
    return hasattr(sys, "ps1") and sys.stderr is not None and sys.stderr.isatty()


class _Opened(local):
    """The bars of this thread, outermost first; weakly, so that one that an exception left open is forgotten."""

    def __init__(self) -> None:
        self.bars: list[weakref.ref[Progress]] = []


_opened = _Opened()


def _open() -> "list[weakref.ref[Progress]]":
    return _opened.bars


def _innermost() -> Progress | None:
    for one in reversed(_open()):
        bar = one()
        if bar is not None:
            return bar
    return None


def _delay(progress: bool | None) -> float | None:
    """Seconds to wait before a bar is shown; None for ever."""
    if progress is not None:
        return 0.0 if progress else None
    outer = _innermost()
    shown = somebody_watches() if outer is None else not outer.silent
    return DELAY if shown else None


def _bar_class() -> type[tqdm]:
    """Of tqdm's bars that of notebooks where it can be drawn, which takes ipywidgets; else text, without a warning."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and "IPKernelApp" in shell.config:
        try:
            import ipywidgets  # noqa: F401  # pyright: ignore[reportMissingImports]
            from tqdm.notebook import tqdm_notebook
        except ImportError:
            return tqdm
        return tqdm_notebook
    return tqdm
