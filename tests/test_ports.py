# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.ports.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.data.ports import MAXIMUM_TRIES, DataPorts
from ftpserver.errors import NoFreeDataPort


class PortsTestCase(SynchronousTestCase):
    """A system where some ports are in use by others."""

    def setUp(self) -> None:
        """Begin with nothing tried."""
        self.tried: list[int] = []

    def listening(self, in_use: Iterable[int] = (), error: int = errno.EADDRINUSE) -> Callable[[int], socket.socket]:
        """Return a function that opens a port, or fails with *error* for those in use."""
        refused = set(in_use)

        def listen(port: int) -> socket.socket:
            self.tried.append(port)
            if port in refused:
                raise OSError(error, os.strerror(error))
            listener = socket.socket()
            self.addCleanup(listener.close)
            return listener

        return listen


class PoolTests(PortsTestCase):
    """A pool of numbers."""

    def test_each_port_is_taken_once(self) -> None:
        """No two data connections have the same port, and with the last one the pool is empty."""
        ports = DataPorts(range(5000, 5010))
        taken = [ports.open(self.listening())[1] for _ in range(10)]
        self.assertEqual(sorted(taken), list(range(5000, 5010)))
        self.assertEqual(ports.free, 0)
        self.assertRaises(NoFreeDataPort, ports.open, self.listening())

    def test_a_port_given_back_is_free_again(self) -> None:
        """The only port of a pool serves one connection after another."""
        ports = DataPorts([5000, 5000])
        self.assertEqual(ports.free, 1)
        for _ in range(3):
            self.assertEqual(ports.open(self.listening())[1], 5000)
            ports.give_back(5000)
        self.assertEqual(ports.free, 1)

    def test_a_port_is_given_back_once(self) -> None:
        """Giving back what is not taken is an error, and the pool has each port once."""
        ports = DataPorts([5000])
        self.assertRaises(ValueError, ports.give_back, 5000)
        ports.open(self.listening())
        self.assertRaises(ValueError, ports.give_back, 5001)
        ports.give_back(5000)
        self.assertRaises(ValueError, ports.give_back, 5000)
        self.assertEqual(ports.free, 1)

    def test_a_port_in_use_is_tried_elsewhere(self) -> None:
        """A port that another program uses is passed over, and stays in the pool."""
        ports = DataPorts(range(5000, 5010))
        self.assertEqual(ports.open(self.listening(range(5000, 5009)))[1], 5009)
        self.assertEqual(ports.free, 9)
        self.assertEqual(len(set(self.tried)), len(self.tried))

    def test_every_port_in_use(self) -> None:
        """When others use every port, each was tried once and all stay in the pool."""
        ports = DataPorts(range(5000, 5010))
        self.assertRaises(NoFreeDataPort, ports.open, self.listening(range(5000, 5010)))
        self.assertEqual(sorted(self.tried), list(range(5000, 5010)))
        self.assertEqual(ports.free, 10)

    def test_tries_are_bounded(self) -> None:
        """Of a large pool that others use, one PASV tries a part only."""
        ports = DataPorts(range(1024, 65536))
        self.assertRaises(NoFreeDataPort, ports.open, self.listening(range(1024, 65536)))
        self.assertEqual(len(set(self.tried)), MAXIMUM_TRIES)

    def test_other_errors_end_the_search(self) -> None:
        """Out of descriptors, or an address that is gone: no other port would help."""
        for error in (errno.EMFILE, errno.EADDRNOTAVAIL, errno.EACCES):
            self.tried.clear()
            ports = DataPorts(range(5000, 5010))
            self.assertRaises(NoFreeDataPort, ports.open, self.listening(range(5000, 5010), error))
            self.assertEqual((len(self.tried), ports.free), (1, 10), os.strerror(error))

    def test_ports_are_not_predictable(self) -> None:
        """Pools of the same numbers do not all begin with the same port."""
        first = {DataPorts(range(5000, 5100)).open(self.listening())[1] for _ in range(100)}
        self.assertGreater(len(first), 1)

    def test_what_is_no_pool(self) -> None:
        """A pool has at least one port, from 1 to 65535."""
        for numbers in ([], [0], [-1, 5000], [65536], [5000, 70000]):
            self.assertRaises(ValueError, DataPorts, numbers)

    @given(st.sets(st.integers(5000, 5020), min_size=1), st.lists(st.booleans(), max_size=40))
    def test_taken_and_free_make_the_pool(self, numbers: set[int], steps: list[bool]) -> None:
        """In whatever order ports are taken and given back, each is either taken once or free."""
        ports, taken = DataPorts(numbers), list[int]()
        with socket.socket() as listener:
            for take in steps:
                if take and len(taken) < len(numbers):
                    taken.append(ports.open(lambda _port: listener)[1])
                elif taken:
                    ports.give_back(taken.pop(len(taken) // 2))
                self.assertEqual(len(set(taken)), len(taken))
                self.assertLessEqual(set(taken), numbers)
                self.assertEqual(ports.free, len(numbers) - len(taken))


class ChosenBySystemTests(PortsTestCase):
    """Without a pool."""

    def test_the_system_chooses(self) -> None:
        """Without numbers the system chooses, the port is the one really bound, and nothing runs out."""
        ports = DataPorts()

        def listen(port: int) -> socket.socket:
            listener = self.listening()(port)
            listener.bind(("127.0.0.1", port))
            return listener

        for _ in range(3):
            listener, port = ports.open(listen)
            self.assertEqual(port, listener.getsockname()[1])
            ports.give_back(port)
        self.assertEqual(self.tried, [0, 0, 0])
        self.assertIsNone(ports.free)

    def test_no_port_at_all(self) -> None:
        """When the system has none either, the failure is the same."""
        for error in (errno.EADDRINUSE, errno.EMFILE):
            self.assertRaises(NoFreeDataPort, DataPorts().open, self.listening([0], error))
