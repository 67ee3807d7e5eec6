"""The library's own ways to say no.

All are ``ValueError`` to a caller, who made the mistake. Within the library each is caught by its own name alone, so
that what a caller's own function raises is never taken for one of them.
"""


class NotRegular(ValueError):
    """A state through which not one smooth curve of fixed points passes: a branch point, or part of a continuum."""


class CannotFollow(ValueError):
    """Two networks that no line of weights joins, as they are of two architectures."""


class NoWeights(CannotFollow):
    """A network whose weights cannot be seen, or do not tell all that it does: a plain function."""


class NotRecurrent(ValueError):
    """A module whose layers ``as_map`` does not know."""
