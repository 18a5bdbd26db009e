# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of the documentation: what it shows works, and what there is stands in it.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from docs import constants, diagrams, generate
from ftpserver import COMMANDS, Server, config
from ftpserver.core.session import TABLES

from .certificates import authority, revocation_list, server_certificate

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.rst", ROOT / "CONTRIBUTING.rst", *sorted((ROOT / "docs").rglob("*.rst"))]


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Yield every code block of one language with the place where it stands."""
    for page in PAGES:
        if "_build" in page.parts or "generated" in page.parts:
            continue
        text = page.read_text("utf-8")
        for found in re.finditer(rf"^( *)\.\. code-block:: {language}\n\n((?:\1   .*\n|\n)+)", text, re.MULTILINE):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{page.relative_to(ROOT)}:{line}", textwrap.dedent(found[2])


#: Keys, and keywords, whose values are the names of files or directories.
FILES = "(?:base_path|certificate|private_key|client_authorities|revocation_lists)"


def write_certificates(sample: str, directory: Path) -> None:
    """Write the files in PEM that a sample names."""
    pair = server_certificate().private_key_and_cert_chain_pem.bytes()
    octets = {"client_authorities": authority().cert_pem.bytes(), "revocation_lists": revocation_list()}
    for key, name in re.findall(rf'^ *.*?\b({FILES}) ?= ?"([^/"].*?)"', sample, re.MULTILINE):
        if key != "base_path":
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes(octets.get(key, pair))


class _WithoutReact(ast.NodeTransformer):
    """Leaves out the line that runs the reactor, which would not come back."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if ast.unparse(node).startswith("task.react(") else node


class SampleTests(SynchronousTestCase):
    """Tests of the samples."""

    def test_python_samples_run(self) -> None:
        """Every Python sample can be pasted into a module: names, imports and keywords are right."""
        found = list(blocks("python"))
        self.assertGreater(len(found), 5)
        for place, sample in found:
            write_certificates(sample, Path())
            tree = _WithoutReact().visit(ast.parse(sample, place))
            exec(compile(tree, place, "exec"), {"__name__": "sample"})

    def test_configuration_samples_are_valid(self) -> None:
        """Every configuration file that is shown is one that the server takes."""
        found = list(blocks("toml"))
        self.assertGreater(len(found), 3)
        base = Path(self.mktemp())
        for place, sample in found:
            directories = re.findall(r'^base_path = "/?(.*)"$', sample, re.MULTILINE)
            self.assertTrue(directories, place)
            for directory in directories:
                (base / directory).mkdir(parents=True, exist_ok=True)
            sample = re.sub(rf'^({FILES} = ")/', r"\1", sample, flags=re.MULTILINE)
            write_certificates(sample, base)
            config.read_text(sample, base, place)

    def test_no_page_has_an_unchecked_kind_of_sample(self) -> None:
        """Samples are Python, TOML, or something that is only shown."""
        kinds = {
            kind
            for page in PAGES
            for kind in re.findall(r"^ *\.\. code-block:: ?(\S*)", page.read_text("utf-8"), re.MULTILINE)
        }
        self.assertEqual(kinds - {"python", "toml", "sh", "console", "ini", "text"}, set())


class GeneratedPagesTests(SynchronousTestCase):
    """Tests of the pages that are made from the code."""

    def setUp(self) -> None:
        self.pages = generate.pages()

    def test_every_command_is_documented(self) -> None:
        """Each command stands on the page of commands with its form and what it does."""
        page = self.pages["commands.rst"]
        for verb, row in COMMANDS.items():
            self.assertIn(f".. _command-{verb.replace(' ', '-')}:", page, verb)
            self.assertIn(row.summary, page, verb)

    def test_every_command_says_what_it_does(self) -> None:
        """No row of the table is without a sentence for HELP and for the documentation."""
        self.assertEqual([verb for verb, row in COMMANDS.items() if not row.summary.endswith(".")], [])

    def test_every_key_is_documented(self) -> None:
        """Each key of the configuration file stands on its page with what it does."""
        page = self.pages["configuration.rst"]
        for section in config.reference():
            for row in section.rows:
                self.assertIn(f"``{row.key}``", page)
                self.assertTrue(row.description, row.key)

    def test_keys_are_no_markup(self) -> None:
        """What a key is described with is shown as it is written."""
        self.assertEqual(generate.plain('TLS_ and "*.a_b"'), r'TLS\_ and "\*.a_b"')

    def test_every_keyword_is_documented(self) -> None:
        """Each keyword of Server has a sentence."""
        documented = generate.documented_parameters(Server)
        self.assertEqual([name for name, text in documented.items() if not text.endswith(".")], [])
        for name in Server.__init__.__annotations__:
            if name != "return":
                self.assertIn(name, documented)

    def test_generated_pages_link_to_nothing_that_is_not_there(self) -> None:
        """A cross-reference in a docstring is shown as the name alone."""
        for name, text in self.pages.items():
            self.assertNotRegex(text, r":(?:class|meth|func|mod|data|attr):`", name)

    def test_drawings_are_whole(self) -> None:
        """Each machine of the session has a drawing with each of its states and arrows."""
        for name, table in TABLES.items():
            drawing = diagrams.diagram(name, table)
            shown = [element.text for element in ElementTree.fromstring(drawing).iter() if element.tag.endswith("text")]
            for (source, happening), target in table.items():
                for word in (source.value, happening.value, target.value):
                    self.assertIn(word, shown, name)

    def test_limits_come_with_their_reasons(self) -> None:
        """The page of limits shows the value of the code and a reason."""
        found = {limit.name: limit for limit in constants.limits()}
        self.assertEqual(found["MAXIMUM_LINE"].value, "16,384")
        self.assertIn("PATH_MAX", found["MAXIMUM_LINE"].reason)


class ReadmeTests(SynchronousTestCase):
    """Tests of the README."""

    def test_the_table_of_commands_is_up_to_date(self) -> None:
        """The README lists the commands that there are; ``python -m docs.generate --readme`` brings it up to date."""
        text = generate.README.read_text("utf-8")
        _, _, rest = text.partition(generate.BEGIN)
        table, _, _ = rest.partition(generate.END)
        self.assertEqual(table.strip(), generate.readme_table().strip())

    def test_links_lead_somewhere(self) -> None:
        """Each file that the README and the guide for contributors link to is there."""
        for page in (ROOT / "README.rst", ROOT / "CONTRIBUTING.rst"):
            for target in re.findall(r"`[^`<]*<([^`>:]+)>`__?", page.read_text("utf-8")):
                self.assertTrue((ROOT / target).is_file(), f"{page.name}: {target}")
