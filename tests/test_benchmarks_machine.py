# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what the benchmark knows of its machine.
"""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.machine import Unsuitable, check, choose_processors, describe, processor_name, siblings


class DescriptionTests(SynchronousTestCase):
    """Where figures come from."""

    def test_the_model_of_the_processor_is_named(self) -> None:
        """It is the one that the kernel tells."""
        self.assertEqual(processor_name("processor\t: 0\nmodel name\t: Fast: One\n"), "Fast: One")

    def test_without_a_model_the_architecture_is_named(self) -> None:
        """Some kernels tell none."""
        self.assertEqual(processor_name("processor : 0\n"), os.uname().machine)

    def test_everything_is_told(self) -> None:
        """Date, processor, kernel and versions are in the sentence."""
        machine = describe()
        for word in (machine.date, machine.processor, machine.kernel, machine.twisted, machine.openssl):
            self.assertTrue(word)
            self.assertIn(word, machine.sentence)


class SuitabilityTests(SynchronousTestCase):
    """Where the benchmark runs."""

    def test_it_is_for_linux(self) -> None:
        """Elsewhere it says why not."""
        self.assertRaisesRegex(Unsuitable, "only Linux", check, "darwin")

    def test_two_processors_are_needed(self) -> None:
        """On one, server and load would take time from each other."""
        self.patch(os, "sched_getaffinity", lambda _pid: {3})
        self.assertRaisesRegex(Unsuitable, "two processors", check, "linux")
        self.patch(os, "sched_getaffinity", lambda _pid: {3, 4})
        check("linux")


class ProcessorTests(SynchronousTestCase):
    """Which processors are used."""

    def test_two_cores_are_taken_where_there_are_two(self) -> None:
        """Two threads of one core would slow each other down."""
        pair, other = frozenset({0, 3}), frozenset({1, 2})
        threads = {0: pair, 1: other, 2: other, 3: pair}
        self.assertEqual(choose_processors({0, 1, 2, 3}, threads), (0, 2))

    def test_one_core_has_to_do(self) -> None:
        """Two threads of one core are better than nothing."""
        pair = frozenset({4, 5})
        self.assertEqual(choose_processors({4, 5}, {4: pair, 5: pair}), (4, 5))

    def test_a_processor_is_a_thread_of_its_own_core(self) -> None:
        """Also where the kernel tells nothing."""
        first = min(os.sched_getaffinity(0))
        self.assertIn(first, siblings(first))
        self.assertEqual(siblings(99999), {99999})
