"""Sphinx's settings: `make docs` builds the site into build/site, offline, and any warning ends it.

The sources' root is that of the repository, so that a link between two files is one and the same on the site and in the
files themselves; `include_patterns` says which are pages. Notebooks are shown as they are stored.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]  # the library of this checkout, and `building`

import rnn_dynamics  # noqa: E402

project = "rnn_dynamics"
author = "the contributors of rnn_dynamics"
copyright = f"2026, {author}"
release = version = rnn_dynamics.__version__

root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "docs/methods/*.md",
    "docs/api/*.rst",
    "notebooks/*.ipynb",
    "figures/*/*.md",
    "tests/benchmarks/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]
exclude_patterns = [".venv", ".git", "build", "dist", "demo", "docs/chapters", "**/.ipynb_checkpoints", "**/*-sweep"]

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "building.reference",
    "building.columns",
    "building.captions",
    "building.chapters",
    "building.gallery",
    "building.names",
]

nb_execution_mode = "off"  # outputs are those that `notebooks/run.py --write` stored
myst_enable_extensions = ["dollarmath", "deflist", "attrs_inline"]
myst_heading_anchors = 3
# Tables of benchmarks skip a level; shapes of fields ("[k, n]: ...") are taken for names of types.
suppress_warnings = ["myst.header", "ref.python"]

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = f"rnn_dynamics {release}"
html_extra_path = ["redirect"]
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
