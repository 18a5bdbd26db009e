# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.system.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.data.system import System

from .data_doubles import PATIENCE, needs_ipv6


class SystemTests(SynchronousTestCase):
    """The calls on real sockets."""

    def setUp(self) -> None:
        """Make the subject."""
        self.system = System()

    def kept(self, made: socket.socket) -> socket.socket:
        """Close a socket at the end of the test."""
        self.addCleanup(self.system.close, made)
        return made

    def connected(self, host: str) -> tuple[socket.socket, socket.socket]:
        """Return a socket that dialled and the one that was accepted."""
        listener = self.kept(self.system.listen(host, 0))
        dialled = self.kept(self.system.dial(host, host, listener.getsockname()[1]))
        select.select([listener], [], [], PATIENCE)
        accepted, peer = self.system.accept(listener)
        self.assertEqual(peer, host)
        select.select([], [dialled], [], PATIENCE)
        self.assertEqual(self.system.outcome(dialled), 0)
        return dialled, self.kept(accepted)

    def test_both_families(self) -> None:
        """A passive port and a call to it work over IPv4 and over IPv6."""
        for host in ("127.0.0.1", "::1"):
            if host == "::1":
                needs_ipv6()
            dialled, accepted = self.connected(host)
            self.assertEqual(dialled.getsockname()[0], host)
            self.assertEqual(self.system.send(dialled, memoryview(b"abc")), 3)
            select.select([accepted], [], [], PATIENCE)
            buffer = memoryview(bytearray(10))
            self.assertEqual(self.system.receive_into(accepted, buffer), 3)
            self.system.end_output(dialled)
            select.select([accepted], [], [], PATIENCE)
            self.assertEqual(self.system.receive_into(accepted, buffer), 0)

    def test_no_socket_blocks_or_outlives_its_peer(self) -> None:
        """Every socket is non-blocking and asks now and then whether the other end is still there."""
        dialled, accepted = self.connected("127.0.0.1")
        for any_socket in (dialled, accepted):
            self.assertIs(any_socket.getblocking(), False)
            self.assertTrue(any_socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
            self.assertIs(any_socket.get_inheritable(), False)
        listener = self.kept(self.system.listen("127.0.0.1", 0))
        self.assertRaises(BlockingIOError, self.system.accept, listener)

    def test_a_port_in_use(self) -> None:
        """A port that is open already is an error, and no descriptor stays behind."""
        listener = self.kept(self.system.listen("127.0.0.1", 0))
        before = len(os.listdir("/proc/self/fd"))
        error = self.assertRaises(OSError, self.system.listen, "127.0.0.1", listener.getsockname()[1])
        self.assertEqual(error.errno, errno.EADDRINUSE)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_a_call_that_fails_at_once(self) -> None:
        """A call that the system refuses is an error, and no descriptor stays behind."""
        before = len(os.listdir("/proc/self/fd"))
        self.assertRaises(OSError, self.system.dial, "127.0.0.1", "255.255.255.255", 9)
        self.assertRaises(OSError, self.system.dial, "192.0.2.1", "127.0.0.1", 9)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_a_call_that_nobody_answers(self) -> None:
        """A port that is closed is told by the outcome, or at once."""
        closed = self.system.listen("127.0.0.1", 0)
        port = closed.getsockname()[1]
        self.system.close(closed)
        try:
            dialled = self.kept(self.system.dial("127.0.0.1", "127.0.0.1", port))
        except ConnectionRefusedError:
            return
        select.select([], [dialled], [], PATIENCE)
        self.assertEqual(self.system.outcome(dialled), errno.ECONNREFUSED)

    def test_a_call_to_the_other_family(self) -> None:
        """From an address of the other family the system chooses where to call from."""
        listener = self.kept(self.system.listen("127.0.0.1", 0))
        dialled = self.kept(self.system.dial("::1", "127.0.0.1", listener.getsockname()[1]))
        self.assertEqual(dialled.family, socket.AF_INET)

    def test_input_is_seen_without_taking_it(self) -> None:
        """A client that has spoken, ended or broken its connection is told from one that is silent."""
        dialled, accepted = self.connected("127.0.0.1")
        self.assertFalse(self.system.has_input(accepted))
        self.system.send(dialled, memoryview(b"abc"))
        select.select([accepted], [], [], PATIENCE)
        self.assertTrue(self.system.has_input(accepted))
        self.assertEqual(self.system.receive_into(accepted, memoryview(bytearray(10))), 3)
        dialled.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.system.close(dialled)
        select.select([accepted], [], [], PATIENCE)
        self.assertTrue(self.system.has_input(accepted))
