"""Figures on disk: formats, sizes in millimetres, the same bytes, text as text, whole files only."""

import re
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.figure import Figure

import rnn_dynamics as rd
from rnn_dynamics.plotting import figure, plot_fixed_points, save_figure

SVG = "{http://www.w3.org/2000/svg}"
BEGIN = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml", "eps": b"%!PS-Adobe-3.0 EPSF", "jpg": b"\xff\xd8"}


@cache
def points() -> rd.FixedPoints:
    system = rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=3, input_size=0).hold()
    starts = torch.randn(64, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return rd.find_fixed_points(system, starts, extra_starts=0)


def drawn() -> Figure:
    paths = torch.randn(4, 50, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    made = plot_fixed_points(points(), paths).figure
    assert isinstance(made, Figure)
    return made


@pytest.mark.parametrize("kind", list(BEGIN))
def test_the_extension_decides(kind: str, tmp_path: Path) -> None:
    for name in (f"graph.{kind}", f"new.folder/GRAPH.{kind.upper()}"):
        path = tmp_path / name
        assert save_figure(drawn(), path) == [path]
        assert path.read_bytes().startswith(BEGIN[kind])
        assert [file.name for file in path.parent.iterdir() if file.is_file()] == [path.name]


def test_without_one_pdf_and_png_are_written(tmp_path: Path) -> None:
    for stem in ("graph", "graph.2", "v1.0.final"):
        paths = save_figure(drawn(), str(tmp_path / stem))
        assert paths == [tmp_path / f"{stem}.pdf", tmp_path / f"{stem}.png"]
        assert all(path.read_bytes().startswith(BEGIN[path.suffix[1:]]) for path in paths)


def test_several_formats_at_once(tmp_path: Path) -> None:
    assert save_figure(drawn(), tmp_path / "one", "svg") == [tmp_path / "one.svg"]
    paths = save_figure(drawn(), tmp_path / "fig.1", ("pdf", ".SVG", "eps"))
    assert [path.name for path in paths] == ["fig.1.pdf", "fig.1.svg", "fig.1.eps"]
    assert all(path.read_bytes().startswith(BEGIN[path.suffix[1:]]) for path in paths)


@pytest.mark.parametrize("kind", list(BEGIN))
def test_the_same_figure_is_the_same_file(kind: str, tmp_path: Path) -> None:
    first, second = (save_figure(drawn(), tmp_path / f"{name}.{kind}")[0].read_bytes() for name in ("a", "b"))
    assert first == second
    assert not re.search(rb"CreationDate|dc:date|20\d\d-\d\d-\d\d", first)


def test_text_in_an_svg_is_text_of_the_house_font(tmp_path: Path) -> None:
    root = ElementTree.parse(save_figure(drawn(), tmp_path / "graph.svg")[0]).getroot()
    texts = {"".join(element.itertext()).strip() for element in root.iter(f"{SVG}text")}
    assert {"stable (8)", "unstable direction", "trajectories"} <= texts
    assert any(text.startswith("PC 1 (") for text in texts)
    styles = [element.get("style", "") for element in root.iter(f"{SVG}text")]
    assert all("DejaVu Sans" in style for style in styles)


def _millimetres(path: Path) -> tuple[float, float]:
    """The page of an SVG, whose units are points of 1/72 inch."""
    root = ElementTree.parse(path).getroot()
    _, _, width, height = map(float, root.get("viewBox", "").split())
    assert root.get("width") == f"{root.get('width', '')[:-2]}pt"
    return width / 72 * 25.4, height / 72 * 25.4


@pytest.mark.parametrize(
    ("sizes", "want"),
    [
        ({}, (85.09, 76.581)),  # 3.35 inches, and .9 of it
        ({"width_mm": 120}, (120, 108)),
        ({"width_mm": 176.0, "height_mm": 60}, (176, 60)),
        ({"height_mm": 68.9229}, (76.581, 68.9229)),
    ],
)
def test_sizes_are_in_millimetres(sizes: dict[str, float], want: tuple[float, float], tmp_path: Path) -> None:
    made = drawn()
    before = made.get_size_inches().tolist()
    svg, pdf, png = save_figure(made, tmp_path / "graph", ("svg", "pdf", "png"), **sizes)
    assert _millimetres(svg) == pytest.approx(want, abs=0.01)
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf.read_bytes())
    assert box is not None
    assert [float(part) / 72 * 25.4 for part in box.groups()] == pytest.approx(want, abs=0.01)
    rows, columns = plt.imread(png).shape[:2]
    assert (columns, rows) == pytest.approx([side / 25.4 * 300 for side in want], abs=1)
    assert made.get_size_inches().tolist() == before
    sizes_of_text = set(re.findall(r"font: ([\d.]+)px", svg.read_text()))
    assert sizes_of_text <= {"7", "8"}  # whatever the width


def test_a_file_that_cannot_be_written_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "graph.svg"
    save_figure(drawn(), path)
    before = path.read_bytes()

    def full_disk(self: Figure, path: Path, **options: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full_disk)
    made = drawn()
    size = made.get_size_inches().tolist()
    with pytest.raises(ValueError, match=r"cannot write .*graph.svg: .*No space left on device"):
        save_figure(made, path, width_mm=50)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["graph.svg"]
    assert made.get_size_inches().tolist() == size


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("graph.svg", {"formats": "pdf"}, r"path must come without .svg where formats are given: .*graph.svg"),
        ("graph", {"formats": "bmp"}, "formats must be of pdf, .*svg.*, got bmp"),
        ("graph", {"formats": ("pdf", "")}, "formats must be of pdf, .*, got "),
        ("graph", {"formats": ()}, "formats must be at least one, got none"),
        ("graph.bmp", {}, "path must have an extension of pdf, .*png.*, or none, got graph.bmp"),
        ("graph.ai", {}, "path must have an extension of pdf, .*png.*, or none, got graph.ai"),
        ("graph", {"width_mm": 0}, "width_mm must be a positive number of millimetres, got 0"),
        ("graph", {"width_mm": "85"}, "width_mm must be a positive number of millimetres, got '85'"),
        ("graph", {"height_mm": float("nan")}, "height_mm must be a positive number of millimetres, got nan"),
        ("graph", {"width_mm": True}, "width_mm must be a positive number of millimetres, got True"),
    ],
)
def test_mistakes_are_named(path: str, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        save_figure(figure()[0], tmp_path / path, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [None, 3, "", "/"])
def test_paths_that_are_none_are_refused(path: Any) -> None:
    with pytest.raises(ValueError, match=r"path must (be that of a file|end in the name of a file), got"):
        save_figure(figure()[0], path)
