# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.pumps: a transfer is the same whichever way it goes, whatever the system does meanwhile.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from ftpserver.core.uploads import UploadPolicy
from ftpserver.data.plane import OCTETS_PER_TURN, DataPlane
from ftpserver.pathio.local import PathIO
from ftpserver.pathio.mounts import Mounts
from ftpserver.pathio.roots import Roots
from ftpserver.pathio.system import FileSystem

from .data_doubles import Fault, FaultySystem, failure
from .real_data import RealPumpTestCase

CONTENT = os.urandom(2 * OCTETS_PER_TURN + 1000)

#: What may happen to any call without a change of the outcome: it falls short, its socket is not ready, or the way does
#: not go on here.
HARMLESS_DOWN: Mapping[str, Sequence[Fault]] = {
    "send_file": (None, 1, 5000, 70_000, BlockingIOError(), failure(errno.EINVAL)),
    "send": (None, 1, 5000, 70_000, BlockingIOError()),
    "read_into": (None, 1, 5000, 70_000, failure(errno.EINVAL)),
    "read_file": (None, 1, 5000, 70_000),
    "cached_pages": (None, 0, failure(errno.ENOSYS), failure(errno.EIO)),
    "read_cached": (None, BlockingIOError(), failure(errno.EIO), failure(errno.EOPNOTSUPP)),
    "poll": (None, 1, 2),
}
HARMLESS_UP: Mapping[str, Sequence[Fault]] = {
    "splice_in": (None, 1, 5000, 70_000, BlockingIOError(), failure(errno.EINVAL), failure(errno.ENOSYS)),
    "splice_out": (None, 1, 5000, 70_000, 0, failure(errno.EAGAIN), failure(errno.EINVAL)),
    "read_pipe": (None, 1, 5000),
    "open_pipe": (None, failure(errno.EMFILE)),
    "receive_into": (None, 1, 5000, 70_000, BlockingIOError()),
    "write_file": (None, 1, 5000, 0, failure(errno.EINVAL)),
    "poll": (None, 1, 2),
}


class Disk:
    """
    How far a disk goes.

    :param end: the octet that it has no room for, or that cannot be read; ``None`` for a good one.
    """

    def __init__(self, end: int | None) -> None:
        self.end = end

    def bounded(self, offset: int, amount: int, number: int) -> int:
        """Return how much of a piece there is; raise if it is none."""
        if self.end is None:
            return amount
        if amount and offset >= self.end:
            raise failure(number)
        return min(amount, self.end - offset)


class SystemOnDisk(FaultySystem):
    """The calls of data connections on files of such a disk."""

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self.disk = disk

    def send_file(self, connected: socket.socket, file: int, offset: int, amount: int) -> int:
        """See System."""
        return super().send_file(connected, file, offset, self.disk.bounded(offset, amount, errno.EIO))

    def read_into(self, file: int, buffer: memoryview, offset: int) -> int:
        """See System."""
        return super().read_into(file, buffer[: self.disk.bounded(offset, len(buffer), errno.EIO)], offset)

    def read_file(self, file: int, amount: int, offset: int) -> bytes:
        """See System."""
        return super().read_file(file, self.disk.bounded(offset, amount, errno.EIO), offset)

    def splice_out(self, pipe: int, file: int, offset: int, amount: int) -> int:
        """See System."""
        return super().splice_out(pipe, file, offset, self.disk.bounded(offset, amount, errno.ENOSPC))

    def write_file(self, file: int, data: memoryview, offset: int) -> int:
        """See System."""
        return super().write_file(file, data[: self.disk.bounded(offset, len(data), errno.ENOSPC)], offset)


