# -*- test-case-name: tests.test_place -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Where an uploaded file belongs, and how its data get their name there in one step.
"""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass

from .leftovers import hidden_name
from .renaming import Name, rename_new
from .system import FileSystem

__all__ = ["WRITING", "Place", "open_hidden"]

#: Flags of every open to write: no FIFO, terminal or device may keep the caller waiting.
WRITING = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

#: What open says where the file system has no files without a name; the last two come from old kernels.
_NO_UNNAMED = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EISDIR, errno.EINVAL)


@dataclass(slots=True)
class Place:
    """
    Where a written file belongs.

    :ivar system: makes the system calls.
    :ivar directory: descriptor of the parent directory, owned by this; ``-1`` where nothing changes in it.
    :ivar name: the last component.
    :ivar is_new: whether nothing was there when it was opened.
    :ivar exclusive: whether something that has come there meanwhile may not be replaced.
    :ivar temporary: hidden name of the data until the end; empty for a file without a name; ``None`` in place.
    """

    system: FileSystem
    directory: int
    name: str
    is_new: bool
    exclusive: bool = False
    temporary: str | None = None

    @property
    def in_place(self) -> bool:
        """Tell whether the data are under their name already."""
        return self.temporary is None

    @property
    def makes_entry(self) -> bool:
        """Tell whether the directory changes, too."""
        return self.directory >= 0

    def commit(self, descriptor: int) -> None:
        """
        Give whole data their name; the later of two uploads to one new name stays.

        :raises FileExistsError: if something has come there that may not be replaced.
        :raises FileNotFoundError: if data that were written in place have lost their name to somebody else.
        """
        if self.in_place:
            if os.fstat(descriptor).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "removed or replaced meanwhile")
            return
        if self.is_new:
            try:
                self.publish_new(descriptor)
            except FileExistsError:
                if self.exclusive:
                    raise
            else:
                return
        self._publish_over(descriptor)

    def publish_new(self, descriptor: int) -> None:
        """
        Give the data their name unless it is taken.

        :raises FileExistsError: if it is.
        """
        if self.in_place:
            return
        if self.temporary:
            rename_new(self.system, Name(self.directory, self.temporary), Name(self.directory, self.name))
        else:
            self.system.link(descriptor, self.name, self.directory)
        self.temporary = None

    def _publish_over(self, descriptor: int) -> None:
        # A rename replaces in one step; a link cannot.
        if not self.temporary:
            hidden = hidden_name()
            _lock(self.system, descriptor)
            self.system.link(descriptor, hidden, self.directory)
            self.temporary = hidden
        self.system.rename(self.temporary, self.name, self.directory, self.directory)
        self.temporary = None

    def sync(self) -> None:
        """Force the name to the disk."""
        directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.directory)
        try:
            self.system.fsync(directory)
        finally:
            os.close(directory)

    def remove_own(self, descriptor: int) -> None:
        """Remove the name if it is still that of the open file."""
        if os.path.samestat(os.fstat(descriptor), os.lstat(self.name, dir_fd=self.directory)):
            os.unlink(self.name, dir_fd=self.directory)

    def close(self) -> None:
        """Remove what has only a hidden name, and let go of the directory."""
        try:
            if self.temporary:
                # What cannot be removed now is a leftover, which a later listing clears.
                with contextlib.suppress(OSError):
                    os.unlink(self.temporary, dir_fd=self.directory)
        finally:
            directory, self.directory = self.directory, -1
            if directory >= 0:
                os.close(directory)


def open_hidden(place: Place) -> int:
    """
    Open a file without a name in the directory of *place*, or with a hidden one where the file system lacks those.

    As long as it has a hidden name it is locked, by which leftovers are told from living uploads.

    :returns: the descriptor.
    """
    system = place.system
    try:
        descriptor = system.open_unnamed(place.directory, WRITING, 0o666)
    except OSError as error:
        if error.errno not in _NO_UNNAMED:
            raise
        hidden = hidden_name()
        descriptor = os.open(hidden, WRITING | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=place.directory)
        place.temporary = hidden
        _lock(system, descriptor)
    else:
        place.temporary = ""
    return descriptor


def _lock(system: FileSystem, descriptor: int) -> None:
    # Where there are no locks nobody can get one, so nothing is ever taken for a leftover there.
    with contextlib.suppress(OSError):
        system.lock(descriptor)
