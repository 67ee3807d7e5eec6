"""Captions of figures as pages: their first words, in bold, become the title, and the picture stands above them."""

import re
from pathlib import Path

from sphinx.application import Sphinx

_ROOT = Path(__file__).parents[2]
_FIRST = re.compile(r"\*\*(?:Figure \d+\. )?(.+?)\.?\*\*", re.DOTALL)


def titled(page: str, text: str) -> str:
    """The caption at ``page``, "figures/warmup/outcome", with its title and its picture."""
    first = _FIRST.match(text)
    title = " ".join(first[1].split()) if first else page.rpartition("/")[2]
    picture = Path(page).with_suffix(".png")
    shown = f"![The figure]({picture.name})\n\n" if (_ROOT / picture).exists() else ""
    return f"# {title}\n\n{shown}{text}"


def _read(_: Sphinx, page: str, source: list[str]) -> None:
    if page.startswith("figures/"):
        source[0] = titled(page, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
