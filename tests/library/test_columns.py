"""Every column head of every result says what it means, and leads to a term that the glossary has."""

import re
from pathlib import Path

from test_results import every_result

from rnn_dynamics import columns

GLOSSARY = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text()


def test_every_head_of_every_result_is_explained() -> None:
    unexplained = {
        (kind.__name__, head)
        for kind, result in every_result().items()
        for table in (result.to_pandas(), result._shown())
        for head in map(str, table.columns)
        if not columns.meaning(head, kind.__name__)
    }
    assert unexplained == set()


def test_heads_lead_to_terms_of_the_glossary() -> None:
    terms = set(re.findall(r"^(\S.*)\n  ", GLOSSARY.partition("```{glossary}\n")[2], re.MULTILINE))
    assert {
        "dwell",
        "margin",
        "Kaplan-Yorke dimension",
        "Neimark-Sacker",
        "codimension",
        "VAA",
        "ghost",
        "index sum",
    } <= terms
    assert {term for head in columns.heads() if (term := columns.term(head))} <= terms
    assert set(columns._TERMS) <= set(columns.heads())


def test_a_table_in_html_tells_them_and_leaves_rows_alone() -> None:
    for kind, result in every_result().items():
        html = result._repr_html_()
        heads, _, rows = html.partition("</thead>")
        assert "title=" not in rows, kind
        assert result._shown().empty or 'th title="' in heads, kind


def test_what_a_head_means_is_one_sentence_or_two_and_may_differ_by_class() -> None:
    assert all(columns.meaning(head).endswith(".") for head in columns.heads())
    assert columns.meaning("margin") != columns.meaning("margin", "Certificates")
    assert columns.meaning("nothing that there is") == ""
    assert columns.others("margin").keys() == {"Certificates", "Planting"}
