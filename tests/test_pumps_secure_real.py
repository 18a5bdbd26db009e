# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.pumps with local files: whole transfers under TLS.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from ftpserver.core.throttle import Throttle, TokenBucket
from ftpserver.data.plane import BUFFER
from ftpserver.errors import DataConnectionLost, DataConnectionUnclosed, StorageFailure
from ftpserver.pathio.mounts import SLOW

from .data_doubles import failure
from .real_data import RealPumpTestCase
from .secure_data import MAKERS, SocketClient, protection
from .tls_client import VERSIONS, client_context

CONTENT = os.urandom(4 * BUFFER + 1001)


class SecurePumpTestCase(RealPumpTestCase):
    """A connection under TLS."""

    def secure(self, how: Any = None, throttle: Throttle | None = None, **keywords: Any) -> None:
        """Make a new connection, and do the handshake."""
        self.connect(throttle)
        self.client = SocketClient(self.theirs, client_context(**keywords))
        outcome = Deferred.fromCoroutine(self.subject.secure(how or protection()))
        self.until(lambda: outcome.called and self.client.is_established, self.client.exchange)
        self.assertIsNone(self.successResultOf(outcome))

    def each(self, check: Callable[[int], None]) -> None:
        """Check each size with each layer and version of TLS."""
        for size in (0, 1, BUFFER - 1, BUFFER, len(CONTENT)):
            for make_layer in MAKERS:
                for version in VERSIONS:
                    self.secure(protection(make_layer), version=version)
                    check(size)

    def heard(self, outcome: Deferred[None]) -> bytes:
        """Wait for a download and its end, and return what the client got."""
        self.until(lambda: outcome.called, self.client.exchange)
        self.subject.close()
        self.until(lambda: self.client.is_cut, self.client.read)
        return self.client.heard

    def say_all(self, content: bytes, outcome: Deferred[None], *, ends: bool = True) -> None:
        """Send a file, and wait for the end of the upload."""
        self.client.say(content)
        if ends:
            self.client.end()
        self.until(lambda: outcome.called, self.client.exchange)


class SecureDownloadTests(SecurePumpTestCase):
    """Files that are sent."""

    def test_every_size(self) -> None:
        """Files of every size arrive whole, and after them close_notify and the end, with either layer and version."""

        def check(size: int) -> None:
            self.write(CONTENT[:size])
            outcome = self.sending(self.open())
            self.assertTrue(self.heard(outcome) == CONTENT[:size], str(size))
            self.assertIsNone(self.successResultOf(outcome))
            self.assertIs(self.client.has_ended, True)
            self.assertEqual(self.subject.meter.bytes_moved, size)

        self.each(check)

    def test_a_socket_that_takes_little(self) -> None:
        """However little the socket takes at a time, the file is read once and arrives whole."""
        self.secure()
        self.write(CONTENT)
        self.system.faults["send"].extend([1, BlockingIOError(), 70_000, BlockingIOError(), BlockingIOError()] * 5)
        outcome = self.sending(self.open())
        self.assertTrue(self.heard(outcome) == CONTENT)
        self.assertEqual(self.system.calls["read_into"], len(CONTENT) // BUFFER + 1)

    def test_the_disk_is_waited_for_in_a_thread(self) -> None:
        """What is not in memory is read by threads, also where the client is slow."""
        self.secure()
        self.write(CONTENT)
        self.system.faults["cached_pages"].extend([0, None, 0])
        self.system.faults["send"].extend([BlockingIOError()] * 4)
        outcome = self.sending(self.open())
        self.assertTrue(self.heard(outcome) == CONTENT)
        self.assertEqual(self.system.calls["read_file"], 1)
        self.assertNotIn(threading.get_ident(), self.system.threads["read_file"])

    def test_a_bad_disk(self) -> None:
        """A download that the disk ends has no close_notify, so that the client knows."""
        self.secure()
        self.write(CONTENT)
        self.system.faults["cached_pages"].extend([None, 0])
        self.system.faults["read_file"].append(failure(errno.EIO))
        outcome = self.sending(self.open())
        self.until(lambda: outcome.called, self.client.exchange)
        self.failureResultOf(outcome, StorageFailure)
        self.assertIs(self.client.has_ended, False)

    def test_a_file_that_cannot_be_read_so(self) -> None:
        """Where the buffer for all cannot be used, the file reads by itself."""
        self.secure()
        self.write(CONTENT)
        self.system.faults["read_into"].extend([1000, failure(errno.EINVAL)])
        outcome = self.sending(self.open())
        self.assertTrue(self.heard(outcome) == CONTENT)
        self.assertIsNone(self.successResultOf(outcome))

    def test_a_limit(self) -> None:
        """A limit holds for what is sent."""
        self.secure(throttle=Throttle([TokenBucket(1_000_000, burst=0)]))
        self.write(CONTENT)
        outcome = self.sending(self.open())
        for _ in range(200):
            self.reactor.advance(0.001)
            self.reactor.turn()
            self.client.read()
        self.assertTrue(200_000 - 65536 <= self.subject.meter.bytes_moved <= 200_001)
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)


