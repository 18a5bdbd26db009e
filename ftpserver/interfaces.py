# -*- test-case-name: tests.test_interfaces -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What a backend provides and what the server promises it.

Methods that are documented to return an ``Awaitable`` may be ``async def`` or return a Deferred; the server only
awaits. All are called in the reactor thread. What they raise should be one of :mod:`ftpserver.errors`; anything else is
answered with 451 and logged. A call may be cancelled while it waits (``path_timeout``, ABOR, the end of the session):
it then releases what it holds, and what it did not do yet it does not do any more.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Literal

from zope.interface import Attribute, Interface

from .core.events import Event
from .core.paths import VirtualPath
from .core.status import Entry, FileStatus
from .core.users import User

if TYPE_CHECKING:
    from .commands.registry import Command
    from .core.replies import Reply
    from .core.wire import Request

__all__ = [
    "GetUserResponse",
    "IAsksBack",
    "IBatchListing",
    "IDiscardsParts",
    "IFile",
    "IHook",
    "INameListing",
    "IObserver",
    "IPathIO",
    "IReachedPath",
    "IRealFile",
    "IRefusesSlowly",
    "IRequiresTLS",
    "IUserManager",
    "OpenMode",
]

#: How a file is opened: ``rb`` to read; ``wb`` to replace or create; ``xb`` to create a name that nobody has; ``ab`` to
#: append; ``r+b`` to write in place from the offset of ``seek`` on, keeping the head and the tail.
OpenMode = Literal["rb", "wb", "xb", "ab", "r+b"]


class GetUserResponse(enum.Enum):
    """Answers of :meth:`IUserManager.get_user`."""

    OK = "ok"
    PASSWORD_REQUIRED = "password_required"
    ERROR = "error"


class IUserManager(Interface):
    """
    Where accounts come from.

    One manager serves all sessions of a server, so calls for different sessions may wait at the same time.
    """

    def get_user(login: str) -> Awaitable[tuple[GetUserResponse, User | None, str]]:
        """
        Find the account that USER names.

        The client is told 331 whether or not there is one, unless the answer is ``OK``.

        :param login: as the client wrote it.
        :returns: ``(OK, user, message)`` where no password is asked for: the login is done (230);
            ``(PASSWORD_REQUIRED, user, message)`` where PASS decides; ``(ERROR, None, message)`` for an unknown or
            locked name, with the message for the log. A message may be empty.
        """

    def authenticate(user: User, password: str) -> Awaitable[bool]:
        """
        Decide about the password that PASS gave.

        It must take as long to refuse an unknown password as any other, and must not block the reactor.

        :param user: what :meth:`get_user` returned.
        :param password: as the client wrote it, all blanks kept.
        :returns: whether the login is right. Each ``True`` is followed by one :meth:`notify_logout`.
        """

    def notify_logout(user: User) -> Awaitable[None]:
        """
        Hear that a login has ended; called once for each that succeeded.

        :param user: the account.
        """


class IRefusesSlowly(Interface):
    """An :class:`IUserManager` that can refuse an unknown name as slowly as a wrong password."""

    def refuse(password: str) -> Awaitable[None]:
        """
        Spend what :meth:`IUserManager.authenticate` would spend on a wrong password.

        :param password: as the client wrote it.
        """


class IRequiresTLS(Interface):
    """An :class:`IUserManager` that knows whether any of its accounts may log in under TLS only."""

    def requires_tls() -> bool:
        """Tell so, without waiting: then every USER in clear is refused alike, and no name is told apart by it."""


