# -*- test-case-name: tests.test_replies -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Replies: a code, its lines, and how they are written on the control connection.

Each constant is named by its meaning; the RFC section stands beside it where the code alone does not tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = [
    "MAXIMUM_LINE_LENGTH",
    "Reply",
    "decode_name",
    "encode",
    "encode_lines",
    "encode_name",
    "greeting",
    "quoted",
    "reply",
]

#: Longest text of one reply line, in octets. Old clients read replies into buffers of 1 KiB or 4 KiB; a path of
#: PATH_MAX (4,096) octets with every quote doubled still fits, and nothing else is that long.
MAXIMUM_LINE_LENGTH = 8300


@dataclass(frozen=True, slots=True)
class Reply:
    """
    One reply of the server (RFC 959, section 4.2).

    :ivar code: three digits; 1yz is a mark, all others are final.
    :ivar lines: the texts, at least one; more than one makes a multi-line reply.
    """

    code: int
    lines: tuple[str, ...]
    #: What :func:`encode` has made of it, and in which encoding: most replies are constants, written again and again.
    _encoded: tuple[str, bytes] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def is_mark(self) -> bool:
        """Tell whether this is a preliminary reply (1yz), which a final one must follow."""
        return self.code < 200

    @property
    def is_positive(self) -> bool:
        """Tell whether the command did what it was asked to do (2yz) or may go on (1yz, 3yz)."""
        return self.code < 400

    def __str__(self) -> str:
        return f"{self.code} {' / '.join(self.lines)}"


def reply(code: int, *lines: str) -> Reply:
    """
    Make a :class:`Reply`.

    :param code: three digits from 100 to 559.
    :param lines: at least one text without line ends.
    :raises ValueError: on a code out of range or no line.
    """
    if not 100 <= code <= 559:
        raise ValueError(f"a reply code is between 100 and 559, not {code}")
    if not lines:
        raise ValueError("a reply has at least one line")
    return Reply(code, lines)


def encode(value: Reply, encoding: str = "utf-8") -> bytes:
    """
    Return the octets of a reply.

    Text that a client or a file name chose can stand in a reply (257, MLST): CR, LF and NUL become ``?``, so that it
    can forge neither a line nor an end of one, and 0xFF is doubled as Telnet asks (RFC 3659, section 2.2). Inner
    lines are padded with one blank, so that none looks like the last line (RFC 959, section 4.2); FEAT and MLST ask
    for that blank anyway (RFC 2389, section 3.2; RFC 3659, section 7.2).

    :param encoding: of names; see :func:`encode_name`.
    """
    known = value._encoded
    if known is None or known[0] != encoding:
        known = encoding, _octets(value, encoding)
        # It is frozen, and stays the value that it is.
        object.__setattr__(value, "_encoded", known)
    return known[1]


def _octets(value: Reply, encoding: str) -> bytes:
    texts = [_line(text, encoding) for text in value.lines]
    if len(texts) == 1:
        return b"%d %b\r\n" % (value.code, texts[0])
    first, *inner, last = texts
    parts = [b"%d-%b\r\n" % (value.code, first)]
    parts.extend(b" %b\r\n" % text for text in inner)
    parts.append(b"%d %b\r\n" % (value.code, last))
    return b"".join(parts)


_LINE_BREAKS = bytes.maketrans(b"\0\n\r", b"???")


def _line(text: str, encoding: str) -> bytes:
    # Octets are looked at, not characters, so that no encoding can bring a line end in again.
    octets = encode_name(text, encoding).translate(_LINE_BREAKS)[:MAXIMUM_LINE_LENGTH]
    return octets.replace(b"\xff", b"\xff\xff")


def encode_name(text: str, encoding: str = "utf-8") -> bytes:
    """
    Return *text* as it goes to the client: the octets that came in as surrogates go out as they came.

    A character that *encoding* lacks makes the whole text UTF-8, so that the client can at least tell the name from
    another one. A ``?`` stands only for what is no character at all (a surrogate that came from no octet).
    """
    for codec in (encoding, "utf-8"):
        try:
            return text.encode(codec, "surrogateescape")
        except UnicodeEncodeError:
            continue
    return text.encode("utf-8", "replace")


def encode_lines(lines: Sequence[str], encoding: str = "utf-8") -> bytes:
    """Return *lines*, each with CRLF; one that :func:`encode_name` has to help leaves the others as they are."""
    try:
        return "\r\n".join([*lines, ""]).encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return b"".join(encode_name(line, encoding) + b"\r\n" for line in lines)


def decode_name(octets: bytes, encoding: str = "utf-8") -> str:
    """Return a name or argument as text; octets that are not of *encoding* become surrogates (PEP 383)."""
    return octets.decode(encoding, "surrogateescape")


def quoted(path: str) -> str:
    """Quote *path* for a 257 reply: inner quotes are doubled (RFC 959, appendix II)."""
    return '"' + path.replace('"', '""') + '"'


