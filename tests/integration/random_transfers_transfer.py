# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
One transfer of :mod:`.random_transfers`, from REST and the data port to its last reply.
"""

from __future__ import annotations

import random
import re
import select

from .client import Reply
from .random_transfers_client import PATIENCE, Control, Link, Listener
from .random_transfers_plan import Ending, Step

__all__ = ["Transfer"]

#: Telnet's IP and DM, before the ABOR of a client that follows the standard to the letter (RFC 959, section 4.1.3).
INTERRUPT, MARK = b"\xff\xf4\xff", b"\xf2"


class Transfer:
    """
    One transfer as the client sees it.

    :param data: what is sent, for an upload.
    :param expected: how many octets a download has.
    :ivar codes: of all replies, those of NOOP and STAT taken out; without the last ones if the session was ended.
    :ivar mark: the 1xx.
    :ivar last: the last reply.
    :ivar received: what a download has brought.
    :ivar limit: octets that an upload has sent at most.
    :ivar ended_in_order: whether the server has ended TLS in order.
    """

    def __init__(self, control: Control, step: Step, rng: random.Random, data: bytes, expected: int) -> None:
        self._control = control
        self._step = step
        self._rng = rng
        self._data = data
        self._asked = 0
        self._link: Link | None = None
        self._listener: Listener | None = None
        self.limit = len(data) if step.ending.is_whole else int(len(data) * step.cut)
        self._wanted = None if step.ending.is_whole else int(expected * step.cut)
        self.codes: list[int] = []
        self.mark: Reply | None = None
        self.last: Reply | None = None
        self.received = b""
        self.ended_in_order = False

    @property
    def name(self) -> str:
        """The name that the mark of STOU tells."""
        found = re.fullmatch(r"FILE: (\S+)", self.mark.text if self.mark is not None else "")
        assert found is not None, f"no name in {self.mark}"
        return found[1]

    def run(self) -> None:
        """Do everything."""
        try:
            self._run()
        finally:
            if self._link is not None:
                self._link.leave()
            if self._listener is not None:
                self._listener.close()

    def _run(self) -> None:
        self._agree()
        if self._step.ending is Ending.ABORTED_AT_ONCE:
            self._control.send(self._step.line, "ABOR")
            self._finish_replies()
            return
        self._control.send(self._step.line)
        if self._begin():
            if self._step.ending is Ending.LEFT:
                self._control.send("QUIT")
            if self._step.is_upload:
                self._upload()
            else:
                self._download()
        if self._step.ending is Ending.LEFT:
            self._hear_goodbye()
        elif not self._step.ending.ends_session:
            self._finish_replies()

    # The beginning.

    def _agree(self) -> None:
        """Agree the data port and the offset, in either order."""
        step, control = self._step, self._control
        if step.rest_first:
            self._restart()
        if step.is_passive:
            port = control.passive_port(step.mode)
            self._connect = lambda: Link.connect(port, control.source, step.receive_buffer)
            if step.connects_first:
                self._link = self._connect()
        else:
            self._listener = control.active(step.mode, step.receive_buffer)
            self._connect = self._listener.accept
        if not step.rest_first:
            self._restart()
        if self._says_hello_first:
            self._say_hello()
        elif self._link is not None and step.chats and not (step.is_upload or step.is_private):
            self._link.send(b"nobody reads this" * self._rng.randint(1, 100))

    def _restart(self) -> None:
        if self._step.offset is not None:
            self._control.command(f"REST {self._step.offset}", 350)

    @property
    def _says_hello_first(self) -> bool:
        step = self._step
        return self._link is not None and step.is_private and step.hello_first and step.refusal is None

    def _say_hello(self) -> None:
        assert self._link is not None
        self._link.begin_tls(self._control.data_end())

    def _begin(self) -> bool:
        """Wait for the mark and the connection; tell whether there are both."""
        if self._link is not None and self._link.tls is not None and not self._secure():
            return False
        if self.mark is None and not self._hear():
            return False
        if self._link is None:
            self._link = self._connect()
        if self._step.is_private and self._link.tls is None:
            self._say_hello()
            return self._secure()
        return True

    def _hear(self) -> bool:
        """Read a reply; tell whether the transfer goes on, or was done before the client was ready."""
        return self._take(self._control.reply())

    def _take(self, reply: Reply) -> bool:
        self.codes.append(reply.code)
        self.last = reply
        if reply.code < 200:
            self.mark = reply
        return reply.code < 400

    def _secure(self) -> bool:
        """Do the handshake; tell whether the transfer goes on, rather than being refused meanwhile."""
        link, control = self._open_link, self._control
        assert link.tls is not None
        while not link.tls.is_established:
            ready, _, _ = select.select([link.handle, control.link.handle], [], [], PATIENCE)
            assert ready, "the handshake of the data connection takes too long"
            if link.handle in ready:
                link.go_on()
            elif not self._hear():
                return False
        return True

    # The octets.

    @property
    def _open_link(self) -> Link:
        assert self._link is not None
        return self._link

    def _amount(self) -> int:
        return self._rng.randint(*self._step.piece)

    def _ask(self) -> None:
        """Ask something during an upload, at random; the answer comes before that of the transfer."""
        if self._rng.random() < self._step.asks:
            self._control.command(*self._rng.choice((("NOOP", 200), ("STAT", 211))))

    def _ask_behind(self) -> None:
        """Ask something during a download, at random; it may have ended meanwhile, and be answered before."""
        if self._rng.random() < self._step.asks:
            self._asked += 1
            self._control.send("NOOP")

    def _upload(self) -> None:
        try:
            self._send()
        except ConnectionError:
            # The reply tells why, if one comes; what is in the file is looked at.
            self._end_otherwise()
        else:
            self._end_upload()

    def _send(self) -> None:
        step, link, position = self._step, self._open_link, 0
        cuts_record = step.is_private and step.is_cut_in_record and step.ending is Ending.CLOSED
        while position < self.limit:
            piece = self._data[position : min(self.limit, position + self._amount())]
            position += len(piece)
            if cuts_record and position == self.limit:
                link.send_without_end(piece)
                return
            link.send(piece)
            self._ask()

    def _end_upload(self) -> None:
        step, link = self._step, self._open_link
        if step.ending.is_whole:
            link.say_end()
            self._close_or_half_close()
        elif step.ending is Ending.CLOSED:
            self._close_or_half_close()
        self._end_otherwise()

    def _close_or_half_close(self) -> None:
        if self._step.closes_fully:
            self._open_link.close()
            return
        self._open_link.half_close()
        if self._step.ending is not Ending.ABORTED_LATE:
            self._open_link.rest()

    def _download(self) -> None:
        step, link, pieces, amount = self._step, self._open_link, [], 0
        if step.ending.is_whole and step.closes_fully and not step.is_private:
            # Nothing more is sent anyway.
            link.half_close()
        while self._wanted is None or amount < self._wanted:
            piece = link.receive(self._amount())
            if not piece:
                break
            pieces.append(piece)
            amount += len(piece)
            self._ask_behind()
        self.received = b"".join(pieces)
        if step.ending is Ending.CLOSED:
            link.leave()
        self._end_otherwise()

    def _end_otherwise(self) -> None:
        """Do what ends a transfer in whatever direction."""
        step, link = self._step, self._open_link
        if step.ending is Ending.RESET:
            link.reset()
        elif step.ending is Ending.VANISHED:
            link.close()
            self._control.link.leave()
        elif step.ending in (Ending.CONTROL_CLOSED, Ending.CONTROL_RESET):
            self._leave_session()
        elif step.ending is Ending.ABORTED_URGENTLY:
            self._control.link.send(INTERRUPT)
            self._control.link.send_urgently(MARK)
            self._control.send("ABOR")
        elif step.ending.is_abort:
            self._control.send("ABOR")

    def _leave_session(self) -> None:
        """Let go of the control connection, and of the data connection with it or when the server does."""
        if self._step.ending is Ending.CONTROL_CLOSED:
            self._control.link.leave()
        else:
            self._control.link.reset()
        if not self._step.closes_fully:
            self._receive_rest()

    def _receive_rest(self) -> None:
        link = self._open_link
        if link.handle.fileno() >= 0:
            self.received += link.rest()
            self.ended_in_order = link.tls is not None and link.tls.has_ended

    # The replies.

    def _hear_goodbye(self) -> None:
        """Read the replies up to that to QUIT, behind which nothing comes."""
        while self.codes[-1] != 221:
            self._hear()
        assert self._control.link.rest() == b"", "something comes behind 221"
        self._receive_rest()

    def _finish_replies(self) -> None:
        """Read the replies up to the end of the transfer, and what the server had sent by then."""
        for reply in self._control.until_sync():
            self._take(reply)
        assert self.codes.count(200) == self._asked, f"{self._asked} NOOP, and then {self.codes}"
        self.codes = [code for code in self.codes if code != 200]
        if self._link is None and self._listener is not None and self.codes[:2] == [150, 226]:
            # It was sent before ABOR came.
            self._link = self._listener.accept()
        # The connection to a port that no transfer has taken stays open.
        if self._link is not None and self.codes[0] in (150, 426):
            self._receive_rest()