class IFile(Interface):
    """
    One open file. It belongs to one transfer; calls do not overlap.

    It is also an asynchronous context manager: leaving the block calls :meth:`close`, or :meth:`abort` after an
    exception.
    """

    def read(amount: int) -> Awaitable[bytes]:
        """
        Read from the current offset.

        :param amount: octets at most.
        :returns: at least one octet, or none at the end of the file.
        """

    def write(data: bytes | memoryview) -> Awaitable[None]:
        """
        Write all of *data* at the current offset (at the end for ``ab``).

        :param data: may be a buffer that is used again after the call has answered.
        """

    def seek(offset: int) -> Awaitable[None]:
        """
        Go to *offset* octets from the start. Nothing is written for a gap until data comes.

        :raises RestartBeyondEnd: beyond the end of a file opened to read; answered 554.
        """

    def stat() -> Awaitable[FileStatus]:
        """Return the stat values of the open file."""

    def close() -> Awaitable[None]:
        """
        End successfully: what was written is where it belongs when this answers, safe as the store promises.

        The server says 226 only after this. Closing twice is harmless; after :meth:`abort` it does nothing.
        """

    def abort() -> Awaitable[bool]:
        """
        End after a failure: a new name keeps or loses its part as ``partial_uploads`` says, an old file that was to be
        replaced stays as it was.

        :returns: whether a part was kept under the name. Never raises for what is lost anyway.
        """

    def __aenter__() -> Awaitable[object]:
        """Return the file itself."""

    def __aexit__(kind: object, value: object, traceback: object) -> Awaitable[None]:
        """Close, or abort when an exception passes."""


class IDiscardsParts(Interface):
    """An :class:`IFile` that can drop an upload altogether."""

    def discard() -> Awaitable[bool]:
        """
        End as :meth:`IFile.abort` does, yet keep no part of a new name, whatever ``partial_uploads`` says.

        It is for uploads that somebody on the way may have cut, which nobody is to take for what the client sent.
        """


class IReachedPath(Interface):
    """An :class:`IFile` that tells where it really is."""

    virtual_path: VirtualPath = Attribute("The virtual path really reached, after links inside the root.")


class IRealFile(Interface):
    """
    An :class:`IFile` with a descriptor of the operating system, which the kernel can move octets to and from.

    Whoever uses the descriptor reads or writes at :attr:`offset` by ``pread``-like calls or after ``lseek``, then
    tells with :meth:`advance`; between calls of the other methods nothing else moves.
    """

    offset: int = Attribute("Where the next octet is read or written.")
    may_block: bool = Attribute(
        "Whether a write through the descriptor, or a read of what is in the page cache, may take long, as on a "
        "network file system: then only with run."
    )

    def fileno() -> int:
        """Return the descriptor. It is that of a regular file and stays open until close or abort."""

    def advance(amount: int) -> None:
        """Hear that *amount* octets were moved at :attr:`offset` through the descriptor."""

    def took(seconds: float) -> None:
        """Hear how long a call took in the reactor thread; a slow one makes :attr:`may_block` true."""

    def run(function: Callable[..., object], *arguments: object) -> Awaitable[object]:
        """
        Call ``function(descriptor, *arguments)`` where it may block, and answer what it returns.

        The descriptor stays open until the function has returned, even when nobody waits for it any more.

        :raises OSError: what the function raises.
        """


