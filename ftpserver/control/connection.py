# -*- test-case-name: tests.test_control_connection -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The control connection: octets in, commands strictly in order, replies out by one writer.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IPushProducer, IReactorTime, ISystemHandle, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..core import replies
from ..core.addresses import normalise_host
from ..core.events import Connected, Disconnected, LoggedOut, Secured
from ..core.replies import Reply, encode
from ..core.wire import (
    OVERLONG,
    LineBuffer,
    MalformedRequest,
    Overlong,
    begins_like_tls,
    foreign_protocol,
    parse_request,
)
from ..timer import Timer
from ..tls.layer import TLSFailure
from .interpreter import Interpreter
from .protection import Wire
from .sequence import CommandSequence, Waiting
from .state import Connection, Peer

if TYPE_CHECKING:
    from ..listening import TLSMode
    from ..server import Server

__all__ = ["ControlConnection", "FTPFactory"]

#: Seconds that a client has to take the last reply.
LINGERING = 10.0


@implementer(IPushProducer)
class ControlConnection(Protocol):
    """
    The server's end of one control connection (RFC 959, section 2.3).

    :param server: what it belongs to.
    :param interpreter: answers the requests.
    :param identifier: of the session.
    :param mode: how the listener treats TLS.
    """

    log = Logger()

    #: ITransport, IConsumer and IPushProducer at once, for which Twisted has no one interface.
    transport: Any

    def __init__(self, server: Server, interpreter: Interpreter, identifier: str, mode: TLSMode = "explicit") -> None:
        self._server = server
        self._mode = mode
        self._reactor: IReactorTime = server.reactor
        self._interpreter = interpreter
        self._identifier = identifier
        self._lines = LineBuffer()
        self._wire = Wire()
        self._output: list[bytes] = []
        self._has_spoken = False
        self._paused = False
        self._reading_paused = False
        self._ended = False
        self._lost = False
        self._end_reason = ""
        self._idle_timer = Timer(self._reactor, self._idle)
        self._login_timer = Timer(self._reactor, self._login_overdue)
        self._write_timer = Timer(self._reactor, self._write_stalled)
        self._last_command = self._reactor.seconds()
        #: Fires when the session has ended and everything of it is released.
        self.finished: Deferred[None] = Deferred()

    # What Twisted calls.

    def connectionMade(self) -> None:
        """Greet the client, or turn it away."""
        host, peer = self.transport.getHost(), self.transport.getPeer()
        ends = Peer(*_address(peer), *_address(host))
        self.connection = Connection(
            self._server, ends, self._identifier, self.answer_meanwhile, self._client_is_gone, self._mode
        )
        self._commands = CommandSequence(self.connection, self._interpreter, self)
        self._tune_socket()
        if self.connection.security.is_implicit:
            self._wire.begin(self.connection.security.begin())
        refusal = self._server.admit(self)
        if refusal is not None:
            self._write(refusal)
            self._end("refused")
            return
        self.connection.acquired = True
        self.transport.registerProducer(self, True)
        self.connection.publish(Connected, port=self.connection.server_port)
        self._write(self._server.greeting)
        self._flush()
        self._idle_timer.set(self._server.idle_timeout)
        self._watch_login()

    def _tune_socket(self) -> None:
        transport, handle = self.transport, self._handle()
        if ITCPTransport.providedBy(transport):
            # 150 and 226 would wait 40 ms for each other's acknowledgement.
            transport.setTcpNoDelay(True)
            transport.setTcpKeepAlive(True)
        if handle is not None and handle.family in (socket.AF_INET, socket.AF_INET6):
            # The DM of an ABOR comes as urgent data (RFC 959, section 4.1.3); it must not leave the stream.
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)

    def _handle(self) -> socket.socket | None:
        if not ISystemHandle.providedBy(self.transport):
            return None
        handle = self.transport.getHandle()
        return handle if isinstance(handle, socket.socket) else None

    def _client_is_gone(self) -> bool:
        handle = self._handle()
        if self._lost or handle is None:
            return self._lost
        try:
            return not handle.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def dataReceived(self, data: bytes) -> None:
        """Take octets from the client."""
        if self._ended or self._commands.is_ending:
            return
        try:
            data = self._in_clear(data)
        except TLSFailure as failure:
            self._end(f"TLS failed: {failure}")
            return
        if not self._has_spoken and self._wire.layer is None and begins_like_tls(data):
            self._close(replies.FOREIGN_PROTOCOL, "TLS on a port without it")
            return
        self._commands.proceed()
        changes = self._wire.changes
        for line in self._lines.feed(data):
            self._line(line)
            if self._ended or self._commands.is_ending or self._wire.changes != changes:
                break
        if self._wire.has_ended:
            self._end("the client ended TLS")
        self._settle()

    def _in_clear(self, data: bytes) -> bytes:
        was_secure = self._wire.is_secure
        clear = self._wire.receive(data)
        self._flush()
        if self._wire.is_secure and not was_secure and self._wire.layer is not None:
            self.connection.publish(Secured, version=self._wire.layer.version)
        return clear

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Take the loss of the control connection as ABOR and the end of the login (RFC 959, QUIT)."""
        self._lost = True
        self._end(reason.getErrorMessage())
        self._release()

    def pauseProducing(self) -> None:
        """Stop answering: the client does not read its replies."""
        self._paused = True
        self._write_timer.set(self._server.socket_timeout)
        self._regulate_reading()

    def resumeProducing(self) -> None:
        """Go on answering."""
        self._paused = False
        self._write_timer.stop()
        self._commands.proceed()
        self._settle()

    def stopProducing(self) -> None:
        """The transport is lost; connectionLost does the rest."""

    # Lines.

    def _line(self, line: bytes | Overlong) -> None:
        if not self._has_spoken:
            self._has_spoken = True
            if isinstance(line, bytes) and foreign_protocol(line) is not None:
                self._close(replies.FOREIGN_PROTOCOL, f"{foreign_protocol(line)} on an FTP port")
                return
        self._last_command = self._reactor.seconds()
        self._commands.take(_understood(line))

    # What the sequence of commands asks.

    @property
    def may_answer(self) -> bool:
        """See :class:`~ftpserver.control.sequence.Speaker`."""
        return not self._paused and not self._ended

    def answer(self, reply: Reply) -> None:
        """See :class:`~ftpserver.control.sequence.Speaker`."""
        self._watch_login()
        self._write(reply)
        self._change_wire(self.connection.security.take_change())
        if self.connection.ending is not None:
            self._close(self.connection.ending, "ended by the server")
        elif reply is replies.GOODBYE:
            self._end("QUIT")

    def _change_wire(self, secure: bool | None) -> None:
        if secure is None or self._ended:
            return
        self._flush()
        if secure:
            # What the client has sent in clear behind AUTH was never said (RFC 4217, section 4.2).
            self._commands.forget()
            self._lines.clear()
            self._wire.begin(self.connection.security.begin())
        else:
            self._wire.end()
            self.connection.security.end()

    def answer_meanwhile(self, reply: Reply) -> None:
        """See :class:`~ftpserver.control.sequence.Speaker`; marks are written so, too."""
        self._write(reply)
        self._flush()

    def resumed(self) -> None:
        """See :class:`~ftpserver.control.sequence.Speaker`."""
        if self._lost:
            self._release()
        else:
            self._last_command = self._reactor.seconds()
            self._settle()

    def broken(self, failure: Failure) -> None:
        """See :class:`~ftpserver.control.sequence.Speaker`."""
        self.log.failure("session {session} broke", failure, session=self._identifier)
        self._close(replies.SERVICE_CLOSING, "internal error")

    def _settle(self) -> None:
        self._flush()
        self._regulate_reading()

    # Replies: the one place that writes.

    def _write(self, reply: Reply) -> None:
        # Nothing follows a 421 (RFC 959, section 5.4).
        if not self._ended:
            self._output.append(encode(reply, self._server.encoding))

    def _flush(self) -> None:
        if self._output:
            self._wire.send(b"".join(self._output))
            self._output.clear()
        octets = self._wire.outgoing()
        if octets:
            self.transport.write(octets)

    # Reading.

    def _regulate_reading(self) -> None:
        wants_pause = self._paused or self._commands.is_full
        if self._ended or wants_pause is self._reading_paused:
            return
        self._reading_paused = wants_pause
        if wants_pause:
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()

    # Timers.

    def _watch_login(self) -> None:
        if self.connection.logged or self._ended:
            self._login_timer.stop()
        elif not self._login_timer.is_set:
            self._login_timer.set(self._server.login_timeout)

    def _idle(self) -> None:
        timeout = self._server.idle_timeout
        assert timeout is not None
        data = self.connection.data
        last = max(self._last_command, data.last_progress if data is not None and data.is_running else 0.0)
        left = last + timeout - self._reactor.seconds()
        if left > 0:
            self._idle_timer.set(left)
        else:
            self._close(replies.IDLE_TIMEOUT, "idle")

    def _login_overdue(self) -> None:
        self._close(replies.LOGIN_TIMEOUT, "no login in time")

    def _write_stalled(self) -> None:
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

    def drain(self) -> None:
        """End the session with 421, once what runs now is finished."""
        if self._ended:
            return
        if not self.is_transferring:
            self.shut_down()
            return
        self._commands.clear()
        self.connection.end_after_reply(replies.SERVICE_CLOSING)

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
        self._flush()
        self._ended = True
        self._end_reason = reason
        self._commands.clear()
        self._idle_timer.stop()
        self._login_timer.stop()
        if not self._lost:
            self._hang_up()

    def _hang_up(self) -> None:
        if self.connection.acquired:
            self.transport.unregisterProducer()
        self._wire.end()
        self._flush()
        if self._reading_paused:
            # A transport that does not read would not see the client's end either.
            self.transport.resumeProducing()
        self.transport.loseConnection()
        if not self._write_timer.is_set:
            self._write_timer.set(LINGERING)

    def _release(self) -> None:
        """Give everything back, once nothing runs any more."""
        self._write_timer.stop()
        if self._commands.is_running:
            self._commands.cancel()
        else:
            Deferred.fromCoroutine(self._forget()).chainDeferred(self.finished)

    async def _forget(self) -> None:
        connection = self.connection
        if connection.logged:
            connection.publish(LoggedOut)
        login_name = connection.login_name
        await connection.end_login()
        connection.login_name = login_name
        if connection.acquired:
            connection.publish(Disconnected, reason=self._end_reason)
        self._server.forget(self)


def _understood(line: bytes | Overlong) -> Waiting:
    if line is OVERLONG:
        return replies.LINE_TOO_LONG
    try:
        return parse_request(line)
    except MalformedRequest:
        return replies.UNRECOGNIZED


def _address(address: IAddress) -> tuple[str, int]:
    host, port = getattr(address, "host", ""), getattr(address, "port", 0)
    return normalise_host(str(host)), int(port)


class FTPFactory(Factory):
    """
    Makes a :class:`ControlConnection` for each client of one server.

    :param server: the server.
    :param mode: how the listener treats TLS.
    """

    noisy = False

    def __init__(self, server: Server, mode: TLSMode = "explicit") -> None:
        self._server = server
        self._mode = mode
        self._interpreter = Interpreter(server.commands, server.hooks)

    def buildProtocol(self, addr: IAddress | None) -> ControlConnection:
        """Return the control connection for a client that has just connected."""
        identifier = self._server.next_identifier()
        connection = ControlConnection(self._server, self._interpreter, identifier, self._mode)
        connection.factory = self
        return connection
