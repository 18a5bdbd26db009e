# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for ports that nobody uses.
"""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks import ports
from benchmarks.ports import FIRST, free_ports


class FreePortsTests(SynchronousTestCase):
    """Ports for servers that have to be told one."""

    def test_they_can_be_listened_on(self) -> None:
        """Each of them, all at the same time."""
        found = free_ports(5)
        self.assertEqual(len(set(found)), 5)
        for port in found:
            self.addCleanup(socket.create_server(("127.0.0.1", port)).close)

    def test_the_system_gives_none_of_them_out(self) -> None:
        """A server that asks it for any port, and a connection, get others."""
        lowest_given_out = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        for port in free_ports(100):
            self.assertTrue(FIRST <= port < lowest_given_out, port)

    def test_one_that_is_used_is_left_out(self) -> None:
        """On whichever address."""
        [port] = free_ports(1)
        given_out = Path(self.mktemp())
        given_out.write_text(f"{port + 1}\t60999\n")
        self.patch(ports, "FIRST", port)
        self.patch(ports, "_GIVEN_OUT", given_out)
        self.assertEqual(free_ports(1), [port])
        with socket.create_server(("127.0.0.2", port)):
            self.assertRaises(LookupError, free_ports, 1)

    def test_what_else_fails_is_told(self) -> None:
        """A system that is out of descriptors has no free port to tell of."""

        def fail(address: tuple[str, int]) -> socket.socket:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        self.patch(socket, "create_server", fail)
        error = self.assertRaises(OSError, free_ports, 1)
        self.assertEqual(error.errno, errno.EMFILE)
