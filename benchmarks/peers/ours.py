# -*- test-case-name: tests.test_benchmarks_peers -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
This server, started as a user would start it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Self

from ftpserver.command_line import version

from ..cases import Variant
from ..client import HOST, PASSWORD, USER
from ..results import OURS
from ..site import RATE, Site
from .base import Absent, Given, Peer

__all__ = ["Ours"]

#: Nothing here makes it faster than it is by default; the bounds would only stop the load.
_CONFIGURATION = """\
[[listeners]]
endpoint = "tcp:{port}:interface={host}:backlog=4096"

[server]
maximum_connections = 10000
maximum_connections_per_host = 10000
{limits}
[[users]]
login = "{user}"
password = "{password}"
base_path = "{root}"
"""

_LIMITS = """\
read_speed_limit_per_connection = {rate}
write_speed_limit_per_connection = {rate}
"""

_TLS = """
[tls]
certificate = "{certificate}"
"""


class Ours(Peer):
    """``twistd -n ftpserver --config FILE``."""

    name = OURS

    def __init__(self, twistd: Path) -> None:
        self._twistd = twistd
        self.version = version()

    @classmethod
    def find(cls, given: Given) -> Self:
        """Take twistd of the environment that is active, or the one that is given."""
        twistd = given.programs.get(cls.name, Path(sys.executable).with_name("twistd"))
        if not twistd.exists():
            raise Absent(f"there is no {twistd}")
        return cls(twistd)

    def command(self, site: Site, port: int, variant: Variant) -> list[str]:
        """See :class:`~benchmarks.peers.base.Peer`."""
        text = _CONFIGURATION + (_TLS if variant == "tls" else "")
        limits = _LIMITS.format(rate=RATE) if variant == "limited" else ""
        values = {"root": site.root, "certificate": site.certificate, "port": port, "limits": limits}
        file = site.write(f"ours-{variant}.toml", text.format(host=HOST, user=USER, password=PASSWORD, **values))
        return [str(self._twistd), "-n", "--pidfile=", "ftpserver", "--config", str(file)]
