"""The page of column heads, from `rnn_dynamics.columns`; the heads of stored tables in notebooks lead to it."""

import re
from html import escape, unescape
from pathlib import Path

from sphinx.application import Sphinx

from rnn_dynamics import columns

PAGE = Path(__file__).parents[1] / "columns.md"
_HEAD = re.compile(r'<th(?: title="[^"]*")?>([^<]+)</th>')  # of notebooks stored before heads had titles, and since
_INTRODUCTION = """# Column heads

What the columns of all results mean, in alphabetical order. In Jupyter the same sentence appears over a head that is
pointed at; in the tables of the chapters here heads lead to this page, and from here to the [glossary](glossary.md).
"""


def anchor(head: str) -> str:
    """Where a head is explained: "column-n-unstable"."""
    return "column-" + re.sub(r"[^a-z0-9]+", "-", head.lower()).strip("-")


def page() -> str:
    """All heads, a paragraph each."""
    parts = [_INTRODUCTION]
    for head in columns.heads():
        more = columns.term(head)
        own = "".join(f" Of `{name}`: {told}" for name, told in columns.others(head).items())
        see = f" {{term}}`{more}`" if more else ""
        told = re.sub(r"([*|^])", r"\\\1", columns.meaning(head) + own)
        parts.append(f"({anchor(head)})=\n**{head}**: {told}{see}\n")
    return "\n".join(parts)


def with_links(table: str, to: str) -> str:
    """A stored table in HTML, each known column head a link to its explanation on the page ``to``."""

    def linked(head: re.Match[str]) -> str:
        name = unescape(head[1])
        if name not in columns.heads():
            return head[0]
        return f'<th><a href="{to}#{anchor(name)}" title="{escape(columns.meaning(name))}">{head[1]}</a></th>'

    heads, end, rows = table.partition("</thead>")
    return _HEAD.sub(linked, heads) + end + rows


def write_page(_: Sphinx) -> None:
    """Before Sphinx looks for sources."""
    text = page()
    if not PAGE.exists() or PAGE.read_text() != text:
        PAGE.write_text(text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", write_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
