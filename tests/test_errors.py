# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.errors.
"""

from __future__ import annotations

import errno
import os

from twisted.trial.unittest import SynchronousTestCase

from ftpserver import errors
from ftpserver.core.replies import reply
from ftpserver.errors import CommandRefused, FTPError, PathError, TransferError, from_os_error, translating

#: Each kind of failure and the code that the client gets.
CODES: dict[type[FTPError], int] = {
    errors.CannotOpenDataConnection: 425,
    errors.CrossesDevices: 553,
    errors.DataConnectionLost: 426,
    errors.DataConnectionStalled: 426,
    errors.DataConnectionUnclosed: 426,
    errors.DataNotBound: 522,
    errors.DirectoryNotEmpty: 550,
    errors.FTPError: 451,
    errors.FileTooLarge: 552,
    errors.NameNotAllowed: 553,
    errors.NoFreeDataPort: 425,
    errors.NoSuchPath: 550,
    errors.NotADirectory: 550,
    errors.NotAFile: 550,
    errors.PathBusy: 450,
    errors.PathError: 451,
    errors.PathExists: 550,
    errors.PathTimeout: 451,
    errors.PermissionDenied: 550,
    errors.QuotaExceeded: 552,
    errors.RestartBeyondEnd: 554,
    errors.ServerBusy: 451,
    errors.StorageBusy: 451,
    errors.StorageFailure: 451,
    errors.StorageFull: 452,
    errors.TransferAborted: 426,
    errors.TransferError: 451,
}


class KindTests(SynchronousTestCase):
    """Kinds of failure and their replies."""

    def test_each_kind_knows_its_reply(self) -> None:
        """Every kind of failure is answered with its own code."""
        for kind, code in CODES.items():
            self.assertEqual(kind.reply.code, code, kind.__name__)
            self.assertTrue(issubclass(kind, FTPError), kind.__name__)

    def test_no_kind_is_forgotten(self) -> None:
        """The table above has every kind but the one whose reply a command chooses."""
        kinds = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, FTPError)}
        self.assertEqual(kinds - {CommandRefused}, set(CODES))
        self.assertLessEqual({kind.__name__ for kind in kinds}, set(errors.__all__))

    def test_stores_and_data_connections_are_told_apart(self) -> None:
        """A failure of a file and a failure of the network are different families."""
        self.assertTrue(issubclass(errors.StorageFull, PathError))
        self.assertTrue(issubclass(errors.DataConnectionLost, TransferError))
        self.assertFalse(issubclass(errors.DataConnectionLost, PathError))

    def test_missing_and_forbidden_have_the_same_reply(self) -> None:
        """A reply does not tell whether a file is hidden or not there."""
        self.assertIs(errors.NoSuchPath.reply, errors.PermissionDenied.reply)

    def test_a_reply_of_a_command_s_choice(self) -> None:
        """A command may end with any reply."""
        error = CommandRefused(reply(504, "Not so."))
        self.assertEqual((error.reply, str(error)), (reply(504, "Not so."), "504 Not so."))


class OperatingSystemTests(SynchronousTestCase):
    """Errors of the operating system."""

    def test_numbers_and_kinds(self) -> None:
        """Each number of an error is one kind of failure; those that say nothing to a client are a failed store."""
        for number, kind in (
            (errno.ENOENT, errors.NoSuchPath),
            (errno.ELOOP, errors.NoSuchPath),
            (errno.EXDEV, errors.NoSuchPath),
            (errno.EACCES, errors.PermissionDenied),
            (errno.EPERM, errors.PermissionDenied),
            (errno.EROFS, errors.PermissionDenied),
            (errno.EEXIST, errors.PathExists),
            (errno.EISDIR, errors.NotAFile),
            (errno.ENXIO, errors.NotAFile),
            (errno.ENODEV, errors.NotAFile),
            (errno.ENOTDIR, errors.NotADirectory),
            (errno.ENOTEMPTY, errors.DirectoryNotEmpty),
            (errno.ENAMETOOLONG, errors.NameNotAllowed),
            (errno.EINVAL, errors.NameNotAllowed),
            (errno.EILSEQ, errors.NameNotAllowed),
            (errno.EBUSY, errors.PathBusy),
            (errno.ETXTBSY, errors.PathBusy),
            (errno.EAGAIN, errors.PathBusy),
            (errno.ENOSPC, errors.StorageFull),
            (errno.EDQUOT, errors.QuotaExceeded),
            (errno.EFBIG, errors.FileTooLarge),
            (errno.EMFILE, errors.StorageBusy),
            (errno.ENFILE, errors.StorageBusy),
            (errno.ENOMEM, errors.StorageBusy),
            (errno.ETIMEDOUT, errors.PathTimeout),
            (errno.EIO, errors.StorageFailure),
            (errno.ESTALE, errors.StorageFailure),
            (123456, errors.StorageFailure),
        ):
            error = from_os_error(OSError(number, os.strerror(number)))
            self.assertIs(type(error), kind, os.strerror(number))
            self.assertEqual(str(error), os.strerror(number))

    def test_an_error_without_a_number(self) -> None:
        """An error that has no number is a failed store, in its own words."""
        error = from_os_error(OSError("mount is gone"))
        self.assertIs(type(error), errors.StorageFailure)
        self.assertEqual(str(error), "mount is gone")

    def test_translating(self) -> None:
        """Within the block every error of the system becomes its kind; the first stays known for the log."""
        with self.assertRaises(errors.StorageFull) as caught, translating():
            raise OSError(errno.ENOSPC, "full")
        self.assertIsInstance(caught.exception.__cause__, OSError)

    def test_what_is_not_translated(self) -> None:
        """Success and other errors pass as they are."""
        with translating():
            pass
        with self.assertRaises(KeyError), translating():
            raise KeyError
        with self.assertRaises(PermissionError), translating(FileNotFoundError):
            raise PermissionError
