"""Notebooks as chapters: captions for their figures, and what `docs/chapters` adds at their end.

`docs/chapters/NAME.md` belongs to `notebooks/NAME.ipynb`. Its part "Figures" is a list, an item for each picture of the
notebook in order; the rest is put at the end of the chapter. The notebooks themselves stay as they are stored.
"""

import json
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from .columns import with_links

PARTS = Path(__file__).parents[1] / "chapters"
COLUMNS = "../docs/columns.html"


def parts_of(name: str) -> tuple[list[str], str]:
    """The captions of a chapter's figures in order, and what stands at its end."""
    text = (PARTS / f"{name}.md").read_text()
    listed, _, rest = text.partition("## Figures\n")[2].partition("\n## ")
    captions = [re.sub(r"\s+", " ", item).strip() for item in re.split(r"^\d+\. ", listed, flags=re.MULTILINE)[1:]]
    return captions, f"## {rest}"


def pictures(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells that show one, in order."""
    outputs = [(cell, out.get("data", {})) for cell in notebook["cells"] for out in cell.get("outputs", [])]
    return [cell for cell, data in outputs if "image/png" in data]


def chapter(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    """A notebook with captions, links from column heads, and its last part."""
    captions, last = parts_of(name)
    for number, (cell, caption) in enumerate(zip(pictures(notebook), captions, strict=True), 1):
        cell["metadata"]["mystnb"] = {"figure": {"caption": f"**Figure {name[1]}.{number}.** {caption}"}}
    for cell in notebook["cells"]:
        for out in cell.get("outputs", []):
            if "text/html" in out.get("data", {}):
                out["data"]["text/html"] = with_links("".join(out["data"]["text/html"]), COLUMNS)
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": last, "id": "last-part"})
    return notebook


def _read(_: Sphinx, page: str, source: list[str]) -> None:
    if page.startswith("notebooks/"):
        source[0] = json.dumps(chapter(json.loads(source[0]), page.removeprefix("notebooks/")))


def _depends(_: Sphinx, env: Any, *_sets: set[str]) -> list[str]:
    return [page for page in env.found_docs if page.startswith("notebooks/")]  # their last parts may have changed


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _read)
    app.connect("env-get-outdated", _depends)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
