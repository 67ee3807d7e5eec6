"""``rnn-dynamics report``: one page that holds everything."""

from html.parser import HTMLParser

import pytest
import torch
from command import run_command

import rnn_dynamics as rd
from rnn_dynamics.report import write_page

pytestmark = pytest.mark.usefixtures("seeded")


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.links: list[str] = []
        self.alts: list[str] = []
        self.scripts = 0
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        given = dict(attrs)
        self.links += [given[name] for name in ("src", "href", "srcset", "data") if name in given]
        self.scripts += tag == "script"
        if tag == "img":
            self.alts.append(given.get("alt", ""))
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self._in_cell = True
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data) -> None:
        if self._in_cell:
            self.tables[-1][-1][-1] += data


@pytest.fixture
def checkpoint(tmp_path):
    module = torch.nn.RNN(1, 2)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
        module.weight_hh_l0.copy_(1.5 * torch.eye(2))
        module.weight_ih_l0.copy_(torch.tensor([[0.5], [-0.4]]))
    torch.save(module.state_dict(), tmp_path / "model.pt")
    return tmp_path / "model.pt"


def test_a_checkpoint_becomes_a_page_that_needs_nothing_else(capsys, monkeypatch, checkpoint, tmp_path) -> None:
    code, out, err = run_command(capsys, monkeypatch, "report", checkpoint, "--starts", 64)
    assert (code, err) == (0, "")
    assert "9 fixed points" in out
    text = (tmp_path / "model-report.html").read_text()
    page = Page(text)
    assert page.scripts == 0
    assert len(page.links) == len(page.alts) == 3
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert all(page.alts)
    assert "http" not in text
    assert len(page.tables[0]) == 1 + 9
    assert len(page.tables[1]) == 1 + 4


def test_every_number_of_the_table_is_that_of_the_saved_result(capsys, monkeypatch, tmp_path) -> None:
    points = rd.find_fixed_points(
        rd.as_map(lambda h, _: torch.tanh(1.5 * h), 2, 0).hold(), torch.randn(32, 2), extra_starts=8
    )
    file = rd.save(points, tmp_path / "points.safetensors")
    code, _, err = run_command(capsys, monkeypatch, "report", file, "--out", tmp_path / "page.html")
    assert (code, err) == (0, "")
    header, *rows = Page((tmp_path / "page.html").read_text()).tables[0]
    table = points.to_pandas()
    assert header == list(table.columns)
    assert len(rows) == len(table)
    for row, values in zip(rows, table.itertuples(index=False), strict=True):
        for cell, value in zip(row, values, strict=True):
            assert (
                cell == value if isinstance(value, str) else float(cell) == pytest.approx(value, rel=1e-5, nan_ok=True)
            )


def test_names_are_escaped_and_bad_input_is_refused(tmp_path) -> None:
    points = rd.find_fixed_points(rd.as_map(lambda h, _: h / 2, 1, 0).hold(), [[1.0]], extra_starts=0)
    path = write_page([points], tmp_path / "page.html", title="<script>alert(1)</script>")
    assert Page(path.read_text()).scripts == 0
    with pytest.raises(ValueError, match="results must be one result or more"):
        write_page([], tmp_path / "page.html")
    with pytest.raises(ValueError, match="results must be results of this library"):
        write_page([3], tmp_path / "page.html")  # pyright: ignore[reportArgumentType]
