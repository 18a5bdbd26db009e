# -*- test-case-name: tests.test_users_core -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Accounts and what they may do.

Speed limits keep the viewpoint of the server: *read* is what the server reads from the client (uploads), *write* what
it writes (downloads).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Literal, TypeVar

from .paths import VirtualPath, resolve

__all__ = ["ANONYMOUS_NAMES", "CONCERN_ALL_BELOW", "MAXIMUM_LOGIN", "Permission", "Right", "User"]

#: The names under which the anonymous account answers (RFC 1635; FTP clients send the first, old ones the second).
ANONYMOUS_NAMES = frozenset({"anonymous", "ftp"})

#: Characters of a login: far beyond what anybody types. Each that fails is logged, and a line of 16 KiB would be up to
#: 96 KiB of log.
MAXIMUM_LOGIN = 256


class Right(enum.Enum):
    """
    One thing that a :class:`Permission` grants; the value is the name of its attribute.

    All but the first two default to one of them: ``list`` to ``readable``, the others to ``writable``.
    """

    READ = "readable"
    WRITE = "writable"
    LIST = "list"
    CREATE = "create"
    OVERWRITE = "overwrite"
    APPEND = "append"
    DELETE = "delete"
    RENAME = "rename"
    MAKE_DIRECTORY = "mkdir"
    REMOVE_DIRECTORY = "rmdir"
    ATTRIBUTES = "attributes"

    def __init__(self, attribute: str) -> None:
        # Rights are asked about in every command, and ``value`` is computed: a third of the question.
        self.attribute = attribute


#: Rights that everything below a directory must grant, too, before the directory moves or goes.
CONCERN_ALL_BELOW = frozenset({Right.RENAME, Right.REMOVE_DIRECTORY})


class Permission:
    """
    What may be done at a path and below it.

    :param path: virtual path; the most specific permission that contains a path decides about it alone.
    :param readable: grants RETR, SIZE, MDTM and the like, and *list* unless that is given.
    :param writable: grants every right below that is not given.
    :param list: LIST, NLST, MLSD, MLST, STAT, CWD.
    :param create: STOR, APPE and STOU of a new name.
    :param overwrite: STOR over a file, REST and STOR.
    :param append: APPE to a file.
    :param delete: DELE.
    :param rename: RNFR and RNTO, asked of both names.
    :param mkdir: MKD.
    :param rmdir: RMD.
    :param attributes: MFMT, SITE CHMOD, SITE UTIME.
    :raises ValueError: if *path* holds CR, LF or NUL.
    """

    def __init__(
        self,
        path: str | PurePath | VirtualPath = "/",
        readable: bool = True,
        writable: bool = True,
        *,
        list: bool | None = None,
        create: bool | None = None,
        overwrite: bool | None = None,
        append: bool | None = None,
        delete: bool | None = None,
        rename: bool | None = None,
        mkdir: bool | None = None,
        rmdir: bool | None = None,
        attributes: bool | None = None,
    ) -> None:
        self._place = resolve(path)
        self.path = PurePosixPath(str(self._place))
        self.readable = readable
        self.writable = writable
        self.list = readable if list is None else list
        self.create = writable if create is None else create
        self.overwrite = writable if overwrite is None else overwrite
        self.append = writable if append is None else append
        self.delete = writable if delete is None else delete
        self.rename = writable if rename is None else rename
        self.mkdir = writable if mkdir is None else mkdir
        self.rmdir = writable if rmdir is None else rmdir
        self.attributes = writable if attributes is None else attributes

    @property
    def place(self) -> VirtualPath:
        """The virtual path that this permission is about."""
        return self._place

    def is_parent(self, other: str | PurePath | VirtualPath) -> bool:
        """Tell whether *other* is the path of this permission or lies below it, compared name by name."""
        return self._place.contains(resolve(other))

    def grants(self, right: Right) -> bool:
        """Tell whether *right* is granted."""
        return bool(getattr(self, right.attribute))

    @property
    def grants_nothing(self) -> bool:
        """Tell whether every right is denied, which hides what lies here from listings."""
        return not any(self.grants(right) for right in Right)

    def _values(self) -> tuple[object, ...]:
        return (self._place, *(self.grants(right) for right in Right))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Permission):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        granted = ", ".join(right.value for right in Right if self.grants(right)) or "nothing"
        return f"<Permission {str(self._place)!r}: {granted}>"


