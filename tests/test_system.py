# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.system.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import struct
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ftpserver.data.system import KERNEL_PATHS, SEND_BUFFER, System

from .data_doubles import PATIENCE, needs_ipv6


class SystemTestCase(SynchronousTestCase):
    """Makes sockets."""

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


class SocketTests(SystemTestCase):
    """The calls on real sockets."""

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

    def test_a_caller_is_seen_without_being_let_in(self) -> None:
        """Whether somebody waits at a port is told as often as it is asked, until the connection is accepted."""
        listener = self.kept(self.system.listen("127.0.0.1", 0))
        self.assertFalse(self.system.has_caller(listener))
        self.kept(socket.create_connection(listener.getsockname()))
        self.assertEqual([self.system.has_caller(listener) for _ in range(2)], [True, True])
        self.kept(self.system.accept(listener)[0])
        self.assertFalse(self.system.has_caller(listener))

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

    def test_what_has_come_is_acknowledged_at_once(self) -> None:
        """A peer that waits for it before it sends more does not wait for a delay."""
        dialled, accepted = self.connected("127.0.0.1")
        # Who has answered waits for the next answer, to acknowledge with it.
        for _ in range(3):
            for sender, receiver in ((dialled, accepted), (accepted, dialled)):
                self.system.send(sender, memoryview(b"abc"))
                select.select([receiver], [], [], PATIENCE)
                self.system.receive_into(receiver, memoryview(bytearray(10)))
        self.system.send(dialled, memoryview(b"abc"))
        select.select([accepted], [], [], PATIENCE)
        self.system.receive_into(accepted, memoryview(bytearray(10)))
        self.system.acknowledge(accepted)
        self.assertEqual(self.unacknowledged(dialled), 0)

    def test_what_is_no_tcp_acknowledges_nothing(self) -> None:
        """Where there is nothing to acknowledge that is not an error."""
        for end in socket.socketpair():
            self.system.acknowledge(self.kept(end))

    def unacknowledged(self, any_socket: socket.socket) -> int:
        """Return how many segments the peer has not acknowledged (TCP_INFO)."""
        information = any_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        return int(struct.unpack_from("I", information, 24)[0])


