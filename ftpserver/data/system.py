# -*- test-case-name: tests.test_system -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The system calls of data connections as one object, so that a test can make each of them fail.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import socket
from collections.abc import Sequence
from contextlib import suppress
from resource import RUSAGE_THREAD, getrusage
from typing import Any

__all__ = ["BACKLOG", "KERNEL_PATHS", "System"]

#: Whether this platform has what moves octets in the kernel, and a way to wait for many sockets by one descriptor.
KERNEL_PATHS = all((hasattr(os, "sendfile"), hasattr(os, "splice"), hasattr(os, "preadv"), hasattr(select, "epoll")))

#: Octets of a large download that the kernel may hold. Together with full segments it costs 0.80 of plain sendfile.
SEND_BUFFER = 4194304

#: Only Linux has it; others refuse an option of that number.
_TCP_QUICKACK = getattr(socket, "TCP_QUICKACK", -1)

_SPLICE = getattr(os, "SPLICE_F_MOVE", 0) | getattr(os, "SPLICE_F_NONBLOCK", 0)

#: Connections that may wait at a passive port: the client's own, and those from strangers, which are turned away when
#: the transfer comes. Most clients connect before they ask for it: few places would let few strangers keep them out.
BACKLOG = 128


def _family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _prepare(any_socket: socket.socket) -> None:
    any_socket.setblocking(False)
    # A client that lost its power sends no end; without a socket_timeout nothing else would tell.
    any_socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


_CACHESTAT = 451

_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long
_syscall.argtypes = (ctypes.c_long, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)


class _CacheRange(ctypes.Structure):
    _fields_ = (("offset", ctypes.c_uint64), ("length", ctypes.c_uint64))


class _CacheStat(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("cached", "dirty", "writeback", "evicted", "recent"))