class User:
    """
    An account: credentials, place, rights and limits.

    :param login: name; ``None`` is the anonymous account, which answers to ``anonymous`` and ``ftp``.
    :param password: text in clear or an Argon2 hash (``$argon2...``); ``None`` with a login asks for no password.
    :param base_path: real directory that the user sees as ``/``.
    :param home_path: virtual path of the directory after login.
    :param permissions: ``None`` is one ``Permission()`` (everything; for the anonymous account reading only); where
        none contains a path, and with an empty list, everything is denied.
    :param maximum_connections: sessions at a time under this login; ``None`` is unlimited.
    :param read_speed_limit: uploads of all sessions of this login, bytes per second.
    :param write_speed_limit: downloads of all sessions of this login, bytes per second.
    :param read_speed_limit_per_connection: uploads of each session, bytes per second.
    :param write_speed_limit_per_connection: downloads of each session, bytes per second.
    :param tls_required: ``control`` lets this account log in under TLS only, ``data`` protects its data so, too.
    :param certificates: names (of the SAN, or the common name) in the client certificate, one of which must be there;
        with a ``password`` both are asked for, without one the certificate is enough (232).
    :param require_close_notify: whether an upload under TLS must end in order; ``None`` is as the server says.
    :raises ValueError: on a limit that is not positive or a path that cannot be one.
    """

    def __init__(
        self,
        login: str | None = None,
        password: str | None = None,
        base_path: str | PurePath = Path(),
        home_path: str | PurePath = "/",
        permissions: Iterable[Permission] | None = None,
        maximum_connections: int | None = None,
        read_speed_limit: float | None = None,
        write_speed_limit: float | None = None,
        read_speed_limit_per_connection: float | None = None,
        write_speed_limit_per_connection: float | None = None,
        *,
        tls_required: Literal["none", "control", "data"] = "none",
        certificates: Iterable[str] = (),
        require_close_notify: bool | None = None,
    ) -> None:
        self.login = login
        self.password = password
        self.base_path = Path(base_path)
        self.home_path = PurePosixPath(str(resolve(home_path)))
        self.permissions = self._defaults() if permissions is None else list(permissions)
        self.maximum_connections = _positive("maximum_connections", maximum_connections)
        self.read_speed_limit = _positive("read_speed_limit", read_speed_limit)
        self.write_speed_limit = _positive("write_speed_limit", write_speed_limit)
        self.read_speed_limit_per_connection = _positive(
            "read_speed_limit_per_connection", read_speed_limit_per_connection
        )
        self.write_speed_limit_per_connection = _positive(
            "write_speed_limit_per_connection", write_speed_limit_per_connection
        )
        if tls_required not in ("none", "control", "data"):
            raise ValueError(f'tls_required is "none", "control" or "data", not {tls_required!r}')
        if isinstance(certificates, str):
            raise ValueError("certificates is a list of names, not one text")
        self.tls_required = tls_required
        self.certificates = tuple(certificates)
        self.require_close_notify = require_close_notify

    def _defaults(self) -> list[Permission]:
        return [Permission("/", writable=self.login is not None)]

    @property
    def is_anonymous(self) -> bool:
        """Tell whether this is the anonymous account."""
        return self.login is None

    async def get_permissions(self, path: str | PurePath | VirtualPath) -> Permission:
        """
        Return the permission that decides about *path*.

        A subclass may override this to ask somewhere else; it is awaited before each command that names a path.

        :returns: the most specific one of :attr:`permissions`; one that grants nothing if none contains *path*.
        """
        return self.permission_for(resolve(path))

    def permission_for(self, path: VirtualPath) -> Permission:
        """Return what :meth:`get_permissions` answers by default, without waiting."""
        best, depth = _NOTHING, 0
        for permission in self.permissions:
            place = permission.place
            if len(place.parts) >= depth and place.contains(path):
                best, depth = permission, len(place.parts)
        return best

    def permissions_below(self, path: VirtualPath) -> Sequence[Permission]:
        """Return the permissions about paths below *path*: moving or removing it concerns them too."""
        return [one for one in self.permissions if one.place != path and path.contains(one.place)]

    def __repr__(self) -> str:
        return f"<User {self.login if self.login is not None else 'anonymous (no login)'!r}>"


Number = TypeVar("Number", int, float)

_NOTHING = Permission("/", readable=False, writable=False)


def _positive(name: str, value: Number | None) -> Number | None:
    if value is not None and not value > 0:
        raise ValueError(f"{name} is a positive number or None, not {value!r}")
    return value
