"""What the figures of bifurcations share: the command line."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

import rnn_dynamics as rd
from rnn_dynamics.plotting import save_figure
from rnn_dynamics.plotting.pages import write_caption

FOLDER = Path(__file__).parent


def run(
    name: str,
    measures: dict[str, Callable[[], Any]],
    draw: Callable[[Any], Figure],
    caption: Callable[[Any], str],
    arguments: Sequence[str] | None,
) -> None:
    """Measure at one of the scales, unless it has been, draw, and write the caption."""
    parser = argparse.ArgumentParser(prog=f"python -m figures.bifurcations.{name}")
    parser.add_argument("--scale", choices=list(measures), default="small")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of results and figures")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    path = options.out / f"{name}_{options.scale}.safetensors"
    if not path.exists():
        rd.save(measures[options.scale](), path)
    result = rd.load(path)
    save_figure(draw(result), options.out / name)
    write_caption(options.out / f"{name}.md", caption(result))
