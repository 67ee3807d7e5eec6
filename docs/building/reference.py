"""API reference: a page for each front of the library, with all public names, from their docstrings."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_origin

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring

PAGES = Path(__file__).parents[1] / "api"
LIBRARY = "rnn_dynamics"
FRONTS = {
    "Networks as maps": ("systems", "families", "conditions", "cells", "tasks"),
    "Fixed points": ("roots", "fixed_points", "stability", "integrators", "task_directions"),
    "Attractors": ("attractors", "multistability", "transitions", "landscapes", "manifolds", "portraits", "charts"),
    "Parameters and training": (
        "continuation",
        "bifurcations",
        "warmup",
        "planting",
        "training",
        "tracking",
        "timeline",
    ),
    "Proof": ("certificates", "enclosures"),
    "Agents": ("rl", "automata"),
    "Many at once": ("sweeps",),
    "Figures, files, results": ("plotting", "store", "results", "tables", "kinds", "columns", "fixed_point_finder"),
}
"""The fronts by subject, in the order of the page. What only the library itself calls has none."""

_STYLE = Config(napoleon_use_rtype=False)


def public(module: ModuleType) -> dict[str, Any]:
    """Names of a front with what they stand for, but for what another front documents."""
    own = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    found = {name: getattr(module, name) for name in own}
    return {
        name: thing for name, thing in found.items() if _is_at_home(thing, module.__name__, "__all__" in vars(module))
    }


def _is_at_home(thing: Any, front: str, listed: bool) -> bool:
    home = getattr(thing, "__module__", None)
    if inspect.isclass(thing) or inspect.isroutine(thing):
        return isinstance(home, str) and f"{home}.".startswith(f"{front}.")
    return listed and not inspect.ismodule(thing)


def documented() -> dict[str, Any]:
    """Everything that has an entry, by its full name."""
    fronts = [import_module(f"{LIBRARY}.{front}") for names in FRONTS.values() for front in names]
    return {f"{front.__name__}.{name}": thing for front in fronts for name, thing in public(front).items()}


def page(front: str) -> str:
    """The page of one front, in reStructuredText."""
    module = import_module(f"{LIBRARY}.{front}")
    lines = [
        front,
        "=" * len(front),
        "",
        *plain(inspect.getdoc(module) or ""),
        "",
        f".. py:module:: {LIBRARY}.{front}",
        "",
    ]
    for name, thing in sorted(public(module).items(), key=lambda item: item[0].lower()):
        lines += [name, "-" * len(name), "", f".. {_directive(thing)}:: {LIBRARY}.{front}.{name}"]
        lines += ["   :members:", "   :show-inheritance:"] if inspect.isclass(thing) else []
        lines += ["   :no-value:"] if _directive(thing) == "autodata" else []
        lines.append("")
    return "\n".join(lines)


def _directive(thing: Any) -> str:
    return "autoclass" if inspect.isclass(thing) else "autofunction" if inspect.isroutine(thing) else "autodata"


def contents() -> str:
    """The page that lists the others."""
    lines = [
        "API reference",
        "=============",
        "",
        "Every public name, by the folder that it lives in; all that is in",
        "",
    ]
    lines[-2] = (
        "Every public name, by the folder it lives in. What most users call is in ``rnn_dynamics`` itself (``rd``)."
    )
    for subject, fronts in FRONTS.items():
        lines += [
            subject,
            "-" * len(subject),
            "",
            ".. toctree::",
            "   :maxdepth: 1",
            "",
            *(f"   {front}" for front in fronts),
            "",
        ]
    return "\n".join(lines)


_MARKED = re.compile(r"(``.*?``)", re.DOTALL)  # code may go on in the next line
_EXAMPLE = re.compile(r"^( *)(\S.*):\n\n((?:\1 {4}.*\n?|\n(?=\1 {4}))+)", re.MULTILINE)
"""Lines of code below a line that ends in a colon, and an empty one."""


def plain(text: str) -> list[str]:
    """A docstring as the house writes them, in reStructuredText: plain sentences in which only ``code`` is marked."""
    lines: list[str] = []
    end = 0
    for example in _EXAMPLE.finditer(text):
        lines += _escaped(text[end : example.end(2)] + "::").splitlines()
        lines += ["", *example[3].splitlines(), ""]
        end = example.end()
    return lines + _escaped(text[end:]).splitlines()


def _escaped(text: str) -> str:
    parts = _MARKED.split(text)
    parts[::2] = [re.sub(r"([*|`\\]|(?<=\w)_(?!\w))", r"\\\1", part) for part in parts[::2]]
    for number in range(1, len(parts), 2):
        if parts[number + 1][:1].isalnum():  # ``Layer``s: markup ends before a space only
            parts[number] += "\\ "
    return "".join(parts)


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:  # what is unchanged is not built again
        path.write_text(text)


def write_pages(_: Sphinx) -> None:
    """All pages, before Sphinx looks for sources."""
    PAGES.mkdir(exist_ok=True)
    _write(PAGES / "index.rst", contents())
    for front in (front for fronts in FRONTS.values() for front in fronts):
        _write(PAGES / f"{front}.rst", page(front))


def _as_plain(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    told = "\n".join(lines).strip()
    if what == "data" and told in {(inspect.getdoc(kind) or "").strip() for kind in (type(thing), get_origin(thing))}:
        lines.clear()  # a constant has no words of its own, and those of ``dict`` say nothing of it
    lines[:] = plain("\n".join(lines))
    if what not in ("attribute", "data", "property"):  # of these napoleon takes "[k, n]: states" for a type
        lines[:] = GoogleDocstring(lines, _STYLE, app, what, name, thing, options).lines()


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", _as_plain)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
