# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the event that tells how a transfer ended.
"""

from __future__ import annotations

from ftpserver.core.events import Listed, Outcome, Retrieved, Stored, TransferEvent
from ftpserver.testing import DataConnection, Dialogue
from tests.conversation import ConversationTestCase


class TransferEventTests(ConversationTestCase):
    """Each transfer that had its 150 is told of once."""

    def begun(self, line: str, **keywords: object) -> tuple[Dialogue, DataConnection]:
        """Return a dialogue with a transfer under way."""
        dialogue = self.logged_in(**keywords)
        dialogue.say("TYPE I", expect=200)
        dialogue.files.write("/d/a", b"0123456789")
        dialogue.say("CWD d", expect=250)
        connection = dialogue.agree()
        connection.limit = 4
        dialogue.say(line, expect=150)
        return dialogue, connection

    def event(self, dialogue: Dialogue) -> TransferEvent:
        """Return the one event of a transfer."""
        (event,) = dialogue.events.of(TransferEvent)
        return event

    def test_a_download_is_told(self) -> None:
        """Command, path, octets, time and outcome are there."""
        dialogue, connection = self.begun("RETR a")
        dialogue.advance(2.5)
        connection.take_all()
        event = self.event(dialogue)
        self.assertIsInstance(event, Retrieved)
        self.assertEqual((event.command, event.path, event.user, event.bytes), ("RETR", "/d/a", "user", 10))
        self.assertEqual((event.seconds, event.outcome, event.code), (2.5, Outcome.COMPLETE, 226))

    def test_an_upload_is_told(self) -> None:
        """The octets are those that came over the network."""
        dialogue, connection = self.begun("STOR b")
        connection.send(b"octets")
        connection.end()
        event = self.event(dialogue)
        self.assertIsInstance(event, Stored)
        self.assertEqual((event.command, event.path, event.bytes), ("STOR", "/d/b", 6))

    def test_a_listing_is_told(self) -> None:
        """A listing has the path of what was listed."""
        dialogue, connection = self.begun("LIST")
        connection.take_all()
        event = self.event(dialogue)
        self.assertIsInstance(event, Listed)
        self.assertEqual((event.command, event.path, event.outcome), ("LIST", "/d", Outcome.COMPLETE))

    def test_a_unique_name_is_told(self) -> None:
        """The event of STOU has the name that was chosen."""
        dialogue, connection = self.begun("STOU")
        connection.end()
        self.assertEqual(self.event(dialogue).path.rpartition("/")[2][:7], "upload-")

    def test_how_it_ended_is_told(self) -> None:
        """A cut upload may leave a part; what was aborted is told apart from what failed."""
        for line, end, keywords, outcome in (
            ("RETR a", "reset", {}, Outcome.FAILED),
            ("RETR a", "ABOR", {}, Outcome.ABORTED),
            ("RETR a", "lost", {}, Outcome.ABORTED),
            ("STOR b", "reset", {}, Outcome.PARTIAL),
            ("STOR b", "ABOR", {}, Outcome.PARTIAL),
            ("STOR b", "reset", {"partial_uploads": "remove"}, Outcome.FAILED),
            ("STOR b", "lost", {"partial_uploads": "remove"}, Outcome.ABORTED),
        ):
            dialogue, connection = self.begun(line, **keywords)
            if line == "STOR b":
                connection.send(b"part")
            if end == "reset":
                connection.reset()
            elif end == "lost":
                dialogue.lose_connection()
            else:
                dialogue.say(end, expect=[426, 226])
            event = self.event(dialogue)
            self.assertEqual((event.outcome, event.code, event.bytes), (outcome, 426, 4), (line, end, keywords))

    def test_a_refused_command_is_no_transfer(self) -> None:
        """Nothing is told of a command that had no 150."""
        dialogue = self.logged_in()
        dialogue.download("RETR missing", expect=550)
        self.assertEqual(dialogue.events.of(TransferEvent), [])
