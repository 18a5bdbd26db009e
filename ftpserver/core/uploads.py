# -*- test-case-name: tests.test_uploads -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What becomes of an upload: when its name appears, what is left of a cut one, when it is safe on the disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["UploadPolicy"]


@dataclass(frozen=True, slots=True)
class UploadPolicy:
    """
    How a store treats uploads.

    :ivar atomic: a new name appears, and an old file is replaced, only when the upload is whole. REST with STOR and
        APPE write in place anyway.
    :ivar partial: what is left of a cut upload to a new name: ``keep`` it under the name, so that REST and APPE resume
        it, or ``remove`` it. An old file is never replaced by a part.
    :ivar fsync: what is forced to the disk before 226: ``never`` anything, the ``file``, or the file and its
        ``directory``.
    """

    atomic: bool = True
    partial: Literal["keep", "remove"] = "keep"
    fsync: Literal["never", "file", "directory"] = "never"
