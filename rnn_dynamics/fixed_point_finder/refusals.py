"""What FixedPointFinder asserted and this library refuses: one error that is both."""


class MismatchError(ValueError, AssertionError):
    """Data that do not fit together: an ``AssertionError`` there, a ``ValueError`` at this library's doors."""
