"""A refusal that begins with an argument's name is an ArgumentError, which the command line tells as an option."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import rnn_dynamics as rd

SOURCE = Path(rd.__file__).parent

NOUNS = {"steps", "weights"}
"""First words that are no argument, though they read like one."""


def refusals(tree: ast.AST, known: frozenset[str] = frozenset()) -> Iterator[tuple[int, str, frozenset[str]]]:
    """Of each ``raise ValueError(...)``: its line, how its sentence begins, and what the functions round it take."""
    for node in ast.iter_child_nodes(tree):
        taken = known
        if isinstance(node, ast.FunctionDef):
            given = node.args
            parts = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            taken = known | {part.arg for part in parts if part is not None}
        if isinstance(node, ast.ClassDef):  # the fields of a dataclass are what its constructor takes
            taken = known | {
                part.target.id
                for part in node.body
                if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
            }
        match node:
            case ast.Raise(exc=ast.Call(func=ast.Name(id="ValueError"), args=[sentence, *_])):
                yield node.lineno, beginning(sentence), taken
        yield from refusals(node, taken)


def beginning(sentence: ast.expr) -> str:
    """The sentence as far as it is known; "{name} must" where it begins with a variable."""
    match sentence:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return text
        case ast.JoinedStr(values=[ast.FormattedValue(value=ast.Name(id=name)), ast.Constant(value=str(text)), *_]):
            return f"{{{name}}}{text}"
    return ""


def of_one_argument(text: str, taken: frozenset[str]) -> bool:
    """Whether a sentence is about one argument. One that goes on "x and y must", or "x [n] must", is about several."""
    first, _, rest = text.partition(" ")
    if text.startswith("{name} must") or first in NOUNS or rest.startswith(("and ", "[")):
        return text.startswith("{name} must")
    return first in taken or re.match(r"[a-z_]+ must ", text) is not None


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f(x): raise ValueError('x must be 1')", [True]),
        ("def f(x): raise ValueError(f'x has size {x}')", [True]),
        ("def f(*, x):\n def g(): raise ValueError(f'x must be 1, got {x}')", [True]),
        ("class A:\n x: int\n def f(self): raise ValueError('x must be 1')", [True]),
        ("def f(y): raise ValueError('x must be 1')", [True]),
        ("def f(name): raise ValueError(f'{name} must be 1')", [True]),
        ("def f(x, y): raise ValueError('x and y must be 1')", [False]),
        ("def f(x): raise ValueError('the file is empty')", [False]),
        ("def f(x): raise ArgumentError('x', 'must be 1')", []),
    ],
)
def test_the_reader_finds_them(code: str, found: list[bool]) -> None:
    assert [of_one_argument(text, taken) for _, text, taken in refusals(ast.parse(code))] == found


def test_what_is_refused_by_name_carries_the_name() -> None:
    wrong = [
        f"{path.relative_to(SOURCE)}:{line}: {text}"
        for path in sorted(SOURCE.rglob("*.py"))
        for line, text, taken in refusals(ast.parse(path.read_text()))
        if of_one_argument(text, taken)
    ]
    assert wrong == []
