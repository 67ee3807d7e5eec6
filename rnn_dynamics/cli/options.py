"""The library's arguments as the options of a command."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, wraps
from types import TracebackType
from typing import Any, TypeVar

import typer

from ..checks import AdvisedError, ArgumentError, Words

Command = TypeVar("Command", bound=Callable[..., Any])


class Options(Words):
    """The options of the command that runs, each told for the argument of its name.

    As a decorator it makes a function such a command; as a context it has words of its own for a part of it. Whatever
    argument is refused within is told as its option.
    """

    def __init__(self, **others: str | None) -> None:
        """Take arguments of other names than their options: ``n="starts"`` is --starts; None is no option at all."""
        self._others = others

    def __call__(self, command: Command) -> Command:
        @wraps(command)
        def run(*args: Any, **options: Any) -> Any:
            before = _running.set(command)
            try:
                with self:
                    return command(*args, **options)
            finally:
                _running.reset(before)

        return run  # pyright: ignore[reportReturnType]  # wraps keeps the signature

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, ArgumentError) and self._option(error.argument) is not None:
            raise ArgumentError(self.name(error.argument), error.refusal) from error
        if isinstance(error, AdvisedError):
            raise ValueError(error.told(self)) from error

    def name(self, argument: str) -> str:
        option = self._option(argument)
        return super().name(argument) if option is None else option.opts[0]

    def setting(self, argument: str, value: object) -> str:
        option = self._option(argument)
        if option is None:
            return super().setting(argument, value)
        if option.is_flag:
            return (option.opts if value else option.secondary_opts)[0]
        return f"{option.opts[0]} {value}"

    def _option(self, argument: str) -> Any:
        """Of a part of an argument, "settings.clip_norm", that of the part's name."""
        part = argument.rpartition(".")[2]
        name = self._others.get(argument, self._others.get(part, part))
        command = _running.get()
        return None if command is None or name is None else _options(command).get(name)


_running: ContextVar[Callable[..., Any] | None] = ContextVar("running", default=None)


@cache
def _options(command: Callable[..., Any]) -> dict[str, Any]:
    """As typer makes them of a command, by name."""
    app = typer.Typer(add_completion=False)
    app.command()(command)
    made = typer.main.get_command(app).params
    return {option.name: option for option in made if option.name and option.param_type_name == "option"}
