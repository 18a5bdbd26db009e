# -*- test-case-name: tests.test_config_values -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The kinds of values in the configuration file: how each is read, and in which words it is explained.

The same words stand in the messages about wrong values, in ``--help`` and in the reference.
"""

from __future__ import annotations

import base64
import codecs
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from argon2 import extract_parameters
from pydantic import Field, PlainValidator, ValidationInfo
from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.python.reflect import namedAny

from ..commands.registry import CommandTable
from ..core.bans import MAXIMUM_OFFENCES
from ..core.paths import resolve
from ..core.users import MAXIMUM_LOGIN
from . import units

__all__ = [
    "BaseDirectory",
    "ClearPassword",
    "Commands",
    "Confinement",
    "Count",
    "DataPlane",
    "DataPorts",
    "Encoding",
    "Endpoint",
    "ExistingPaths",
    "Flag",
    "Fsync",
    "HashedPassword",
    "Hooks",
    "Lines",
    "LogFormat",
    "Login",
    "Mask",
    "NonNegative",
    "Observers",
    "Offences",
    "OptionalCount",
    "OptionalFlag",
    "OptionalRate",
    "OptionalTime",
    "PartialUploads",
    "PasvAddress",
    "PathCalls",
    "PositiveTime",
    "Size",
    "StoreFactory",
    "Time",
    "VirtualDirectory",
    "Words",
    "directory_of",
    "each",
    "no_bound",
    "text_of",
]

Value = TypeVar("Value")

#: The word for ``None``, which TOML does not have.
NONE = "none"

#: Who may connect to the socket of a unix endpoint that says nothing of it: the user of the server, and root.
SOCKET_MODE = "600"


@dataclass(frozen=True)
class Words:
    """What a value is, in words, as in "wants a time: ..."."""

    text: str


def no_bound(read: Callable[[object], Value]) -> Callable[[object], Value | None]:
    """Return *read* extended by the text ``"none"``, which gives ``None``."""
    return lambda value: None if value == NONE else read(value)


def _time(value: object) -> float:
    seconds = units.duration(value)
    if not seconds:
        raise ValueError("zero would end everything at once")
    return seconds


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError
    return value


def _offences(value: object) -> int:
    if _count(value) > MAXIMUM_OFFENCES:
        raise ValueError("so many cannot be remembered")
    return _count(value)


_TIME = 'a time: seconds, or a text such as "90s", "15m", "2h"'
_SIZE = 'octets, or a text such as "500k", "10M", "1G" (powers of 1,000), "4MiB" (of 1,024)'
_COUNT = "a whole number from 1"
_NONE = f'"{NONE}" for no bound'

Flag = Annotated[bool, Words("true or false")]
OptionalFlag = Annotated[bool | None, PlainValidator(lambda value: _flag(value)), Words("true or false")]
Count = Annotated[int, PlainValidator(_count), Words(_COUNT)]
NonNegative = Annotated[int, Field(ge=0), Words("a whole number from 0")]
OptionalCount = Annotated[int | None, PlainValidator(no_bound(_count)), Words(f"{_COUNT}; {_NONE}")]
Offences = Annotated[
    int | None, PlainValidator(no_bound(_offences)), Words(f"a whole number from 1 to {MAXIMUM_OFFENCES}; {_NONE}")
]
Time = Annotated[float, PlainValidator(units.duration), Words(_TIME)]
PositiveTime = Annotated[float, PlainValidator(_time), Words(_TIME)]
OptionalTime = Annotated[float | None, PlainValidator(no_bound(_time)), Words(f"{_TIME}; {_NONE}")]
Size = Annotated[int, PlainValidator(units.size), Words(_SIZE)]
OptionalRate = Annotated[
    float | None, PlainValidator(no_bound(units.size)), Words(f"a rate, by the second: {_SIZE}; {_NONE}")
]
Mask = Annotated[int, PlainValidator(units.mask), Words('octal digits in quotes, such as "022"')]
DataPorts = Annotated[
    tuple[int, ...] | None,
    PlainValidator(no_bound(units.ports)),
    Words(f'ports from 1 to 65535: "20000-20999", "20000-20100,21000" or a list; "{NONE}" lets the system choose'),
]
PartialUploads = Annotated[Literal["keep", "remove"], Words('"keep" or "remove"')]
Fsync = Annotated[Literal["never", "file", "directory"], Words('"never", "file" or "directory"')]
DataPlane = Annotated[Literal["auto", "portable"], Words('"auto" or "portable"')]
PathCalls = Annotated[Literal["auto", "inline", "threads"], Words('"auto", "inline" or "threads"')]
LogFormat = Annotated[Literal["text", "json"], Words('"text" or "json"')]
Confinement = Annotated[Literal["auto", "off", "required"], Words('"auto", "off" or "required"')]


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def text_of(value: object) -> str:
    """
    Return *value*, which is a text.

    :raises ValueError: if it is none.
    """
    if not isinstance(value, str):
        raise ValueError
    return value


# Texts for the wire.


def _lines(value: object) -> tuple[str, ...]:
    lines = [line for text in (value if isinstance(value, list) else [value]) for line in text_of(text).splitlines()]
    if not lines or not all(line.isprintable() for line in lines):
        raise ValueError("there is a character that cannot be printed, or nothing at all")
    return tuple(lines)


#: What an encoding of names leaves as it is: ASCII, and what some use of it to write other characters.
_ASCII = (string.printable, r"\x2f\u002f", "+AC8-", "~{!!~}", "xn--bcher-kva")


def _encoding(value: object) -> str:
    name = text_of(value)
    try:
        fits = all(text.encode(name) == text.encode() and text.encode().decode(name) == text for text in _ASCII)
    except (LookupError, UnicodeError):
        fits = False
    if not fits:
        raise ValueError("there is no such encoding, or it does not contain ASCII")
    return codecs.lookup(name).name


Lines = Annotated[tuple[str, ...] | None, PlainValidator(_lines), Words("a text, or a list of lines")]
Encoding = Annotated[
    str, PlainValidator(_encoding), Words('an encoding of Python that contains ASCII, such as "utf-8", "latin-1"')
]


# Addresses.

_HOST_NAME = re.compile(r"(?=.{1,253}\.?$)(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")


def _pasv_address(value: object) -> str | Mapping[str, str]:
    if not isinstance(value, Mapping):
        return _ipv4_or_name(value)
    for network in value:
        ip_network(network)
    return {str(network): _ipv4_or_name(address) for network, address in value.items()}


def _ipv4_or_name(value: object) -> str:
    text = text_of(value)
    if re.fullmatch(r"[0-9.]+", text):
        IPv4Address(text)
    elif not _HOST_NAME.fullmatch(text):
        raise ValueError("neither an IPv4 address nor a host name")
    return text


PasvAddress = Annotated[
    str | Mapping[str, str] | None,
    PlainValidator(_pasv_address),
    Words(
        "an IPv4 address or a host name, or a table of them by the network of the client, such as "
        '{ "10.0.0.0/8" = "10.1.2.3", "0.0.0.0/0" = "203.0.113.7" }'
    ),
]


class _NoReactor:
    """Stands for the reactor where an endpoint is only read: none of them touches it before it listens."""


_ENCRYPTED = 'it would encrypt behind the back of the server; write "tcp:...", tls = "implicit", and a [tls] section'

_REFUSED = {"ssl": _ENCRYPTED, "tls": _ENCRYPTED, "stdio": "it does not listen"}


def _endpoint(value: object, information: ValidationInfo) -> str:
    text = text_of(value)
    kind, _, rest = text.partition(":")
    if kind in _REFUSED:
        raise ValueError(_REFUSED[kind])
    if kind == "unix":
        text = f"unix:{_with_mode(_absolute_socket(rest, directory_of(information)))}"
    try:
        serverFromString(_NoReactor(), text)
    except LookupError:
        # A socket that systemd has not passed: known only when the server is started by systemd.
        return text
    except (ValueError, TypeError, AttributeError, OSError) as error:
        # Twisted tells of a wrong description by whatever its parser ran into.
        raise ValueError(f"Twisted says: {error}") from error
    port = re.match(r"tcp6?:(?:port=)?([0-9]+)", text)
    if port and int(port[1]) > 65535:
        raise ValueError(f"there is no port {port[1]}")
    return text


def _absolute_socket(rest: str, directory: Path) -> str:
    prefix = "address=" if rest.startswith("address=") else ""
    path = rest.removeprefix(prefix)
    if not path:
        raise ValueError("there is no path")
    return rest if path.startswith("/") else f"{prefix}{quoteStringArgument(str(directory))}/{path}"


def _with_mode(rest: str) -> str:
    """Return the arguments of a unix endpoint with a mode, which by Twisted's default lets everybody connect."""
    _address, *others = re.split(r"(?<!\\):", rest)
    given = any(one.startswith("mode=") for one in others) or (others and "=" not in others[0])
    return rest if given else f"{rest}:mode={SOCKET_MODE}"