class IPathIO(Interface):
    """
    A store of files and directories as one user sees it.

    Made for each login by the ``path_io_factory`` of the server, which gets the connection. Paths are virtual: the
    store maps them below the user's ``base_path`` and lets nothing lead out of it. Links inside are followed, except
    that :meth:`unlink` and :meth:`rename` take the link itself.
    """

    def stat(path: VirtualPath) -> Awaitable[FileStatus]:
        """
        Return the stat values of what *path* leads to.

        :raises NoSuchPath: answered 550.
        """

    def open(path: VirtualPath, mode: OpenMode, *, create: bool = True) -> Awaitable[IFile]:
        """
        Open the regular file at *path*.

        :param mode: see :data:`OpenMode`.
        :param create: whether ``wb``, ``ab`` and ``r+b`` may make a file that is not there; ``xb`` always does.
        :raises NoSuchPath: nothing there, or no parent directory.
        :raises NotAFile: a directory, FIFO, socket or device; answered 550 at once, never by waiting.
        :raises PathExists: by ``xb``.
        """

    def list(path: VirtualPath) -> Awaitable[Sequence[str]]:
        """
        Return the names in the directory at *path*, without ``.`` and ``..``, in any order.

        :raises NotADirectory: answered 550.
        """

    def mkdir(path: VirtualPath) -> Awaitable[None]:
        """
        Make a directory; its parent must be there.

        :raises PathExists: answered 550.
        :raises NoSuchPath: no parent.
        """

    def rmdir(path: VirtualPath) -> Awaitable[None]:
        """
        Remove an empty directory.

        :raises DirectoryNotEmpty: answered 550.
        :raises NotADirectory: answered 550.
        """

    def unlink(path: VirtualPath) -> Awaitable[None]:
        """
        Remove a file, or a link and not its target.

        :raises NotAFile: for a directory; answered 550.
        """

    def rename(source: VirtualPath, target: VirtualPath, *, replace: bool = True) -> Awaitable[None]:
        """
        Give a file or directory another name, in one step that no other session sees half done.

        :param replace: whether a file at *target* is replaced; a directory never is.
        :raises PathExists: the target is taken; answered 550.
        :raises NoSuchPath: no source, or no parent of the target.
        """

    def set_modified(path: VirtualPath, modified: float) -> Awaitable[None]:
        """
        Set the time of the last change.

        :param modified: seconds since the epoch; may be negative.
        """

    def chmod(path: VirtualPath, mode: int) -> Awaitable[None]:
        """
        Set the permission bits.

        :param mode: 0 to 0o777.
        """

    def close() -> Awaitable[None]:
        """Release what the store holds for this login; called once at the end of it."""


class IBatchListing(Interface):
    """An :class:`IPathIO` that lists a directory in batches together with the stat values."""

    def scan(path: VirtualPath, amount: int) -> Awaitable[AsyncGenerator[Sequence[Entry], None]]:
        """
        Open the directory at *path* and return a generator of batches of its entries.

        Entries that vanish, and links that lead nowhere or out of the root, are left out; links show what they lead to.
        The generator is closed with ``aclose`` when it is not used up, and holds one batch at a time.

        :param amount: entries in a batch, at most.
        :raises NotADirectory: answered 550, before anything is listed.
        """


class INameListing(IBatchListing):
    """An :class:`IBatchListing` that lists names faster than stat values; NLST shows nothing else."""

    def scan_names(path: VirtualPath, amount: int) -> Awaitable[AsyncGenerator[Sequence[str], None]]:
        """
        Open the directory at *path* and return a generator of batches of those names that :meth:`IBatchListing.scan`
        gives.

        A name may be of an entry that vanishes meanwhile. The generator is closed and holds its batch as that one.

        :param amount: names in a batch, at most.
        :raises NotADirectory: answered 550, before anything is listed.
        """


class IAsksBack(Interface):
    """An :class:`IPathIO` with links, where a path may lead to a place other than the one that was typed."""

    def asking(approve: Callable[[VirtualPath], Awaitable[None]]) -> object:
        """
        Return a view (:class:`IPathIO` with the same powers) that asks before it acts at another place.

        Where following links leads elsewhere, each method of the view, with the place already fixed by a descriptor,
        awaits ``approve(reached)`` before anything is read, made or changed there; what that raises ends the call with
        nothing done. A link in a listing is left out when ``approve`` raises for what it leads to.

        :param approve: raises :class:`~ftpserver.errors.PermissionDenied` to refuse.
        """


class IObserver(Interface):
    """Something that listens to the events of a server."""

    def __call__(event: Event) -> None:
        """
        Hear of *event*, in the reactor thread; it must not block.

        An exception is logged and disturbs neither the session nor the other observers.
        """


class IHook(Interface):
    """Something that is asked before a command runs."""

    def before(connection: object, command: Command, request: Request) -> Awaitable[Reply | None]:
        """
        Let the command run, or answer in its place.

        :param connection: the :class:`~ftpserver.Connection`.
        :returns: ``None`` to go on, or the final reply that is sent instead of running the command.
        """
