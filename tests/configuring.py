# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What the tests of the configuration share: a file that is right, and the lines about one that is wrong.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.config import ConfigurationError, Settings, read_text

__all__ = ["HASH", "LISTENER", "ConfigurationTestCase"]

LISTENER = '[[listeners]]\nendpoint = "tcp:0:interface=127.0.0.1"\n'

#: Of the password "geheim".
HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21l$ZC7s4GcsDmxYPP+bI1W0Z97r654Gpy0PcjaeeE7shHY"


class ConfigurationTestCase(SynchronousTestCase):
    """Reads configurations."""

    def setUp(self) -> None:
        """Make the directory of the configuration file, with one below it."""
        self.directory = Path(self.mktemp()).absolute()
        (self.directory / "pub").mkdir(parents=True)

    def settings(self, text: str) -> Settings:
        """Return the settings in *text*."""
        return read_text(text, self.directory)

    def problems(self, text: str) -> list[str]:
        """Return the lines about what is wrong with *text*; none if nothing is."""
        try:
            self.settings(text)
        except ConfigurationError as error:
            return [str(problem) for problem in error.problems]
        return []
