# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of the ends of transfers in ftpserver.data.channel: aborts, failures, stalls.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncGenerator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from ftpserver.errors import (
    CannotOpenDataConnection,
    DataConnectionLost,
    DataConnectionStalled,
    StorageFull,
    TransferAborted,
)

from .data_doubles import PlainFile, drained, failure
from .test_data_channel import HOST, ChannelTestCase


class AbortTests(ChannelTestCase):
    """Transfers that are ended, at every point."""

    def test_while_nobody_has_come(self) -> None:
        """ABOR while the client is waited for ends the transfer and gives the port back."""
        self.subject.listen()
        outcome = self.receiving(PlainFile())
        self.subject.abort(TransferAborted())
        self.assert_failed(outcome, TransferAborted)

    def test_while_the_call_rings(self) -> None:
        """ABOR while the client is called leaves no socket."""
        _, port = self.listener()
        self.subject.connect_to(HOST, port)
        outcome = self.receiving(PlainFile())
        self.subject.abort(TransferAborted())
        self.assert_failed(outcome, TransferAborted)

    def test_within_the_mark(self) -> None:
        """A session that ends while its mark is written takes the transfer along, with or without the client there."""
        for is_there in (True, False):
            port = self.subject.listen()
            if is_there:
                self.call(port)
            outcome = Deferred.fromCoroutine(self.subject.receive(PlainFile(), mark=self.subject.close))
            self.assert_failed(outcome, TransferAborted)

    def test_while_the_client_is_waited_for(self) -> None:
        """ABOR while the client sends nothing, or reads nothing, ends the transfer at once."""
        self.connected()
        outcome = self.receiving(PlainFile())
        self.subject.abort(TransferAborted())
        self.assert_failed(outcome, TransferAborted)
        self.connected()
        outcome = self.sending(PlainFile(bytes(50_000_000)))
        self.subject.abort(TransferAborted())
        self.assert_failed(outcome, TransferAborted)

    def test_while_the_store_is_waited_for(self) -> None:
        """ABOR while the store answers cancels the call to it."""
        for awaits_deferred in (False, True):
            cancelled: list[Deferred[None]] = []
            file = WaitingFile(Deferred(cancelled.append), awaits_deferred=awaits_deferred)
            self.connected()
            outcome = self.sending(file)
            self.subject.abort(TransferAborted())
            self.assert_failed(outcome, TransferAborted)
            self.assertEqual(len(cancelled), 1)

    def test_while_a_listing_waits(self) -> None:
        """ABOR during a listing closes its generator."""
        closed: list[bool] = []

        async def batches() -> AsyncGenerator[bytes, None]:
            try:
                yield b"a"
                await Deferred()
            finally:
                closed.append(True)

        self.connected()
        outcome = Deferred.fromCoroutine(self.subject.send_batches(batches(), mark=self.mark))
        self.assertEqual(closed, [])
        self.subject.abort(TransferAborted())
        self.assert_failed(outcome, TransferAborted)
        self.assertEqual(closed, [True])

    def test_the_first_reason_counts(self) -> None:
        """What ends a transfer first is what the client is told."""
        self.connected()
        outcome = self.receiving(PlainFile())
        self.subject.abort(DataConnectionStalled())
        self.subject.abort(TransferAborted())
        self.assert_failed(outcome, DataConnectionStalled)

    def test_nothing_to_abort(self) -> None:
        """Without a transfer there is nothing to abort, and the next one is not touched."""
        self.subject.abort(TransferAborted())
        caller = self.connected()
        self.subject.abort(TransferAborted())
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
        self.assertEqual(drained(caller), b"x")
        self.subject.abort(TransferAborted())
        self.assertEqual(self.subject.bytes_moved, 1)

    def test_the_next_transfer_after_an_abort(self) -> None:
        """After an abort the session transfers again."""
        self.connected()
        outcome = self.receiving(PlainFile())
        self.subject.abort(TransferAborted())
        self.assert_failed(outcome, TransferAborted)
        caller = self.connected()
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
        self.assertEqual((drained(caller), self.subject.bytes_moved), (b"x", 1))

    def test_a_cancelled_command(self) -> None:
        """A command that is cancelled from outside ends its transfer in order."""
        self.connected()
        outcome = self.receiving(PlainFile())
        outcome.cancel()
        self.assert_failed(outcome, TransferAborted)

    def test_the_end_of_the_session(self) -> None:
        """The end of the session closes what was agreed and what runs."""
        port = self.subject.listen()
        self.subject.close()
        self.assertRaises(ConnectionRefusedError, self.call, port)
        self.connected()
        outcome = self.receiving(PlainFile())
        self.subject.close()
        self.assert_failed(outcome, TransferAborted)


