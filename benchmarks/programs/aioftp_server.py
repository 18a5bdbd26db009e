# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
aioftp with one user who may do everything.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import ssl
from typing import Any

import aioftp


async def serve(options: argparse.Namespace) -> None:
    """Serve until the end of the process."""
    keywords: dict[str, Any] = {}
    if options.certificate:
        keywords["ssl"] = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        keywords["ssl"].load_cert_chain(options.certificate)
    if options.rate:
        keywords["read_speed_limit_per_connection"] = options.rate
        keywords["write_speed_limit_per_connection"] = options.rate
    user = aioftp.User(options.user, options.password, base_path=options.root)
    await aioftp.Server([user], **keywords).run("127.0.0.1", options.port, backlog=4096)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    for name in ("root", "user", "password"):
        parser.add_argument(name)
    parser.add_argument("--certificate")
    parser.add_argument("--rate", type=int)
    # Each command would be a line of the log.
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
