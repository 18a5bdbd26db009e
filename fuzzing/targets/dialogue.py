# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Whole dialogues; see :mod:`fuzzing.laws.dialogue` for how they are written.
"""

from __future__ import annotations

from ..laws.dialogue import check_dialogue as check

__all__ = ["check"]
