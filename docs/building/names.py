"""Names in the text: `rd.find_fixed_points` leads to its reference, and one that does not exist is a warning."""

import re
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

import rnn_dynamics as rd

from .reference import documented

NAME = re.compile(r"rd((?:\.\w+)+)(\(.*\))?", re.DOTALL)
_LOG = logging.getLogger(__name__)


def entry_of(name: str) -> str | None:
    """The full name under which "find_fixed_points" or "rl.TMaze" of `rd` is documented; None for a folder.

    Raises:
        AttributeError: if `rd` has no such name.
    """
    thing: Any = rd
    for part in name.split("."):
        thing = getattr(thing, part)
    if type(thing).__name__ == "module":
        return None
    return next((full for full, known in documented().items() if known is thing), None)


class NamesOfTheLibrary(SphinxPostTransform):
    """Code in the text that is a name of `rd`, called or not, becomes a reference to it."""

    default_priority = 5  # before references are resolved

    def run(self, **_: Any) -> None:
        """Called by Sphinx."""
        for code in list(self.document.findall(nodes.literal)):
            match = NAME.fullmatch(code.astext())
            if match is None or isinstance(code.parent, nodes.reference | addnodes.pending_xref):
                continue
            try:
                full = entry_of(match[1][1:])
            except AttributeError:
                _LOG.warning("rd has no %r", match[1][1:], location=code)
                continue
            if full is None:
                continue
            reference = addnodes.pending_xref(
                "",
                refdomain="py",
                reftype="obj",
                reftarget=full,
                refexplicit=True,
                refwarn=True,
                refdoc=self.env.docname,
            )
            code.replace_self(reference)
            reference += code


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    import_module("matplotlib").use("agg")
    app.add_post_transform(NamesOfTheLibrary)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
