# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How Sphinx builds the documentation. The reference of classes is made by pydoctor; see ``.ci/gate docs``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

project = "ftpserver"
author = "The ftpserver authors"
copyright = "The ftpserver authors"
extensions: list[str] = []
exclude_patterns = ["_build"]
root_doc = "index"
nitpicky = True
language = "en"
highlight_language = "none"
html_theme = "alabaster"
html_theme_options = {
    "description": "A complete FTP server on Twisted",
    "page_width": "1100px",
    "sidebar_width": "240px",
}
html_show_sourcelink = False

# The classes are documented by pydoctor; here their names are literals.
rst_prolog = """
.. role:: py(code)
   :language: python
"""


def write_pages(app: Any) -> None:
    """Make the pages that come out of the code."""
    from docs.generate import write_pages

    write_pages()


def setup(app: Any) -> None:
    """Tell Sphinx when."""
    app.connect("builder-inited", write_pages)
