# -*- test-case-name: tests.test_data_stream -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What a data connection under TLS needs to know of its session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..tls.layer import TLSLayer

__all__ = ["DataProtection"]


@dataclass(frozen=True, slots=True)
class DataProtection:
    """
    The TLS of one data connection; without it data goes in clear.

    :ivar make_layer: makes the server's end of TLS for one connection.
    :ivar check: is told the layer once its handshake is done; raises
        :class:`~ftpserver.errors.DataNotBound` for a client that is not the one of the control connection.
    :ivar require_close_notify: whether an upload that ends without close_notify has failed: somebody may have cut it.
    :ivar on_unclosed: called where it is taken for whole all the same.
    :ivar needs_tickets: whether clients must continue a session, so that those which use each ticket of TLS 1.3 once
        need a fresh one with each connection.
    """

    make_layer: Callable[[], TLSLayer]
    check: Callable[[TLSLayer], None]
    require_close_notify: bool
    on_unclosed: Callable[[], None]
    needs_tickets: bool = False