class FileTests(SystemTestCase):
    """The calls on real files and pipes."""

    def setUp(self) -> None:
        """Make a file."""
        super().setUp()
        self.path = Path(self.mktemp())
        self.path.write_bytes(b"0123456789")
        self.file = os.open(self.path, os.O_RDWR)
        self.addCleanup(os.close, self.file)

    def pipe(self, size: int = 1048576) -> tuple[int, int]:
        """Return the ends of a pipe, closed at the end of the test."""
        ends = self.system.open_pipe(size)
        for end in ends:
            self.addCleanup(self.system.close_pipe, end)
        return ends

    def test_what_linux_has(self) -> None:
        """On Linux the kernel moves octets."""
        self.assertIs(KERNEL_PATHS, sys.platform == "linux")
        self.assertIs(System.has_descriptors, True)

    def test_from_a_file_to_a_socket(self) -> None:
        """A piece of a file is sent from its place; at the end of the file nothing is."""
        ours, theirs = self.connected("127.0.0.1")
        self.assertEqual(self.system.send_file(ours, self.file, 2, 5), 5)
        self.assertEqual(self.system.send_file(ours, self.file, 8, 5), 2)
        self.assertEqual(self.system.send_file(ours, self.file, 10, 5), 0)
        select.select([theirs], [], [], PATIENCE)
        theirs.settimeout(PATIENCE)
        self.assertEqual(theirs.recv(7, socket.MSG_WAITALL), b"2345689")

    def test_full_segments(self) -> None:
        """A part of a segment goes when the connection ends; and the kernel has room for much."""
        ours, theirs = self.connected("127.0.0.1")
        before = ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        self.system.gather(ours)
        self.assertEqual(ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK), 1)
        # The system gives no more than its administrator lets it.
        self.assertGreaterEqual(ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF), min(before, SEND_BUFFER // 16))
        self.system.send(ours, memoryview(b"end"))
        self.system.end_output(ours)
        theirs.settimeout(PATIENCE)
        self.assertEqual((theirs.recv(10), theirs.recv(10)), (b"end", b""))

    def test_from_a_socket_to_a_file(self) -> None:
        """What comes goes through a pipe to its place in a file; nothing waits, and the end is told."""
        ours, theirs = self.connected("127.0.0.1")
        reading, writing = self.pipe()
        self.assertRaises(BlockingIOError, self.system.splice_in, ours, writing, 10)
        self.system.send(theirs, memoryview(b"abcdef"))
        select.select([ours], [], [], PATIENCE)
        self.assertEqual(self.system.splice_in(ours, writing, 10), 6)
        self.assertEqual(self.system.splice_out(reading, self.file, 3, 4), 4)
        self.assertEqual(self.system.read_pipe(reading, 10), b"ef")
        self.assertRaises(BlockingIOError, self.system.read_pipe, reading, 10)
        self.assertRaises(BlockingIOError, self.system.splice_out, reading, self.file, 3, 4)
        self.assertEqual(self.path.read_bytes(), b"012abcd789")
        self.system.end_output(theirs)
        select.select([ours], [], [], PATIENCE)
        self.assertEqual(self.system.splice_in(ours, writing, 10), 0)

    def test_pipes(self) -> None:
        """A pipe is as large as it was asked for, waits for nothing, and no other program gets it."""
        for size in (4096, 65536):
            for end in self.pipe(size):
                self.assertEqual(fcntl.fcntl(end, fcntl.F_GETPIPE_SZ), size)
                self.assertIs(os.get_blocking(end), False)
                self.assertIs(os.get_inheritable(end), False)

    def test_a_pipe_that_may_not_be_large(self) -> None:
        """Where the system refuses a large pipe a small one is good enough, and no descriptor stays behind."""
        real = fcntl.fcntl

        def refuse(number: int) -> None:
            def call(end: int, command: int, argument: int = 0) -> int:
                if command == fcntl.F_SETPIPE_SZ:
                    raise OSError(number, os.strerror(number))
                return real(end, command, argument)

            self.patch(fcntl, "fcntl", call)

        before = len(os.listdir("/proc/self/fd"))
        for number in (errno.EPERM, errno.ENOMEM):
            refuse(number)
            reading, writing = self.system.open_pipe(1048576)
            self.assertEqual(os.write(writing, b"x"), 1)
            self.assertEqual(self.system.read_pipe(reading, 10), b"x")
            for end in (reading, writing):
                self.system.close_pipe(end)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_pieces_of_a_file(self) -> None:
        """A file is read and written at any place, and its size told."""
        buffer = memoryview(bytearray(4))
        self.assertEqual(self.system.read_file(self.file, 3, 8), b"89")
        self.assertEqual(self.system.read_into(self.file, buffer, 5), 4)
        self.assertEqual(bytes(buffer), b"5678")
        self.assertEqual(self.system.read_into(self.file, buffer, 10), 0)
        self.assertEqual(self.system.write_file(self.file, memoryview(b"abc"), 8), 3)
        self.assertEqual(self.system.read_file(self.file, 100, 0), b"01234567abc")
        self.assertEqual(self.system.size(self.file), 11)

    def test_what_is_in_memory(self) -> None:
        """What was just written is read at once, and counted where the kernel counts."""
        buffer = memoryview(bytearray(1))
        try:
            self.assertEqual(self.system.read_cached(self.file, buffer, 3), 1)
        except OSError as error:
            # A file system in memory, or one that cannot tell.
            self.assertEqual(error.errno, errno.EOPNOTSUPP)
        else:
            self.assertEqual(bytes(buffer), b"3")
        try:
            self.assertEqual(self.system.cached_pages(self.file, 0, 10), 1)
            self.assertEqual(self.system.cached_pages(self.file, 1048576, 4096), 0)
        except OSError as error:
            raise SkipTest(f"the kernel does not count pages: {error}") from error

    def test_a_count_that_fails(self) -> None:
        """An error of the count has the number of the system."""
        error = self.assertRaises(OSError, self.system.cached_pages, -1, 0, 1)
        self.assertIn(error.errno, (errno.EBADF, errno.ENOSYS, errno.EPERM))

    def test_how_often_a_thread_has_waited(self) -> None:
        """A thread that waits for something is told from one that works."""
        before = self.system.waits()
        select.select([], [], [], 0.001)
        self.assertGreater(self.system.waits(), before)

    def test_waiting_for_many(self) -> None:
        """Of the sockets that are ready some are told, without a wait, and each in its turn."""
        poller = self.system.poller()
        self.addCleanup(poller.close)
        self.assertEqual(list(self.system.poll(poller, 1)), [])
        ready = [self.connected("127.0.0.1")[0].fileno() for _ in range(3)]
        for number in ready:
            poller.register(number, select.EPOLLOUT)
        told = [number for _ in ready for number, _event in self.system.poll(poller, 1)]
        self.assertEqual(sorted(told), sorted(ready))