class FilesOnDisk(FileSystem):
    """The calls of files on such a disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def read(self, descriptor: int, amount: int, offset: int) -> bytes:
        return super().read(descriptor, self._disk.bounded(offset, amount, errno.EIO), offset)

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        return super().write(descriptor, data[: self._disk.bounded(offset, len(data), errno.ENOSPC)], offset)

    def append(self, descriptor: int, data: memoryview) -> int:
        offset = os.fstat(descriptor).st_size
        return super().append(descriptor, data[: self._disk.bounded(offset, len(data), errno.ENOSPC)])


class Outcome(NamedTuple):
    """What a transfer has come to."""

    octets: bytes
    failure: type[BaseException] | None
    moved: int

    def __repr__(self) -> str:
        return f"{len(self.octets)} octets, {self.failure}, {self.moved} moved"


SIZES = st.one_of(
    st.integers(0, 10_000),
    st.integers(0, len(CONTENT)),
    st.sampled_from([65535, 65536, 262144, OCTETS_PER_TURN, OCTETS_PER_TURN + 1, len(CONTENT)]),
)


def faults(harmless: Mapping[str, Sequence[Fault]]) -> st.SearchStrategy[dict[str, list[Fault]]]:
    """Return what happens to the first calls of each kind."""
    some = {name: st.lists(st.sampled_from(choices), max_size=6) for name, choices in harmless.items()}
    return st.fixed_dictionaries({}, optional=some)


class AlikeTests(RealPumpTestCase):
    """The kernel's ways and the portable one."""

    def begin(self, disk: Disk, *, in_kernel: bool, what_happens: dict[str, list[Fault]]) -> None:
        """Make a new connection on a disk."""
        self.system = SystemOnDisk(disk)
        for name, some in what_happens.items():
            self.system.faults[name].extend(some)
        plane = DataPlane(self.reactor, self.system, in_kernel=in_kernel)
        self.plane = plane
        self.store = PathIO.at(
            self.root,
            uploads=UploadPolicy(atomic=False),
            threads=self.threads,
            system=FilesOnDisk(disk),
            roots=Roots(Mounts("inline")),
        )
        self.connect(plane=plane)

    def end(self, file: Any) -> None:
        """Let go of everything, and look for what is left."""
        self.subject.close()
        self.plane.close()
        self.now(file.abort())
        self.now(self.store.close())
        self.theirs.close()
        self._look_for_leaks()

    def download(self, disk: Disk, size: int, offset: int, **how: Any) -> Outcome:
        """Send a file, and look at what the client got."""
        self.begin(disk, **how)
        self.write(CONTENT[:size])
        file = self.open()
        file.offset = offset
        outcome = self.sending(file)
        octets = self.fetched(outcome)
        result: Any = outcome.result
        kind = None if result is None else result.type
        outcome.addErrback(lambda _failure: None)
        moved = self.subject.meter.bytes_moved
        self.end(file)
        return Outcome(octets, kind, moved)

    def upload(self, disk: Disk, mode: Any, size: int, offset: int, **how: Any) -> Outcome:
        """Receive a file into one that has 10,000 octets, and look at what is there then."""
        self.begin(disk, **how)
        path = self.write(CONTENT[:10_000])
        file = self.open(mode)
        if mode == "r+b":
            file.offset = offset
        outcome = self.receiving(file)
        self.stored(outcome, CONTENT[:size])
        result: Any = outcome.result
        kind = None if result is None else result.type
        outcome.addErrback(lambda _failure: None)
        if kind is None:
            self.now(file.close())
        moved = self.subject.meter.bytes_moved
        self.end(file)
        return Outcome(path.read_bytes(), kind, moved if kind is None else 0)

    def test_downloads(self) -> None:
        """The client gets the same octets and the same reply, also from a bad disk, and a whole file only as such."""

        @given(SIZES, st.integers(0, 3_000_000), st.one_of(st.none(), SIZES), faults(HARMLESS_DOWN))
        def check(size: int, offset: int, end: int | None, what_happens: dict[str, list[Fault]]) -> None:
            offset = min(offset, size)
            # Beyond its end a file has nothing that could be bad.
            disk = Disk(end if end is not None and end < size and offset < size else None)
            expected = self.download(disk, size, offset, in_kernel=False, what_happens={})
            self.assertEqual(expected.failure is None, disk.end is None)
            found = self.download(disk, size, offset, in_kernel=True, what_happens=what_happens)
            self.assertTrue(found == expected, f"{found!r} is not {expected!r}")
            if expected.failure is None:
                self.assertTrue(found.octets == CONTENT[offset:size])

        check()

    def test_uploads(self) -> None:
        """The file has the same octets and the client the same reply, also on a full disk, in every mode."""

        @given(
            st.sampled_from(["wb", "ab", "r+b"]),
            SIZES,
            st.integers(0, 20_000),
            st.one_of(st.none(), SIZES),
            faults(HARMLESS_UP),
        )
        def check(mode: str, size: int, offset: int, end: int | None, what_happens: dict[str, list[Fault]]) -> None:
            disk = Disk(end)
            expected = self.upload(disk, mode, size, offset, in_kernel=False, what_happens={})
            found = self.upload(disk, mode, size, offset, in_kernel=True, what_happens=what_happens)
            self.assertTrue(found == expected, f"{found!r} is not {expected!r}")
            if expected.failure is None:
                before = {"wb": b"", "ab": CONTENT[:10_000], "r+b": CONTENT[:offset].ljust(offset, b"\0")}[mode]
                self.assertTrue(found.octets.startswith(before[:10_000]))
                self.assertTrue(found.octets[len(before) :][:size] == CONTENT[:size])

        check()
