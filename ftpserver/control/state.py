# -*- test-case-name: tests.test_state -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What commands know of the session that they run in.
"""

from __future__ import annotations

import enum
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from ..awaiting import next_or_none, within
from ..commands.arguments import Context
from ..core import replies
from ..core.events import SessionEvent
from ..core.facts import DEFAULT_FACTS, Fact
from ..core.paths import ROOT, VirtualPath, resolve
from ..core.replies import Reply
from ..core.session import Access, DataPort, Happening, Rename, Session
from ..core.users import CONCERN_ALL_BELOW, Right, User
from ..errors import PathTimeout, PermissionDenied, TransferAborted
from ..interfaces import IFile, IPathIO
from .fields import Fields
from .security import SessionSecurity
from .storage import Storage, StoredFile

if TYPE_CHECKING:
    from ..core.throttle import TokenBucket
    from ..data.channel import DataChannel
    from ..listening import TLSMode
    from ..server import Server
    from .sequence import Speaker

__all__ = ["LAST_MOMENT", "Connection", "Peer", "TransferRecord", "TransferType"]


#: Seconds by which the end of the control connection may come behind that of the data when a client is killed: its
#: system closes them in any order. Without them 2 of 60 uploads by an lftp that was killed were taken for whole.
LAST_MOMENT = 0.002

#: How many last moments an upload must have taken for one to be waited for: it costs a twentieth of its time at most.
#: Who sends a small file in one go is hardly killed just then, and would send a sixth as many of them.
WORTH_A_MOMENT = 20


class TransferType(enum.Enum):
    """The representation types that are provided (RFC 959, section 3.1.1)."""

    ASCII = "A"
    IMAGE = "I"


@dataclass(frozen=True, slots=True)
class Peer:
    """Both ends of a control connection; addresses are in their one spelling (a mapped IPv4 address is IPv4)."""

    client_host: str
    client_port: int
    server_host: str
    server_port: int


@dataclass(slots=True)
class TransferRecord:
    """
    What the log will say of the transfer under way.

    :ivar started: reading of the reactor's clock at the mark; ``None`` before it.
    """

    path: VirtualPath | None = None
    started: float | None = None
    file: StoredFile | None = None
    is_unclosed: bool = False


class Connection(Fields):
    """
    The state of one session: its fields are attributes, and items of a mapping as in the seed API.

    An unknown name is an error, so that a misspelt one is noticed.

    :param server: the server that the session belongs to.
    :param peer: both ends of the control connection.
    :param identifier: of the session, in events and logs.
    :param speaker: the session's one writer of replies.
    :param mode: how the listener that the client has reached treats TLS.
    """

    # The first two are for programs: a command of one's own may keep something at the connection, and a table of one's
    # own may have connections for keys. Slots, because more than thirty attributes share no keys: 1.4 KiB a session.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_rename_from",
        "_sequence",
        "_speaker",
        "acquired",
        "block_size",
        "candidate",
        "client_host",
        "client_port",
        "current_directory",
        "data",
        "encoding",
        "ending",
        "facts",
        "failed_logins",
        "identifier",
        "idle_timeout",
        "login_name",
        "path_io",
        "path_timeout",
        "peer",
        "reached",
        "reactor",
        "record",
        "refusal",
        "restart_offset",
        "rights",
        "security",
        "server",
        "server_host",
        "server_port",
        "session",
        "socket_timeout",
        "speed_buckets",
        "storage_threads",
        "transfer_type",
        "uploads",
        "user",
        "wait_future_timeout",
    )

    def __init__(
        self,
        server: Server,
        peer: Peer,
        identifier: str,
        speaker: Speaker,
        mode: TLSMode = "explicit",
    ) -> None:
        self.server = server
        self.security = SessionSecurity(self, server.tls, mode)
        self.peer = peer
        self.identifier = identifier
        self.session = Session()
        self.reactor = server.reactor
        self.uploads = server.uploads
        self.storage_threads = server.storage_threads
        self.encoding = server.encoding
        self.block_size = server.block_size
        self.socket_timeout = server.socket_timeout
        self.idle_timeout = server.idle_timeout
        self.path_timeout = server.path_timeout
        self.wait_future_timeout = server.wait_future_timeout
        self.client_host, self.client_port = peer.client_host, peer.client_port
        self.server_host, self.server_port = peer.server_host, peer.server_port
        self.failed_logins = 0
        self.ending: Reply | None = None
        self._speaker = speaker
        self._sequence = 0
        #: See :meth:`~ftpserver.core.speed_limits.SpeedLimits.throttle`.
        self.speed_buckets: dict[str, TokenBucket] = {}
        self.acquired = False
        self.reset()

    def reset(self) -> None:
        """Return to the state before USER; whoever calls this has ended the login."""
        self.session.happened(Happening.RESET)
        self.user: User | None = None
        self.login_name = ""
        self.candidate: User | None = None
        self.refusal = ""
        self.path_io: Any = None
        self.data: DataChannel | None = None
        self.current_directory = ROOT
        self.transfer_type = TransferType.ASCII
        self.facts: frozenset[Fact] = DEFAULT_FACTS
        self.restart_offset = 0
        #: What was noted of the running command's transfer, if anything was; see :attr:`transfer`.
        self.record: TransferRecord | None = None
        self.rights: tuple[frozenset[Right], ...] = ()
        #: Where links led, the last time that the store told of it.
        self.reached: VirtualPath | None = None
        self._rename_from: VirtualPath | None = None

    # The questions of ConnectionConditions.

    @property
    def user_given(self) -> bool:
        """Tell whether USER came and waits for its password."""
        return self.session.access is Access.USER_GIVEN

    @property
    def logged(self) -> bool:
        """Tell whether a user is logged in."""
        return self.session.states.is_logged_in

    @property
    def passive_server(self) -> bool:
        """Tell whether a data port was agreed, passive or active."""
        return self.session.data_port in (DataPort.AGREED, DataPort.ONLY_EPSV_AGREED)

    @property
    def data_connection(self) -> bool:
        """Tell whether the client has connected to the data port."""
        return self.data is not None and self.data.is_open

    @property
    def rename_from(self) -> VirtualPath | None:
        """The path of the RNFR that came directly before."""
        return self._rename_from if self.session.rename is Rename.SOURCE_GIVEN else None

    @rename_from.setter
    def rename_from(self, path: VirtualPath) -> None:
        self._rename_from = path
        self.session.happened(Happening.RENAME_SOURCE_ACCEPTED)

    # What commands use.

    @property
    def context(self) -> Context:
        """What the forms of arguments may know."""
        return Context(self.current_directory, self.encoding)

    @property
    def storage(self) -> Storage:
        """The store of the user who is logged in."""
        store: Storage = self.path_io
        return store

    @property
    def channel(self) -> DataChannel:
        """The data side of a session that is logged in."""
        assert self.data is not None
        return self.data

    @property
    def account(self) -> User:
        """The user who is logged in."""
        assert self.user is not None
        return self.user

    def resolve(self, text: str) -> VirtualPath:
        """
        Return the path that *text* means in the current directory.

        :raises ValueError: see :func:`ftpserver.core.paths.resolve`.
        """
        return resolve(text, self.current_directory)

    async def require(self, path: VirtualPath, *rights: frozenset[Right]) -> None:
        """
        Ask the account's permissions.

        Renaming and removing a directory concern everything below it, too.

        :param rights: each a set of which one right is enough.
        :raises PermissionDenied: if one is not granted; answered 550.
        """
        permission = await self.account.get_permissions(path)
        for alternatives in rights:
            if not any(map(permission.grants, alternatives)):
                raise PermissionDenied(str(path))
            if alternatives & CONCERN_ALL_BELOW:
                for below in self.account.permissions_below(path):
                    if not any(below.grants(right) for right in alternatives):
                        raise PermissionDenied(str(below.place))

    async def approve(self, reached: VirtualPath) -> None:
        """Ask for the rights of the running command at a place that links led to."""
        self.reached = reached
        await self.require(reached, *self.rights)

    def take_restart_offset(self) -> int:
        """Return the offset that REST gave, once."""
        offset, self.restart_offset = self.restart_offset, 0
        return offset

    @property
    def is_ascii(self) -> bool:
        """Tell whether files are converted to CRLF line ends and back."""
        return self.transfer_type is TransferType.ASCII

    def choose_type(self, name: str) -> None:
        """Set the representation type: ``A`` or ``I``."""
        self.transfer_type = TransferType(name)

    def open_store(self, backend: IPathIO) -> None:
        """Make *backend* the store of this login, with the bounds of the session around it."""
        self.path_io = Storage(backend, self.approve, self.reactor, self.path_timeout)

    @property
    def transfer(self) -> TransferRecord:
        """What the log will say of the transfer under way."""
        if self.record is None:
            self.record = TransferRecord()
        return self.record

    def transferring(self, path: VirtualPath, file: StoredFile | None = None) -> None:
        """Note what the running transfer is about, for its event."""
        self.transfer.path = path
        self.transfer.file = file

    def forget_data_port(self) -> None:
        """Close the data port that was agreed."""
        self.channel.forget()
        self.session.happened(Happening.PORT_FORGOTTEN)

    def unique_suffix(self) -> str:
        """Return a part of a name that nobody guesses (STOU)."""
        return secrets.token_hex(8)

    def mark(self, reply: Reply) -> None:
        """Write a preliminary reply (1yz)."""
        self.session.happened(Happening.MARK_SENT)
        self.transfer.started = self.reactor.seconds()
        self._speaker.mark(reply)

    async def _client_has_died(self, is_proven: bool, may_replace: bool) -> bool:
        """
        Tell whether the end of the data is no end of the file: the system closes both connections of one that dies.

        :param is_proven: whether the client has said under TLS that nothing more comes.
        :param may_replace: whether there may have been a whole file before, which is worth every moment.
        """
        if self._speaker.is_gone():
            return True
        if is_proven or not self._speaker.may_end_unnoticed:
            return False
        if not may_replace and self._was_sent_in_one_go():
            return False
        await self.delay(LAST_MOMENT)
        return self._speaker.is_gone()

    def _was_sent_in_one_go(self) -> bool:
        started = self.transfer.started
        assert started is not None
        took = self.reactor.seconds() - started
        return self.channel.bytes_moved > 0 and took < WORTH_A_MOMENT * LAST_MOMENT

    async def send(self, source: IFile, length: int = 0) -> None:
        """Send a file over the data connection, converted as TYPE says; see :meth:`DataChannel.send`."""
        protection = self.security.data_protection()
        await self.channel.send(
            source, mark=self._mark_opening, ascii=self.is_ascii, length=length, protection=protection
        )

    async def send_batches(self, batches: AsyncGenerator[bytes, None]) -> None:
        """
        Send a listing over the data connection as it is; see :meth:`DataChannel.send_batches`.

        The first batch is asked for before the 1xx: a directory that cannot be listed is refused without one.
        """
        async with aclosing(batches):
            first = await next_or_none(batches) or b""
            protection = self.security.data_protection()
            await self.channel.send_batches(_followed(first, batches), mark=self._mark_opening, protection=protection)

    async def receive(self, target: IFile, mark: Reply = replies.OPENING_DATA_CONNECTION) -> None:
        """Receive a file over the data connection; see :meth:`DataChannel.receive`."""
        protection = self.security.data_protection()
        await self.channel.receive(target, mark=lambda: self.mark(mark), ascii=self.is_ascii, protection=protection)
        is_proven = protection is not None and not self.transfer.is_unclosed
        if await self._client_has_died(is_proven, getattr(target, "may_replace", True)):
            raise TransferAborted()

    def note_unclosed(self) -> None:
        """Note that an upload under TLS ended without close_notify and is taken for whole."""
        self.transfer.is_unclosed = True

    def _mark_opening(self) -> None:
        self.mark(replies.OPENING_DATA_CONNECTION)

    def delay(self, seconds: float) -> Deferred[None]:
        """Return a Deferred that fires after *seconds*; the commands behind the running one wait, too."""
        return deferLater(self.reactor, seconds)

    def end_after_reply(self, farewell: Reply) -> None:
        """
        End the session once the running command is answered.

        :param farewell: sent after that reply.
        """
        self.ending = farewell

    def publish(self, kind: type[SessionEvent], **details: Any) -> None:
        """Publish an event of this session."""
        self._sequence += 1
        if not self.server.publisher.is_heard:
            return
        self.server.publisher.publish(
            kind(
                time=time.time(),
                session=self.identifier,
                sequence=self._sequence,
                peer=self.client_host,
                user=self.login_name,
                **details,
            )
        )

    async def end_login(self) -> None:
        """Tell store and user manager that the login is over, give its place back, and forget everything of it."""
        user, store, data = self.user, self.path_io, self.data
        self.reset()
        if data is not None:
            data.close()
        if user is not None:
            self.server.release_login(user)
            await quietly(self, self.server.users.notify_logout, user)
        if store is not None:
            await quietly(self, store.close)

    def __repr__(self) -> str:
        return f"<Connection {self.identifier} from {self.client_host}>"


async def _followed(first: bytes, batches: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    yield first
    async for batch in batches:
        yield batch


#: Seconds that a store and a user manager have for the end of a login: who never answers must not keep the session.
CLEANING_UP = 10.0


async def quietly(connection: Connection, function: Callable[..., Any], *arguments: object) -> None:
    """Call *function* at the end of a login: what it raises is logged, for there is nobody left to answer."""
    try:
        outcome = function(*arguments)
        if hasattr(outcome, "__await__"):
            await within(CLEANING_UP, connection.reactor, outcome, PathTimeout)
    except Exception:  # noqa: BLE001 - a backend may raise anything, and the rest of the clean-up must run
        connection.server.log.failure("the end of session {session} failed", session=connection.identifier)