SERVICE_READY = reply(220, "Service ready.")
SESSION_RESET = reply(220, "Service ready for a new user.")
GOODBYE = reply(221, "Goodbye.")
SERVICE_CLOSING = reply(421, "The service closes, please come back later.")
TOO_MANY_CONNECTIONS = reply(421, "Too many connections, please come back later.")
BANNED = reply(421, "Too many failures came from your address, please come back later.")
IDLE_TIMEOUT = reply(421, "No command came for too long; goodbye.")
LOGIN_TIMEOUT = reply(421, "No login came in time; goodbye.")
TOO_MANY_FAILED_LOGINS = reply(421, "Too many failed logins; goodbye.")
FOREIGN_PROTOCOL = reply(421, "This is an FTP server, and that was something else; goodbye.")

OKAY = reply(200, "Okay.")
SUPERFLUOUS = reply(202, "Not needed at this site.")
NOTHING_TO_ABORT = reply(226, "There was nothing to abort.")
ABORTED = reply(226, "The transfer was aborted as asked.")
UNRECOGNIZED = reply(500, "Command not understood.")
LINE_TOO_LONG = reply(500, "The line was too long and was ignored.")
SYNTAX_ERROR = reply(501, "The argument is not what this command takes.")
ARGUMENT_MISSING = reply(501, "This command needs an argument.")
ARGUMENT_NOT_TAKEN = reply(501, "This command takes no argument.")
NOT_IMPLEMENTED = reply(502, "Command not implemented.")
NOT_FOR_PARAMETER = reply(504, "Not implemented for that parameter.")

NEED_PASSWORD = reply(331, "Please give the password.")
NEED_USER = reply(503, "Please give a user name first.")
LOGGED_IN = reply(230, "Logged in.")
LOGIN_INCORRECT = reply(530, "The login is not correct.")
NOT_LOGGED_IN = reply(530, "Please log in first.")
TOO_MANY_SESSIONS = reply(530, "This user has too many connections already.")
NO_HOME = reply(530, "The login is not possible now.")

AUTH_ACCEPTED = reply(234, "Please begin TLS.")
LOGGED_IN_BY_CERTIFICATE = reply(232, "Logged in by the certificate.")
NOT_PROTECTED = reply(533, "The control connection is not under TLS.")
NEED_TLS_FIRST = reply(503, "Please use AUTH TLS first.")
NEED_BUFFER_SIZE = reply(503, "Please use PBSZ 0 first.")
TLS_ALREADY = reply(503, "The control connection is under TLS already, or was.")
TLS_REQUIRED = reply(530, "Please use AUTH TLS before USER.")
PROTECTION_REFUSED = reply(534, "The policy of this server does not allow that.")
LEVEL_UNSUPPORTED = reply(536, "TLS gives the levels C and P.")
DATA_PROTECTION_REQUIRED = reply(521, "Please use PROT P: data goes under TLS only.")

TRANSFER_COMPLETE = reply(226, "Transfer complete.")
OPENING_DATA_CONNECTION = reply(150, "Opening the data connection.")
NO_DATA_PORT = reply(425, "Please use PASV, EPSV, PORT or EPRT first.")
CANNOT_OPEN_DATA_CONNECTION = reply(425, "The data connection could not be opened.")
NO_FREE_DATA_PORT = reply(425, "No data port is free just now.")
DATA_CONNECTION_LOST = reply(426, "The data connection was closed before the transfer was complete.")
DATA_CONNECTION_STALLED = reply(426, "The data connection made no progress for too long.")
TRANSFER_ABORTED = reply(426, "The transfer was aborted.")
INTERNAL_ERROR = reply(451, "The request failed by an error of the server.")

PATH_DONE = reply(250, "Done.")
# One text for what is missing, hidden and forbidden: a reply must not tell which of them it was.
PATH_UNAVAILABLE = reply(550, "No such file or directory, or no permission for it.")
PATH_FORBIDDEN = reply(550, "A path cannot hold CR, LF or NUL.")
PATH_EXISTS = reply(550, "There is something of that name already.")
NOT_A_FILE = reply(550, "That is not a regular file.")
NOT_A_DIRECTORY = reply(550, "That is not a directory.")
DIRECTORY_NOT_EMPTY = reply(550, "The directory is not empty.")
DIRECTORY_IN_USE = reply(550, "The root and the current directory cannot be removed or renamed.")
RENAME_SOURCE_GIVEN = reply(350, "Please give the new name.")
RENAME_SOURCE_MISSING = reply(503, "Please use RNFR directly before RNTO.")
RESTART_BEYOND_END = reply(554, "The restart position lies beyond the end of the file.")
RESTART_NOT_TAKEN = reply(554, "This command cannot start at a restart position.")


def greeting(message: str | Sequence[str] | None) -> Reply:
    """Return the 220 that a connection begins with: the text or lines given, or else one that says nothing more."""
    if message is None:
        return SERVICE_READY
    lines = message.splitlines() if isinstance(message, str) else list(message)
    return reply(220, *(lines or [""]))
