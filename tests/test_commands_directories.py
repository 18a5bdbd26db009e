# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what a listing may show, and for the facts about permissions.
"""

from __future__ import annotations

import stat
from pathlib import Path, PurePath

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver import Permission, User, VirtualPath
from ftpserver.commands.directories import BATCH, permission_fact
from ftpserver.core.status import FileStatus
from ftpserver.core.users import CONCERN_ALL_BELOW, Right
from ftpserver.errors import NoSuchPath
from ftpserver.pathio.local import PathIO
from ftpserver.testing import Dialogue
from tests.conversation import ConversationTestCase, user_with

NOTHING = {"readable": False, "writable": False}


class HiddenTests(ConversationTestCase):
    """Entries that the account may not know of."""

    def names(self, dialogue: Dialogue, path: str = "") -> list[str]:
        """Return the names that NLST shows."""
        return dialogue.download(f"NLST {path}").decode().split()

    def test_a_place_without_any_right_is_not_shown(self) -> None:
        """What grants nothing is left out of every listing."""
        dialogue = self.logged_in(user_with(Permission("/"), Permission("/hidden", **NOTHING)))
        dialogue.files.write("/hidden/f")
        dialogue.files.write("/shown")
        self.assertEqual(self.names(dialogue), ["shown"])
        for line in ("LIST", "LIST -R", "LIST *", "MLSD"):
            self.assertNotIn(b"hidden", dialogue.download(line), line)
        self.assertNotIn("hidden", str(dialogue.say("STAT /", expect=212)))

    def test_the_way_to_an_allowed_place_is_shown(self) -> None:
        """A directory that grants nothing itself is shown when something below it does."""
        permissions = [Permission("/"), Permission("/a", **NOTHING), Permission("/a/b/c")]
        dialogue = self.logged_in(user_with(*permissions))
        dialogue.files.make_directory("/a/b/c")
        self.assertEqual(self.names(dialogue), ["a"])
        dialogue.download("NLST a", expect=550)

    def test_a_hidden_place_below_hides_nothing_else(self) -> None:
        """Only the names on the way to a special place are looked at."""
        permissions = [Permission("/"), Permission("/a/b", **NOTHING), Permission("/a/b/c", **NOTHING)]
        dialogue = self.logged_in(user_with(*permissions))
        dialogue.files.make_directory("/a/b/c")
        dialogue.files.make_directory("/a/d")
        self.assertEqual(self.names(dialogue), ["a"])
        self.assertEqual(self.names(dialogue, "a"), ["a/d"])


class PermissionFactTests(ConversationTestCase):
    """The fact that tells what the commands would allow."""

    def facts(self, dialogue: Dialogue, command: str) -> dict[str, str]:
        """Return the permission fact of each entry."""
        if command == "MLSD":
            lines = dialogue.download("MLSD").decode().splitlines()
        else:
            lines = [dialogue.say(f"MLST {name}", expect=250).lines[1] for name in dialogue.files.names()]
        return {line.partition(" ")[2].lstrip("/"): line.partition("=")[2].partition(";")[0] for line in lines}

    def assert_facts(self, users: list[User], **wanted: str) -> None:
        """Assert the permission facts of a file and a directory, in MLSD and MLST."""
        dialogue = self.converse(users)
        dialogue.files.write("/f")
        dialogue.files.make_directory("/d")
        dialogue.login()
        dialogue.say("OPTS MLST perm;", expect=200)
        for command in ("MLSD", "MLST"):
            self.assertEqual(self.facts(dialogue, command), wanted)

    def test_every_right_has_its_letter(self) -> None:
        """Whoever may do everything sees every letter."""
        self.assert_facts(user_with(Permission("/")), f="adfrw", d="cdeflmp")

    def test_a_reader_may_read(self) -> None:
        """Whoever may only read sees the letters for that."""
        self.assert_facts(user_with(Permission("/", writable=False)), f="r", d="el")

    def test_single_rights_have_their_letters(self) -> None:
        """Each right shows as its letter, for the kind of entry that it is about."""
        for right, of_file, of_directory in (
            ("create", "r", "cel"),
            ("overwrite", "rw", "el"),
            ("append", "ar", "el"),
            ("delete", "dr", "elp"),
            ("rename", "fr", "efl"),
            ("mkdir", "r", "elm"),
            ("rmdir", "r", "del"),
            ("attributes", "r", "el"),
        ):
            permission = Permission("/", writable=False, **{right: True})
            self.assert_facts(user_with(permission), f=of_file, d=of_directory)

    def test_a_place_of_its_own_has_its_own_letters(self) -> None:
        """An entry with a permission of its own shows that one."""
        self.assert_facts(user_with(Permission("/"), Permission("/d", writable=False)), f="adfrw", d="el")

    def test_rights_may_be_asked_somewhere_else(self) -> None:
        """An account that decides about each path itself is asked about each entry."""

        class Asking(User):
            async def get_permissions(self, path: str | PurePath | VirtualPath) -> Permission:
                return Permission("/", writable=str(path) == "/f")

        self.assert_facts([Asking("user", "password")], f="adfrw", d="el")

    def test_where_the_session_stands_cannot_be_moved(self) -> None:
        """The way to the current directory shows neither the letter of renaming nor that of removing, its name only."""
        dialogue = self.converse(user_with(Permission("/"), Permission("/special", writable=False)))
        for path in ("/a/here", "/a/there", "/b", "/special"):
            dialogue.files.make_directory(path)
        dialogue.login()
        dialogue.say("OPTS MLST perm;", expect=200)
        dialogue.say("CWD a/here", expect=250)
        for path, wanted in (
            ("/", {"a": "celmp", "b": "cdeflmp", "special": "el"}),
            ("/a", {"here": "celmp", "there": "cdeflmp"}),
        ):
            lines = dialogue.download(f"MLSD {path}").decode().splitlines()
            shown = {line.partition(" ")[2]: line.partition("=")[2].partition(";")[0] for line in lines}
            self.assertEqual(shown, wanted, path)


class EachEntryTests(ConversationTestCase):
    """An account that decides about each path itself."""

    def setUp(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Asking(User):
            async def get_permissions(self, path: str | PurePath | VirtualPath) -> Permission:
                asked.append(str(path))
                return Permission("/", writable=str(path).endswith("0"))

        self.dialogue = self.logged_in([Asking("user", "password")])
        self.names = [f"/{number:03}" for number in range(2 * BATCH + 1)]
        for name in self.names:
            self.dialogue.files.write(name)
        self.dialogue.say("OPTS MLST perm;", expect=200)
        self.asked.clear()

    def test_each_entry_of_every_batch_has_its_own_fact(self) -> None:
        """However long the directory is, each entry is asked about once, and shows what was answered about it."""
        lines = self.dialogue.download("MLSD").decode().splitlines()
        wanted = [f"perm={'adfrw' if name.endswith('0') else 'r'}; {name[1:]}" for name in self.names]
        self.assertEqual(lines, wanted)
        self.assertEqual([path for path in self.asked if path != "/"], self.names)

    def test_an_account_is_asked_only_for_what_is_shown(self) -> None:
        """LIST and NLST, and MLSD without the fact, ask about no single entry."""
        self.dialogue.say("OPTS MLST size;", expect=200)
        for command in ("LIST", "NLST", "MLSD", "LIST *", "STAT /"):
            if command.startswith("STAT"):
                self.dialogue.say(command, expect=212)
            else:
                self.dialogue.download(command)
            self.assertEqual(set(self.asked) & set(self.names), set(), command)


class LinksTests(ConversationTestCase):
    """Links of a real directory, behind which commands ask for their rights at both ends."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp()).absolute()
        for path in ("open", "closed/directory"):
            (self.base / path).mkdir(parents=True)
        for path in ("open/file", "closed/file", "closed/directory/inner"):
            (self.base / path).touch()
        for path, target in (
            ("open/to-file", "../closed/file"),
            ("open/to-directory", "../closed/directory"),
            ("closed/to-open", "../open/file"),
            ("open/nowhere", "nothing"),
        ):
            (self.base / path).symlink_to(target)

    def facts(self, directory: str, path_io: type[PathIO] = PathIO, **rights: bool) -> dict[str, str]:
        """Return what MLSD shows, and MLST as well, where ``/closed`` has rights of its own."""
        users = user_with(Permission("/"), Permission("/closed", **rights), base_path=self.base)
        dialogue = self.logged_in(users, path_io_factory=path_io, path_threads=0)
        dialogue.say("OPTS MLST perm;", expect=200)
        lines = dialogue.download(f"MLSD {directory}").decode().splitlines()
        shown = {line.partition(" ")[2]: line.partition("=")[2].partition(";")[0] for line in lines}
        if path_io is PathIO:
            for name, letters in shown.items():
                line = dialogue.say(f"MLST {directory}/{name}", expect=250).lines[1]
                self.assertEqual(line, f"perm={letters}; {directory}/{name}")
        return shown

    def test_a_link_has_the_letters_of_both_ends(self) -> None:
        """What is forbidden at either end is not promised; the link itself may go by the right to delete there."""
        wanted = {"file": "adfrw", "to-file": "dr", "to-directory": "del"}
        self.assertEqual(self.facts("/open", writable=False), wanted)
        self.assertEqual(self.facts("/closed", writable=False), {"file": "r", "directory": "el", "to-open": "r"})

    def test_what_lies_behind_a_link(self) -> None:
        """An entry of a directory that a link led to has the letters of both its paths."""
        self.assertEqual(self.facts("/open/to-directory", writable=False), {"inner": "r"})
        self.assertEqual(self.facts("/open/to-directory", delete=False), {"inner": "afrw"})

    def test_a_link_that_goes_meanwhile(self) -> None:
        """A link that has vanished when it is looked behind shows what its own place grants."""

        class Vanishing(PathIO):
            asked = 0

            async def stat(self, path: VirtualPath) -> FileStatus:
                if path.name == "to-file":
                    Vanishing.asked += 1
                    if Vanishing.asked == 2:
                        raise NoSuchPath(str(path))
                return await super().stat(path)

        self.assertEqual(self.facts("/open", Vanishing, writable=False)["to-file"], "adfrw")