class System:
    """
    Sockets and files as data connections use them; all sockets are non-blocking.

    :cvar has_descriptors: whether its sockets have descriptors that the kernel knows.
    """

    has_descriptors = True

    def listen(self, host: str, port: int) -> socket.socket:
        """
        Open a passive port.

        :param port: 0 lets the system choose.
        :raises OSError: if it cannot be opened.
        """
        listener = socket.socket(_family(host), socket.SOCK_STREAM)
        try:
            _prepare(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
        return listener

    def accept(self, listener: socket.socket) -> tuple[socket.socket, str]:
        """
        Accept a connection.

        :returns: the socket and the address of the peer.
        :raises BlockingIOError: if none waits.
        """
        accepted, address = listener.accept()
        # Keepalive it has from the listener.
        accepted.setblocking(False)
        return accepted, str(address[0])

    def has_caller(self, listener: socket.socket) -> bool:
        """Tell whether :meth:`accept` has something to return, or to raise: asking so costs a third of it."""
        waiting = select.poll()
        waiting.register(listener, select.POLLIN)
        return bool(waiting.poll(0))

    def dial(self, local_host: str, host: str, port: int) -> socket.socket:
        """
        Begin to connect from *local_host*; the socket is writable when the outcome is known.

        The system chooses the port to call from. RFC 959 has 20 there, which only a privileged process can use, and
        which firewalls were once told to trust.

        :raises OSError: if it fails at once.
        """
        connecting = socket.socket(_family(host), socket.SOCK_STREAM)
        try:
            _prepare(connecting)
            if _family(local_host) == _family(host):
                connecting.bind((local_host, 0))
            outcome = connecting.connect_ex((host, port))
            if outcome not in (0, errno.EINPROGRESS):
                raise OSError(outcome, os.strerror(outcome))
        except BaseException:
            connecting.close()
            raise
        return connecting

    def outcome(self, connecting: socket.socket) -> int:
        """Return the errno that a finished :meth:`dial` ended with; 0 is success."""
        return connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def send(self, connected: socket.socket, data: memoryview) -> int:
        """Send what the system takes now; see :meth:`socket.socket.send`."""
        return connected.send(data)

    def receive_into(self, connected: socket.socket, buffer: memoryview) -> int:
        """Receive what is there; see :meth:`socket.socket.recv_into`."""
        return connected.recv_into(buffer)

    def has_input(self, connected: socket.socket) -> bool:
        """Tell whether the peer has sent something, or ended, that is not received yet."""
        try:
            connected.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def acknowledge(self, connected: socket.socket) -> None:
        """Let the kernel acknowledge what comes at once, also what has come; it goes back to delays by itself."""
        # What is wrong with the connection the next call tells; what is no TCP has no delay.
        with suppress(OSError):
            connected.setsockopt(socket.IPPROTO_TCP, _TCP_QUICKACK, 1)

    def gather(self, connected: socket.socket) -> None:
        """Let the kernel send full segments only, until the connection is closed, out of a large buffer."""
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    def send_file(self, connected: socket.socket, file: int, offset: int, amount: int) -> int:
        """Send a piece of a file; see :func:`os.sendfile`."""
        return os.sendfile(connected.fileno(), file, offset, amount)

    def open_pipe(self, size: int) -> tuple[int, int]:
        """Return the ends of a new pipe to read from and to write to, of *size* octets where the system lets it."""
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        # Refused where the user has as many large pipes as one may have; a small one works, too.
        with suppress(OSError):
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, size)
        return reading, writing

    def splice_in(self, connected: socket.socket, pipe: int, amount: int) -> int:
        """Move what has come into a pipe; see :func:`os.splice`. Zero is the end."""
        return os.splice(connected.fileno(), pipe, amount, flags=_SPLICE)

    def splice_out(self, pipe: int, file: int, offset: int, amount: int) -> int:
        """Move what a pipe holds into a file; see :func:`os.splice`."""
        return os.splice(pipe, file, amount, offset_dst=offset, flags=_SPLICE)

    def read_pipe(self, pipe: int, amount: int) -> bytes:
        """Read what a pipe holds; see :func:`os.read`."""
        return os.read(pipe, amount)

    def close_pipe(self, pipe: int) -> None:
        """Close one end of a pipe."""
        os.close(pipe)

    def size(self, file: int) -> int:
        """Return how many octets a file has."""
        return os.fstat(file).st_size

    def read_file(self, file: int, amount: int, offset: int) -> bytes:
        """Read a piece of a file, wherever it is; see :func:`os.pread`."""
        return os.pread(file, amount, offset)

    def read_cached(self, file: int, buffer: memoryview, offset: int) -> int:
        """
        Read a piece of a file that is in the page cache.

        :raises BlockingIOError: if it is not.
        :raises OSError: with EOPNOTSUPP where a file is in memory anyway, or the file system cannot tell.
        """
        return os.preadv(file, [buffer], offset, os.RWF_NOWAIT)

    def read_into(self, file: int, buffer: memoryview, offset: int) -> int:
        """Read a piece of a file, wherever it is; see :func:`os.preadv`."""
        return os.preadv(file, [buffer], offset)

    def write_file(self, file: int, data: memoryview, offset: int) -> int:
        """Write a piece of a file; see :func:`os.pwrite`. With O_APPEND it goes to the end all the same."""
        return os.pwrite(file, data, offset)

    def cached_pages(self, file: int, offset: int, amount: int) -> int:
        """
        Return how many pages of a piece of a file are in the page cache, or on their way there.

        :raises OSError: with ENOSYS before Linux 6.5.
        """
        piece, found = _CacheRange(offset, amount), _CacheStat()
        if _syscall(_CACHESTAT, file, ctypes.addressof(piece), ctypes.addressof(found), 0) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return int(found.cached)

    def waits(self) -> int:
        """Return how often this thread has given the processor away to wait for something."""
        return getrusage(RUSAGE_THREAD).ru_nvcsw

    def poller(self) -> select.epoll:
        """Return what waits for many sockets by one descriptor."""
        return select.epoll()

    def poll(self, poller: select.epoll, maximum: int) -> Sequence[tuple[int, Any]]:
        """Return descriptors that are ready now, and what for."""
        return poller.poll(0, maximum)

    def end_output(self, connected: socket.socket) -> None:
        """Tell the peer that nothing more comes."""
        connected.shutdown(socket.SHUT_WR)

    def close(self, any_socket: socket.socket) -> None:
        """Close a socket."""
        any_socket.close()
