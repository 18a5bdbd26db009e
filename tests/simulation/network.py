# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A network of TCP connections, whose octets arrive when the seed says so.

It keeps to what Linux does where programs depend on it: what has arrived before a reset can still be read; the error of
a reset is told once, by whatever call asks first, and reading gives the end after that; closing with octets unread is a
reset.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from .chance import Chance, again, failure

if TYPE_CHECKING:
    from .sockets import SimulatedSocket

__all__ = ["Call", "End", "Flow", "Network", "Wire"]

#: Octets that the buffers of a connection take.
BUFFERS = (1, 7, 100, 4096, 65536, 400000)

#: Pieces that the largest file goes in at most, if each fills a buffer.
MOST_PIECES = 100


class Flow:
    """
    One direction of a connection.

    :ivar waiting: octets on their way.
    :ivar arrived: octets that the receiver can read.
    :ivar delivered: how many have ever arrived.
    :ivar ended_at: in which step of the network the end has arrived.
    """

    __slots__ = ("arrived", "capacity", "delivered", "end_arrived", "ended_at", "is_ended", "waiting")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.waiting = bytearray()
        self.arrived = bytearray()
        self.delivered = 0
        self.is_ended = False
        self.end_arrived = False
        self.ended_at: int | None = None

    @property
    def room(self) -> int:
        """How many octets the sender may send now."""
        return max(0, self.capacity - len(self.waiting) - len(self.arrived))

    @property
    def is_moving(self) -> bool:
        """Tell whether something is on its way."""
        return bool(self.waiting) or (self.is_ended and not self.end_arrived)

    def deliver(self, amount: int) -> None:
        """Let *amount* octets arrive, and the end with the last of them."""
        self.arrived += self.waiting[:amount]
        del self.waiting[:amount]
        self.delivered += amount
        if self.is_ended and not self.waiting:
            self.end_arrived = True


class End:
    """
    What one side has of a connection.

    :ivar error: the error that is yet to be told, or 0.
    """

    def __init__(self, wire: Wire, incoming: Flow, outgoing: Flow) -> None:
        self.wire = wire
        self.incoming = incoming
        self.outgoing = outgoing
        self.peer: End = self
        self.error = 0
        self.is_reset = False
        self.is_closed = False
        self.lingers = True

    @property
    def is_readable(self) -> bool:
        """Tell whether reading would not block."""
        return bool(self.incoming.arrived) or self.incoming.end_arrived or self.is_reset

    @property
    def is_writable(self) -> bool:
        """Tell whether sending would not block."""
        return self.outgoing.room > 0 or self.is_reset or self.outgoing.is_ended

    def _tell_error(self) -> None:
        number, self.error = self.error, 0
        if number:
            raise failure(number)

    def receive(self, amount: int, *, peek: bool = False) -> bytes:
        """Read; see :meth:`socket.socket.recv`."""
        arrived = self.incoming.arrived
        if arrived:
            piece = bytes(arrived[:amount])
            if not peek:
                del arrived[:amount]
            return piece
        self._tell_error()
        if self.is_reset or self.incoming.end_arrived:
            return b""
        raise again()

    def send(self, data: bytes | bytearray | memoryview) -> int:
        """Send; see :meth:`socket.socket.send`."""
        self._tell_error()
        if self.is_reset or self.outgoing.is_ended:
            raise failure(errno.EPIPE)
        room = self.outgoing.room
        if data and not room:
            raise again()
        piece = data[:room]
        self.outgoing.waiting += piece
        return len(piece)

    def end_output(self) -> None:
        """Say that nothing more comes."""
        if self.is_reset:
            raise failure(errno.ENOTCONN)
        self.outgoing.is_ended = True

    def close(self) -> None:
        """Let go of the connection."""
        if self.is_closed:
            return
        self.is_closed = True
        if self.incoming.arrived or not self.lingers:
            self.wire.reset(self.peer)
        else:
            self.outgoing.is_ended = True

    def hear_reset(self, number: int = errno.ECONNRESET) -> None:
        """Learn that the other side has reset the connection."""
        if not self.is_reset and not self.is_closed:
            self.is_reset = True
            self.error = number


class Wire:
    """
    One connection.

    :param name: for the diary.
    :param owner: the host of the client.
    :ivar is_dead: whether nothing arrives any more, and nobody is told.
    :ivar reset_after: octets after which it breaks.
    :ivar dies_after: octets after which it is dead.
    :ivar cut_after: octets after which somebody on the way ends it towards the server.
    """

    def __init__(self, name: str, owner: str, capacities: tuple[int, int]) -> None:
        self.name = name
        self.owner = owner
        self.up, self.down = Flow(capacities[0]), Flow(capacities[1])
        self.client = End(self, self.down, self.up)
        self.server = End(self, self.up, self.down)
        self.client.peer, self.server.peer = self.server, self.client
        self.is_dead = False
        self.reset_after: int | None = None
        self.dies_after: int | None = None
        self.cut_after: int | None = None
        self.is_cut = False

    def cut(self) -> None:
        """End it towards the server, in the name of the client; what that has sent or sends is lost."""
        self.is_cut = True
        self.up.waiting.clear()
        self.up.is_ended = True

    def reset(self, *ends: End) -> None:
        """Reset the connection; what is on its way to *ends* is lost, and they learn of it."""
        self.up.waiting.clear()
        self.down.waiting.clear()
        if self.is_dead:
            return
        for end in ends:
            end.hear_reset()

    @property
    def is_over(self) -> bool:
        """Tell whether nobody has it any more."""
        return self.client.is_closed and self.server.is_closed

    @property
    def octets(self) -> int:
        """How many octets have arrived in all."""
        return self.up.delivered + self.down.delivered


