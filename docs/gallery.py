"""The pictures of gallery.md: its code is run from top to bottom, and each part's figure written.

python docs/gallery.py FOLDER
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

import rnn_dynamics as rd

PAGE = Path(__file__).with_name("gallery.md")
_CODE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def parts() -> Iterator[tuple[str, str]]:
    """The parts of the page in order, each with its code; the first has no name."""
    first, *others = PAGE.read_text().split("\n## ")
    for part in (f"\n{first}", *others):
        name, _, text = part.partition("\n")
        yield name, "\n".join(_CODE.findall(text))


def draw(folder: Path) -> list[Path]:
    """Run all code in a scratch folder and write a PNG for each part.

    Returns:
        Their paths, in the page's order.
    """
    folder, before = folder.resolve(), Path.cwd()
    names: dict[str, Any] = {}
    written = []
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        sys.path.insert(0, str(PAGE.parent))  # of `scan`, which the sweep names
        try:
            for name, code in parts():
                exec(compile(code, f"{PAGE.name}, {name or 'beginning'}", "exec"), names)
                if name:
                    axes = names.pop("axes")
                    first = axes if hasattr(axes, "figure") else next(iter(axes))
                    written += rd.plotting.save_figure(first.figure, folder / f"{name}.png")
                    plt.close("all")
        finally:
            os.chdir(before)
            sys.path.remove(str(PAGE.parent))
    return written


if __name__ == "__main__":
    for path in draw(Path(sys.argv[1])):
        print(path)
