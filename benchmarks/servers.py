# -*- test-case-name: tests.integration.test_benchmarks -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Starting one server under its supervisor, and ending it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

from .cases import Variant
from .client import Door, Session
from .peers import Peer
from .ports import free_ports
from .processes import ProcessTree
from .site import Site
from .supervisor import PATIENCE

__all__ = ["DidNotStart", "RunningServer"]

#: Seconds until a server must have greeted somebody.
STARTING = 20.0

_CHECKOUT = Path(__file__).parents[1]


class DidNotStart(Exception):
    """The server has ended, or does not answer; the text is the last line of what it said."""


class RunningServer:
    """
    A server that has been started.

    :param peer: which.
    :param site: what it serves.
    :param variant: how it is configured.
    :param processor: that it runs on.
    :raises DidNotStart: if it does not.
    """

    def __init__(self, peer: Peer, site: Site, variant: Variant, processor: int) -> None:
        [port] = free_ports(1)
        words = [sys.executable, "-m", "benchmarks.supervisor", str(processor), *peer.command(site, port, variant)]
        self.name = peer.name
        self.door: Door = peer.door(port, variant)
        self._log = site.folder / f"{peer.name}-{variant}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                words,
                cwd=_CHECKOUT,
                env=peer.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.tree = ProcessTree(self._process.pid)
        try:
            self._await_greeting()
        except BaseException:
            self.stop()
            raise

    def _await_greeting(self) -> None:
        deadline = time.monotonic() + STARTING
        while self._process.poll() is None and time.monotonic() < deadline:
            # Nothing tells when a foreign process listens.
            with suppress(ConnectionError), closing(Session(self.door)):
                return
            time.sleep(0.02)
        said = self._log.read_text("utf-8", "replace").split("\n")
        raise DidNotStart(next((line for line in reversed(said) if line.strip()), "it said nothing"))

    def stop(self) -> None:
        """End the server and everything that it has started."""
        self._process.send_signal(signal.SIGTERM)
        # The supervisor waits for the server, and then kills it.
        self._process.wait(PATIENCE * 3)
