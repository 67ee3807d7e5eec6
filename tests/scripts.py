"""The scripts of the figures, run in this process, where warnings are errors too."""

from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[1]


def run(name: str, *arguments: object) -> None:
    """``python -m figures.NAME ARGUMENTS``."""
    script, words = import_module(f"figures.{name}"), [str(argument) for argument in arguments]
    try:
        if hasattr(script, "PLAN"):
            import_module("figures.runs").run(script.PLAN, words)
        else:
            script.main(words)
    finally:
        plt.close("all")


def words(path: Path) -> str:
    """A caption without its line ends, which may be anywhere."""
    return " ".join(path.read_text().split())
