# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Transfers under a speed limit, and the time that they take.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults

from ftpserver import Server, User

from .client import Client
from .sockets import connect

__all__ = ["SCOPES", "Measured", "Scope", "limited_server", "measure", "open_sessions", "together"]

reactor: Any = _reactor


@dataclass(frozen=True)
class Scope:
    """
    One of the eight speed limits.

    :ivar of_server: whether it is a keyword of the server rather than of the user.
    :ivar is_upload: the direction; *read* is what the server reads.
    :ivar is_shared: whether sessions share it, rather than each having it alone.
    """

    of_server: bool
    is_upload: bool
    is_shared: bool

    @property
    def keyword(self) -> str:
        """Its keyword."""
        return f"{'read' if self.is_upload else 'write'}_speed_limit{'' if self.is_shared else '_per_connection'}"

    def __str__(self) -> str:
        who = "server" if self.of_server else "user"
        return f"{who}{'' if self.is_shared else ' per connection'}, {'upload' if self.is_upload else 'download'}"


SCOPES = tuple(
    Scope(of_server, is_upload, is_shared)
    for of_server in (True, False)
    for is_shared in (True, False)
    for is_upload in (True, False)
)


@dataclass(frozen=True)
class Measured:
    """
    One transfer.

    :ivar seconds: from the first octet to the final reply.
    """

    octets: int
    seconds: float

    @property
    def rate(self) -> float:
        """Octets per second."""
        return self.octets / self.seconds


def limited_server(root: Path, scope: Scope, rate: float) -> Server:
    """Return a server whose only limit is *scope*, over *root*, for ``alice`` (password ``secret``)."""
    limit: dict[str, Any] = {scope.keyword: rate}
    user = User("alice", "secret", base_path=root, **({} if scope.of_server else limit))
    return Server([user], **(limit if scope.of_server else {}))


async def open_sessions(host: str | None, port: int, number: int) -> list[Client]:
    """Return clients that have logged in and chosen TYPE I."""
    clients = []
    for _ in range(number):
        client = await connect(reactor, str(host), port, Client(reactor, str(host)), str(host))
        await client.reply(220)
        await client.login()
        await client.command("TYPE I", 200)
        clients.append(client)
    return clients


async def measure(clients: Sequence[Client], root: Path, scope: Scope, octets: int) -> list[Measured]:
    """Move *octets* by each client at the same time, and return how long each took."""
    transfer = _upload if scope.is_upload else _download
    moving = [Deferred.fromCoroutine(transfer(client, root, octets, place)) for place, client in enumerate(clients)]
    measured: list[Measured] = await gatherResults(moving, consumeErrors=True)
    return measured


async def _upload(client: Client, root: Path, octets: int, place: int) -> Measured:
    data = await client.passive()
    began = reactor.seconds()
    await client.command(f"STOR up{place}", 150)
    data.send(bytes(octets))
    data.finish()
    await client.reply(226)
    await data.lost()
    return Measured(os.path.getsize(root / f"up{place}"), reactor.seconds() - began)


async def _download(client: Client, root: Path, octets: int, place: int) -> Measured:
    name = f"down{place}"
    with (root / name).open("wb") as file:
        file.truncate(octets)
    data = await client.passive()
    began = reactor.seconds()
    await client.command(f"RETR {name}", 150)
    received = await data.everything()
    await client.reply(226)
    return Measured(len(received), reactor.seconds() - began)


def together(measured: Sequence[Measured]) -> Measured:
    """Return what transfers that ran at the same time moved together."""
    return Measured(sum(one.octets for one in measured), max(one.seconds for one in measured))
