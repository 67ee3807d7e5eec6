"""The library's own ways to say no, and how it tells arguments.

All are ``ValueError`` to a caller, who made the mistake. Within the library each is caught by its own name alone, so
that what a caller's own function raises is never taken for one of them.
"""


class ArgumentError(ValueError):
    """An argument that was refused: which one, and what goes on after its name."""

    def __init__(self, argument: str, refusal: str) -> None:
        super().__init__(argument, refusal)
        self.argument = argument
        """As the function has it; "tracker.every" for a part of one."""

        self.refusal = refusal

    def __str__(self) -> str:
        return f"{self.argument} {self.refusal}"


class Words:
    """How advice tells arguments: as Python takes them. The command line has words of its own."""

    def name(self, argument: str) -> str:
        """Of an argument, or of a part of one: "lr", "Horizon with a longest" of "horizon.longest"."""
        owner, _, part = argument.rpartition(".")
        return f"{owner.capitalize()} with a {part}" if owner else argument

    def setting(self, argument: str, value: object) -> str:
        """An argument with its value: "resume=True"."""
        return f"{argument}={value}"

    def lower(self, argument: str, value: float | None, first: float | None = None) -> str:
        """A lower value than now: "an lr below 0.1"; the ``first`` to try where there is none."""
        if value is None:
            return self.setting(argument, first)
        number = value if isinstance(value, int) else f"{value:g}"
        return f"{'an' if argument == 'lr' else 'a'} {self.name(argument)} below {number}"


class AdvisedError(ValueError):
    """What went wrong, ending in the argument that helps: "..., go on from it with resume=True"."""

    def __init__(self, reason: str, argument: str, value: object) -> None:
        super().__init__(reason, argument, value)
        self.reason, self.argument, self.value = reason, argument, value

    def told(self, words: Words) -> str:
        return f"{self.reason} {words.setting(self.argument, self.value)}"

    def __str__(self) -> str:
        return self.told(Words())


class NotRegular(ValueError):
    """A state through which not one smooth curve of fixed points passes: a branch point, or part of a continuum."""


class CannotFollow(ValueError):
    """Two networks that no line of weights joins, as they are of two architectures."""


class NoWeights(CannotFollow):
    """A network whose weights cannot be seen, or do not tell all that it does: a plain function."""


class NotRecurrent(ValueError):
    """A module whose layers ``as_map`` does not know."""
