# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
basic-ftp of Node as the client, under TLS.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

from . import session_program, tls_contract
from .clients import Mode, spawn

HERE = Path(__file__).parent

#: Where Node looks for a package, in its own words, beside the folders above the program.
NODE_PATH = os.environ.get("NODE_PATH", "")


def has_package(name: str) -> bool:
    """Tell whether Node will find a package."""
    folders = [HERE / "node_modules", *(Path(folder) for folder in NODE_PATH.split(os.pathsep) if folder)]
    return any((folder / name).is_dir() for folder in folders)


class BasicFTPClient(session_program.SessionClient):
    """
    A session of basic-ftp, which knows passive mode only and protects data always.

    It takes a data connection for ready before the handshake is done, and has ended it by then if there is nothing to
    send: without close_notify, or in the middle of the handshake.
    """

    modes = (Mode.EPSV,)
    sends_empty_files = False
    leaves_data_clear = False


class BasicFTPTests(session_program.SessionTestCase, tls_contract.TLSContract):
    """basic-ftp under TLS."""

    client_class = BasicFTPClient

    def setUp(self) -> Any:
        """Skip before anything expects a refusal."""
        if not has_package("basic-ftp"):
            raise SkipTest("basic-ftp is missing: npm ci --prefix tests/integration")
        return super().setUp()

    def start_program(self) -> session_program.SessionProgram:
        """See :meth:`SessionTestCase.start_program`."""
        program = session_program.SessionProgram()
        return spawn(program, "node", str(HERE / "basic_ftp_sessions.js"), NODE_PATH=NODE_PATH)
