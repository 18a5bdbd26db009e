# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.data.stream: how transfers under TLS end, whole and broken ones.
"""

from __future__ import annotations

import errno

from twisted.internet.defer import CancelledError, Deferred

from ftpserver.data.stream import MAXIMUM_UNREAD, READS_AT_END
from ftpserver.errors import DataConnectionLost, DataConnectionUnclosed, StorageFull

from .data_doubles import PlainFile, drained, failure
from .secure_data import FailingLayer, protection
from .test_data_stream import CONTENT, SecureTestCase
from .tls_client import VERSIONS


class UploadEndTests(SecureTestCase):
    """How an upload ends."""

    def setUp(self) -> None:
        """Count the ends without close_notify that were taken for ends."""
        super().setUp()
        self.unclosed: list[bool] = []

    def upload(self, content: bytes, *, require_close_notify: bool = True) -> tuple[PlainFile, Deferred[None]]:
        """Begin an upload, and send *content* without an end."""
        self.secure(
            protection(require_close_notify=require_close_notify, on_unclosed=lambda: self.unclosed.append(True))
        )
        file = PlainFile()
        outcome = self.receiving(file)
        self.client.say(content)
        self.until(lambda: self.subject.meter.bytes_moved == len(content))
        return file, outcome

    def test_without_close_notify(self) -> None:
        """An upload whose connection just ends may have been cut: it has failed, also where it has no octet."""
        for version in VERSIONS:
            for content in (b"", b"hello"):
                self.connect(version=version)
                _, outcome = self.upload(content)
                self.client.close_output()
                self.until(lambda done=outcome: done.called, lambda: None)  # type: ignore[misc]  # a lambda's default
                error = self.failureResultOf(outcome, DataConnectionLost)
                self.assertIn("close_notify", error.getErrorMessage())
        self.assertEqual(self.unclosed, [])

    def test_without_close_notify_where_that_is_allowed(self) -> None:
        """Where the configuration says so the end of the connection is that of the file, and is noted once."""
        for content in (b"", b"hello"):
            self.connect()
            file, outcome = self.upload(content, require_close_notify=False)
            self.client.close_output()
            self.finish(outcome)
            self.assertIsNone(self.successResultOf(outcome))
            self.assertEqual((file.content, self.unclosed), (content, [True]))
            self.assertTrue(self.client.has_ended)
            self.unclosed.clear()

    def test_records_that_come_octet_by_octet(self) -> None:
        """However a record comes, its end is known, and a connection that ends there has ended well."""
        for amount, ends_well in ((3, False), (5, False), (6, False), (None, True)):
            self.connect()
            file, outcome = self.upload(b"hello", require_close_notify=False)
            self.client.say(b" world")
            for _ in range(amount or 8):
                self.client.write(1)
                self.reactor.turn()
            if amount is None:
                self.client.write()
            self.client.close_output()
            self.until(lambda done=outcome: done.called, lambda: None)  # type: ignore[misc]  # a lambda's default
            if ends_well:
                self.assertIsNone(self.successResultOf(outcome))
                self.assertEqual(file.content, b"hello world")
            else:
                self.failureResultOf(outcome, DataConnectionUnclosed)

    def test_a_reset_where_no_close_notify_is_needed(self) -> None:
        """A reset is no end of a file, whatever the configuration says."""
        _, outcome = self.upload(b"hello", require_close_notify=False)
        self.system.faults["receive_into"].append(failure(errno.ECONNRESET))
        self.client.close_output()
        self.until(lambda: outcome.called, lambda: None)
        self.failureResultOf(outcome, DataConnectionLost)
        self.assertEqual(self.unclosed, [])

    def test_a_cut_within_a_record(self) -> None:
        """What came of a record that is not whole is no part of the file."""
        file, outcome = self.upload(b"hello")
        self.client.say(b" world")
        self.client.write(12)
        self.client.close_output()
        self.until(lambda: outcome.called, lambda: None)
        self.failureResultOf(outcome, DataConnectionLost)
        self.assertEqual(file.content, b"hello")

    def test_a_reset_after_close_notify(self) -> None:
        """After close_notify nothing can happen to the file, and nothing more is read."""
        file, outcome = self.upload(b"hello")
        self.client.end()
        self.client.write()
        self.system.faults["receive_into"].extend([None, failure(errno.ECONNRESET)])
        self.system.faults["send"].append(failure(errno.EPIPE))
        self.until(lambda: outcome.called, lambda: None)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual((file.content, len(self.system.faults["receive_into"])), (b"hello", 1))

    def test_what_comes_after_close_notify(self) -> None:
        """Octets behind the end are no part of the file."""
        file, outcome = self.upload(b"hello")
        self.client.end()
        self.client.write()
        self.theirs.send(b"nobody asked")
        self.until(lambda: outcome.called, lambda: None)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(file.content, b"hello")

    def test_a_client_that_does_not_read_the_end(self) -> None:
        """A client that reads nothing does not hold up the end of its upload."""
        file, outcome = self.upload(b"hello")
        self.client.end()
        self.client.write()
        self.system.faults["send"].append(BlockingIOError())
        self.until(lambda: outcome.called, lambda: None)
        self.assertIsNone(self.successResultOf(outcome))
        self.assertEqual(file.content, b"hello")

    def test_a_reset_at_any_point(self) -> None:
        """Wherever the connection breaks before the end, the upload has failed and what came before is there."""
        for version in VERSIONS:
            for number in range(5):
                self.connect(version=version)
                self.secure()
                file = PlainFile()
                outcome = self.receiving(file)
                self.system.faults["receive_into"].extend([1000] * number + [failure(errno.ECONNRESET)])
                self.say(CONTENT[:100_000])
                self.until(lambda done=outcome: done.called)  # type: ignore[misc]  # a lambda's default
                self.failureResultOf(outcome, DataConnectionLost)
                self.assertTrue(CONTENT.startswith(file.content))

    def test_octets_that_were_changed(self) -> None:
        """A record that somebody changed ends the upload, and the client is sent the alert."""
        for version in VERSIONS:
            self.connect(version=version)
            file, outcome = self.upload(b"hello")
            drained(self.theirs)
            self.theirs.send(b"\x17\x03\x03\x00\x20" + bytes(32))
            self.until(lambda done=outcome: done.called, lambda: None)  # type: ignore[misc]  # a lambda's default
            self.failureResultOf(outcome, DataConnectionLost)
            self.assertEqual(file.content, b"hello")
            self.assertGreater(len(drained(self.theirs)), 0)

    def test_a_full_store(self) -> None:
        """When the store fails the client is not told by TLS that all is well."""
        self.secure()
        file = PlainFile()
        file.error = StorageFull()
        outcome = self.receiving(file)
        self.say(b"hello")
        self.until(lambda: outcome.called)
        self.failureResultOf(outcome, StorageFull)
        self.subject.close()
        self.until(lambda: self.client.is_cut, self.client.read)
        self.assertFalse(self.client.has_ended)


class AnswerTests(SecureTestCase):
    """What TLS itself has to say while a client sends."""

    def setUp(self) -> None:
        """Make a layer that answers on demand."""
        super().setUp()
        self.layer = FailingLayer()
        self.secure(protection(lambda: self.layer))
        self.outcome = self.receiving(PlainFile())

    def hear(self, answer: bytes) -> None:
        """Let the client say something to which this is the answer."""
        self.layer.answer = answer
        self.client.say(b"x")
        self.client.write()
        self.reactor.next_ready()

    def give_up(self) -> None:
        """End the upload."""
        self.outcome.cancel()
        self.failureResultOf(self.outcome, CancelledError)

    def test_an_answer(self) -> None:
        """What TLS answers goes out at once, behind what was kept before."""
        self.hear(b"the answer")
        self.assertTrue(drained(self.theirs).endswith(b"the answer"))
        self.give_up()

    def test_an_answer_that_has_to_wait(self) -> None:
        """What the socket does not take is kept in order, and holds nothing up."""
        self.system.faults["send"].extend([BlockingIOError(), None])
        self.hear(b"one")
        self.assertEqual(drained(self.theirs), b"")
        self.hear(b"two")
        self.assertTrue(drained(self.theirs).endswith(b"onetwo"))
        self.give_up()

    def test_a_client_that_makes_answers_and_reads_none(self) -> None:
        """A client cannot fill the memory with answers that it does not read."""
        self.system.faults["send"].append(BlockingIOError())
        self.hear(bytes(MAXIMUM_UNREAD + 1))
        self.failureResultOf(self.outcome, DataConnectionLost)
        self.layer.answer = b""


class DownloadEndTests(SecureTestCase):
    """How a download ends."""

    def test_a_reset_at_any_point_of_the_data(self) -> None:
        """As long as a part of the file has yet to go out, a connection that breaks is a failure."""
        for version in VERSIONS:
            for number in range(4):
                self.connect(version=version)
                self.secure()
                before = self.system.calls["send"]
                self.system.faults["send"].extend([100] * number + [failure(errno.ECONNRESET)])
                outcome = self.sending(PlainFile(CONTENT[:100_000]))
                self.until(lambda done=outcome: done.called, lambda: None)  # type: ignore[misc]  # a lambda's default
                self.failureResultOf(outcome, DataConnectionLost)
                self.assertEqual(self.system.calls["send"] - before, number + 1)

    def test_a_client_that_closes_in_the_middle(self) -> None:
        """A client that closes before it has got everything costs a failure."""
        self.secure()
        outcome = self.sending(PlainFile(CONTENT))
        self.client.read(1000)
        self.theirs.close()
        self.until(lambda: outcome.called, lambda: None)
        self.failureResultOf(outcome, DataConnectionLost)

    def test_a_client_that_does_not_wait_for_the_end(self) -> None:
        """A client that knows the length and closes after the last octet has got the file."""
        for name, number in (
            ("send", errno.EPIPE),
            ("send", errno.ECONNRESET),
            ("end_output", errno.ENOTCONN),
            ("receive_into", errno.ECONNRESET),
        ):
            self.connect(version=VERSIONS[0])
            self.secure()
            data_goes_first = [None] if name == "send" else []
            self.system.faults[name].extend([*data_goes_first, failure(number)])
            outcome = self.sending(PlainFile(b"hello"))
            self.until(lambda: self.client.heard == b"hello")
            self.assertIsNone(self.successResultOf(outcome), f"{name}: {number}")
            self.assertFalse(self.system.faults[name], name)

    def test_a_client_that_really_does_not_wait(self) -> None:
        """A client that closes with close_notify on its way has got the file."""
        self.secure()
        self.system.faults["send"].extend([None, None, BlockingIOError()])
        outcome = self.sending(PlainFile(b"hello"))
        self.assertNoResult(outcome)
        self.client.read()
        self.assertEqual(self.client.heard, b"hello")
        self.theirs.close()
        self.reactor.next_ready()
        self.assertIsNone(self.successResultOf(outcome))

    def test_other_errors_at_the_end(self) -> None:
        """A network that fails at the end is no client that has closed."""
        for name in ("end_output", "receive_into"):
            self.connect()
            self.secure()
            self.system.faults[name].append(failure(errno.ETIMEDOUT))
            self.failureResultOf(self.sending(PlainFile(b"hello")), DataConnectionLost)

    def test_a_client_that_has_ended_as_well(self) -> None:
        """A client may say close_notify, or end its direction, before it has got anything."""
        for version in VERSIONS:
            for is_polite in (True, False):
                self.connect(version=version)
                self.secure()
                if is_polite:
                    self.client.end()
                    self.client.write()
                self.client.close_output()
                outcome = self.sending(PlainFile(b"hello"))
                self.assertIsNone(self.successResultOf(outcome))
                self.subject.close()
                self.assertGreater(len(drained(self.theirs)), len(b"hello"))

    def test_a_client_that_sends_without_end(self) -> None:
        """A flood from the client is read for a moment only."""
        self.secure()
        self.theirs.send(b"x" * READS_AT_END * 2)
        self.system.faults["receive_into"].extend([1] * READS_AT_END * 2)
        before = self.system.calls["receive_into"]
        self.assertIsNone(self.successResultOf(self.sending(PlainFile(b"hello"))))
        self.assertEqual(self.system.calls["receive_into"] - before, READS_AT_END)

    def test_a_download_that_is_given_up(self) -> None:
        """The client of a download that was given up can tell it from a whole one."""
        self.secure()
        outcome = self.sending(PlainFile(CONTENT))
        self.client.read(100_000)
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)
        self.subject.close()
        self.until(lambda: self.client.is_cut, self.client.read)
        self.assertFalse(self.client.has_ended)
        self.assertTrue(CONTENT.startswith(self.client.heard))

    def test_an_end_that_is_given_up(self) -> None:
        """While close_notify waits for the client the transfer can be given up."""
        self.secure()
        self.system.faults["send"].extend([None, None, BlockingIOError()])
        outcome = self.sending(PlainFile(b"hello"))
        self.assertIsNotNone(self.subject.meter.waiting_since)
        outcome.cancel()
        self.failureResultOf(outcome, CancelledError)

    def test_a_failing_store(self) -> None:
        """What the store raises ends the transfer as it is, without close_notify."""
        self.secure()
        file = PlainFile()
        file.error = StorageFull()
        self.failureResultOf(self.sending(file), StorageFull)
        self.subject.close()
        self.until(lambda: self.client.is_cut, self.client.read)
        self.assertFalse(self.client.has_ended)

    def test_a_layer_that_fails(self) -> None:
        """When TLS cannot go on the transfer has failed."""
        layer = FailingLayer()
        self.secure(protection(lambda: layer))
        layer.fails = True
        self.failureResultOf(self.sending(PlainFile(b"hello")), DataConnectionLost)
