"""Modules as people write them: the form in which one is called for a step is found by calling it."""

from .form import PROTOCOLS, Form, ModuleStep
from .search import Recognised, recognise
from .trial import require_same

__all__ = ["PROTOCOLS", "Form", "ModuleStep", "Recognised", "recognise", "require_same"]
