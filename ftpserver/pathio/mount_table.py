# -*- test-case-name: tests.test_mount_table -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The mounts of this machine, as /proc/self/mountinfo lists them (proc_pid_mountinfo(5)).
"""

from __future__ import annotations

import os
import re
import select
from dataclasses import dataclass

__all__ = ["MountEntry", "MountTable"]

_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class MountEntry:
    """
    One mount.

    :ivar kind: name of the file system, as ``ext4``; ``fuse.sshfs`` for one of FUSE.
    :ivar point: where it is mounted.
    :ivar options: of the file system as a whole.
    :ivar mounts_on_it: where others are mounted on it, and their kinds.
    """

    kind: str
    point: str
    options: frozenset[str] = frozenset()
    mounts_on_it: tuple[tuple[str, str], ...] = ()


class MountTable:
    """
    Looks mounts up, and notices when there are others.

    :param path: the table.
    :param descriptors: directory with a file of notes on each open descriptor.
    """

    def __init__(self, path: str = "/proc/self/mountinfo", descriptors: str = "/proc/self/fdinfo") -> None:
        self._path = path
        self._descriptors = descriptors
        self._watched = -1
        self._poll = select.poll()

    def entry_of(self, descriptor: int) -> MountEntry | None:
        """
        Return the mount that *descriptor* is on; ``None`` where that cannot be told.

        The number of the device would not tell: the subvolumes of btrfs have others than their mount.
        """
        try:
            number = self._number_of(descriptor)
            rows = [row for line in self._lines() if (row := _parsed(line)) is not None]
        except OSError:
            return None
        mounts_on_it = tuple((entry.point, entry.kind) for _, parent, entry in rows if parent == number)
        for own, _, entry in rows:
            if own == number:
                return MountEntry(entry.kind, entry.point, entry.options, mounts_on_it)
        return None

    def _number_of(self, descriptor: int) -> str:
        with open(f"{self._descriptors}/{descriptor}", encoding="utf-8") as notes:
            for line in notes:
                name, _, value = line.partition(":")
                if name == "mnt_id":
                    return value.strip()
        return ""

    def _lines(self) -> list[str]:
        with open(self._path, encoding="utf-8", errors="surrogateescape") as table:
            return table.read().split("\n")

    def has_changed(self) -> bool:
        """Tell whether something was mounted or unmounted since the call before; so does the first call."""
        if self._watched < 0:
            return self._watch()
        return any(event & select.POLLERR for _, event in self._poll.poll(0))

    def _watch(self) -> bool:
        try:
            self._watched = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return True
        self._poll.register(self._watched, select.POLLERR | select.POLLPRI)
        self._poll.poll(0)
        return True

    def close(self) -> None:
        """Watch no more; a later call watches again."""
        if self._watched >= 0:
            self._poll.unregister(self._watched)
            os.close(self._watched)
            self._watched = -1


def _parsed(line: str) -> tuple[str, str, MountEntry] | None:
    """Return the number of a mount, that of its parent, and the mount."""
    mount, separator, file_system = line.partition(" - ")
    fields, of_file_system = mount.split(" "), file_system.split(" ")
    if not separator or len(fields) < 6 or len(of_file_system) < 2:
        return None
    options = frozenset(of_file_system[2].split(",")) if len(of_file_system) > 2 else frozenset()
    return fields[0], fields[1], MountEntry(of_file_system[0], _unescaped(fields[4]), options)


def _unescaped(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
