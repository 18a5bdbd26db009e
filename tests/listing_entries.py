# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Entries of any kind for the tests of listings, and lines of them written in the plainest way.
"""

from __future__ import annotations

import math
import stat
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from ftpserver.core.replies import encode_name
from ftpserver.core.status import Entry, FileStatus, Status

__all__ = ["can_stand", "entries", "moment_of", "written"]

_KINDS = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK, 0)

_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_THE_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Times as file systems have them: of this century mostly, some before 1970, some that no calendar has.
_MOMENTS = (
    st.floats(1.6e9, 1.8e9)
    | st.integers(1_600_000_000, 1_800_000_000)
    | st.floats(-1e11, 3e11)
    | st.sampled_from([0, -1, -0.5, 0.999999999, 1e18, -1e18])
)

_NAMES = st.text(min_size=1, max_size=8) | st.text("ab%s\r\n\0\udce9é€", min_size=1, max_size=8)


def _status() -> st.SearchStrategy[Status]:
    small, large = st.integers(0, 3), st.integers(0, 2**64 - 1)
    return st.builds(
        Status,
        st.builds(lambda kind, bits: kind | bits, st.sampled_from(_KINDS), st.sampled_from([0o644, 0o755, 0o1777, 0])),
        st_size=small | large,
        st_mtime=_MOMENTS,
        st_ino=small | large,
        st_dev=small | large,
        st_nlink=st.integers(1, 3) | large,
        st_uid=small | st.integers(0, 2**32 - 1),
        st_gid=small | st.integers(0, 2**32 - 1),
    )


def entries() -> st.SearchStrategy[list[Entry]]:
    """Return a strategy for batches of entries."""
    return st.lists(st.tuples(_NAMES, _status()), max_size=20)


def moment_of(status: FileStatus) -> datetime:
    """Return the time of the last change, in whole seconds and within the calendar."""
    try:
        return min(max(_EPOCH + timedelta(seconds=math.floor(status.st_mtime)), _LONG_AGO), _THE_END)
    except OverflowError:
        return _LONG_AGO if status.st_mtime < 0 else _THE_END


def written(lines: list[str], encoding: str) -> bytes:
    """Return *lines* as they go to the client."""
    return b"".join(encode_name(line, encoding) + b"\r\n" for line in lines)


def can_stand(name: str) -> bool:
    """Tell whether *name* can stand in a line."""
    return not set(name) & set("\r\n\0")