class LettersTests(SynchronousTestCase):
    """The letters of one permission."""

    @given(
        st.fixed_dictionaries({right: st.booleans() for right in Right}),
        st.frozensets(st.sampled_from(sorted(CONCERN_ALL_BELOW, key=str))),
        st.sampled_from([stat.S_IFREG, stat.S_IFDIR, stat.S_IFIFO]),
    )
    def test_letters_of_any_rights(self, granted: dict[Right, bool], lacks: frozenset[Right], kind: int) -> None:
        """A letter stands for a right that is granted and not in vain, whatever the other rights."""
        permission = Permission("/", **{right.value: value for right, value in granted.items()})
        has = {right for right, value in granted.items() if value} - lacks
        if kind == stat.S_IFDIR:
            letters = {
                "c": Right.CREATE in has,
                "d": Right.REMOVE_DIRECTORY in has,
                "e": bool({Right.READ, Right.LIST} & has),
                "f": Right.RENAME in has,
                "l": Right.LIST in has,
                "m": Right.MAKE_DIRECTORY in has,
                "p": Right.DELETE in has,
            }
        else:
            letters = {
                "a": Right.APPEND in has,
                "d": Right.DELETE in has,
                "f": Right.RENAME in has,
                "r": Right.READ in has,
                "w": Right.OVERWRITE in has,
            }
        wanted = "".join(letter for letter, shown in letters.items() if shown)
        self.assertEqual(permission_fact(permission, kind | 0o644, lacks), wanted)
