# -*- test-case-name: tests.integration.test_benchmarks -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Work in a process of its own: what makes the load must not share an interpreter with anything else.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from .supervisor import PR_SET_PDEATHSIG, set_process_option

__all__ = ["Apart", "LoadFailed"]

Result = TypeVar("Result")

_CONTEXT = multiprocessing.get_context("fork")


class LoadFailed(Exception):
    """What a process of its own was to do has failed; the text says how."""


class Apart(Generic[Result]):
    """
    A call in a child process, which begins at once.

    :param function: what to call; its result goes through a pipe.
    :param processor: where to run it; by default where the caller does.
    """

    def __init__(self, function: Callable[[], Result], processor: int | None = None) -> None:
        self._pipe, theirs = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_call, args=(theirs, function, processor, os.getpid()))
        self._process.start()
        theirs.close()

    @property
    def is_running(self) -> bool:
        """Tell whether the result is still to come."""
        return not self._pipe.poll()

    def result(self, timeout: float) -> Result:
        """
        Wait for the result.

        :raises LoadFailed: if the call raised, or takes longer than *timeout* seconds.
        """
        try:
            if not self._pipe.poll(timeout):
                raise LoadFailed(f"no end after {timeout:g} seconds")
            value: Any = self._pipe.recv()
        except EOFError:
            raise LoadFailed("the process that makes the load has died") from None
        finally:
            self.stop()
        if isinstance(value, LoadFailed):
            raise value
        result: Result = value
        return result

    def stop(self) -> None:
        """End the process if it still runs."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _call(pipe: Connection, function: Callable[[], object], processor: int | None, parent: int) -> None:
    set_process_option(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if os.getppid() != parent:
        return
    if processor is not None:
        os.sched_setaffinity(0, {processor})
    try:
        value: object = function()
    except Exception as error:  # noqa: BLE001 (whatever it is, the one who waits for the result raises it)
        value = error if isinstance(error, LoadFailed) else LoadFailed(f"{type(error).__name__}: {error}")
    pipe.send(value)