class Call:
    """A call of the server that a client waits for; :attr:`end` is the client's once it is there."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.end: End | None = None


class Network:
    """
    All connections of one run.

    :param chance: decides what arrives when.
    :param spared: hosts that no fault may hit.
    :param largest: octets of the largest file.
    :param is_secure: whether everything goes under TLS, so that whoever cuts a connection is found out.
    :ivar sockets: of the server, by descriptor.
    :ivar listeners: of the server, by port.
    """

    def __init__(self, chance: Chance, spared: frozenset[str], largest: int, *, is_secure: bool = False) -> None:
        self.chance = chance
        # The buffers of a connection; small ones for small files, or a run would take too many steps.
        self._sizes = [size for size in BUFFERS if size * MOST_PIECES >= largest]
        self.spared = spared
        self.is_secure = is_secure
        self.sockets: dict[int, SimulatedSocket] = {}
        self.listeners: dict[int, SimulatedSocket] = {}
        self.calls: dict[tuple[str, int], Call] = {}
        self.wires: list[Wire] = []
        self._ports = 49152
        self._wires = 0
        self._steps = 0

    def is_spared(self, host: str) -> bool:
        """Tell whether no fault may hit *host*."""
        return host in self.spared

    def free_port(self) -> int:
        """Return a port that nobody has."""
        self._ports += 1
        return self._ports

    def open_wire(self, owner: str, kind: str) -> Wire:
        """Return a new connection of the client *owner*, with the faults that it is going to have."""
        chance = self.chance
        self._wires += 1
        sizes = (chance.pick(self._sizes), chance.pick(self._sizes))
        if kind == "control" or self.is_spared(owner):
            sizes = (max(sizes[0], 4096), max(sizes[1], 4096))
        wire = Wire(f"{kind}{self._wires} of {owner}", owner, sizes)
        spared = self.is_spared(owner)
        scale = chance.pick((10, 100, 1000, 30000))
        if chance.strikes("reset", f"to come on {wire.name}", spared=spared):
            wire.reset_after = chance.random.randrange(scale)
        elif chance.strikes("half-open", f"to come on {wire.name}", spared=spared):
            wire.dies_after = chance.random.randrange(scale)
        elif self.is_secure and chance.strikes("cut under TLS", f"to come on {wire.name}", spared=spared):
            wire.cut_after = chance.random.randrange(scale)
        self.wires.append(wire)
        return wire

    # The client's side.

    def connect(self, host: str, port: int, kind: str = "data") -> End:
        """
        Connect *host* to a port of the server.

        :raises ConnectionRefusedError: if nobody listens there.
        """
        listener = self.listeners.get(port)
        if listener is None:
            raise failure(errno.ECONNREFUSED)
        wire = self.open_wire(host, kind)
        listener.queue.append(wire)
        return wire.client

    def expect(self, host: str, port: int) -> Call:
        """Wait at *port* for the server to call."""
        spared = self.is_spared(host)
        refused = self.chance.strikes("call refused", host, spared=spared)
        silent = not refused and self.chance.strikes("call unanswered", host, spared=spared)
        call = self.calls[host, port] = Call("refused" if refused else "silent" if silent else "taken")
        return call

    # What arrives.

    def _moving(self) -> list[tuple[Wire, Flow]]:
        moving = []
        for wire in self.wires:
            if not wire.is_dead:
                moving += [(wire, flow) for flow in (wire.up, wire.down) if flow.is_moving]
        return moving

    @property
    def has_work(self) -> bool:
        """Tell whether something is on its way."""
        for wire in self.wires:  # noqa: SIM110 - asked for in each step, where a generator costs twice as much.
            if not wire.is_dead and (wire.up.is_moving or wire.down.is_moving):
                return True
        return False

    def deliver(self) -> None:
        """Let something arrive that is on its way."""
        wire, flow = self.chance.pick(self._moving())
        amount = self.chance.piece(len(flow.waiting)) if flow.waiting else 0
        for bound in (wire.reset_after, wire.dies_after, wire.cut_after):
            if bound is not None:
                amount = min(amount, max(0, bound - wire.octets))
        flow.deliver(amount)
        self._steps += 1
        if flow.end_arrived and flow.ended_at is None:
            flow.ended_at = self._steps
        self.chance.note("arrives", wire.name, "up" if flow is wire.up else "down", amount)
        self._strike(wire)
        receiver = wire.server if flow is wire.up else wire.client
        if receiver.is_closed and flow.arrived:
            # To nobody: the system of the receiver answers with a reset.
            flow.arrived.clear()
            wire.reset(receiver.peer)
        self.wires = [one for one in self.wires if not one.is_over]

    def _strike(self, wire: Wire) -> None:
        if wire.reset_after is not None and wire.octets >= wire.reset_after:
            wire.reset_after = None
            self.chance.note("RESET", wire.name)
            wire.reset(wire.client, wire.server)
        if wire.dies_after is not None and wire.octets >= wire.dies_after:
            wire.dies_after = None
            self.chance.note("DEAD", wire.name)
            wire.is_dead = True
        if wire.cut_after is not None and wire.octets >= wire.cut_after:
            wire.cut_after = None
            self.chance.note("CUT", wire.name)
            wire.cut()
