# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Two FTP servers and a web site in one process.

    twistd -ny examples/composed.tac

Anonymous readers come to port 2121, the editor (password ``secret``) to port 2122, and browsers to port 8080; all see
the same files. The environment may say otherwise: FTP_ROOT, FTP_PUBLIC, FTP_STAFF, WEB.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Application, IServiceCollection
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger
from twisted.web.server import Site
from twisted.web.static import File

import ftpserver

root = Path(os.environ.get("FTP_ROOT", "."))

public = ftpserver.Server(
    [ftpserver.User(base_path=root)],
    listeners=[os.environ.get("FTP_PUBLIC", "tcp:2121:interface=127.0.0.1")],
    maximum_connections=50,
)
staff = ftpserver.Server(
    [ftpserver.User("editor", "secret", base_path=root)],
    listeners=[os.environ.get("FTP_STAFF", "tcp:2122:interface=127.0.0.1")],
)
site = StreamServerEndpointService(
    serverFromString(reactor, os.environ.get("WEB", "tcp:8080:interface=127.0.0.1")), Site(File(str(root)))
)

application = Application("files")
for part in (public, staff, site):
    IServiceCollection(application).addService(part)


def tell() -> None:
    """Say in the log where the servers are; the site says so itself."""
    Logger("composed").info("public {public}, staff {staff}", public=public.address[1], staff=staff.address[1])


reactor.callWhenRunning(tell)
