# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.residency.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from twisted.trial.unittest import SkipTest

from ftpserver.data.residency import PAGE, STRIDE, Residency

from .data_doubles import DataTestCase, failure

SIZE = 2 * STRIDE + 10

#: How often the system is asked to forget a file: now and then it keeps a page.
ATTEMPTS = 20


class ResidencyTestCase(DataTestCase):
    """A file that was just written, and is thus in the page cache."""

    def setUp(self) -> None:
        """Make the subject."""
        super().setUp()
        self.path = Path(self.mktemp())
        self.path.write_bytes(os.urandom(SIZE))
        self.file = self.opened(self.path)
        self.subject = Residency(self.system, self.file, SIZE)

    def opened(self, path: Path) -> int:
        """Open a file to read until the end of the test."""
        file = os.open(path, os.O_RDONLY)
        self.addCleanup(os.close, file)
        return file

    def without_count(self, *numbers: int) -> None:
        """Let the next counts fail so."""
        self.system.faults["cached_pages"].extend(map(failure, numbers))


class InMemoryTests(ResidencyTestCase):
    """What can be read at once."""

    def test_a_file_that_is_cached(self) -> None:
        """A file that was just written is in memory, as a whole and in parts, also beyond its end."""
        for offset, amount in ((0, SIZE), (0, 1), (5, PAGE), (SIZE - 1, 1), (SIZE - 1, 1048576)):
            self.assertIs(self.subject.holds(offset, amount), True)

    def test_the_end(self) -> None:
        """At the end, and beyond it, there is nothing to wait for, and nothing is asked."""
        for offset, amount in ((SIZE, 1048576), (SIZE + 5, 1), (0, 0)):
            self.assertIs(self.subject.holds(offset, amount), True)
        self.assertEqual((self.system.calls["cached_pages"], self.system.calls["read_cached"]), (0, 0))

    def test_a_file_that_has_grown(self) -> None:
        """What a file has got since it was opened is in memory."""
        with self.path.open("ab") as file:
            file.write(bytes(SIZE))
        self.assertIs(self.subject.holds(SIZE, 1048576), True)
        self.assertIs(self.subject.holds(0, 1048576), True)

    def test_a_file_that_has_become_shorter(self) -> None:
        """Where a file was cut there is nothing to wait for but its new end; a count finds that pages are missing."""
        os.truncate(self.path, 1)
        for offset, amount in ((SIZE - 1, 1), (0, PAGE)):
            self.assertIs(self.subject.holds(offset, amount), True)
        self.assertIs(self.subject.holds(0, SIZE), False)
        self.without_count(errno.ENOSYS)
        self.assertIs(self.subject.holds(0, SIZE), True)

    def test_a_file_that_was_cut_within_a_page(self) -> None:
        """What a file that was cut still has in a page is looked for: the octet that is missing tells nothing of it."""
        os.truncate(self.path, 100)
        for offset in (0, 50):
            self.system.faults["read_cached"].extend([None, BlockingIOError()])
            self.assertEqual([self.subject.holds(offset, PAGE - offset) for _ in range(2)], [False, True])
        self.assertEqual(self.system.calls["read_cached"], 8)

    def test_a_file_system_in_memory(self) -> None:
        """Files of a memory file system are in memory; that is asked once."""
        for number in (errno.EOPNOTSUPP, errno.EINVAL):
            subject = Residency(self.system, self.file, SIZE)
            self.system.faults["read_cached"].append(failure(number))
            before = self.system.calls["read_cached"]
            for offset in (0, PAGE):
                self.assertIs(subject.holds(offset, 2 * PAGE), True)
            self.assertEqual(self.system.calls["read_cached"], before + 1)
        self.assertEqual(self.system.calls["cached_pages"], 0)

    def test_a_real_file_system_in_memory(self) -> None:
        """A file of tmpfs is in memory."""
        if not os.access("/dev/shm", os.W_OK):
            raise SkipTest("no tmpfs that may be written to")
        with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
            file.write(bytes(SIZE))
            file.flush()
            self.assertIs(Residency(self.system, file.fileno(), SIZE).holds(0, SIZE), True)

    def test_a_file_system_that_can_neither_count_nor_tell(self) -> None:
        """A file system in memory that tells only where places are tried is known as well."""
        self.without_count(errno.EOPNOTSUPP)
        self.system.faults["read_cached"].extend([None, failure(errno.EOPNOTSUPP)])
        for _ in range(2):
            self.assertIs(self.subject.holds(0, SIZE), True)
        self.assertEqual((self.system.calls["cached_pages"], self.system.calls["read_cached"]), (1, 2))


