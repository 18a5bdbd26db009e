# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Properties: what must hold whatever comes, searched for with Hypothesis.

The laws themselves are in :mod:`fuzzing.laws`, where the fuzzers use them, too.
"""

from __future__ import annotations

from hypothesis import settings

__all__ = ["fewer"]


def fewer(share: int, steps: int = 50) -> settings:
    """
    Return settings for an example that is as dear as half of *share* others, in whatever profile.

    :param steps: of a machine in one example.
    """
    profile = settings.get_profile(settings.get_current_profile_name())
    return settings(max_examples=max(10, profile.max_examples // (2 * share)), stateful_step_count=steps)
