# -*- test-case-name: tests.test_testing -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What users need to test their own backends: contract suites, and a dialogue driver without sockets.
"""
