# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The local store and everything outside its root: whatever links there are, nothing outside is read, changed or told.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.paths import VirtualPath, resolve
from ftpserver.errors import PathError
from ftpserver.pathio import confined
from ftpserver.pathio.local import PathIO
from fuzzing.laws.paths import check_path
from tests.local_store import open_descriptors, trust_everybody
from tests.properties import fewer
from tests.test_confined import build

NAMES = ("a", "b", "c")
SECRET = b"what is outside"

#: What links lead to; the root is beside the place that must stay untouched.
TARGETS = (
    "../outside",
    "../../outside/secret",
    "../outside/secret",
    "/../outside",
    "../../../../../../../../../../etc/passwd",
    "/proc/self/fd/{}",
    "/proc/self/cwd",
    "..",
    "../..",
    "a",
    "b/c",
    "/a/b",
    ".",
)
PARTS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(tuple)
ENTRIES = st.lists(st.tuples(PARTS, st.sampled_from(["file", "directory", *TARGETS])), max_size=8)
PATHS = st.lists(st.sampled_from([*NAMES, "..", "outside", "secret", "root"]), max_size=4).map("/".join)


async def _read(store: PathIO, path: VirtualPath, _other: VirtualPath) -> bytes:
    async with await store.open(path, "rb") as file:
        return await file.read(1000)


def _writing(mode: Any) -> Callable[[PathIO, VirtualPath, VirtualPath], Awaitable[object]]:
    async def write(store: PathIO, path: VirtualPath, _other: VirtualPath) -> None:
        async with await store.open(path, mode) as file:
            await file.write(b"written")

    return write


async def _scan(store: PathIO, path: VirtualPath, _other: VirtualPath) -> list[str]:
    return [name for batch in [batch async for batch in await store.scan(path, 10)] for name, _ in batch]


#: What is done with a path, and in renaming with two.
ACTS: dict[str, Callable[[PathIO, VirtualPath, VirtualPath], Awaitable[object]]] = {
    "read": _read,
    "replace": _writing("wb"),
    "create": _writing("xb"),
    "append": _writing("ab"),
    "write in place": _writing("r+b"),
    "scan": _scan,
    "list": lambda store, path, _: store.list(path),
    "stat": lambda store, path, _: store.stat(path),
    "mkdir": lambda store, path, _: store.mkdir(path),
    "rmdir": lambda store, path, _: store.rmdir(path),
    "unlink": lambda store, path, _: store.unlink(path),
    "rename": lambda store, path, other: store.rename(path, other),
    "chmod": lambda store, path, _: store.chmod(path, 0o700),
    "set_modified": lambda store, path, _: store.set_modified(path, 1.0),
}

ACT = st.sampled_from(sorted(ACTS))


def seen(directory: Path) -> list[tuple[str, int, int, int, bytes]]:
    """Return all that can be known of what is in *directory*, and of itself."""
    found = []
    for path in sorted([directory, *directory.rglob("*")]):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found.append((str(path), status.st_mode, status.st_mtime_ns, status.st_nlink, content))
    return found


class Place:
    """A root with a place beside it that must stay as it is."""

    def __init__(self, entries: list[tuple[tuple[str, ...], str]], walk: bool) -> None:
        self.base = Path(tempfile.mkdtemp())
        self.outside, root = self.base / "outside", self.base / "root"
        self.outside.mkdir()
        root.mkdir()
        (self.outside / "secret").write_bytes(SECRET)
        self.held = os.open(self.outside, os.O_RDONLY)
        build(root, entries, self.held)
        self.before = seen(self.outside)
        self.numbers = {self.outside.stat().st_ino, (self.outside / "secret").stat().st_ino, self.base.stat().st_ino}
        self.descriptors = open_descriptors()
        self.store = PathIO.at(root, walk=walk, trusts=trust_everybody)

    def look(self, answer: object) -> None:
        """See that an answer tells nothing of the outside."""
        assert answer != SECRET, "what is outside was read"
        assert "secret" not in (answer if isinstance(answer, list) else ()), "what is outside was listed"
        assert getattr(answer, "st_ino", None) not in self.numbers, "the stat values of what is outside"
        assert seen(self.outside) == self.before, "something outside has changed"
        assert sorted(one.name for one in self.base.iterdir()) == ["outside", "root"]

    def leave(self) -> None:
        """See that nothing is open any more, and clean up."""
        assert open_descriptors() == self.descriptors, "a descriptor is left open"
        os.close(self.held)
        shutil.rmtree(self.base)


class OutsideTests(SynchronousTestCase):
    """Nothing leads out."""

    @fewer(1)
    @given(
        ENTRIES, st.lists(st.tuples(st.sampled_from(sorted(ACTS)), PATHS, PATHS), min_size=1, max_size=8), st.booleans()
    )
    def test_nothing_outside_is_touched(
        self, entries: list[tuple[tuple[str, ...], str]], acts: list[tuple[str, str, str]], walks: bool
    ) -> None:
        """Whatever is done to whatever path in a tree with any links, all outside stays as it was, and unknown."""
        place = Place(entries, walks or not confined.kernel_confines())
        try:
            for name, text, other in acts:
                check_path(text.encode())
                place.look(self.outcome(ACTS[name](place.store, resolve(text), resolve(other))))
        finally:
            self.outcome(place.store.close())
            place.leave()

    def outcome(self, awaitable: Awaitable[object]) -> object:
        """Return the answer of the store, or nothing where it refuses."""
        assert isinstance(awaitable, Coroutine)
        results: list[object] = []
        ensureDeferred(awaitable).addErrback(lambda failure: failure.trap(PathError) and None).addBoth(results.append)
        (answer,) = results
        if hasattr(answer, "raiseException"):
            answer.raiseException()
        return answer
