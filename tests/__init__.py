# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.

The tests that search for counter-examples try few and always the same ones; ``HYPOTHESIS_PROFILE=hunt`` makes them
search long, and anew each time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow]

# Without deadlines: how long something takes never makes a test fail.
settings.register_profile(
    "default", derandomize=True, max_examples=100, deadline=None, database=None, suppress_health_check=_SLOW
)
settings.register_profile("hunt", max_examples=20_000, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
