# -*- test-case-name: tests.test_passive_address -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The IPv4 address that the 227 reply shows, where it is not the one that the client has reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from twisted.internet.abstract import isIPAddress
from twisted.internet.error import DNSLookupError
from twisted.logger import Logger

__all__ = ["PassiveAddress"]

#: Seconds that the address of a name is believed: a dial-up line is back with its new address about as fast, and a
#: client that opens a connection for each file does not wait for the name server each time.
BELIEVED = 60.0


class PassiveAddress:
    """
    What ``ipv4_pasv_forced_response_address`` asks for.

    :param reactor: provides IReactorTime and IReactorPluggableNameResolver.
    :param forced: an address or a name for everybody, or a map from networks of clients to such; ``None`` forces none.
    :raises ValueError: on a network that is none.
    """

    log = Logger()

    def __init__(self, reactor: Any, forced: str | Mapping[str, str] | None) -> None:
        self._reactor = reactor
        by_network = {"0.0.0.0/0": forced} if isinstance(forced, str) else dict(forced or {})
        networks = [(ip_network(network), host) for network, host in by_network.items()]
        # The most specific network that holds the client decides.
        self._networks = sorted(networks, key=lambda one: one[0].prefixlen, reverse=True)
        self._known: dict[str, tuple[str, float]] = {}

    async def for_client(self, client_host: str) -> str | None:
        """
        Return the address for a client; ``None`` is the one that it has reached.

        :param client_host: IPv4 address of the client.
        :raises LookupError: if the name that was configured has no address and had none before.
        """
        if not self._networks:
            return None
        client = ip_address(client_host)
        forced = next((host for network, host in self._networks if client in network), None)
        if forced is None or isIPAddress(forced):
            return forced
        return await self._look_up(forced)

    async def _look_up(self, name: str) -> str:
        address, until = self._known.get(name, ("", 0.0))
        if self._reactor.seconds() < until:
            return address
        try:
            address = await self._reactor.resolve(name)
        except DNSLookupError as error:
            self.log.warn("no address for {name}, which PASV announces: {error}", name=name, error=str(error))
            if not address:
                raise LookupError(name) from error
        self._known[name] = (address, self._reactor.seconds() + BELIEVED)
        return address
