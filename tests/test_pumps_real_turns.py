# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.pumps with local files: speed limits, turns, and who keeps whom waiting.
"""

from __future__ import annotations

import errno
import os
import socket

from twisted.internet.defer import CancelledError

from ftpserver.core.throttle import Throttle, TokenBucket
from ftpserver.data.movers import OCTETS_PER_CALL
from ftpserver.data.plane import OCTETS_PER_TURN
from ftpserver.data.turns import SECONDS_PER_TURN

from .data_doubles import drained, failure
from .real_data import RealPumpTestCase

CONTENT = os.urandom(3 * OCTETS_PER_TURN + 17)


class LimitTests(RealPumpTestCase):
    """Speed limits."""

    def test_downloads_and_uploads(self) -> None:
        """A limit holds on every way, to the octet, and large segments are not gathered for it."""
        rate = 1_000_000
        for call in (None, "send_file", "splice_in", "splice_out"):
            for upload in (False, True):
                if call is not None:
                    self.system.faults[call].append(failure(errno.EINVAL))
                self.connect(Throttle([TokenBucket(rate, burst=0)]))
                self.write(CONTENT)
                file = self.open("wb" if upload else "rb", "new" if upload else "file")
                outcome = self.receiving(file) if upload else self.sending(file)
                if upload:
                    self.theirs.send(CONTENT[:500_000])
                for _ in range(300):
                    if self.threads.running:
                        self.reactor.next_answer()
                    self.reactor.advance(0.001)
                    self.reactor.turn()
                    drained(self.theirs)
                moved = self.subject.meter.bytes_moved
                self.assertLessEqual(moved, 0.3 * rate + 1)
                self.assertGreaterEqual(moved, 0.3 * rate - 65536, f"{call}, upload: {upload}")
                outcome.cancel()
                self.failureResultOf(outcome, CancelledError)
                self.subject.close()
                self.system.faults.clear()
        self.assertEqual(self.system.calls["gather"], 0)

    def test_a_limit_and_a_slow_disk(self) -> None:
        """What the disk gave at once goes as slowly as it may."""
        self.connect(Throttle([TokenBucket(100_000, burst=0)]))
        self.write(CONTENT[:10_000])
        self.system.faults["read_cached"].append(BlockingIOError())
        outcome = self.sending(self.open())
        octets = b""
        while not outcome.called:
            octets += drained(self.theirs)
            if self.threads.running:
                self.reactor.next_answer()
            self.reactor.advance(0.001)
            self.reactor.turn()
        self.assertAlmostEqual(self.reactor.seconds(), 0.1, delta=0.01)
        self.assertEqual(octets + self.fetched(outcome), CONTENT[:10_000])
        self.assertEqual((self.system.calls["read_file"], self.system.calls["send_file"]), (1, 0))


class TurnTests(RealPumpTestCase):
    """How long a transfer keeps the reactor."""

    def test_the_first_turn(self) -> None:
        """However fast client and disk are, after one call of the kernel others have a turn."""
        size = OCTETS_PER_CALL + 17

        def send_file(_handle: socket.socket, _file: int, offset: int, amount: int) -> int:
            return min(amount, size - offset)

        # A network without bounds.
        self.patch(self.system, "send_file", send_file)
        self.write(bytes(size))
        outcome = self.sending(self.open())
        self.assertEqual(self.subject.meter.bytes_moved, OCTETS_PER_CALL)
        self.assertNoResult(outcome)
        self.reactor.next_ready()
        self.assertIsNone(self.successResultOf(outcome))

    def test_a_turn_that_takes_long(self) -> None:
        """A slow first piece is the only one of its turn."""

        def pass_time() -> None:
            self.reactor.rightNow += SECONDS_PER_TURN

        self.system.faults["splice_out"].extend([pass_time] * 3)
        self.theirs.send(CONTENT[:100])
        self.system.faults["splice_in"].extend([10, 10])
        file = self.open("wb")
        outcome = self.receiving(file)
        self.assertEqual(self.subject.meter.bytes_moved, 10)
        self.reactor.next_ready()
        self.assertEqual(self.subject.meter.bytes_moved, 20)
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)


class StallTests(RealPumpTestCase):
    """Since when a client keeps a transfer waiting."""

    def test_an_upload_that_stops(self) -> None:
        """A client that stops after some octets keeps the transfer waiting from the last of them on."""
        outcome = self.receiving(self.open("wb"))
        for _ in range(3):
            self.reactor.advance(5)
            before = self.subject.meter.bytes_moved
            self.theirs.send(b"x")
            self.until(lambda before=before: self.subject.meter.bytes_moved > before)  # type: ignore[misc]  # a lambda's default
            self.reactor.turn()
            self.assertEqual(self.subject.meter.waiting_since, self.reactor.seconds())
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)

    def test_a_download_that_stops_when_its_turn_is_over(self) -> None:
        """A client that reads nothing more keeps the transfer waiting, also when everything has gone so far."""

        def send_file(handle: socket.socket, file: int, offset: int, amount: int) -> int:
            if offset:
                raise BlockingIOError
            return amount

        # A client with a buffer of its own.
        self.patch(self.system, "send_file", send_file)
        self.write(bytes(OCTETS_PER_CALL + 17))
        outcome = self.sending(self.open())
        self.assertEqual(self.subject.meter.waiting_since, 0.0)
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)

    def test_the_disk_is_not_the_client(self) -> None:
        """While a thread reads, the client keeps nobody waiting."""
        self.write(CONTENT)
        self.system.faults["cached_pages"].extend([0, 0])
        outcome = self.sending(self.open())
        self.assertIsNone(self.subject.meter.waiting_since)
        self.fetched(outcome)
