"""``rnn-dynamics report``: one page that holds everything."""

import base64
import hashlib
import html
import io
import os
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import doors
import pandas as pd
import pytest
import torch
from command import run_command

import rnn_dynamics as rd
from rnn_dynamics.report import write_page
from rnn_dynamics.version import __version__

pytestmark = pytest.mark.usefixtures("seeded")


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.links: list[str] = []
        self.alts: list[str] = []
        self.scripts = 0
        self.anchors: set[str] = set()
        self.exact: list[str] = []
        self.labels: list[str] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        given = dict(attrs)
        self.links += [given[name] for name in ("src", "href", "srcset", "data") if name in given]
        self.scripts += tag == "script"
        self.anchors |= {given["id"]} if "id" in given else set()
        self.exact += [given["data-value"]] if "data-value" in given else []
        self.labels += [given["aria-labelledby"]] if "aria-labelledby" in given else []
        if tag == "img":
            self.alts.append(given.get("alt", ""))
        if tag == "table":
            self._of_rows = given.get("class") == "rows"
            self.tables += [[]] if self._of_rows else []
        if tag == "tr" and self._of_rows:
            self.tables[-1].append([])
        if tag in ("td", "th") and self._of_rows:
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
    pictures = [
        link for link in page.links if link.startswith(("data:image/png;base64,", "data:image/svg+xml;base64,"))
    ]
    files = [link for link in page.links if link.startswith("data:text/csv;charset=utf-8;base64,")]
    inside = [link for link in page.links if link.startswith("#")]
    assert len(pictures) == len(page.alts) == 4  # the plane, the spectrum, what is reached, the attractors
    assert len(files) == len(page.tables) == 3
    assert len(pictures) + len(files) + len(inside) == len(page.links)
    assert {link[1:] for link in inside} | set(page.labels) <= page.anchors
    assert len(set(page.alts)) == 4
    assert all(page.alts)
    assert "http" not in text
    assert len(page.tables[0]) == 1 + 9
    assert len(page.tables[2]) == 1 + 4
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    for said in (digest, "--seed", f"rnn_dynamics {__version__}"):
        assert said in text


def test_every_number_of_the_table_is_that_of_the_saved_result(capsys, monkeypatch, tmp_path) -> None:
    points = rd.find_fixed_points(
        rd.as_map(lambda h, _: torch.tanh(1.5 * h), 2, 0).hold(), torch.randn(32, 2), extra_starts=8
    )
    file = rd.save(points, tmp_path / "points.safetensors")
    code, _, err = run_command(capsys, monkeypatch, "report", file, "--out", tmp_path / "page.html")
    assert (code, err) == (0, "")
    header, *rows = Page((tmp_path / "page.html").read_text()).tables[0]
    table = points.to_pandas()
    assert header == ["row", *table.columns]
    assert [row.pop(0) for row in rows] == [str(number) for number in range(len(table))]
    page = Page((tmp_path / "page.html").read_text())
    kept = pd.read_csv(io.BytesIO(base64.b64decode(next(x for x in page.links if "csv" in x).partition(",")[2])))
    assert kept.drop(columns="row")["spectral_radius"].tolist() == table["spectral_radius"].tolist()
    numeric = table.select_dtypes("number")
    assert sorted(map(float, page.exact)) == sorted(numeric.to_numpy(dtype=float).flatten().tolist())
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


def test_every_result_of_the_library_becomes_a_section_with_its_picture(tmp_path) -> None:
    results = [doors.reach(), doors.branch(), doors.diagram(), doors.basins(), doors.history(), doors.proof()]
    path = write_page(results, tmp_path / "page.html", settings={"seed": 3}, about={"network": "a <RNN>"})
    text = path.read_text()
    page = Page(text)
    for result in results:
        assert html.escape(result.summary()) in text or str(result.summary()) in html.unescape(text)
    assert len(page.alts) >= 6
    assert "a &lt;RNN&gt;" in text
    again = write_page({"mine": results[0]}, tmp_path / "mine.HTML")
    assert "With which settings and seeds was not told" in again.read_text()
    with pytest.raises(ValueError, match=r"path must end in \.html, got 'page\.pdf'"):
        write_page(results, tmp_path / "page.pdf")
    with pytest.raises(ValueError, match=r"trajectories must have shape \[b, t, n\]"):
        write_page(results, tmp_path / "page.html", trajectories=[1.0])


def test_one_checkpoint_and_results_beside_it(capsys, monkeypatch, checkpoint, tmp_path) -> None:
    other = shutil.copy(checkpoint, tmp_path / "other.pt")
    code, _, err = run_command(capsys, monkeypatch, "report", checkpoint, other)
    assert code == 1
    assert "report takes one checkpoint" in err
    points = rd.find_fixed_points(rd.as_map(lambda h, _: h / 2, 1, 0).hold(), [[1.0]], extra_starts=0)
    file = rd.save(points, tmp_path / "points.safetensors")
    page = tmp_path / "both.html"
    code, out, err = run_command(
        capsys, monkeypatch, "report", checkpoint, file, "--starts", 16, "--horizon", 20, "--out", page
    )
    assert (code, err) == (0, "")
    assert "points.safetensors: 1 fixed point" in out
    assert "settings that the files do not hold" in page.read_text()


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell")


def test_a_browser_opens_the_page(tmp_path) -> None:
    """Headless, from its file, without a network: a picture of the page comes out of it."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), os.environ.get("CHROME_BIN"))
    if browser is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(BROWSERS)} in PATH, and no CHROME_BIN")
    points = rd.find_fixed_points(rd.as_map(lambda h, _: h / 2, 2, 0).hold(), [[1.0, 1.0]], extra_starts=0)
    page = write_page([points], tmp_path / "page.html", title="It opened")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    told = subprocess.run([browser, *flags, "--dump-dom", page.as_uri()], capture_output=True, text=True, check=True)
    assert "<h1>It opened</h1>" in told.stdout
    shot = Path(tmp_path / "page.png")
    subprocess.run([browser, *flags, f"--screenshot={shot}", page.as_uri()], capture_output=True, check=True)
    assert shot.read_bytes()[:4] == b"\x89PNG"
