# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for ABOR, and for transfers that do not go well.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

from ftpserver import MemoryPathIO, VirtualPath
from ftpserver.control.sequence import CLOSING
from ftpserver.core.events import Stored
from ftpserver.errors import StorageFull
from ftpserver.testing import DataConnection, Dialogue, DialogueFiles
from tests.conversation import ImageConversationTestCase


def never(*_: object) -> Deferred[Any]:
    """Never answer."""
    return Deferred()


class AborTests(ImageConversationTestCase):
    """ABOR."""

    def assert_usable(self, dialogue: Dialogue) -> None:
        """Assert that a transfer works as if nothing had been."""
        dialogue.files.write("/after", b"octets")
        self.assertEqual(dialogue.download("RETR after"), b"octets")

    def stalled(self, line: str) -> tuple[Dialogue, DataConnection]:
        """Return a dialogue in a transfer that does not end."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"0123456789")
        connection = dialogue.agree()
        connection.limit = 4
        dialogue.say(line, expect=150)
        return dialogue, connection

    def test_a_transfer_is_aborted(self) -> None:
        """426 ends the transfer, 226 the ABOR, and the next transfer works."""
        for line in ("RETR a", "STOR b", "APPE b", "STOU", "LIST", "MLSD"):
            dialogue, connection = self.stalled(line)
            dialogue.say("ABOR", expect=[426, 226])
            self.assertTrue(connection.is_closed_by_server, line)
            self.assert_usable(dialogue)

    def test_telnet_signals_come_with_it(self) -> None:
        """Clients send IAC IP IAC DM before ABOR."""
        dialogue, _ = self.stalled("RETR a")
        dialogue.send(b"\xff\xf4\xff\xf2ABOR\r\n")
        self.assert_codes(dialogue, 150, 426, 226)

    def test_there_may_be_nothing_to_abort(self) -> None:
        """226 comes without a transfer, and the data port that was agreed is closed."""
        dialogue = self.logged_in()
        dialogue.say("ABOR", expect=226)
        connection = dialogue.agree()
        dialogue.say("ABOR", expect=226)
        self.assertTrue(connection.is_closed_by_server)
        self.assertEqual(dialogue.network.open_ports, [])
        self.assert_usable(dialogue)

    def test_a_wait_for_the_client_is_aborted(self) -> None:
        """ABOR ends the wait for a data connection, too."""
        dialogue = self.logged_in()
        dialogue.say("EPSV", expect=229)
        dialogue.say("NLST", expect=150)
        dialogue.say("ABOR", expect=[426, 226])
        self.assertEqual(dialogue.network.open_ports, [])
        self.assert_usable(dialogue)

    def test_a_transfer_that_has_ended_is_not_aborted(self) -> None:
        """ABOR right behind the end of a transfer has nothing to abort."""
        dialogue, connection = self.stalled("RETR a")
        connection.take_all()
        dialogue.say("ABOR", expect=226)
        self.assert_codes(dialogue, 150, 226, 226)

    def test_a_store_that_never_answers_is_aborted(self) -> None:
        """ABOR ends the wait for the store: before the 150, in the transfer and at its end."""

        class Stuck(MemoryPathIO):
            where = ""

            async def open(self, path: VirtualPath, mode: Any, *, create: bool = True) -> Any:
                if self.where == "open":
                    await Deferred()
                file = await super().open(path, mode, create=create)
                if self.where:
                    setattr(file, self.where, never)
                return file

        for where, line, codes in (
            ("open", "RETR a", [426, 226]),
            ("read", "RETR a", [150, 426, 226]),
            ("close", "STOR b", [150, 426, 226]),
        ):
            files = DialogueFiles()
            files.write("/a", b"octets")
            dialogue = self.logged_in(path_io_factory=partial(Stuck, files=files))
            Stuck.where = where
            connection = dialogue.agree()
            connection.end()
            before = len(dialogue.codes())
            dialogue.send(f"{line}\r\n".encode())
            dialogue.send(b"ABOR\r\n")
            dialogue.advance(CLOSING)
            self.assertEqual(dialogue.codes()[before:], codes, where)
            Stuck.where = ""
            dialogue.download("NLST")

    def test_an_upload_that_is_whole_is_not_aborted(self) -> None:
        """ABOR that comes while the file is being closed comes too late: the upload is complete, and is said to be."""
        closing: Deferred[None] = Deferred()
        replace = self.patch

        class Slow(MemoryPathIO):
            async def open(self, path: VirtualPath, mode: Any, *, create: bool = True) -> Any:
                file = await super().open(path, mode, create=create)
                close = file.close

                async def closed_later() -> None:
                    await closing
                    await close()

                replace(file, "close", closed_later)
                return file

        dialogue = self.logged_in(path_io_factory=partial(Slow, files=DialogueFiles()))
        connection = dialogue.agree()
        connection.end()
        before = len(dialogue.codes())
        dialogue.send(b"STOR b\r\n")
        dialogue.send(b"ABOR\r\nABOR\r\n")
        closing.callback(None)
        self.assertEqual(dialogue.codes()[before:], [150, 226, 226, 226])
        self.assertEqual([one.code for one in dialogue.events if isinstance(one, Stored)], [226])

    def test_parts_are_treated_as_a_cut_upload(self) -> None:
        """What an aborted upload leaves is what a lost connection would."""
        dialogue, connection = self.stalled("STOR b")
        connection.send(b"part")
        dialogue.say("ABOR", expect=[426, 226])
        self.assertEqual(dialogue.files.read("/b"), b"part")


class FailingTests(ImageConversationTestCase):
    """What goes wrong in a transfer is told."""

    def test_a_file_that_is_cut_while_it_is_sent(self) -> None:
        """451 tells that the client has not got what was there when the download began; also from an offset on."""
        for offset, code in ((0, 451), (4, 451), (0, 226)):
            dialogue = self.logged_in(block_size=2)
            dialogue.files.write("/a", b"0123456789")
            dialogue.say(f"REST {offset}", expect=350)
            connection = dialogue.agree()
            connection.limit = 2
            dialogue.say("RETR a", expect=150)
            if code == 451:
                del dialogue.files.root.children["a"].data[7:]
            connection.take_all()
            dialogue.advance(0)
            self.assert_codes(dialogue, code)

    def test_a_full_disk_is_told(self) -> None:
        """452 comes, and not 226, when there is no room, at a write or only at the end."""
        for where in ("write", "close"):

            class Full(MemoryPathIO):
                fails = where

                async def open(self, path: VirtualPath, mode: Any, *, create: bool = True) -> Any:
                    file = await super().open(path, mode, create=create)
                    setattr(file, self.fails, self.refuse)
                    return file

                async def refuse(self, *_: object) -> None:
                    raise StorageFull("no room")

            dialogue = self.logged_in(path_io_factory=Full)
            dialogue.upload("STOR a", b"octets", expect=452)
            self.assert_codes(dialogue, 150, 452)

    def test_a_client_that_stalls_loses_the_transfer_only(self) -> None:
        """426 comes after the time allowed without progress, and the session goes on."""
        dialogue = self.logged_in(socket_timeout=30)
        dialogue.files.write("/a", b"0123456789")
        for line in ("RETR a", "STOR b"):
            connection = dialogue.agree()
            connection.limit = 4
            dialogue.say(line, expect=150)
            dialogue.advance(29)
            self.assertEqual(dialogue.last_reply.code, 150)
            dialogue.advance(1)
            self.assertEqual(dialogue.last_reply.code, 426)
            self.assertTrue(connection.is_closed_by_server)
        dialogue.say("NOOP", expect=200)

    def test_progress_is_no_stall(self) -> None:
        """A slow client that takes octets now and then gets all of them."""
        dialogue = self.logged_in(socket_timeout=30)
        dialogue.files.write("/a", b"0123456789")
        connection = dialogue.agree()
        connection.limit = 1
        dialogue.say("RETR a", expect=150)
        while not connection.is_ended:
            dialogue.advance(20)
            connection.limit += 1
            dialogue.advance(0)
        self.assertEqual((connection.received, dialogue.last_reply.code), (b"0123456789", 226))

    def test_a_speed_limit_slows_the_transfer(self) -> None:
        """A transfer takes the time that its limit asks for, and is no stall."""
        dialogue = self.logged_in(write_speed_limit=1000, socket_timeout=3)
        dialogue.files.write("/a", bytes(10_000))
        connection = dialogue.agree()
        dialogue.say("RETR a", expect=150)
        seconds = 0.0
        while not connection.is_ended:
            dialogue.advance(0.125)
            seconds += 0.125
        self.assertEqual((len(connection.received), dialogue.last_reply.code), (10_000, 226))
        self.assertTrue(9 <= seconds <= 11, seconds)
