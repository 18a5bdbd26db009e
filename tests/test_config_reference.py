# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the reference of the configuration file.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.config import Row, help_text, reference
from ftpserver.config.model import MODELS, Settings


class ReferenceTests(SynchronousTestCase):
    """Tests for the rows."""

    def row(self, header: str, key: str) -> Row:
        """Return the row of *key*."""
        [section] = [one for one in reference() if one.header == header]
        [row] = [one for one in section.rows if one.key == key]
        return row

    def test_every_key_has_a_row(self) -> None:
        """No key is undocumented."""
        documented = [[row.key for row in section.rows] for section in reference()]
        self.assertEqual(documented, [list(model.model_fields) for model in MODELS.values() if model is not Settings])

    def test_every_row_is_complete(self) -> None:
        """Each row says what its value is and what it does; each section says what it is about."""
        for section in reference():
            self.assertTrue(section.description, section.header)
            for row in section.rows:
                self.assertTrue(row.kind and row.description.endswith("."), row)

    def test_defaults_are_written_as_in_the_file(self) -> None:
        """A default can be copied into the file."""
        table = [
            ("[server]", "idle_timeout", "300"),
            ("[server]", "data_ports", '"none"'),
            ("[server]", "active_mode", "true"),
            ("[server]", "partial_uploads", '"keep"'),
            ("[server]", "hooks", "[]"),
            ("[server]", "umask", '"022"'),
            ("[server]", "path_io_factory", '"ftpserver.PathIO"'),
            ("[server]", "commands", '"ftpserver.COMMANDS"'),
            ("[server]", "welcome_message", ""),
            ("[tls]", "certificate", "required"),
            ("[tls]", "private_key", ""),
            ("[tls]", "session_reuse", '"offered"'),
            ("[[users]]", "base_path", "required"),
            ("[[users]]", "login", ""),
            ("permissions = [ { ... } ]", "list", ""),
        ]
        for header, key, expected in table:
            self.assertEqual(self.row(header, key).default, expected, key)


class HelpTests(SynchronousTestCase):
    """Tests for the text of --help."""

    def test_every_key_is_in_the_help(self) -> None:
        """The help names every key, what its value is, and its default."""
        text = help_text(10_000)
        for section in reference():
            self.assertIn(f"\n{section.header}\n", text)
            for row in section.rows:
                self.assertIn(f"{row.description} Value: {row.kind}.", text)
        self.assertIn("\n  endpoint (required)\n", text)
        self.assertIn("[default: 300]", text)

    def test_lines_fit(self) -> None:
        """No line is longer than the terminal."""
        self.assertEqual([line for line in help_text(60).splitlines() if len(line) > 60], [])
