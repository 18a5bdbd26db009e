# -*- test-case-name: tests.test_errors -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Kinds of failure, each of which knows the reply that the client gets.

A backend raises these; whatever else it raises is answered with 451 and logged with its traceback. A backend on the
file system of the machine wraps its calls in ``with translating(OSError):`` and needs no table of its own.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from .core import replies
from .core.replies import Reply

__all__ = [
    "CannotOpenDataConnection",
    "CommandRefused",
    "CrossesDevices",
    "DataConnectionLost",
    "DataConnectionStalled",
    "DataConnectionUnclosed",
    "DataNotBound",
    "DirectoryNotEmpty",
    "FTPError",
    "FileTooLarge",
    "NameNotAllowed",
    "NoFreeDataPort",
    "NoSuchPath",
    "NotADirectory",
    "NotAFile",
    "PathBusy",
    "PathError",
    "PathExists",
    "PathTimeout",
    "PermissionDenied",
    "QuotaExceeded",
    "RestartBeyondEnd",
    "ServerBusy",
    "StorageBusy",
    "StorageFailure",
    "StorageFull",
    "TransferAborted",
    "TransferError",
    "from_os_error",
    "translating",
]


class FTPError(Exception):
    """
    A failure that the client is told about.

    :cvar reply: the final reply of the command that failed.
    """

    reply: Reply = replies.INTERNAL_ERROR


class CommandRefused(FTPError):
    """
    A command answers with a reply of its own choice instead of going on.

    :param reply: the final reply.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class PathError(FTPError):
    """A failure of an :class:`~ftpserver.interfaces.IPathIO`."""


class NoSuchPath(PathError):
    """There is nothing at the path, or nothing that may be known: 550."""

    reply = replies.PATH_UNAVAILABLE


class PermissionDenied(PathError):
    """The account or the store does not allow it: 550, in the words of :class:`NoSuchPath`."""

    reply = replies.PATH_UNAVAILABLE


class PathExists(PathError):
    """The name is taken: 550."""

    reply = replies.PATH_EXISTS


class NotAFile(PathError):
    """The path is a directory, a FIFO, a socket or a device: 550."""

    reply = replies.NOT_A_FILE


class NotADirectory(PathError):
    """The path, or a parent of it, is no directory: 550."""

    reply = replies.NOT_A_DIRECTORY


class DirectoryNotEmpty(PathError):
    """RMD of a directory that holds something: 550."""

    reply = replies.DIRECTORY_NOT_EMPTY


class NameNotAllowed(PathError):
    """The store cannot hold a name such as this (too long, a forbidden octet): 553."""

    reply = replies.reply(553, "The name is not allowed here.")


class CrossesDevices(PathError):
    """A rename that leaves the file system: 553."""

    reply = replies.reply(553, "The new name lies on another file system.")


class PathBusy(PathError):
    """Somebody else uses the file; the client may try again: 450."""

    reply = replies.reply(450, "The file is busy, please try again later.")


class StorageFull(PathError):
    """There is no room left on the device: 452."""

    reply = replies.reply(452, "There is not enough room on the server.")


class QuotaExceeded(PathError):
    """The account may store no more: 552."""

    reply = replies.reply(552, "The storage allowed to this account is used up.")


class FileTooLarge(PathError):
    """The file would be longer than the store can hold: 552."""

    reply = replies.reply(552, "The file is too large for the server.")


class StorageFailure(PathError):
    """The store failed (an input/output error, a lost mount): 451."""

    reply = replies.reply(451, "The storage of the server failed.")


class StorageBusy(PathError):
    """So many calls to this store wait already that no more are taken: 451."""

    reply = replies.reply(451, "The storage of the server is too busy, please try again later.")


class RestartBeyondEnd(PathError):
    """REST behind the end of the file that RETR asks for (RFC 3659, section 5.3): 554."""

    reply = replies.RESTART_BEYOND_END


class PathTimeout(PathError):
    """A call to the store took longer than ``path_timeout``: 451."""

    reply = replies.reply(451, "The storage of the server did not answer in time.")


class TransferError(FTPError):
    """A failure of the data connection."""


class NoFreeDataPort(TransferError):
    """Every port for passive data connections is in use: 425."""

    reply = replies.NO_FREE_DATA_PORT


class CannotOpenDataConnection(TransferError):
    """Nobody connected in time, or the client's address refused: 425."""

    reply = replies.CANNOT_OPEN_DATA_CONNECTION


class DataConnectionLost(TransferError):
    """The data connection was reset or closed too early: 426."""

    reply = replies.DATA_CONNECTION_LOST


class DataConnectionUnclosed(DataConnectionLost):
    """An upload under TLS ended without close_notify: anybody on the way may have cut it. 426, and nothing is kept."""


class ServerBusy(TransferError):
    """The system has no room left for what a transfer needs; the client may try again: 451."""

    reply = replies.reply(451, "The server is too busy, please try again later.")


class DataConnectionStalled(TransferError):
    """No octet moved within ``socket_timeout``: 426."""

    reply = replies.DATA_CONNECTION_STALLED


class DataNotBound(TransferError):
    """
    The data connection did not get the TLS that it needs, or is not the control connection's: 522 (RFC 4217, 10.2).

    :param reason: a sentence for the client.
    """

    reply = replies.reply(522, "The data connection is not protected as it has to be.")

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reply = replies.reply(self.reply.code, reason)


class TransferAborted(TransferError):
    """ABOR, or the end of the session: 426."""

    reply = replies.TRANSFER_ABORTED


_BY_ERRNO: dict[int, type[PathError]] = {
    errno.ENOENT: NoSuchPath,
    errno.ELOOP: NoSuchPath,
    errno.EXDEV: NoSuchPath,  # openat2 reports a way out of the root so
    errno.EACCES: PermissionDenied,
    errno.EPERM: PermissionDenied,
    errno.EROFS: PermissionDenied,
    errno.EEXIST: PathExists,
    errno.EISDIR: NotAFile,
    errno.ENXIO: NotAFile,
    errno.ENODEV: NotAFile,
    errno.ENOTDIR: NotADirectory,
    errno.ENOTEMPTY: DirectoryNotEmpty,
    errno.ENAMETOOLONG: NameNotAllowed,
    errno.EINVAL: NameNotAllowed,
    errno.EILSEQ: NameNotAllowed,
    errno.EBUSY: PathBusy,
    errno.ETXTBSY: PathBusy,
    errno.EAGAIN: PathBusy,
    errno.ENOSPC: StorageFull,
    errno.EDQUOT: QuotaExceeded,
    errno.EFBIG: FileTooLarge,
    errno.EMFILE: StorageBusy,
    errno.ENFILE: StorageBusy,
    errno.ENOMEM: StorageBusy,
    errno.ETIMEDOUT: PathTimeout,
}


def from_os_error(error: OSError) -> PathError:
    """Return the kind of failure that *error* is; an errno that is not in the table is a :class:`StorageFailure`."""
    kind = StorageFailure if error.errno is None else _BY_ERRNO.get(error.errno, StorageFailure)
    return kind(error.strerror or str(error))


@contextmanager
def translating(kind: type[OSError] = OSError) -> Iterator[None]:
    """
    Raise a :class:`PathError` for each error of the operating system inside the ``with`` block.

    :param kind: the errors to translate.
    """
    try:
        yield
    except kind as error:
        raise from_os_error(error) from error
