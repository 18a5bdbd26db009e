# -*- test-case-name: tests.test_tls_contexts -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The calls of OpenSSL that pyOpenSSL has, but not in public.

Nothing else of the project touches what is private there.
"""

from __future__ import annotations

from collections.abc import Callable

from OpenSSL import SSL, _util

__all__ = ["SHARED", "alert_unless", "connect", "reason", "session_was_reused"]

#: The session id context of sessions that any connection of the same Context may continue.
SHARED = b"ftpserver"

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
