# -*- test-case-name: tests.test_command_line -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
``python -m ftpserver``: the same as the command ``ftpserver``.
"""

from __future__ import annotations

import sys

from .command_line import main

sys.exit(main())
