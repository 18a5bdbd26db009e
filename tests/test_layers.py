# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of how the modules depend on each other, and of what each has at its head.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "ftpserver"

#: What anything may know.
COMMON = ("ftpserver.core", "ftpserver.errors", "ftpserver.interfaces")

#: Packages, and what else of ftpserver their modules may import.
MAY_IMPORT = {
    "core": ("ftpserver.core",),
    "pathio": (*COMMON, "ftpserver.awaiting", "ftpserver.pathio"),
    "users": (*COMMON, "ftpserver.awaiting", "ftpserver.users"),
    "observers": (*COMMON, "ftpserver.observers"),
    "data": (*COMMON, "ftpserver.awaiting", "ftpserver.data", "ftpserver.timer", "ftpserver.tls.layer"),
    "tls": (*COMMON, "ftpserver.timer", "ftpserver.tls"),
}

HEADER = re.compile(
    r"# -\*- test-case-name: (tests(?:\.\w+)+) -\*-\n"
    r"# Copyright \(c\) The ftpserver authors\.\n"
    r"# See LICENSE for details\.\n"
    r"\n"
    r'"""\n'
)


def modules(package: str = "") -> Iterator[tuple[Path, str]]:
    """Yield the path and the dotted name of each module in a part of the project's package."""
    for path in sorted((PACKAGE / package).rglob("*.py")):
        yield path, ".".join(path.relative_to(PROJECT).with_suffix("").parts)


def imported(path: Path, module: str) -> Iterator[str]:
    """Yield the absolute name of each module that a module imports, wherever the import stands."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    package = package.removesuffix(".__init__")
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{source}.{alias.name}" for alias in node.names)


def is_within(name: str, packages: tuple[str, ...]) -> bool:
    """Tell whether a dotted name lies in one of *packages*."""
    return any(name == package or name.startswith(package + ".") for package in packages)


class ImportTests(SynchronousTestCase):
    """Who knows whom."""

    def test_layers_know_only_what_lies_below_them(self) -> None:
        """The rules know nobody; backends, observers and data connections know nothing of commands and sessions."""
        wrong = [
            f"{module} imports {name}"
            for package, allowed in MAY_IMPORT.items()
            for path, module in modules(package)
            for name in imported(path, module)
            if is_within(name, ("ftpserver",)) and not is_within(name, allowed)
        ]
        self.assertEqual(wrong, [])

    def test_the_rules_do_no_input_or_output(self) -> None:
        """Nothing in core imports Twisted, sockets, files or threads."""
        outside = ("twisted", "socket", "select", "os", "io", "threading", "subprocess", "asyncio", "selectors")
        wrong = [
            f"{module} imports {name}"
            for path, module in modules("core")
            for name in imported(path, module)
            if is_within(name, outside)
        ]
        self.assertEqual(wrong, [])

    def test_the_reactor_is_an_argument(self) -> None:
        """No module imports the reactor when it is itself imported; that would install the default one."""
        wrong = [
            module
            for path, module in modules()
            for node in _outside_functions(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom)
            and any(alias.name.endswith("reactor") for alias in node.names)
        ]
        self.assertEqual(wrong, [])

    def test_the_plugin_folder_shadows_nothing(self) -> None:
        """The folder of the twistd plugin is no package, or it would hide Twisted itself."""
        self.assertEqual(list((PROJECT / "twisted").rglob("__init__.py")), [])

    def test_the_walk_sees_imports(self) -> None:
        """The walk that these tests rest on finds what is known to be there."""
        found = {module: set(imported(path, module)) for path, module in modules("data")}
        self.assertIn("ftpserver.core.throttle.Throttle", found["ftpserver.data.pumps"])
        self.assertIn("ftpserver.data.descriptor.Descriptor", found["ftpserver.data.opening"])
        self.assertIn("socket", found["ftpserver.data.system"])


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _outside_functions(child)


class HeaderTests(SynchronousTestCase):
    """What each module has at its head."""

    def test_each_module_names_its_tests(self) -> None:
        """Each module that holds code names the test module that tests it, and that is there."""
        wrong = []
        for path, module in modules():
            text = path.read_text("utf-8")
            header = HEADER.match(text)
            if header is not None:
                if not _exists(header[1]):
                    wrong.append(f"{module} names {header[1]}, which is not there")
            elif not _is_bare(path, text):
                wrong.append(f"{module} has no header")
        self.assertEqual(wrong, [])

    def test_each_test_module_has_the_header(self) -> None:
        """Each test module begins with the licence and says what it tests."""
        begin = '# Copyright (c) The ftpserver authors.\n# See LICENSE for details.\n\n"""\n'
        wrong = [
            str(path.relative_to(PROJECT))
            for path in sorted((PROJECT / "tests").rglob("*.py"))
            if not path.read_text("utf-8").startswith(begin)
        ]
        self.assertEqual(wrong, [])


def _exists(name: str) -> bool:
    place = PROJECT.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def _is_bare(path: Path, text: str) -> bool:
    """Tell whether a module is the ``__init__`` of a package that holds nothing but its docstring."""
    return path.name == "__init__.py" and len(ast.parse(text).body) <= 1
