# -*- test-case-name: tests.test_tls_bindings -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The calls of OpenSSL that pyOpenSSL has, but not in public.

Nothing else of the project touches what is private there.
"""

from __future__ import annotations

from collections.abc import Callable

from OpenSSL import SSL, _util

__all__ = [
    "MAXIMUM_RECORDS",
    "SHARED",
    "alert_unless",
    "connect",
    "put",
    "read_into",
    "reason",
    "sent",
    "session_was_reused",
    "unsent",
    "write",
]

#: The session id context of sessions that any connection of the same Context may continue.
SHARED = b"ftpserver"

#: Records that are read in one call: of as many as the network buffer holds each may be of one octet, and a call took
#: 14 ms.
MAXIMUM_RECORDS = 256

#: What a callback answers (ssl.h): go on, or send the alert, which is unrecognized_name for the one of SNI.
_GO_ON, _ALERT = 0, 2


def connect(context: SSL.Context, binding: bytes = SHARED) -> SSL.Connection:
    """
    Make the server's end of a connection without a socket, which continues only sessions of the same *binding*.

    OpenSSL keeps the session id context in every session and ticket and takes one of another for unknown. A connection
    copies that of its Context when it is made, and has no call of its own for it here.

    :param context: whose certificate and tickets are used.
    :param binding: 32 octets at most.
    """
    _set_session_context(context, binding)
    connection = SSL.Connection(context, None)
    # Were they equal still at the handshake, the context that SNI chooses would replace it (SSL_set_SSL_CTX).
    _set_session_context(context, SHARED)
    connection.set_accept_state()
    return connection


def _set_session_context(context: SSL.Context, binding: bytes) -> None:
    # pyOpenSSL refuses it for a Context in use because of threads; ours are used in one.
    if not _util.lib.SSL_CTX_set_session_id_context(context._context, binding, len(binding)):
        raise ValueError(f"a session id context has 32 octets at most, not {len(binding)}")


def session_was_reused(connection: SSL.Connection) -> bool:
    """Tell whether a handshake continued an earlier session."""
    return bool(_util.lib.SSL_session_reused(connection._ssl))


# The public calls copy each octet into a new buffer, and some twice: a third of the time of a large file under TLS.
# These work in the buffers that are there. A connection in memory, filled and emptied 256 KiB at a time, costs no more
# than one on the socket, which makes a system call for each record of 16 KiB.

_scratch = _util.ffi.new("char[]", 65536)
_place = _util.ffi.new("char **")

#: What the next call will say again: that the client has ended, the last in the words for one that said user_canceled
#: before.
_AT_THE_END = (_util.lib.SSL_ERROR_ZERO_RETURN, _util.lib.SSL_ERROR_SYSCALL)


def put(connection: SSL.Connection, octets: memoryview) -> None:
    """
    Give a connection what came from the network; as ``Connection.bio_write`` of pyOpenSSL does.

    :raises MemoryError: if it takes less than all.
    """
    with _util.ffi.from_buffer(octets) as start:
        if octets and _util.lib.BIO_write(connection._into_ssl, start, len(octets)) != len(octets):
            raise MemoryError


def read_into(connection: SSL.Connection, buffer: memoryview) -> tuple[int, bool]:
    """
    Read what has come in clear, as much as *buffer* holds; as ``Connection.recv_into`` of pyOpenSSL does.

    :returns: how many octets, and whether there may be more although *buffer* is not full: of :data:`MAXIMUM_RECORDS`
        records. None where pyOpenSSL says WantReadError, which most calls would: an exception costs more.
    :raises SSL.Error: as that does.
    """
    room, amount = len(buffer), 0
    with _util.ffi.from_buffer(buffer) as start:
        for _ in range(MAXIMUM_RECORDS):
            if amount == room:
                return amount, False
            result = _util.lib.SSL_read(connection._ssl, start + amount, room - amount)
            if result <= 0:
                error = _util.lib.SSL_get_error(connection._ssl, result)
                if error == _util.lib.SSL_ERROR_WANT_READ or (amount and error in _AT_THE_END):
                    return amount, False
                connection._raise_ssl_error(connection._ssl, result)
            amount += result
    return amount, amount < room


def write(connection: SSL.Connection, data: memoryview) -> None:
    """
    Protect all of *data*; as ``Connection.send`` of pyOpenSSL does.

    :raises SSL.Error: as that does.
    """
    length, done = len(data), 0
    with _util.ffi.from_buffer(data) as start:
        while done < length:
            result = _util.lib.SSL_write(connection._ssl, start + done, length - done)
            if result <= 0:
                connection._raise_ssl_error(connection._ssl, result)
            done += result


def unsent(connection: SSL.Connection) -> memoryview:
    """Return what is to go to the network, without taking it; good until the next call with this connection."""
    length = _util.lib.BIO_get_mem_data(connection._from_ssl, _place)
    return memoryview(_util.ffi.buffer(_place[0], length) if length > 0 else b"")


def sent(connection: SSL.Connection, amount: int) -> None:
    """Take *amount* octets of what is to go to the network: they have gone."""
    while amount > 0:
        amount -= _util.lib.BIO_read(connection._from_ssl, _scratch, min(amount, len(_scratch)))


def alert_unless(context: SSL.Context, accept: Callable[[SSL.Connection], bool]) -> None:
    """
    Ask *accept* in each handshake, whether or not the client named a server; ``False`` sends ``unrecognized_name``.

    The public call can refuse a name only by an exception, which it prints.

    :param context: may be in use; what was asked before is asked no more.
    """

    def callback(ssl: object, _alert: object, _argument: object) -> int:
        return _GO_ON if accept(SSL.Connection._reverse_mapping[ssl]) else _ALERT

    # Kept where the public call keeps its own: as long as the Context. An exception, printed by cffi, is a refusal.
    kept = _util.ffi.callback("int (*)(SSL *, int *, void *)", callback, error=_ALERT)
    context._tlsext_servername_callback = kept
    _util.lib.SSL_CTX_set_tlsext_servername_callback(context._context, kept)


def reason(error: Exception) -> str:
    """Return what an error of OpenSSL says, without the places where it was found."""
    details = error.args[0] if error.args else ""
    if isinstance(details, list):
        # (library, function, reason) for each.
        return ", ".join(str(entry[-1]) for entry in details)
    return str(error.args[-1]) if error.args else ""
