# -*- test-case-name: tests.test_roots -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The roots of the sessions of one server: sessions with one base path share a descriptor.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from .confined import Root
from .mount_table import MountEntry
from .mounts import Mount, Mounts
from .procfs import place_of, reopen
from .trust import trust_nobody

__all__ = ["LazyRoot", "Roots"]

#: File systems where names differ when their octets do, in every directory.
EXACT = frozenset(["btrfs", "erofs", "ext2", "ext3", "ramfs", "reiserfs", "squashfs"])

#: Those where it is mostly so: a directory may fold case on its own (bcachefs, ext4, f2fs, tmpfs, and overlay on one of
#: them), or the whole was made to, which nothing tells of xfs and older zfs.
NEARLY_EXACT = frozenset(["bcachefs", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"])

#: Options of mounts that make names the same that differ in their octets.
FOLDING = frozenset({"casefold", "caseinsensitive", "casemixed", "ignorecase"})

#: What the flags of a directory say where ext4, f2fs and tmpfs do the same in it, and how to ask for them.
_FOLDING_FLAG = 0x40000000
_GET_FLAGS = 0x80006601 | struct.calcsize("l") << 16

#: Base paths that are remembered; those are of the accounts. A forgotten one is looked at again, in a thread.
MAXIMUM_NOTES = 4096


@dataclass(frozen=True, slots=True)
class _Note:
    """
    What is known of a base path as long as no mount changes.

    :ivar is_exact: see :class:`~ftpserver.pathio.confined.Root`.
    :ivar seems_exact: see there.
    :ivar stays: whether calls that stay on the mount wait for nothing else: old kernels wait for automounts below.
    :ivar is_alone: whether nothing is mounted below.
    """

    device: int
    mount: Mount
    is_exact: bool
    seems_exact: bool
    stays: bool
    is_alone: bool


class Roots:
    """
    The roots of one server.

    A base path is looked at again at each login: where it has become another directory, by a link or a rename, new
    sessions get the new one, and those that are there keep theirs.

    :param mounts: what is known of mounts.
    :param walk: see :class:`~ftpserver.pathio.confined.Root`.
    """

    def __init__(self, mounts: Mounts, *, walk: bool = False) -> None:
        self._refusal: Callable[[str], str | None] = lambda _base_path: None
        self._mounts = mounts
        self._walk = walk
        self._shared: dict[str, Root] = {}
        self._notes: OrderedDict[str, _Note] = OrderedDict()
        self._generation = 0
        # Held for no call that may block.
        self._lock = threading.Lock()

    @property
    def is_forced(self) -> bool:
        """Whether all calls are made in the reactor thread, so configured."""
        return self._mounts.path_calls == "inline"

    def inline_mount(self, base_path: str) -> Mount | None:
        """Return, in the reactor thread, the mount of *base_path* if that may be opened there."""
        if self._mounts.table.has_changed():
            self._forget()
        note = self._notes.get(base_path)
        return note.mount if note is not None and note.stays and note.mount.is_inline else None

    def has_one_mount(self, root: Root) -> bool:
        """Tell, in the reactor thread, whether nothing is mounted below *root*."""
        if self._mounts.table.has_changed():
            self._forget()
        return self.is_forced or (root.is_alone and root.generation == self._generation)

    def _forget(self) -> None:
        """Forget what was known of base paths: something else may be mounted there now."""
        with self._lock:
            self._generation += 1
            self._notes.clear()
            self._shared.clear()

    def close(self) -> None:
        """Watch for new mounts no more; who still asks watches again."""
        self._mounts.table.close()

    def confine(self, refusal: Callable[[str], str | None]) -> None:
        """
        Ask, from now on, before a root is used, whether this process may still do so.

        :param refusal: returns, in any thread, why a base path may not be used, and the cure; ``None`` if it may.
        """
        self._refusal = refusal

    def take(self, base_path: str) -> Root:
        """
        Return the root at *base_path*, in any thread; each is given back once.

        :raises OSError: if it is not there, no directory, or outside of what this process may use.
        """
        with self._lock:
            there = self._shared.get(base_path)
            generation, note = self._generation, self._notes.get(base_path)
        if there is not None and there.is_at(os.stat(base_path)):
            with self._lock:
                if there.users:
                    there.users += 1
                    return there
        root = Root(base_path, walk=self._walk)
        try:
            # The kernel finds what it then refuses to open: an account without any files would be all that is seen.
            reason = self._refusal(base_path)
            if reason is not None:
                raise PermissionError(errno.EACCES, reason)
            self._describe(root, base_path, note, generation)
        except BaseException:
            root.close()
            raise
        return self._published(root, base_path, generation)

    def _describe(self, root: Root, base_path: str, note: _Note | None, generation: int) -> None:
        if note is None or note.device != root.device:
            note = self._look(root)
            with self._lock:
                if generation == self._generation:
                    self._notes[base_path] = note
                    if len(self._notes) > MAXIMUM_NOTES:
                        self._notes.popitem(last=False)
        root.mount, root.stays, root.is_alone = note.mount, note.stays, note.is_alone
        root.is_exact, root.seems_exact = note.is_exact, note.seems_exact
        root.generation = generation

    def _look(self, root: Root) -> _Note:
        with root.held as descriptor:
            mount, entry = self._mounts.of(descriptor)
            real = place_of(descriptor).rstrip("/")
            below = [kind for point, kind in entry.mounts_on_it if point == real or point.startswith(f"{real}/")]
            seems_exact = not root.walks and _seems_exact(entry, descriptor)
            is_exact = seems_exact and entry.kind in EXACT
            return _Note(root.device, mount, is_exact, seems_exact, "autofs" not in below, not below)

    def _published(self, root: Root, base_path: str, generation: int) -> Root:
        with self._lock:
            there = self._shared.get(base_path)
            if there is None or not there.users or not there.is_same(root):
                if generation == self._generation:
                    self._shared[base_path] = root
                return root
            there.users += 1
        root.close()
        return there

    def give_back(self, root: Root) -> None:
        """Let go of a root, in the reactor thread; the last one who does closes it."""
        with self._lock:
            root.users -= 1
            if root.users:
                return
            if self._shared.get(root.base_path) is root:
                del self._shared[root.base_path]
        root.close()


def _seems_exact(entry: MountEntry, descriptor: int) -> bool:
    """Tell whether nothing is known by which names in *descriptor* are the same whose octets differ."""
    if entry.kind not in EXACT | NEARLY_EXACT or FOLDING & entry.options:
        return False
    try:
        directory = reopen(descriptor, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        flags = fcntl.ioctl(directory, _GET_FLAGS, bytes(8))
    except OSError:
        # No flags, no such flag.
        return True
    finally:
        os.close(directory)
    return not int.from_bytes(flags[:4], sys.byteorder) & _FOLDING_FLAG


class LazyRoot:
    """
    The root of one login, opened by the first call that needs it: the file system may be slow or gone.

    :param base_path: real path of the directory.
    :param roots: who else has roots.
    :param trusts: tells whether it does not matter, for this login, under which spelling of a name something is found.
    """

    __slots__ = ("_is_closed", "_lock", "_root", "_roots", "_trusts", "base_path")

    def __init__(self, base_path: str, roots: Roots | None = None, trusts: Callable[[], bool] = trust_nobody) -> None:
        self.base_path = base_path
        self._trusts = trusts
        self._roots = roots if roots is not None else Roots(Mounts("inline"))
        self._lock = threading.Lock()
        self._root: Root | None = None
        self._is_closed = False

    @property
    def is_forced(self) -> bool:
        """Whether all calls are made in the reactor thread, so configured."""
        return self._roots.is_forced

    @property
    def mount(self) -> Mount | None:
        """What is known of the mount of the root; ``None`` until it is open."""
        root = self._root
        return None if root is None else root.mount

    def inline_mount(self) -> Mount | None:
        """Return, in the reactor thread, the mount of the root where calls on it are made there now."""
        root = self._root
        if root is None:
            return self._roots.inline_mount(self.base_path)
        return root.mount if root.stays and root.mount.is_inline else None

    def takes_names(self) -> bool:
        """
        Tell, in any thread, whether what is found without a link on the way counts as found where it was asked for.

        Where names may be the same whose octets differ, a rule of permissions for one spelling holds for all.
        """
        root = self._root
        return root is not None and (root.is_exact or (root.seems_exact and self._trusts()))

    def lists_inline(self) -> bool:
        """
        Tell, in the reactor thread, whether directories may be listed there.

        A listing asks for the stat values of what is mounted in a directory, too.
        """
        root = self._root
        return root is not None and self._roots.has_one_mount(root)

    def get(self) -> Root:
        """
        Return the root, in any thread.

        :raises OSError: if it cannot be opened, or was closed.
        """
        root = self._root
        return root if root is not None else self._opened()

    def _opened(self) -> Root:
        opened = self._roots.take(self.base_path)
        # Opening may block for long, so it holds no lock; of two at once the first stays.
        with self._lock:
            if self._root is None and not self._is_closed:
                self._root = opened
                return opened
        self._roots.give_back(opened)
        if self._root is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._root

    def close(self) -> None:
        """Close the root; a call that is still in a thread fails or finishes with it."""
        with self._lock:
            self._is_closed = True
            root, self._root = self._root, None
        if root is not None:
            self._roots.give_back(root)
