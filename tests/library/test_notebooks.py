"""Notebooks as a reader meets them who never saw the library: what each promises, names, and what its cells print."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import rnn_dynamics as rd

PATHS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def texts(path: Path, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in cells(path, kind)]


def outputs(path: Path) -> list[dict[str, Any]]:
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def every(path: Path, pattern: str) -> list[str]:
    return [found for text in texts(path, "code") for found in re.findall(pattern, text, re.MULTILINE)]


per_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


@per_notebook
def test_the_first_cell_says_which_question_what_to_know_and_how_long(path: Path) -> None:
    first, *_, last = texts(path, "markdown")
    assert first.startswith(f"# {int(path.stem[:2])}. ")
    for promise in ("**The question.**", "**What you need.**", "../docs/glossary.md", "on one core"):
        assert promise in first
    assert "## Where next" in last


@per_notebook
def test_nothing_but_rd_is_imported_and_every_name_is_public(path: Path) -> None:
    assert set(every(path, r"^\s*(?:from|import) (rnn_dynamics\S*.*)$")) == {"rnn_dynamics as rd"}
    for name in every(path, r"\brd\.((?:[A-Za-z_]\w*\.?)+)"):
        thing: Any = rd
        for part in name.rstrip(".").split("."):
            assert not part.startswith("_")
            if isinstance(thing, type(rd)):
                known = getattr(thing, "__all__", None)
                assert known is None or part in known or isinstance(getattr(thing, part), type(rd)), name
            thing = getattr(thing, part)


@per_notebook
def test_formulas_have_single_backslashes_and_end(path: Path) -> None:
    for text in texts(path, "markdown"):
        formulas = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
        assert "\\\\" not in formulas
        assert formulas.replace(r"\$", "").count("$") % 2 == 0


@per_notebook
def test_links_lead_somewhere(path: Path) -> None:
    for text in texts(path, "markdown"):
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            assert "://" in link or (path.parent / link.partition("#")[0]).exists(), link


@per_notebook
def test_cells_ran_in_order_and_complained_of_nothing(path: Path) -> None:
    counts = [cell["execution_count"] for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1))
    assert not [out for out in outputs(path) if out.get("name") == "stderr" or out["output_type"] == "error"]


@per_notebook
def test_nothing_raw_is_shown(path: Path) -> None:
    """No bare list, dictionary, tuple or tensor, no number to the last bit, and no share of hundreds of percent."""
    for output in outputs(path):
        text = "".join(output.get("text", output.get("data", {}).get("text/plain", "")))
        assert not re.search(r"^\s*(?:[\[{(]|tensor\()", text, re.MULTILINE)
        assert not re.search(r"\d\.\d{10,}(?!\d*[eE])", text), text
        assert not re.search(r"\d{4,}(?:\.\d+)? ?%", text), text
