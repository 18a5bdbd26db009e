# -*- test-case-name: tests.test_fields -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The mapping that a connection is in the seed API.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

__all__ = ["Fields"]


class Fields(MutableMapping[str, Any]):
    """
    Attributes that are items, too, under the same names.

    An unknown name is an error, so that a misspelt one is noticed.
    """

    __slots__ = ()

    #: Names that the mapping has.
    FIELDS = (
        "acquired",
        "block_size",
        "client_host",
        "client_port",
        "current_directory",
        "data_connection",
        "encoding",
        "idle_timeout",
        "logged",
        "passive_server",
        "path_io",
        "path_timeout",
        "rename_from",
        "restart_offset",
        "server",
        "server_host",
        "server_port",
        "socket_timeout",
        "transfer_type",
        "user",
        "wait_future_timeout",
    )

    def __getitem__(self, name: str) -> Any:
        if name not in self.FIELDS:
            raise KeyError(name)
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self.FIELDS:
            raise KeyError(name)
        setattr(self, name, value)

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"the fields of a connection are declared; {name!r} cannot be removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self.FIELDS)

    def __len__(self) -> int:
        return len(self.FIELDS)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)
