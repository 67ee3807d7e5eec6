"""The plan of the house, read from the import contract and the first line of every module: one plan, written once.

``python tests/house.py`` writes it into CONTRIBUTING.md.
"""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIBRARY = "rnn_dynamics"
BEGIN, END = "<!-- plan: written by `python tests/house.py` -->", "<!-- end of the plan -->"


def modules() -> dict[str, Path]:
    """Every module by its dotted name; a package by that of its folder."""
    files = sorted((ROOT / LIBRARY).rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


def is_package(path: Path) -> bool:
    return path.name == "__init__.py"


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of the library that a module imports from, wherever in it."""
    inside = name.split(".") if is_package(path) else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom):
            continue
        base = inside[: len(inside) - node.level + 1] if node.level else []
        target = ".".join([*base, *(node.module.split(".") if node.module else [])])
        if target == LIBRARY or target.startswith(LIBRARY + "."):
            for alias in node.names:
                whole = f"{target}.{alias.name}"
                yield whole if node.module is None and whole in known else target  # ``from . import module``


def interior_imports() -> list[str]:
    """Imports that reach past the front of a folder: only what stands in it, at any depth, may know its interior."""
    known = modules()
    found: list[str] = []
    for name, path in known.items():
        own = {name} if is_package(path) else set()
        own |= {".".join(name.split(".")[:depth]) for depth in range(1, name.count(".") + 1)}
        for target in imports(name, path, known):
            folders = [".".join(target.split(".")[:depth]) for depth in range(1, target.count(".") + 1)]
            passed = [folder for folder in folders if folder not in own]
            if passed:
                found.append(f"{name} imports from {target}: take the front of {passed[0]}")
    return found


def plan() -> str:
    """Floors from the contract, each module with the first sentence of its docstring; folders within folders too."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    known = modules()
    lines = ["| floor | module | subject |", "|---|---|---|"]
    for floor, layer in zip(range(len(contract), 0, -1), contract, strict=True):
        for name in (part.strip() for part in layer.split("|")):
            lines.append(f"| {floor} | {_shown(name, known)} | {_sentence(known[name])} |")
            lines += [
                f"| | {_shown(inner, known)} | {_sentence(known[inner])} |"
                for inner in known
                if inner.startswith(name + ".") and is_package(known[inner])
            ]
    return "\n".join(lines)


def _shown(name: str, known: dict[str, Path]) -> str:
    shown = name.removeprefix(LIBRARY + ".").replace(".", "/")
    return f"`{shown}/`" if is_package(known[name]) else f"`{shown}`"


def _sentence(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return docstring.split("\n\n")[0].replace("\n", " ").rstrip(".")


def written() -> str:
    """The plan that stands in CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    return text.split(BEGIN)[1].split(END)[0].strip()


if __name__ == "__main__":
    guide = ROOT / "CONTRIBUTING.md"
    before, after = guide.read_text().split(BEGIN)[0], guide.read_text().split(END)[1]
    guide.write_text(f"{before}{BEGIN}\n{plan()}\n{END}{after}")
