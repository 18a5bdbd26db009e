# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.descriptor.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from ftpserver.data.descriptor import Descriptor

from .data_doubles import DataTestCase


class DescriptorTests(DataTestCase):
    """A socket in the reactor."""

    def setUp(self) -> None:
        """Make a descriptor of one end of a connection."""
        super().setUp()
        self.ours, self.theirs = self.pair()
        self.subject = Descriptor(self.reactor, self.ours)
        self.addCleanup(self.system.close, self.ours)
        self.addCleanup(self.subject.forget)

    def test_it_is_what_the_reactor_takes(self) -> None:
        """The descriptor fulfils the reactor's interface and has a name in its log."""
        self.assertTrue(verifyObject(IReadWriteDescriptor, self.subject))
        self.assertEqual(self.subject.fileno(), self.ours.fileno())
        self.assertEqual(self.subject.logPrefix(), "FTP data connection")

    def test_waiting_to_read(self) -> None:
        """Who waits to read is woken when octets come, once."""
        waiting = self.subject.readable()
        self.assertFalse(self.reactor.turn())
        self.assertNoResult(waiting)
        self.theirs.send(b"x")
        self.reactor.next_ready()
        self.assertIsNone(self.successResultOf(waiting))
        self.assertFalse(self.reactor.turn())

    def test_waiting_for_the_end(self) -> None:
        """The end of the connection wakes who waits to read."""
        waiting = self.subject.readable()
        self.theirs.close()
        self.reactor.next_ready()
        self.assertIsNone(self.successResultOf(waiting))

    def test_waiting_to_write(self) -> None:
        """Who waits to write is woken when the socket takes octets."""
        waiting = self.subject.writable()
        self.reactor.next_ready()
        self.assertIsNone(self.successResultOf(waiting))
        self.assertEqual(self.reactor.writers, set())

    def test_giving_up(self) -> None:
        """Who does not wait any more leaves the reactor."""
        reading, writing = self.subject.readable(), self.subject.writable()
        reading.cancel()
        writing.cancel()
        self.failureResultOf(reading, CancelledError)
        self.failureResultOf(writing, CancelledError)
        self.assertEqual((self.reactor.readers, self.reactor.writers), (set(), set()))

    def test_an_error_of_the_socket(self) -> None:
        """When the reactor reports a loss, who waits is woken to see it in its next call."""
        reading, writing = self.subject.readable(), self.subject.writable()
        self.subject.connectionLost(Failure(ConnectionLost()))
        self.assertIsNone(self.successResultOf(reading))
        self.assertIsNone(self.successResultOf(writing))
        self.assertEqual((self.reactor.readers, self.reactor.writers), (set(), set()))

    def test_nobody_waits(self) -> None:
        """Events that come when nobody waits do no harm."""
        self.subject.doRead()
        self.subject.doWrite()
        self.subject.connectionLost(Failure(ConnectionLost()))
        self.subject.forget()
        self.assertEqual((self.reactor.readers, self.reactor.writers), (set(), set()))
