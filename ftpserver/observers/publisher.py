# -*- test-case-name: tests.test_publisher -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Telling every observer of an event, whatever the others do with it.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.logger import Logger

from ..core.events import Event
from ..interfaces import IObserver

__all__ = ["Publisher"]


class Publisher:
    """
    The observers of one server.

    :param observers: called in this order.
    """

    log = Logger()

    def __init__(self, observers: Iterable[IObserver] = ()) -> None:
        self._observers = list(observers)

    def add(self, observer: IObserver) -> None:
        """Tell *observer*, too, from now on."""
        self._observers.append(observer)

    @property
    def is_heard(self) -> bool:
        """Tell whether anybody hears what is published."""
        return bool(self._observers)

    def publish(self, event: Event) -> None:
        """Tell every observer; an exception of one is logged and disturbs nobody."""
        for observer in tuple(self._observers):
            try:
                observer(event)
            except Exception:  # noqa: BLE001 - an observer is foreign code, and the session must not suffer from it
                self.log.failure("an observer failed on {event}", event=type(event).__name__)
