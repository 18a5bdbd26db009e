# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for ftpserver.observers.publisher.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpserver.core.events import ConnectionRefused, Event
from ftpserver.interfaces import IObserver
from ftpserver.observers.publisher import Publisher

EVENT = ConnectionRefused(time=1.0, peer="192.0.2.1", reason="too many connections")


@implementer(IObserver)
class Recorder:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.heard.append(event)


class BrokenObserverError(Exception):
    """What a broken observer raises."""


@implementer(IObserver)
class Broken:
    """Fails on every event."""

    def __call__(self, event: Event) -> None:
        raise BrokenObserverError("no room")


class PublisherTests(SynchronousTestCase):
    def test_every_observer_hears_every_event(self) -> None:
        """Two observers both hear of what happens."""
        first, second = Recorder(), Recorder()
        Publisher([first, second]).publish(EVENT)
        self.assertEqual((first.heard, second.heard), ([EVENT], [EVENT]))

    def test_an_observer_may_come_later(self) -> None:
        """An observer that is added hears of what happens from then on."""
        publisher, late = Publisher(), Recorder()
        publisher.publish(EVENT)
        self.assertFalse(publisher.is_heard)
        publisher.add(late)
        self.assertTrue(publisher.is_heard)
        publisher.publish(EVENT)
        self.assertEqual(late.heard, [EVENT])

    def test_a_broken_observer_disturbs_nobody(self) -> None:
        """The exception of one observer is logged, and the ones behind it hear the event all the same."""
        after = Recorder()
        Publisher([Broken(), after]).publish(EVENT)
        self.assertEqual(after.heard, [EVENT])
        self.assertEqual(len(self.flushLoggedErrors(BrokenObserverError)), 1)

    def test_an_observer_may_add_another_while_it_hears(self) -> None:
        """An observer that is added in the middle of an event hears the next one first."""
        publisher, late = Publisher(), Recorder()

        @implementer(IObserver)
        def adds(event: Event) -> None:
            publisher.add(late)

        publisher.add(adds)
        publisher.publish(EVENT)
        self.assertEqual(late.heard, [])
        publisher.publish(EVENT)
        self.assertEqual(late.heard, [EVENT])
