# -*- test-case-name: tests.test_benchmarks_cases -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Large files, many at a time, and small ones.
"""

from __future__ import annotations

import os
import selectors
import socket

from ..amounts import GIB
from ..client import Session, drain, pour, receive
from ..results import Measured
from .base import Case, Incomplete, Task

__all__ = ["CASES"]


def _size(task: Task) -> int:
    return task.amounts.size if task.door.security == "off" else task.amounts.tls_size


def _take(session: Session, name: str, size: int) -> None:
    data = session.begin(f"RETR {name}")
    came = drain(data, size)
    session.finish(data)
    if came < size:
        raise Incomplete(f"{came} of {size} bytes came")


def _download(task: Task) -> Measured:
    size = _size(task)
    name, session, meter = task.site.file(size), task.session(), task.meter()
    with meter.running():
        _take(session, name, size)
    return meter.per(size / GIB)


def _upload(task: Task) -> Measured:
    size = _size(task)
    session, meter = task.session(), task.meter()
    file = os.open(task.site.root / task.site.file(size), os.O_RDONLY)
    try:
        with meter.running():
            data = session.begin("STOR up/large")
            pour(data, file, size)
            session.finish(data)
    finally:
        os.close(file)
    stored = (task.site.uploads / "large").stat().st_size
    if stored != size:
        raise Incomplete(f"{stored} of {size} bytes were stored")
    return meter.per(size / GIB)


def _parallel(task: Task) -> Measured:
    count, size = task.amounts.parallel, task.amounts.parallel_size
    name, meter = task.site.file(size), task.meter()
    sessions = [task.session() for _ in range(count)]
    with meter.running():
        came = _take_all(sessions, name)
    if came < count * size:
        raise Incomplete(f"{came} of {count * size} bytes came")
    return meter.per(count * size / GIB)


def _take_all(sessions: list[Session], name: str) -> int:
    """Download a file in every session at once; returns the bytes that came."""
    total = 0
    with selectors.EpollSelector() as selector:
        for session in sessions:
            selector.register(session.begin(f"RETR {name}"), selectors.EVENT_READ, session)
        while selector.get_map():
            for key, _ in selector.select():
                data = key.fileobj
                assert isinstance(data, socket.socket)
                count = receive(data)
                total += count
                if not count:
                    selector.unregister(data)
                    key.data.finish(data)
    return total


def _small_downloads(task: Task) -> Measured:
    count, size = task.amounts.files, task.amounts.small_size
    name, session, meter = task.site.file(size), task.session(), task.meter()
    with meter.running():
        for _ in range(count):
            _take(session, name, size)
    return meter.per(count / 1000)


def _small_uploads(task: Task) -> Measured:
    count, block = task.amounts.files, os.urandom(task.amounts.small_size)
    session, meter = task.session(), task.meter()
    with meter.running():
        for number in range(count):
            data = session.begin(f"STOR up/{number}")
            data.sendall(block)
            session.finish(data)
    stored = sum(entry.stat().st_size == len(block) for entry in os.scandir(task.site.uploads))
    if stored != count:
        raise Incomplete(f"{stored} of {count} files were stored")
    return meter.per(count / 1000)


CASES = (
    Case("download", "Download of a large file", "GiB", _download),
    Case("upload", "Upload of a large file", "GiB", _upload),
    Case("download_tls", "Download over TLS", "GiB", _download, variant="tls"),
    Case("upload_tls", "Upload over TLS", "GiB", _upload, variant="tls"),
    Case("parallel", "Many downloads at a time", "GiB", _parallel),
    Case("small_downloads", "Downloads of small files", "1,000 files", _small_downloads),
    Case("small_uploads", "Uploads of small files", "1,000 files", _small_uploads),
    Case("small_downloads_tls", "Small files over TLS", "1,000 files", _small_downloads, variant="tls"),
)
