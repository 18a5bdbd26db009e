# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of speed limits in ftpserver.data.pumps, on a clock.
"""

from __future__ import annotations

import socket

from twisted.internet.defer import CancelledError, Deferred

from ftpserver.core.throttle import Throttle, TokenBucket
from ftpserver.data.pumps import Pump

from .data_doubles import PlainFile
from .test_pumps import PumpTestCase

#: Steps of the clock; a timer comes up to this much too late.
STEP = 0.001


class ThrottledTestCase(PumpTestCase):
    """Transfers over a network without bounds, so that only the limits hold them up."""

    def setUp(self) -> None:
        """Let every call on a socket move all that it is asked to."""
        super().setUp()
        self.running: list[Deferred[None]] = []
        self.system.send = lambda _socket, data: len(data)  # type: ignore[assignment, method-assign]  # a network without bounds
        self.system.receive_into = lambda _socket, buffer: len(buffer)  # type: ignore[assignment, method-assign]  # as above
        self.addCleanup(self.give_up)

    def started(self, throttle: Throttle, *, upload: bool = False) -> Pump:
        """Begin a transfer without end."""
        pump = self.pump(self.pair()[0], throttle, block=262144)
        file = PlainFile(bytes(50_000_000))
        move = pump.receive(Discarding(), None) if upload else pump.send(file, None)
        self.running.append(Deferred.fromCoroutine(move))
        return pump

    def give_up(self) -> None:
        """End what runs."""
        for outcome in self.running:
            outcome.cancel()
            self.failureResultOf(outcome, CancelledError)
        self.running.clear()

    def pass_time(self, seconds: float) -> None:
        """Let the clock go on in small steps."""
        for _ in range(round(seconds / STEP)):
            self.reactor.advance(STEP)


class Discarding(PlainFile):
    """A file that keeps nothing."""

    async def write(self, data: bytes | memoryview) -> None:
        """Forget what is written."""


class RateTests(ThrottledTestCase):
    """The rate."""

    def test_five_seconds(self) -> None:
        """Over 5 s a limit is kept within 3 %, for downloads and for uploads, slow and fast ones."""
        for rate in (10_000, 100_000, 1_000_000, 8_000_000):
            for upload in (False, True):
                pump = self.started(Throttle([TokenBucket(rate)]), upload=upload)
                self.pass_time(5)
                self.assertApproximates(pump.meter.bytes_moved / (5 * rate), 1, 0.03, f"{rate}, upload: {upload}")
                self.give_up()

    def test_the_beginning(self) -> None:
        """The first 100 ms carry 1.2 times their share and 64 KiB at most, also after a minute of idleness."""
        for rate in (10_000, 100_000, 1_000_000, 3_000_000, 20_000_000):
            bucket = TokenBucket(rate)
            for _ in range(2):
                pump = self.started(Throttle([bucket]))
                self.pass_time(0.1)
                self.assertLessEqual(pump.meter.bytes_moved, 1.2 * 0.1 * rate + 65536, f"at {rate}")
                self.give_up()
                pump.close()
                self.reactor.advance(60)

    def test_many_that_begin_at_once(self) -> None:
        """Fifty downloads that share a limit keep it together from the beginning, and soon get equal parts."""
        rate = 1_000_000
        shared = TokenBucket(rate)
        pumps = [self.started(Throttle([shared])) for _ in range(50)]
        self.pass_time(0.1)
        self.assertLessEqual(sum(pump.meter.bytes_moved for pump in pumps), 1.2 * 0.1 * rate + 65536)
        self.pass_time(0.9)
        before = [pump.meter.bytes_moved for pump in pumps]
        self.pass_time(9)
        self.assertApproximates(sum(pump.meter.bytes_moved for pump in pumps) / (10 * rate), 1, 0.03)
        moved = [pump.meter.bytes_moved - earlier for pump, earlier in zip(pumps, before, strict=True)]
        self.assertLessEqual(max(moved) / min(moved), 1.05)

    def test_one_that_pauses(self) -> None:
        """A download that its client held up for a minute gets no credit for it."""
        rate = 100_000
        pump = self.started(Throttle([TokenBucket(rate)]))
        self.pass_time(1)
        self.system.send = self._would_block  # type: ignore[assignment, method-assign]  # the client stops reading
        self.pass_time(60)
        before = pump.meter.bytes_moved
        self.system.send = lambda _socket, data: len(data)  # type: ignore[assignment, method-assign]  # it reads again
        self.reactor.next_ready()
        self.pass_time(0.1)
        self.assertLessEqual(pump.meter.bytes_moved - before, 1.2 * 0.1 * rate + 65536)

    @staticmethod
    def _would_block(_socket: socket.socket, _data: memoryview) -> int:
        raise BlockingIOError

    def test_idle_uploads_take_nothing_from_others(self) -> None:
        """A hundred uploads whose clients send nothing leave the whole rate to the one that sends."""
        shared = TokenBucket(100_000)
        moving = self.system.receive_into
        self.system.receive_into = self._would_block  # type: ignore[assignment, method-assign]  # these send nothing
        for _ in range(100):
            self.started(Throttle([shared]), upload=True)
        self.system.receive_into = moving  # type: ignore[method-assign]  # this one does
        pump = self.started(Throttle([shared]), upload=True)
        self.pass_time(5)
        self.assertApproximates(pump.meter.bytes_moved / 500_000, 1, 0.03)

    def test_several_limits(self) -> None:
        """The tightest limit holds: who has a slower one of its own gets that in any crowd, and others get the rest."""
        for crowd in (1, 5):
            shared = TokenBucket(1_000_000)
            slow = self.started(Throttle([shared, TokenBucket(100_000)]))
            fast = [self.started(Throttle([shared])) for _ in range(crowd)]
            self.pass_time(5)
            self.assertApproximates(slow.meter.bytes_moved / 500_000, 1, 0.03, f"among {crowd}")
            everything = slow.meter.bytes_moved + sum(pump.meter.bytes_moved for pump in fast)
            self.assertApproximates(everything / 5_000_000, 1, 0.03, f"among {crowd}")
            self.give_up()

    def test_waiting_for_a_limit_is_not_waiting_for_the_client(self) -> None:
        """A transfer that its own limit holds up is not stalled."""
        pump = self.started(Throttle([TokenBucket(100)]))
        self.pass_time(1)
        self.assertIsNone(pump.meter.waiting_since)