Endpoint = Annotated[
    str,
    PlainValidator(_endpoint),
    Words(
        'a server endpoint of Twisted, such as "tcp:2121", "tcp6:2121", "tcp:2121:interface=127.0.0.1", "unix:/path"'
    ),
]


# Things that Python can import.


def _named(fits: Callable[[Any], bool]) -> Callable[[object], Any]:
    def read(value: object) -> Any:
        name = text_of(value)
        try:
            found = namedAny(name)
        except (ImportError, AttributeError, ValueError) as error:
            # What namedAny raises; what a module itself raises on import is for its author to see.
            raise ValueError(f"it cannot be imported: {error}") from error
        if not fits(found):
            raise ValueError(f"{name} is something else")
        return found

    return read


def each(read: Callable[[object], Value]) -> Callable[[object], tuple[Value, ...]]:
    """Return what reads a list, each of its values by *read*."""

    def read_all(value: object) -> tuple[Value, ...]:
        if not isinstance(value, list):
            raise ValueError
        return tuple(read(one) for one in value)

    return read_all


StoreFactory = Annotated[
    Any, PlainValidator(_named(callable)), Words('the Python name of what makes a store, such as "ftpserver.PathIO"')
]
Commands = Annotated[
    Any,
    PlainValidator(_named(lambda found: isinstance(found, CommandTable))),
    Words('the Python name of a CommandTable, such as "ftpserver.COMMANDS"'),
]
Observers = Annotated[
    tuple[Any, ...],
    PlainValidator(each(_named(callable))),
    Words('a list of Python names of observers, such as ["package.module.name"]'),
]
Hooks = Annotated[
    tuple[Any, ...],
    PlainValidator(each(_named(lambda found: callable(getattr(found, "before", None))))),
    Words('a list of Python names of hooks, such as ["package.module.name"]'),
]


