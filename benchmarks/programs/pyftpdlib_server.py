# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
pyftpdlib with one user who may do everything.
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, ThrottledDTPHandler
from pyftpdlib.servers import FTPServer


def _handler(options: argparse.Namespace) -> Any:
    if options.certificate:
        # It is there only where pyOpenSSL is.
        from pyftpdlib.handlers import TLS_FTPHandler

        return type("Handler", (TLS_FTPHandler,), {"certfile": options.certificate})
    if options.rate:
        data = type("Limited", (ThrottledDTPHandler,), {"read_limit": options.rate, "write_limit": options.rate})
        return type("Handler", (FTPHandler,), {"dtp_handler": data})
    return FTPHandler


def main() -> None:
    """Serve until the end of the process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    for name in ("root", "user", "password"):
        parser.add_argument(name)
    parser.add_argument("--certificate")
    parser.add_argument("--rate", type=int)
    options = parser.parse_args()

    # Each transfer would be a line of the log.
    logging.basicConfig(level=logging.WARNING)
    authorizer = DummyAuthorizer()
    authorizer.add_user(options.user, options.password, options.root, perm="elradfmwMT")
    handler = _handler(options)
    handler.authorizer = authorizer
    server = FTPServer(("127.0.0.1", options.port), handler, backlog=4096)
    server.max_cons = server.max_cons_per_ip = 0
    server.serve_forever()


if __name__ == "__main__":
    main()
