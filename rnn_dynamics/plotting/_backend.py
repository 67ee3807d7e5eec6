"""Matplotlib, imported whatever the environment names as its backend."""

import os
import sys
import warnings

_NAME = "MPLBACKEND"


def _imported() -> None:
    """Import matplotlib, which refuses a nonsensical name while it is imported, and half of it is then left behind."""
    name = os.environ.pop(_NAME, None)
    try:
        import matplotlib as mpl
    finally:
        if name is not None:
            os.environ[_NAME] = name
    if name:
        try:
            mpl.rcParams["backend"] = name
        except ValueError:
            warnings.warn(f"{_NAME}={name!r} names no backend of matplotlib, and is passed over", stacklevel=3)


if "matplotlib" not in sys.modules:
    _imported()
