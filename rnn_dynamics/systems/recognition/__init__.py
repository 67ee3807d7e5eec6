"""Modules as people write them: the form in which one is called for a step is found by calling it."""

from .form import Form, ModuleStep
from .guesses import Arguments, arguments_of, input_counts, time_refused
from .search import recognise
from .trial import require_same

__all__ = [
    "Arguments",
    "Form",
    "ModuleStep",
    "arguments_of",
    "input_counts",
    "recognise",
    "require_same",
    "time_refused",
]
