# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Local stores for tests, and systems on which one call or another fails.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ftpserver.core.paths import resolve
from ftpserver.core.uploads import UploadPolicy
from ftpserver.pathio.confined import Root, _How
from ftpserver.pathio.local import PathIO
from ftpserver.pathio.mount_table import MountEntry, MountTable
from ftpserver.pathio.system import FileSystem

__all__ = [
    "LOCAL_DISK",
    "FailingSystem",
    "FixedTable",
    "FoldingRoot",
    "LocalStoreTestCase",
    "NoUnnamedFiles",
    "open_descriptors",
    "os_error",
    "trust_everybody",
    "unprivileged",
]

T = TypeVar("T")

#: A mount of a local file system.
LOCAL_DISK = MountEntry("ext4", "/srv")

#: Number of the user and the group that own nothing.
_NOBODY = 65534


def os_error(number: int) -> OSError:
    """Return the error of the system that has *number*."""
    return OSError(number, os.strerror(number))


def open_descriptors() -> set[str]:
    """Return the files and directories that this process has open, as /proc tells it."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except FileNotFoundError:
            continue
    # Sockets and pipes are of the reactor, which makes them when it likes.
    return {one for one in found if " /" in one and " /proc/" not in one and " /dev/" not in one}


@contextmanager
def unprivileged(base: Path) -> Iterator[None]:
    """Be a user without privileges, who owns *base* and all below, in the ``with`` block."""
    if os.geteuid() != 0:
        yield
        return
    # trial makes a directory that only its owner may search.
    base.parent.chmod(0o711)
    for path in (base, *base.rglob("*")):
        os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
    os.setegid(_NOBODY)
    os.seteuid(_NOBODY)
    try:
        if not os.access(base, os.X_OK, effective_ids=True):
            raise SkipTest("the temporary directory is closed to users without privileges")
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


class FailingSystem(FileSystem):
    """
    A system whose calls fail when told so.

    :ivar failures: the errno with which each call fails from now on, by the name of its method.
    :ivar calls: the names of the methods in the order of their calls.
    """

    def __init__(self) -> None:
        self.failures: dict[str, int] = {}
        self.calls: list[str] = []

    def _enter(self, name: str) -> None:
        self.calls.append(name)
        number = self.failures.get(name)
        if number is not None:
            raise os_error(number)

    def read(self, descriptor: int, amount: int, offset: int) -> bytes:
        self._enter("read")
        return super().read(descriptor, amount, offset)

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        self._enter("write")
        return super().write(descriptor, data, offset)

    def append(self, descriptor: int, data: memoryview) -> int:
        self._enter("append")
        return super().append(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        self._enter("fsync")
        super().fsync(descriptor)

    def close(self, descriptor: int) -> None:
        # The descriptor is closed even when the system tells of an error.
        super().close(descriptor)
        self._enter("close")

    def open_unnamed(self, directory: int, flags: int, mode: int) -> int:
        self._enter("open_unnamed")
        return super().open_unnamed(directory, flags, mode)

    def lock(self, descriptor: int) -> None:
        self._enter("lock")
        super().lock(descriptor)

    def link(self, descriptor: int, name: str, directory: int) -> None:
        self._enter("link")
        super().link(descriptor, name, directory)

    def link_name(self, source: str, target: str, source_directory: int, target_directory: int) -> None:
        self._enter("link_name")
        super().link_name(source, target, source_directory, target_directory)

    def rename(self, source: str, target: str, source_directory: int, target_directory: int) -> None:
        self._enter("rename")
        super().rename(source, target, source_directory, target_directory)

    def rename_new(self, source: str, target: str, source_directory: int, target_directory: int) -> None:
        self._enter("rename_new")
        super().rename_new(source, target, source_directory, target_directory)


class FixedTable(MountTable):
    """
    A table of mounts that says of every descriptor what a test wants.

    :ivar entry: the mount.
    :ivar changed: whether the next look sees a change.
    """

    def __init__(self, entry: MountEntry | None = LOCAL_DISK) -> None:
        super().__init__()
        self.entry = entry
        self.changed = False

    def entry_of(self, descriptor: int) -> MountEntry | None:
        return self.entry

    def has_changed(self) -> bool:
        changed, self.changed = self.changed, False
        return changed


class FoldingRoot(Root):
    """A root whose directories fold case, and keep the names of their entries in small letters."""

    def _without_links(self, parts: Sequence[str], how: _How) -> int:
        return super()._without_links([part.lower() for part in parts], how)

    def child_without_links(self, directory: int, name: str) -> int:
        return super().child_without_links(directory, name.lower())

    def _ask_kernel(self, root: int, path: bytes, how: _How) -> int:
        return super()._ask_kernel(root, path.lower(), how)


def trust_everybody() -> bool:
    """Say of every login that the spelling of a name does not matter."""
    return True


class NoUnnamedFiles(FailingSystem):
    """A system whose file systems have no files without a name."""

    def __init__(self) -> None:
        super().__init__()
        self.failures["open_unnamed"] = errno.EOPNOTSUPP


class LocalStoreTestCase(SynchronousTestCase):
    """
    Tests of a store whose calls are made here.

    :ivar root: the real path of its root.
    :ivar system: what fails on demand.
    :ivar store: the store.
    """

    def setUp(self) -> None:
        self.base = Path(self.mktemp()).absolute()
        self.root = self.base / "root"
        self.root.mkdir(parents=True)
        self.system = FailingSystem()
        self.store = self.make_store()

    def make_store(self, **keywords: Any) -> PathIO:
        """Return a store, closed after the test."""
        keywords.setdefault("system", self.system)
        keywords.setdefault("trusts", trust_everybody)
        keywords["uploads"] = UploadPolicy(**keywords.pop("policy", {}))
        store = PathIO.at(self.root, **keywords)
        self.addCleanup(lambda: self.run_now(store.close()))
        return store

    def run_now(self, awaitable: Awaitable[T]) -> T:
        """Return what *awaitable* gives at once."""
        assert isinstance(awaitable, Coroutine)
        result: T = self.successResultOf(ensureDeferred(awaitable))
        return result

    def refused(self, awaitable: Awaitable[object], *kinds: type[Exception]) -> Exception:
        """Return the failure of *awaitable*, which is one of *kinds*."""
        assert isinstance(awaitable, Coroutine)
        failure = self.failureResultOf(ensureDeferred(awaitable), *kinds)
        assert isinstance(failure.value, Exception)
        return failure.value

    def upload(self, path: str, content: bytes = b"content", mode: Any = "wb", store: PathIO | None = None) -> None:
        """Store *content*."""
        file = self.run_now((store or self.store).open(resolve(path), mode))
        self.run_now(file.write(content))
        self.run_now(file.close())

    def names(self) -> list[str]:
        """Return the real names in the root."""
        return sorted(os.listdir(self.root))

    def read(self, path: str, store: PathIO | None = None) -> bytes:
        """Return the content of a file, as the store reads it."""
        file = self.run_now((store or self.store).open(resolve(path), "rb"))
        content = self.run_now(file.read(1_000_000))
        self.run_now(file.close())
        return content

    def unprivileged(self) -> AbstractContextManager[None]:
        """Be a user without privileges, who owns the root, in the ``with`` block."""
        return unprivileged(self.base)
