"""The site's pages: what they link to exists, what they name exists, their code runs; the build itself is slow."""

import json
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import rnn_dynamics as rd

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *DOCS.glob("methods/*.md")])
GENERATED = {DOCS / "columns.md", DOCS / "api" / "index.rst"}
CHAPTERS = sorted(DOCS.glob("chapters/*.md"))

pytestmark = pytest.mark.usefixtures("plot_settings_are_left_alone")


@pytest.fixture(autouse=True)
def _the_sites_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))


def blocks(path: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if not link.startswith("pictures/") and not (page.parent / link).exists()]
    assert [link for link in missing if (page.parent / link).resolve() not in GENERATED] == []


def test_every_page_is_in_the_table_of_contents() -> None:
    trees = "\n".join(re.findall(r"```\{toctree\}(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL)).split()
    for page in PAGES:
        name = str(page.relative_to(DOCS).with_suffix(""))
        assert name == "index" or name in trees


@pytest.mark.parametrize("page", [*PAGES, *CHAPTERS], ids=lambda page: page.stem)
def test_names_of_the_library_exist(page: Path) -> None:
    for name in re.findall(r"`rd\.([\w.]+?)(?:\(.*?\))?`", page.read_text(), re.DOTALL):
        thing = rd
        for part in name.split("."):
            thing = getattr(thing, part)


def test_every_question_has_its_function() -> None:
    rows = [row for row in (DOCS / "questions.md").read_text().splitlines() if row.startswith("| ")][1:]
    assert len(rows) > 20
    assert all("`rd." in row.split("|")[3] for row in rows)


def test_the_first_five_minutes_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeded: None) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code in blocks(DOCS / "start.md"):
        exec(code, names)
    assert len(names["points"]) >= 1
    assert {file.name for file in tmp_path.iterdir()} == {"points.png", "points.csv", "points.safetensors"}


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_solutions_run(page: Path, seeded: None) -> None:
    for code in blocks(page):
        exec(code, {})


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_every_figure_of_a_chapter_has_a_caption(page: Path) -> None:
    from building.chapters import chapter

    notebook = json.loads((ROOT / "notebooks" / f"{page.stem}.ipynb").read_text())
    assert len(chapter(notebook, page.stem)["cells"]) > 5
    text = page.read_text() + json.dumps(notebook)
    assert "## Solutions" in text
    assert "What to conclude" in text


def test_every_notebook_is_a_chapter() -> None:
    assert [page.stem for page in CHAPTERS] == sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_every_plot_is_in_the_gallery() -> None:
    text = (DOCS / "gallery.md").read_text()
    assert [name for name in rd.__all__ if name.startswith("plot_") and f"rd.{name}" not in text] == []


@pytest.mark.slow
def test_the_gallery_draws_what_it_shows(tmp_path: Path) -> None:
    import gallery

    names = [name for _, name in gallery.blocks() if name]
    assert [path.stem for path in gallery.draw(tmp_path)] == names
    assert all(plt.imread(tmp_path / f"{name}.png").std() > 0.01 for name in names)


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="pip install '.[docs]'")
    if not (DOCS / "pictures").exists():
        subprocess.run([sys.executable, DOCS / "gallery.py", DOCS / "pictures"], check=True, cwd=ROOT)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", "docs", "-d", tmp_path / "trees", "."]
    subprocess.run([*command, tmp_path / "site"], check=True, cwd=ROOT)
    assert "rnn_dynamics.find_fixed_points" not in (tmp_path / "site" / "docs" / "questions.html").read_text()
    assert 'href="api/fixed_points.html#' in (tmp_path / "site" / "docs" / "questions.html").read_text()