# Accounts.


def _login(value: object) -> str:
    login = text_of(value)
    if not login or len(login) > MAXIMUM_LOGIN or not login.isprintable():
        raise ValueError("empty, too long, or with a character that cannot be printed")
    return login


def _clear_password(value: object) -> str:
    password = text_of(value)
    if password.startswith("$argon2"):
        raise ValueError("this is a hash: its key is password_hash")
    if not password or not set(password).isdisjoint("\r\n\0"):
        raise ValueError("it is empty, or has a line end or NUL in it")
    return password


def _hashed_password(value: object) -> str:
    hashed = text_of(value)
    try:
        extract_parameters(hashed)
        for part in hashed.split("$")[-2:]:
            base64.b64decode(part + "=" * (-len(part) % 4), validate=True)
    except ValueError:
        # The cause would carry the hash along.
        raise ValueError("this is no Argon2 hash") from None
    return hashed


Login = Annotated[
    str | None, PlainValidator(_login), Words(f"a text of 1 to {MAXIMUM_LOGIN} characters that can be printed")
]
ClearPassword = Annotated[str | None, PlainValidator(_clear_password), Words("a text that is not empty")]
HashedPassword = Annotated[
    str | None, PlainValidator(_hashed_password), Words("the Argon2 hash that 'ftpserver passwd' prints")
]


# Paths.


def directory_of(information: ValidationInfo) -> Path:
    """Return what relative paths are relative to."""
    context: Any = information.context
    return Path(context["directory"])


def _base_directory(value: object, information: ValidationInfo) -> Path:
    text = text_of(value)
    path = directory_of(information) / text
    try:
        if not text or not path.is_dir():
            raise ValueError("it is a file" if path.is_file() else "there is no such directory")
    except OSError as error:
        raise ValueError(error.strerror) from error
    return path


def _existing_path(value: object, directory: Path) -> Path:
    text = text_of(value)
    path = directory / text
    try:
        path.stat()
    except (OSError, ValueError) as error:
        raise ValueError(f"{text}: there is no such file or directory") from error
    return path


def _existing_paths(value: object, information: ValidationInfo) -> tuple[Path, ...]:
    return each(lambda one: _existing_path(one, directory_of(information)))(value)


def _virtual_directory(value: object) -> str:
    text = text_of(value)
    if not text.startswith("/"):
        raise ValueError("it does not begin with /")
    return str(resolve(text))


BaseDirectory = Annotated[
    Path, PlainValidator(_base_directory), Words("a directory that is there; relative to the configuration file")
]
ExistingPaths = Annotated[
    tuple[Path, ...],
    PlainValidator(_existing_paths),
    Words("a list of files and directories that are there; relative to the configuration file"),
]
VirtualDirectory = Annotated[
    str, PlainValidator(_virtual_directory), Words('an absolute path as the user sees it, such as "/" or "/logs"')
]
