# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How pydoctor reads the docstrings of this project.

It builds without the network: links to Python, Twisted and zope.interface are made from the names alone, and
``:class:`~package.Name``` is shown as ``Name``, as Sphinx shows it.
"""

from __future__ import annotations

import ast
import sys
from typing import Any

from docutils import nodes
from docutils.parsers.rst import roles
from pydoctor import astutils
from pydoctor.model import System as PydoctorSystem
from pydoctor.sphinx import SphinxInventory

__all__ = ["System"]


def _shortened(
    name: str, rawtext: str, text: str, lineno: int, inliner: Any, options: Any = None, content: Any = None
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Turn ``~package.Name`` into ``Name <package.Name>``, which pydoctor understands."""
    if text.startswith("~"):
        target = text[1:]
        text = f"{target.rpartition('.')[2]} <{target}>"
    return [nodes.title_reference(rawtext, text)], []


# pydoctor takes the names of the roles of Sphinx away; what is left is the default role.
roles.register_canonical_role("title-reference", _shortened)


class _Annotations(astutils._AnnotationStringParser):
    """Leaves what ``Annotated`` adds to a type alone: a text there is no annotation in quotes."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.Subscript:
        match node:
            case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[kind, *others])):
                elements = ast.Tuple([self.visit(kind), *others], ast.Load())
                return ast.copy_location(ast.Subscript(node.value, ast.copy_location(elements, node), node.ctx), node)
        return super().visit_Subscript(node)


# There is no option for it in pydoctor 25.10.
astutils._AnnotationStringParser = _Annotations


class Links(SphinxInventory):
    """Where other projects document a name."""

    def getLink(self, name: str) -> str | None:
        """Return the address of the documentation of *name*, or ``None``."""
        package = name.partition(".")[0]
        if package == "twisted":
            return f"https://docs.twisted.org/en/stable/api/{name}.html"
        if package == "zope":
            return "https://zopeinterface.readthedocs.io/en/latest/api/index.html"
        if package in sys.stdlib_module_names and "." in name:
            return f"https://docs.python.org/3/library/{package}.html#{name}"
        return None


class System(PydoctorSystem):
    """The system of pydoctor with our links."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.intersphinx = Links(logger=self.msg)
