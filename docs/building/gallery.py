"""Pictures of the gallery: drawn when its page or the library's plots change, and put below their code."""

import re
from hashlib import sha256
from pathlib import Path

from gallery import PAGE, draw
from sphinx.application import Sphinx

PICTURES = PAGE.with_name("pictures")
_DRAWN_FROM = PICTURES / "drawn-from"
_PLOTS = Path(__file__).parents[2] / "rnn_dynamics/plotting"


def _state() -> str:
    files = [PAGE, *sorted(_PLOTS.glob("*.py"))]
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def draw_what_changed(_: Sphinx) -> None:
    """Before Sphinx looks for pictures."""
    if not _DRAWN_FROM.exists() or _DRAWN_FROM.read_text() != _state():
        PICTURES.mkdir(exist_ok=True)
        draw(PICTURES)
        _DRAWN_FROM.write_text(_state())


def with_pictures(page: str) -> str:
    """The page with a picture below the code of each part."""
    parts = re.split(r"(?m)^(?=## )", page)
    return "".join([parts[0], *(f"{part.rstrip()}\n\n{_picture(part)}\n\n" for part in parts[1:])])


def _picture(part: str) -> str:
    name = part.partition("\n")[0].removeprefix("## ")
    return f"![What {name} draws](pictures/{name}.png)"


def _read(_: Sphinx, page: str, source: list[str]) -> None:
    if page == "docs/gallery":
        source[0] = with_pictures(source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", draw_what_changed)
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
