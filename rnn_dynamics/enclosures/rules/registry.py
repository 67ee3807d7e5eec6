"""Where a rule for an operation is found: under torch's name for it, without or with its overload."""

from collections.abc import Callable
from typing import Any, TypeAlias

Rule: TypeAlias = Callable[..., Any]
"""rule(tape, **arguments): what the operation makes of balls, its arguments named as in torch's schema."""

RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Enter a function as the rule for operations such as "add", or "sum.dim_IntList" for one overload."""

    def enter(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return enter
