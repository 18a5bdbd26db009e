# -*- test-case-name: tests.test_control_connection -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The control connection: octets in, commands strictly in order, replies out by one writer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..awaiting import drive
from ..core import replies
from ..core.addresses import normalise_host
from ..core.events import Connected, Disconnected, ForeignProtocol, LoggedOut, Secured
from ..core.replies import Reply, encode
from ..core.wire import LineBuffer, Overlong, begins_like_tls, foreign_protocol
from ..timer import Deadlines
from ..tls.layer import TLSFailure
from .interpreter import Interpreter
from .outlet import Outlet
from .protection import Wire
from .sequence import CommandSequence
from .state import Connection, Peer

if TYPE_CHECKING:
    from ..listening import TLSMode
    from ..server import Server

__all__ = ["ControlConnection", "FTPFactory"]

#: Seconds that a client has to take the last reply.
LINGERING = 10.0

_GOODBYE = replies.GOODBYE


@implementer(IPushProducer)
class ControlConnection(Protocol):
    """
    The server's end of one control connection (RFC 959, section 2.3).

    :param shared: what it has in common with the other connections of its listener.
    :param identifier: of the session.
    :ivar may_answer: see :class:`~ftpserver.control.sequence.Speaker`.
    """

    log = Logger()

    #: ITransport, IConsumer and IPushProducer at once, for which Twisted has no one interface.
    transport: Any

    # Lists, timers and the like are made when they are needed: most sessions are silent most of the time.
    def __init__(self, shared: FTPFactory, identifier: str) -> None:
        self._shared = shared
        self._server = shared.server
        self._identifier = identifier
        self._lines = LineBuffer()
        self._wire: Wire | None = None
        self._output: list[bytes] = []
        self._has_spoken = False
        self._watches_login = False
        self._paused = False
        self._reading_paused = False
        self._ended = False
        self._lost = False
        self._end_reason = ""
        self._finished: Deferred[None] | None = None
        self._is_released = False
        self.may_answer = True

    @property
    def finished(self) -> Deferred[None]:
        """A Deferred that fires when the session has ended and everything of it is released."""
        if self._finished is None:
            self._finished = succeed(None) if self._is_released else Deferred()
        return self._finished

    # What Twisted calls.

    def connectionMade(self) -> None:
        """Greet the client, or turn it away."""
        host, peer = self.transport.getHost(), self.transport.getPeer()
        ends = Peer(*_address(peer), *_address(host))
        self.connection = Connection(self._server, ends, self._identifier, self, self._shared.mode)
        self._commands = CommandSequence(self.connection, self._shared.interpreter, self)
        self._outlet = Outlet(self.transport)
        self._outlet.tune()
        if self.connection.security.is_implicit:
            self._begin_tls()
        refusal = self._server.admit(self)
        if refusal is not None:
            self._write(refusal)
            self._end("refused")
            return
        self.connection.acquired = True
        self.transport.registerProducer(self, True)
        self.connection.publish(Connected, port=self.connection.server_port)
        self._write(self._server.greeting)
        self.flush()
        self._shared.idle.start(self)
        self._watch_login()

    @property
    def may_end_unnoticed(self) -> bool:
        """See :class:`~ftpserver.control.sequence.Speaker`."""
        return self._outlet.has_socket

    def is_gone(self) -> bool:
        """See :class:`~ftpserver.control.sequence.Speaker`."""
        return self._lost or self._outlet.is_ended()

    def dataReceived(self, data: bytes) -> None:
        """Take octets from the client."""
        if self._ended or self._commands.is_ending:
            return
        wire, commands = self._wire, self._commands
        if wire is not None and wire.layer is not None:
            try:
                data = self._in_clear(wire, data)
            except TLSFailure as failure:
                self._end(f"TLS failed: {failure}")
                return
        elif not self._has_spoken and begins_like_tls(data):
            self._cut_off("TLS")
            return
        commands.stops = False
        if commands.is_holding:
            commands.proceed()
        # Where an AUTH has waited for its turn until now, what comes here was sent in clear.
        lines = [] if commands.stops else self._lines.feed(data)
        if lines and (self._has_spoken or self._begins_well(lines[0])):
            if self._shared.idle.is_bounded:
                self._shared.idle.start(self)
            commands.take(lines)
        if wire is not None and wire.has_ended:
            self._end("the client ended TLS")
        self.flush()
        if self._reading_paused or self._paused or commands.is_holding:
            self._regulate_reading()

    def _begins_well(self, line: bytes | Overlong) -> bool:
        """Take the first line: a client of another protocol is cut off."""
        self._has_spoken = True
        foreign = foreign_protocol(line) if isinstance(line, bytes) else None
        if foreign is not None:
            self._cut_off(foreign)
        return foreign is None

    def _cut_off(self, protocol: str) -> None:
        self.connection.publish(ForeignProtocol, protocol=protocol)
        self._close(replies.FOREIGN_PROTOCOL, f"{protocol} on an FTP port")

    def _in_clear(self, wire: Wire, data: bytes) -> bytes:
        was_secure = wire.is_secure
        clear = wire.receive(data)
        self.flush()
        if wire.is_secure and not was_secure and wire.layer is not None:
            self.connection.publish(Secured, version=wire.layer.version)
        return clear

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Take the loss of the control connection as ABOR and the end of the login (RFC 959, QUIT)."""
        self._lost = True
        self._end(reason.getErrorMessage())
        self._release()

    def pauseProducing(self) -> None:
        """Stop answering: the client does not read its replies."""
        self._paused, self.may_answer = True, False
        self._shared.stalled.start(self)
        self._regulate_reading()

    def resumeProducing(self) -> None:
        """Go on answering."""
        self._paused, self.may_answer = False, not self._ended
        self._shared.stalled.stop(self)
        self._outlet.emptied()
        self._commands.proceed()
        self._settle()

    def stopProducing(self) -> None:
        """The transport is lost; connectionLost does the rest."""

    # What the sequence of commands asks.

    def answer(self, reply: Reply) -> None:
        """See :class:`~ftpserver.control.sequence.Speaker`."""
        connection = self.connection
        if connection.session.states.is_logged_in is self._watches_login:
            self._watch_login()
        self._write(reply)
        if connection.security.wanted is not None:
            self._change_wire(connection.security.take_change())
        if connection.ending is not None:
            self._close(connection.ending, "ended by the server")
        elif reply is _GOODBYE:
            self._end("QUIT")

    def _change_wire(self, secure: bool | None) -> None:
        if self._ended:
            return
        self.flush()
        # What came behind the command was not said under what comes now.
        self._commands.stops = True
        if secure:
            # What the client has sent in clear behind AUTH was never said (RFC 4217, section 4.2).
            self._commands.forget()
            self._lines.clear()
            self._begin_tls()
        elif self._wire is not None:
            self._wire.end()
            self.connection.security.end()

    def _begin_tls(self) -> None:
        self._wire = self._wire or Wire()
        self._wire.begin(self.connection.security.begin())

    def answer_meanwhile(self, reply: Reply) -> None:
        """See :class:`~ftpserver.control.sequence.Speaker`."""
        self._write(reply)
        self.flush()

    def mark(self, reply: Reply) -> None:
        """See :class:`~ftpserver.control.sequence.Speaker`."""
        self._write(reply)
        if not self._commands.is_stepping:
            self.flush()

    def resumed(self) -> None:
        """See :class:`~ftpserver.control.sequence.Speaker`."""
        if self._lost:
            self._release()
        else:
            if not self._ended:
                self._shared.idle.start(self)
            self._settle()

    def broken(self, failure: Failure) -> None:
        """See :class:`~ftpserver.control.sequence.Speaker`."""
        self.log.failure("session {session} broke", failure, session=self._identifier)
        self._close(replies.SERVICE_CLOSING, "internal error")

    def _settle(self) -> None:
        self.flush()
        self._regulate_reading()

    # Replies: the one place that writes.

    def _write(self, reply: Reply) -> None:
        # Nothing follows a 421 (RFC 959, section 5.4).
        if not self._ended:
            self._output.append(encode(reply, self._shared.encoding))

    def flush(self) -> None:
        """See :class:`~ftpserver.control.sequence.Speaker`: replies that are due together leave in one write."""
        output, wire = self._output, self._wire
        if not output and wire is None:
            return
        octets = output[0] if len(output) == 1 else b"".join(output)
        output.clear()
        if wire is not None:
            octets = wire.protect(octets)
        if octets:
            self._outlet.write(octets)

    # Reading.

    def _regulate_reading(self) -> None:
        wants_pause = self._paused or self._commands.wants_no_more
        if self._ended or wants_pause is self._reading_paused:
            return
        self._reading_paused = wants_pause
        if wants_pause:
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()

    # Timers.

    def _watch_login(self) -> None:
        self._watches_login = not (self.connection.logged or self._ended)
        if not self._watches_login:
            self._shared.logins.stop(self)
        elif self not in self._shared.logins:
            self._shared.logins.start(self)

    def idle_is_over(self) -> None:
        """Hear that no command came for the time allowed; a transfer that moves is no silence."""
        timeout, data = self._server.idle_timeout, self.connection.data
        assert timeout is not None
        if data is not None and data.is_running:
            left = data.last_progress + timeout - self._server.reactor.seconds()
            if left > 0:
                self._shared.idle.start_with(self, left)
                return
        self._close(replies.IDLE_TIMEOUT, "idle")

    def login_is_overdue(self) -> None:
        """Hear that no login came in the time allowed."""
        self._close(replies.LOGIN_TIMEOUT, "no login in time")

    def writing_is_stalled(self) -> None:
        """Hear that the client did not take its replies in the time allowed."""
        self._end("the client does not read its replies")
        self._abort_transport()

    def _abort_transport(self) -> None:
        abort = getattr(self.transport, "abortConnection", None)
        if abort is not None:
            abort()

    # The end.

    @property
    def is_transferring(self) -> bool:
        """Tell whether a command runs that the end of the server should wait for."""
        return self._commands.is_running

    def shut_down(self) -> None:
        """End the session with 421; what runs is aborted."""
        if not self._ended:
            self._close(replies.SERVICE_CLOSING, "the server stops")

    def drain(self, farewell: Reply = replies.SERVICE_CLOSING, reason: str = "the server stops") -> None:
        """End the session with 421, once what runs now is finished."""
        if self._ended:
            return
        if not (self.is_transferring or self._commands.is_stepping):
            self._close(farewell, reason)
            return
        self._commands.clear()
        self.connection.end_after_reply(farewell)

    def kill(self) -> None:
        """End the session now; one that was ended before has had its time to take the last reply."""
        if self._ended:
            self._abort_transport()
        else:
            # Aborting at once would throw the 421 away.
            self.shut_down()

    def _close(self, farewell: Reply, reason: str) -> None:
        if not self._ended:
            self._write(farewell)
            self._end(reason)

    def _end(self, reason: str) -> None:
        if self._ended:
            return
        # A client that has read the last reply finds its place given back.
        self._outlet.hold()
        self.flush()
        self._ended, self.may_answer = True, False
        self._end_reason = reason
        self._commands.clear()
        self._shared.idle.stop(self)
        self._shared.logins.stop(self)
        if not self._lost:
            self._hang_up()

    def _hang_up(self) -> None:
        if self.connection.acquired:
            self.transport.unregisterProducer()
        if self._wire is not None:
            self._wire.end()
            self.flush()
        if self._reading_paused:
            # A transport that does not read would not see the client's end either.
            self.transport.resumeProducing()
        self.transport.loseConnection()
        if self not in self._shared.stalled:
            self._shared.lingering.start(self)

    def _release(self) -> None:
        """Give everything back, once nothing runs any more."""
        self._shared.stalled.stop(self)
        self._shared.lingering.stop(self)
        if self._commands.is_running:
            self._commands.cancel()
            return
        outcome = drive(self._forget())
        if isinstance(outcome, Deferred):
            outcome.addErrback(self.broken)

    async def _forget(self) -> None:
        try:
            await self._end_login()
        finally:
            self._server.forget(self)
            self._is_released = True
            if self._finished is not None:
                self._finished.callback(None)

    async def _end_login(self) -> None:
        connection = self.connection
        if connection.logged:
            connection.publish(LoggedOut)
        login_name = connection.login_name
        await connection.end_login()
        connection.login_name = login_name
        if connection.acquired:
            connection.publish(Disconnected, reason=self._end_reason)


def _address(address: IAddress) -> tuple[str, int]:
    host, port = getattr(address, "host", ""), getattr(address, "port", 0)
    return normalise_host(str(host)), int(port)


class FTPFactory(Factory):
    """
    Makes a :class:`ControlConnection` for each client of one server.

    :param server: the server.
    :param mode: how the listener treats TLS.
    :ivar interpreter: answers the requests.
    :ivar encoding: of the replies.
    :ivar idle: connections whose silence is measured.
    :ivar logins: connections that are to log in.
    :ivar stalled: connections whose client does not take its replies.
    :ivar lingering: connections that have ended and whose client is to take the last reply.
    """

    noisy = False

    def __init__(self, server: Server, mode: TLSMode = "explicit") -> None:
        self.server = server
        self.mode = mode
        self.encoding = server.encoding
        self.interpreter = Interpreter(server.commands, server.hooks)
        reactor, stalled = server.reactor, ControlConnection.writing_is_stalled
        self.idle = Deadlines(reactor, server.idle_timeout, ControlConnection.idle_is_over)
        self.logins = Deadlines(reactor, server.login_timeout, ControlConnection.login_is_overdue)
        self.stalled = Deadlines(reactor, server.socket_timeout, stalled)
        self.lingering = Deadlines(reactor, LINGERING, stalled)

    def buildProtocol(self, addr: IAddress | None) -> ControlConnection:
        """Return the control connection for a client that has just connected."""
        connection = ControlConnection(self, self.server.next_identifier())
        connection.factory = self
        return connection
