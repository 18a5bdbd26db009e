# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Measure the speed limits: how near each comes to its rate, how evenly sessions share one, and what NOOP waits meanwhile.

    python -m tests.integration.measure_throttles [SECONDS]

Server and clients share one process, so the delays of NOOP include the work of the clients.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react

from .client import Client
from .throttling import SCOPES, Scope, limited_server, measure, open_sessions, together

__all__ = ["main"]

reactor: Any = _reactor

RATES = (1_000_000, 20_000_000)
SHARING = 4


@asynccontextmanager
async def _sessions(scope: Scope, rate: int, number: int) -> AsyncIterator[tuple[list[Client], Path]]:
    with tempfile.TemporaryDirectory(prefix="ftpserver-throttles-") as name:
        root = Path(name)
        server = limited_server(root, scope, rate)
        await server.start("127.0.0.1")
        clients = await open_sessions(*server.address, number)
        try:
            yield clients, root
        finally:
            for client in clients:
                await client.leave()
            await server.close()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def _rates(seconds: float) -> None:
    _say(f"Rate of one transfer of {seconds:g} seconds, as a part of its limit:")
    for rate in RATES:
        for scope in SCOPES:
            async with _sessions(scope, rate, 1) as (clients, root):
                [measured] = await measure(clients, root, scope, int(rate * seconds))
            _say(f"  {rate / 1e6:4g} MB/s  {scope!s:32}  {measured.rate / rate:.3f}")


async def _fairness(seconds: float) -> None:
    _say(f"{SHARING} transfers that share a limit: all together, and the time of the first over that of the last:")
    for rate in RATES:
        for scope in SCOPES:
            if not scope.is_shared:
                continue
            async with _sessions(scope, rate, SHARING) as (clients, root):
                measured = await measure(clients, root, scope, int(rate * seconds / SHARING))
            times = [one.seconds for one in measured]
            whole = together(measured).rate / rate
            _say(f"  {rate / 1e6:4g} MB/s  {scope!s:32}  {whole:.3f}  {min(times) / max(times):.3f}")


async def _latency(seconds: float) -> None:
    _say("Milliseconds that NOOP waits in the session of such a transfer: median, 99th of 100, worst:")
    for rate in RATES:
        for scope in SCOPES:
            async with _sessions(scope, rate, 1) as (clients, root):
                delays = await _noops(clients[0], root, scope, int(rate * seconds))
            delays.sort()
            shown = (delays[len(delays) // 2], delays[len(delays) * 99 // 100], delays[-1])
            _say(f"  {rate / 1e6:4g} MB/s  {scope!s:32}  {'  '.join(f'{1000 * delay:.2f}' for delay in shown)}")


async def _noops(client: Client, root: Path, scope: Scope, octets: int) -> list[float]:
    data = await client.passive()
    if scope.is_upload:
        await client.command("STOR up", 150)
        data.send(bytes(octets))
        data.finish()
    else:
        with (root / "down").open("wb") as file:
            file.truncate(octets)
        await client.command("RETR down", 150)
    delays: list[float] = []
    while True:
        began = reactor.seconds()
        client.send_line("NOOP")
        answer = await client.reply(200, 226)
        if answer.code == 226:
            # The one that came too late is answered behind it.
            await client.reply(200)
            break
        delays.append(reactor.seconds() - began)
        await deferLater(reactor, 0.01)
    await data.lost()
    return delays


async def main(seconds: float) -> None:
    """Measure everything and print it."""
    await _rates(seconds)
    await _fairness(seconds)
    await _latency(min(seconds, 2.0))


if __name__ == "__main__":
    _seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    react(lambda _reactor: Deferred.fromCoroutine(main(_seconds)))