class SecureUploadTests(SecurePumpTestCase):
    """Files that come."""

    def test_every_size(self) -> None:
        """Files of every size arrive whole, and the server says close_notify, with either layer and version."""

        def check(size: int) -> None:
            file = self.open("wb")
            outcome = self.receiving(file)
            self.say_all(CONTENT[:size], outcome)
            self.assertIsNone(self.successResultOf(outcome))
            self.assertTrue(self.uploaded(file) == CONTENT[:size], str(size))
            self.subject.close()
            self.until(lambda: self.client.is_cut, self.client.read)
            self.assertIs(self.client.has_ended, True)
            self.assertEqual(self.subject.meter.bytes_moved, size)

        self.each(check)
        self.assertEqual(self.system.calls["splice_in"], 0)

    def test_what_came_with_the_handshake(self) -> None:
        """A small file that came in the same segment as the handshake, with its end, is whole."""
        for size in (5, 60_000):
            for make_layer in MAKERS:
                self.connect()
                self.client = SocketClient(self.theirs, client_context(version=VERSIONS[1]))
                securing = Deferred.fromCoroutine(self.subject.secure(protection(make_layer)))
                self.client.write()
                self.until(lambda: self.client.is_established, self.client.read)
                # Its part of the handshake has not gone yet.
                self.client.say(CONTENT[:size])
                self.client.end()
                self.until(lambda done=securing: done.called, self.client.write)  # type: ignore[misc]  # a lambda's default
                self.assertIsNone(self.successResultOf(securing))
                file = self.open("wb")
                outcome = self.receiving(file)
                self.until(lambda done=outcome: done.called, self.client.exchange)  # type: ignore[misc]  # as above
                self.assertIsNone(self.successResultOf(outcome))
                self.assertEqual(self.uploaded(file), CONTENT[:size])

    def test_pieces_that_the_socket_does_not_tell_of(self) -> None:
        """What TLS holds is written although nothing more comes."""
        self.secure()
        self.patch(self.plane, "buffer", memoryview(bytearray(1000)))
        file = self.open("wb")
        outcome = self.receiving(file)
        self.client.say(CONTENT[:16_000])
        self.until(lambda: file.offset == 16_000, self.client.write)
        self.say_all(b"", outcome)
        self.assertEqual(self.uploaded(file), CONTENT[:16_000])

    def test_without_close_notify(self) -> None:
        """An upload whose connection just ends may have been cut: it has failed."""
        for content in (b"", b"hello"):
            self.secure()
            outcome = self.receiving(self.open("wb"))
            self.client.say(content)
            self.client.write()
            self.client.close_output()
            self.until(lambda done=outcome: done.called)  # type: ignore[misc]  # a lambda's default
            self.failureResultOf(outcome, DataConnectionUnclosed)
            self.assertEqual(self.subject.meter.bytes_moved, len(content))

    def test_a_changed_record(self) -> None:
        """An upload with a record that was tampered with has failed."""
        self.secure()
        outcome = self.receiving(self.open("wb"))
        self.client.say(b"hello")
        octets = bytearray(self.client.outgoing())
        octets[-1] ^= 1
        self.theirs.send(octets)
        self.until(lambda: outcome.called)
        self.failureResultOf(outcome, DataConnectionLost)

    def test_an_error_of_the_file(self) -> None:
        """What could not be written in place is written by the file itself, and so is all that follows."""
        for fault in (failure(errno.EINVAL), 0):
            self.secure()
            self.system.faults["write_file"].extend([5, fault])
            file = self.open("wb")
            outcome = self.receiving(file)
            self.say_all(CONTENT, outcome)
            self.assertIsNone(self.successResultOf(outcome))
            self.assertTrue(self.uploaded(file) == CONTENT)

    def test_a_disk_that_becomes_slow(self) -> None:
        """After the first slow write every further one is made by a thread, also of what TLS holds already."""
        self.secure()
        file = self.open("wb")
        self.system.faults["write_file"].append(lambda: file.took(SLOW))
        outcome = self.receiving(file)
        self.say_all(CONTENT, outcome)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertTrue(self.uploaded(file) == CONTENT)
        self.assertEqual(self.system.calls["write_file"], 1)