class OnDiskTests(ResidencyTestCase):
    """What has to be read from the disk first."""

    def setUp(self) -> None:
        """Look whether the file system tells what is in memory, and forgets it."""
        super().setUp()
        try:
            self.is_held()
            self.is_lost(self.is_held)
        except OSError as error:
            raise SkipTest(f"does not apply: the file system keeps files in memory, or cannot tell: {error}") from error
        os.pread(self.file, SIZE, 0)

    def is_held(self) -> bool:
        """Ask for an octet, which lets the system fetch its page if it is not there."""
        try:
            os.preadv(self.file, [bytearray(1)], 0, os.RWF_NOWAIT)
        except BlockingIOError:
            return False
        return True

    def is_lost(self, is_held: Callable[[], bool]) -> bool:
        """Let the system forget what it has of the file; tell whether *is_held* has noticed."""
        forgotten = 0
        for _ in range(ATTEMPTS):
            self.throw_out()
            if not is_held():
                return True
            self.throw_out()
            forgotten += not self.is_held()
        if forgotten < ATTEMPTS // 2:
            raise SkipTest("does not apply: the system keeps what was read")
        return False

    def throw_out(self) -> None:
        """Ask the system to forget what it has of the file."""
        os.fsync(self.file)
        os.posix_fadvise(self.file, 0, 0, os.POSIX_FADV_DONTNEED)

    def test_a_file_that_is_not_cached(self) -> None:
        """What only the disk has is not held, with and without a count, until somebody has read it."""
        for numbers in ((), (errno.ENOSYS,)):
            subject = Residency(self.system, self.file, SIZE)
            self.without_count(*numbers)
            self.assertTrue(self.is_lost(partial(subject.holds, 0, SIZE)))
            os.pread(self.file, SIZE, 0)
            self.assertIs(subject.holds(0, SIZE), True)

    def test_a_part_that_is_not_cached(self) -> None:
        """One page that is missing is enough; what the others have is held all the same."""
        self.system.faults["cached_pages"].extend([SIZE // PAGE, SIZE // PAGE + 1])
        self.assertIs(self.subject.holds(0, SIZE), False)
        self.assertIs(self.subject.holds(0, SIZE), True)

    def test_pages(self) -> None:
        """A piece that begins and ends within pages has all of both."""
        for offset, amount, pages in ((PAGE - 1, 2, 2), (PAGE, 2 * PAGE, 2), (1, PAGE, 2), (5, 3 * PAGE, 4)):
            self.system.faults["cached_pages"].extend([pages - 1, pages])
            self.assertEqual([self.subject.holds(offset, amount) for _ in range(2)], [False, True], str(offset))

    def test_one_page(self) -> None:
        """A piece within one page needs no count: any octet of the page tells whether it is held."""
        for offset, amount in ((0, 1), (0, PAGE), (PAGE, PAGE), (2 * PAGE + 5, 10), (SIZE - 1, PAGE)):
            self.system.faults["read_cached"].append(BlockingIOError())
            self.assertEqual([self.subject.holds(offset, amount) for _ in range(2)], [False, True], str(offset))
        self.assertEqual((self.system.calls["cached_pages"], self.system.calls["read_cached"]), (0, 10))

    def test_one_page_on_the_disk(self) -> None:
        """A small file that only the disk has is not held until somebody has read it."""
        os.truncate(self.path, PAGE)
        subject = Residency(self.system, self.file, PAGE)
        self.assertTrue(self.is_lost(partial(subject.holds, 0, PAGE)))
        os.pread(self.file, PAGE, 0)
        self.assertIs(subject.holds(0, PAGE), True)

    def test_a_page_that_was_cut(self) -> None:
        """What a file that was cut still has in a page is not held while only the disk has it."""
        subject = Residency(self.system, self.file, PAGE)
        os.truncate(self.path, 100)
        self.assertTrue(self.is_lost(partial(subject.holds, 0, PAGE)))
        os.pread(self.file, PAGE, 0)
        self.assertIs(subject.holds(0, PAGE), True)

    def test_a_page_that_is_on_its_way(self) -> None:
        """A page that is counted and has yet to come from the disk is not held."""
        self.system.faults["read_cached"].append(BlockingIOError())
        self.assertIs(self.subject.holds(0, SIZE), False)
        self.assertIs(self.subject.holds(0, SIZE), True)

    def test_a_kernel_that_does_not_count(self) -> None:
        """Before Linux 6.5, or where a sandbox forbids it, some places are tried; the count is not asked for again."""
        for number in (errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP):
            subject = Residency(self.system, self.file, SIZE)
            before, tried = self.system.calls["cached_pages"], self.system.calls["read_cached"]
            self.without_count(number)
            for _ in range(2):
                self.assertIs(subject.holds(0, SIZE), True)
            self.assertEqual(self.system.calls["cached_pages"] - before, 1)
            # The first octet of each stretch that is read ahead, and the last of all.
            self.assertEqual(self.system.calls["read_cached"] - tried, 2 * 4)
            self.assertIs(subject.holds(SIZE - 1, 1), True)

    def test_any_place_that_is_missing(self) -> None:
        """Where places are tried, each of them counts."""
        self.without_count(errno.ENOSYS)
        for number in range(4):
            self.system.faults["read_cached"].extend([None] * number + [BlockingIOError()])
            self.assertIs(self.subject.holds(0, SIZE), False, str(number))
        self.assertIs(self.subject.holds(0, SIZE), True)

    def test_an_error_of_the_disk(self) -> None:
        """A disk that fails is asked where it may take its time, by whoever tells the client."""
        self.without_count(errno.EIO)
        self.assertIs(self.subject.holds(0, SIZE), False)
        self.system.faults["read_cached"].append(failure(errno.EIO))
        self.assertIs(self.subject.holds(0, SIZE), False)
        self.assertIs(self.subject.holds(0, SIZE), True)
