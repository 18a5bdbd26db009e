# -*- test-case-name: tests.test_data_opening -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How a data connection comes to be: a passive port, or a call to the client.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ..core.addresses import normalise_host
from ..errors import CannotOpenDataConnection
from .descriptor import Descriptor
from .ports import DataPorts
from .system import BACKLOG, System

__all__ = ["ActiveConnector", "Opener", "PassiveListener", "Wait"]

#: Waits for a Deferred on behalf of a transfer, which may be aborted meanwhile.
Wait = Callable[[Any], Awaitable[Any]]


#: Connections from elsewhere that are turned away at once; more of them wait for another turn of the reactor, so that
#: a flood of them holds up nobody else.
STRANGERS_PER_TURN = 8

#: Any other error of accept(2) is one of the connection that came, and the next may be good.
_OUR_OWN_FAULT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EINVAL, errno.EBADF})


class Opener(Protocol):
    """An agreement about the next data connection."""

    @property
    def is_open(self) -> bool:
        """Tell whether the client is connected already."""
        ...

    @property
    def has_input(self) -> bool:
        """Tell whether the client is connected and has sent something already."""
        ...

    def take(self) -> socket.socket:
        """Return the connected socket of a client that is there, see :attr:`is_open`."""
        ...

    async def open(self, wait: Wait) -> socket.socket:
        """
        Wait for the client, and return the connected socket.

        :raises CannotOpenDataConnection: if there will be none.
        """
        ...

    def close(self) -> None:
        """Give up everything that :meth:`open` has not handed out, and the port."""
        ...


class PassiveListener:
    """
    An open port that one client may connect to, once for each transfer.

    Where the system chooses the ports, one stays open for the transfers that follow: opening it is half of the cost of
    a small file. Whoever has connected before PASV or EPSV was answered is turned away all the same.

    :param peer_host: the only address that is let in.
    """

    def __init__(self, reactor: Any, system: System, ports: DataPorts, local_host: str, peer_host: str) -> None:
        self._system = system
        self._ports = ports
        self._peer_host = peer_host
        listener, self.port = ports.open(lambda port: system.listen(local_host, port))
        self._descriptor: Descriptor | None = Descriptor(reactor, listener)
        self._accepted: socket.socket | None = None
        self._port_is_taken = True
        #: Whether it can be used again.
        self.stays = ports.free is None

    @property
    def is_open(self) -> bool:
        """Tell whether the client is connected already."""
        if self._accepted is None and self._descriptor is not None:
            self._accepted = self._accept(self._descriptor)
        return self._accepted is not None

    @property
    def has_input(self) -> bool:
        """See :attr:`Opener.has_input`."""
        return self.is_open and self._accepted is not None and self._system.has_input(self._accepted)

    def _accept(self, descriptor: Descriptor) -> socket.socket | None:
        for _ in range(STRANGERS_PER_TURN):
            try:
                accepted, host = self._system.accept(descriptor.handle)
            except BlockingIOError:
                return None
            except OSError as error:
                if error.errno in _OUR_OWN_FAULT:
                    raise CannotOpenDataConnection(str(error)) from error
                continue
            # Most often it is written in the same way.
            if host == self._peer_host or normalise_host(host) == self._peer_host:
                return accepted
            # A stranger; the client can still come (RFC 2577, section 4).
            self._system.close(accepted)
        return None

    async def open(self, wait: Wait) -> socket.socket:
        """See :meth:`Opener.open`."""
        while not self.is_open:
            assert self._descriptor is not None
            await wait(self._descriptor.readable())
        return self.take()

    def take(self) -> socket.socket:
        """See :meth:`Opener.take`."""
        accepted, self._accepted = self._accepted, None
        if not self.stays:
            self._close_listener()
        assert accepted is not None
        return accepted

    def renew(self) -> bool:
        """
        Forget who has connected so far.

        :returns: whether another transfer may use it; else somebody may still wait, and it has to be closed.
        """
        if self._accepted is not None:
            self._system.close(self._accepted)
            self._accepted = None
        if self._descriptor is None:
            return False
        system, listener = self._system, self._descriptor.handle
        for _ in range(BACKLOG + 1):
            try:
                if not system.has_caller(listener):
                    return True
                accepted, _host = system.accept(listener)
            except BlockingIOError:
                return True
            except OSError:
                return False
            system.close(accepted)
        return False

    def _close_listener(self) -> None:
        if self._descriptor is not None:
            self._descriptor.forget()
            self._system.close(self._descriptor.handle)
            self._descriptor = None

    def close(self) -> None:
        """See :meth:`Opener.close`."""
        self._close_listener()
        if self._accepted is not None:
            self._system.close(self._accepted)
            self._accepted = None
        if self._port_is_taken:
            self._port_is_taken = False
            self._ports.give_back(self.port)


class ActiveConnector:
    """A call to the port that the client named."""

    def __init__(self, reactor: Any, system: System, local_host: str, host: str, port: int) -> None:
        self._reactor = reactor
        self._system = system
        self._local_host = local_host
        self._host = host
        self._port = port

    @property
    def is_open(self) -> bool:
        """Tell whether the client is connected already: it is called when the transfer comes."""
        return False

    @property
    def has_input(self) -> bool:
        """See :attr:`Opener.has_input`."""
        return False

    def take(self) -> socket.socket:
        """See :meth:`Opener.take`."""
        raise CannotOpenDataConnection("the client is not called yet")

    async def open(self, wait: Wait) -> socket.socket:
        """See :meth:`Opener.open`."""
        try:
            connecting = self._system.dial(self._local_host, self._host, self._port)
        except OSError as error:
            raise CannotOpenDataConnection(str(error)) from error
        descriptor = Descriptor(self._reactor, connecting)
        try:
            await wait(descriptor.writable())
            outcome = self._system.outcome(connecting)
            if outcome:
                raise CannotOpenDataConnection(os.strerror(outcome))
        except BaseException:
            descriptor.forget()
            self._system.close(connecting)
            raise
        return connecting

    def close(self) -> None:
        """See :meth:`Opener.close`."""
