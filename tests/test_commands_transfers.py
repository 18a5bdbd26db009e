# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for RETR, STOR, APPE, STOU and ABOR.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ftpserver import MemoryPathIO, PathIO, Permission, User, VirtualPath
from ftpserver.commands import transfers
from ftpserver.core import replies
from ftpserver.errors import PathExists, StorageFailure
from ftpserver.pathio.memory import MemoryFile
from ftpserver.testing import Dialogue, DialogueFiles
from tests.conversation import ImageConversationTestCase, user_with


class RetrTests(ImageConversationTestCase):
    """RETR."""

    def test_a_file_is_sent(self) -> None:
        """150 comes before the octets, and 226 when all were sent and the connection was ended in order."""
        dialogue = self.logged_in()
        octets = bytes(range(256)) * 5000
        dialogue.files.write("/a", octets)
        connection = dialogue.agree()
        dialogue.say("RETR a", expect=[150, 226])
        self.assertEqual(connection.received, octets)
        self.assertTrue(connection.is_ended)

    def test_an_empty_file_is_sent(self) -> None:
        """A file without octets is a transfer like any other."""
        dialogue = self.logged_in()
        dialogue.files.write("/a")
        self.assertEqual(dialogue.download("RETR a"), b"")

    def test_what_is_no_file_is_refused_before_the_connection(self) -> None:
        """550 comes without a 150 for a directory and for what is missing or forbidden."""
        dialogue = self.logged_in(user_with(Permission("/"), Permission("/secret", readable=False)))
        dialogue.files.make_directory("/d")
        dialogue.files.write("/secret/f")
        dialogue.agree()
        for path in ("missing", "d", "d/", "secret/f"):
            dialogue.say(f"RETR {path}", expect=550)

    def test_a_data_port_is_needed(self) -> None:
        """425 comes before the file is looked at."""
        dialogue = self.logged_in()
        for line in ("RETR missing", "STOR a", "APPE a", "STOU", "LIST", "NLST", "MLSD"):
            dialogue.say(line, expect=425)
        self.assertEqual(dialogue.files.names(), [])

    def test_an_offset_beyond_the_end_is_refused(self) -> None:
        """554 comes, and not an empty success; at the very end there is nothing to send."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"12345")
        dialogue.say("REST 6", expect=350)
        dialogue.download("RETR a", expect=554)
        dialogue.say("REST 5", expect=350)
        self.assertEqual(dialogue.download("RETR a"), b"")

    def test_offsets_are_for_image_type(self) -> None:
        """554 comes for an offset in ASCII type, where line ends would move it."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"12345")
        dialogue.say("TYPE A", expect=200)
        for line in ("RETR a", "STOR a"):
            dialogue.say("REST 2", expect=350)
            dialogue.agree()
            dialogue.say(line, expect=554)

    def test_octets_from_the_client_disturb_nothing(self) -> None:
        """What a client sends during a download is thrown away."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"12345")
        connection = dialogue.agree()
        connection.send(b"noise")
        dialogue.say("RETR a", expect=[150, 226])
        self.assertEqual(connection.received, b"12345")


class StorTests(ImageConversationTestCase):
    """STOR."""

    def test_a_file_is_stored(self) -> None:
        """The octets that came are the file, also when it was longer before, or when none came."""
        dialogue = self.logged_in()
        for octets in (bytes(range(256)) * 5000, b"short", b""):
            dialogue.upload("STOR a", octets)
            self.assertEqual(dialogue.files.read("/a"), octets)

    def test_no_place_to_store_is_refused_before_the_connection(self) -> None:
        """550 comes without a 150 for a directory, a missing parent and a forbidden place."""
        dialogue = self.logged_in(user_with(Permission("/"), Permission("/fixed", writable=False)))
        dialogue.files.make_directory("/fixed")
        dialogue.agree()
        for path in ("fixed", "no/where", "fixed/a", "/"):
            dialogue.say(f"STOR {path}", expect=550)

    def test_a_name_appears_when_it_is_whole(self) -> None:
        """Until the upload is complete nobody sees the new name, or sees the old file."""
        dialogue = self.logged_in()
        dialogue.files.write("/old", b"old")
        for name in ("new", "old"):
            connection = dialogue.agree()
            dialogue.say(f"STOR {name}", expect=150)
            connection.send(b"half")
            self.assertEqual(dialogue.files.names(), ["old"] if name == "new" else ["new", "old"])
            self.assertEqual(dialogue.files.read("/old"), b"old")
            connection.send(b"whole")
            connection.end()
            self.assertEqual(dialogue.files.read(f"/{name}"), b"halfwhole")

    def cut(self, path: str, **keywords: Any) -> Dialogue:
        """Return a dialogue in which an upload to *path* was cut by a reset."""
        dialogue = self.logged_in(**keywords)
        dialogue.files.write("/old", b"old")
        connection = dialogue.agree()
        dialogue.say(f"STOR {path}", expect=150)
        connection.send(b"part")
        connection.reset()
        self.assertEqual(dialogue.last_reply.code, 426)
        return dialogue

    def test_a_part_is_kept_or_removed(self) -> None:
        """What is left of a cut upload to a new name is as the server was told."""
        self.assertEqual(self.cut("new").files.read("/new"), b"part")
        self.assertEqual(self.cut("new", partial_uploads="remove").files.names(), ["old"])

    def test_a_part_replaces_nothing(self) -> None:
        """The file that was there stays when the upload of its successor is cut."""
        for partial_uploads in ("keep", "remove"):
            self.assertEqual(self.cut("old", partial_uploads=partial_uploads).files.read("/old"), b"old")

    def test_an_upload_can_be_resumed(self) -> None:
        """STOR after REST writes from the offset on, and keeps what stands before and behind."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"0123456789")
        dialogue.say("REST 3", expect=350)
        dialogue.upload("STOR a", b"xyz")
        self.assertEqual(dialogue.files.read("/a"), b"012xyz6789")
        dialogue.say("REST 10", expect=350)
        dialogue.upload("STOR a", b"more")
        self.assertEqual(dialogue.files.read("/a"), b"012xyz6789more")

    def test_an_upload_cannot_be_resumed_beyond_the_end(self) -> None:
        """554 comes for an offset that leaves a gap, 550 for a file that is not there."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"12345")
        dialogue.agree()
        for line, code in (("STOR a", 554), ("STOR missing", 550)):
            dialogue.say("REST 6", expect=350)
            dialogue.say(line, expect=code)
        self.assertEqual((dialogue.files.names(), dialogue.files.read("/a")), (["a"], b"12345"))

    def test_rights_decide_what_an_upload_may_do(self) -> None:
        """Creating, replacing and resuming each need their right."""
        cases: list[tuple[dict[str, bool], int, int, int]] = [
            ({"create": False}, 550, 226, 226),
            ({"overwrite": False}, 226, 550, 550),
            ({"create": False, "overwrite": False}, 550, 550, 550),
        ]
        for rights, of_new, of_old, resumed in cases:
            dialogue = self.logged_in(user_with(Permission("/", **rights)))
            dialogue.files.write("/old", b"old")
            dialogue.upload("STOR new", b"octets", expect=of_new)
            dialogue.upload("STOR old", b"octets", expect=of_old)
            dialogue.say("REST 1", expect=350)
            dialogue.upload("STOR old", b"octets", expect=resumed)

    def test_what_must_not_be_replaced_looks_missing(self) -> None:
        """An account that may only create is not told whether a name was taken."""
        dialogue = self.logged_in(user_with(Permission("/", overwrite=False)))
        dialogue.files.write("/old", b"old")
        self.assertEqual(dialogue.upload("STOR old", b"", expect=550), dialogue.upload("STOR no/x", b"", expect=550))

    def test_a_store_that_cannot_seek_is_told(self) -> None:
        """When the store refuses the offset the file is given up as it was, and the client hears why."""

        class Unseekable(MemoryPathIO):
            async def open(self, path: VirtualPath, mode: Any, *, create: bool = True) -> Any:
                file = await super().open(path, mode, create=create)
                file.seek = self.refuse  # type: ignore[assignment]
                return file

            async def refuse(self, *_: object) -> None:
                raise StorageFailure("no seeking on tape")

        files = DialogueFiles()
        files.write("/a", b"0123456789")
        dialogue = self.logged_in(path_io_factory=partial(Unseekable, files=files))
        dialogue.say("REST 3", expect=350)
        dialogue.upload("STOR a", b"xyz", expect=451)
        self.assertEqual(files.read("/a"), b"0123456789")


class AppeTests(ImageConversationTestCase):
    """APPE."""

    def test_octets_are_appended(self) -> None:
        """A file that is there grows, and one that is not is made."""
        dialogue = self.logged_in()
        dialogue.upload("APPE a", b"one")
        dialogue.upload("APPE a", b"two")
        self.assertEqual(dialogue.files.read("/a"), b"onetwo")

    def test_there_is_no_offset(self) -> None:
        """554 comes for APPE and STOU after REST, and the offset is gone then."""
        dialogue = self.logged_in()
        dialogue.agree()
        for line in ("APPE a", "STOU"):
            dialogue.say("REST 1", expect=350)
            dialogue.say(line, expect=554)
        dialogue.upload("APPE a", b"one")

    def test_what_may_not_be_appended_to_seems_missing(self) -> None:
        """Its reply is that for a place where nothing may be made, whether something is there or not."""
        dialogue = self.logged_in(user_with(Permission("/", append=False), Permission("/none", False, False)))
        dialogue.files.write("/old", b"old")
        for path in ("old", "none/x"):
            dialogue.upload(f"APPE {path}", b"octets", expect=550)
            self.assertEqual(dialogue.last_reply, replies.PATH_UNAVAILABLE)

    def test_rights_decide_what_it_may_do(self) -> None:
        """Creating and appending each need their right."""
        cases: list[tuple[dict[str, bool], int, int]] = [
            ({"create": False}, 550, 226),
            ({"append": False}, 226, 550),
            ({"create": False, "append": False}, 550, 550),
        ]
        for rights, of_new, of_old in cases:
            dialogue = self.logged_in(user_with(Permission("/", **rights)))
            dialogue.files.write("/old", b"old")
            dialogue.upload("APPE new", b"octets", expect=of_new)
            dialogue.upload("APPE old", b"octets", expect=of_old)


class LostNameTests(ImageConversationTestCase):
    """Uploads whose name is taken from them, with files on a disk."""

    def test_an_upload_in_place_needs_its_name_to_the_end(self) -> None:
        """550 comes where somebody has removed or replaced the file; one that was renamed has all of it."""
        for loses, code in ((os.unlink, 550), (self.replace, 550), (self.rename, 226)):
            for line in ("APPE old", "APPE new"):
                root = Path(self.mktemp())
                root.mkdir()
                (root / "old").write_bytes(b"old")
                dialogue = self.logged_in([User("user", "password", root)], path_io_factory=PathIO, path_threads=0)
                data = dialogue.agree()
                dialogue.say(line, expect=150)
                data.send(b"one")
                loses(root / line.split(" ")[1])
                data.send(b"two")
                data.end()
                self.assertEqual(dialogue.last_reply.code, code, (loses, line))
                self.assertTrue(code == 550 or (root / "renamed").read_bytes().endswith(b"onetwo"))

    def replace(self, path: Path) -> None:
        """Put another file in the place of one."""
        (path.parent / "other").write_bytes(b"other")
        (path.parent / "other").rename(path)

    def rename(self, path: Path) -> None:
        """Give a file another name."""
        path.rename(path.parent / "renamed")


class StouTests(ImageConversationTestCase):
    """STOU."""

    def stored(self, dialogue: Dialogue, line: str) -> str:
        """Upload, and return the name that the 150 reply tells."""
        before = len(dialogue.replies())
        dialogue.upload(line, b"octets")
        marks = [one.lines[0] for one in dialogue.replies()[before:] if one.code == 150]
        return marks[0].removeprefix("FILE: ")

    def test_the_name_is_told(self) -> None:
        """The 150 reply has the form that RFC 1123 asks for, with a name that RETR takes."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/d")
        dialogue.say("CWD d", expect=250)
        for line in ("STOU", "STOU a", "STOU /", "STOU /b"):
            name = self.stored(dialogue, line)
            self.assertEqual(dialogue.download(f"RETR {name}"), b"octets", line)

    def test_the_place_of_the_new_name_must_grant_it(self) -> None:
        """What is granted below the argument alone makes no file beside it; what is granted around it makes one."""
        denied = Permission("/", create=False)
        dialogue = self.logged_in(user_with(denied, Permission("/upload"), Permission("/none/drop")))
        for directory in ("/upload", "/none"):
            dialogue.files.make_directory(directory)
        for line in ("STOU /upload", "STOU /none/drop", "STOU /none/other", "STOU"):
            dialogue.upload(line, b"octets", expect=550)
        self.assertEqual(sorted(dialogue.files.names()), ["none", "upload"])
        self.assertEqual(dialogue.files.names("/none"), [])
        dialogue.upload("STOU /upload/report", b"octets")
        self.assertEqual(len(dialogue.files.names("/upload")), 1)

    def test_every_name_is_new(self) -> None:
        """The same command gives another name each time, which begins with the one that was given."""
        dialogue = self.logged_in()
        names = {self.stored(dialogue, "STOU report") for _ in range(20)}
        self.assertEqual(len(names), 20)
        self.assertEqual({name[:6] for name in names}, {"report"})

    def test_a_name_that_is_taken_is_not_used(self) -> None:
        """Another name is tried when somebody has one already; at some time that ends."""
        suffixes = iter(["a", "a", "b"])
        dialogue = self.logged_in()
        with patch.object(type(dialogue.protocol.connection), "unique_suffix", lambda _self: next(suffixes)):
            self.assertEqual(self.stored(dialogue, "STOU"), "upload-a")
            self.assertEqual(self.stored(dialogue, "STOU"), "upload-b")

        class Taken(MemoryPathIO):
            async def open(self, path: VirtualPath, mode: Any, *, create: bool = True) -> MemoryFile:
                raise PathExists(str(path))

        dialogue = self.logged_in(path_io_factory=Taken)
        with patch.object(transfers, "UNIQUE_NAMES_TRIED", 3):
            dialogue.upload("STOU", b"", expect=550)


