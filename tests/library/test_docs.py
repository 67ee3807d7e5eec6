"""The site's sources: whole, linked, and true of the library. The build itself is a slow test."""

import ast
import builtins
import inspect
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
import torch

import rnn_dynamics as rd

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MADE = {"columns.md", "api", "pictures"}  # by the build
PAGES = sorted(page for page in (*DOCS.glob("*.md"), *DOCS.glob("methods/*.md")) if page.name not in MADE)
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"\brd((?:\.[A-Za-z_]\w*)+)")


def is_made(target: Path) -> bool:
    return target.is_relative_to(DOCS) and target.relative_to(DOCS).parts[0] in MADE


def anchors(page: Path) -> set[str]:
    """Of its heads, as GitHub and the site make them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def toctrees(page: Path) -> set[Path]:
    """Pages that a page lists."""
    lists = re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line for block in lists for line in block.splitlines() if line and not line.startswith(":")]
    return {(page.parent / line).resolve() for line in lines}


LINKING = [ROOT / "README.md", *PAGES, *sorted((DOCS / "chapters").glob("*.md"))]


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    base = ROOT / "notebooks" if page.parent.name == "chapters" else page.parent
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (base / path).resolve() if path else page
        assert target.exists() or is_made(target), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_listed_and_every_listed_page_is_there() -> None:
    listed = {path for page in PAGES for path in toctrees(page)}
    for path in listed:
        there = [path.with_name(path.name + end) for end in (".md", ".ipynb")]
        assert any(one.exists() for one in there) or is_made(there[0]), path
    pages = {page.with_suffix("") for page in (*PAGES, *CHAPTERS, *(ROOT / "figures").glob("*/*.md"))}
    assert pages - {DOCS / "index"} <= listed


@pytest.mark.parametrize("page", [*PAGES, *(DOCS / "chapters").glob("*.md")], ids=lambda page: page.stem)
def test_names_of_the_library_exist(page: Path) -> None:
    for name in NAME.findall(page.read_text()):
        thing: Any = rd
        for part in name[1:].split("."):
            assert hasattr(thing, part), f"rd{name}"
            thing = getattr(thing, part)


def test_the_table_of_questions_has_every_analysis_and_plot() -> None:
    named = set(NAME.findall((DOCS / "questions.md").read_text()))
    functions = {f".{name}" for name in rd.__all__ if inspect.isfunction(getattr(rd, name))}
    no_answers = {".as_map", ".driving", ".sample_states", ".plot_spectrum"}  # what all begin with, and a detail
    assert functions - no_answers <= named


def test_the_start_runs_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with torch.random.fork_rng():
        for block in CODE.findall((DOCS / "start.md").read_text()):
            exec(compile(block, "start.md", "exec"), names)
    plt.close("all")
    assert (tmp_path / "points.png").exists()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_has_captions_conclusions_and_solved_exercises(chapter: Path) -> None:
    notebook = json.loads(chapter.read_text())
    outputs = [out for cell in notebook["cells"] for out in cell.get("outputs", [])]
    part = (DOCS / "chapters" / f"{chapter.stem}.md").read_text()
    captions = re.findall(r"^\d+\. ", part.partition("## Figures")[2].partition("\n## ")[0], re.MULTILINE)
    assert len(captions) == sum("image/png" in out.get("data", {}) for out in outputs)
    text = part + "".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    assert re.search(r"What to conclude|What a certificate does not say", text)
    exercises = re.findall(
        r"^\d+\. ", text.partition("## Exercises")[2].partition("\n**")[0].partition("\n## ")[0], re.M
    )
    solutions = re.findall(r"^\d+\. ", part.partition("## Solutions")[2], re.MULTILINE)
    assert len(exercises) == len(solutions) > 0


PARTS = sorted((DOCS / "chapters").glob("*.md"))
AFTER = "# after the cells of the chapter\n"
"""Begins a solution that goes on from what the notebook has made."""


@pytest.mark.parametrize("part", PARTS, ids=lambda path: path.stem)
def test_solutions_run(part: Path) -> None:
    """Each alone; what they say of numbers they assert."""
    with torch.random.fork_rng():
        for block in CODE.findall(part.read_text()):
            if not block.startswith(AFTER):
                exec(compile(block, part.name, "exec"), {})


def asked(block: str) -> set[str]:
    """The names that code uses and does not make."""
    names = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Name)]
    made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    return {node.id for node in names} - made - set(dir(builtins))


@pytest.mark.slow
@pytest.mark.parametrize("part", [part for part in PARTS if AFTER in part.read_text()], ids=lambda path: path.stem)
def test_solutions_that_go_on_from_their_chapter_run(part: Path) -> None:
    """After as many cells of the notebook as make the names that they use."""
    blocks = [block for block in CODE.findall(part.read_text()) if block.startswith(AFTER)]
    notebook = json.loads((ROOT / "notebooks" / f"{part.stem}.ipynb").read_text())
    cells = ("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    names: dict[str, Any] = {}
    with torch.random.fork_rng():
        for block in blocks:
            while not asked(block) <= names.keys():
                exec(compile(next(cells), f"{part.stem}.ipynb", "exec"), names)
            exec(compile(block, part.name, "exec"), names)
    plt.close("all")


def test_the_gallery_has_every_plot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    from gallery import parts

    drawn = {name: code for name, code in parts() if name}
    assert set(drawn) == {name for name in rd.plotting.__all__ if name.startswith("plot_")}
    for name, code in drawn.items():
        assert f"{name}(" in code


def test_claims_are_those_of_the_captions() -> None:
    """Every number that the page of claims takes from a caption is in that caption."""
    rows = [row.split("|") for row in (DOCS / "claims.md").read_text().splitlines() if "../figures/" in row]
    assert len(rows) > 10
    for row in rows:
        linked = [(DOCS / link).resolve().read_text() for link in LINK.findall(row[2])]
        told = "".join(linked) + row[1]
        for number in re.findall(r"(?<![\w.])\d*\.?\d+(?![\w.⁴])", re.sub(r"\[figure\]\([^)]*\)", "", row[2])):
            assert re.search(rf"(?<![\d.])0?{re.escape(number)}", told), (number, row[2])


@pytest.mark.slow
@pytest.mark.skipif(find_spec("sphinx") is None, reason="the extra docs is not installed; `make docs` installs it")
def test_the_site_builds_without_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gallery is drawn on the way, unless its pictures are those of its code already."""
    monkeypatch.syspath_prepend(str(DOCS))
    from gallery import parts

    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-b",
        "html",
        "-c",
        DOCS,
        "-d",
        tmp_path / "trees",
        "-W",
        "--keep-going",
        "-q",
    ]
    done = subprocess.run([*map(str, command), str(ROOT), str(tmp_path / "site")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    reference = "".join(page.read_text() for page in (tmp_path / "site/docs/api").glob("*.html"))
    for name in rd.__all__:
        assert f".{name}" in reference, name
    page = (tmp_path / "site/docs/gallery.html").read_text()
    for name in (name for name, _ in parts() if name):
        assert (tmp_path / f"site/_images/{name}.png").exists(), name
        assert f"{name}.png" in page
