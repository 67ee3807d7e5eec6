"""Every column head of every result says what it means, and leads to a term of the glossary that exists."""

import re
from itertools import pairwise
from pathlib import Path

import pandas as pd
from test_results import every_result

from rnn_dynamics import columns
from rnn_dynamics.results import Result

GLOSSARY = Path(__file__).parents[2] / "docs/glossary.md"


def terms() -> set[str]:
    """All that the glossary explains: lines before an indented one."""
    lines = GLOSSARY.read_text().splitlines()
    named = {line for line, after in pairwise(lines) if after.startswith("  ") and line[:1].strip()}
    doubled = {line for line, after in pairwise(lines) if line[:1].strip() and after in named}
    return {line for line in named | doubled if not line.startswith(("#", "`"))}


def test_every_head_of_every_result_has_a_meaning() -> None:
    for kind, result in every_result().items():
        heads = {str(head) for table in (result.to_pandas(), result._shown()) for head in table.columns}
        assert [head for head in sorted(heads) if not columns.meaning(head, kind.__name__)] == [], kind.__name__


def test_terms_are_in_the_glossary() -> None:
    assert {columns.term(head) for head in columns.heads()} - {None} <= terms()
    assert len(terms()) > 40


def test_terms_within_the_glossary_exist() -> None:
    told = re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]*)>?`", GLOSSARY.read_text())
    assert set(told) <= terms()
    assert "fold" in told


def test_heads_in_html_tell_what_they_mean() -> None:
    class Small(Result):
        def summary(self) -> str:
            return "small"

        def to_pandas(self) -> pd.DataFrame:
            return pd.DataFrame({"residual": [0.0], "unheard of": [1.0]})

    html = Small()._repr_html_()
    assert f'<th title="{columns.meaning("residual")}">residual</th>' in html
    assert "<th>unheard of</th>" in html


def test_a_class_may_mean_something_of_its_own() -> None:
    assert columns.meaning("margin", "Planting") != columns.meaning("margin", "Attractors") == columns.meaning("margin")
    assert columns.meaning("unheard of") == ""
    assert columns.meaning("unheard of", "Sweep")
    assert "Planting" in columns.others("margin")
