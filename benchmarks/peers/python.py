# -*- test-case-name: tests.test_benchmarks_peers -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Servers that are Python packages, in this interpreter or in another one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import ClassVar, Self

from ..cases import Variant
from ..client import PASSWORD, USER
from ..site import RATE, Site
from .base import Absent, Given, Peer, said

__all__ = ["Aioftp", "Pyftpdlib", "TwistedFTP"]

_PROGRAMS = Path(__file__).parents[1] / "programs"

_ASK = """
import importlib.metadata, importlib.util
if importlib.util.find_spec("{package}"):
    print("version", importlib.metadata.version("{package}"))
if importlib.util.find_spec("OpenSSL"):
    print("with OpenSSL")
"""


class PythonPeer(Peer):
    """
    A package with a program of ours around it.

    :cvar package: its name.
    :cvar needs_openssl: whether its TLS takes pyOpenSSL, which it does not ask for.
    """

    package: ClassVar[str]
    needs_openssl: ClassVar[bool] = False

    def __init__(self, interpreter: Path, version: str, has_openssl: bool) -> None:
        self._interpreter = interpreter
        self.version = version
        if self.needs_openssl and not has_openssl:
            self.variants = self.variants - {"tls"}

    @classmethod
    def find(cls, given: Given) -> Self:
        """Ask the interpreter that is given, or this one, for the package."""
        interpreter = given.pythons.get(cls.name, Path(sys.executable))
        lines = said([str(interpreter), "-c", _ASK.format(package=cls.package)]).splitlines()
        versions = [line.split()[1] for line in lines if line.startswith("version ")]
        if not versions:
            raise Absent(f"{interpreter} has no {cls.package}; --python {cls.name}=PATH names one that has")
        return cls(interpreter, versions[0], "with OpenSSL" in lines)

    def environment(self) -> dict[str, str]:
        """Return the environment without what is meant for the interpreter that runs the benchmark."""
        return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def command(self, site: Site, port: int, variant: Variant) -> list[str]:
        """See :class:`~benchmarks.peers.base.Peer`."""
        program = _PROGRAMS / f"{self.name}_server.py"
        words = [str(self._interpreter), str(program), str(port), str(site.root), USER, PASSWORD]
        if variant == "tls":
            words += ["--certificate", str(site.certificate)]
        if variant == "limited":
            words += ["--rate", str(RATE)]
        return words


class Pyftpdlib(PythonPeer):
    """Giampaolo Rodola's server on its own event loop."""

    name = package = "pyftpdlib"
    needs_openssl = True


class Aioftp(PythonPeer):
    """The server of aioftp, on asyncio."""

    name = package = "aioftp"
    lacks = frozenset({"NOOP"})
    tls = "implicit"


class TwistedFTP(PythonPeer):
    """The server that comes with Twisted."""

    name = package = "twisted"
    variants = frozenset({"clear"})
    lacks = frozenset({"MLSD"})
