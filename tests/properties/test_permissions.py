# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The *perm* fact tells the truth: each letter is there exactly when the command behind it succeeds.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver import Permission, User
from ftpserver.core.paths import VirtualPath, resolve
from ftpserver.core.users import Right
from ftpserver.pathio.local import PathIO
from ftpserver.testing import Dialogue
from ftpserver.testing.dialogue import DialogueFiles
from tests.properties import fewer

NAMES = ("a", "b", "c")

#: Where links are, where the directory for them is.
LINKS = ("/link", "/a/link", "/b/link")

#: A name that no tree has and no rule is about.
NEW = "new"


class AskedUser(User):
    """An account that decides about each path itself; in the same way, so that the facts must be the same."""

    async def get_permissions(self, path: str | PurePath | VirtualPath) -> Permission:
        """See User."""
        return await super().get_permissions(path)


class KeptFiles(DialogueFiles):
    """Files in memory, where there are no links."""

    base = Path()

    def link(self, path: str, target: str) -> None:
        """Nothing here can be a link."""
        raise NotImplementedError(path)

    def clear(self, path: str) -> None:
        """Empty a directory."""
        self.make_directory(path).children.clear()

    def remove(self) -> None:
        """Nothing is left anyway."""


class RealFiles:
    """The same on a disk, with links."""

    path_io = PathIO

    def __init__(self) -> None:
        self.base = Path(tempfile.mkdtemp())

    def _real(self, path: str) -> Path:
        return self.base / path.lstrip("/")

    def make_directory(self, path: str) -> object:
        """Make a directory; its parents are there."""
        self._real(path).mkdir(exist_ok=True)
        return None

    def write(self, path: str, octets: bytes = b"") -> object:
        """Make a file."""
        return self._real(path).write_bytes(octets)

    def link(self, path: str, target: str) -> None:
        """Make a link that stays within the root."""
        place = self._real(path)
        place.symlink_to(os.path.relpath(self._real(target), place.parent))

    def read(self, path: str) -> bytes:
        """Return what a file holds."""
        return self._real(path).read_bytes()

    def exists(self, path: str) -> bool:
        """Tell whether there is something of that name, which may be a link."""
        return os.path.lexists(self._real(path))

    def clear(self, path: str) -> None:
        """Empty a directory."""
        for one in self._real(path).iterdir():
            one.unlink() if one.is_symlink() or one.is_file() else shutil.rmtree(one)

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.base)


@dataclass(frozen=True)
class Session:
    """
    A session in a copy of a world.

    :ivar files: what it sees, as it really is.
    :ivar links: the paths of those that are there.
    """

    dialogue: Dialogue
    files: KeptFiles | RealFiles
    links: frozenset[str]

    def leave(self) -> None:
        """End it, and leave nothing behind."""
        self.dialogue.lose_connection()
        self.files.remove()


@dataclass(frozen=True)
class World:
    """
    A tree and what an account may do there.

    :ivar directories: their paths; parents are there, too.
    :ivar files: their paths, none of which is that of a directory.
    :ivar links: their paths, none of which is taken, and what they lead to.
    :ivar rules: the permissions of the account.
    :ivar home: the directory that the session is in.
    :ivar decides: whether the account is asked about each path.
    """

    directories: frozenset[str]
    files: frozenset[str]
    links: tuple[tuple[str, str], ...]
    rules: tuple[Permission, ...]
    home: str
    decides: bool

    def open(self) -> Session:
        """Begin a session in a fresh copy."""
        files = RealFiles() if self.links else KeptFiles()
        kind = AskedUser if self.decides else User
        account = kind("user", "password", files.base, self.home, self.rules)
        dialogue = Dialogue([account], path_io_factory=files.path_io, path_threads=0)
        for path in sorted(self.directories):
            files.make_directory(path)
        for path in self.files:
            files.write(path, b"content")
        for path, target in self.links:
            files.link(path, target)
        dialogue.login()
        dialogue.say("TYPE I", expect=200)
        dialogue.say("OPTS MLST type;perm;", expect=200)
        return Session(dialogue, files, frozenset(path for path, _ in self.links))


def _paths(names: Iterable[str] = NAMES) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from([*names]), min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))


_RULES = st.builds(
    lambda path, rights: Permission(path, **{right.value: right in rights for right in Right}),
    _paths() | st.just("/"),
    st.sets(st.sampled_from(Right), min_size=6) | st.sets(st.sampled_from(Right)),
)


@st.composite
def worlds(draw: st.DrawFn, has_links: bool = False) -> World:
    """Draw a tree and rules."""
    ends = draw(st.lists(_paths(), min_size=1, max_size=3, unique=True))
    above = {str(PurePath(*PurePath(path).parts[:depth])) for path in ends for depth in range(1, 4)}
    directories = {path for path in above if path not in ends} | {"/"}
    is_parent = {path for path in ends if any(other.startswith(path + "/") for other in ends)}
    files = frozenset(path for path in ends if path not in is_parent and draw(st.booleans()))
    directories |= {path for path in ends if path not in files}
    free = [path for path in LINKS if posixpath.dirname(path) in directories] if has_links else []
    return World(
        frozenset(directories),
        files,
        tuple((path, draw(st.sampled_from(sorted(directories | files)))) for path in free),
        tuple(draw(st.lists(_RULES, min_size=1, max_size=4))),
        draw(st.sampled_from(sorted(directories))),
        draw(st.booleans()),
    )


