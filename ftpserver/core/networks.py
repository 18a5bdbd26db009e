# -*- test-case-name: tests.test_networks -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Which clients count as one, and networks that clients come from.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from .addresses import host_address, unmap

__all__ = ["EVERYBODY", "THIS_MACHINE", "Networks", "network", "source_of"]

Network = IPv4Network | IPv6Network

#: Networks that every address lies in, and those of the machine itself.
EVERYBODY = ("0.0.0.0/0", "::/0")
THIS_MACHINE = ("127.0.0.0/8", "::1/128")

#: Bits of an IPv6 address that tell one client from another. Whoever has one address has 2**64 of them: the network of
#: a single link is a /64 (RFC 4291, section 2.5.1), and none that is given to a client is smaller (RFC 6177).
IPV6_BITS = 64


def network(value: str | Network) -> Network:
    """
    Return a network; one of mapped addresses (``::ffff:10.0.0.0/104``) as the IPv4 network that it stands for.

    :raises ValueError: on anything else; an address with bits beyond the network is such.
    """
    found = ip_network(value)
    mapped = unmap(found.network_address)
    if isinstance(found, IPv6Network) and isinstance(mapped, IPv4Address) and found.prefixlen >= 96:
        return IPv4Network((mapped, found.prefixlen - 96))
    return found


# Many connections come from few addresses, and reading one takes longer than all the rest of what is asked of it.
@lru_cache(maxsize=1024)
def source_of(host: str) -> str | None:
    """
    Return who is counted and banned for what *host* does: the address, or the /64 network of an IPv6 address.

    :param host: address of a client.
    :returns: ``None`` for what is no address, as a client of a Unix socket has none.
    """
    address = host_address(host)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, IPV6_BITS), strict=False))
    return None if address is None else str(address)


class Networks:
    """
    Networks with an opinion on the addresses in them; the most specific one that an address lies in decides.

    Looking one up takes as long as there are lengths of prefixes, however many networks there are.

    :param yes: those whose addresses are in.
    :param no: those whose addresses are out; where a network is in both, this counts.
    :raises ValueError: on what is no network.
    """

    def __init__(self, yes: Iterable[str | Network] = (), no: Iterable[str | Network] = ()) -> None:
        # By the version of the address, then by how many bits follow the prefix: the longest prefixes first.
        self._opinions: dict[int, dict[int, dict[int, bool]]] = {4: {}, 6: {}}
        for networks, opinion in ((yes, True), (no, False)):
            for one in networks:
                self._add(network(one), opinion)
        for version, by_shift in self._opinions.items():
            self._opinions[version] = dict(sorted(by_shift.items()))

    def _add(self, one: Network, opinion: bool) -> None:
        shift = one.max_prefixlen - one.prefixlen
        self._opinions[one.version].setdefault(shift, {})[int(one.network_address) >> shift] = opinion

    def __contains__(self, host: str) -> bool:
        """Tell whether *host* is in; what is no address, and what lies in no network, is out."""
        address = host_address(host)
        if address is None:
            return False
        bits = int(address)
        for shift, opinions in self._opinions[address.version].items():
            opinion = opinions.get(bits >> shift)
            if opinion is not None:
                return opinion
        return False