class WaitingFile(PlainFile):
    """A file whose reads wait for one Deferred."""

    def __init__(self, waiting: Deferred[None], *, awaits_deferred: bool) -> None:
        super().__init__()
        self._waiting = waiting
        self._awaits_deferred = awaits_deferred

    def read(self, amount: int) -> Any:
        """See IFile; a Deferred is as good as a coroutine."""
        return self._waiting if self._awaits_deferred else self._wait()

    async def _wait(self) -> bytes:
        await self._waiting
        return b""


class FailureTests(ChannelTestCase):
    """Transfers that fail."""

    def test_a_reset(self) -> None:
        """A reset of the data connection is told from its end."""
        caller, file = self.connected(), PlainFile()
        outcome = self.receiving(file)
        caller.sendall(b"half")
        self.reactor.next_ready()
        reset(caller)
        self.reactor.next_ready()
        self.assert_failed(outcome, DataConnectionLost)
        self.assertEqual((file.content, self.subject.bytes_moved), (b"half", 4))

    def test_a_full_store(self) -> None:
        """What the store raises is what the client is told, and the client's connection is closed."""
        caller, file = self.connected(), PlainFile()
        file.error = StorageFull()
        caller.sendall(b"x")
        outcome = self.receiving(file)
        while not outcome.called:
            self.reactor.next_ready()
        self.assert_failed(outcome, StorageFull)

    def test_a_cancelled_call_of_the_store(self) -> None:
        """A call to the store that somebody else cancelled ends the transfer as aborted."""
        self.connected()
        file = PlainFile()
        file.error = CancelledError()
        self.assert_failed(self.sending(file), TransferAborted)

    def test_a_listing_that_fails(self) -> None:
        """A listing that fails on its way is no whole listing."""

        async def batches() -> AsyncGenerator[bytes, None]:
            yield b"a"
            raise StorageFull

        self.connected()
        outcome = Deferred.fromCoroutine(self.subject.send_batches(batches(), mark=self.mark))
        self.assert_failed(outcome, StorageFull)

    def test_out_of_descriptors(self) -> None:
        """When the server cannot accept the client, it is a 425."""
        self.connected()
        self.system.faults["accept"].append(failure(errno.EMFILE))
        self.assert_failed(self.sending(PlainFile(b"x")), CannotOpenDataConnection)


def reset(caller: socket.socket) -> None:
    """Close a connection with a reset."""
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    caller.close()


class StallTests(ChannelTestCase):
    """Clients that hold a transfer up."""

    def setUp(self) -> None:
        """Let a transfer stall for 10 seconds at most."""
        super().setUp()
        self.subject = self.channel(socket_timeout=10)

    def test_a_client_that_sends_nothing(self) -> None:
        """A client that sends nothing for the whole time ends its transfer with 426."""
        self.connected()
        outcome = self.receiving(PlainFile())
        self.reactor.advance(9.9)
        self.assertNoResult(outcome)
        self.reactor.advance(0.1)
        self.assert_failed(outcome, DataConnectionStalled)

    def test_a_client_that_reads_nothing(self) -> None:
        """A client that reads nothing for the whole time ends its transfer with 426."""
        self.connected()
        outcome = self.sending(PlainFile(bytes(50_000_000)))
        while not self.reactor.writers:
            self.reactor.turn()
        self.reactor.advance(10)
        self.assert_failed(outcome, DataConnectionStalled)

    def test_a_client_that_goes_on(self) -> None:
        """Each octet gives a client the whole time again."""
        caller = self.connected()
        outcome = self.receiving(PlainFile())
        for _ in range(5):
            self.reactor.advance(9)
            caller.sendall(b"x")
            self.reactor.next_ready()
        self.assertNoResult(outcome)
        self.reactor.advance(9.9)
        self.assertNoResult(outcome)
        self.reactor.advance(0.1)
        self.assert_failed(outcome, DataConnectionStalled)

    def test_a_slow_store(self) -> None:
        """The time that the store takes is not the client's fault."""
        caller, file = self.connected(), PlainFile(b"x")
        file.holding = Deferred()
        outcome = self.sending(file)
        for _ in range(100):
            self.reactor.advance(1)
        self.assertNoResult(outcome)
        holding, file.holding = file.holding, None
        holding.callback(None)
        self.reactor.turn()
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(drained(caller), b"x")

    def test_a_transfer_that_ends_in_time(self) -> None:
        """After a transfer no timer is left."""
        self.connected()
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"x"))))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
