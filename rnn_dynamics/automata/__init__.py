"""Automata: what a thing with memory does, as the smallest machine that does the same."""

from .learning import Language, Respondent, learn_moore_machine
from .moore import MooreMachine

__all__ = ["Language", "MooreMachine", "Respondent", "learn_moore_machine"]
