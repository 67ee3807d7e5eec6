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


def is_picture(output: dict[str, Any]) -> bool:
    """Whether it shows one."""
    return "image/png" in output.get("data", {})


def pictures(notebook: dict[str, Any]) -> int:
    """How many a notebook shows."""
    return sum(is_picture(output) for cell in notebook["cells"] for output in cell.get("outputs", []))


def chapter(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    """A notebook with captions, links from column heads, and its last part."""
    captions, last = parts_of(name)
    if len(captions) != pictures(notebook):
        raise ValueError(f"docs/chapters/{name}.md has {len(captions)} captions for {pictures(notebook)} figures")
    cells, number = [], 0
    for cell in notebook["cells"]:
        cells.append(cell)
        outputs = cell.get("outputs", [])
        for output in outputs:
            if "text/html" in output.get("data", {}):
                output["data"]["text/html"] = with_links("".join(output["data"]["text/html"]), COLUMNS)
        for output in filter(is_picture, outputs):  # a caption is of all outputs of a cell: each picture has its own
            number += 1
            caption = f"**Figure {int(name[:2])}.{number}.** {captions[number - 1]}"
            metadata = {"mystnb": {"figure": {"caption": caption}}, "tags": ["remove-input"]}
            cells.append({**cell, "source": "", "outputs": [output], "metadata": metadata, "id": f"figure-{number}"})
        cell["outputs"] = [output for output in outputs if not is_picture(output)]
        if cell["cell_type"] != "code":
            del cell["outputs"]
    cells.append({"cell_type": "markdown", "metadata": {}, "source": last, "id": "last-part"})
    return notebook | {"cells": cells}


def _read(_: Sphinx, page: str, source: list[str]) -> None:
    if page.startswith("notebooks/"):
        source[0] = json.dumps(chapter(json.loads(source[0]), page.removeprefix("notebooks/")))
    if page.startswith("figures/"):  # a caption, which has no title of its own
        _, folder, name = page.split("/")
        source[0] = f"# {folder.capitalize()}: {name.replace('_', ' ')}\n\n![{name}]({name}.png)\n\n{source[0]}"


def _depends(app: Sphinx, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    return [page for page in env.found_docs if page.startswith("notebooks/")]  # their last parts may have changed


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _read)
    app.connect("env-get-outdated", _depends)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
