# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.events.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core import events
from ftpserver.core.events import Event, LoggedIn, Outcome, SessionEvent, Stored, TransferEvent

KINDS = [getattr(events, name) for name in events.__all__ if name != "Outcome"]


class EventTests(SynchronousTestCase):
    """The values that observers get."""

    def test_an_event_does_not_change(self) -> None:
        """An observer cannot change what the next one sees."""
        event = LoggedIn(time=1.0, session="1-1", sequence=2, peer="127.0.0.1", user="me")
        self.assertRaises(FrozenInstanceError, setattr, event, "user", "other")
        self.assertEqual(event, LoggedIn(time=1.0, session="1-1", sequence=2, peer="127.0.0.1", user="me"))

    def test_every_kind_is_an_event(self) -> None:
        """Whatever is published has a time, is named in ``__all__`` and can be told by its class."""
        for kind in KINDS:
            self.assertTrue(issubclass(kind, Event), kind.__name__)
        defined = [value for value in vars(events).values() if isinstance(value, type) and issubclass(value, Event)]
        self.assertEqual(set(defined), set(KINDS))

    def test_no_event_can_hold_a_password(self) -> None:
        """No field is a place for a secret."""
        names = {field.name for kind in KINDS for field in fields(kind)}
        self.assertLessEqual({"time", "session", "sequence", "peer", "user"}, names)
        self.assertFalse(names & {"password", "secret", "credentials", "argument", "line"})

    def test_a_transfer(self) -> None:
        """An upload is a transfer of a session, with how it ended."""
        event = Stored(
            time=1.0,
            session="1-1",
            sequence=3,
            peer="127.0.0.1",
            user="me",
            command="STOR",
            path="/a",
            bytes=5,
            seconds=0.5,
            outcome=Outcome.PARTIAL,
            code=426,
        )
        self.assertIsInstance(event, TransferEvent)
        self.assertIsInstance(event, SessionEvent)
        self.assertEqual((event.bytes, event.outcome.value), (5, "partial"))