class LinkTests(ImageConversationTestCase):
    """Uploads through links inside the root, with files on a disk."""

    def through_link(self, permission: Permission) -> tuple[Dialogue, Path]:
        """Return a dialogue with a link to a place with this permission, and the place."""
        root = Path(self.mktemp())
        (root / "place").mkdir(parents=True)
        (root / "place" / "old").write_bytes(b"old")
        os.symlink("place", root / "link")
        users = [User("user", "password", root, permissions=[Permission("/"), permission])]
        return self.logged_in(users, path_io_factory=PathIO, path_threads=0), root / "place"

    def test_the_place_must_grant_what_happens_there(self) -> None:
        """Through a link an upload needs each right that it may use at the place it leads to."""
        for right, line in (
            ("overwrite", "STOR link/old"),
            ("create", "STOR link/new"),
            ("append", "APPE link/old"),
            ("create", "STOU link/new"),
        ):
            dialogue, place = self.through_link(Permission("/place", **{right: False}))
            dialogue.upload(line, b"octets", expect=550)
            self.assertEqual([(path.name, path.read_bytes()) for path in place.iterdir()], [("old", b"old")], line)

    def test_resuming_asks_for_the_right_there(self) -> None:
        """REST and STOR through a link need the right to overwrite where it leads."""
        dialogue, place = self.through_link(Permission("/place", overwrite=False))
        dialogue.say("REST 1", expect=350)
        dialogue.upload("STOR link/old", b"xx", expect=550)
        self.assertEqual((place / "old").read_bytes(), b"old")

    def test_an_allowed_place_takes_the_upload(self) -> None:
        """A link to a place that grants everything is like the place itself."""
        dialogue, place = self.through_link(Permission("/place"))
        dialogue.upload("STOR link/new", b"octets")
        dialogue.upload("APPE link/old", b"er")
        self.assertEqual((place / "new").read_bytes(), b"octets")
        self.assertEqual((place / "old").read_bytes(), b"older")
