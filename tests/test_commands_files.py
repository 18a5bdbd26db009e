# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for DELE, MKD, RMD, RNFR, RNTO, SIZE, MDTM and MFMT.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ftpserver import MemoryPathIO, PathIO, Permission, User, VirtualPath
from ftpserver.core.events import AttributesChanged, Deleted, DirectoryMade, DirectoryRemoved, Renamed
from ftpserver.core.paths import resolve
from ftpserver.core.status import FileStatus
from ftpserver.testing import Dialogue
from tests.conversation import ConversationTestCase, user_with


class RemovingTests(ConversationTestCase):
    """DELE, MKD and RMD."""

    def test_a_file_is_deleted(self) -> None:
        """DELE removes a file and tells of it."""
        dialogue = self.logged_in()
        dialogue.files.write("/a")
        dialogue.say("DELE a", expect=250)
        self.assertEqual(dialogue.files.names(), [])
        self.assertEqual([event.path for event in dialogue.events.of(Deleted)], ["/a"])

    def test_what_is_no_file_is_not_deleted(self) -> None:
        """DELE refuses a directory and what is not there, and tells of nothing."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/d")
        for path in ("d", "missing", "/"):
            dialogue.say(f"DELE {path}", expect=550)
        self.assertEqual(dialogue.events.of(Deleted), [])

    def test_a_directory_is_made(self) -> None:
        """MKD answers with the absolute path, its quotes doubled."""
        dialogue = self.logged_in()
        self.assertEqual(dialogue.say('MKD a"b', expect=257).lines[0], '"/a""b" was made.')
        dialogue.say('XMKD a"b/c', expect=257)
        self.assertEqual(dialogue.files.names('/a"b'), ["c"])
        self.assertEqual([event.path for event in dialogue.events.of(DirectoryMade)], ['/a"b', '/a"b/c'])

    def test_a_directory_is_made_once_and_with_a_parent(self) -> None:
        """MKD refuses a name that is taken and a parent that is not there."""
        dialogue = self.logged_in()
        dialogue.files.write("/f")
        for path in ("f", "f/x", "a/b", "/"):
            dialogue.say(f"MKD {path}", expect=550)
        self.assertEqual(dialogue.files.names(), ["f"])

    def test_blanks_belong_to_the_name(self) -> None:
        """One blank stands behind the verb, and all others are part of the name."""
        dialogue = self.logged_in()
        dialogue.say("MKD  lead", expect=257)
        dialogue.say("MKD trail ", expect=257)
        self.assertEqual(dialogue.files.names(), [" lead", "trail "])

    def test_an_empty_directory_is_removed(self) -> None:
        """RMD removes a directory that holds nothing."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/a/b")
        dialogue.say("RMD a/b", expect=250)
        dialogue.say("XRMD a", expect=250)
        self.assertEqual(dialogue.files.names(), [])
        self.assertEqual([event.path for event in dialogue.events.of(DirectoryRemoved)], ["/a/b", "/a"])

    def test_other_directories_are_not_removed(self) -> None:
        """RMD refuses what holds something, a file, what is missing, the root and where the session is."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/here/below")
        dialogue.files.write("/f")
        dialogue.say("RMD here", expect=550)
        dialogue.say("CWD here/below", expect=250)
        for path in ("/f", "/missing", "/", ".", "..", "/here/below"):
            dialogue.say(f"RMD {path}", expect=550)
        self.assertTrue(dialogue.files.exists("/here/below"))


class RenamingTests(ConversationTestCase):
    """RNFR and RNTO."""

    def test_a_file_is_renamed(self) -> None:
        """RNFR and RNTO together give another name, and tell of both."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"octets")
        dialogue.say("RNFR a", expect=350)
        dialogue.say("RNTO b", expect=250)
        self.assertEqual((dialogue.files.names(), dialogue.files.read("/b")), (["b"], b"octets"))
        self.assertEqual([(event.path, event.new_path) for event in dialogue.events.of(Renamed)], [("/a", "/b")])

    def test_what_is_missing_is_not_renamed(self) -> None:
        """RNFR refuses a missing file, and RNTO is out of place then."""
        dialogue = self.logged_in()
        dialogue.say("RNFR missing", expect=550)
        dialogue.say("RNTO b", expect=503)

    def test_the_new_name_must_follow_at_once(self) -> None:
        """Any other command between RNFR and RNTO forgets the source."""
        dialogue = self.logged_in()
        dialogue.files.write("/a")
        for between in ("NOOP", "NOSUCH", "PWD", "RNFR missing", "STAT"):
            dialogue.say("RNFR a", expect=350)
            dialogue.say(between)
            dialogue.say("RNTO b", expect=503)
        dialogue.say("RNFR a", expect=350)
        dialogue.download("NLST")
        dialogue.say("RNTO b", expect=503)

    def test_a_refused_new_name_forgets_the_source(self) -> None:
        """After an RNTO that failed the client begins again with RNFR."""
        dialogue = self.logged_in()
        dialogue.files.write("/a")
        dialogue.say("RNFR a", expect=350)
        dialogue.say("RNTO no/where", expect=550)
        dialogue.say("RNTO b", expect=503)

    def test_a_second_source_replaces_the_first(self) -> None:
        """The last RNFR counts."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"a")
        dialogue.files.write("/b", b"b")
        dialogue.say("RNFR a", expect=350)
        dialogue.say("RNFR b", expect=350)
        dialogue.say("RNTO c", expect=250)
        self.assertEqual((dialogue.files.names(), dialogue.files.read("/c")), (["a", "c"], b"b"))

    def test_a_login_forgets_the_source(self) -> None:
        """USER and REIN between RNFR and RNTO leave nothing to rename."""
        dialogue = self.logged_in()
        dialogue.files.write("/a")
        for line in ("USER user", "REIN"):
            dialogue.say("RNFR a", expect=350)
            dialogue.say(line)
            dialogue.login()
            dialogue.say("RNTO b", expect=503)

    def test_a_file_is_replaced_by_who_may_overwrite(self) -> None:
        """A file that has the new name is replaced, unless the account may not overwrite."""
        for overwrite, code in ((True, 250), (False, 550)):
            dialogue = self.logged_in(user_with(Permission("/", overwrite=overwrite)))
            dialogue.files.write("/a", b"a")
            dialogue.files.write("/b", b"b")
            dialogue.say("RNFR a", expect=350)
            dialogue.say("RNTO b", expect=code)
            self.assertEqual(dialogue.files.read("/b"), b"a" if overwrite else b"b")

    def test_a_directory_is_never_replaced(self) -> None:
        """Nothing is renamed over a directory, and no directory over a file."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/d/inner")
        dialogue.files.make_directory("/e")
        dialogue.files.write("/f")
        for source, target in (("f", "d"), ("e", "d"), ("d", "e"), ("d", "f")):
            dialogue.say(f"RNFR {source}", expect=350)
            dialogue.say(f"RNTO {target}", expect=550)
        dialogue.say("RNFR d", expect=350)
        dialogue.say("RNTO d/inner/d", expect=553)

    def test_the_directory_of_the_session_is_not_renamed(self) -> None:
        """The root and every directory that the session is in keep their names."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/a/b")
        dialogue.say("CWD a/b", expect=250)
        for path in ("/", "/a", "/a/b", "."):
            dialogue.say(f"RNFR {path}", expect=550)

    def test_both_names_need_the_right(self) -> None:
        """The account must be allowed to rename at both places."""
        permissions = [Permission("/"), Permission("/fixed", rename=False)]
        dialogue = self.logged_in(user_with(*permissions))
        dialogue.files.write("/fixed/a")
        dialogue.files.write("/b")
        dialogue.say("RNFR fixed/a", expect=550)
        dialogue.say("RNFR b", expect=350)
        dialogue.say("RNTO fixed/b", expect=550)

    def test_a_parent_needs_the_rights_of_what_is_below(self) -> None:
        """Moving or removing a directory asks for the rights at every place below it."""
        dialogue = self.logged_in(user_with(Permission("/"), Permission("/a/b/fixed", rename=False, rmdir=False)))
        dialogue.files.make_directory("/a/b/fixed")
        dialogue.files.make_directory("/c")
        for path in ("a", "a/b"):
            dialogue.say(f"RNFR {path}", expect=550)
            dialogue.say(f"RMD {path}", expect=550)
        dialogue.say("RNFR c", expect=350)


class FactTests(ConversationTestCase):
    """SIZE, MDTM and MFMT."""

    def test_the_size_is_that_of_the_transfer(self) -> None:
        """SIZE is exact in image type, and refused where line ends would change it."""
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"1\n2\n")
        dialogue.say("SIZE a", expect=550)
        dialogue.say("TYPE I", expect=200)
        self.assertEqual(dialogue.say("SIZE a", expect=213).lines, ("4",))

    def test_only_files_have_a_size(self) -> None:
        """SIZE refuses a directory and what is missing."""
        dialogue = self.logged_in()
        dialogue.files.make_directory("/d")
        dialogue.say("TYPE I", expect=200)
        for path in ("d", "missing", "/"):
            dialogue.say(f"SIZE {path}", expect=550)

    def test_times_are_told(self) -> None:
        """MDTM tells the time of the last change in UTC, also of a directory."""
        dialogue = self.logged_in()
        dialogue.files.write("/a").modified = 938_573_000.9
        self.assertEqual(dialogue.say("MDTM a", expect=213).lines, ("19990929024320",))
        dialogue.say("MDTM /", expect=213)
        dialogue.say("MDTM missing", expect=550)

    def test_a_name_may_look_like_a_time(self) -> None:
        """MDTM takes everything behind the verb for the name."""
        dialogue = self.logged_in()
        dialogue.files.write("/19990929043300 file6").modified = 0
        self.assertEqual(dialogue.say("MDTM 19990929043300 file6", expect=213).lines, ("19700101000000",))

    def test_only_a_file_has_a_size(self) -> None:
        """550 comes for what has become a directory since it was looked at first."""
        stat = MemoryPathIO.stat
        dialogue = self.logged_in()
        dialogue.files.write("/a", b"octets")
        dialogue.files.make_directory("/d")
        paths = iter(["/a", "/d"])

        async def changing(store: MemoryPathIO, path: VirtualPath) -> FileStatus:
            return await stat(store, resolve(next(paths)))

        dialogue.say("TYPE I", expect=200)
        self.patch(MemoryPathIO, "stat", changing)
        dialogue.say("SIZE a", expect=550)
        self.assertEqual(list(paths), [])

    def test_times_are_set(self) -> None:
        """MFMT sets the time, tells it, and publishes it."""
        dialogue = self.logged_in()
        node = dialogue.files.write("/a b")
        for time, modified in (
            ("20380119031408", 2**31),
            ("19691231235959", -1),
            ("20000229120000", 951_825_600),
        ):
            reply = dialogue.say(f"MFMT {time} a b", expect=213)
            self.assertEqual(reply.lines, (f"Modify={time}; /a b",))
            self.assertEqual(node.modified, modified)
        self.assertEqual(dialogue.events.of(AttributesChanged)[0].change, "modify=20380119031408")

    def test_the_time_that_the_file_has_is_told(self) -> None:
        """A store with bounds may take the nearest time that it can keep; a fraction is kept and not told."""

        set_modified = MemoryPathIO.set_modified

        async def bounded(store: MemoryPathIO, path: VirtualPath, modified: float) -> None:
            await set_modified(store, path, min(modified, 2**31))

        self.patch(MemoryPathIO, "set_modified", bounded)
        dialogue = self.logged_in()
        node = dialogue.files.write("/a")
        for time, told in (("99991231235959", "20380119031408"), ("20010203040506." + "25" * 3000, "20010203040506")):
            self.assertEqual(dialogue.say(f"MFMT {time} a", expect=213).lines, (f"Modify={told}; /a",))
            self.assertEqual(dialogue.say("MDTM a", expect=213).lines, (told,))
            self.assertEqual(dialogue.events.of(AttributesChanged)[-1].change, f"modify={told}")
        self.assertEqual(node.modified, 981173106.252525)

    def test_what_is_no_time_is_refused(self) -> None:
        """501 comes for a date that is none, and nothing is changed."""
        dialogue = self.logged_in()
        node = dialogue.files.write("/a")
        node.modified = 5
        for time in ("20010229000000", "20011301000000", "2001", "x", "20010101000000x", "-0010101000000"):
            dialogue.say(f"MFMT {time} a", expect=501)
        dialogue.say("MFMT 20010101000000 missing", expect=550)
        self.assertEqual(node.modified, 5)

    def test_times_need_a_right(self) -> None:
        """Who may not change attributes is refused."""
        dialogue = self.logged_in(user_with(Permission("/", attributes=False)))
        dialogue.files.write("/a")
        dialogue.say("MFMT 20010101000000 a", expect=550)


class LinkTests(ConversationTestCase):
    """What links inside the root lead to, with files on a disk."""

    def on_disk(self, *permissions: Permission, **keywords: Any) -> tuple[Dialogue, Path]:
        """Return a dialogue and the directory that its user sees as the root."""
        root = Path(self.mktemp())
        root.mkdir()
        users = [User("user", "password", root, permissions=permissions or None)]
        return self.logged_in(users, path_io_factory=PathIO, path_threads=0, **keywords), root

    def test_a_new_name_behind_a_link_asks_for_the_rights_there(self) -> None:
        """RNTO through a link replaces nothing where it leads without the right to overwrite there."""
        dialogue, root = self.on_disk(Permission("/"), Permission("/kept", overwrite=False))
        (root / "kept").mkdir()
        (root / "kept" / "a").write_text("kept")
        (root / "b").write_text("new")
        os.symlink("kept", root / "link")
        dialogue.say("RNFR b", expect=350)
        dialogue.say("RNTO link/a", expect=550)
        self.assertEqual((root / "kept" / "a").read_text(), "kept")

    def test_a_link_is_deleted_and_not_its_target(self) -> None:
        """DELE of a link leaves what it leads to."""
        dialogue, root = self.on_disk()
        (root / "a").write_text("octets")
        os.symlink("a", root / "link")
        dialogue.say("DELE link", expect=250)
        self.assertEqual([path.name for path in root.iterdir()], ["a"])

    def test_a_link_opens_no_forbidden_place(self) -> None:
        """A link from an allowed place to a forbidden one gives nothing there."""
        dialogue, root = self.on_disk(Permission("/"), Permission("/secret", readable=False, writable=False))
        (root / "secret").mkdir()
        (root / "secret" / "a").write_text("secret")
        os.symlink("secret", root / "link")
        dialogue.say("TYPE I", expect=200)
        for line in (
            "SIZE link/a",
            "MDTM link/a",
            "DELE link/a",
            "MKD link/b",
            "CWD link",
            "MFMT 20010101000000 link/a",
        ):
            dialogue.say(line, expect=550)
        for line in ("RETR link/a", "LIST link", "MLSD link", "NLST link"):
            self.assertEqual(dialogue.download(line, expect=550), b"", line)
        for line in ("STOR link/a", "APPE link/a", "STOR link/c", "STOU link/d"):
            dialogue.upload(line, b"octets", expect=550)
        self.assertEqual([(path.name, path.read_text()) for path in (root / "secret").iterdir()], [("a", "secret")])
