"""The gallery's pictures, each made by the code that the page shows: ``python docs/gallery.py FOLDER`` writes them.

The code lies in the page `docs/gallery.md` and nowhere else.
"""

import re
import sys
from pathlib import Path

import matplotlib as mpl
import torch

PAGE = Path(__file__).parent / "gallery.md"


def blocks() -> list[tuple[str, str]]:
    """Each block of code with the name of its picture, "" for the first, which makes what the others draw."""
    found = re.findall(r"```python\n(.*?)```(?:\n\n!\[[^\]]*\]\(pictures/(\w+)\.png\))?", PAGE.read_text(), re.DOTALL)
    return [(code, name) for code, name in found]


def draw(folder: Path) -> list[Path]:
    """Run all of the page's code in order, and write a picture for each block that has one."""
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    names: dict[str, object] = {}
    written: list[Path] = []
    with torch.random.fork_rng():
        for code, name in blocks():
            exec(code, names)
            if name:
                written.append(folder / f"{name}.png")
                plt.gcf().savefig(written[-1], dpi=110)
            plt.close("all")
    return written


if __name__ == "__main__":
    mpl.use("agg")
    for path in draw(Path(sys.argv[1])):
        print(path)