def _letters(line: str) -> frozenset[str]:
    """Return the *perm* fact of a line of MLST or MLSD."""
    facts = dict(fact.split("=") for fact in line.partition(" ")[0].split(";")[:-1])
    return frozenset(facts["perm"])


def _shown_by_mlst(at: Session, path: str) -> frozenset[str] | None:
    answer = at.dialogue.say(f"MLST {path}")
    return _letters(answer.lines[1]) if answer.code == 250 else None


def _shown_by_mlsd(at: Session, path: str) -> frozenset[str] | None:
    place = resolve(path)
    connection = at.dialogue.agree()
    if at.dialogue.say(f"MLSD {place.parent}").code != 226:
        return None
    lines = [line.partition(" ") for line in bytes(connection.received).decode().splitlines()]
    return next((_letters(facts) for facts, _, name in lines if name == place.name), None)


def _moves(at: Session, command: str) -> bool:
    """Tell whether *command*, which stores, succeeds."""
    connection = at.dialogue.agree()
    at.dialogue.say(command)
    connection.send(b"sent")
    connection.end()
    return at.dialogue.last_reply.code == 226


def _appends(at: Session, path: str) -> bool:
    return _moves(at, f"APPE {path}") and at.files.read(path) == b"contentsent"


def _overwrites(at: Session, path: str) -> bool:
    return _moves(at, f"STOR {path}") and at.files.read(path) == b"sent"


def _retrieves(at: Session, path: str) -> bool:
    connection = at.dialogue.agree()
    return at.dialogue.say(f"RETR {path}").code == 226 and bytes(connection.received) == b"content"


def _deletes(at: Session, path: str) -> bool:
    return at.dialogue.say(f"DELE {path}").code == 250 and not at.files.exists(path)


def _begins_renaming(at: Session, path: str) -> bool:
    return at.dialogue.say(f"RNFR {path}").code == 350


def _removes(at: Session, path: str) -> bool:
    # Whether there is something in it is no question of permission. A link goes with DELE, a directory with RMD.
    if path in at.links:
        return _deletes(at, path)
    at.files.clear(path)
    return at.dialogue.say(f"RMD {path}").code == 250 and not at.files.exists(path)


def _inside(path: str) -> str:
    return f"{path.rstrip('/')}/{NEW}"


def _creates(at: Session, path: str) -> bool:
    return _moves(at, f"STOR {_inside(path)}") and at.files.exists(_inside(path))


def _enters(at: Session, path: str) -> bool:
    return at.dialogue.say(f"CWD {path}").code == 250


def _lists(at: Session, path: str) -> bool:
    at.dialogue.agree()
    return at.dialogue.say(f"LIST {path}").code == 226


def _makes_directories(at: Session, path: str) -> bool:
    return at.dialogue.say(f"MKD {_inside(path)}").code == 257


def _purges(at: Session, path: str) -> bool:
    at.files.write(_inside(path), b"content")
    return _deletes(at, _inside(path))


#: What each letter promises (RFC 3659, section 7.5.5).
OF_FILES: Mapping[str, Callable[[Session, str], bool]] = {
    "a": _appends,
    "d": _deletes,
    "f": _begins_renaming,
    "r": _retrieves,
    "w": _overwrites,
}
OF_DIRECTORIES: Mapping[str, Callable[[Session, str], bool]] = {
    "c": _creates,
    "d": _removes,
    "e": _enters,
    "f": _begins_renaming,
    "l": _lists,
    "m": _makes_directories,
    "p": _purges,
}


class PermissionFactTests(SynchronousTestCase):
    """What MLST and MLSD say about permission, and what then happens."""

    @fewer(3)
    @given(worlds())
    def test_each_letter_is_kept(self, world: World) -> None:
        """For any tree and any rules, a letter is shown exactly when the command behind it then succeeds."""
        for path in sorted(world.files | world.directories):
            self.assert_kept(world, path, path in world.files)

    @fewer(5)
    @given(worlds(has_links=True))
    def test_each_letter_is_kept_behind_links(self, world: World) -> None:
        """The same goes for a link, whose rules are those of both its ends, and for what lies behind it."""
        for link, target in world.links:
            self.assert_kept(world, link, target in world.files)
            for path in sorted(world.files | world.directories):
                if target != "/" and posixpath.dirname(path) == target:
                    self.assert_kept(world, f"{link}/{posixpath.basename(path)}", path in world.files)

    def assert_kept(self, world: World, path: str, is_file: bool) -> None:
        """Assert that what is shown of *path* is what then happens."""
        session = world.open()
        shown = [_shown_by_mlst(session, path), _shown_by_mlsd(session, path)]
        session.leave()
        told = ["".join(sorted(letters)) for letters in shown if letters is not None]
        if told:
            done = "".join(sorted(self._done(world, path, is_file)))
            self.assertEqual(told, [done] * len(told), f"{path} in {world}")

    def _done(self, world: World, path: str, is_file: bool) -> frozenset[str]:
        letters = set()
        for letter, succeeds in (OF_FILES if is_file else OF_DIRECTORIES).items():
            session = world.open()
            if succeeds(session, path):
                letters.add(letter)
            session.leave()
        return frozenset(letters)
