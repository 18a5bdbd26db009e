# -*- test-case-name: tests.test_plugin -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
How twistd and twist find the server.

There is no ``__init__.py`` beside this file, nor above it: with one, this folder would hide the real ``twisted``.
"""

from __future__ import annotations

from twisted.application.service import ServiceMaker

ftpserver = ServiceMaker("ftpserver", "ftpserver.tap", "A complete FTP server", "ftpserver")
